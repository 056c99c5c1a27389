"""From text to numbers by public rules: each text on its own, and nothing learnt from any of them.

Three readings, each int32 [texts, at most `length`]:

- `byte_sequences`: UTF-8 bytes, for a language model;
- `word_tokens`: words in order, hashed into buckets;
- `gram_tokens`: the set of a text's words, word pairs, character n-grams and shapes, hashed.

Hashes are CRC-32: the same everywhere and for ever. Buckets are public, so two words may share one.
"""

from __future__ import annotations

import re
import zlib
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

EDGE = 256
"""The token that begins a sequence of bytes, ends a text, and fills what is left."""
BYTE_TOKENS = 257
NO_TARGET = -100
"""A position without anything to predict (PyTorch's own number for it)."""
NOTHING = 0
"""The bucket that stands for no token."""

_WORD = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
_DIGIT = re.compile(r"\d")
_LOWER = re.compile(r"[^\W\d_A-Z]+")
_UPPER = re.compile(r"[A-Z]+")
_GRAMS = (2, 3, 4)


def byte_sequences(
    texts: Iterable[str | None], length: int
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Cut each text by itself into sequences of `length` bytes; blank texts give none.

    Returns:
        What is read, int32 [m, length]: `EDGE`, then all bytes but the last. What is to be
        predicted, int64 [m, length]: the bytes, after a text's last one `EDGE`, then `NO_TARGET`.
        The number of the text that each sequence is from, int64 [m].
    """
    codes = (
        np.frombuffer((text or "").encode("utf-8", "replace"), np.uint8)
        if text and not text.isspace()
        else ()
        for text in texts
    )
    return token_sequences(codes, length, begin=EDGE, end=EDGE)


def token_sequences(
    codes: Iterable[Sequence[int] | NDArray[np.integer[Any]]], length: int, *, begin: int, end: int
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Cut each text's tokens into sequences as `byte_sequences` does; texts of none give none.

    Args:
        codes: the tokens of each text.
        length: of a sequence.
        begin: is read before the first token, and stands where nothing is left to read.
        end: is to be predicted after the last.
    """
    found, sources = [], []
    for number, code in enumerate(codes):
        if not len(code):
            continue
        tokens = np.append(np.asarray(code, np.int64), end)
        count = -(-tokens.size // length)
        padded = np.full(count * length, NO_TARGET, np.int64)
        padded[: tokens.size] = tokens
        found.append(padded.reshape(count, length))
        sources += [number] * count
    labels = np.concatenate(found) if found else np.empty((0, length), np.int64)
    inputs = np.full(labels.shape, begin, np.int32)
    inputs[:, 1:] = np.where(labels[:, :-1] == NO_TARGET, begin, labels[:, :-1])
    return inputs, labels, np.array(sources, np.int64)


def word_tokens(texts: Iterable[str | None], buckets: int, length: int) -> NDArray[np.int32]:
    """Return the first `length` words of each text, hashed, `NOTHING` after the last."""
    return _stacked(([_bucket(w, buckets) for w in _words(t)[:length]] for t in texts), length)


def gram_tokens(texts: Iterable[str | None], buckets: int, length: int) -> NDArray[np.int32]:
    """Return the first `length` distinct buckets of each text, rising, `NOTHING` after the last.

    A text has the words (in lower case, digits as 0), the pairs of neighbours, the 2-, 3- and
    4-grams of characters, the shape of each word ("Xx", "00"), and its length in half octaves.
    """
    return _stacked(
        (_first_distinct((_bucket(g, buckets) for g in _grams(t or "")), length) for t in texts),
        length,
    )


def _words(text: str | None) -> list[str]:
    return _WORD.findall(_DIGIT.sub("0", (text or "").lower()))


def _grams(text: str) -> Iterator[str]:
    yield f"l{int(2 * np.log2(1 + len(text)))}"
    words = _words(text)
    yield from ("w" + word for word in words)
    yield from (f"b{a} {b}" for a, b in zip(["", *words], words, strict=False))
    for word in text.split():
        yield "s" + _UPPER.sub("X", _LOWER.sub("x", _DIGIT.sub("0", word)))
    line = f" {' '.join(_DIGIT.sub('0', text.lower()).split())} "
    for n in _GRAMS:
        yield from ("c" + line[i : i + n] for i in range(len(line) - n + 1))


def _first_distinct(buckets: Iterable[int], count: int) -> list[int]:
    return sorted(islice(dict.fromkeys(buckets), count))


def _bucket(token: str, buckets: int) -> int:
    """Return a bucket from 1; 0 is `NOTHING`."""
    # A lone surrogate can't be encoded, and JSON may bring one.
    return 1 + zlib.crc32(token.encode("utf-8", "surrogatepass")) % (buckets - 1)


def _stacked(rows: Iterable[Sequence[int]], length: int) -> NDArray[np.int32]:
    """Return the rows under each other, as wide as the longest and at most `length`."""
    rows = list(rows)
    widest = max((len(r) for r in rows), default=0)
    tokens = np.full((len(rows), min(max(widest, 1), length)), NOTHING, np.int32)
    for row, values in zip(tokens, rows, strict=True):
        row[: len(values)] = values
    return tokens
