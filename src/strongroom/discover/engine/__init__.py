"""The pattern tier: rules compiled together, and one pass over the bytes of a column."""

from __future__ import annotations

import re
from collections import Counter
from math import log2
from typing import TYPE_CHECKING

from strongroom.discover._detection import Detection
from strongroom.discover._hits import Hits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from strongroom.config import DiscoverSpec
    from strongroom.discover._rule import Rule

_BEFORE, _AFTER = 56, 16


class Engine:
    """Rules, ready to be looked for.

    Args:
        rules: any number.
        spec: countries and lowest score.
    """

    def __init__(self, rules: Sequence[Rule], spec: DiscoverSpec) -> None:
        self._spec = spec
        self._rules = [(rule, _compiled(rule)) for rule in rules]

    def find(self, values: pa.Array, header: str = "") -> Hits:
        """Find what the rules describe.

        Args:
            values: strings; nulls are passed over.
            header: the name of the column, which counts as words before each value.

        Returns:
            Hits, which may overlap.
        """
        found = {}
        for row, text in enumerate(values.to_pylist()):
            hits = list(self._in_text(text, header.lower())) if text else []
            if hits:
                found[row] = hits
        return Hits.of_detections(values, found)

    def _in_text(self, text: str, header: str) -> Iterator[Detection]:
        low = text.lower()
        for rule, pattern in self._rules:
            if rule.keywords and not any(k.lower() in low for k in rule.keywords):
                continue
            for match in pattern.finditer(text):
                start, end = match.span(1)
                span = text[start:end]
                if _joined(low, start, end, rule.apart) or not _proved(rule, span):
                    continue
                if rule.entropy and _entropy(span) < rule.entropy:
                    continue
                if rule.verify is not None and not rule.verify(span):
                    continue
                words = set(re.findall(r"\w+", f"{header} {low[max(0, start - _BEFORE) : start]}"))
                words |= set(re.findall(r"\w+", low[end : end + _AFTER]))
                near = not words.isdisjoint(rule.context)
                if rule.countries and self._spec.country not in rule.countries and not near:
                    continue
                score = rule.score
                if near and rule.context_score is not None:
                    score = rule.context_score
                if not words.isdisjoint(rule.against):
                    score = rule.against_score
                if score >= self._spec.min_score:
                    yield Detection(rule.entity, start, end, score, rule.name, rule.validated)


def _compiled(rule: Rule) -> re.Pattern[str]:
    left = r"(?<![^\W])" if rule.bounded and not rule.lead else ""
    right = r"(?![^\W])" if rule.bounded else ""
    follow = f"(?={rule.follow})" if rule.follow else ""
    return re.compile(f"{left}(?:{rule.lead})({rule.pattern}){follow}{right}")


def _joined(text: str, start: int, end: int, apart: str) -> bool:
    """Say whether the span is a part of a longer number."""
    edges = ((text[max(0, start - 2) : start], text[start]), (text[end : end + 2], text[end - 1]))
    outside = ((edges[0][0][::-1], edges[0][1]), edges[1])
    return any(
        len(o) == 2 and o[0] in apart and o[1].isdigit() and edge.isdigit()  # noqa: PLR2004
        for o, edge in outside
    )


def _proved(rule: Rule, span: str) -> bool:
    if rule.compact:
        left = re.sub("[^0-9A-Za-z]", "", span).upper()
        if re.fullmatch(rule.compact, left) is None:
            return False
    return rule.check is None or rule.check.passes(span)


def _entropy(text: str) -> float:
    counts = Counter(text).values()
    return -sum(n / len(text) * log2(n / len(text)) for n in counts)
