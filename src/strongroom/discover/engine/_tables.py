"""Rules as arrays: what the kernels read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from strongroom.discover.engine._automaton import positions
from strongroom.discover.engine._dialect import WORD
from strongroom.discover.engine._plan import Planned, Way, grams_of, plan, read
from strongroom.discover.engine._shelf import Shelf, united
from strongroom.discover.engine._words import FACTOR, LETTERS, Words, flags
from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strongroom.discover._rule import Rule
    from strongroom.discover.engine._automaton import Automaton

GROUPS, STOPS, SIEVE = 8, 32, 1 << 16
FOR, AGAINST = 1, 2
_MILLION = 1_000_000
_DIGITS = sum(1 << b for b in b"0123456789")
_EVERYWHERE, _RIGHT = 1, 2
_WHOLE, _LEAD, _ANCHOR = range(3)
_EVENTS = {Way.LEAD: _LEAD, Way.BYTE: _ANCHOR, Way.RUN: _ANCHOR}


class Search(NamedTuple):
    """What the pass over the bytes reads, in the order of its arguments; they are told there."""

    moves: NDArray[np.int32]
    classes: NDArray[np.uint8]
    starts: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    loose: NDArray[np.uint8]
    groups: NDArray[np.int64]
    pairs: NDArray[np.uint16]
    glue: NDArray[np.uint16]
    stops: NDArray[np.uint8]
    anywhere: int
    sieve: NDArray[np.uint8]
    wild: NDArray[np.uint8]
    anchor_at: NDArray[np.int16]
    anchors: NDArray[np.int64]
    used: NDArray[np.uint8]
    lexicon: NDArray[np.int64]
    tails: NDArray[np.uint8]
    longest_word: int


class Judge(NamedTuple):
    """What makes hits of events reads, likewise."""

    moves: NDArray[np.int32]
    classes: NDArray[np.uint8]
    starts: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    set_at: NDArray[np.int64]
    set_rules: NDArray[np.int64]
    facts: NDArray[np.int64]
    programs: NDArray[np.int64]
    aparts: NDArray[np.uint8]
    relation: NDArray[np.uint8]
    worth: NDArray[np.float32]
    used: NDArray[np.uint8]
    lexicon: NDArray[np.int64]
    tails: NDArray[np.uint8]
    longest_word: int


def compile_rules(
    rules: Sequence[Rule], chosen: frozenset[str], words: Words
) -> tuple[Search, Judge]:
    """Turn rules into arrays.

    Args:
        rules: one at least.
        chosen: countries: rules of others need a word of their context.
        words: those of all contexts.

    Raises:
        InputError: a pattern isn't of the dialect or takes too many states.
    """
    planned = [plan(rule) for rule in rules]
    shelf = Shelf()
    beginnings = _beginnings(planned, shelf)
    judgement = _judgement(planned, shelf, chosen, words)
    automata = shelf.arrays()
    kinds = flags(LETTERS) + np.uint8(2) * flags(WORD ^ LETTERS)
    sets = list(shelf.sets)
    loose = [any(planned[r].way is not Way.START for r in one) for one in sets]
    set_at = np.cumsum([0, *map(len, sets)])
    set_rules = np.array([r for one in sets for r in one] or [0], np.int64)
    asked = words.arrays()
    return (
        Search(*automata, kinds, np.array(loose, np.uint8), *beginnings, *asked),
        Judge(*automata, kinds, set_at, set_rules, *judgement, *asked),
    )


def _beginnings(planned: Sequence[Planned], shelf: Shelf) -> tuple[Any, ...]:
    """Lay out where rules may begin: the arguments of a search from `groups` to `anchors`."""
    starting = [i for i, p in enumerate(planned) if p.way is Way.START]
    inside = [i for i, p in enumerate(planned) if p.way in {Way.LEAD, Way.ANYWHERE, Way.RUN}]
    digits = [i for i in starting if planned[i].firsts & _DIGITS]
    letters = [i for i in starting if not planned[i].firsts & _DIGITS]
    unions = [one for part in (digits, letters) for one in _united(part, planned)]
    anywhere = _united(inside, planned)
    if len(unions) + len(anywhere) > GROUPS:
        raise InputError(
            "these rules can't be used together: their patterns take too many states",
            hint="leave some out, or make large repetitions smaller",
        )
    pairs, glue, marks = np.zeros(65536, np.uint16), np.zeros(256, np.uint16), set[int]()
    for g, (members, automaton) in enumerate(unions):
        pairs |= _pairs(automaton) << np.uint16(g)
        apart = [{ord(c) for c in planned[i].rule.apart} for i in members]
        glue[list(set.intersection(*apart))] |= np.uint16(1 << g)
        for i in members:
            marks |= {b for b in range(256) if planned[i].firsts & ~LETTERS & 1 << b}
    sieve, wild = np.zeros(SIEVE // 8, np.uint8), np.zeros(65536, np.uint8)
    for i in inside:
        grams = grams_of(planned[i].met)
        if grams is None:
            wild |= _pairs(_united([i], planned)[0][1]).astype(np.uint8)
        for gram in grams or ():
            slot = (gram * FACTOR & (1 << 64) - 1) >> 48
            sieve[slot >> 3] |= 1 << (slot & 7)
    anchor_at, anchors = np.full(256, -1, np.int16), list[tuple[int, int, int]]()
    for i, one in enumerate(planned):
        if one.way is Way.BYTE:
            byte = one.firsts.bit_length() - 1
            anchors.append((int(anchor_at[byte]), i, shelf.single(one.ahead)))
            anchor_at[byte] = len(anchors) - 1
            marks.add(byte)
    if len(marks) > STOPS:
        raise InputError(
            "these rules can't be used together: too many different marks begin one",
            hint="begin patterns with a letter or a digit, or give them a lead",
        )
    stops = sorted(marks) or [0]
    groups = [shelf.add(automaton, members) for members, automaton in [*unions, *anywhere]]
    return (
        np.array(groups, np.int64),
        pairs,
        glue,
        np.array(stops + stops[:1] * (STOPS - len(stops)), np.uint8),
        sum(1 << g for g in range(len(unions), len(groups))),
        sieve,
        wild if wild.any() else wild[:0],
        anchor_at,
        np.array(anchors, np.int64).reshape(-1, 3),
    )


def _united(
    members: Sequence[int], planned: Sequence[Planned]
) -> list[tuple[Sequence[int], Automaton]]:
    return united(members, [positions(planned[i].head) for i in members])


def _pairs(automaton: Automaton) -> NDArray[np.uint16]:
    """Return for every two bytes, the first one lowest, whether it may start with them."""
    found = np.zeros((256, 256), np.uint16)  # second, first
    for first in range(256):
        state = automaton.moves[automaton.start, automaton.classes[first]]
        found[:, first] = automaton.moves[state, automaton.classes] != 0
        if automaton.accepts[state]:
            found[:, first] = 1
    return found.ravel()


def _judgement(
    planned: Sequence[Planned], shelf: Shelf, chosen: frozenset[str], words: Words
) -> tuple[NDArray[Any], ...]:
    """Lay out what proves a hit and what it is worth: from `facts` to `worth`."""
    facts, programs = np.zeros((len(planned), 10), np.int64), [0]
    relation = np.zeros((len(planned), max(1, len(words))), np.uint8)
    aparts: dict[str, int] = {}
    known: dict[tuple[int, ...], int] = {}
    for i, one in enumerate(planned):
        rule = one.rule
        program = -1
        if rule.check is not None:
            program = known.setdefault(rule.check.program, len(programs))
            programs += rule.check.program if program == len(programs) else ()
        event = _EVENTS.get(one.way, _WHOLE)
        facts[i] = (
            event,
            -1 if one.back is None else shelf.single(one.back),
            -1 if event == _WHOLE else shelf.single(one.ahead),
            shelf.single(read(rule, rule.follow)) if rule.follow else -1,
            shelf.single(read(rule, rule.compact)) if rule.compact else -1,
            program,
            (_RIGHT if rule.lead else _EVERYWHERE) if rule.bounded else 0,
            aparts.setdefault(rule.apart, len(aparts)),
            bool(rule.context or rule.against),
            round(rule.entropy * _MILLION),
        )
        for word in rule.context:
            relation[i, words.numbers[word]] |= FOR
        for word in rule.against:
            relation[i, words.numbers[word]] |= AGAINST
    return (
        facts,
        np.array(programs, np.int64),
        np.stack([flags(sum(1 << b for b in set(a.encode()))) for a in aparts]),
        relation,
        np.array([said(one.rule, chosen) for one in planned], np.float32),
    )


def said(rule: Rule, chosen: frozenset[str]) -> tuple[float, float, float, float]:
    """Return the score without words around, with those for it, with those against it, and both."""
    for_it = rule.score if rule.context_score is None else rule.context_score
    if rule.countries and chosen.isdisjoint(rule.countries):
        return 0.0, for_it, 0.0, 0.0
    return rule.score, for_it, rule.against_score, rule.score
