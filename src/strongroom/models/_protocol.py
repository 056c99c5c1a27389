"""What attacks and reports know of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Model(Protocol):
    """Anything that gives class probabilities for a batch."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the columns of `predict_proba`."""

    def predict_proba(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32[n, classes] for encoded inputs float32[n, d]; rows sum to 1."""
