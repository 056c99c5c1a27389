"""What a bank does at which step, and how its work is parted among threads."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from strongroom.config import TrainSpec

_SPAN_ROWS = 2_000_000  # shown in one call of a kernel: about a second's work, and 8 MB of numbers


@dataclass(frozen=True)
class Plan:
    """Which rows are shown at which step, and how their gradients are weighted.

    Attributes:
        rows: of the whole pool.
        steps: in all.
        rate: of a row to be in a batch.
        normaliser: expected rows of one model in one batch, a constant as in training.
        clip: bound on one row's gradient, or None.
        noise: standard deviation on the summed gradient.
        seed: of the batches.
    """

    rows: int
    steps: int
    rate: float
    normaliser: float
    clip: float | None
    noise: float
    seed: int

    @classmethod
    def of(
        cls,
        spec: TrainSpec,
        rows: int,
        learnt: float,
        noise_multiplier: float | None,
        seed: int,
    ) -> Plan:
        """Return the plan of models that learn from `learnt` of `rows` rows on average."""
        mean_rows = max(1.0, learnt)
        rate = 1.0 if spec.batch_size == "full" else min(1.0, spec.batch_size / mean_rows)
        clip = None
        if noise_multiplier is not None:
            clip = spec.privacy.clip_norm if spec.privacy else 1.0
        return cls(
            rows=rows,
            steps=max(1, round(spec.epochs / rate)),
            rate=rate,
            normaliser=rate * mean_rows,
            clip=clip,
            noise=(noise_multiplier or 0.0) * (clip or 0.0),
            seed=seed,
        )

    def batches(self) -> Iterator[NDArray[np.int32]]:
        """Yield the row numbers of each step's Poisson batch. Every call yields the same."""
        everything = np.arange(self.rows, dtype=np.int32)
        coins = np.random.default_rng([self.seed, 1])
        for _ in range(self.steps):
            if self.rate >= 1.0:
                yield everything
            else:
                drawn = coins.random(self.rows, dtype=np.float32) < self.rate
                yield np.flatnonzero(drawn).astype(np.int32)

    def spans(self, most_steps: int) -> Iterator[Sequence[NDArray[np.int32]]]:
        """Yield the batches, several steps together: as many as one call of a kernel takes."""
        gathered: list[NDArray[np.int32]] = []
        shown = 0
        for batch in self.batches():
            gathered.append(batch)
            shown += len(batch)
            if shown >= _SPAN_ROWS or len(gathered) >= most_steps:
                yield gathered
                gathered, shown = [], 0
        if gathered:
            yield gathered


def threads() -> int:
    """Return how many threads may work: what torch or OMP_NUM_THREADS was told, else the cores."""
    torch = sys.modules.get("torch")
    if torch is not None:
        return max(1, int(torch.get_num_threads()))
    told = os.environ.get("OMP_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return int(told) if told.isdigit() and int(told) else cores or 1


def side_by_side(
    work: Callable[[int], None], count: int, workers: int, told: Callable[[int], None]
) -> None:
    """Do `work(i)` for each i below `count` in threads, for work that releases the interpreter.

    `told(done)` is called in this thread, with how many are done. An interruption waits for what
    is running and begins nothing more.
    """
    if workers <= 1 or count <= 1:
        for i in range(count):
            work(i)
            told(i + 1)
        return
    pool = ThreadPoolExecutor(min(workers, count))
    try:
        for done, job in enumerate(as_completed([pool.submit(work, i) for i in range(count)])):
            job.result()
            told(done + 1)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
