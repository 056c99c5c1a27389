"""Membership from hard labels alone: how far a record can be changed before its label flips.

After Choquette-Choo, Tramèr, Carlini and Papernot, "Label-Only Membership Inference Attacks", ICML
2021: what a model learnt from lies farther from its decision boundary. A share of changed copies
that keep the true label stands for the distance: copies are changed little at first, then more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._results import NotEvaluable
from strongroom.attacks._situation import Pool
from strongroom.attacks.membership._judging import judge
from strongroom.attacks.membership._look import METRICS, Looked
from strongroom.attacks.membership._variations import variations_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._results import RocResult
    from strongroom.attacks._situation import Situation
    from strongroom.attacks.membership._variations import Variations
    from strongroom.models import Model

_KNOWLEDGE = "the record with its true label, and which label the model gives to any record"
_COPIES = 48
_FEWEST_COPIES = 8
_FEWEST_ROWS = 40
_MOST_ROWS = 1_000  # of members and of others each


def label_only_scores(
    model: Model,
    inputs: NDArray[Any],
    labels: NDArray[np.integer],
    variations: Variations,
    *,
    copies: int = _COPIES,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Return the share of a row's changed copies that the model gives the row's true label.

    Only the label of the largest probability is looked at. Asks for exactly (1 + copies) · n rows;
    the row itself counts as much as all of its copies: without it nothing is near.

    Args:
        model: the target.
        inputs: [n, …].
        labels: int [n], the true ones.
        variations: how copies are changed.
        copies: per row, each changed more than the one before.
        seed: of the changes.
    """
    coins = np.random.default_rng(seed)
    right = (_labels(model, inputs) == labels) * float(copies)
    for step in range(copies):
        strength = (step + 0.5) / copies
        right += _labels(model, variations.changed(inputs, strength, coins)) == labels
    shares: NDArray[np.float64] = right / (2 * copies)
    return shares


def _labels(model: Model, inputs: NDArray[Any]) -> NDArray[np.int64]:
    said = np.asarray(model.predict_proba(inputs))
    # A row without an answer has no label, and never the right one.
    return np.where(np.isfinite(said).all(axis=1), said.argmax(axis=1), -1)


class LabelOnly:
    """`label_only_scores` behind the attack seam."""

    name = "membership.label_only"
    metrics = METRICS
    kinds = ("table", "image")
    presets = ("full",)

    def run(self, situation: Situation) -> RocResult | NotEvaluable:
        """Attack as many rows as the budget of queries allows."""
        whole, budget = situation.pool(), situation.query_budget
        rows, copies = 2 * _MOST_ROWS, _COPIES
        if budget is not None:
            if budget < _FEWEST_ROWS * (1 + _FEWEST_COPIES):
                return NotEvaluable(
                    f"a budget of {budget:,} queries is too small: at least "
                    f"{_FEWEST_ROWS * (1 + _FEWEST_COPIES):,} are needed, {1 + _FEWEST_COPIES} for "
                    f"each of {_FEWEST_ROWS} rows"
                )
            # Fewer copies first: an interval needs rows more than a score needs steps.
            copies = max(_FEWEST_COPIES, min(copies, budget // rows - 1))
            rows = min(rows, budget // (1 + copies))
        each = rows // 2
        inside = np.arange(whole.members)
        outside = np.arange(whole.members, len(whole.rows))
        coins = np.random.default_rng(situation.seed)
        chosen = [np.sort(coins.permutation(side)[:each]) for side in (inside, outside)]
        pool = Pool(whole.rows.take(np.concatenate(chosen)), len(chosen[0]))
        changes = variations_of(situation, whole.rows.inputs)
        if isinstance(changes, NotEvaluable):
            return changes
        scores = label_only_scores(
            situation.target,
            pool.rows.inputs,
            pool.rows.labels,
            changes,
            copies=copies,
            seed=situation.seed,
        )
        looked = Looked.alone(scores, pool, (1 + copies) * len(pool.rows))
        details = {"copies_per_row": copies, "seed": situation.seed}
        return judge(looked, scores, _KNOWLEDGE, details)
