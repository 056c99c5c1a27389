"""From scores to a curve: ROC, its area, and true-positive rates at low false-positive rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._intervals import clopper_pearson, special_functions
from strongroom.attacks._results import NotEvaluable, RateAt, RocResult
from strongroom.models import delong

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FALSE_POSITIVE_RATES = (0.001, 0.01)
_POINTS = 300
_BINS = 48
_FEWEST = 20
_CONFIDENCE = 0.95


def roc_curve(
    members: NDArray[np.float64], nonmembers: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (fpr, tpr) at every distinct threshold, from (0, 0) to (1, 1); high means member."""
    scores = np.concatenate([members, nonmembers])
    is_member = np.arange(len(scores)) < len(members)
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], is_member[order]
    last_of_tie = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    true = np.cumsum(hits)[last_of_tie]
    false = last_of_tie + 1 - true
    return (
        np.append(0.0, false / max(1, len(nonmembers))),
        np.append(0.0, true / max(1, len(members))),
    )


def auc(
    members: NDArray[np.float64], nonmembers: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return the area under the curve and its 95 % interval (DeLong, DeLong, Clarke-Pearson 1988).

    When every member stands above every non-member, DeLong's variance is 0; the interval then
    comes from the rule of three on the smaller side, and isn't a point.
    """
    area, low, high = delong(
        np.concatenate([members, nonmembers]),
        np.arange(len(members) + len(nonmembers)) < len(members),
    )
    if low == high:
        reach = 3 / min(len(members), len(nonmembers))
        low, high = max(0.0, area - reach), min(1.0, area + reach)
    return area, low, high


def judge_scores(
    members: NDArray[np.floating],
    nonmembers: NDArray[np.floating],
    *,
    shadows: int = 0,
    queries: int = 0,
    knowledge: str = "",
    details: Mapping[str, Any] | None = None,
) -> RocResult | NotEvaluable:
    """Turn membership scores, high for members, into a result with intervals."""
    inside, outside = np.asarray(members, np.float64), np.asarray(nonmembers, np.float64)
    if min(len(inside), len(outside)) < _FEWEST:
        return NotEvaluable(
            f"too few rows: {len(inside)} members and {len(outside)} non-members, "
            f"at least {_FEWEST} of each are needed"
        )
    if not (np.isfinite(inside).all() and np.isfinite(outside).all()):
        return NotEvaluable(
            "the scores hold NaN or infinite values: the model gives no usable output"
        )
    if max(inside.max(), outside.max()) == min(inside.min(), outside.min()):
        return NotEvaluable("every row has the same score: the attack has nothing to go by")
    area, area_low, area_high = auc(inside, outside)
    rates = _log_grid(len(outside))
    tpr = _at(inside, outside, np.floor(rates * len(outside) + 1e-9).astype(np.int64))
    low, high = tpr_band(inside, outside, rates)
    return RocResult(
        fpr=tuple(rates.tolist()),
        tpr=tuple((tpr / len(inside)).tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        auc=area,
        auc_low=area_low,
        auc_high=area_high,
        tpr_at={
            rate: rate_at(inside, outside, rate)
            for rate in FALSE_POSITIVE_RATES
            if len(outside) * rate >= 1
        },
        members=len(inside),
        nonmembers=len(outside),
        shadows=shadows,
        queries=queries,
        knowledge=knowledge,
        details=dict(details or {}),
        scores=_histograms(inside, outside),
    )


def _histograms(
    members: NDArray[np.float64], nonmembers: NDArray[np.float64]
) -> dict[str, list[float]]:
    """Return both sides' shares in the same bins; an outlier doesn't squeeze all others."""
    low, high = np.quantile(np.concatenate([members, nonmembers]), [0.005, 0.995])
    top = min(max(members.max(), nonmembers.max()), high + 2 * (high - low))
    if not low < top:
        low, top = min(members.min(), nonmembers.min()), max(members.max(), nonmembers.max())
    edges = np.linspace(low, top, _BINS + 1)
    shares = [
        np.histogram(np.clip(side, low, top), edges)[0] / len(side)
        for side in (members, nonmembers)
    ]
    return {
        "edges": edges.tolist(),
        "members": shares[0].tolist(),
        "nonmembers": shares[1].tolist(),
    }


def rate_at(members: NDArray[np.float64], nonmembers: NDArray[np.float64], fpr: float) -> RateAt:
    """Return the true-positive rate when at most `fpr` of the non-members are accused."""
    allowed = np.asarray([np.floor(fpr * len(nonmembers) + 1e-9)], np.int64)
    hits = int(_at(members, nonmembers, allowed)[0])
    low, high = tpr_band(members, nonmembers, np.asarray([fpr]))
    given_low, given_high = clopper_pearson(hits, len(members), _CONFIDENCE)
    return RateAt(
        fpr=fpr,
        tpr=hits / len(members),
        low=float(low[0]),
        high=float(high[0]),
        low_given=float(given_low),
        high_given=float(given_high),
        false_positives=int(allowed[0]),
    )


def tpr_band(
    members: NDArray[np.float64], nonmembers: NDArray[np.float64], rates: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a pointwise 95 % interval of the true-positive rate at each false-positive rate.

    The threshold that belongs to a false-positive rate is itself estimated, from a handful of
    non-members when the rate is low. So half of the error goes to order statistics of the
    non-members that enclose the threshold, and half to Clopper–Pearson for the members above it.
    """
    n = len(nonmembers)
    half = (1 - _CONFIDENCE) / 2
    fewest, most = _count_range(n, rates, half)
    tight, loose = _at(members, nonmembers, fewest), _at(members, nonmembers, most)
    low, _ = clopper_pearson(tight, len(members), 1 - half)
    _, high = clopper_pearson(loose, len(members), 1 - half)
    return low, high


def _count_range(
    trials: int, rates: NDArray[np.float64], error: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return counts (a, b) with P(Binomial < a) and P(Binomial > b) at most error / 2 each."""
    special = special_functions()
    counts = np.arange(trials + 1)
    fewest = np.empty(len(rates), np.int64)
    most = np.empty(len(rates), np.int64)
    for i, rate in enumerate(rates):
        below = special.bdtr(counts, trials, min(rate, 1.0))  # P(Binomial <= count)
        fewest[i] = np.searchsorted(below, error / 2, side="right")
        most[i] = np.searchsorted(below, 1 - error / 2, side="left")
    return np.minimum(fewest, trials), np.minimum(most, trials)


def _at(
    members: NDArray[np.float64], nonmembers: NDArray[np.float64], allowed: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return how many members stand above the threshold that accuses at most `allowed` others."""
    falling = np.sort(nonmembers)[::-1]
    rising = np.sort(members)
    # Strictly above the next non-member: ties are decided against the attacker.
    bar = np.append(falling, -np.inf)[np.minimum(allowed, len(falling))]
    hits: NDArray[np.int64] = len(rising) - np.searchsorted(rising, bar, side="right")
    return hits


def _log_grid(nonmembers: int) -> NDArray[np.float64]:
    """Return at most 300 false-positive rates, even on a log axis, each k / nonmembers."""
    counts = np.unique(np.geomspace(1, nonmembers, _POINTS - 1).round().astype(np.int64))
    return np.append(0, counts) / nonmembers
