"""What a model of text expects while it reads: texts that begin alike are read once.

A `Reading` stands behind what was read of n texts so far. It is never changed: reading on gives
another, so that many continuations can start from one beginning.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from strongroom.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Seen = tuple[tuple[Tensor, Tensor], ...]


class Reads(ABC):
    """What our models of what token comes next share.

    Attributes:
        begin: the token that stands before every text.
        end: the token that ends one.
        context: how many tokens are read at most, `begin` included.
        vocabulary: how many tokens there are.
    """

    begin: int
    end: int
    context: int
    vocabulary: int

    @abstractmethod
    def read_on(
        self, tokens: Tensor, before: Tensor, seen: Seen | None
    ) -> tuple[Tensor, Seen | None]:
        """Return logits [n, t, vocabulary] of tokens [n, t], and what reading on from there needs.

        Args:
            tokens: what is read now.
            before: what was read before, [n, s].
            seen: what this returned for it; None at the beginning, or where nothing is kept.
        """

    @abstractmethod
    def encode(self, texts: list[str]) -> list[list[int]]:
        """Return the tokens of each text, without `begin` and `end`."""

    @abstractmethod
    def decode(self, tokens: NDArray[np.integer]) -> list[str]:
        """Return the text of each row [n, t], up to its first `end`."""

    def reading(self, count: int = 1) -> Reading:
        """Return a reading of `count` texts, of which only `begin` has been read."""
        first = torch.full((count, 1), self.begin, dtype=torch.int32)
        with torch.inference_mode():
            logits, seen = self.read_on(first, first[:, :0], None)
            return Reading(self, first, seen, logits[:, -1].log_softmax(dim=-1))


class Reading:
    """What was read of n texts, all of them equally far.

    Args:
        model: who reads.
        read: the tokens, [n, s], `begin` first.
        seen: what the model keeps of them.
        following: [n, vocabulary], log-probabilities of the next token; None where the model can
            read no further.
    """

    def __init__(
        self, model: Reads, read: Tensor, seen: Seen | None, following: Tensor | None
    ) -> None:
        self._model, self._read, self._seen, self._following = model, read, seen, following

    def __len__(self) -> int:
        """Return how many texts there are."""
        return len(self._read)

    @property
    def room(self) -> int:
        """How many more tokens can be asked for."""
        return self._model.context + 1 - self._read.shape[1]

    @property
    def following(self) -> NDArray[np.float32]:
        """Log-probabilities of the next token, float32 [n, vocabulary].

        Raises:
            InputError: the model can read no further.
        """
        if self._following is None:
            raise InputError(f"the model reads at most {self._model.context:,} tokens")
        found: NDArray[np.float32] = self._following.numpy()
        return found

    def on(self, tokens: NDArray[np.integer]) -> tuple[NDArray[np.float32], Reading]:
        """Read tokens [n, t], t at least 1 and at most `room`.

        Returns:
            The log-probability of each before it was read, float32 [n, t]; and the reading behind
            them.

        Raises:
            InputError: there isn't so much room.
        """
        if tokens.shape[1] > self.room or self._following is None:
            raise InputError(f"the model reads at most {self._model.context:,} tokens")
        # The last token that there is room for can be asked for, and not read.
        full = tokens.shape[1] == self.room
        given = torch.from_numpy(np.ascontiguousarray(tokens, np.int32))
        now = given[:, :-1] if full else given
        with torch.inference_mode():
            expected = self._following[:, None]
            seen, following = self._seen, self._following if not now.shape[1] else None
            if now.shape[1]:
                logits, seen = self._model.read_on(now, self._read, self._seen)
                chances = logits.log_softmax(dim=-1)
                following = chances[:, -1]
                expected = torch.cat([expected, chances[:, : given.shape[1] - 1]], dim=1)
            own = expected.gather(2, given[:, :, None].long())[:, :, 0]
            read = torch.cat([self._read, given], dim=1)
        found: NDArray[np.float32] = own.numpy()
        return found, Reading(self._model, read, seen, None if full else following)

    def take(self, rows: NDArray[np.integer]) -> Reading:
        """Return the reading of these texts; one may come several times."""
        chosen = torch.from_numpy(np.ascontiguousarray(rows, np.int64))
        with torch.inference_mode():
            kept = self._seen
            if kept is not None:
                kept = tuple((key[chosen], value[chosen]) for key, value in kept)
            following = None if self._following is None else self._following[chosen]
            return Reading(self._model, self._read[chosen], kept, following)
