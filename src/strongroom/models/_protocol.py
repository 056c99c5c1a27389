"""What attacks and reports know of a model."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

    from strongroom.data import Dataset


class Model(Protocol):
    """Anything that gives class probabilities for a batch."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the columns of `predict_proba`."""

    def predict_proba(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32[n, classes] for encoded inputs float32[n, d]; rows sum to 1."""


class TrainedModel(Model, Protocol):
    """A model of ours: made by `train`, kept as tensors and JSON, made again from them."""

    @property
    def target(self) -> str:
        """The column that is predicted."""

    @property
    def network(self) -> Any:  # noqa: ANN401 - a torch.nn.Module, where there is one
        """What is trained, in place."""

    def read(self, dataset: Dataset) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return the inputs of `predict_proba` and the labels for the rows of a dataset.

        Raises:
            DataError: the dataset doesn't fit the model.
        """

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return the parameters by name, copied."""

    def meta(self) -> dict[str, Any]:
        """Return everything but the tensors, as plain JSON values; "format" names the kind."""

    def digest(self) -> str:
        """Return SHA-256, hex, of `meta` and `tensors`."""

    def describe(self) -> dict[str, Any]:
        """Return what reports say of the model's shape, as plain JSON values."""

    @classmethod
    def from_parts(cls, tensors: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> Self:
        """Make the model again from what `tensors` and `meta` gave.

        Raises:
            TamperedError: the parts don't fit each other.
        """


def digest_of(model: TrainedModel) -> str:
    """Return SHA-256, hex, of the meta data as canonical JSON and of every tensor in order."""
    found = hashlib.sha256(json.dumps(model.meta(), sort_keys=True).encode())
    for name, value in sorted(model.tensors().items()):
        found.update(f"\0{name}{value.shape}\0".encode())
        found.update(value.astype("<f4").tobytes())
    return found.hexdigest()
