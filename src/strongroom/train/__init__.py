"""Training: a model from data, privately where asked.

In: a Dataset with roles, a `TrainSpec`, public declarations, a ledger.
Out: a `TrainResult`: model, metrics, privacy statement, what the canaries saw.
Never: a private step before its spend is reserved; a batch size or row count that shapes a private
update; a checkpoint or a workspace of its own (the caller brings a `Checkpointer`).

A trainer is one file: it turns a dataset into numbers and hands them to `_gradient.train_network`
(or, where there is no gradient, to a loop of its own behind `_guard.reserve`).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from strongroom.train._cost import spend_of
from strongroom.train._guard import Surroundings
from strongroom.train._result import Checkpointer, TrainResult
from strongroom.train._run import train_model
from strongroom.train._shards import Earlier, shard_of

if TYPE_CHECKING:
    from strongroom.train._federated import (
        LocalPlan,
        LocalTraining,
        StoppedError,
        initialise_model,
        prepare_rows,
    )

_NEED_TORCH = ("LocalPlan", "LocalTraining", "StoppedError", "initialise_model", "prepare_rows")

__all__ = [
    "Checkpointer",
    "Earlier",
    "LocalPlan",
    "LocalTraining",
    "StoppedError",
    "Surroundings",
    "TrainResult",
    "initialise_model",
    "prepare_rows",
    "shard_of",
    "spend_of",
    "train_model",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    if name in _NEED_TORCH:
        return getattr(importlib.import_module("strongroom.train._federated"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
