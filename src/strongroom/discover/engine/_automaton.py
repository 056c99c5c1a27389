"""From patterns to deterministic automata, in tables that a kernel walks a byte at a time.

Glushkov's construction (1961) gives a position for every byte set of a pattern and which positions
may follow which; sets of positions then become states (Rabin & Scott 1959). A state here is what
may come next together with what has just been accepted, which merges most states that a position
set would keep apart. Repetitions are written out, and a pattern that needs too many states is
refused: nothing grows without bound, whatever a user writes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from strongroom.discover.engine._dialect import ALL, Bytes, Choice, Node, Repeat, Sequence
from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence as Many

MOST_POSITIONS = 40_000
MOST_STATES = 20_000
_KNOWN = 1_024


class TooManyStatesError(Exception):
    """The automaton of several patterns together would be too large: they must be parted."""


@dataclass
class Positions:
    """Glushkov's positions of one pattern.

    Attributes:
        masks: the byte set of each.
        follow: which positions may come after each.
        first: which may come first.
        last: which may come last.
        nullable: the empty text matches.
    """

    masks: list[int] = field(default_factory=list)
    follow: list[set[int]] = field(default_factory=list)
    first: frozenset[int] = frozenset()
    last: frozenset[int] = frozenset()
    nullable: bool = True


@lru_cache(_KNOWN)
def positions(node: Node) -> Positions:
    """Number the byte sets of a pattern; nobody changes what is returned.

    Raises:
        InputError: repetitions make it too long.
    """
    made = Positions()
    made.first, made.last, made.nullable = _number(node, made)
    return made


_Ends = tuple[frozenset[int], frozenset[int], bool]
_NOTHING: _Ends = (frozenset(), frozenset(), True)


def _number(node: Node, made: Positions) -> _Ends:
    if isinstance(node, Bytes):
        if len(made.masks) >= MOST_POSITIONS:
            raise InputError(
                "this pattern can't be used: it is too long with its repetitions written out",
                hint=f"it may have {MOST_POSITIONS} places; use + or * for large bounds",
            )
        made.masks.append(node.mask)
        made.follow.append(set())
        here = frozenset([len(made.masks) - 1])
        return here, here, False
    if isinstance(node, Sequence):
        ends = _NOTHING
        for part in node.parts:
            ends = _then(ends, _number(part, made), made)
        return ends
    if isinstance(node, Choice):
        every = [_number(part, made) for part in node.parts]
        first, last, nullable = zip(*every, strict=True)
        return frozenset().union(*first), frozenset().union(*last), any(nullable)
    return _repeated(node, made)


def _then(left: _Ends, right: _Ends, made: Positions) -> _Ends:
    for position in left[1]:
        made.follow[position] |= right[0]
    return (
        left[0] | right[0] if left[2] else left[0],
        left[1] | right[1] if right[2] else right[1],
        left[2] and right[2],
    )


def _repeated(node: Repeat, made: Positions) -> _Ends:
    ends = _NOTHING
    for _ in range(node.least):
        once = _number(node.part, made)
        ends = _then(ends, once, made)
    if node.most is None:
        if not node.least:
            once = _number(node.part, made)
            ends = (once[0], once[1], True)
        for position in once[1]:
            made.follow[position] |= once[0]
        return ends
    # x{0,3} is (x(x(x)?)?)?: each turn follows the one before only.
    before, lasts = ends, [ends[1]] if node.least else []
    first, nullable = ends[0], ends[2]
    for _ in range(node.most - node.least):
        once = _number(node.part, made)
        for position in before[1]:
            made.follow[position] |= once[0]
        first = first | once[0] if before[2] else first
        lasts.append(once[1])
        before = (once[0], once[1] | before[1] if once[2] else once[1], before[2] and once[2])
    return first, frozenset().union(*lasts), nullable


def reverse(node: Node) -> Node:
    """Return the pattern of the same texts read backwards."""
    if isinstance(node, Bytes):
        return node
    if isinstance(node, Repeat):
        return Repeat(reverse(node.part), node.least, node.most)
    if isinstance(node, Choice):
        return Choice(tuple(map(reverse, node.parts)))
    return Sequence(tuple(map(reverse, reversed(node.parts))))


@dataclass(frozen=True)
class Automaton:
    """A deterministic automaton; state 0 is where nothing matches any more.

    Attributes:
        classes: uint8 [256], the column of each byte.
        moves: int32 [states, columns], the next state.
        accepts: for each state, which patterns end there, by number.
        start: the first state.
    """

    classes: np.ndarray
    moves: np.ndarray
    accepts: tuple[tuple[int, ...], ...]
    start: int


def byte_classes(masks: Many[int]) -> tuple[np.ndarray, int]:
    """Part the bytes so that no mask tells two of a class apart; class of each, and how many."""
    parts = [ALL]
    for mask in set(masks):
        parts = [p for part in parts for p in (part & mask, part & ~mask) if p]
    parts.sort(key=lambda p: p & -p)
    classes = np.zeros(256, np.uint8)
    for i, part in enumerate(parts):
        classes[[b for b in range(256) if part >> b & 1]] = i
    return classes, len(parts)


def determinise(patterns: Many[Positions], *, most: int = MOST_STATES) -> Automaton:
    """Build the automaton that runs all patterns at once.

    Raises:
        TooManyStatesError: it would have more than `most` states.
    """
    masks: list[int] = []
    follow: list[frozenset[int]] = []
    ends: dict[int, int] = {}
    start: set[int] = set()
    for number, pattern in enumerate(patterns):
        shift = len(masks)
        masks += pattern.masks
        follow += [frozenset(p + shift for p in after) for after in pattern.follow]
        ends |= dict.fromkeys((p + shift for p in pattern.last), number)
        start |= {p + shift for p in pattern.first}
    classes, columns = byte_classes(masks)
    # The same sets over columns instead of bytes: a fraction of the width.
    representative = [int(np.flatnonzero(classes == c)[0]) for c in range(columns)]
    over = {m: sum(1 << c for c, b in enumerate(representative) if m >> b & 1) for m in set(masks)}
    sets = [over[mask] for mask in masks]
    accepted = tuple(n for n, pattern in enumerate(patterns) if pattern.nullable)
    first = (frozenset(start), accepted)
    known: dict[tuple[frozenset[int], tuple[int, ...]], int] = {(frozenset(), ()): 0, first: 1}
    order = [(frozenset[int](), ()), first]
    rows = [np.zeros(columns, np.int32)]
    whole, spread = (1 << columns) - 1, _Columns()
    for at in count(1):
        if at == len(order):
            break
        if at > most:
            raise TooManyStatesError
        row = np.zeros(columns, np.int32)
        for part, taken in _parted(order[at][0], sets, whole):
            key = (
                frozenset().union(*(follow[p] for p in taken)),
                tuple(sorted({ends[p] for p in taken if p in ends})),
            )
            state = known.setdefault(key, len(order))
            if state == len(order):
                order.append(key)
            row[spread.of(part)] = state
        rows.append(row)
    accepts = tuple(accepted for _, accepted in order)
    return Automaton(classes, np.stack(rows), accepts, 1)


def _parted(state: frozenset[int], sets: list[int], whole: int) -> list[tuple[int, list[int]]]:
    """Part the columns by which positions of a state take them; leave out what none takes."""
    by_set: dict[int, list[int]] = {}
    for position in state:
        by_set.setdefault(sets[position], []).append(position)
    parts: list[tuple[int, list[int]]] = [(whole, [])]
    for over, taken in by_set.items():
        parted = []
        for part, already in parts:
            inside, outside = part & over, part & ~over
            if inside:
                parted.append((inside, already + taken))
            if outside:
                parted.append((outside, already))
        parts = parted
    return [(part, taken) for part, taken in parts if taken]


class _Columns:
    """The places of the bits of a number, remembered."""

    def __init__(self) -> None:
        self._known: dict[int, np.ndarray] = {}

    def of(self, mask: int) -> np.ndarray:
        if mask not in self._known:
            self._known[mask] = np.array(
                [i for i in range(mask.bit_length()) if mask >> i & 1], np.intp
            )
        return self._known[mask]
