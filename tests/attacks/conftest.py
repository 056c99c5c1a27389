"""Real models for attacks: made from a bank of one, so that no training loop is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from strongroom.models import TableEncoder, TableModel, train_bank

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from strongroom.config import TrainSpec


class Plain:
    """A `Model` of plain rows: probabilities only, no logits."""

    def __init__(
        self,
        spec: TrainSpec,
        inputs: NDArray[np.float32],
        labels: NDArray[np.integer[Any]],
        classes: int,
    ) -> None:
        self.classes = tuple(str(c) for c in range(classes))
        everyone = np.ones((1, len(labels)), np.bool_)
        self.bank = train_bank(spec, inputs, labels, classes, everyone, seed=77)

    def predict_proba(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Model`."""
        z = self.bank.logits(batch)[0]
        e = np.exp(z - z.max(axis=1, keepdims=True))
        found: NDArray[np.float32] = e / e.sum(axis=1, keepdims=True)
        return found


MakePlain = Callable[["TrainSpec", "NDArray[np.float32]", "NDArray[np.integer[Any]]", int], Plain]
MakeTable = Callable[["pa.Table", TableEncoder, "NDArray[np.int64]", "TrainSpec"], TableModel]


@pytest.fixture
def plain_model() -> MakePlain:
    """Return a maker of models that give probabilities only."""
    return Plain


@pytest.fixture
def table_model() -> MakeTable:
    """Return a maker of `TableModel`s, trained on a table."""

    def make(
        table: pa.Table, encoder: TableEncoder, labels: NDArray[np.int64], spec: TrainSpec
    ) -> TableModel:
        inputs = encoder.encode(table)
        bank = train_bank(spec, inputs, labels, 2, np.ones((1, len(labels)), np.bool_), seed=5)
        model = TableModel(encoder, spec.hidden if spec.model == "mlp" else (), ("no", "yes"))
        layers = [m for m in model.network if isinstance(m, torch.nn.Linear)]
        for layer, weight, bias in zip(layers, bank.weights, bank.biases, strict=True):
            layer.weight.copy_(torch.from_numpy(weight[0]))
            layer.bias.copy_(torch.from_numpy(bias[0]))
        return model

    return make
