"""Strategies: how the combined update of a round becomes the next model. A file each, named here.

In: parameters and the combined update, float64 [d]. Out: the next parameters. All that a strategy
remembers is in `state`, so that a killed coordinator goes on with the same bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.federate.strategies._strategy import Strategy
from strongroom.federate.strategies.fedadam import FedAdam
from strongroom.federate.strategies.fedavg import FedAvg
from strongroom.federate.strategies.fedprox import FedProx
from strongroom.federate.strategies.scaffold import Scaffold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from strongroom.federate._recipe import StrategySpec

STRATEGIES: Mapping[str, Callable[[StrategySpec, int], Strategy]] = {
    "fedavg": FedAvg,
    "fedprox": FedProx,
    "fedadam": FedAdam,
    "scaffold": Scaffold,
}

__all__ = ["STRATEGIES", "Strategy", "make_strategy"]


def make_strategy(spec: StrategySpec, size: int) -> Strategy:
    """Return the strategy of a specification for parameters float64 [size]."""
    return STRATEGIES[spec.name](spec, size)
