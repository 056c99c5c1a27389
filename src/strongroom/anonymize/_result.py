"""The Anonymized noun, and how it looks in a terminal and in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from strongroom.notebook import html_table

if TYPE_CHECKING:
    from strongroom.anonymize._loss import Loss
    from strongroom.anonymize._risk import Risk
    from strongroom.data import Dataset


@dataclass(frozen=True)
class Anonymized:
    """What anonymising gave, and what it cost.

    Attributes:
        dataset: what may be shared.
        minimized: the row-wise part alone, which private training reads.
        before, after: the re-identification risk of the two.
        suppressed: how many rows were left out.
        generalization: quasi-identifier to how much of its domain a released value leaves open on
            average: 0 exact, 1 nothing known.
        loss: what was lost over all.
        redacted: entity to how many stretches of text were replaced.
        actions: column to what was done with it.
        seconds: how long it took.
    """

    dataset: Dataset
    minimized: Dataset
    before: Risk
    after: Risk
    suppressed: int
    generalization: dict[str, float]
    loss: Loss
    redacted: dict[str, int]
    actions: dict[str, str]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; no value of the data is among them."""
        return {
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "suppressed": self.suppressed,
            "generalization": dict(self.generalization),
            "loss": self.loss.to_json(),
            "redacted": dict(self.redacted),
            "actions": dict(self.actions),
            "seconds": self.seconds,
        }

    def _summary(self) -> list[tuple[str, str]]:
        lines = [("rows", f"{self.dataset.rows:,} ({self.suppressed:,} suppressed)")]
        if self.after.evaluable:
            lines += [("risk before", str(self.before)), ("risk after", str(self.after))]
            lines += [("information lost", f"{self.loss.ncp:.1%} (NCP)")]
        else:
            lines += [("risk", str(self.after))]
        if self.redacted:
            found = ", ".join(f"{count:,} {entity}" for entity, count in self.redacted.items())
            lines += [("redacted", found)]
        return lines

    def _columns(self) -> list[tuple[str, str, str]]:
        left = {name: f"{share:.1%}" for name, share in self.generalization.items()}
        return [(name, action, left.get(name, "")) for name, action in self.actions.items()]

    def __str__(self) -> str:
        summary = self._summary()
        width = max(len(what) for what, _ in summary)
        lines = [f"{what:<{width}}  {value}" for what, value in summary]
        header = ("column", "what was done", "left open")
        rows = [header, *self._columns()]
        widths = [max(len(row[i]) for row in rows) for i in range(2)]
        lines += ["", *(f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>9}".rstrip() for a, b, c in rows)]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        header = ("column", "what was done", "left open")
        return html_table(self._summary()) + html_table(self._columns(), header=header)
