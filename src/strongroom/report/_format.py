"""Numbers as people read them: units, intervals, and no more digits than they deserve."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from strongroom.report._metrics_kinds import Unit
from strongroom.report._read import finite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# A no-break space, so that a number never parts from its unit.
GAP = "\u00a0"
NOTHING = "–"

_KILO = 1000.0
_MINUTE = 60.0


def significant(value: float, digits: int = 3) -> str:
    """Return `value` with `digits` significant digits, no exponent for everyday sizes."""
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e7:  # noqa: PLR2004 - outside, an exponent reads better
        return scientific(value)
    if abs(value) >= _KILO:
        return count(value)
    return f"{value:.{digits}g}"


def scientific(value: float) -> str:
    """Return a tiny or huge number the way people type it: `1e-5`."""
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def count(value: float) -> str:
    """Return a whole number with thousands separated."""
    return f"{value:,.0f}"


def percent(share: float) -> str:
    """Return a share as percent; small ones keep two digits, and 99.97 % never becomes 100 %."""
    return f"{_percent_number(share)}{GAP}%"


def _percent_number(share: float) -> str:
    value = share * 100
    size = abs(value)
    if math.isclose(size, round(size), rel_tol=0, abs_tol=1e-8):
        # Whole percents are mostly limits and confidence levels, not measurements.
        return f"{value:.0f}"
    if size < 1:
        return significant(value, 2)
    digits = 1
    # Rounding must not turn "nearly all" into "all".
    while size < 100 and float(f"{size:.{digits}f}") == 100 and digits < 6:  # noqa: PLR2004
        digits += 1
    return f"{value:.{digits}f}"


def points(difference: float) -> str:
    """Return a difference of shares as percentage points."""
    return f"{abs(difference) * 100:.1f}{GAP}points"


def epsilon(value: float) -> str:
    """Return ε with two decimals; a tiny one keeps two significant digits."""
    return f"{value:.2f}" if value >= 0.1 or value <= 0 else significant(value, 2)  # noqa: PLR2004


def delta(value: float) -> str:
    """Return δ as `1e-5`."""
    return scientific(value) if value else "0"


def at_delta(value: float | None) -> str:
    """Return ` at δ = 1e-5`, or nothing where there is no δ."""
    return f" at δ{GAP}={GAP}{delta(value)}" if value else ""


def auc(value: float) -> str:
    """Return an area under the curve with three decimals."""
    return f"{value:.3f}"


def yes(value: float) -> str:
    """Return a yes-or-no metric in words."""
    return "yes" if value >= 1 else "no"


def one_in(risk: float) -> str:
    """Return a risk as people say it: `1 in 23`; one that isn't small stays percent."""
    if risk <= 0:
        return "none"
    parts = 1 / risk
    whole = round(parts)
    if abs(parts - whole) < 0.05 * parts:
        return f"1{GAP}in{GAP}{count(whole)}"
    return percent(risk)


def size(number_of_bytes: float) -> str:
    """Return a file size in decimal units."""
    for unit in ("B", "kB", "MB", "GB"):
        if number_of_bytes < _KILO or unit == "GB":
            break
        number_of_bytes /= _KILO
    digits = 0 if unit == "B" else 1
    return f"{number_of_bytes:,.{digits}f}{GAP}{unit}"


def duration(seconds: float) -> str:
    """Return a time span."""
    if seconds < _MINUTE:
        return f"{seconds:.1f}{GAP}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}{GAP}min {rest}{GAP}s"


def moment(iso: str) -> str:
    """Return an ISO time as `23 November 2026, 10:05 UTC`; what isn't one is returned as it is."""
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    when = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    return f"{when.day} {when:%B %Y}, {when:%H:%M} UTC"


def plain(value: object) -> str:
    """Return any JSON value as short text, numbers with sane digits."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    as_number = finite(value)
    if as_number is not None:
        whole = as_number.is_integer() and abs(as_number) < 1e15  # noqa: PLR2004 - exact in float64
        return count(as_number) if whole else significant(as_number, 4)
    if isinstance(value, list | tuple):
        return ", ".join(plain(v) for v in value)
    return str(value)


_UNITS: Mapping[Unit, Callable[[float], str]] = {
    Unit.SHARE: percent,
    Unit.RISK: one_in,
    Unit.POINTS: points,
    Unit.EPSILON: epsilon,
    Unit.AUC: auc,
    Unit.COUNT: count,
    Unit.YES: yes,
    Unit.NUMBER: significant,
}


def value_of(unit: Unit, value: float | None) -> str:
    """Return a metric's value in its unit; a dash when there is none."""
    return NOTHING if value is None else _UNITS[unit](value)


def range_of(unit: Unit, low: float, high: float) -> str:
    """Return an interval in the metric's unit, the unit named once."""
    if unit is Unit.SHARE:
        return f"{_percent_number(low)} to {percent(high)}"
    if unit is Unit.POINTS:
        # Signs matter here: a gap's interval may reach across zero.
        return f"{low * 100:+.1f} to {high * 100:+.1f}{GAP}points"
    return f"{value_of(unit, low)} to {value_of(unit, high)}"


def limited(words: str) -> str:
    """Return a limit's words for running text: `limit at most 4`, but `must be yes`."""
    return words if words.startswith("must") else f"limit {words}"


def limit_of(unit: Unit, low: float | None, high: float | None) -> str:
    """Return what a policy allows, in words; empty when it sets no limit."""
    if low is not None and high is not None:
        return f"between {value_of(unit, low)} and {value_of(unit, high)}"
    if low is not None:
        return "must be yes" if unit is Unit.YES else f"at least {value_of(unit, low)}"
    if high is not None:
        return "must be no" if unit is Unit.YES else f"at most {value_of(unit, high)}"
    return ""
