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
    gaussian_mu,
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
from strongroom.privacy._plan import BudgetPlan, plan_budget
from strongroom.privacy._relation import Relation, Unit
from strongroom.privacy._sampling import (
    BallsInBinsSampler,
    CyclicSampler,
    FixedSizeSampler,
    PoissonSampler,
    Sampler,
    ShuffledSampler,
)
from strongroom.privacy._schedule import CorrelatedNoise, Noise, Schedule
from strongroom.privacy._statement import PrivacyStatement, guarantee_warnings
from strongroom.privacy._strategies import Banded, Blt, Strategy
from strongroom.privacy._strategy_search import best_banded, best_blt, running_error
from strongroom.privacy.mechanisms import (
    AdaptiveClippingGaussian,
    BallsInBinsGaussian,
    CorrelatedGaussian,
    CyclicBandedGaussian,
    DistributedGaussian,
    FixedSizeGaussian,
    GaussianReleases,
    LaplaceReleases,
    Mechanism,
    PoissonGaussian,
    PureReleases,
    RepeatedSelection,
    ShuffledGaussian,
    ThresholdReleases,
    decode_private,
    encode_private,
    search_epsilon,
)

if TYPE_CHECKING:
    from strongroom.privacy._canaries import SlotCanaries, WithSlots
    from strongroom.privacy.clipping import (
        Accumulator,
        Automatic,
        ClippedGradient,
        ClippedSum,
        Clipping,
        Flat,
        LossFunction,
        PerLayer,
        Unclipped,
        cross_entropy,
        verify_gradients,
    )
    from strongroom.privacy.loop import AdamCorrected, PrivateLoader, PrivateRun, make_private

_NEED_TORCH = {
    "Accumulator": "clipping",
    "Automatic": "clipping",
    "ClippedGradient": "clipping",
    "ClippedSum": "clipping",
    "Clipping": "clipping",
    "Flat": "clipping",
    "LossFunction": "clipping",
    "PerLayer": "clipping",
    "Unclipped": "clipping",
    "cross_entropy": "clipping",
    "verify_gradients": "clipping",
    "AdamCorrected": "loop",
    "PrivateLoader": "loop",
    "PrivateRun": "loop",
    "make_private": "loop",
    "SlotCanaries": "_canaries",
    "WithSlots": "_canaries",
}

__all__ = [
    "Accountant",
    "Accumulator",
    "AdamCorrected",
    "AdaptiveClippingGaussian",
    "Automatic",
    "BallsInBinsGaussian",
    "BallsInBinsSampler",
    "Banded",
    "Blt",
    "BudgetPlan",
    "CanaryObservation",
    "ClippedGradient",
    "ClippedSum",
    "Clipping",
    "CorrelatedGaussian",
    "CorrelatedNoise",
    "CyclicBandedGaussian",
    "CyclicSampler",
    "DistributedGaussian",
    "Entry",
    "EntryState",
    "FixedSizeGaussian",
    "FixedSizeSampler",
    "Flat",
    "GaussianReleases",
    "LaplaceReleases",
    "Ledger",
    "LossFunction",
    "Mechanism",
    "MemoryLedger",
    "Noise",
    "PerLayer",
    "PoissonGaussian",
    "PoissonSampler",
    "PrivacyStatement",
    "PrivateLoader",
    "PrivateRun",
    "PureReleases",
    "Relation",
    "RepeatedSelection",
    "Reservation",
    "Sampler",
    "Schedule",
    "SecretStream",
    "ShuffledGaussian",
    "ShuffledSampler",
    "SlotCanaries",
    "Spend",
    "Strategy",
    "ThresholdReleases",
    "Unclipped",
    "Unit",
    "WithSlots",
    "accountant_of",
    "best_banded",
    "best_blt",
    "calibrate",
    "calibrate_noise",
    "check_budget",
    "compose",
    "compose_epsilon",
    "cross_entropy",
    "decode_private",
    "encode_private",
    "gaussian_mu",
    "guarantee_warnings",
    "make_private",
    "noisy_sum",
    "plan_budget",
    "relation_of",
    "running_error",
    "search_epsilon",
    "verify_gradients",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    if name in _NEED_TORCH:
        module = importlib.import_module(f"{__name__}.{_NEED_TORCH[name]}")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
