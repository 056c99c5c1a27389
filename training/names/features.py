"""Sentences as arrays: tokens, their labels, and the rows that describe each distinct word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from strongroom.discover.names import _layout as at
from strongroom.discover.names._kernels_words import describe, split
from strongroom.discover.names._model import folding, word_table
from training.names._kernels import number_words
from training.names.prose import LEFT_OUT, NOBODY, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.names.sentence import Sentence

OPEN = (UNKNOWN, LEFT_OUT, NOBODY)
"""Entities of what nobody knows; their labels come after all others."""
_STRANGER = 0.5
"""Weight of a person where nobody knows: plain names of persons were marked, so few are left."""
_MOST_WORDS = 1 << 21
LONGEST_SENTENCE = 4096  # tokens; the rest of a longer text is left out

UNSURE = {
    "wnut17": ("DATE_TIME", "NRP", "TITLE"),
    "btc": ("DATE_TIME", "NRP", "TITLE"),
    "sec_filings_ner": ("DATE_TIME", "TITLE", "ZIP_CODE", "PROFESSION"),
    "germeval2014": ("DATE_TIME", "TITLE", "PROFESSION"),
    "code": ("DATE_TIME",),
    "wikitext2": ("TITLE", "AGE", "LOCATION"),
}
"""What a corpus doesn't mark though it holds it: its silence says nothing of these."""

EITHER = {"LOCATION": ("GPE",)}
"""What a place of a corpus may be as well."""


class Words:
    """Distinct words met so far, and their rows.

    Args:
        table: `words`, `lists`, `clusters`, `paths`, `rates`, `numbers` (see `lexicon.build`).
    """

    def __init__(self, table: Mapping[str, np.ndarray]) -> None:
        self.rows: list[np.ndarray] = []
        self._table = table
        self._open = word_table(table["words"])
        self._keys = np.zeros(_MOST_WORDS, np.int64)
        self._numbers = np.zeros(_MOST_WORDS, np.int32)
        self._chars = np.empty(at.LONGEST, np.int64)
        self._rows = np.empty(at.MOST_ROWS, np.int64)

    def places(
        self, data: np.ndarray, start: np.ndarray, end: np.ndarray, kind: np.ndarray
    ) -> np.ndarray:
        """Return the numbers of words, some of which may be new."""
        found = np.empty(len(start), np.int32)
        known = len(self.rows)
        met = number_words(data, start, end, self._keys, self._numbers, known, found)
        if 2 * met > _MOST_WORDS:
            raise MemoryError("more distinct words than _MOST_WORDS has room for")
        if met > known:
            new, first = np.unique(found, return_index=True)
            for t in first[new >= known]:
                self.rows.append(self._describe(data, start[t], end[t], kind[t]))
        return found

    def _describe(self, data: np.ndarray, start: int, end: int, kind: int) -> np.ndarray:
        t = self._table
        many = describe(
            data, start, end, kind, folding(), *self._open, t["lists"], t["clusters"], t["paths"],
            t["rates"], t["numbers"], self._chars, self._rows,
        )  # fmt: skip
        return self._rows[:many].astype(np.int32)


@dataclass(frozen=True)
class Example:
    """A sentence to learn from.

    Attributes:
        words: [n] numbers of words.
        flags: [n] gaps before and after.
        labels: [n] labels; `at.LABELS` and on where nobody knows.
        policy: which labels the source may have meant by each (see `policies`).
    """

    words: np.ndarray
    flags: np.ndarray
    labels: np.ndarray
    policy: int


def tokens(text: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return start, end, kind and gap of the tokens of a text."""
    data = np.frombuffer(text, np.uint8)
    size = min(len(data), LONGEST_SENTENCE)
    start, end = np.empty(size, np.int64), np.empty(size, np.int64)
    kind, gap = np.empty(size, np.uint8), np.empty(size, np.uint8)
    n, _ = split(data, 0, len(data), start, end, kind, gap)
    return start[:n], end[:n], kind[:n], gap[:n]


def example(sentence: Sentence, words: Words) -> Example:
    """Turn a sentence into arrays."""
    text = sentence.text.encode()
    start, end, kind, gap = tokens(text)
    data = np.frombuffer(text, np.uint8)
    numbers = words.places(data, start, end, kind)
    after = np.append(gap[1:], 3).astype(np.int64)
    return Example(
        numbers,
        gap.astype(np.int64) * at.GAPS + after,
        labels_of(sentence, start, end),
        list(UNSURE).index(sentence.source) + 1 if sentence.source in UNSURE else 0,
    )


def labels_of(sentence: Sentence, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the label of each token; a span's token is one that it touches."""
    labels = np.zeros(len(start), np.int64)
    if sentence.text.isascii():
        bounds = None
    else:
        bounds = np.cumsum([0, *(len(c.encode()) for c in sentence.text)])
    for first, last, entity in sentence.spans:
        low, high = (first, last) if bounds is None else (bounds[first], bounds[last])
        a, b = np.searchsorted(end, low, "right"), np.searchsorted(start, high, "left")
        if entity in OPEN:
            labels[a:b] = at.LABELS + OPEN.index(entity)
        if b <= a or entity not in at.ENTITIES:
            continue
        base = 1 + 4 * at.ENTITIES.index(entity)
        if b - a == 1:
            labels[a] = base + at.SINGLE
        else:
            labels[a], labels[b - 1] = base + at.BEGIN, base + at.END
            labels[a + 1 : b - 1] = base + at.INSIDE
    return labels


def policies() -> np.ndarray:
    """Return [policies, labels + 2, labels] float32: what a source may have meant by a label.

    Logarithms of weights: 0 for what it says, minus infinity for what it can't have meant.
    """
    meant = np.full((1 + len(UNSURE), at.LABELS + len(OPEN), at.LABELS), -np.inf, np.float32)
    for label in range(at.LABELS):
        meant[:, label, label] = 0
    meant[:, at.LABELS :] = 0
    meant[:, at.LABELS + OPEN.index(UNKNOWN), _labels("PERSON")] = np.log(_STRANGER)
    meant[:, at.LABELS + OPEN.index(NOBODY), _labels("PERSON")] = -np.inf
    for policy, unsure in enumerate(UNSURE.values(), 1):
        for entity in unsure:
            meant[policy, 0, _labels(entity)] = 0
        for entity, others in EITHER.items():
            for other in others:
                meant[policy, _labels(entity), _labels(other)] = 0
    return meant


def _labels(entity: str) -> np.ndarray:
    return 1 + 4 * at.ENTITIES.index(entity) + np.arange(4)
