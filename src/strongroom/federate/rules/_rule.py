"""What a rule is, what it hands back, and what several of them measure alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from strongroom.federate._recipe import RuleSpec


@dataclass(frozen=True)
class Combined:
    """What a rule made of n updates.

    Attributes:
        update: float64 [d].
        shares: float64 [n], how much each update counts in it, averaged over those coordinates in
            which they differ; they sum to 1, and 0 is an update that was left out altogether.
        scale: float64 [n], what each update was multiplied with before: below 1 it was cut.
    """

    update: NDArray[np.float64]
    shares: NDArray[np.float64]
    scale: NDArray[np.float64]


@dataclass(frozen=True)
class Rule:
    """One way to make one update of many.

    Attributes:
        name: as in `RuleSpec`.
        condition: on n updates and f liars, in words.
        least: f to the smallest n for which the rule's promise holds; None: it can't hold.
        combine: (updates float64 [n, d], weights float64 [n], specification) to what comes out.
    """

    name: str
    condition: str
    least: Callable[[int], int | None]
    combine: Callable[[NDArray[np.float64], NDArray[np.float64], RuleSpec], Combined]


def chosen(updates: NDArray[np.float64], rows: NDArray[np.intp]) -> Combined:
    """Return the plain mean of some rows."""
    shares = np.zeros(len(updates))
    shares[rows] = 1 / len(rows)
    return Combined(updates[rows].mean(axis=0), shares, np.ones(len(updates)))


def kept(updates: NDArray[np.float64], keep: NDArray[np.bool_]) -> Combined:
    """Return each coordinate's mean over the rows that `keep`, bool [n, d], names in it."""
    share = keep / keep.sum(axis=0)
    update = np.where(keep, updates, 0.0).sum(axis=0) / keep.sum(axis=0)
    return Combined(update, averaged(share, updates), np.ones(len(updates)))


def averaged(share: NDArray[np.float64], updates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each update's mean share, from its share in each coordinate, [n, d].

    Where all say the same, whose word was taken says nothing.
    """
    differ = (updates != updates[0]).any(axis=0)
    if not differ.any():
        return np.full(len(updates), 1 / len(updates))
    found: NDArray[np.float64] = share[:, differ].mean(axis=1)
    return found


def squared_distances(updates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64 [n, n], ‖uᵢ - uⱼ‖².

    By the Gram matrix around the coordinates' median: honest updates lie near it, so a liar's huge
    one costs the distances between the others no digits.
    """
    middle = updates - np.median(updates, axis=0)
    squares = np.einsum("ij,ij->i", middle, middle)
    found: NDArray[np.float64] = np.maximum(
        squares[:, None] + squares[None, :] - 2 * (middle @ middle.T), 0.0
    )
    np.fill_diagonal(found, 0.0)
    return found


def krum_scores(distances: NDArray[np.float64], liars: int) -> NDArray[np.float64]:
    """Return Krum's score of each of n updates: the sum over its n - f - 2 nearest others.

    Args:
        distances: squared, [n, n].
        liars: f.
    """
    count = len(distances)
    near = max(count - liars - 2, 1)
    others = distances + np.diag(np.full(count, np.inf))
    found: NDArray[np.float64] = np.partition(others, near - 1, axis=1)[:, :near].sum(axis=1)
    return found


def in_words(names: tuple[str, ...], combined: Combined, updates: NDArray[Any]) -> dict[str, Any]:
    """Return what a rule did to whom, as JSON values.

    `outvoted` names who counts less than a quarter of an equal share, `cut` who was scaled down.
    Norms and distances (to what came out) are L2.
    """
    few = 0.25 / len(names)
    distances = np.linalg.norm(updates - combined.update, axis=1)
    norms = np.linalg.norm(updates, axis=1)
    return {
        "outvoted": [n for n, s in zip(names, combined.shares, strict=True) if s < few],
        "cut": [n for n, s in zip(names, combined.scale, strict=True) if s < 1],
        "share": _rounded(names, combined.shares),
        "norm": _rounded(names, norms),
        "distance": _rounded(names, distances),
    }


def _rounded(names: tuple[str, ...], values: NDArray[np.float64]) -> dict[str, float]:
    return {n: float(f"{v:.4g}") for n, v in zip(names, values, strict=True)}
