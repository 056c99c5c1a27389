"""How each rule is looked for: where it may begin decides what the pass over the bytes waits for.

- A bounded rule begins where a word does, or at a mark that it begins with: one look at two bytes
  tells whether any of them may begin here. They are walked together, as one automaton.
- A rule whose beginning tells nothing, such as an e-mail address, is found by a byte that it must
  hold (`@`), or by a run of bytes (`+ASt`), and walked back from there to its beginning.
- What may begin inside a word (leads, unbounded rules) is waited for at every byte, by its first
  four bytes.
- Of the first, those that count only beside a word of their context are walked only there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING

from strongroom.discover.engine._automaton import positions, reverse
from strongroom.discover.engine._dialect import WORD, Bytes, Choice, Node, Repeat, Sequence, parse
from strongroom.discover.engine._words import LETTERS
from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.discover._rule import Rule

_SMALL = range(ord("a"), ord("z") + 1)
# Of the 676 pairs of small letters: a rule that may begin with more begins nearly everywhere.
_TELLING = 120
_MARKS = 8
_GRAM, _MOST_GRAMS = 4, 6_000
LONGEST_BESIDE = 256
"""Bytes of the longest span that is looked for only beside a word of its context."""
# Where an anchor is looked for, and how many bytes may stand at its beginning.
_PLACES, _FEW = 64, 16


class Way(Enum):
    """How a rule is found."""

    START = "where a word begins"
    LEAD = "at every byte, by what stands before it"
    ANYWHERE = "at every byte, by its own beginning"
    BYTE = "around a byte that it must hold"
    RUN = "around a run of bytes that it must hold"


@dataclass(frozen=True)
class Planned:
    """How one rule is looked for.

    Attributes:
        rule: the rule.
        way: how it is found.
        head: what is walked together with other rules'.
        met: what the pass waits for: `head`, and what may stand behind it.
        back: what stands before its anchor, read backwards; None without one.
        ahead: what is walked for this rule alone: the span, or the span from its anchor on.
        contextual: nothing but a word of its context makes it count: only beside one it is walked.
    """

    rule: Rule
    way: Way
    head: Node
    met: Node
    back: Node | None
    ahead: Node
    contextual: bool = False

    @property
    def first(self) -> int:
        """Which bytes the head may begin with."""
        return firsts(self.head)


def plan(rule: Rule, *, contextual: bool = False) -> Planned:
    """Read the patterns of a rule and choose how to look for it.

    Args:
        rule: the rule.
        contextual: it counts only beside a word of its context.

    Raises:
        InputError: one isn't of the dialect; the message names the rule.
    """
    span = read(rule, rule.pattern)
    if rule.lead:
        lead = read(rule, rule.lead)
        if positions(lead).nullable:
            raise InputError(
                f'the lead of the rule "{rule.name}" may be empty',
                hint="leave out the lead, or demand something of it",
            )
        return Planned(rule, Way.LEAD, lead, Sequence((lead, span)), None, span)
    if rule.bounded and _begins_everywhere(span):
        around = _anchored(rule, span)
        if around is not None:
            return around
    marks = (firsts(span) & ~LETTERS).bit_count()
    way = Way.START if rule.bounded and marks <= _MARKS else Way.ANYWHERE
    beside = way is Way.START and not rule.greedy and longest(span) <= LONGEST_BESIDE
    met = Sequence((span, read(rule, rule.follow))) if rule.follow else span
    return Planned(rule, way, span, met, None, span, contextual and beside)


def read(rule: Rule, pattern: str) -> Node:
    """Read one pattern of a rule.

    Raises:
        InputError: it isn't of the dialect; the message names the rule.
    """
    try:
        return parse(pattern)
    except InputError as error:
        raise InputError(
            f'in the rule "{rule.name}", {error.what}', where=error.where, hint=error.hint
        ) from None


def grams_of(node: Node, most: int = _MOST_GRAMS) -> list[int] | None:
    """Return the first four bytes that a pattern may begin with; None if more than `most`.

    As numbers, the first byte lowest, and folded: with the bit set that makes capitals small.
    """
    numbered = positions(node)
    found: set[int] = set()
    paths = [(numbered.first, 0, 0)]
    while paths:
        state, depth, so_far = paths.pop()
        if depth == _GRAM:
            found.add(so_far)
            continue
        by_byte: dict[int, set[int]] = {}
        for position in state:
            if position in numbered.last and depth < _GRAM - 1:
                return None
            for byte in _bits(numbered.masks[position]):
                by_byte.setdefault(byte | 32, set()).update(numbered.follow[position])
        paths += [
            (frozenset(after), depth + 1, so_far | byte << 8 * depth)
            for byte, after in by_byte.items()
        ]
        # No two paths make the same four bytes.
        if len(paths) + len(found) > most:
            return None
    return sorted(found)


def _anchored(rule: Rule, span: Node) -> Planned | None:
    """Find a place in the pattern that tells more than its beginning: the rarest there is."""
    parts = list(_unrolled(span))
    before, best, fewest = 0, None, _MOST_GRAMS // 2
    for i, part in enumerate(parts[:_PLACES]):
        back, ahead = reverse(Sequence(tuple(parts[:i]))), Sequence(tuple(parts[i:]))
        if isinstance(part, Bytes) and not positions(back).nullable:
            if part.mask.bit_count() == 1 and not part.mask & (WORD | before):
                return Planned(rule, Way.BYTE, part, part, back, ahead)
            grams = grams_of(ahead, fewest) if part.mask.bit_count() <= _FEW else None
            if grams is not None and len(grams) < fewest:
                fewest, head = len(grams), Sequence(tuple(_run(parts[i:])))
                best = Planned(rule, Way.RUN, head, ahead, back, ahead)
        before |= _alphabet(part)
    return best


def longest(node: Node) -> float:
    """Return how many bytes a pattern matches at most."""
    if isinstance(node, Bytes):
        return 1
    if isinstance(node, Repeat):
        once = longest(node.part)
        return once * (math.inf if node.most is None else node.most) if once else 0
    every = [longest(part) for part in node.parts]
    return sum(every) if isinstance(node, Sequence) else max(every)


def _begins_everywhere(span: Node) -> bool:
    numbered, pairs = positions(span), set[tuple[int, int]]()
    for position in numbered.first:
        after = -1 if position in numbered.last else 0
        for follower in numbered.follow[position]:
            after |= numbered.masks[follower]
        first = numbered.masks[position]
        pairs |= {(a, b) for a in _SMALL if first >> a & 1 for b in _SMALL if after >> b & 1}
    return len(pairs) > _TELLING


def firsts(node: Node) -> int:
    """Return which bytes a pattern may begin with."""
    numbered, mask = positions(node), 0
    for position in numbered.first:
        mask |= numbered.masks[position]
    return mask


def _alphabet(node: Node) -> int:
    """Return which bytes a pattern may hold."""
    mask = 0
    for part in positions(node).masks:
        mask |= part
    return mask


def _unrolled(node: Node) -> Iterator[Node]:
    """Yield parts that stand one after the other, with the first turn of repetitions apart."""
    if isinstance(node, Sequence):
        for part in node.parts:
            yield from _unrolled(part)
    elif isinstance(node, Repeat) and node.least and not isinstance(node.part, Bytes | Choice):
        yield from _unrolled(node.part)
        yield Repeat(node.part, node.least - 1, None if node.most is None else node.most - 1)
    else:
        yield node


def _run(parts: list[Node]) -> list[Node]:
    """Return the single bytes that parts begin with, up to four."""
    found: list[Node] = []
    for part in parts[:_GRAM]:
        if not isinstance(part, Bytes):
            break
        found.append(part)
    return found


@cache
def _bits(mask: int) -> tuple[int, ...]:
    return tuple(b for b in range(256) if mask >> b & 1)
