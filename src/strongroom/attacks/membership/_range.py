"""Membership of a record that is known only in part: was anybody like this in the training data?

After Tao and Shokri, "Range Membership Inference Attacks", 2024. The attacker knows some columns of
a table row, or an image but for shifts and noise; candidates for the rest are drawn from the
population, each is scored, and the highest half of the scores is averaged: the record itself, if
it is among them, lies there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._results import NotEvaluable
from strongroom.attacks._signal import confidence
from strongroom.attacks._situation import Pool, Rows
from strongroom.attacks.membership._judging import judge
from strongroom.attacks.membership._look import METRICS, Looked, as_signal
from strongroom.attacks.membership._rmia import choose_a, log_ratios
from strongroom.attacks.membership._variations import variations_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._results import RocResult
    from strongroom.attacks._situation import Situation

_KNOWLEDGE = (
    "part of the record and its true label, the model's probabilities for any record, the training "
    "recipe, and shadow models that were trained on other records of the same population"
)
UNKNOWN = 0.2  # of what a record holds
_CANDIDATES = 16
_MOST_ROWS = 1_500  # of members and of others each
_FEWEST_ROWS = 40


def trimmed_mean(scores: NDArray[np.floating], keep: float = 0.5) -> NDArray[np.float64]:
    """Return, per row, the mean of the highest `keep` of its scores [n, s].

    NaN stands for a candidate without an answer; a row of nothing else stays NaN.
    """
    count = max(1, round(keep * scores.shape[1]))
    highest = -np.sort(-np.asarray(scores, np.float64), axis=1)[:, :count]  # NaN goes last
    known = np.isfinite(highest)
    with np.errstate(invalid="ignore"):
        found: NDArray[np.float64] = np.where(known, highest, 0).sum(axis=1) / known.sum(axis=1)
    return found


def range_scores(
    target: NDArray[np.floating],
    references: NDArray[np.floating],
    membership: NDArray[np.bool_],
    *,
    a: float,
    keep: float = 0.5,
) -> NDArray[np.float64]:
    """Return a score of each of n ranges, high if it holds a member.

    Args:
        target: [n, s], log(p / (1 - p)) of s candidates of each range under the target.
        references: [M, n, s], the same under the references.
        membership: bool [M, n], which reference learnt from the record that the range is around.
        a: of RMIA's offline form; see `rmia_scores`.
        keep: see `trimmed_mean`.
    """
    rows, count = target.shape
    known = np.repeat(membership, count, axis=1)
    ratios = log_ratios(target.ravel(), references.reshape(len(references), -1), known, a=a)
    return trimmed_mean(ratios.reshape(rows, count), keep)


class Range:
    """`range_scores` behind the attack seam."""

    name = "membership.range"
    metrics = METRICS
    kinds = ("table", "image")
    presets = ("full",)

    def run(self, situation: Situation) -> RocResult | NotEvaluable:
        """Attack ranges around rows of the situation, as many as the budget of queries allows."""
        made, whole = situation.shadows_of(), situation.pool()
        if isinstance(made, NotEvaluable):
            return made
        changes = variations_of(situation, whole.rows.inputs)
        if isinstance(changes, NotEvaluable):
            return changes
        each = _MOST_ROWS
        if situation.query_budget is not None:
            if situation.query_budget < _FEWEST_ROWS * _CANDIDATES:
                return NotEvaluable(
                    f"a budget of {situation.query_budget:,} queries is too small: at least "
                    f"{_FEWEST_ROWS * _CANDIDATES:,} are needed, {_CANDIDATES} for each of "
                    f"{_FEWEST_ROWS} rows"
                )
            each = min(each, situation.query_budget // _CANDIDATES // 2)
        coins = np.random.default_rng(situation.seed)
        chosen = np.concatenate(
            [
                np.sort(coins.permutation(side)[:each])
                for side in (np.arange(whole.members), np.arange(whole.members, len(whole.rows)))
            ]
        )
        pool = Pool(whole.rows.take(chosen), int((chosen < whole.members).sum()))
        target, references = [], []
        for _ in range(_CANDIDATES):
            candidates = Rows(changes.changed(pool.rows.inputs, UNKNOWN, coins), pool.rows.labels)
            target.append(as_signal(situation.target, confidence(situation.target, candidates)))
            references.append(as_signal(situation.target, made.confidence(candidates)))
        membership = made.membership[:, chosen]
        a = choose_a(made.confidence(), made.membership)
        signals = np.stack(target, axis=1).astype(np.float64)
        signals[~np.isfinite(signals)] = np.nan
        scores = range_scores(signals, np.stack(references, axis=2), membership, a=a)
        return _judged(situation, pool, scores, len(made), a)


def _judged(
    situation: Situation,
    pool: Pool,
    scores: NDArray[np.float64],
    shadows: int,
    a: float,
) -> RocResult | NotEvaluable:
    kept = np.flatnonzero(np.isfinite(scores))
    details: dict[str, Any] = {
        "candidates_per_range": _CANDIDATES,
        "unknown_share": UNKNOWN,
        "a": a,
        "seed": situation.seed,
    }
    if len(kept) < len(scores):
        details["rows_without_an_answer"] = len(scores) - len(kept)
    asked = _CANDIDATES * len(scores)
    pool = Pool(pool.rows.take(kept), int((kept < pool.members).sum()))
    looked = Looked.alone(scores[kept], pool, asked)
    return judge(looked, scores[kept], _KNOWLEDGE, details, shadows=shadows)
