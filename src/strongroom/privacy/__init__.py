"""Differential privacy: accounting, the ledger's rules, secret coins, clipping, canaries.

In: a target (ε, δ), a sampling rate, steps; per-example losses of a torch model.
Out: mechanisms that carry their own accounting facts, clipped noisy sums, spends and statements.
Never: a bare noise level and an accountant apart; a stored spend (the ledger of the workspace does
that). Only clipping and canary training need torch, and only they import it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from strongroom.privacy._accounting import (
    Accountant,
    accountant_of,
    calibrate,
    calibrate_noise,
    compose_epsilon,
    relation_of,
)
from strongroom.privacy._ledger import (
    Entry,
    EntryState,
    Ledger,
    MemoryLedger,
    Reservation,
    Spend,
    check_budget,
    compose,
)
from strongroom.privacy._noise import SecretStream, noisy_sum
from strongroom.privacy._observation import CanaryObservation
from strongroom.privacy._relation import Relation, Unit
from strongroom.privacy._sampling import (
    CyclicSampler,
    FixedSizeSampler,
    PoissonSampler,
    Sampler,
    ShuffledSampler,
)
from strongroom.privacy._schedule import CorrelatedNoise, Noise, Schedule
from strongroom.privacy._statement import PrivacyStatement, guarantee_warnings
from strongroom.privacy._strategies import Banded, Blt, Strategy
from strongroom.privacy.mechanisms import (
    AdaptiveClippingGaussian,
    CorrelatedGaussian,
    CyclicBandedGaussian,
    FixedSizeGaussian,
    GaussianReleases,
    LaplaceReleases,
    Mechanism,
    PoissonGaussian,
    PureReleases,
    ShuffledGaussian,
)

if TYPE_CHECKING:
    from strongroom.privacy._canaries import SlotCanaries, WithSlots
    from strongroom.privacy._clipping import ClippedGradient, ClippedSum, LossFunction

_NEED_TORCH = {
    "ClippedGradient": "_clipping",
    "ClippedSum": "_clipping",
    "LossFunction": "_clipping",
    "SlotCanaries": "_canaries",
    "WithSlots": "_canaries",
}

__all__ = [
    "Accountant",
    "AdaptiveClippingGaussian",
    "Banded",
    "Blt",
    "CanaryObservation",
    "ClippedGradient",
    "ClippedSum",
    "CorrelatedGaussian",
    "CorrelatedNoise",
    "CyclicBandedGaussian",
    "CyclicSampler",
    "Entry",
    "EntryState",
    "FixedSizeGaussian",
    "FixedSizeSampler",
    "GaussianReleases",
    "LaplaceReleases",
    "Ledger",
    "LossFunction",
    "Mechanism",
    "MemoryLedger",
    "Noise",
    "PoissonGaussian",
    "PoissonSampler",
    "PrivacyStatement",
    "PureReleases",
    "Relation",
    "Reservation",
    "Sampler",
    "Schedule",
    "SecretStream",
    "ShuffledGaussian",
    "ShuffledSampler",
    "SlotCanaries",
    "Spend",
    "Strategy",
    "Unit",
    "WithSlots",
    "accountant_of",
    "calibrate",
    "calibrate_noise",
    "check_budget",
    "compose",
    "compose_epsilon",
    "guarantee_warnings",
    "noisy_sum",
    "relation_of",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    if name in _NEED_TORCH:
        module = importlib.import_module(f"{__name__}.{_NEED_TORCH[name]}")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
