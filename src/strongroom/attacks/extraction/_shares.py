"""A share among members, held against the same share among others."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from strongroom.attacks._intervals import share_interval, special_functions

_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Excess:
    """By how much a share among members is above that among others.

    Attributes:
        hits, rows: members that it is true of, out of how many.
        low, high: 95 % Clopper–Pearson interval of that share.
        control_hits, control_rows, control_low, control_high: the same of the others.
        value: the difference of the shares, from -1 to 1.
        value_low, value_high: its 95 % interval (Newcombe 1998, method 10).
        p_value: of Fisher's exact test, one-sided: how likely a difference so large is if members
            are like the others.
    """

    hits: int
    rows: int
    low: float
    high: float
    control_hits: int
    control_rows: int
    control_low: float
    control_high: float
    value: float
    value_low: float
    value_high: float
    p_value: float

    METHOD = "Newcombe, of the difference of two shares"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, without the difference itself."""
        found = asdict(self)
        return {k: v for k, v in found.items() if not k.startswith("value")} | {
            "share": self.hits / self.rows,
            "control_share": self.control_hits / self.control_rows,
        }


def excess(hits: int, rows: int, control_hits: int, control_rows: int) -> Excess:
    """Compare two shares, each of one row or more."""
    one, other = hits / rows, control_hits / control_rows
    (l1, u1), (l2, u2) = _wilson(hits, rows), _wilson(control_hits, control_rows)
    difference = one - other
    return Excess(
        hits,
        rows,
        *share_interval(hits, rows),
        control_hits,
        control_rows,
        *share_interval(control_hits, control_rows),
        difference,
        difference - math.hypot(one - l1, u2 - other),
        difference + math.hypot(u1 - one, other - l2),
        fisher(hits, rows, control_hits, control_rows),
    )


def fisher(hits: int, rows: int, control_hits: int, control_rows: int) -> float:
    """Return the chance of `hits` or more among `rows`, given all that there are (Fisher 1935)."""
    together, whole = hits + control_hits, rows + control_rows
    k = np.arange(hits, min(together, rows) + 1)
    log = _binomial(rows, k) + _binomial(control_rows, together - k) - _binomial(whole, together)
    return min(1.0, float(np.exp(log).sum()))


def _binomial(n: int, k: Any) -> Any:  # noqa: ANN401 - a number or an array
    log = special_functions().gammaln
    return log(n + 1) - log(np.asarray(k) + 1) - log(n - np.asarray(k) + 1)


def _wilson(hits: int, rows: int) -> tuple[float, float]:
    square = _Z95**2
    middle = hits + square / 2
    half = _Z95 * math.sqrt(hits * (rows - hits) / rows + square / 4)
    low, high = (middle - half) / (rows + square), (middle + half) / (rows + square)
    return max(0.0, low), min(1.0, high)
