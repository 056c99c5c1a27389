"""Correlated noise: which earlier noise is taken back, and what that costs.

Training releases x_t + (C⁻¹z)_t: the same information as Cx + z, a Gaussian mechanism whose
sensitivity is that of C (Denisov et al. 2022 show that this holds for adaptive x). C is a lower
triangular Toeplitz matrix, so its first column says everything; c_0 = 1 always.

- `Banded`: c is zero from some band on (Choquette-Choo et al. 2023). The last bands - 1 noise
  vectors are kept.
- `Blt`: c_t = Σ ω θ^(t-1), buffered linear Toeplitz (Dvijotham et al. 2024; McMahan et al. 2024): a
  few buffers stand for all earlier noise.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


class Strategy(ABC):
    """The matrix C of a correlated noise."""

    @abstractmethod
    def column(self, steps: int) -> NDArray[np.float64]:
        """Return the first column of C: float64[steps], which begins with 1."""

    @property
    @abstractmethod
    def bands(self) -> int | None:
        """How many entries of the first column aren't zero; None: all."""

    @property
    @abstractmethod
    def buffers(self) -> int:
        """How many vectors the noise keeps."""

    @abstractmethod
    def recall(self, buffers: NDArray[np.float64], step: int) -> NDArray[np.float64]:
        """Return what the draw of `step` is diminished by: [buffers, n] to [n]."""

    @abstractmethod
    def keep(self, buffers: NDArray[np.float64], noise: NDArray[np.float64], step: int) -> None:
        """Take the noise that `step` has given out into the buffers, in place."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> Strategy:
        """Read back what `to_json` gave."""
        if set(document) == {"banded"}:
            return Banded(tuple(map(float, document["banded"])))
        if set(document) == {"scales", "decays"}:
            scales, decays = document["scales"], document["decays"]
            return Blt(tuple(map(float, scales)), tuple(map(float, decays)))
        raise InputError(f"a correlated noise of unknown kind: {', '.join(sorted(document))}")

    def sensitivity(self, steps: int, separation: int) -> float:
        """Return how far C moves when one unit moves some steps' sums by at most 1 each.

        The unit takes part in every `separation`-th step, from any step on: ‖Σ_i C[:, j + i b]‖ is
        the largest for j = 0, as later ones are the same vector cut off. The entries count as
        absolute values, which makes it an upper bound for contributions that are vectors, and
        exact where none is negative. Where the column never rises it holds as well for any steps
        at least `separation` apart (Kalinin and Lampert 2024, "Banded Square Root Matrix
        Factorization").
        """
        column = np.abs(self.column(steps))
        if separation < 1:
            raise InputError("two batches of one unit are at least one step apart")
        rounds = -(-steps // separation)
        padded = np.zeros(rounds * separation)
        padded[:steps] = column
        pattern = np.cumsum(padded.reshape(rounds, separation), axis=0).ravel()[:steps]
        # One part in 10^12 covers the rounding of the sums.
        return math.sqrt(float(pattern @ pattern)) * (1 + 1e-12)


@dataclass(frozen=True)
class Banded(Strategy):
    """C with few bands.

    Attributes:
        coefficients: c_0 = 1, c_1, ..., one for each band.
    """

    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.coefficients or self.coefficients[0] != 1:
            raise InputError("the first coefficient of a banded noise is 1")
        if not all(map(math.isfinite, self.coefficients)):
            raise InputError("the coefficients of a banded noise are finite numbers")

    def column(self, steps: int) -> NDArray[np.float64]:
        """See `Strategy.column`."""
        found = np.zeros(steps)
        found[: self.bands] = self.coefficients[:steps]
        return found

    @property
    def bands(self) -> int:
        """See `Strategy.bands`."""
        return len(self.coefficients)

    @property
    def buffers(self) -> int:
        """See `Strategy.buffers`."""
        return self.bands - 1

    def recall(self, buffers: NDArray[np.float64], step: int) -> NDArray[np.float64]:
        """See `Strategy.recall`: the noise of step s stands in row s mod the number of rows."""
        rows = max(self.buffers, 1)
        # Row r was filled that many steps ago, less one.
        ages = (step - 1 - np.arange(self.buffers)) % rows
        found: NDArray[np.float64] = np.asarray(self.coefficients)[1 + ages] @ buffers
        return found

    def keep(self, buffers: NDArray[np.float64], noise: NDArray[np.float64], step: int) -> None:
        """See `Strategy.keep`."""
        if len(buffers):
            buffers[step % len(buffers)] = noise

    def to_json(self) -> dict[str, Any]:
        """See `Strategy.to_json`."""
        return {"banded": list(self.coefficients)}


@dataclass(frozen=True)
class Blt(Strategy):
    """C as a sum of geometric columns: c_t = Σ_i ω_i θ_i^(t-1).

    Attributes:
        scales: ω, none negative, at most 1 together, so that the column never rises.
        decays: θ in [0, 1), as many.
    """

    scales: tuple[float, ...]
    decays: tuple[float, ...]

    def __post_init__(self) -> None:
        fits = len(self.scales) == len(self.decays) > 0
        if not (fits and min(self.scales) >= 0 and math.fsum(self.scales) <= 1):
            raise InputError("the scales of a BLT noise are not negative and at most 1 together")
        if not all(0 <= decay < 1 for decay in self.decays):
            raise InputError("the decays of a BLT noise lie in [0, 1)")

    def column(self, steps: int) -> NDArray[np.float64]:
        """See `Strategy.column`."""
        powers = np.asarray(self.decays)[:, None] ** np.arange(max(steps - 1, 0))
        return np.concatenate([[1.0], np.asarray(self.scales) @ powers])

    @property
    def bands(self) -> None:
        """See `Strategy.bands`."""
        return

    @property
    def buffers(self) -> int:
        """See `Strategy.buffers`."""
        return len(self.scales)

    def recall(self, buffers: NDArray[np.float64], step: int) -> NDArray[np.float64]:
        """See `Strategy.recall`."""
        del step
        found: NDArray[np.float64] = np.asarray(self.scales) @ buffers
        return found

    def keep(self, buffers: NDArray[np.float64], noise: NDArray[np.float64], step: int) -> None:
        """See `Strategy.keep`."""
        del step
        buffers *= np.asarray(self.decays)[:, None]
        buffers += noise

    def to_json(self) -> dict[str, Any]:
        """See `Strategy.to_json`."""
        return {"scales": list(self.scales), "decays": list(self.decays)}
