"""Training: a model from data, privately where asked.

In: a Dataset with roles, a `TrainSpec`, public declarations, a ledger.
Out: a `TrainResult`: model, metrics, privacy statement, what the canaries saw.
Never: a private step before its spend is reserved; a batch size or row count that shapes a private
update; a checkpoint or a workspace of its own (the caller brings a `Checkpointer`).

A trainer is one file: it turns a dataset into numbers and hands them to `_gradient.train_network`
(or, where there is no gradient, to a loop of its own behind `_guard.reserve`).
"""

from __future__ import annotations

from strongroom.train._cost import spend_of
from strongroom.train._result import Checkpointer, TrainResult
from strongroom.train._run import train_model
from strongroom.train._shards import Earlier, shard_of

__all__ = ["Checkpointer", "Earlier", "TrainResult", "shard_of", "spend_of", "train_model"]
