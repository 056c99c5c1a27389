"""Let a language model write: many texts at once, by the likeliest token or by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks.extraction._speaker import Reading


@dataclass(frozen=True)
class Sampler:
    """How the next token is chosen.

    Attributes:
        temperature: 1 draws from the model's own probabilities; 0 takes the likeliest token.
        top_k: only so many of the likeliest tokens are drawn from; None: all.
        start: the temperature at the first token, from which it falls evenly.
        cooling: the number of tokens after which it has fallen to `temperature`.
    """

    temperature: float = 1.0
    top_k: int | None = None
    start: float = 1.0
    cooling: int = 0

    def at(self, place: int) -> float:
        """Return the temperature of the token at a place, from 0."""
        if place >= self.cooling:
            return self.temperature
        return self.start + (self.temperature - self.start) * place / self.cooling


GREEDY = Sampler(temperature=0.0)


def write(
    reading: Reading, count: int, end: int, sampler: Sampler, coins: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return what the model writes on, `count` tokens a text, or fewer where all have ended.

    Args:
        reading: what was written before.
        count: of tokens, at most.
        end: the token that ends a text; what stands behind it is `end` too.
        sampler: how a token is chosen.
        coins: the same coins write the same.

    Returns:
        The tokens, int32 [n, t], and the model's log-probability of each, float32 [n, t]: 0 behind
        the end.
    """
    count = min(count, reading.room)
    written, chances, over = [], [], None
    for place in range(count):
        expected = reading.following
        chosen = _choose(expected, sampler.at(place), sampler.top_k, coins)
        chance = np.take_along_axis(expected, chosen[:, None], axis=1)[:, 0]
        if over is not None:
            chosen = np.where(over, end, chosen)
            chance = np.where(over, np.float32(0), chance)
        written.append(chosen.astype(np.int32))
        chances.append(chance.astype(np.float32))
        ended = chosen == end
        over = ended if over is None else over | ended
        if over.all() or place == count - 1:
            break
        _, reading = reading.on(chosen[:, None])
    return np.stack(written, axis=1), np.stack(chances, axis=1)


def _choose(
    expected: NDArray[np.float32], temperature: float, top_k: int | None, coins: np.random.Generator
) -> NDArray[np.int64]:
    """Return a token a row; drawn by adding Gumbel noise to log-probabilities."""
    if temperature == 0:
        likeliest: NDArray[np.int64] = expected.argmax(axis=1)
        return likeliest
    scores = expected / np.float32(temperature)
    if top_k is not None and top_k < scores.shape[1]:
        least = np.partition(scores, -top_k, axis=1)[:, -top_k]
        scores = np.where(scores >= least[:, None], scores, -np.inf)
    drawn: NDArray[np.int64] = (scores + coins.gumbel(size=scores.shape)).argmax(axis=1)
    return drawn
