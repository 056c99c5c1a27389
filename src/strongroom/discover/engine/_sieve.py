"""Four bytes that something may begin with, as a table: the first look at every place of a text.

Bytes are told apart as far as symbols go: small letters (1 to 26), digits, what isn't ASCII, and
capitals, which are small letters at the first of the four places. Everything else is one symbol.
The table says of four symbols whether something may begin so; gates and automata say the rest.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from strongroom.discover.engine._automaton import Positions, positions
from strongroom.discover.engine._dialect import Bytes, Node, Sequence
from strongroom.discover.engine._words import LETTERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

OTHER, DIGIT, BEYOND, CAPITAL, SYMBOLS = 0, 27, 28, 29, 32
PLACES, FLAGS = 4, 4
SHAPE = 7
"""How many bytes a shape tells: of each whether it is a letter, a digit, what joins these (`-./:`,
their neighbours in ASCII), or something else."""
RUN_BITS, RUN_FACTOR = 13, 0x9E3779B97F4A7C15
"""Four symbols as a number, times the factor: the highest bits of 64 are their place in a table."""
WORD = 64
"""How many bytes of a first word are told apart."""
_ENDED = -1


def _symbol(byte: int, *, first: bool) -> int:
    character = chr(byte)
    if not character.isascii():
        return BEYOND
    if character.isdigit():
        return DIGIT
    if not character.isalpha():
        return OTHER
    return CAPITAL if character.isupper() and not first else byte % SYMBOLS


_Symbols = tuple[int, ...]
_FIRST: _Symbols = tuple(_symbol(b, first=True) for b in range(256))
_LATER: _Symbols = tuple(_symbol(b, first=False) for b in range(256))
_LETTER, _DIGIT, _JOINING = 1, 2, 3
_SHAPES: _Symbols = tuple(
    _DIGIT if b in b"0123456789" else _JOINING if b in b"-./:" else LETTERS >> b & _LETTER
    for b in range(256)
)


def sieve(tables: Iterable[NDArray[np.bool_]]) -> NDArray[np.uint32]:
    """Lay up to four tables out as `sifted` reads them: four bits for any four symbols."""
    found = np.zeros(SYMBOLS**PLACES, np.uint32)
    for flag, table in enumerate(tables):
        found |= table.ravel().astype(np.uint32) << np.uint32(flag)
    by_entry = found.reshape(-1, 8) << (FLAGS * np.arange(8, dtype=np.uint32))
    return np.asarray(np.bitwise_or.reduce(by_entry, axis=1))


def runs_of(table: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return bool [2**`RUN_BITS`], true where some four symbols of a table have their place."""
    symbols = np.flatnonzero(table.ravel()).astype(np.uint64)
    found = np.zeros(1 << RUN_BITS, np.bool_)
    found[(symbols * np.uint64(RUN_FACTOR)) >> np.uint64(64 - RUN_BITS)] = True
    return found


def beginnings_of(nodes: Iterable[tuple[Node, bool]]) -> NDArray[np.bool_]:
    """Return bool [32, 32, 32, 32]: the symbols that patterns may begin with.

    Args:
        nodes: patterns, each with whether no letter or digit may stand behind it.
    """
    found = np.zeros((SYMBOLS,) * PLACES, np.bool_)
    for node, bounded in nodes:
        behind = [OTHER] if bounded else slice(None)
        _Table(positions(node), [_FIRST, *[_LATER] * (PLACES - 1)], behind).write(found)
    return found


def shapes_of(nodes: Iterable[tuple[Node, bool]]) -> NDArray[np.bool_]:
    """Return bool [2**14]: the shapes of the first bytes of patterns.

    Bit i of a shape says that byte i is a digit or joins, bit 7 + i that it is a letter or digit.
    """
    found = np.zeros((4,) * SHAPE, np.bool_)
    for node, bounded in nodes:
        behind = [OTHER, _JOINING] if bounded else slice(None)
        _Table(positions(node), [_SHAPES] * SHAPE, behind).write(found)
    kinds, place = np.indices(found.shape).reshape(SHAPE, -1), np.arange(SHAPE)[:, None]
    bits = (kinds >= _DIGIT) << place | np.isin(kinds, (_LETTER, _DIGIT)) << (place + SHAPE)
    told = np.zeros(1 << 2 * SHAPE, np.bool_)
    told[bits.sum(axis=0)] = found.ravel()
    return told


def first_words_of(nodes: Iterable[tuple[Node, bool]]) -> NDArray[np.bool_]:
    """Return bool [`WORD` + 1]: how many letters and digits patterns may begin with, in one run.

    The last entry is for longer runs, too.

    Args:
        nodes: patterns, each with whether no letter or digit may stand behind it.
    """
    found = np.zeros(WORD + 1, np.bool_)
    for node, bounded in nodes:
        numbered = positions(node)
        state = set(numbered.first)
        ended = numbered.nullable
        for length in range(WORD + 1):
            if ended and not bounded:
                found[length:] = True
            found[length] |= ended or any(numbered.masks[p] & ~LETTERS for p in state)
            inside = [p for p in state if numbered.masks[p] & LETTERS]
            ended = any(p in numbered.last for p in inside)
            state = set().union(*(numbered.follow[p] for p in inside))
        found[WORD] |= ended or bool(state)
    return found


def word(folded: bytes) -> Node:
    """Return the pattern of a word of context in any case."""
    alike = [[b for b in range(256) if b | 32 == byte and LETTERS >> b & 1] for byte in folded]
    return Sequence(tuple(Bytes(sum(1 << b for b in some)) for some in alike))


class _Table:
    """The symbols that one pattern may begin with.

    Args:
        numbered: the pattern.
        symbols: those of bytes, by place.
        behind: what may stand behind it.
    """

    def __init__(
        self, numbered: Positions, symbols: list[_Symbols], behind: list[int] | slice
    ) -> None:
        self._numbered, self._symbols, self._outside = numbered, symbols, behind
        self._known: dict[tuple[frozenset[int], int], NDArray[np.bool_]] = {}

    def write(self, table: NDArray[np.bool_]) -> None:
        """Add it to the others'."""
        start = self._numbered.first | ({_ENDED} if self._numbered.nullable else frozenset())
        self._from(start, table)

    def _from(self, state: frozenset[int], table: NDArray[np.bool_]) -> None:
        symbols, after = self._symbols[-table.ndim], dict[int, set[int]]()
        for position in state:
            if position == _ENDED:
                table[self._outside] = True
                continue
            mask = self._numbered.masks[position]
            follow = self._numbered.follow[position]
            for symbol in _symbols_in(mask, symbols):
                one = after.setdefault(symbol, set())
                one.update(follow)
                if position in self._numbered.last:
                    one.add(_ENDED)
        if table.ndim == 1:
            table[list(after)] = True
            return
        alike: dict[frozenset[int], list[int]] = {}
        for symbol, following in after.items():
            alike.setdefault(frozenset(following), []).append(symbol)
        for state_after, those in alike.items():
            table[those] |= self._behind(state_after, table.shape[1:])

    def _behind(self, state: frozenset[int], shape: tuple[int, ...]) -> NDArray[np.bool_]:
        key = (state, len(shape))
        if key not in self._known:
            self._known[key] = np.zeros(shape, np.bool_)
            self._from(state, self._known[key])
        return self._known[key]


@cache
def _symbols_in(mask: int, symbols: _Symbols) -> frozenset[int]:
    """Return what a set of bytes is told apart as."""
    return frozenset(symbols[b] for b in range(256) if mask >> b & 1)
