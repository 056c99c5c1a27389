"""Sharded models: several models of one kind, each trained on its own people; their mean answers.

Bourtoule et al. 2021 ("Machine Unlearning", SISA): to take a person out, only the shard that held
them is trained again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import TamperedError
from strongroom.models._protocol import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from strongroom.data import Dataset
    from strongroom.models._protocol import TrainedModel

FORMAT = "strongroom/sharded-model/1"
_FEWEST = 2


class ShardedModel:
    """A `Model` whose probabilities are the mean of its shards'.

    Args:
        shards: at least two models that differ in their tensors only.
        keys: for each, a name of the rows and settings that it was trained by: who trains again
            takes over the shards whose names are the same.
    """

    # What is trained are the shards, one by one.
    network: Any = None

    def __init__(self, shards: Sequence[TrainedModel], keys: Sequence[str]) -> None:
        self.shards = tuple(shards)
        self.keys = tuple(keys)
        self.classes = self.shards[0].classes
        self.target = self.shards[0].target
        self.encoder: Any = getattr(self.shards[0], "encoder", None)

    def __repr__(self) -> str:
        return f"ShardedModel({len(self.shards)} × {self.shards[0]!r})"

    def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """See `Model.predict_proba`; inputs as `read` gives them."""
        total = np.zeros((len(batch), len(self.classes)), np.float64)
        for shard in self.shards:
            total += shard.predict_proba(batch)
        found: NDArray[np.float32] = (total / len(self.shards)).astype(np.float32)
        return found

    def predict_table(self, table: pa.Table) -> NDArray[np.float32]:
        """Return float32[n, classes] for the rows of a table, where the shards read tables."""
        return self.predict_proba(self.encoder.encode(table))

    @property
    def input_gradient(
        self,
    ) -> Callable[[NDArray[np.float32], NDArray[np.integer[Any]]], NDArray[np.float32]]:
        """As `TableModel.input_gradient`; there only where every shard has it."""
        gradients = [getattr(shard, "input_gradient") for shard in self.shards]  # noqa: B009 - AttributeError where one has none

        def gradient(
            batch: NDArray[np.float32], labels: NDArray[np.integer[Any]]
        ) -> NDArray[np.float32]:
            # The gradient of -log mean p: each shard's gradient of -log p counts by its p.
            rows = np.arange(len(batch))
            chances = [s.predict_proba(batch)[rows, labels].astype(np.float64) for s in self.shards]
            total = np.maximum(np.sum(chances, axis=0), np.finfo(np.float32).tiny)
            found = np.zeros(batch.shape, np.float64)
            for chance, own in zip(chances, gradients, strict=True):
                weight = (chance / total).reshape(-1, *(1,) * (batch.ndim - 1))
                found += weight * own(batch, labels)
            return found.astype(np.float32)

        return gradient

    def read(self, dataset: Dataset) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """See `TrainedModel.read`."""
        return self.shards[0].read(dataset)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return the parameters by name, copied."""
        return {
            f"shard.{number:03d}.{name}": value
            for number, shard in enumerate(self.shards)
            for name, value in shard.tensors().items()
        }

    def meta(self) -> dict[str, Any]:
        """Return everything but the tensors, as plain JSON values."""
        return {
            "format": FORMAT,
            "classes": list(self.classes),
            "target": self.target,
            "shard": self.shards[0].meta(),
            "keys": list(self.keys),
        }

    def digest(self) -> str:
        """See `TrainedModel.digest`."""
        return digest_of(self)

    def describe(self) -> dict[str, Any]:
        """See `TrainedModel.describe`."""
        return {**self.shards[0].describe(), "shards": len(self.shards)}

    @classmethod
    def from_parts(
        cls, tensors: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]
    ) -> ShardedModel:
        """Make the model again from what `tensors` and `meta` gave.

        Raises:
            TamperedError: the parts don't fit each other.
        """
        from strongroom.models._formats import model_from_parts

        keys, inner = meta.get("keys"), meta.get("shard")
        if (
            meta.get("format") != FORMAT
            or not isinstance(keys, list)
            or not isinstance(inner, dict)
            or inner.get("format") == FORMAT
            or len(keys) < _FEWEST
        ):
            raise TamperedError("the description of the sharded model doesn't hold together")
        parts: list[dict[str, NDArray[Any]]] = [{} for _ in keys]
        for name, value in tensors.items():
            prefix, number, rest = (*name.split(".", 2), "", "")[:3]
            if prefix != "shard" or not number.isdecimal() or int(number) >= len(keys):
                raise TamperedError("the tensors do not fit the shards that the model names")
            parts[int(number)][rest] = value
        made = cls([model_from_parts(part, inner) for part in parts], [str(k) for k in keys])
        if list(made.classes) != meta.get("classes") or made.target != meta.get("target"):
            raise TamperedError("the shards do not predict what the model names")
        return made
