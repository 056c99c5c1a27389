"""Rules as arrays: what the kernels read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from strongroom.discover.engine._automaton import positions
from strongroom.discover.engine._beginnings import beginnings
from strongroom.discover.engine._dialect import ALL, WORD
from strongroom.discover.engine._plan import Planned, Way, firsts, longest, plan, read
from strongroom.discover.engine._shelf import Shelf
from strongroom.discover.engine._words import LETTERS, Words, flags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from strongroom.discover._rule import Rule
    from strongroom.discover.engine._dialect import Node

FOR, AGAINST = 1, 2
_MILLION = 1_000_000
_SMALL = b"abcdefghijklmnopqrstuvwxyz"
_CAPITALS = np.frombuffer(bytes.maketrans(_SMALL, _SMALL.upper()), np.uint8).copy()
_CAPITALS[[b for b in range(256) if not chr(b).isalnum() or b > ord("z")]] = 0
_IS_DIGIT = flags(sum(1 << b for b in b"0123456789"))
_NOTHING = np.zeros(257, np.bool_)
_EVERYWHERE, _RIGHT = 1, 2
_WHOLE, _LEAD, _ANCHOR = range(3)
_EVENTS = {Way.LEAD: _LEAD, Way.BYTE: _ANCHOR, Way.RUN: _ANCHOR}


class Search(NamedTuple):
    """What the pass over the bytes reads, in the order of its arguments; they are told there."""

    gates: NDArray[np.int64]
    runs: NDArray[np.int64]
    sieve: NDArray[np.uint32]
    anchoring: NDArray[np.uint8]
    around: NDArray[np.uint8]
    marking: NDArray[np.uint8]
    literal: int
    starting: int
    anywhere: int


class Walk(NamedTuple):
    """What walks of unions read, likewise."""

    moves: NDArray[np.int32]
    classes: NDArray[np.uint8]
    starts: NDArray[np.int32]
    beyond: NDArray[np.uint8]
    sure: NDArray[np.uint8]
    groups: NDArray[np.int64]


class Begin(NamedTuple):
    """What makes walks of places reads, likewise."""

    moves: NDArray[np.int32]
    classes: NDArray[np.uint8]
    starts: NDArray[np.int32]
    beyond: NDArray[np.uint8]
    sure: NDArray[np.uint8]
    groups: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    glue: NDArray[np.int64]
    shapes: NDArray[np.int64]
    first_words: NDArray[np.int64]
    literal: int
    eager: int
    anywhere: int
    contextual: int


class Anchor(NamedTuple):
    """What anchors are held against, likewise."""

    moves: NDArray[np.int32]
    classes: NDArray[np.uint8]
    starts: NDArray[np.int32]
    anchor_at: NDArray[np.int16]
    anchors: NDArray[np.int64]


class Meet(NamedTuple):
    """What words of context are looked up in, likewise."""

    used: NDArray[np.uint8]
    lexicon: NDArray[np.int64]
    tails: NDArray[np.uint8]


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


class Tables(NamedTuple):
    """All of them.

    Attributes:
        search, meet, begin, anchor, walk, judge: what the kernels read.
        asks: int64 [words], the groups that each word of context speaks for.
        longest: bytes of the longest span of these groups.
    """

    search: Search
    meet: Meet
    begin: Begin
    anchor: Anchor
    walk: Walk
    judge: Judge
    asks: NDArray[np.int64]
    longest: int

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Any]) -> Tables:
        """Lay arrays and numbers out by their names, which mean the same everywhere.

        Raises:
            KeyError: one is missing.
        """
        kinds: dict[str, Any] = {
            "search": Search, "meet": Meet, "begin": Begin, "anchor": Anchor, "walk": Walk,
            "judge": Judge,
        }  # fmt: skip
        parts = {n: k(*(arrays[one] for one in k._fields)) for n, k in kinds.items()}
        return cls(**parts, asks=arrays["asks"], longest=arrays["longest"])

    def arrays(self) -> dict[str, Any]:
        """Return what `of_arrays` takes."""
        found: dict[str, Any] = {"asks": self.asks, "longest": self.longest}
        parts = (self.search, self.meet, self.begin, self.anchor, self.walk, self.judge)
        for part in parts:
            found |= part._asdict()
        return found


def compile_rules(
    rules: Sequence[Rule], chosen: frozenset[str], least: float, words: Words
) -> Tables:
    """Turn rules into arrays.

    Args:
        rules: one at least.
        chosen: countries: rules of others need a word of their context.
        least: the lowest score that counts.
        words: those of all contexts.

    Raises:
        InputError: a pattern isn't of the dialect or takes too many states.
    """
    planned = [plan(rule, contextual=_contextual(rule, chosen, least)) for rule in rules]
    shelf = Shelf()
    begun, group_of = beginnings(planned, shelf, words.folded)
    judgement = _judgement(planned, shelf, chosen, words)
    automata = shelf.arrays()
    kinds = flags(LETTERS) + np.uint8(2) * flags(WORD ^ LETTERS)
    sets = list(shelf.sets)
    behind = [_behind(one) for one in planned]
    beyond = [np.any([behind[r] for r in one] or [_NOTHING], axis=0) for one in sets]
    sure = [all(_is_sure(planned[r]) for r in one) for one in sets]
    set_at = np.cumsum([0, *map(len, sets)])
    set_rules = np.array([r for one in sets for r in one] or [0], np.int64)
    asked = words.arrays()
    asks = np.zeros(max(1, len(words)), np.int64)
    for i, group in group_of.items():
        asks[[words.numbers[w] for w in planned[i].rule.context]] |= np.int64(1 << group)
    arrays: dict[str, Any] = begun._asdict() | judgement
    arrays |= dict(zip(("moves", "classes", "starts"), automata, strict=True))
    arrays |= dict(zip(("used", "lexicon", "tails"), asked, strict=True))
    arrays |= {
        "kinds": kinds,
        "beyond": np.array(beyond, np.uint8),
        "sure": np.array(sure, np.uint8),
        "set_at": set_at,
        "set_rules": set_rules,
        "capitals": _CAPITALS,
        "is_digit": _IS_DIGIT,
        "asks": asks,
        "longest": max((int(longest(planned[i].head)) for i in group_of), default=0),
    }
    positions.cache_clear()
    return Tables.of_arrays(arrays)


def _behind(one: Planned) -> NDArray[np.bool_]:
    """Return bool [257]: which byte may stand behind what is walked of a rule; the last is none."""
    after = ALL
    if one.way is Way.LEAD:
        after = _or_all(one.ahead)
    elif one.way is not Way.RUN and one.rule.follow:
        after = _or_all(read(one.rule, one.rule.follow))
    bounded = one.rule.bounded and one.way in {Way.START, Way.ANYWHERE}
    told = flags(after & ~WORD if bounded else after).astype(np.bool_)
    return np.append(told, after == ALL)


def _or_all(node: Node) -> int:
    """Return which bytes a pattern may begin with: any, if it may be empty."""
    return ALL if positions(node).nullable else firsts(node)


def _is_sure(one: Planned) -> bool:
    """Tell whether the longest end is a hit: then no other one is asked for."""
    rule = one.rule
    proven = not (rule.follow or rule.compact or rule.check or rule.entropy)
    alike = not (rule.context or rule.against or rule.apart)
    return one.way is Way.START and rule.bounded and proven and alike


def _contextual(rule: Rule, chosen: frozenset[str], least: float) -> bool:
    bare, _, against, both = said(rule, chosen)
    # As narrow as the scores that are held against the lowest one.
    return bool(np.float32(max(bare, against, both)) < least)


def _judgement(
    planned: Sequence[Planned], shelf: Shelf, chosen: frozenset[str], words: Words
) -> dict[str, Any]:
    """Lay out what proves a hit and what it is worth."""
    facts, programs = np.zeros((len(planned), 11), np.int64), [0]
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
            _sizes(rule),
        )
        for word in rule.context:
            relation[i, words.numbers[word]] |= FOR
        for word in rule.against:
            relation[i, words.numbers[word]] |= AGAINST
    return {
        "facts": facts,
        "programs": np.array(programs, np.int64),
        "aparts": np.stack([flags(sum(1 << b for b in set(a.encode()))) for a in aparts]),
        "relation": relation,
        "worth": np.array([said(one.rule, chosen) for one in planned], np.float32),
    }


def _sizes(rule: Rule) -> int:
    """Return bit n for n letters and digits that a span may hold, as far as 64 bits tell."""
    if not rule.compact:
        return -1
    sizes = 0
    numbered = positions(read(rule, rule.compact))
    state = set(numbered.first)
    for size in range(1, 64):
        sizes |= (not state.isdisjoint(numbered.last)) << size
        state = set().union(*(numbered.follow[position] for position in state))
    return int(np.uint64(sizes).astype(np.int64))


def said(rule: Rule, chosen: frozenset[str]) -> tuple[float, float, float, float]:
    """Return the score without a word around, by one for it, against it, and of both kinds."""
    for_it = rule.score if rule.context_score is None else rule.context_score
    if rule.countries and chosen.isdisjoint(rule.countries):
        return 0.0, for_it, 0.0, 0.0
    return rule.score, for_it, rule.against_score, rule.score
