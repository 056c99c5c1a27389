"""RMIA: is the target surer of this record, beside the references, than of other people's?

After Zarifzadeh, Liu and Shokri, "Low-Cost High-Power Membership Inference Attacks", ICML 2024. A
record's ratio is p(target) / p(world), the world's being the mean over models with and without the
record; its score is the share of records z of the population whose ratio it beats γ times. All
pairs are compared by sorting one side: O((n + z) log z), not n·z.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.attacks._results import NotEvaluable
from strongroom.attacks.membership._judging import judge
from strongroom.attacks.membership._look import METRICS, OFFLINE, WITH_REFERENCES, look
from strongroom.attacks.membership._sides import IN, OUT, log_probability, probability

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._results import RocResult
    from strongroom.attacks._situation import Situation

_CHOICES = np.linspace(0.0, 1.0, 11)
_PSEUDO_TARGETS = 8
_TINY = 1e-300


def rmia_scores(
    target: NDArray[np.floating],
    references: NDArray[np.floating],
    membership: NDArray[np.bool_],
    *,
    a: float | None = None,
    gamma: float = 1.0,
    population: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Return the share of the population that each row's likelihood ratio beats, in [0, 1].

    Args:
        target: [n], log(p / (1 - p)) under the target.
        references: [M, n], the same under the references.
        membership: bool [M, n], which reference learnt from which row.
        a: None is the online form, where the world is half in, half out. A number in [0, 1] is
            the offline form: only references that didn't learn from the row are used, and what the
            others would say is put at a·p(out) + 1 - a (section 3.2 of the paper).
        gamma: how many times another row's ratio has to be beaten, at least.
        population: bool [n]: the rows that stand for the population; None takes all, members among
            them: with γ = 1 the order of the rows doesn't depend on it.
    """
    ratios = log_ratios(target, references, membership, a=a)
    others = np.sort(ratios if population is None else ratios[population])
    beaten = np.searchsorted(others, ratios - np.log(gamma), side="right")
    if gamma == 1.0 and population is None:
        beaten = beaten - 1  # nobody beats themselves
    found: NDArray[np.float64] = beaten / max(1, len(others))
    return found


def log_ratios(
    target: NDArray[np.floating],
    references: NDArray[np.floating],
    membership: NDArray[np.bool_],
    *,
    a: float | None = None,
) -> NDArray[np.float64]:
    """Return log p(target) - log p(world) of each row; see `rmia_scores`.

    A row that all or none of the references learnt from is judged by those that there are.
    """
    world = world_probability(probability(references), membership, a)
    return log_probability(target) - np.log(np.maximum(world, _TINY))


def world_probability(
    p: NDArray[np.float64], membership: NDArray[np.bool_], a: float | None = None
) -> NDArray[np.float64]:
    """Return p(world) of each row from probabilities [M, n]."""
    weight = membership.astype(np.float64)
    count_in = weight.sum(axis=0)
    count_out = len(p) - count_in
    total_in = np.einsum("mn,mn->n", weight, p)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = {IN: total_in / count_in, OUT: (p.sum(axis=0) - total_in) / count_out}
    outside = np.where(count_out > 0, mean[OUT], mean[IN])
    seen = np.where(count_in > 0, mean[IN], mean[OUT])
    inside = seen if a is None else a * outside + 1 - a
    world: NDArray[np.float64] = (inside + outside) / 2
    return world


def choose_a(references: NDArray[np.floating], membership: NDArray[np.bool_]) -> float:
    """Return the offline form's `a` that finds the references' own members best.

    The attacker knows what the references learnt from: each of up to eight is attacked with the
    others. The target's members are never looked at.
    """
    p, gains = probability(references), np.zeros(len(_CHOICES))
    for i in range(min(_PSEUDO_TARGETS, len(p))):
        weight = (~membership).astype(np.float64)
        weight[i] = 0
        count = weight.sum(axis=0)
        usable = count > 0
        inside = membership[i, usable]
        if not 0 < inside.sum() < len(inside):
            continue
        outside = np.einsum("mn,mn->n", weight, p)[usable] / count[usable]
        own = log_probability(references[i, usable])
        for j, a in enumerate(_CHOICES):
            ratio = own - np.log(np.maximum((1 + a) * outside + 1 - a, _TINY))
            gains[j] += np.argsort(np.argsort(ratio))[inside].mean() / len(ratio)
    return float(_CHOICES[int(gains.argmax())]) if gains.any() else 1.0


class Rmia:
    """`rmia_scores` with references on both sides, behind the attack seam."""

    name = "membership.rmia"
    metrics = METRICS
    presets = ("standard", "full")

    def run(self, situation: Situation) -> RocResult | NotEvaluable:
        """Attack the rows of the situation with its shadows."""
        looked = look(situation)
        if isinstance(looked, NotEvaluable):
            return looked
        scores = rmia_scores(looked.target, looked.references, looked.membership)
        return judge(looked, scores, WITH_REFERENCES, {"form": "online", "gamma": 1.0})


class RmiaOffline:
    """`rmia_scores` with references that never saw the row, behind the attack seam."""

    name = "membership.rmia_offline"
    metrics = METRICS
    presets = ("full",)

    def run(self, situation: Situation) -> RocResult | NotEvaluable:
        """Attack the rows of the situation with its shadows."""
        looked = look(situation)
        if isinstance(looked, NotEvaluable):
            return looked
        a = choose_a(looked.references, looked.membership)
        scores = rmia_scores(looked.target, looked.references, looked.membership, a=a)
        return judge(looked, scores, OFFLINE, {"form": "offline", "gamma": 1.0, "a": a})
