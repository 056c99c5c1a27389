"""A weighing of clues that is learnt where the truth is known: logistic regression, its ridge too.

Newton's method on the penalised likelihood; the ridge is set by the evidence (MacKay 1992), so that
corrections that the data doesn't ask for vanish, and nothing has to be tuned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STRIDE, _STEPS, _LAST_STEPS = 4, 10, 3
_FREE = 2  # the intercept and the base score aren't drawn to 0
_ALL_BUT_NONE = 1e-3
_FIRST_RIDGE = 100.0
_RIDGES = (1.0, 1e9)
_AT_ONCE = 30.0  # a ridge changes by no more than this factor a step
_HALVINGS = 12
_CLOSE = 1e-4
_LEAST_TRUST = 0.05
_BEYOND = 30.0  # log odds at which a probability is 0 or 1 to float64


@dataclass(frozen=True, eq=False)
class Stacking:
    """What was learnt: `trust`·base + weights·(clues - centre)/scale, on the scale of log odds.

    Attributes:
        trust: how far the base score is followed, never less than 0.05: where the references show
            no leak, it is all that is left.
        weights, centre, scale: float64 [k], of the clues and their products.
        ridge: the penalty that the evidence chose.
    """

    trust: float
    weights: NDArray[np.float64]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    ridge: float

    def __call__(
        self, base: NDArray[np.float64], clues: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the log odds of rows, up to a constant; `base` [n], `clues` [n, c]."""
        correction = ((products(clues) - self.centre) / self.scale) @ self.weights
        found: NDArray[np.float64] = self.trust * base + correction
        return found


def products(clues: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the clues [n, c] and every product of two of them."""
    left, right = np.triu_indices(clues.shape[1])
    return np.concatenate([clues, clues[:, left] * clues[:, right]], axis=1)


def fit(
    base: NDArray[np.float64], clues: NDArray[np.float64], member: NDArray[np.bool_]
) -> Stacking:
    """Learn to tell members by a base score [n] and corrections to it from clues [n, c]."""
    wide = products(clues)
    centre, scale = wide.mean(axis=0), wide.std(axis=0) + 1e-9
    wide = (wide - centre) / scale
    design = np.concatenate([np.ones((len(wide), 1)), base[:, None], wide], axis=1)
    truth = member.astype(np.float64)
    weights, ridge = np.zeros(design.shape[1]), _FIRST_RIDGE
    # Most of the way is gone on every fourth row, which costs a fourth.
    for stride, steps in ((_STRIDE, _STEPS), (1, _LAST_STEPS)):
        part, told = design[::stride], truth[::stride]
        for _ in range(steps):
            weights, last, ridge = _step(part, told, weights, ridge)
            if last < _CLOSE:
                break
    learnt = Stacking(max(float(weights[1]), _LEAST_TRUST), weights[_FREE:], centre, scale, ridge)
    if _order(design @ weights, member) >= _order(base, member):
        return learnt
    return Stacking(1.0, np.zeros(len(centre)), centre, scale, _RIDGES[1])


def _order(scores: NDArray[np.float64], member: NDArray[np.bool_]) -> float:
    """Return the mean rank of members: what the area under the curve grows with."""
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores, kind="stable")] = np.arange(len(scores))
    return float(ranks[member].mean())


def _step(
    design: NDArray[np.float64],
    truth: NDArray[np.float64],
    weights: NDArray[np.float64],
    ridge: float,
) -> tuple[NDArray[np.float64], float, float]:
    """Return weights a Newton step on, how large it was, and the ridge that fits them better."""
    penalty = np.full(len(weights), ridge)
    penalty[:_FREE] = _ALL_BUT_NONE
    odds = design @ weights
    chance = 1 / (1 + np.exp(-np.clip(odds, -_BEYOND, _BEYOND)))
    slope = design.T @ (truth - chance) - penalty * weights
    curvature = (design * (chance * (1 - chance) + 1e-9)[:, None]).T @ design
    step = np.linalg.solve(curvature + np.diag(penalty), slope)
    # Where clues all but give members away a full step overshoots, and the next one more so.
    moved, now = design @ step, _objective(odds, truth, weights, penalty)
    for _ in range(_HALVINGS):
        if _objective(odds + moved, truth, weights + step, penalty) >= now:
            break
        step, moved = step / 2, moved / 2
    weights = weights + step
    # The clues' own curvature, once the base score and the intercept are accounted for.
    free = curvature[:_FREE, :_FREE] + 1e-9 * np.eye(_FREE)
    known = curvature[_FREE:, :_FREE] @ np.linalg.solve(free, curvature[:_FREE, _FREE:])
    values = np.maximum(np.linalg.eigvalsh(curvature[_FREE:, _FREE:] - known), 0)
    settled = (values / (values + ridge)).sum()
    size = float(weights[_FREE:] @ weights[_FREE:])
    better = float(np.clip(settled / max(size, 1e-12), ridge / _AT_ONCE, ridge * _AT_ONCE))
    return weights, float(np.abs(step).max()), float(np.clip(better, *_RIDGES))


def _objective(
    odds: NDArray[np.float64],
    truth: NDArray[np.float64],
    weights: NDArray[np.float64],
    penalty: NDArray[np.float64],
) -> float:
    """Return the penalised log-likelihood, which a step must not lower."""
    likelihood = truth @ odds - np.logaddexp(0.0, odds).sum()
    return float(likelihood - 0.5 * penalty @ weights**2)
