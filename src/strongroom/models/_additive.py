"""Additive models: one step function per column, summed. Read by anybody, run without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import DataError, TamperedError
from strongroom.models._bins import TableBins
from strongroom.models._metrics import encode_labels
from strongroom.models._protocol import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from strongroom.data import Dataset

FORMAT = "strongroom/additive-model/1"


class AdditiveModel:
    """A `Model` of table rows: class scores are a constant plus one number per column and bin.

    Args:
        bins: how rows become bins.
        classes: class names. Two have one score, of the second; more have one each.
        target: name of the column that is predicted.

    Attributes:
        constant: float32[outputs].
        shapes: for each column float32[bins, outputs].
    """

    # Nothing here is trained by gradients of a network.
    network: Any = None

    def __init__(self, bins: TableBins, classes: Sequence[str], *, target: str = "") -> None:
        self.encoder = bins
        self.classes = tuple(classes)
        self.target = target
        self.outputs = outputs_of(len(self.classes))
        self.constant = np.zeros(self.outputs, np.float32)
        self.shapes = tuple(np.zeros((size, self.outputs), np.float32) for size in bins.sizes)

    def __repr__(self) -> str:
        return f"AdditiveModel({len(self.shapes)} columns, {sum(map(len, self.shapes)):,} bins)"

    def scores(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32[n, outputs] for bins [n, columns]."""
        found = np.tile(self.constant, (len(batch), 1))
        for shape, codes in zip(self.shapes, np.asarray(batch).T, strict=True):
            found += shape[codes.astype(np.intp)]
        return found

    def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32[n, classes] for bins [n, columns]; rows sum to 1."""
        scores = self.scores(batch)
        if self.outputs == 1:
            scores = np.concatenate([np.zeros_like(scores), scores], axis=1)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
        return chances

    def predict_table(self, table: pa.Table) -> NDArray[np.float32]:
        """Return float32[n, classes] for the rows of a table (see `TableBins.encode`)."""
        return self.predict_proba(self.encoder.encode(table))

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Return the parameters by name, copied."""
        shapes = {f"shape.{i:04d}": s.copy() for i, s in enumerate(self.shapes)}
        return {"constant": self.constant.copy(), **shapes}

    def meta(self) -> dict[str, Any]:
        """Return everything but the tensors, as plain JSON values."""
        return {
            "format": FORMAT,
            "classes": list(self.classes),
            "target": self.target,
            "bins": self.encoder.to_json(),
        }

    def digest(self) -> str:
        """See `TrainedModel.digest`."""
        return digest_of(self)

    def describe(self) -> dict[str, Any]:
        """See `TrainedModel.describe`."""
        return {
            "bins": sum(self.encoder.sizes),
            "inputs": len(self.encoder.columns),
            "columns": [c.name for c in self.encoder.columns],
        }

    def read(self, dataset: Dataset) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """See `TrainedModel.read`."""
        if self.target not in dataset.columns:
            raise DataError(
                f'the rows have no column "{self.target}", which the model predicts',
                where=dataset.name,
            )
        labels = encode_labels(dataset.table.column(self.target), self.classes)
        return self.encoder.encode(dataset.table), labels

    @classmethod
    def from_parts(
        cls, tensors: Mapping[str, NDArray[np.float32]], meta: Mapping[str, Any]
    ) -> AdditiveModel:
        """Make the model again from what `tensors` and `meta` gave.

        Raises:
            TamperedError: the parts don't fit each other.
        """
        if meta.get("format") != FORMAT:
            raise TamperedError(f"not an additive model of format {FORMAT}")
        model = cls(TableBins.from_json(meta["bins"]), meta["classes"], target=meta["target"])
        expected = {name: value.shape for name, value in model.tensors().items()}
        if expected != {name: tuple(value.shape) for name, value in tensors.items()}:
            raise TamperedError("the tensors do not fit the bins that the model names")
        if not all(np.isfinite(v).all() for v in tensors.values()):
            raise TamperedError("a tensor of the model holds NaN or infinite values")
        model.constant[:] = tensors["constant"]
        for number, shape in enumerate(model.shapes):
            shape[:] = tensors[f"shape.{number:04d}"]
        return model


def outputs_of(classes: int) -> int:
    """Return how many scores that many classes need."""
    return 1 if classes == 2 else classes  # noqa: PLR2004 - one score says which of two
