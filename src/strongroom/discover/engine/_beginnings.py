"""Where rules may begin, as arrays: the middle part of what a search reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from strongroom.discover.engine._automaton import positions
from strongroom.discover.engine._buckets import PLACES, buckets, gate
from strongroom.discover.engine._plan import Planned, Way, grams_of
from strongroom.discover.engine._shelf import Shelf, determinised, united
from strongroom.discover.engine._sieve import (
    RUN_BITS,
    SHAPE,
    WORD,
    beginnings_of,
    first_words_of,
    runs_of,
    shapes_of,
    sieve,
    word,
)
from strongroom.discover.engine._words import LETTERS
from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from strongroom.discover.engine._automaton import Automaton
    from strongroom.discover.engine._dialect import Node

_BUCKETS, _GROUPS, _AT_ONCE = (8, 4, 2, 1), 62, 8
# Rules that begin with at most this many runs of four bytes are told by them.
_FEW = 400
# What joins numbers for most rules: `glue` is what all of a union agree on, so they stay apart.
_JOINING = frozenset(".-/")
_INSIDE = frozenset({Way.LEAD, Way.ANYWHERE, Way.RUN})


class Beginnings(NamedTuple):
    """Those arguments of kernels that say where rules begin; they are told there."""

    groups: NDArray[np.int64]
    gates: NDArray[np.int64]
    runs: NDArray[np.int64]
    glue: NDArray[np.int64]
    shapes: NDArray[np.int64]
    first_words: NDArray[np.int64]
    sieve: NDArray[np.uint32]
    anchoring: NDArray[np.uint8]
    marking: NDArray[np.uint8]
    literal: int
    starting: int
    eager: int
    anywhere: int
    contextual: int
    anchor_at: NDArray[np.int16]
    anchors: NDArray[np.int64]
    around: NDArray[np.uint8]


@dataclass(frozen=True)
class _Union:
    """Rules that are walked together.

    Attributes:
        members: their numbers.
        automaton: of all their heads.
        greedy: a span hides what starts inside of it.
        literal: it starts with one of few words.
        contextual: it counts only beside a word of its context.
        inside: it may begin inside a word.
    """

    members: Sequence[int]
    automaton: Automaton
    greedy: bool = False
    literal: bool = False
    contextual: bool = False
    inside: bool = False


def beginnings(
    planned: Sequence[Planned], shelf: Shelf, words: Iterable[bytes]
) -> tuple[Beginnings, dict[int, int]]:
    """Lay out where rules may begin, and put the unions of their patterns on the shelf.

    Args:
        planned: rules.
        shelf: takes the automata.
        words: the folded words of their contexts.

    Returns:
        The arrays, and the group of each rule that counts only beside a word of its context.

    Raises:
        InputError: the rules need too many automata.
    """
    starting = [i for i, p in enumerate(planned) if p.way is Way.START]
    inside = [i for i, p in enumerate(planned) if p.way in _INSIDE]
    open_at = {i: gate(planned[i].met) for i in (*starting, *inside)}
    literal = {i for i in starting if grams_of(planned[i].head, _FEW)}
    unions = _unions(planned, starting, inside, literal, open_at)
    gates, glue = np.zeros((PLACES, 256), np.int64), np.zeros(256, np.int64)
    shapes, runs = np.zeros(1 << 2 * SHAPE, np.int64), np.zeros(1 << RUN_BITS, np.int64)
    first_words = np.zeros(WORD + 1, np.int64)
    inside_of, begin_of, few_of = (beginnings_of(()) for _ in range(3))
    for g, union in enumerate(unions):
        first_words |= first_words_of(_met(planned[i]) for i in union.members) * np.int64(1 << g)
        shapes |= shapes_of(_met(planned[i]) for i in union.members) * np.int64(1 << g)
        met = beginnings_of(_met(planned[i]) for i in union.members)
        runs |= runs_of(met) * np.int64(1 << g)
        told = inside_of if union.inside else few_of if union.literal else begin_of
        told |= met
        gates |= np.any([open_at[i] for i in union.members], axis=0) * np.int64(1 << g)
        if not union.inside:
            apart = [{ord(c) for c in planned[i].rule.apart} for i in union.members]
            glue[list(set.intersection(*apart))] |= np.int64(1 << g)
    anchor_at, anchors, around = _anchors(planned, shelf)
    marks = {b for i in starting for b in _bytes(planned[i].first & ~LETTERS)}
    asked = [(word(one), True) for one in words]
    made = Beginnings(
        groups=np.array([shelf.add(u.automaton, u.members) for u in unions], np.int64),
        gates=gates,
        runs=runs,
        glue=glue,
        shapes=shapes,
        first_words=first_words,
        sieve=sieve([inside_of, begin_of, few_of, beginnings_of(asked)]),
        anchoring=_filled(np.flatnonzero(anchor_at >= 0).tolist()),
        marking=_filled(sorted(marks)),
        literal=_bits(u.literal for u in unions),
        starting=_bits(not u.literal and not u.inside for u in unions),
        eager=_bits(u.greedy for u in unions),
        anywhere=_bits(u.inside for u in unions),
        contextual=_bits(u.contextual for u in unions),
        anchor_at=anchor_at,
        anchors=anchors,
        around=around,
    )
    return made, {i: g for g, u in enumerate(unions) if u.contextual for i in u.members}


def _met(one: Planned) -> tuple[Node, bool]:
    """Return what must be met of a rule, and whether no letter or digit may stand behind that."""
    return one.met, one.rule.bounded and not one.rule.follow


def _unions(
    planned: Sequence[Planned],
    starting: Sequence[int],
    inside: Sequence[int],
    literal: set[int],
    open_at: dict[int, NDArray[np.bool_]],
) -> list[_Union]:
    """Part rules into unions, by the fewer beginnings the more rules there are.

    Raises:
        InputError: the rules need too many automata.
    """
    alike: dict[tuple[bool, ...], list[int]] = {}
    for i in starting:
        rule = planned[i].rule
        joined = _JOINING.issubset(rule.apart)
        key = (not rule.greedy, i not in literal, planned[i].contextual, not joined)
        alike.setdefault(key, []).append(i)
    for most in _BUCKETS:
        unions = [
            _Union(members, automaton, not dull, not vague, contextual)
            for (dull, vague, contextual, _), rules in sorted(alike.items())
            for members, automaton in _together(rules, planned, open_at, most)
        ]
        unions += [
            _Union(members, automaton, inside=True)
            for members, automaton in _together(inside, planned, open_at, most)
        ]
        if len(unions) <= _GROUPS:
            return unions
    raise InputError(
        "these rules can't be used together: their patterns take too many states",
        hint="leave some out, or make large repetitions smaller",
    )


def _together(
    rules: Sequence[int],
    planned: Sequence[Planned],
    open_at: dict[int, NDArray[np.bool_]],
    most: int,
) -> list[tuple[Sequence[int], Automaton]]:
    """Part rules by their beginnings into `most` parts, and these by the size of their automata."""
    if not rules:
        return []
    parts = buckets([open_at[i] for i in rules], most)
    return [
        one
        for part in parts
        for one in united(
            [rules[p] for p in part], [positions(planned[rules[p]].head) for p in part]
        )
    ]


def _filled(stops: list[int]) -> NDArray[np.uint8]:
    """Return bytes in a multiple of the number that is looked for at once; some more than once."""
    return np.array([*stops, *stops[:1] * (-len(stops) % _AT_ONCE)], np.uint8)


def _bits(told: Iterable[bool]) -> int:
    return sum(1 << g for g, one in enumerate(told) if one)


def _anchors(
    planned: Sequence[Planned], shelf: Shelf
) -> tuple[NDArray[np.int16], NDArray[np.int64], NDArray[np.uint8]]:
    """Lay out what is found around a byte: `anchor_at`, `anchors` and `around`."""
    at, rows = np.full(256, -1, np.int16), list[tuple[int, ...]]()
    around = np.zeros(256, np.uint8)
    for i, one in enumerate(planned):
        if one.way is Way.BYTE:
            byte = one.first.bit_length() - 1
            rows.append((int(at[byte]), i, shelf.single(one.ahead)))
            at[byte] = len(rows) - 1
            around |= _pairs(determinised([positions(one.ahead)])).reshape(256, 256)[:, byte]
    return at, np.array(rows, np.int64).reshape(-1, 3), around


def _pairs(automaton: Automaton) -> NDArray[np.uint8]:
    """Return for every two bytes, the first one lowest, whether it may start with them."""
    found = np.zeros((256, 256), np.uint8)  # second, first
    for first in range(256):
        state = automaton.moves[automaton.start, automaton.classes[first]]
        found[:, first] = automaton.moves[state, automaton.classes] != 0
        if automaton.accepts[state]:
            found[:, first] = 1
    return found.ravel()


def _bytes(mask: int) -> list[int]:
    return [b for b in range(256) if mask >> b & 1]
