"""An independent recogniser: names classes from images that the target never saw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._likeness import standardised

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COMPONENTS = 60
_RIDGE = 0.1


class Recogniser:
    """Two models of other kinds than a network, made from labelled images.

    - *templates*: an image is of the class whose mean image it correlates with most, once what all
      classes share is taken from both. The optimal test in white noise, so the one that still sees
      something in what a noisy model gives away.
    - *Fisherfaces* (Belhumeur, Hespanha, Kriegman 1997): principal components, then the nearest
      class mean where the spread within classes is 1. Better on clean images, helpless in noise.

    Args:
        images: [n, ...].
        labels: int [n].
    """

    def __init__(self, images: NDArray[Any], labels: NDArray[np.integer[Any]]) -> None:
        self.classes = np.unique(np.asarray(labels, np.int64))
        rows = standardised(images.reshape(len(images), -1).astype(np.float64))
        self._centre = rows.mean(axis=0)
        means = np.stack([rows[labels == c].mean(axis=0) for c in self.classes])
        self._templates = _unit(means - means.mean(axis=0))
        self._project = _fisher(rows - self._centre, means - self._centre, labels, self.classes)
        self._means = (means - self._centre) @ self._project

    def by_templates(
        self, images: NDArray[Any], centre: NDArray[np.float64] | None = None
    ) -> NDArray[np.int64]:
        """Return the class of each image [n, ...].

        Args:
            images: to be named.
            centre: what they share, of standardised images; their own mean by default, which is
                right where every class is there.
        """
        rows = standardised(images.reshape(len(images), -1).astype(np.float64))
        rows = rows - (rows.mean(axis=0) if centre is None else centre)
        named: NDArray[np.int64] = self.classes[(_unit(rows) @ self._templates.T).argmax(axis=1)]
        return named

    def by_fisher(self, images: NDArray[Any]) -> NDArray[np.int64]:
        """Return the class of each image [n, ...]."""
        rows = standardised(images.reshape(len(images), -1).astype(np.float64))
        places = (rows - self._centre) @ self._project
        distances = np.square(places[:, None] - self._means[None]).sum(axis=2)
        named: NDArray[np.int64] = self.classes[distances.argmin(axis=1)]
        return named

    def accuracy(
        self, images: NDArray[Any], labels: NDArray[np.integer[Any]]
    ) -> tuple[float, float]:
        """Return how often templates and Fisherfaces name true images rightly."""
        return (
            float((self.by_templates(images, self._centre) == labels).mean()),
            float((self.by_fisher(images) == labels).mean()),
        )


def _fisher(
    rows: NDArray[np.float64],
    means: NDArray[np.float64],
    labels: NDArray[np.integer[Any]],
    classes: NDArray[np.integer[Any]],
) -> NDArray[np.float64]:
    """Return the projection [d, k] under which the spread within classes is 1."""
    most = max(1, min(_COMPONENTS, len(rows) - 1, rows.shape[1]))
    axes = np.linalg.svd(rows, full_matrices=False)[2][:most].T
    within = (rows - means[np.searchsorted(classes, labels)]) @ axes
    covariance = within.T @ within / max(1, len(rows) - len(classes))
    level = float(np.trace(covariance)) / most
    if level == 0:  # one image a class: nothing is known of the spread
        return axes
    values, vectors = np.linalg.eigh(covariance)
    scaled = vectors / np.sqrt(np.maximum(values, 0) + _RIDGE * level)
    found: NDArray[np.float64] = axes @ scaled
    return found


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = rows / np.maximum(
        np.linalg.norm(rows, axis=1, keepdims=True), 1e-12
    )
    return found
