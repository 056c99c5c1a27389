"""Rules as arrays: what the kernels read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from strongroom.discover.engine._automaton import positions
from strongroom.discover.engine._buckets import PLACES, buckets, gate
from strongroom.discover.engine._dialect import WORD
from strongroom.discover.engine._plan import Planned, Way, grams_of, plan, read
from strongroom.discover.engine._shelf import Shelf, determinised, united
from strongroom.discover.engine._words import FACTOR, LETTERS, Words, flags
from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from strongroom.discover._rule import Rule
    from strongroom.discover.engine._automaton import Automaton

BUCKETS, GROUPS, SOME, SIEVE, FEW = 8, 32, 8, 1 << 18, 400
FOR, AGAINST = 1, 2
_MILLION = 1_000_000
_CAPITALS = np.array(
    [ord(chr(b).upper()) if chr(b).isalnum() and b < 128 else 0 for b in range(256)], np.uint8
)
_IS_DIGIT = np.array([48 <= b < 58 for b in range(256)], np.uint8)
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
    capitals: NDArray[np.uint8]
    is_digit: NDArray[np.uint8]


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
        Judge(*automata, kinds, set_at, set_rules, *judgement, *asked[:3], _CAPITALS, _IS_DIGIT),
    )


def _beginnings(planned: Sequence[Planned], shelf: Shelf) -> tuple[Any, ...]:
    """Lay out where rules may begin: the arguments of a search from `groups` to `anchors`."""
    starting = [i for i, p in enumerate(planned) if p.way is Way.START]
    inside = [i for i, p in enumerate(planned) if p.way in {Way.LEAD, Way.ANYWHERE, Way.RUN}]
    gates = {i: gate(planned[i].head) for i in starting}
    grams = {i: grams_of(planned[i].head) for i in starting}
    # What begins with one of few words is told by them, and walked together.
    literal = [i for i in starting if len(grams[i] or range(FEW + 1)) <= FEW]
    others = [i for i in starting if i not in set(literal)]
    unions: list[tuple[Sequence[int], Automaton]] = []
    told = eager = 0
    for greedy in (True, False):
        for members in (literal, others):
            chosen = [i for i in members if planned[i].rule.greedy == greedy]
            parts = [list(range(len(chosen)))] if chosen else []
            if members is others:
                parts = buckets([gates[i] for i in chosen], BUCKETS) if chosen else []
            for part in parts:
                for one in _united([chosen[place] for place in part], planned):
                    told |= (members is literal) << len(unions)
                    eager |= greedy << len(unions)
                    unions.append(one)
    anywhere = _united(inside, planned)
    if len(unions) + len(anywhere) > GROUPS:
        raise InputError(
            "these rules can't be used together: their patterns take too many states",
            hint="leave some out, or make large repetitions smaller",
        )
    open_, glue = np.zeros((PLACES, 256), np.uint32), np.zeros(256, np.uint32)
    marks = set[int]()
    for g, (members, _) in enumerate(unions):
        open_ |= np.any([gates[i] for i in members], axis=0) * np.uint32(1 << g)
        apart = [{ord(c) for c in planned[i].rule.apart} for i in members]
        glue[list(set.intersection(*apart))] |= np.uint32(1 << g)
        for firsts in (planned[i].firsts for i in members):
            marks |= {b for b in range(256) if firsts & ~LETTERS & 1 << b}
    wild = np.zeros(65536, np.uint8)
    for i in inside:
        grams[i] = grams_of(planned[i].met)
        if grams[i] is None:
            wild |= _pairs(_united([i], planned)[0][1])
    anchor_at, anchors = np.full(256, -1, np.int16), list[tuple[int, ...]]()
    beyond = np.zeros(256, np.uint8)
    for i, one in enumerate(planned):
        if one.way is Way.BYTE:
            byte = one.firsts.bit_length() - 1
            anchors.append((int(anchor_at[byte]), i, shelf.single(one.ahead)))
            beyond |= _pairs(determinised([positions(one.ahead)])).reshape(256, 256)[:, byte]
            anchor_at[byte] = len(anchors) - 1
            marks.add(byte)
    stops = sorted(marks) or [0]
    groups = [shelf.add(automaton, members) for members, automaton in [*unions, *anywhere]]
    return (
        np.array(groups, np.int64),
        open_,
        glue,
        np.array(stops + stops[:1] * (-len(stops) % SOME), np.uint8),
        told,
        eager,
        _sieve(grams[i] for i in literal),
        sum(1 << g for g in range(len(unions), len(groups))),
        _sieve(grams[i] for i in inside),
        wild if wild.any() else wild[:0],
        anchor_at,
        np.array(anchors, np.int64).reshape(-1, 3),
        beyond,
    )


def _sieve(grams: Iterable[Sequence[int] | None]) -> NDArray[np.uint8]:
    found = np.zeros(SIEVE // 8, np.uint8)
    for gram in (g for some in grams for g in some or ()):
        slot = (gram * FACTOR & (1 << 64) - 1) >> 46
        found[slot >> 3] |= 1 << (slot & 7)
    return found


def _united(
    members: Sequence[int], planned: Sequence[Planned]
) -> list[tuple[Sequence[int], Automaton]]:
    return united(members, [positions(planned[i].head) for i in members])


def _pairs(automaton: Automaton) -> NDArray[np.uint8]:
    """Return for every two bytes, the first one lowest, whether it may start with them."""
    found = np.zeros((256, 256), np.uint8)  # second, first
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
