"""Automata in the two arrays that kernels walk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.discover.engine._automaton import (
    Automaton,
    Positions,
    TooManyStatesError,
    determinise,
    positions,
)
from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strongroom.discover.engine._dialect import Node

# Larger unions would no longer stay in a processor's nearest memory.
_TOGETHER = 8_000


class Shelf:
    """Automata, one after the other.

    A state's row holds the number of the set of rules that it accepts, and then for every class of
    bytes the next row: negative if that one accepts, 0 if nothing matches any more.
    """

    def __init__(self) -> None:
        self._rows = [np.zeros(1, np.int32)]
        self._used = 1
        self._classes: list[NDArray[np.uint8]] = []
        self._starts: list[int] = []
        self._single: dict[Node, int] = {}
        self.sets: dict[tuple[int, ...], int] = {(): 0}

    def add(self, automaton: Automaton, rules: Sequence[int] = ()) -> int:
        """Put an automaton behind the others; `rules` are the numbers of its patterns."""
        states, columns = automaton.moves.shape
        places = self._used + np.arange(states, dtype=np.int32) * (columns + 1)
        signed = np.where([bool(a) for a in automaton.accepts], -places, places)
        signed[0] = 0
        block = np.zeros((states, columns + 1), np.int32)
        block[:, 1:] = signed[automaton.moves]
        if rules:
            named = [tuple(rules[i] for i in accepted) for accepted in automaton.accepts]
            block[:, 0] = [self.sets.setdefault(n, len(self.sets)) for n in named]
        self._rows.append(block.ravel())
        self._used += block.size
        self._classes.append(automaton.classes + np.uint8(1))
        self._starts.append(int(signed[automaton.start]))
        return len(self._starts) - 1

    def single(self, node: Node) -> int:
        """Put the automaton of one pattern there, once.

        Raises:
            InputError: it takes too many states.
        """
        if node not in self._single:
            self._single[node] = self.add(determinised([positions(node)]))
        return self._single[node]

    def arrays(self) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.int32]]:
        """Return all rows, the classes of bytes [automata, 256], and the first rows."""
        classes = np.stack([np.ones(256, np.uint8), *self._classes][bool(self._classes) :])
        return np.concatenate(self._rows), classes, np.array(self._starts or [0], np.int32)


def determinised(patterns: Sequence[Positions]) -> Automaton:
    """Build an automaton.

    Raises:
        InputError: it takes too many states.
    """
    try:
        return determinise(patterns)
    except TooManyStatesError:
        raise InputError(
            "a pattern can't be used: there is too much to remember of what has been read",
            hint="avoid large repetitions of things that overlap, such as .{0,50}a.{0,50}",
        ) from None


def united(
    numbers: Sequence[int], patterns: Sequence[Positions]
) -> list[tuple[Sequence[int], Automaton]]:
    """Walk patterns together, in as few automata as their size allows.

    Args:
        numbers: of the rules.
        patterns: their patterns.

    Returns:
        The numbers of the rules of each automaton, and the automaton.
    """
    # Those that need many states are parted from the others first.
    order = sorted(range(len(numbers)), key=lambda i: len(patterns[i].masks))
    return _parted([numbers[i] for i in order], [patterns[i] for i in order])


def _parted(
    numbers: Sequence[int], patterns: Sequence[Positions]
) -> list[tuple[Sequence[int], Automaton]]:
    if not numbers:
        return []
    if len(numbers) == 1:
        return [(numbers, determinised(patterns))]
    whole = len(numbers)
    # As many as fit together; the others, from the last on, among themselves.
    for tail in (0, *(1 << k for k in range((whole - 1).bit_length())), whole - 1):
        kept = whole - tail
        try:
            one = determinise(patterns[:kept], most=_TOGETHER)
        except TooManyStatesError:
            continue
        return [(numbers[:kept], one), *_parted(numbers[kept:], patterns[kept:])]
    return [(numbers[:1], determinised(patterns[:1])), *_parted(numbers[1:], patterns[1:])]
