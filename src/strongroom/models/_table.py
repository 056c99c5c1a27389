"""Our models for tables: an encoder, an architecture, class names. Saved as tensors and JSON."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import DataError, MissingExtraError, TamperedError
from strongroom.models._encoder import TableEncoder
from strongroom.models._metrics import encode_labels
from strongroom.models._protocol import digest_of

try:
    import torch
    from torch import nn
except ImportError as error:
    raise MissingExtraError("torch", "train") from error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from strongroom.data import Dataset

FORMAT = "strongroom/table-model/1"
_ROWS_AT_ONCE = 16_384


def build_network(inputs: int, hidden: Sequence[int], classes: int) -> nn.Sequential:
    """Return Linear layers with ReLU between; no hidden layer is logistic regression."""
    widths = [inputs, *hidden]
    layers: list[nn.Module] = []
    for wide, high in pairwise(widths):
        layers += [nn.Linear(wide, high), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], classes))


class TableModel:
    """A `Model` of table rows.

    Args:
        encoder: how rows become numbers.
        hidden: widths of the hidden layers; none is logistic regression.
        classes: class names, in the order of the outputs.
        target: name of the column that is predicted.
    """

    def __init__(
        self,
        encoder: TableEncoder,
        hidden: Sequence[int],
        classes: Sequence[str],
        *,
        target: str = "",
    ) -> None:
        self.encoder = encoder
        self.hidden = tuple(hidden)
        self.classes = tuple(classes)
        self.target = target
        self.network = build_network(encoder.width, self.hidden, len(self.classes))
        self.network.requires_grad_(requires_grad=False).eval()

    def __repr__(self) -> str:
        shape = " → ".join(map(str, (self.encoder.width, *self.hidden, len(self.classes))))
        return f"TableModel({shape}, {len(self.encoder.columns)} columns)"

    def logits(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32[n, classes] for encoded rows float32[n, width]."""
        parts = [
            self.network(torch.from_numpy(np.ascontiguousarray(batch[i : i + _ROWS_AT_ONCE])))
            for i in range(0, max(len(batch), 1), _ROWS_AT_ONCE)
        ]
        found: NDArray[np.float32] = torch.cat(parts).numpy()
        return found

    def predict_proba(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Model.predict_proba`."""
        found: NDArray[np.float32] = torch.from_numpy(self.logits(batch)).softmax(dim=1).numpy()
        return found

    def predict_table(self, table: pa.Table) -> NDArray[np.float32]:
        """Return float32[n, classes] for the rows of a table (see `TableEncoder.encode`)."""
        return self.predict_proba(self.encoder.encode(table))

    def input_gradient(
        self, batch: NDArray[np.float32], labels: NDArray[np.integer[Any]]
    ) -> NDArray[np.float32]:
        """Return float32[n, width]: each row's gradient of its own log loss by its encoding."""
        inputs = torch.tensor(batch, requires_grad=True)
        targets = torch.from_numpy(np.asarray(labels, dtype=np.int64))
        with torch.enable_grad():
            loss = nn.functional.cross_entropy(self.network(inputs), targets, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, inputs)
        found: NDArray[np.float32] = gradient.numpy()
        return found

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Return the parameters by name, copied."""
        return {k: v.numpy().copy() for k, v in self.network.state_dict().items()}

    def meta(self) -> dict[str, Any]:
        """Return everything but the tensors, as plain JSON values."""
        return {
            "format": FORMAT,
            "hidden": list(self.hidden),
            "classes": list(self.classes),
            "target": self.target,
            "encoder": self.encoder.to_json(),
        }

    def digest(self) -> str:
        """See `TrainedModel.digest`."""
        return digest_of(self)

    def describe(self) -> dict[str, Any]:
        """See `TrainedModel.describe`."""
        return {
            "hidden": list(self.hidden),
            "inputs": self.encoder.width,
            "columns": [c.name for c in self.encoder.columns],
        }

    def read(self, dataset: Dataset) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
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
    ) -> TableModel:
        """Make the model again from what `tensors` and `meta` gave.

        Raises:
            TamperedError: the parts don't fit each other.
        """
        if meta.get("format") != FORMAT:
            raise TamperedError(f"not a table model of format {FORMAT}")
        encoder = TableEncoder.from_json(meta["encoder"])
        model = cls(encoder, meta["hidden"], meta["classes"], target=meta["target"])
        expected = {k: tuple(v.shape) for k, v in model.network.state_dict().items()}
        if expected != {k: tuple(v.shape) for k, v in tensors.items()}:
            raise TamperedError("the tensors do not fit the architecture that the model names")
        if not all(np.isfinite(v).all() for v in tensors.values()):
            raise TamperedError("a tensor of the model holds NaN or infinite values")
        model.network.load_state_dict(
            {k: torch.tensor(v, dtype=torch.float32) for k, v in tensors.items()}
        )
        return model
