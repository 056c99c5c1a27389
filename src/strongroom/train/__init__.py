"""Training: a model from a table, privately where asked.

In: a Dataset with roles, a `TrainSpec`, public declarations, a ledger.
Out: a `TrainResult`: model, metrics, privacy statement, what the canaries saw.
Never: a private step before its spend is reserved; a batch size or row count that shapes a private
update; a checkpoint or a workspace of its own (the caller brings a `Checkpointer`).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from strongroom.train._result import Checkpointer, TrainResult

if TYPE_CHECKING:
    from strongroom.train._table import train_table

__all__ = ["Checkpointer", "TrainResult", "train_table"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    if name == "train_table":
        return importlib.import_module(f"{__name__}._table").train_table
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
