"""A private training's plan: how batches are drawn, how much noise, how many steps, as one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from strongroom.errors import InputError
from strongroom.privacy._accounting import calibrate_noise
from strongroom.privacy._noise import grid_step, noisy_sum
from strongroom.privacy._sampling import CyclicSampler
from strongroom.privacy._strategy_search import best_banded, running_error
from strongroom.privacy.mechanisms import CorrelatedGaussian, CyclicBandedGaussian

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from strongroom.privacy._noise import SecretStream
    from strongroom.privacy._sampling import Sampler
    from strongroom.privacy._strategies import Strategy
    from strongroom.privacy.mechanisms import Mechanism

    Floats = TypeVar("Floats", bound=np.floating[Any])


@dataclass(frozen=True)
class Schedule:
    """Sampler, noise and steps of one training; the mechanism follows from them.

    Attributes:
        sampler: draws the batches.
        noise_multiplier: σ, as the mechanism's kind means it.
        steps: how many noisy sums.
        strategy: correlates the noise of the steps; None: independent.
        count_deviation: of the noise on the count of units within the clip norm, beside each sum;
            None: the clip norm is fixed.
    """

    sampler: Sampler
    noise_multiplier: float
    steps: int
    strategy: Strategy | None = None
    count_deviation: float | None = None

    def __post_init__(self) -> None:
        _ = self.mechanism  # what isn't accounted is refused here

    @classmethod
    def calibrated(
        cls,
        epsilon: float,
        delta: float,
        sampler: Sampler,
        steps: int,
        *,
        strategy: Strategy | None = None,
        count_deviation: float | None = None,
        beside: Sequence[Mechanism] = (),
    ) -> Schedule:
        """Return the schedule with (nearly) the least noise that keeps `epsilon` at `delta`.

        Args:
            epsilon: what everything together may cost.
            delta: in (0, 1).
            sampler: draws the batches.
            steps: how many noisy sums.
            strategy: correlates the noise of the steps.
            count_deviation: of the noise on the count of units within the clip norm.
            beside: what else is released and paid for from the same ε.

        Raises:
            InputError: this sampling isn't accounted with that noise, or no noise reaches ε.
        """

        def make(noise: float) -> Mechanism:
            return sampler.mechanism(
                noise, steps, strategy=strategy, count_deviation=count_deviation
            )

        found = calibrate_noise(epsilon, delta, make, beside=beside)
        return cls(sampler, found.noise_multiplier, steps, strategy, count_deviation)

    @classmethod
    def cyclic(
        cls,
        epsilon: float,
        delta: float,
        rate: float,
        steps: int,
        *,
        most_bands: int = 32,
        beside: Sequence[Mechanism] = (),
    ) -> Schedule:
        """Return the banded noise over sampled groups with (nearly) the least error.

        More bands take more noise back, and fewer, larger groups hide better whose turn it is: of
        1, 2, 4, ... bands those are taken whose running sums are the least noisy at this ε. One
        band is plain Poisson sampling with independent noise.

        Args:
            epsilon: what everything together may cost.
            delta: in (0, 1).
            rate: expected batch over all units.
            steps: how many noisy sums.
            most_bands: the noise keeps one vector for each but one.
            beside: what else is released and paid for from the same ε.

        Raises:
            InputError: no noise reaches ε.
        """
        found: list[tuple[float, Schedule]] = []
        bands = 1
        while bands == 1 or (bands <= min(most_bands, steps) and bands * rate <= 1):
            strategy = best_banded(bands, steps, steps)
            sampler = CyclicSampler(bands, min(1.0, bands * rate))
            made = cls.calibrated(epsilon, delta, sampler, steps, strategy=strategy, beside=beside)
            found.append((made.noise_multiplier * running_error(strategy, steps, steps), made))
            bands *= 2
        return min(found, key=lambda each: each[0])[1]

    @cached_property
    def mechanism(self) -> Mechanism:
        """The fact that is accounted."""
        return self.sampler.mechanism(
            self.noise_multiplier,
            self.steps,
            strategy=self.strategy,
            count_deviation=self.count_deviation,
        )

    @property
    def draw_deviation(self) -> float:
        """Standard deviation of each step's independent draws over the clip norm."""
        mechanism = self.mechanism
        if isinstance(mechanism, CorrelatedGaussian | CyclicBandedGaussian):
            return mechanism.draw_deviation
        return self.noise_multiplier

    def noise(self, stream: SecretStream, count: int, sensitivity: float) -> Noise:
        """Return what makes the sums of a training noisy.

        Args:
            stream: the coins.
            count: numbers in a sum.
            sensitivity: how far one unit moves it in L2; for a clip norm that adapts, each call of
                `noisy_sum` says its own.
        """
        if self.strategy is None:
            return _IndependentNoise(stream, sensitivity, self.noise_multiplier)
        return CorrelatedNoise(self.strategy, stream, count, sensitivity, self.draw_deviation)


class Noise(Protocol):
    """What makes a training's sums noisy, step after step."""

    def noisy_sum(
        self, total: NDArray[Floats], step: int, *, sensitivity: float | None = None
    ) -> NDArray[Floats]:
        """Return `total` with the noise of this step; steps count from 1 and come in order."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what a checkpoint must keep, as arrays."""

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up what `state` gave."""


class _IndependentNoise:
    """Fresh noise in each step; nothing to keep."""

    def __init__(self, stream: SecretStream, sensitivity: float, noise_multiplier: float) -> None:
        self._stream, self._sensitivity, self._multiplier = stream, sensitivity, noise_multiplier

    def noisy_sum(
        self, total: NDArray[Floats], step: int, *, sensitivity: float | None = None
    ) -> NDArray[Floats]:
        """See `Noise.noisy_sum`."""
        return noisy_sum(
            total,
            sensitivity=self._sensitivity if sensitivity is None else sensitivity,
            noise_multiplier=self._multiplier,
            stream=self._stream,
            label="noise",
            step=step,
        )

    def state(self) -> dict[str, NDArray[Any]]:
        """See `Noise.state`."""
        return {}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """See `Noise.restore`."""


class CorrelatedNoise:
    """The noise C⁻¹z of one step after another, in the memory of the strategy's buffers.

    y_t = z_t minus what the strategy recalls of y_1, ..., y_(t-1). Sum and noise are whole steps of
    one grid, and y is rounded *before* it is remembered: then x_t + y_t is the rounding of
    (Cx)_t + z_t minus a function of what was released before, so that everything released is
    computed from the Gaussian mechanism Cx + z, rounding and all, up to the last bits of double
    precision sums.

    Args:
        strategy: C.
        stream: the coins; the draws of step t are those of ("noise", t).
        count: numbers in a sum.
        sensitivity: how far one unit moves one sum in L2.
        deviation: of the draws z, over `sensitivity`.
    """

    LABEL = "noise"

    def __init__(
        self,
        strategy: Strategy,
        stream: SecretStream,
        count: int,
        sensitivity: float,
        deviation: float,
    ) -> None:
        self._strategy, self._stream = strategy, stream
        self._grid = grid_step(sensitivity, count)
        # Two neighbours' sums are each moved by at most grid/2 per coordinate.
        self._deviation = deviation * (sensitivity + self._grid * math.sqrt(count))
        self._buffers = np.zeros((strategy.buffers, count))
        self._done = 0

    def noisy_sum(
        self, total: NDArray[Floats], step: int, *, sensitivity: float | None = None
    ) -> NDArray[Floats]:
        """Return `total` with the noise of this step; steps count from 1 and come in order.

        Raises:
            ValueError: a step out of order, or a sensitivity of its own: what is taken back must be
                what was added.
        """
        if step != self._done + 1 or sensitivity is not None:
            raise ValueError(f"correlated noise gives step {self._done + 1}, not {step}")
        drawn = self._stream.normal(self.LABEL, step, total.size) * self._deviation
        noise = (
            np.rint((drawn - self._strategy.recall(self._buffers, step)) / self._grid) * self._grid
        )
        self._strategy.keep(self._buffers, noise, step)
        self._done = step
        rounded = np.rint(np.asarray(total, dtype=np.float64) / self._grid) * self._grid
        return (rounded + noise).astype(total.dtype)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what a checkpoint must keep. Secret: it is noise that hides what was released."""
        return {"noise.buffers": self._buffers.copy(), "noise.done": np.array(self._done)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up what `state` gave.

        Raises:
            InputError: it belongs to another training.
        """
        if state["noise.buffers"].shape != self._buffers.shape:
            raise InputError("the checkpoint's noise is that of another training")
        self._buffers[:] = state["noise.buffers"]
        self._done = int(state["noise.done"])
