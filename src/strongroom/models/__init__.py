"""Models: the protocol that attacks and reports see, our own table models, encodings, metrics.

In: Arrow tables, column declarations, encoded batches.
Out: encodings that depend on types and declarations only, class probabilities, tensors and JSON.
Never: pickle; an encoding learnt from values. Encoders and metrics work without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from strongroom.models._encoder import ColumnKind, EncodedColumn, TableEncoder, encodable
from strongroom.models._formats import model_from_parts
from strongroom.models._metrics import delong, encode_labels, find_classes, metrics, wilson
from strongroom.models._protocol import Model, TrainedModel, digest_of

if TYPE_CHECKING:
    from strongroom.models._bank import Bank, train_bank
    from strongroom.models._table import TableModel, build_network

_NEED_TORCH = {
    "Bank": "_bank",
    "train_bank": "_bank",
    "TableModel": "_table",
    "build_network": "_table",
}

__all__ = [
    "Bank",
    "ColumnKind",
    "EncodedColumn",
    "Model",
    "TableEncoder",
    "TableModel",
    "TrainedModel",
    "build_network",
    "delong",
    "digest_of",
    "encodable",
    "encode_labels",
    "find_classes",
    "metrics",
    "model_from_parts",
    "train_bank",
    "wilson",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    if name in _NEED_TORCH:
        module = importlib.import_module(f"{__name__}.{_NEED_TORCH[name]}")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
