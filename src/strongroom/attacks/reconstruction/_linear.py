"""`reconstruction.linear`: who knows all training rows but one computes it from the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._intervals import share_interval
from strongroom.attacks._results import Measured, NotEvaluable, Value
from strongroom.attacks.reconstruction._criteria import Columns
from strongroom.attacks.reconstruction._linear_models import linear_model_of
from strongroom.attacks.reconstruction._missing_row import missing_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._results import Result
    from strongroom.attacks._situation import Situation

METRIC = "reconstruction.linear_recovered_share"
_FEWEST = 20
_TRIED = {"quick": 500, "standard": 2_000, "full": 10_000}
_AT_ONCE = 2_000_000  # numbers
_KNOWLEDGE = (
    "white-box: the attacker holds the parameters and the recipe, and knows every training row but "
    "the one that it wants"
)


class LinearReconstruction:
    """Computes single training rows of a logistic or softmax regression from all the others.

    It works where the training went to the optimum of its loss. A training that stopped before it,
    without privacy, is not evaluable rather than safe: who also knows how it stopped knows more.
    """

    name = "reconstruction.linear"
    kinds = ("table", "image")
    presets = ("standard", "full")
    metrics = (METRIC,)

    def run(self, situation: Situation) -> Result:
        """Try at most 2,000 members, each with all others known."""
        found = linear_model_of(situation.target, situation.members.inputs, situation.train_spec)
        if isinstance(found, NotEvaluable):
            return found
        model, inputs = found
        labels = np.asarray(situation.members.labels, np.int64)
        if len(inputs) < _FEWEST:
            return NotEvaluable(f"{len(inputs)} members are too few: at least {_FEWEST} are needed")
        by_weight, by_bias = model.left_over(inputs, labels)
        coins = np.random.default_rng(situation.seed)
        tried = coins.permutation(len(inputs))[: _TRIED[situation.effort]]
        slopes = model.slopes(inputs[tried], labels[tried])
        apart = _apart(by_weight, by_bias, slopes, inputs[tried])
        if apart > 1 and situation.statement is None:
            return NotEvaluable(
                "the model isn't at the optimum of its loss over these members: the slope that is "
                f"left is {apart:.3g} times a row's own (median). Either they aren't all the rows "
                "that it was trained on, or its training stopped early"
            )
        # After a pipeline's other steps the columns are no longer the encoder's.
        same = inputs.shape[1:] == situation.members.inputs.shape[1:]
        criterion = Columns.of(situation.encoder if same else None, inputs)
        right = np.zeros(len(tried), np.bool_)
        named = np.zeros(len(tried), np.bool_)
        step = max(1, _AT_ONCE // by_weight.size)
        for begin in range(0, len(tried), step):
            some = slice(begin, begin + step)
            own = slopes[some, :, None] * inputs[tried[some], None, :].astype(np.float64)
            # What the others leave is the row's own slope, less what the optimum is short of.
            rows, classes = missing_rows(own - by_weight, slopes[some] - by_bias)
            right[some] = criterion.enough(criterion.quality(rows, inputs[tried[some]]))
            named[some] = classes == labels[tried[some]]
            situation.progress.step(min(begin + step, len(tried)), len(tried), "missing rows")
        low, high = share_interval(int(right.sum()), len(tried))
        details = {
            "tried": len(tried),
            "labels_right": float(named.mean()),
            "slope_left": apart,
            "recovered_means": criterion.words,
            **_baseline(criterion, inputs, labels, tried, coins),
        }
        value = Value(METRIC, float(right.mean()), low, high, "Clopper-Pearson", details=details)
        return Measured(values=(value,), knowledge=_KNOWLEDGE)


def _apart(
    by_weight: NDArray[np.float64],
    by_bias: NDArray[np.float64],
    slopes: NDArray[np.float64],
    inputs: NDArray[Any],
) -> float:
    """Return how large what is left of the slope is beside a row's own; the median over rows."""
    left = np.sqrt(np.square(by_weight).sum() + np.square(by_bias).sum())
    sizes = np.square(inputs.astype(np.float64)).sum(axis=1) + 1
    own = np.sqrt(np.square(slopes).sum(axis=1) * sizes)
    return float(np.median(left / np.maximum(own, 1e-30)))


def _baseline(
    criterion: Columns,
    inputs: NDArray[Any],
    labels: NDArray[np.int64],
    tried: NDArray[np.int64],
    coins: np.random.Generator,
) -> dict[str, float]:
    """Return how often a guess without the model is right: the mean row, or another row."""
    truth = inputs[tried]
    mean = np.broadcast_to(inputs.mean(axis=0, dtype=np.float64), truth.shape)
    by_label = {int(label): np.flatnonzero(labels == label) for label in np.unique(labels)}
    other = np.array([coins.choice(by_label[int(label)]) for label in labels[tried]])
    other = np.where(other == tried, (other + 1) % len(inputs), other)
    shares = [criterion.enough(criterion.quality(g, truth)).mean() for g in (mean, inputs[other])]
    return {"baseline": float(max(shares))}
