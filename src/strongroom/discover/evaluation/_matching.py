"""One text: what should be found against what was found."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from strongroom.discover._detection import Detection
    from strongroom.discover.evaluation._gold import Span

# What is counted, per entity: marked and found spans, those that agree exactly, marked spans that
# one of their kind touches, found spans that touch one of their kind; marked characters, and those
# of them that anything covers.
GOLD, FOUND, EXACT, TOUCHED, RIGHT, LETTERS, COVERED = range(7)
COUNTED = 7
# And once per text, whatever the kind: marked characters, found ones, and those that are both.
ANY_GOLD, ANY_FOUND, ANY_BOTH = range(3)

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Slip:
    """A mistake, before it has a place in a file.

    Attributes:
        kind: "missed", "false", "type" (touched by another kind only) or "bounds".
        gold, found: entities; empty where there is none.
        start, end: of the marked span, or of the false one.
        weight: characters that leak, or characters taken for nothing times the score.
        score, recognizer: of what was found; 0 and empty where nothing was.
    """

    kind: str
    gold: str
    found: str
    start: int
    end: int
    weight: float
    score: float
    recognizer: str


@dataclass
class Compared:
    """Counts and mistakes of one text; `counts` by entity, `letters` whatever the kind."""

    counts: dict[str, list[int]] = field(default_factory=dict)
    letters: list[int] = field(default_factory=lambda: [0, 0, 0])
    slips: list[Slip] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)

    def of(self, entity: str) -> list[int]:
        """Return the counts of one entity, to be added to."""
        return self.counts.setdefault(entity, [0] * COUNTED)


def compare(
    marked: Iterable[Span],
    found: Sequence[Detection],
    called: Callable[[str], str],
    judged: Callable[[str], bool],
) -> Compared:
    """Compare one text's spans.

    Args:
        marked: what should be found; may overlap. Those with an empty entity aren't judged, nor is
            what is found there.
        found: without overlaps, in the order of the text.
        called: what the gold calls an entity that was found.
        judged: whether the gold would have marked such an entity.
    """
    made = Compared()
    gold = sorted({(s.start, s.end, s.entity) for s in marked if s.entity})
    aside = [(s.start, s.end) for s in marked if not s.entity]
    starts, ends = [d.start for d in found], [d.end for d in found]
    names = [called(d.entity) for d in found]
    touches: list[list[str]] = [[] for _ in found]
    for start, end, entity in gold:
        near = _touching(starts, ends, start, end)
        same = [i for i in near if names[i] == entity]
        whole = next((i for i in same if (starts[i], ends[i]) == (start, end)), None)
        for i in near:
            touches[i].append(entity)
        shared = {i: min(ends[i], end) - max(starts[i], start) for i in near}
        covered = sum(shared.values())
        counts = made.of(entity)
        counts[GOLD] += 1
        counts[EXACT] += whole is not None
        counts[TOUCHED] += bool(same)
        counts[LETTERS] += end - start
        counts[COVERED] += covered
        if whole is not None:
            continue
        kind = "bounds" if same else "type" if near else "missed"
        best = max(same or near, key=shared.__getitem__, default=-1)
        made.slips.append(
            Slip(kind, entity, names[best] if near else "", start, end,
                 float(end - start - covered), found[best].score if near else 0.0,
                 found[best].recognizer if near else "")
        )  # fmt: skip
    counted = []
    unmarked = _union(aside)
    for i, one in enumerate(found):
        if not touches[i] and (not judged(names[i]) or _of(unmarked, one.start, one.end)):
            if not judged(names[i]):
                made.unjudged.append(one.entity)
            continue
        counted.append((one.start, one.end))
        if not judged(names[i]):
            # It covers what had to be covered, under a name that the gold doesn't use: the marked
            # span has been counted as taken for something else.
            continue
        counts = made.of(names[i])
        counts[FOUND] += 1
        counts[RIGHT] += names[i] in touches[i]
        if not touches[i]:
            made.slips.append(
                Slip("false", "", names[i], one.start, one.end,
                     (one.end - one.start) * one.score, one.score, one.recognizer)
            )  # fmt: skip
    all_gold = _union((s, e) for s, e, _ in gold)
    all_found = _without(_union(counted), unmarked, all_gold)
    both = _both(all_gold, all_found)
    made.letters = [_length(all_gold), _length(all_found), _length(both)]
    return made


def _touching(starts: list[int], ends: list[int], start: int, end: int) -> list[int]:
    """Return which of some spans, sorted and without overlaps, share a character with a range."""
    at = bisect_right(ends, start)
    near = []
    while at < len(starts) and starts[at] < end:
        near.append(at)
        at += 1
    return near


def _union(spans: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _of(union: list[Interval], start: int, end: int) -> list[Interval]:
    """Return the stretches of a union that share a character with a range."""
    at = bisect_right(union, start, key=lambda i: i[1])
    last = at
    while last < len(union) and union[last][0] < end:
        last += 1
    return union[at:last]


def _both(one: list[Interval], other: list[Interval]) -> list[Interval]:
    shared = []
    for start, end in one:
        shared += [(max(start, s), min(end, e)) for s, e in _of(other, start, end)]
    return shared


def _without(union: list[Interval], aside: list[Interval], kept: list[Interval]) -> list[Interval]:
    """Take away what lies aside, but never what is kept."""
    if not aside:
        return union
    left = []
    for start, end in union:
        at = start
        for s, e in _of(aside, start, end):
            if at < s:
                left.append((at, s))
            at = e
        if at < end:
            left.append((at, end))
    return _union([*left, *_both(union, kept)])


def _length(union: Iterable[Interval]) -> int:
    return sum(end - start for start, end in union)
