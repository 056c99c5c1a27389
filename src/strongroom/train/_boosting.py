"""Additive trees from noisy histograms: every round one histogram per column, and its trees.

After Nori et al. 2021 ("Accuracy, Interpretability, and Differential Privacy via Explainable
Boosting"), with three differences. All columns of a round are one release with one clipped
contribution per row, so that a row pays for the bins in which it isn't ordinary, and not for every
column. Trees split at random places, and several of them share each histogram, which costs
nothing: it was released already. And leaves are Newton steps over noisy counts, with a ridge that
follows the noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.privacy import noisy_sum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.config import TreesSpec
    from strongroom.models import AdditiveModel
    from strongroom.privacy import GaussianReleases, SecretStream

_CURVATURE = 0.15  # a typical p(1-p); with the learning rate it makes the step
_RIDGE = 10.0  # rows that pull a leaf to 0
_NOISE_RIDGE = 30.0  # and more of them in units of the noise that all rounds together have
_MOMENTUM = 0.5


@dataclass(frozen=True)
class Noises:
    """The releases of a private boosting and the bound on one row's part of a round."""

    counts: GaussianReleases
    rounds: GaussianReleases
    clip_norm: float


class Boosting:
    """The state of a training; `step` takes one round.

    Args:
        model: whose shapes are trained; `write` puts them there.
        codes: int32[n, columns].
        labels: int64[n].
        spec: the settings.
        noises: None for training without privacy.
        stream: every coin.
    """

    def __init__(
        self,
        model: AdditiveModel,
        codes: NDArray[np.int32],
        labels: NDArray[np.int64],
        spec: TreesSpec,
        noises: Noises | None,
        stream: SecretStream,
    ) -> None:
        self._model, self._spec, self._noises, self._stream = model, spec, noises, stream
        self._codes, self._labels = np.ascontiguousarray(codes), labels
        bins = model.encoder
        sizes = np.array(bins.sizes, dtype=np.int64)
        self._offsets = 1 + np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        self._references = np.array(bins.references, dtype=np.int64)
        self._parts = [slice(a, a + s) for a, s in zip(self._offsets, sizes, strict=True)]
        self._ordered = [bool(e) for e in bins.edges]
        shape = (1 + int(sizes.sum()), model.outputs)
        self.scores = np.zeros(shape)
        self.velocity = np.zeros(shape)
        self._histograms = np.zeros(shape)
        self._counts = self._count()
        self._ridge = _RIDGE
        if noises is not None:
            whole = noises.rounds.noise_multiplier / math.sqrt(noises.rounds.steps)
            self._ridge += _NOISE_RIDGE * whole * noises.clip_norm

    def _count(self) -> NDArray[np.float64]:
        """Return how many rows each bin has, first how many there are; noisy if private."""
        counts = np.zeros(len(self.scores))
        counts[0] = len(self._codes)
        for column, part in enumerate(self._parts):
            counts[part] = np.bincount(self._codes[:, column], minlength=part.stop - part.start)
        if self._noises is None:
            return counts
        noisy = noisy_sum(
            counts,
            # One row is in one bin of every column, and one more row.
            sensitivity=math.sqrt(1 + len(self._parts)),
            noise_multiplier=self._noises.counts.noise_multiplier,
            stream=self._stream,
            label="bin-counts",
            step=0,
        )
        found: NDArray[np.float64] = np.maximum(noisy, 0.0)
        return found

    def step(self, number: int) -> None:
        """Take round `number` (from 1): release the histograms, grow the trees on them."""
        from strongroom.train._kernels import residual_histograms

        noises = self._noises
        residual_histograms(
            self._codes,
            self._offsets,
            self._references,
            self._labels,
            self.scores,
            noises.clip_norm if noises else math.inf,
            self._histograms,
        )
        sums = self._histograms
        if noises is not None:
            flat = noisy_sum(
                sums.ravel(),
                sensitivity=noises.clip_norm,
                noise_multiplier=noises.rounds.noise_multiplier,
                stream=self._stream,
                label="histograms",
                step=number,
            )
            sums = flat.reshape(sums.shape)
        steps = sums / (_CURVATURE * self._counts + self._ridge)[:, None]
        detail = self._spec.detail
        for column, part in enumerate(self._parts):
            if self._ordered[column]:
                grown = self._grow(sums[part], self._counts[part], number, column)
                steps[part] = detail * steps[part] + (1 - detail) * grown
        # What overflows is told by the caller, once, in words.
        with np.errstate(over="ignore", invalid="ignore"):
            self.velocity *= _MOMENTUM
            self.velocity += steps
            self.scores -= self._spec.learning_rate * self.velocity

    def _grow(
        self, sums: NDArray[np.float64], counts: NDArray[np.float64], number: int, column: int
    ) -> NDArray[np.float64]:
        """Return the mean over trees of their leaves' values [bins, outputs] for one column.

        The last bin, "missing", is a leaf of its own.
        """
        bins, spec = len(sums) - 1, self._spec
        cuts = min(spec.leaves, bins) - 1
        found = np.zeros_like(sums)
        # Which places are cut says nothing about the rows.
        coins = self._stream.uniform(f"cuts-{column}", number, spec.trees * bins)
        for order in coins.reshape(spec.trees, bins)[:, 1:].argsort(axis=1):
            starts = np.sort(np.concatenate([[0, bins], order[:cuts] + 1]))
            widths = np.diff(np.append(starts, bins + 1))
            leaf_sums = np.add.reduceat(sums, starts, axis=0)
            leaf_counts = np.add.reduceat(counts, starts)
            values = leaf_sums / (_CURVATURE * leaf_counts + self._ridge)[:, None]
            found += np.repeat(values, widths, axis=0)
        return found / spec.trees

    def write(self) -> None:
        """Put the scores as they stand into the model."""
        self._model.constant[:] = self.scores[0]
        for shape, part, skipped in zip(
            self._model.shapes, self._parts, self._references, strict=True
        ):
            shape[:] = self.scores[part]
            if skipped >= 0:
                # Nothing was summed there; what noise and neighbours moved was never used.
                shape[skipped] = 0.0

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the state to save, by name."""
        return {"scores": self.scores.copy(), "velocity": self.velocity.copy()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `state` gave."""
        self.scores[:] = state["scores"]
        self.velocity[:] = state["velocity"]
