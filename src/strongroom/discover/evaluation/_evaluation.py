"""What an evaluation found, and how it prints. No value of the data unless revealed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from strongroom.notebook import html_table

if TYPE_CHECKING:
    from strongroom.discover.evaluation._measures import Measure, Rate

_WORST = 12
_KINDS = {
    "missed": "missed",
    "false": "false",
    "type": "taken for another",
    "bounds": "found with other bounds",
}


@dataclass(frozen=True)
class EntityMeasure:
    """One entity.

    Attributes:
        entity: such as `PERSON`.
        exact: right entity, first and last character agree.
        overlapping: right entity, at least one character is shared.
        covered: share of the marked characters that anything found covers, whatever it was
            called: the rest would leak.
    """

    entity: str
    exact: Measure
    overlapping: Measure
    covered: Rate


@dataclass(frozen=True)
class Confusion:
    """How often a marked entity was found only as another; an empty one stands for nothing."""

    gold: str
    found: str
    count: int


@dataclass(frozen=True)
class Mistake:
    """One of the worst mistakes of its kind.

    Attributes:
        kind: "missed", "false", "type" (found only as another entity) or "bounds".
        gold, found: entities; empty where there is none.
        where: the text.
        start, end: code points in it.
        weight: characters that leak, or characters found for nothing times their score.
        score, recognizer: of what was found.
        often: mistakes of this kind between these entities, all in all.
        text: the words around it, only where they were asked for.
    """

    kind: str
    gold: str
    found: str
    where: str
    start: int
    end: int
    weight: float
    score: float
    recognizer: str
    often: int = 0
    text: str | None = None


@dataclass(frozen=True)
class Threshold:
    """What another lowest score would give: F of spans, and precision and recall of characters."""

    min_score: float
    exact_f1: float | None
    overlapping_f1: float | None
    overlapping_f2: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    f2: float | None


@dataclass(frozen=True)
class Evaluation:
    """How well personal data was found in texts whose answers are known.

    Attributes:
        texts: how many.
        length: their characters.
        min_score: what scored lower didn't count.
        exact: spans: right entity, first and last character agree.
        overlapping: spans: right entity, at least one character is shared.
        characters: marked characters against found ones, whatever they were called.
        entities: each one apart, the most frequent first.
        confusion: what was taken for what, most frequent first.
        mistakes: the worst ones of each kind, most frequent kind first.
        thresholds: the same texts at other lowest scores. Lower than `min_score` they say what
            would be gained only if the finder gave what scores so low.
        unjudged: found entities that the gold never has, and how many there were.
    """

    texts: int
    length: int
    min_score: float
    exact: Measure
    overlapping: Measure
    characters: Measure
    entities: tuple[EntityMeasure, ...]
    confusion: tuple[Confusion, ...]
    mistakes: tuple[Mistake, ...]
    thresholds: tuple[Threshold, ...]
    unjudged: dict[str, int]

    @property
    def macro_f1(self) -> float | None:
        """Mean of the overlapping F1 of the entities that the gold has."""
        known = [e.overlapping.f1.value or 0.0 for e in self.entities if e.exact.gold]
        return sum(known) / len(known) if known else None

    def entity(self, name: str) -> EntityMeasure:
        """Return what was measured for one entity.

        Raises:
            KeyError: it was neither marked nor found.
        """
        for one in self.entities:
            if one.entity == name:
                return one
        raise KeyError(name)

    def best_min_score(self, by: str = "overlapping_f1") -> float:
        """Return the lowest score with the best `by`, a field of `Threshold`; else the present."""
        return max(
            self.thresholds,
            key=lambda t: (getattr(t, by) or 0.0, t.min_score == self.min_score, -t.min_score),
        ).min_score

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; rates as [value, low, high] with a 95 % interval."""
        macro = self.macro_f1
        mistakes = [asdict(m) for m in self.mistakes]
        for one in mistakes:
            if one["text"] is None:
                del one["text"]
        return {
            "texts": self.texts,
            "length": self.length,
            "min_score": self.min_score,
            "exact": self.exact.to_json(),
            "overlapping": self.overlapping.to_json(),
            "characters": self.characters.to_json(),
            "macro_f1": None if macro is None else round(macro, 4),
            "entities": [
                {
                    "entity": e.entity,
                    "exact": e.exact.to_json(),
                    "overlapping": e.overlapping.to_json(),
                    "covered": e.covered.to_json(),
                }
                for e in self.entities
            ],
            "confusion": [asdict(c) for c in self.confusion],
            "mistakes": mistakes,
            "thresholds": [_rounded(asdict(t)) for t in self.thresholds],
            "best_min_score": {
                "f1": self.best_min_score(),
                "f2": self.best_min_score("overlapping_f2"),
            },
            "unjudged": dict(self.unjudged),
        }

    def __str__(self) -> str:
        parts = [_table(_WHOLE, self._whole()), _table(_EACH, self._each())]
        if self.mistakes:
            parts.append("worst mistakes\n" + _table((), self._worst()))
        parts.append("\n".join(self._remarks()))
        return "\n\n".join([self._headline(), *parts]).rstrip()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return (
            html_table(self._whole(), header=_WHOLE, caption=self._headline())
            + html_table(self._each(), header=_EACH)
            + html_table(self._worst(), caption="worst mistakes")
        )

    def _headline(self) -> str:
        marked = sum(e.exact.gold > 0 for e in self.entities)
        return (
            f"{self.texts:,} text{'s' * (self.texts != 1)}, {self.exact.gold:,} marked spans of "
            f"{marked} entit{'y' if marked == 1 else 'ies'}; lowest score {self.min_score:g}"
        )

    def _whole(self) -> list[tuple[str, ...]]:
        rows = (
            ("spans, exact", self.exact),
            ("spans, overlapping", self.overlapping),
            ("characters, any entity", self.characters),
        )
        return [(n, str(m.precision), str(m.recall), str(m.f1), _short(m.f2)) for n, m in rows]

    def _each(self) -> list[tuple[str, ...]]:
        return [
            (
                e.entity,
                f"{e.exact.gold:,}",
                f"{e.exact.found:,}",
                str(e.overlapping.precision),
                str(e.overlapping.recall),
                _short(e.overlapping.f1),
                _short(e.overlapping.f2),
                _short(e.exact.f1),
                _short(e.covered),
            )
            for e in self.entities
        ]

    def _worst(self) -> list[tuple[str, ...]]:
        shown: dict[tuple[str, str, str], Mistake] = {}
        for one in self.mistakes:
            shown.setdefault((one.kind, one.gold, one.found), one)
        rows = []
        for one in list(shown.values())[:_WORST]:
            pair = " → ".join(e for e in dict.fromkeys((one.gold, one.found)) if e)
            place = f"{one.where}, {one.start}–{one.end}"
            said = (f"{one.often:,} × {pair} {_KINDS[one.kind]}", f"such as {place}")
            rows.append((*said, *([" ".join(one.text.split())] if one.text is not None else [])))
        return rows

    def _remarks(self) -> list[str]:
        said = []
        best = {by: self.best_min_score(f"overlapping_{by}") for by in ("f1", "f2")}
        values = {t.min_score: t for t in self.thresholds}
        for by, score in best.items():
            got = getattr(values[score], f"overlapping_{by}")
            if got is not None:
                said.append(
                    f"best lowest score for overlapping {by.upper()}: {score:g} ({got:.3f})"
                )
        if self.unjudged:
            counts = ", ".join(f"{entity} {n:,}" for entity, n in self.unjudged.items())
            said.append(f"found, but never marked in this gold, so not judged: {counts}")
        return said


_WHOLE = ("", "precision", "recall", "F1", "F2")
_EACH = (
    "entity", "marked", "found", "precision", "recall", "F1", "F2", "exact F1", "covered",
)  # fmt: skip


def _short(rate: Rate) -> str:
    return "–" if rate.value is None else f"{rate.value:.3f}"


def _rounded(values: dict[str, float | None]) -> dict[str, float | None]:
    return {name: None if v is None else round(v, 4) for name, v in values.items()}


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, *rows] if header else rows
    widths = [max((len(r[i]) for r in lines if i < len(r)), default=0)
              for i in range(max((len(r) for r in lines), default=0))]  # fmt: skip
    return "\n".join(
        "  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=False)).rstrip()
        for row in lines
    )
