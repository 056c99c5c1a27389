"""The Finding noun: one thing that was measured, and what it means against its limit."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

if TYPE_CHECKING:
    from collections.abc import Mapping


class Status(StrEnum):
    """How a finding stands against its threshold."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    FAIL = "fail"
    NOT_EVALUABLE = "not_evaluable"


class Severity(StrEnum):
    """How bad it is when the threshold is missed."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Interval:
    """A confidence interval: `[low, high]` at `confidence`, by a named method."""

    low: float
    high: float
    confidence: float = 0.95
    method: str = "Clopper-Pearson"


@dataclass(frozen=True)
class Threshold:
    """What the value is held against, and who said so ("policy" or "default")."""

    min: float | None = None
    max: float | None = None
    source: str = "default"


@dataclass(frozen=True)
class Finding:
    """One measured fact about a model, a data set or a file.

    Attributes:
        check: stable id, such as `membership.lira`.
        metric: stable id that a policy can name, such as `membership.tpr_at_fpr_0.001`.
        title: plain English for people ("could tell whether a person was in the training data").
        subject: SHA-256 of what was examined.
        value: the measurement, or None when it isn't evaluable.
        interval: its confidence interval where chance plays a part.
        threshold: what it is held against.
        status, severity, reason: the verdict, and why in a sentence.
        standards: ids of the requirements it answers to.
        knowledge: what the attacker knows and may do.
        queries: how often the model was asked.
        seconds: how long it took.
        reproduce: a command or call that repeats it.
        hint: what to do about it, when it isn't a pass.
        details: further numbers; curves are lists of pairs.
    """

    check: str
    metric: str
    title: str
    subject: str
    status: Status
    severity: Severity = Severity.INFO
    value: float | None = None
    interval: Interval | None = None
    threshold: Threshold | None = None
    reason: str = ""
    standards: tuple[str, ...] = ()
    knowledge: str = ""
    queries: int = 0
    seconds: float = 0.0
    reproduce: str = ""
    hint: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Finding:
        """Read back what `to_json` gave."""
        plain = dict(document)
        interval, threshold = plain.get("interval"), plain.get("threshold")
        plain["interval"] = Interval(**interval) if interval else None
        plain["threshold"] = Threshold(**threshold) if threshold else None
        plain["status"] = Status(plain["status"])
        plain["severity"] = Severity(plain["severity"])
        plain["standards"] = tuple(plain.get("standards", ()))
        return cls(**plain)


class Findings(tuple[Finding, ...]):
    """Findings in a row; by the name of a metric or a room, the worst of them."""

    __slots__ = ()

    @overload
    def __getitem__(self, key: str | SupportsIndex) -> Finding: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Finding, ...]: ...

    def __getitem__(self, key: str | SupportsIndex | slice) -> Finding | tuple[Finding, ...]:
        """Return by place, or the worst finding of a metric or a room such as `membership`."""
        if not isinstance(key, str):
            return super().__getitem__(key)
        about = [f for f in self if f.metric == key or f.metric.startswith(f"{key}.")]
        if not about:
            raise KeyError(key)
        return min(about, key=badness)


_WORST_FIRST = (Status.FAIL, Status.WARN, Status.PASS, Status.NOT_EVALUABLE)


def badness(finding: Finding) -> tuple[int, int]:
    """Order findings worst first: by status, then by severity."""
    return _WORST_FIRST.index(finding.status), -list(Severity).index(finding.severity)
