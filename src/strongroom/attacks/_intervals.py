"""Exact intervals for shares, and the interval of an area under a curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def special_functions() -> Any:  # noqa: ANN401 - scipy ships no types
    """Return `scipy.special`, which is an optional dependency.

    Raises:
        MissingExtraError: it isn't installed.
    """
    try:
        from scipy import special  # optional, and only attacks need it
    except ImportError as error:  # pragma: no cover - the development environment has it
        raise MissingExtraError("scipy", "train") from error
    return special


def clopper_pearson(
    hits: ArrayLike, trials: ArrayLike, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the exact two-sided interval of a binomial share (Clopper and Pearson 1934).

    Args:
        hits: how often it happened; any shape.
        trials: out of how many, each at least 1; broadcasts with `hits`.
        confidence: at least this share of such intervals holds the true value.
    """
    special = special_functions()
    k, n = np.asarray(hits, np.float64), np.asarray(trials, np.float64)
    tail = (1 - confidence) / 2
    with np.errstate(invalid="ignore"):
        low = np.where(k > 0, special.betaincinv(np.maximum(k, 1), n - k + 1, tail), 0.0)
        high = np.where(k < n, special.betaincinv(k + 1, np.maximum(n - k, 1), 1 - tail), 1.0)
    return low, high


def share_interval(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return `clopper_pearson` of one share as plain numbers."""
    low, high = clopper_pearson(hits, trials, confidence)
    return float(low), float(high)
