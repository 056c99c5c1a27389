"""What is said of a metric, and in which unit its values are written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """How a metric's value is written."""

    SHARE = "share"
    RISK = "risk"
    POINTS = "points"
    EPSILON = "epsilon"
    AUC = "auc"
    COUNT = "count"
    YES = "yes"
    NUMBER = "number"


@dataclass(frozen=True)
class Metric:
    """One metric that a policy can name.

    Attributes:
        id: stable id.
        name: a few plain words.
        trouble: the clause that follows "Not within policy:" when its limit is missed.
        unit: how values are written.
        help: two or three sentences for someone who sees it for the first time.
    """

    id: str
    name: str
    trouble: str
    unit: Unit
    help: str
