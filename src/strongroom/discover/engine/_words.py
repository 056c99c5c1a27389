"""Words of context: a table that tells a word's number by one look, and what words are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.discover.engine._dialect import WORD
from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

SLOTS, FACTOR = 4096, 0x9E3779B97F4A7C15
_MOST, _LONGEST, _KEY = SLOTS * 3 // 4, 255, 8
_SIXTY_FOUR = (1 << 64) - 1
LETTERS = WORD ^ 1 << ord("_")


class Words:
    """The words that rules ask for, in any case.

    A word is a run of letters and digits. Case goes by setting one bit of every byte, which also
    serves for Latin, Greek and Cyrillic letters in UTF-8 that have their small form in the same
    row of 64; the others are entered in three writings.

    Attributes:
        numbers: of each word.
        folded: of each writing, folded.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.numbers: dict[str, int] = {}
        self.folded: dict[bytes, int] = {}
        for word in sorted(set(words)):
            for written in {word.lower(), word.capitalize(), word.upper()}:
                coded = fold(written.encode())
                if not coded or len(coded) > _LONGEST or any(not LETTERS >> b & 1 for b in coded):
                    raise InputError(
                        f'"{word}" is no word of context',
                        hint="a word is one run of letters and digits",
                    )
                number = self.folded.get(coded, len(self.numbers))
                self.folded[coded] = self.numbers.setdefault(word, number)
        if len(self.folded) > _MOST:
            raise InputError(f"rules ask for more than {_MOST} words of context")

    def __len__(self) -> int:
        return len(self.numbers)

    def among(self, text: str) -> list[int]:
        """Return the numbers of the words in a short text, such as the name of a column."""
        parts = "".join(c if c.isalnum() else " " for c in text).split()
        found = {self.folded.get(fold(part.encode())) for part in parts}
        return sorted(n for n in found if n is not None)

    def arrays(self) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint8]]:
        """Return `used`, `lexicon` and `tails`, as the kernels ask for them."""
        used, lexicon, tails = np.zeros(SLOTS, np.uint8), np.zeros((SLOTS, 4), np.int64), b""
        for coded, number in self.folded.items():
            key = int.from_bytes(coded[:_KEY], "little")
            slot = (key * FACTOR & _SIXTY_FOUR) >> 52
            while used[slot]:
                slot = (slot + 1) % SLOTS
            used[slot] = 1
            signed = key - (1 << 64) if key >> 63 else key
            lexicon[slot] = signed, len(coded), len(tails), number
            tails += coded[_KEY:]
        return used, lexicon, np.frombuffer(tails + b"\0", np.uint8).copy()


def fold(coded: bytes) -> bytes:
    """Set the bit that tells small letters from capitals."""
    return bytes(b | 32 for b in coded)


def flags(mask: int) -> NDArray[np.uint8]:
    """Return a set of bytes as an array of 0 and 1."""
    return np.array([mask >> b & 1 for b in range(256)], np.uint8)
