"""The signal of membership: the logit-scaled confidence log(p / (1 - p)) of the true class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._situation import Rows
    from strongroom.models import Model

_SMALLEST = 1e-37  # below it float32 probabilities lose their precision
_COARSEST = 0.005  # half a vote of a hundred
_FINE = 1e-6  # a probability below it is no share of votes


def confidence_of_logits(
    logits: NDArray[np.floating], labels: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return log(p / (1 - p)) of the true class for logits [..., n, classes], without overflow.

    It is z_y - logsumexp of the other classes' logits: p itself, which rounds to 1, never appears
    (Carlini et al. 2022, section 5.1). One class alone gives infinity.
    """
    z = np.asarray(logits, np.float64)
    index = np.broadcast_to(np.asarray(labels)[:, None], (*z.shape[:-1], 1))
    own = np.take_along_axis(z, index, axis=-1)[..., 0]
    others = z.copy()
    np.put_along_axis(others, index, -np.inf, axis=-1)
    peak = others.max(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = peak + np.log(np.exp(others - peak[..., None]).sum(axis=-1))
    signal: NDArray[np.float64] = own - rest
    return signal


def confidence(model: Model, rows: Rows) -> NDArray[np.float64]:
    """Return log(p / (1 - p)) of the true class, from the model's logits where it gives them.

    A model of sequences has no one class to a row: there it is the mean log-likelihood of a token.
    """
    losses = getattr(model, "losses", None)
    if callable(losses):
        likelihood: NDArray[np.float64] = -losses(rows.inputs, rows.labels)
        return likelihood
    logits = getattr(model, "logits", None)
    if callable(logits):
        return confidence_of_logits(logits(rows.inputs), rows.labels)
    return confidence_of_probabilities(model.predict_proba(rows.inputs), rows.labels)


def confidence_of_probabilities(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return log(p / (1 - p)) of the true class for probabilities [..., n, classes].

    1 - p is summed from the other classes: subtracting p from 1 would lose it near certainty.
    Where a model counts votes (of trees, of neighbours), none of a hundred doesn't mean never: it
    is taken for half a vote. As 0 it would lie so far out that a Gaussian fitted to it says
    nothing: on a forest of 100 trees that costs LiRA 0.18 of AUC.
    """
    p = np.asarray(probabilities, np.float64)
    floor = _SMALLEST
    some = p[p > 0]
    if some.size < p.size and some.size and some.min() > _FINE:
        floor = min(float(some.min()) / 2, _COARSEST)
    return confidence_of_logits(np.log(np.maximum(p, floor)), labels)
