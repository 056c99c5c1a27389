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
from strongroom.train._preparation import rounded
from strongroom.train._result import Checkpointer, TrainResult
from strongroom.train._run import train_model
from strongroom.train._shards import Earlier, shard_of

if TYPE_CHECKING:
    from strongroom.train._boosting import Growth
    from strongroom.train._federated import LocalTraining
    from strongroom.train._given import initialise_model, measure_rows, prepare_rows
    from strongroom.train._growth import LocalGrowth, grow_from
    from strongroom.train._image import image_shape
    from strongroom.train._local import LocalPlan, StoppedError
    from strongroom.train._quantiles import KNOTS, LEVELS, dyadic_counts, dyadic_quantile
    from strongroom.train._text import text_shape

# What needs torch is loaded when it is asked for.
_HOMES = {
    "Growth": "_boosting",
    "KNOTS": "_quantiles",
    "LEVELS": "_quantiles",
    "LocalGrowth": "_growth",
    "LocalPlan": "_local",
    "LocalTraining": "_federated",
    "StoppedError": "_local",
    "dyadic_counts": "_quantiles",
    "dyadic_quantile": "_quantiles",
    "grow_from": "_growth",
    "image_shape": "_image",
    "initialise_model": "_given",
    "measure_rows": "_given",
    "prepare_rows": "_given",
    "text_shape": "_text",
}

__all__ = [
    "KNOTS",
    "LEVELS",
    "Checkpointer",
    "Earlier",
    "Growth",
    "LocalGrowth",
    "LocalPlan",
    "LocalTraining",
    "StoppedError",
    "Surroundings",
    "TrainResult",
    "dyadic_counts",
    "dyadic_quantile",
    "grow_from",
    "image_shape",
    "initialise_model",
    "measure_rows",
    "prepare_rows",
    "rounded",
    "shard_of",
    "spend_of",
    "text_shape",
    "train_model",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    if name in _HOMES:
        return getattr(importlib.import_module(f"strongroom.train.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
