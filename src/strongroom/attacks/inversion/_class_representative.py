"""`inversion.class_representative`: invert classes, and let somebody else name what came out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._intervals import share_interval
from strongroom.attacks._results import Measured, NotEvaluable, Value
from strongroom.attacks.inversion._ascent import invert_classes
from strongroom.attacks.inversion._gain import PERMUTATIONS, similarity_gain
from strongroom.attacks.inversion._recogniser import Recogniser
from strongroom.attacks.inversion._slopes import EstimatedSlope, gradient_slope

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._results import Result
    from strongroom.attacks._situation import Rows, Situation
    from strongroom.attacks.inversion._slopes import Slope

_FEWEST_CLASSES = 3
_MOST_CLASSES = 100
_MOST_ROWS = 50  # of a class, on each side
_STEPS = {"quick": 40, "standard": 60, "full": 120}
_BLIND_STEPS = 25
_BLIND_PAIRS = {"quick": 8, "standard": 16, "full": 64}
_FEWEST_PAIRS = 4


class ClassRepresentative:
    """Inverts the classes of an image model (Fredrikson et al. 2015).

    White-box where the target has gradients, else by estimated ones under the query budget. The
    recogniser learns from non-members alone: it has never seen what the target was trained on.

    Being recognised is harm where a class is a person; where it is a kind of thing, it only says
    that the model knows its job. The gain in similarity asks about the training images themselves.
    """

    name = "inversion.class_representative"
    kinds = ("image",)
    presets = ("standard", "full")
    metrics = ("inversion.recognised_share", "inversion.similarity_gain")

    def run(self, situation: Situation) -> Result:
        """Invert at most 100 classes that have members and non-members."""
        pool = situation.pool()
        classes = _classes(pool.rows, pool.member, situation.seed)
        if len(classes) < _FEWEST_CLASSES:
            return NotEvaluable(
                f"only {len(classes)} classes have images both among the members and among the "
                f"others; at least {_FEWEST_CLASSES} are needed"
            )
        chosen = _rows(pool.rows.labels, pool.member, classes, situation.seed)
        rows, member = pool.rows.take(chosen), pool.member[chosen]
        inputs, labels = np.asarray(rows.inputs), np.asarray(rows.labels, np.int64)
        bounds = (float(inputs.min()), float(inputs.max()))
        if not np.isfinite(bounds).all() or bounds[0] == bounds[1]:
            return NotEvaluable("the inputs are constant, or not all of them are numbers")
        slope = gradient_slope(situation.target)
        steps = _STEPS[situation.effort]
        if slope is None or _over(situation.query_budget, len(classes) * (steps + 1)):
            found = _blind(situation, len(classes), inputs.dtype, bounds[1] - bounds[0])
            if isinstance(found, NotEvaluable):
                return found
            slope, steps = found, _BLIND_STEPS
        inverted = invert_classes(
            slope,
            classes,
            inputs.shape[1:],
            bounds,
            steps=steps,
            progress=situation.progress,
        )
        if not np.isfinite(inverted.confidence).all():
            return NotEvaluable("the model's probabilities hold NaN: it gives no usable output")
        return _judge(
            inverted.images, inverted.confidence, classes, (inputs, labels, member), slope
        )


def _judge(
    images: NDArray[np.float32],
    confidence: NDArray[np.float64],
    classes: NDArray[np.int64],
    labelled: tuple[NDArray[Any], NDArray[np.int64], NDArray[np.bool_]],
    slope: Slope,
) -> Measured:
    inputs, labels, member = labelled
    recogniser = Recogniser(inputs[~member], labels[~member])
    named = recogniser.by_templates(images) == classes
    by_fisher = recogniser.by_fisher(images) == classes
    low, high = share_interval(int(named.sum()), len(classes))
    accuracy = recogniser.accuracy(inputs[member], labels[member])
    gain = similarity_gain(images, classes, inputs, labels, member, seed=0)
    return Measured(
        values=(
            Value(
                "inversion.recognised_share",
                float(named.mean()),
                low,
                high,
                "Clopper-Pearson",
                details={
                    "chance": 1 / len(classes),
                    "by_fisherfaces": float(by_fisher.mean()),
                    "recogniser_accuracy": accuracy[0],
                    "fisherfaces_accuracy": accuracy[1],
                    "recogniser_images": int((~member).sum()),
                },
            ),
            Value(
                "inversion.similarity_gain",
                gain.gain,
                gain.low,
                gain.high,
                f"{PERMUTATIONS} shuffles of membership within classes",
                details={
                    "nearest_member": gain.to_members,
                    "nearest_other": gain.to_others,
                    "p_value": gain.p_value,
                },
            ),
        ),
        queries=slope.queries,
        knowledge=slope.knowledge,
        details={"classes": len(classes), "confidence": float(confidence.mean())},
    )


def _classes(rows: Rows, member: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    both = np.intersect1d(rows.labels[member], rows.labels[~member]).astype(np.int64)
    if len(both) > _MOST_CLASSES:
        both = np.sort(np.random.default_rng(seed).choice(both, _MOST_CLASSES, replace=False))
    return both


def _rows(
    labels: NDArray[np.integer], member: NDArray[np.bool_], classes: NDArray[np.int64], seed: int
) -> NDArray[np.int64]:
    """Return the places of at most 50 members and 50 others of each class."""
    coins = np.random.default_rng(seed)
    found = []
    for label in classes:
        for side in (member, ~member):
            there = np.flatnonzero((labels == label) & side)
            found.append(np.sort(coins.permutation(there)[:_MOST_ROWS]))
    return np.concatenate(found)


def _over(budget: int | None, needed: int) -> bool:
    return budget is not None and needed > budget


def _blind(
    situation: Situation, classes: int, dtype: np.dtype[Any], span: float
) -> EstimatedSlope | NotEvaluable:
    pairs = _BLIND_PAIRS[situation.effort]
    looks = classes * (_BLIND_STEPS + 1)
    budget = situation.query_budget
    if budget is not None:
        pairs = min(pairs, (budget // looks - 1) // 2)
    if pairs < _FEWEST_PAIRS:
        return NotEvaluable(
            f"the query budget of {budget:,} rows doesn't reach: without gradients, {classes} "
            f"classes take at least {looks * (2 * _FEWEST_PAIRS + 1):,}"
        )
    return EstimatedSlope(situation.target, dtype, span, pairs, situation.seed)
