"""The recipe of our own linear models and MLPs for tables: all of them trained as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._signal import confidence_of_logits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from strongroom.attacks._situation import Rows
    from strongroom.attacks.references._recipe import Origin
    from strongroom.config import TrainSpec
    from strongroom.models.bank import Bank, Entries
    from strongroom.progress import Progress

KINDS = ("logistic", "mlp")
_TOGETHER = 64  # linear models are trained so many as one layer
_ANSWERS = 4_000_000  # logits held at once


@dataclass(frozen=True)
class BankRecipe:
    """Trains a bank (see `strongroom.models.train_bank`).

    Attributes:
        spec: how.
        noise_multiplier: that of the target's private training, or None.
        trained_on: how many rows the target learnt from.
        origin: whether `spec` is the target's own.
    """

    spec: TrainSpec
    noise_multiplier: float | None = None
    trained_on: int | None = None
    origin: Origin = "own"
    slow = False

    @property
    def together(self) -> int:
        """See `Recipe`."""
        return _TOGETHER

    def identity(self) -> Mapping[str, Any]:
        """See `Recipe`."""
        return {
            "recipe": "bank",
            "spec": self.spec.model_dump(mode="json"),
            "noise_multiplier": self.noise_multiplier,
            "trained_on": self.trained_on,
        }

    def describe(self) -> Mapping[str, Any]:
        """See `Recipe`."""
        privately = self.noise_multiplier is not None
        return {"shadows_trained": "privately, like the target" if privately else "without privacy"}

    def train(
        self,
        rows: Rows,
        classes: int,
        membership: NDArray[np.bool_],
        *,
        seed: int,
        first: int = 0,
        learnt: float,
        progress: Progress,
    ) -> BankModels:
        """See `Recipe`."""
        from strongroom.models.bank import train_bank  # brings numba

        spec, noise = self.for_rows(round(learnt))
        bank = train_bank(
            spec,
            rows.inputs,
            rows.labels,
            classes,
            membership,
            noise_multiplier=noise,
            seed=seed,
            first=first,
            learnt=learnt,
            progress=progress,
        )
        return BankModels(bank, _same)

    def for_rows(self, learnt: int) -> tuple[TrainSpec, float | None]:
        """Return the recipe for shadows of `learnt` rows, with the noise on their mean kept.

        A batch that is larger than a shadow's set becomes the full set. The noise on the *mean*
        gradient is what shapes the model, so the multiplier shrinks with the batch.
        """
        spec, noise = self.spec, self.noise_multiplier
        batch = (self.trained_on or learnt) if spec.batch_size == "full" else spec.batch_size
        if noise is not None:
            noise *= min(batch, learnt) / batch
        if spec.batch_size != "full" and spec.batch_size >= learnt:
            spec = spec.model_copy(update={"batch_size": "full"})
        return spec, noise


@dataclass(frozen=True, eq=False)
class BankModels:
    """A trained bank, asked for signals about rows as `read` makes them."""

    bank: Bank
    read: Callable[[NDArray[Any]], NDArray[np.float32] | Entries]

    def confidence(self, rows: Rows) -> NDArray[np.float32]:
        """See `Fitted`."""
        from strongroom.models.bank import BankReader

        reader = BankReader(self.bank, self.read(rows.inputs))
        classes = self.bank.biases[-1].shape[1]
        step = max(1, _ANSWERS // max(1, len(rows) * classes))
        out = np.empty((len(self.bank), len(rows)), np.float32)
        for begin in range(0, len(self.bank), step):
            some = range(begin, min(begin + step, len(self.bank)))
            out[begin : begin + step] = confidence_of_logits(reader.logits(some), rows.labels)
        return out


def _same(inputs: NDArray[Any]) -> NDArray[np.float32]:
    """Take table rows as they are."""
    found: NDArray[np.float32] = inputs
    return found
