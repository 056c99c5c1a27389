"""Early stopping that doesn't cheat: decided on rows that cost nothing to look at.

Private training may look at public rows only: to stop by what private rows say is one more release
about them, which no accountant has counted. Plain training holds a tenth of its own rows out; the
test rows are never looked at. What is spent is what all steps would spend: that a training stopped
early is known to everybody, and gives nothing back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from numpy.typing import NDArray

    from strongroom.config import TrainSpec
    from strongroom.train._guard import Surroundings

HELD_OUT = 0.1
PUBLIC = "public validation rows"
OWN = "rows held out from training"
# Weight of iterate t in the mean is about t³: nearly the last quarter (Shamir & Zhang 2013).
_DECAY = 3


@dataclass(frozen=True)
class Watch:
    """What a training is watched by.

    Attributes:
        evaluate: log loss of the network as it stands, on rows that aren't trained on.
        patience: looks in a row without improvement after which it stops.
        words: whose rows these are.
    """

    evaluate: Callable[[], float]
    patience: int
    words: str


class Watching:
    """One training being watched. It releases the best parameters that it saw.

    Args:
        watch: what is looked at.
        flat: the parameters, float32 [p], which every step changes.
        average: look at, and release, a mean of the late iterates rather than the last.
    """

    def __init__(self, watch: Watch, flat: torch.Tensor, *, average: bool) -> None:
        self._watch, self._flat, self._average = watch, flat, average
        self._mean = flat.double().zero_()
        self._best = flat.clone()
        self.looks: list[tuple[int, float]] = []

    def after(self, number: int, *, look: bool) -> bool:
        """Follow step `number`; at a look, say whether to stop."""
        if self._average:
            self._mean += (self._flat - self._mean) * min(1.0, (_DECAY + 1) / (number + _DECAY))
        if not look:
            return False
        kept = self._flat.clone()
        if self._average:
            self._flat.copy_(self._mean)
        loss = self._watch.evaluate()
        if not self.looks or loss < min(v for _, v in self.looks):
            self._best.copy_(self._flat)
        self._flat.copy_(kept)
        self.looks.append((number, loss))
        values = [v for _, v in self.looks]
        return len(values) - 1 - values.index(min(values)) >= self._watch.patience

    def finish(self) -> None:
        """Leave the best parameters in the network."""
        self._flat.copy_(self._best)

    def told(self, planned: int) -> dict[str, Any]:
        """Return what happened, as plain JSON values."""
        best = min(self.looks, key=lambda look: look[1])
        last = self.looks[-1][0]
        return {
            "on": self._watch.words,
            "patience": self._watch.patience,
            "looks": [list(look) for look in self.looks],
            "best": best[0],
            "stopped": last if last < planned else None,
        }

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what a checkpoint must hold."""
        return {
            "watch.mean": self._mean.numpy().copy(),
            "watch.best": self._best.numpy().copy(),
            "watch.looks": np.array(self.looks, dtype=np.float64).reshape(-1, 2),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up what `state` gave."""
        self._mean.numpy()[:] = state["watch.mean"]
        self._best.numpy()[:] = state["watch.best"]
        self.looks = [(int(step), float(loss)) for step, loss in state["watch.looks"]]


def check_watch(spec: TrainSpec, around: Surroundings) -> None:
    """Check that there is something to look at that costs nothing.

    Raises:
        ConfigError: early stopping is asked for, and only private rows could decide it.
    """
    if spec.patience and spec.model == "trees":
        raise ConfigError(
            "trees are not trained by steps that could stop early",
            where="[train] patience",
            hint="take patience out",
        )
    if spec.patience and spec.privacy is not None and around.validation is None:
        raise ConfigError(
            "early stopping would have to look at private rows, which no ε has paid for",
            where="[train] patience",
            hint="name rows that are nobody's secret in [data] validation, or take patience out",
        )
