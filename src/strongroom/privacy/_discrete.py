"""Discrete Gaussian noise from secret coins: whole numbers, exactly distributed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.privacy._noise import SecretStream

LARGEST_SCALE = 2**31 - 1
_TOGETHER = 1 << 12  # draws whose words stay in a core's own cache
_WORDS = 20  # that a draw takes, a little more than on average
_SLACK = 1024


def discrete_gaussian(
    stream: SecretStream, label: str, step: int, count: int, scale: int
) -> NDArray[np.int64]:
    """Return draws from the discrete Gaussian N_Z(0, scale²), int64 [count].

    Its chances are exact, as far as the stream's words are uniform (`_kernels_discrete`). The time
    that a draw takes depends on its value, as in `noisy_sum`.

    Args:
        stream: where the coins come from.
        label: with `step`, the address of the coins; never used twice for different sums.
        step: see there.
        count: how many.
        scale: σ, whole: from 1 on its deviation is σ but for 10^-7 of it, and ever nearer.

    Raises:
        InputError: a scale below 1 or above 2^31 - 1.
    """
    from strongroom.privacy._kernels_discrete import discrete_gaussians

    if not 1 <= scale <= LARGEST_SCALE:
        raise InputError(f"a discrete Gaussian of scale {scale:,} can't be drawn")
    out = np.empty(count, np.int64)
    for part, begin in enumerate(range(0, count, _TOGETHER)):
        some = out[begin : begin + _TOGETHER]
        size = _WORDS * len(some) + _SLACK
        while discrete_gaussians(stream.words(label, step, size, part), np.uint64(scale), some) > (
            size
        ):
            size *= 2
    return out
