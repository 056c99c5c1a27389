"""Two audits side by side: what became better or worse, and what is noise."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from strongroom.audit.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.audit._finding import Finding

_EQUAL = 1e-9


class Direction(StrEnum):
    """Where a metric went since last time."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same within noise"
    CHANGED = "changed"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True)
class Change:
    """One metric of one check, then and now; `changed` where no direction is the good one."""

    check: str
    metric: str
    before: float | None
    after: float | None
    direction: Direction


def comparison(previous: Sequence[Finding], current: Sequence[Finding]) -> list[Change]:
    """Compare findings of the same check and metric.

    Two measurements with overlapping intervals are the same within noise: a cautious reading,
    since intervals may overlap a little and the difference still be real.
    """
    then = {(f.check, f.metric): f for f in previous if f.value is not None}
    now = {(f.check, f.metric): f for f in current if f.value is not None}
    changes = []
    for key in dict.fromkeys((*now, *then)):
        old, new = then.get(key), now.get(key)
        changes.append(
            Change(*key, old.value if old else None, new.value if new else None, _way(old, new))
        )
    return changes


def _way(old: Finding | None, new: Finding | None) -> Direction:
    if old is None:
        return Direction.NEW
    if new is None:
        return Direction.GONE
    (old_low, old_high), (low, high) = _span(old), _span(new)
    if low <= old_high + _EQUAL and old_low <= high + _EQUAL:
        return Direction.SAME
    metric = METRICS.get(new.metric)
    if metric is None:
        return Direction.CHANGED
    fell = high < old_low
    return Direction.BETTER if fell == metric.lower_is_better else Direction.WORSE


def _span(finding: Finding) -> tuple[float, float]:
    if finding.interval is not None:
        return finding.interval.low, finding.interval.high
    value = finding.value or 0.0
    return value, value
