"""LiRA, the likelihood-ratio attack on membership, in its online form.

After Carlini et al., "Membership Inference Attacks From First Principles", IEEE S&P 2022.
Shadow models are trained on random parts of the attacked rows; per row, one Gaussian is fitted to
the confidences of the shadows that saw it and one to those that didn't, and the target's confidence
is held against both.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from strongroom.attacks._results import NotEvaluable, Rows
from strongroom.attacks._roc import judge_scores
from strongroom.attacks.membership._signal import confidence, confidence_of_logits
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._results import RocResult, Situation
    from strongroom.config import TrainSpec
    from strongroom.models import Model

Variance = Literal["row", "global", "shrunk"]

_KNOWLEDGE = (
    "the record with its true label, the model's probabilities for it, the training recipe, and "
    "records of the same population to train shadow models on"
)
SHADOWED = ("logistic", "mlp")
_PRIOR = 16.0  # pseudo-observations that draw a row's variance to the global one
_FEWEST_SHADOWS = 4
_SMALLEST_SHARE = 0.25  # of the shadows that see a row: both Gaussians need some
_FLOOR = 1e-12


def lira_scores(
    target: NDArray[np.float64],
    shadows: NDArray[np.float64],
    membership: NDArray[np.bool_],
    variance: Variance = "shrunk",
) -> NDArray[np.float64]:
    """Return log N(target; in) - log N(target; out) per row; high means member.

    Args:
        target: float64 [n], the target's confidences.
        shadows: float64 [M, n], the shadows' confidences.
        membership: bool [M, n], which shadow learnt from which row; each row needs at least one
            shadow on either side.
        variance: of each row's two Gaussians: "row" is the paper's own, for hundreds of shadows;
            "global" pools it over all rows, for few; "shrunk" draws the row's towards the global
            by 16 pseudo-observations, which serves both.
    """
    inside, outside = membership.astype(np.float64), (~membership).astype(np.float64)
    scores = np.zeros(len(target))
    for sign, weight in ((1.0, inside), (-1.0, outside)):
        count = weight.sum(axis=0)
        mean = (weight * shadows).sum(axis=0) / count
        squares = (weight * (shadows - mean) ** 2).sum(axis=0)
        degrees = np.maximum(count - 1, 0)
        pooled = squares.sum() / max(1.0, degrees.sum())
        if variance == "global":
            spread = np.full(len(target), pooled)
        elif variance == "row":
            spread = squares / np.maximum(degrees, 1)
        else:
            spread = (squares + _PRIOR * pooled) / (degrees + _PRIOR)
        spread = np.maximum(spread, _FLOOR)
        scores += sign * (-0.5 * np.log(spread) - 0.5 * (target - mean) ** 2 / spread)
    return scores


def random_memberships(models: int, rows: int, seed: int, share: float = 0.5) -> NDArray[np.bool_]:
    """Return bool [models, rows]: each row is in a random `share` of the models, exactly."""
    coins = np.random.default_rng(seed)
    ranks = coins.random((models, rows)).argsort(axis=0)
    chosen: NDArray[np.bool_] = ranks < round(models * share)
    return chosen


def lira(
    target: Model,
    members: Rows,
    nonmembers: Rows,
    train_spec: TrainSpec,
    *,
    shadows: int = 64,
    noise_multiplier: float | None = None,
    trained_on: int | None = None,
    variance: Variance = "shrunk",
    seed: int = 0,
    progress: Progress = SILENT,
) -> RocResult | NotEvaluable:
    """Attack a model with shadow models that were trained by its own recipe.

    Args:
        target: the model.
        members: rows that it was trained on.
        nonmembers: rows of the same population that it wasn't.
        train_spec: its recipe.
        shadows: how many models the attacker trains; at least 4.
        noise_multiplier: that of the target's private training, or None.
        trained_on: how many rows the target was trained on, if more than `members`.
        variance: see `lira_scores`.
        seed: of the attacker's coins.
        progress: told of shadow training.
    """
    if shadows < _FEWEST_SHADOWS:
        return NotEvaluable(f"at least {_FEWEST_SHADOWS} shadow models are needed, not {shadows}")
    if min(len(members), len(nonmembers)) == 0:
        return NotEvaluable("there are no members or no non-members to tell apart")
    from strongroom.models import train_bank  # brings torch

    inputs = np.concatenate([members.inputs, nonmembers.inputs])
    pool = Rows(inputs, np.concatenate([members.labels, nonmembers.labels]))
    target_rows = trained_on or len(members)
    share = min(0.5, max(_SMALLEST_SHARE, target_rows / len(pool)))
    membership = random_memberships(shadows, len(pool), seed, share)
    learnt = round(len(pool) * share)
    spec, noise = _recipe(train_spec, noise_multiplier, learnt, target_rows)
    bank = train_bank(
        spec,
        pool.inputs,
        pool.labels,
        len(target.classes),
        membership,
        noise_multiplier=noise,
        seed=seed,
        progress=progress,
    )
    seen = np.stack([confidence_of_logits(z, pool.labels) for z in bank.logits(pool.inputs)])
    scores = lira_scores(confidence(target, pool), seen, membership, variance)
    return judge_scores(
        scores[: len(members)],
        scores[len(members) :],
        shadows=shadows,
        queries=len(pool),
        knowledge=_KNOWLEDGE,
        details={
            "variance": variance,
            "rows_per_shadow": learnt,
            "rows_of_the_target": target_rows,
            "shadow_population": (
                f"each shadow learns from a random {share:.0%} of the {len(members):,} members and "
                f"{len(nonmembers):,} non-members under attack"
                + (
                    f": {learnt:,} rows, where the target learnt from {target_rows:,}"
                    if learnt != target_rows
                    else ""
                )
            ),
            "shadows_trained": "privately, like the target" if noise else "without privacy",
        },
    )


def _recipe(
    spec: TrainSpec, noise_multiplier: float | None, learnt: int, target_rows: int
) -> tuple[TrainSpec, float | None]:
    """Return the target's recipe for shadows of `learnt` rows, with the noise on their mean kept.

    A batch that is larger than a shadow's set becomes the full set. The noise on the *mean*
    gradient is what shapes the model, so the multiplier shrinks with the batch.
    """
    batch = target_rows if spec.batch_size == "full" else spec.batch_size
    shadow_batch = min(batch, learnt)
    if noise_multiplier is not None:
        noise_multiplier *= shadow_batch / batch
    if spec.batch_size != "full" and spec.batch_size >= learnt:
        spec = spec.model_copy(update={"batch_size": "full"})
    return spec, noise_multiplier


class Lira:
    """`lira` behind the attack seam."""

    name = "membership.lira"

    def run(self, situation: Situation) -> RocResult | NotEvaluable:
        """Attack a sample of the rows with as many shadows as the situation allows."""
        kind = situation.train_spec.model
        if kind not in SHADOWED:
            return NotEvaluable(
                f"shadow models can be trained for {' and '.join(SHADOWED)} models, not for {kind}"
            )
        most, seed, statement = situation.most_rows, situation.seed, situation.statement
        result = lira(
            situation.target,
            situation.members.sample(most, seed),
            situation.nonmembers.sample(most, seed + 1),
            situation.train_spec,
            shadows=situation.shadows,
            noise_multiplier=statement.noise_multiplier if statement else None,
            trained_on=len(situation.members),
            seed=seed,
            progress=situation.progress,
        )
        if isinstance(result, NotEvaluable):
            return result
        return replace(result, details={**result.details, "seed": seed})
