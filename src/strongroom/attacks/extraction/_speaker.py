"""A language model as extraction asks it: many texts at once, and every token counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from strongroom.attacks._results import NotEvaluable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from strongroom.attacks._situation import Effort, Situation
    from strongroom.models import Model

_NUMBERS_AT_ONCE = 2**24
_TOKENS_AT_ONCE = 2**16
_SMALLEST = 1e-37
# Arithmetic that an attack may ask of the target; a token costs at least as much as one of half a
# million parameters does: below that, calls cost more than arithmetic.
_WORK = {"quick": 2e11, "standard": 2e12, "full": 2e13}
_FEWEST_PARAMETERS = 500_000


class Reading(Protocol):
    """What was read of n texts, all equally far; see `models._reading.Reading`."""

    @property
    def room(self) -> int:
        """How many more tokens can be asked for."""

    @property
    def following(self) -> NDArray[np.float32]:
        """Log-probabilities of the next token, float32 [n, vocabulary]."""

    def on(self, tokens: NDArray[np.integer]) -> tuple[NDArray[np.float32], Reading]:
        """Return the log-probability of each of the tokens [n, t], and the reading behind them."""

    def take(self, rows: NDArray[np.integer]) -> Reading:
        """Return the reading of these texts; one may come several times."""


class Speaker:
    """A model of what token comes next.

    Attributes:
        begin, end: tokens that stand before and behind a text.
        context: tokens read at most, `begin` included.
        vocabulary: how many tokens there are.
        texts: how many texts the model was asked to begin or to go on with so far.
        tokens: how many tokens it has read.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - a Model with what `speaker_of` looks for
        self._model = model
        self.begin, self.end = int(model.begin), int(model.end)
        self.context, self.vocabulary = int(model.context), len(model.classes)
        self.encode: Callable[[list[str]], list[list[int]]] = model.encode
        self.decode: Callable[[NDArray[np.integer]], list[str]] = model.decode
        self.texts = self.tokens = 0

    def reading(self, count: int = 1) -> Reading:
        """Return a reading of `count` texts, of which only `begin` has been read."""
        self.texts += count
        self.tokens += count
        begin = getattr(self._model, "reading", None)
        if begin is not None:
            return _Counted(self, begin(count))
        first = np.full((count, 1), self.begin, np.int32)
        return _Counted(self, _Repeated(self._model, first, self.context))

    def rows_at_once(self, tokens: int) -> int:
        """Return how many texts of which `tokens` are read in one go fit into memory."""
        by_answer = _NUMBERS_AT_ONCE // (self.vocabulary * max(tokens, 1))
        return max(1, min(by_answer, _TOKENS_AT_ONCE // self.context))

    def affordable(self, effort: Effort) -> int:
        """Return how many tokens an attack may ask for."""
        describe = getattr(self._model, "describe", None)
        known = (describe() if describe is not None else {}).get("parameters") or 0
        return int(_WORK[effort] / (2 * max(int(known), _FEWEST_PARAMETERS)))

    def log_probs(self, texts: list[list[int]]) -> list[NDArray[np.float32]]:
        """Return the log-probability of each token of each text.

        A text that is longer than the model reads is judged by its beginning.
        """
        found: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(texts)
        order = sorted((i for i, text in enumerate(texts) if text), key=lambda i: len(texts[i]))
        while order:
            longest = min(len(texts[order[-1]]), self.context)
            part = order[-self.rows_at_once(longest) :]
            del order[-len(part) :]
            tokens = np.full((len(part), longest), self.end, np.int32)
            for row, i in zip(tokens, part, strict=True):
                row[: min(len(texts[i]), longest)] = texts[i][:longest]
            chances, _ = self.reading(len(part)).on(tokens)
            for row, i in zip(chances, part, strict=True):
                found[i] = row[: len(texts[i])]
        return found


def speaker_of(situation: Situation) -> Speaker | NotEvaluable:
    """Return the target as a model that can be asked for text, or why it can't."""
    model: Model = situation.target
    if situation.kind != "language":
        return NotEvaluable("the model doesn't write text, so there is none to extract")
    needed = ("begin", "end", "context", "encode", "decode")
    missing = [name for name in needed if not hasattr(model, name)]
    if missing:
        return NotEvaluable(
            "the model gives probabilities of the next token but doesn't say how text becomes "
            f"tokens and back: it lacks {', '.join(missing)}"
        )
    return Speaker(model)


class _Counted:
    """A reading that tells its speaker what it was asked."""

    def __init__(self, speaker: Speaker, inner: Reading) -> None:
        self._speaker, self._inner = speaker, inner

    @property
    def room(self) -> int:
        return self._inner.room

    @property
    def following(self) -> NDArray[np.float32]:
        return self._inner.following

    def on(self, tokens: NDArray[np.integer]) -> tuple[NDArray[np.float32], Reading]:
        self._speaker.tokens += tokens.size
        chances, inner = self._inner.on(tokens)
        return chances, _Counted(self._speaker, inner)

    def take(self, rows: NDArray[np.integer]) -> Reading:
        self._speaker.texts += len(rows)
        return _Counted(self._speaker, self._inner.take(rows))


class _Repeated:
    """A reading of a model that only answers whole sequences: each token reads all before it."""

    def __init__(self, model: Model, read: NDArray[Any], context: int) -> None:
        self._model, self._read, self._context = model, read, context

    @property
    def room(self) -> int:
        return int(self._context + 1 - self._read.shape[1])

    @property
    def following(self) -> NDArray[np.float32]:
        chances = np.asarray(self._model.predict_proba(self._read), np.float32)
        found: NDArray[np.float32] = np.log(np.maximum(chances, _SMALLEST))
        return found

    def on(self, tokens: NDArray[np.integer]) -> tuple[NDArray[np.float32], Reading]:
        given, now = np.asarray(tokens, np.int32), self
        chances = np.empty(given.shape, np.float32)
        for j in range(given.shape[1]):
            chances[:, j] = np.take_along_axis(now.following, given[:, j : j + 1], axis=1)[:, 0]
            now = _Repeated(self._model, np.c_[now._read, given[:, j]], self._context)
        return chances, now

    def take(self, rows: NDArray[np.integer]) -> Reading:
        return _Repeated(self._model, self._read[rows], self._context)
