"""Where rules may begin, as arrays: the middle part of what a search reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from strongroom.discover.engine._automaton import positions
from strongroom.discover.engine._buckets import PLACES, buckets, gate
from strongroom.discover.engine._plan import Planned, Way, grams_of
from strongroom.discover.engine._shelf import Shelf, determinised, united
from strongroom.discover.engine._words import FACTOR, LETTERS
from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from strongroom.discover.engine._automaton import Automaton

_BUCKETS, _GROUPS, _AT_ONCE = 8, 32, 8
_SIEVE_BITS, _SIEVE_SHIFT = 1 << 18, 46
# Rules that begin with at most this many runs of four bytes are told by them.
_FEW = 400
_INSIDE = frozenset({Way.LEAD, Way.ANYWHERE, Way.RUN})


class Beginnings(NamedTuple):
    """The arguments of a search from `groups` to `beyond`, which are told there."""

    groups: NDArray[np.int64]
    gates: NDArray[np.uint32]
    glue: NDArray[np.uint32]
    stops: NDArray[np.uint8]
    literal: int
    eager: int
    sown: NDArray[np.uint8]
    anywhere: int
    sieve: NDArray[np.uint8]
    wild: NDArray[np.uint8]
    anchor_at: NDArray[np.int16]
    anchors: NDArray[np.int64]
    beyond: NDArray[np.uint8]


@dataclass(frozen=True)
class _Union:
    """Rules that are walked together.

    Attributes:
        members: their numbers.
        automaton: of all their heads.
        literal: a sieve tells where they may start.
        greedy: a span hides what starts inside of it.
    """

    members: Sequence[int]
    automaton: Automaton
    literal: bool
    greedy: bool


def beginnings(planned: Sequence[Planned], shelf: Shelf) -> Beginnings:
    """Lay out where rules may begin, and put the unions of their patterns on the shelf.

    Raises:
        InputError: the rules need too many automata.
    """
    starting = [i for i, p in enumerate(planned) if p.way is Way.START]
    inside = [i for i, p in enumerate(planned) if p.way in _INSIDE]
    open_at = {i: gate(planned[i].head) for i in starting}
    grams = {i: grams_of(planned[i].met) for i in [*starting, *inside]}
    literal = {i for i in starting if len(grams[i] or range(_FEW + 1)) <= _FEW}
    unions = [
        _Union(members, automaton, told, greedy)
        for greedy in (True, False)
        for told in (True, False)
        for part in _together(
            [i for i in starting if planned[i].rule.greedy == greedy and (i in literal) == told],
            open_at,
            one_bucket=told,
        )
        for members, automaton in _united(part, planned)
    ]
    anywhere = _united(inside, planned)
    if len(unions) + len(anywhere) > _GROUPS:
        raise InputError(
            "these rules can't be used together: their patterns take too many states",
            hint="leave some out, or make large repetitions smaller",
        )
    gates, glue = np.zeros((PLACES, 256), np.uint32), np.zeros(256, np.uint32)
    for g, union in enumerate(unions):
        gates |= np.any([open_at[i] for i in union.members], axis=0) * np.uint32(1 << g)
        apart = [{ord(c) for c in planned[i].rule.apart} for i in union.members]
        glue[list(set.intersection(*apart))] |= np.uint32(1 << g)
    wild = np.zeros(65536, np.uint8)
    for i in inside:
        if grams[i] is None:
            wild |= _pairs(_united([i], planned)[0][1])
    anchor_at, anchors, beyond = _anchors(planned, shelf)
    marks = {b for i in starting for b in _bytes(planned[i].firsts & ~LETTERS)}
    stops = sorted(marks | set(np.flatnonzero(anchor_at >= 0).tolist())) or [0]
    groups = [shelf.add(u.automaton, u.members) for u in unions]
    groups += [shelf.add(automaton, members) for members, automaton in anywhere]
    return Beginnings(
        groups=np.array(groups, np.int64),
        gates=gates,
        glue=glue,
        stops=np.array(stops + stops[:1] * (-len(stops) % _AT_ONCE), np.uint8),
        literal=sum(1 << g for g, u in enumerate(unions) if u.literal),
        eager=sum(1 << g for g, u in enumerate(unions) if u.greedy),
        sown=_sieve(grams[i] for i in literal),
        anywhere=sum(1 << g for g in range(len(unions), len(groups))),
        sieve=_sieve(grams[i] for i in inside),
        wild=wild if wild.any() else wild[:0],
        anchor_at=anchor_at,
        anchors=anchors,
        beyond=beyond,
    )


def _together(
    rules: Sequence[int], open_at: dict[int, NDArray[np.bool_]], *, one_bucket: bool
) -> list[list[int]]:
    if one_bucket or not rules:
        return [list(rules)] if rules else []
    parts = buckets([open_at[i] for i in rules], _BUCKETS)
    return [[rules[place] for place in part] for part in parts]


def _united(
    members: Sequence[int], planned: Sequence[Planned]
) -> list[tuple[Sequence[int], Automaton]]:
    return united(members, [positions(planned[i].head) for i in members])


def _anchors(
    planned: Sequence[Planned], shelf: Shelf
) -> tuple[NDArray[np.int16], NDArray[np.int64], NDArray[np.uint8]]:
    """Lay out what is found around a byte: `anchor_at`, `anchors` and `beyond`."""
    at, rows = np.full(256, -1, np.int16), list[tuple[int, ...]]()
    beyond = np.zeros(256, np.uint8)
    for i, one in enumerate(planned):
        if one.way is Way.BYTE:
            byte = one.firsts.bit_length() - 1
            rows.append((int(at[byte]), i, shelf.single(one.ahead)))
            at[byte] = len(rows) - 1
            beyond |= _pairs(determinised([positions(one.ahead)])).reshape(256, 256)[:, byte]
    return at, np.array(rows, np.int64).reshape(-1, 3), beyond


def _sieve(grams: Iterable[Sequence[int] | None]) -> NDArray[np.uint8]:
    """Set the bits of what begins with these four bytes."""
    found = np.zeros(_SIEVE_BITS // 8, np.uint8)
    for gram in (g for some in grams for g in some or ()):
        slot = (gram * FACTOR & (1 << 64) - 1) >> _SIEVE_SHIFT
        found[slot >> 3] |= 1 << (slot & 7)
    return found


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
