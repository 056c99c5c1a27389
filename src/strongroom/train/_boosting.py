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


@dataclass(frozen=True)
class Places:
    """Where a model's bins stand among its scores [1 + bins, outputs]; row 0 is the constant's.

    Attributes:
        shape: of the scores.
        offsets: int64[columns], where each column's bins begin.
        references: int64[columns], the bin that gets nothing; -1: none.
        parts: for each column its bins.
        ordered: for each column whether its bins have an order.
    """

    shape: tuple[int, int]
    offsets: NDArray[np.int64]
    references: NDArray[np.int64]
    parts: tuple[slice, ...]
    ordered: tuple[bool, ...]

    @classmethod
    def of(cls, model: AdditiveModel) -> Places:
        """Return those of a model's shapes."""
        bins = model.encoder
        sizes = np.array(bins.sizes, dtype=np.int64)
        offsets = 1 + np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        return cls(
            (1 + int(sizes.sum()), model.outputs),
            offsets,
            np.array(bins.references, dtype=np.int64),
            tuple(slice(int(a), int(a + s)) for a, s in zip(offsets, sizes, strict=True)),
            tuple(bool(e) for e in bins.edges),
        )


class RowSums:
    """What rows add up to in the bins: all that a growth learns of them.

    Args:
        places: of the bins.
        codes: int32[n, columns].
        labels: int64[n].
        noises: None for sums without noise.
    """

    def __init__(
        self,
        places: Places,
        codes: NDArray[np.int32],
        labels: NDArray[np.int64],
        noises: Noises | None,
    ) -> None:
        self._places, self._noises = places, noises
        self._codes, self._labels = np.ascontiguousarray(codes), labels
        self._histograms = np.zeros(places.shape)

    def counts(self, stream: SecretStream) -> NDArray[np.float64]:
        """Return how many rows each bin has, first how many there are: float64 [1 + bins]."""
        parts = self._places.parts
        counts = np.zeros(self._places.shape[0])
        counts[0] = len(self._codes)
        for column, part in enumerate(parts):
            counts[part] = np.bincount(self._codes[:, column], minlength=part.stop - part.start)
        if self._noises is None:
            return counts
        return noisy_sum(
            counts,
            # One row is in one bin of every column, and one more row.
            sensitivity=math.sqrt(1 + len(parts)),
            noise_multiplier=self._noises.counts.noise_multiplier,
            stream=stream,
            label="bin-counts",
            step=0,
        )

    def residuals(
        self, scores: NDArray[np.float64], number: int, stream: SecretStream
    ) -> NDArray[np.float64]:
        """Return the sums of round `number` at these scores, float64 [1 + bins, outputs]."""
        from strongroom.train._kernels import residual_histograms

        places, noises = self._places, self._noises
        residual_histograms(
            self._codes,
            places.offsets,
            places.references,
            self._labels,
            scores,
            noises.clip_norm if noises else math.inf,
            self._histograms,
        )
        if noises is None:
            return self._histograms
        flat = noisy_sum(
            self._histograms.ravel(),
            sensitivity=noises.clip_norm,
            noise_multiplier=noises.rounds.noise_multiplier,
            stream=stream,
            label="histograms",
            step=number,
        )
        return flat.reshape(places.shape)


class Growth:
    """From sums to scores: what is made of a round, whoever's rows were summed.

    Args:
        places: of the bins.
        spec: the settings.
        counts: float64 [1 + bins], how many rows each bin has; noise may have made them negative.
        noises: that are in the sums; None: none.
        stream: the coins of where trees are cut.
        sites: how many times that noise is in them.

    Attributes:
        scores: float64 [1 + bins, outputs].
        velocity: the same.
    """

    def __init__(
        self,
        places: Places,
        spec: TreesSpec,
        counts: NDArray[np.float64],
        noises: Noises | None,
        stream: SecretStream,
        *,
        sites: int = 1,
    ) -> None:
        self._places, self._spec, self._stream = places, spec, stream
        self._counts = np.maximum(counts, 0.0)
        self.scores = np.zeros(places.shape)
        self.velocity = np.zeros(places.shape)
        self._ridge = _RIDGE
        if noises is not None:
            whole = noises.rounds.noise_multiplier / math.sqrt(noises.rounds.steps)
            self._ridge += _NOISE_RIDGE * whole * noises.clip_norm * math.sqrt(sites)

    def step(self, sums: NDArray[np.float64], number: int) -> None:
        """Grow the trees of round `number` (from 1) on sums [1 + bins, outputs], and add them."""
        places = self._places
        steps = sums / (_CURVATURE * self._counts + self._ridge)[:, None]
        detail = self._spec.detail
        for column, part in enumerate(places.parts):
            if places.ordered[column]:
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

    def used(self) -> NDArray[np.float64]:
        """Return the scores, with nothing where nothing was ever summed: in reference bins.

        What noise and neighbours moved there was never used.
        """
        found = self.scores.copy()
        for part, skipped in zip(self._places.parts, self._places.references, strict=True):
            if skipped >= 0:
                found[part.start + skipped] = 0.0
        return found


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
        self._model, self._stream, self._places = model, stream, Places.of(model)
        self._rows = RowSums(self._places, codes, labels, noises)
        self._growth = Growth(self._places, spec, self._rows.counts(stream), noises, stream)

    @property
    def scores(self) -> NDArray[np.float64]:
        """Float64 [1 + bins, outputs]."""
        return self._growth.scores

    def step(self, number: int) -> None:
        """Take round `number` (from 1): release the histograms, grow the trees on them."""
        self._growth.step(self._rows.residuals(self.scores, number, self._stream), number)

    def write(self) -> None:
        """Put the scores as they stand into the model."""
        scores = self._growth.used()
        self._model.constant[:] = scores[0]
        for shape, part in zip(self._model.shapes, self._places.parts, strict=True):
            shape[:] = scores[part]

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the state to save, by name."""
        return {"scores": self.scores.copy(), "velocity": self._growth.velocity.copy()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `state` gave."""
        self.scores[:] = state["scores"]
        self._growth.velocity[:] = state["velocity"]
