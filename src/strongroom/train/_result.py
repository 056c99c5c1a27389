"""What a training hands back, and what it asks for to survive a crash."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

from strongroom.drawing import PLOT_HEIGHT, Picture, learning_curve, picture
from strongroom.notebook import html_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.config import TrainSpec
    from strongroom.models import TrainedModel
    from strongroom.privacy import CanaryObservation, PrivacyStatement


class Checkpointer(Protocol):
    """Keeps the state of an unfinished training. The state is as secret as the rows."""

    def save(self, state: Mapping[str, NDArray[Any]], step: int) -> None:
        """Replace what was kept, whole or not at all."""

    def load(self) -> tuple[dict[str, NDArray[Any]], int] | None:
        """Return what was kept last, or None."""

    def clear(self) -> None:
        """Forget it."""


@dataclass(frozen=True)
class TrainResult:
    """A trained model and everything that is known about its training.

    Attributes:
        model: the released model.
        spec: how it was trained.
        metrics: "train" and, where there were test rows, "test": see `models.metrics`. Exact, not
            noised: for the owner's eyes.
        privacy: the guarantee, or None for training without privacy.
        canaries: what rode along saw, if any did.
        steps: gradient steps.
        seconds: of this process, from encoding to metrics.
        curve: up to 20 pairs (step, log loss on the test rows); empty without test rows.
        skipped: columns that were left out, with the reason.
        stopping: where early stopping was asked for: on whose rows, the looks (step, log loss), the
            best step, and the step it stopped at, if it did.
        shards: where it was trained in shards: `rows` of each, and how many were `taken_over`.
    """

    model: TrainedModel
    spec: TrainSpec
    metrics: dict[str, dict[str, Any]]
    privacy: PrivacyStatement | None
    canaries: CanaryObservation | None
    steps: int
    seconds: float
    curve: tuple[tuple[int, float], ...] = ()
    skipped: Mapping[str, str] | None = None
    stopping: Mapping[str, Any] | None = None
    shards: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; the tensors and the canaries' scores stay out."""
        return {
            "model": {
                "digest": self.model.digest(),
                "classes": list(self.model.classes),
                "target": self.model.target,
                **self.model.describe(),
            },
            "metrics": self.metrics,
            "privacy": self.privacy.to_json() if self.privacy else None,
            "steps": self.steps,
            "seconds": self.seconds,
            "curve": [list(point) for point in self.curve],
            "skipped": dict(self.skipped or {}),
            "stopping": dict(self.stopping) if self.stopping else None,
            "shards": dict(self.shards) if self.shards else None,
        }

    def __str__(self) -> str:
        lines = [f"{self.model!r}, {self.steps} steps, {self.seconds:.1f} s"]
        for part, found in self.metrics.items():
            low, high = found["accuracy_interval"]
            more = f", perplexity {found['perplexity']:.3f}" if "perplexity" in found else ""
            lines.append(
                f"  {part:<6} accuracy {found['accuracy']:.4f} [{low:.4f}, {high:.4f}]{more} on "
                f"{found['rows']:,} rows"
            )
        if self.shards:
            count, taken = len(self.shards["rows"]), self.shards["taken_over"]
            lines.append(f"  shards   {count}, of which {taken} taken over")
        if self.stopping:
            lines.append(f"  stopping {_stopped(self.stopping)}")
        lines.append(str(self.privacy) if self.privacy else "without privacy")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [
            (part, f"{100 * m['accuracy']:.1f} %", _auc(m["auc"]), f"{m['rows']:,}")
            for part, m in self.metrics.items()
        ]
        header = ("", "accuracy", "AUC", "rows")
        statement = str(self.privacy) if self.privacy else "trained without privacy"
        table = html_table(rows, header=header, caption=repr(self.model))
        return f"{table}{self.plot()}<pre>{escape(statement)}</pre>"

    def plot(self) -> Picture:
        """Return the learning curve as SVG text; empty where there were no test rows."""
        if not self.curve:
            return Picture()
        (first, began), (last, ended) = self.curve[0], self.curve[-1]
        said = f"log loss {began:.3g} at step {first}, {ended:.3g} at step {last}"
        return picture(learning_curve(self.curve, said), heights=[PLOT_HEIGHT])


def _stopped(told: Mapping[str, Any]) -> str:
    where = f"at step {told['stopped']:,}" if told["stopped"] else "not early"
    return f"{where}; best at step {told['best']:,}, by {told['on']}"


def _auc(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
