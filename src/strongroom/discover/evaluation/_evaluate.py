"""Find in texts whose answers are known, and count."""

from __future__ import annotations

from dataclasses import replace
from itertools import count, islice
from typing import TYPE_CHECKING

import numpy as np

from strongroom.discover._detection import Detection, resolve
from strongroom.discover.evaluation._evaluation import (
    Confusion,
    EntityMeasure,
    Evaluation,
    Mistake,
    Threshold,
)
from strongroom.discover.evaluation._matching import (
    ANY_BOTH,
    ANY_FOUND,
    ANY_GOLD,
    COUNTED,
    COVERED,
    EXACT,
    FOUND,
    GOLD,
    LETTERS,
    RIGHT,
    TOUCHED,
    Compared,
    Slip,
    compare,
)
from strongroom.discover.evaluation._measures import draw, f_score, measure
from strongroom.discover.evaluation._names import as_gold_calls
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from strongroom.discover.evaluation._gold import Gold

THRESHOLDS = tuple(round(0.05 * i, 2) for i in range(20))
_BATCH, _BLOCKS, _SHOWN, _AROUND = 256, 2000, 3, 24


def evaluate(
    gold: Iterable[Gold],
    find: Callable[[list[str]], Sequence[Sequence[Detection]]],
    *,
    min_score: float = 0.5,
    everything: bool = False,
    reveal: bool = False,
    progress: Progress = SILENT,
) -> Evaluation:
    """Measure a finder against gold.

    Args:
        gold: texts and what a person marked in them.
        find: gives the detections of each text, in offsets of code points. It may give some below
            `min_score`, and some that overlap: that shows what other thresholds would do.
        min_score: what scores lower doesn't count.
        everything: judge all that is found. By default an entity that the gold never has, in any
            text, counts neither for nor against: gold rarely marks all that we know.
        reveal: keep the text around each mistake. Without it no value is kept.
        progress: told of the texts.

    Returns:
        What was measured; the same for the same texts and detections.
    """
    texts = list(gold)
    known = {span.entity for one in texts for span in one.spans if span.entity}
    tally = _Tally(known, min_score=min_score, everything=everything, reveal=reveal)
    done = count()
    for some in _batches(texts):
        for one, found in zip(some, find([g.text for g in some]), strict=True):
            progress.step(next(done), len(texts), one.where)
            tally.add(one, found)
    return tally.evaluation()


def _batches(texts: Iterable[Gold]) -> Iterator[list[Gold]]:
    walk = iter(texts)
    while some := list(islice(walk, _BATCH)):
        yield some


class _Tally:
    """Counts over all texts, in blocks that the bootstrap draws from."""

    def __init__(
        self, known: set[str], *, min_score: float, everything: bool, reveal: bool
    ) -> None:
        self._known, self._everything = known, everything
        self._min_score, self._reveal = min_score, reveal
        self._texts = self._characters = 0
        self._blocks: dict[str, dict[int, np.ndarray]] = {e: {} for e in known}
        self._letters: dict[int, np.ndarray] = {}
        self._confused: dict[tuple[str, str], int] = {}
        self._unjudged: dict[str, int] = {}
        self._slips: dict[tuple[str, str, str], list[Mistake]] = {}
        self._often: dict[tuple[str, str, str], int] = {}
        self._at = {t: (np.zeros(COUNTED, np.int64), np.zeros(3, np.int64)) for t in THRESHOLDS}

    def add(self, one: Gold, found: Sequence[Detection]) -> None:
        block = self._texts % _BLOCKS
        self._texts += 1
        self._characters += len(one.text)
        now = self._compared(one, found, self._min_score)
        for entity, counts in now.counts.items():
            _put(self._blocks.setdefault(entity, {}), block, counts)
        _put(self._letters, block, now.letters)
        for entity in now.unjudged:
            self._unjudged[entity] = self._unjudged.get(entity, 0) + 1
        for slip in now.slips:
            self._remember(one, slip)
        self._sweep(one, found)

    def _sweep(self, one: Gold, found: Sequence[Detection]) -> None:
        """Count at every threshold; most don't change what is found in this text."""
        before, made = -1, Compared()
        for threshold, (spans, letters) in self._at.items():
            kept = sum(d.score >= threshold for d in found)
            if kept != before:
                before, made = kept, self._compared(one, found, threshold)
            np.add(letters, made.letters, out=letters)
            for counts in made.counts.values():
                np.add(spans, counts, out=spans)

    def _compared(self, one: Gold, found: Sequence[Detection], threshold: float) -> Compared:
        kept = resolve(d for d in found if d.score >= threshold)
        return compare(
            one.spans,
            kept,
            lambda entity: as_gold_calls(entity, self._known),
            lambda entity: self._everything or entity in self._known,
        )

    def _remember(self, one: Gold, slip: Slip) -> None:
        key = (slip.kind, slip.gold, slip.found)
        self._often[key] = self._often.get(key, 0) + 1
        if slip.kind != "bounds":
            pair = (slip.gold, slip.found)
            self._confused[pair] = self._confused.get(pair, 0) + 1
        around = None
        if self._reveal:
            first, last = max(0, slip.start - _AROUND), slip.end + _AROUND
            marked = f"⟦{one.text[slip.start : slip.end]}⟧"
            around = one.text[first : slip.start] + marked + one.text[slip.end : last]
        worst = self._slips.setdefault(key, [])
        worst.append(
            Mistake(slip.kind, slip.gold, slip.found, one.where, slip.start, slip.end,
                    round(slip.weight, 2), round(slip.score, 3), slip.recognizer, text=around)
        )  # fmt: skip
        worst.sort(key=lambda m: -m.weight)
        del worst[_SHOWN:]

    def evaluation(self) -> Evaluation:
        blocks = min(self._texts, _BLOCKS)
        draws = draw(blocks)
        entities = sorted(self._blocks)
        counts = np.zeros((len(entities), blocks, COUNTED), np.int64)
        for i, entity in enumerate(entities):
            for block, held in self._blocks[entity].items():
                counts[i, block] = held
        letters = np.zeros((blocks, 3), np.int64)
        for block, held in self._letters.items():
            letters[block] = held
        total = counts.sum(axis=0)
        spans = (int(total[:, GOLD].sum()), int(total[:, FOUND].sum()))
        rows = [
            EntityMeasure(
                entity,
                measure(each[:, [GOLD, EXACT, FOUND, EXACT]], draws),
                measure(each[:, [GOLD, TOUCHED, FOUND, RIGHT]], draws),
                measure(
                    each[:, [LETTERS, COVERED, LETTERS, COVERED]], draws,
                    (int(each[:, GOLD].sum()),) * 2,
                ).recall,
            )
            for entity, each in zip(entities, counts, strict=True)
        ]  # fmt: skip
        rows.sort(key=lambda r: (-r.exact.gold, r.entity))
        return Evaluation(
            texts=self._texts,
            length=self._characters,
            min_score=self._min_score,
            exact=measure(total[:, [GOLD, EXACT, FOUND, EXACT]], draws),
            overlapping=measure(total[:, [GOLD, TOUCHED, FOUND, RIGHT]], draws),
            characters=measure(letters[:, [ANY_GOLD, ANY_BOTH, ANY_FOUND, ANY_BOTH]], draws, spans),
            entities=tuple(rows),
            confusion=tuple(
                Confusion(gold, found, often)
                for (gold, found), often in sorted(self._confused.items(), key=lambda c: (-c[1], c))
            ),
            mistakes=tuple(
                replace(mistake, often=often)
                for key, often in sorted(self._often.items(), key=lambda c: (-c[1], c))
                for mistake in self._slips[key]
            ),
            thresholds=tuple(
                _threshold(t, counts, letters) for t, (counts, letters) in self._at.items()
            ),
            unjudged=dict(sorted(self._unjudged.items(), key=lambda c: (-c[1], c))),
        )


def _put(blocks: dict[int, np.ndarray], block: int, counts: list[int]) -> None:
    if block in blocks:
        blocks[block] += counts
    else:
        blocks[block] = np.array(counts, np.int64)


def _threshold(score: float, counts: np.ndarray, letters: np.ndarray) -> Threshold:
    typed = (_share(counts[RIGHT], counts[FOUND]), _share(counts[TOUCHED], counts[GOLD]))
    whole = (_share(counts[EXACT], counts[FOUND]), _share(counts[EXACT], counts[GOLD]))
    any_kind = (_share(letters[ANY_BOTH], letters[ANY_FOUND]),
                _share(letters[ANY_BOTH], letters[ANY_GOLD]))  # fmt: skip
    return Threshold(score, f_score(*whole), f_score(*typed), f_score(*typed, 2.0),
                     *any_kind, f_score(*any_kind), f_score(*any_kind, 2.0))  # fmt: skip


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
