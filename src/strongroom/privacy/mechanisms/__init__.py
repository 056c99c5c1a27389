"""Mechanisms: a class for each kind of private release, with the facts that its cost follows from.

In: sampling, noise and counts, as a release will use them. Out: a `Mechanism` that accountants,
ledgers and statements take. Never: a kind that is accounted as another, cheaper one.
"""

from strongroom.privacy.mechanisms._balls import BallsInBinsGaussian
from strongroom.privacy.mechanisms._base import Mechanism
from strongroom.privacy.mechanisms._correlated import CorrelatedGaussian, CyclicBandedGaussian
from strongroom.privacy.mechanisms._distributed import (
    DistributedGaussian,
    decode_private,
    encode_private,
)
from strongroom.privacy.mechanisms._gaussian import (
    AdaptiveClippingGaussian,
    FixedSizeGaussian,
    GaussianReleases,
    PoissonGaussian,
    ShuffledGaussian,
)
from strongroom.privacy.mechanisms._pure import LaplaceReleases, PureReleases
from strongroom.privacy.mechanisms._selection import RepeatedSelection, search_epsilon
from strongroom.privacy.mechanisms._threshold import ThresholdReleases

__all__ = [
    "AdaptiveClippingGaussian",
    "BallsInBinsGaussian",
    "CorrelatedGaussian",
    "CyclicBandedGaussian",
    "DistributedGaussian",
    "FixedSizeGaussian",
    "GaussianReleases",
    "LaplaceReleases",
    "Mechanism",
    "PoissonGaussian",
    "PureReleases",
    "RepeatedSelection",
    "ShuffledGaussian",
    "ThresholdReleases",
    "decode_private",
    "encode_private",
    "search_epsilon",
]
