"""What the engine must find, said as plainly as possible and as slowly."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from strongroom.config import DiscoverSpec
    from strongroom.discover._rule import Rule

_WORD = rb"0-9A-Za-z_\x80-\xff"
_NO_WORD = rb"\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f"
Found = tuple[int, int, int, str, float]


def plain(
    rules: Sequence[Rule], spec: DiscoverSpec, texts: Sequence[str | None], header: str = ""
) -> list[Found]:
    """Return (row, first byte, byte after the last, rule's name, score)."""
    return sorted(
        (row, start, end, rule.name, round(score, 4))
        for row, text in enumerate(texts)
        for rule in rules
        for start, end, score in _in_text(rule, spec, (text or "").encode(), header.encode())
    )


def _in_text(
    rule: Rule, spec: DiscoverSpec, data: bytes, header: bytes
) -> Iterator[tuple[int, int, float]]:
    lead, span, follow = (_bytes(p) for p in (rule.lead, rule.pattern, rule.follow))
    done = 0
    for at in range(len(data)):
        starts = [at]
        if rule.lead:
            starts = [s for s in range(len(data), at, -1) if lead.fullmatch(data, at, s)]
        for start, end in ((s, e) for s in starts for e in range(len(data), s, -1)):
            if start >= done and span.fullmatch(data, start, end):
                score = _score(rule, spec, data, start, end, header)
                if score >= spec.min_score and _fits(rule, data, start, end, follow):
                    yield start, end, score
                    done = end
                    break


def _fits(  # noqa: PLR0911 - one question after the other
    rule: Rule, data: bytes, start: int, end: int, follow: re.Pattern[bytes]
) -> bool:
    inside, before, after = data[start:end], data[:start], data[end:]
    word = re.compile(rb"[" + _WORD + rb"]")
    if rule.bounded and (
        word.match(after) or (not rule.lead and start and word.match(before, start - 1))
    ):
        return False
    joins = rb"[" + re.escape(rule.apart.encode()) + rb"]" if rule.apart else rb"(?!)"
    if re.search(rb"\d" + joins + rb"\Z", before) and inside[:1].isdigit():
        return False
    if re.match(joins + rb"\d", after) and inside[-1:].isdigit():
        return False
    if rule.compact:
        left = re.sub(rb"[^0-9A-Za-z]", b"", inside).upper()
        if not _bytes(rule.compact).fullmatch(left):
            return False
    if rule.check is not None and not rule.check.passes(inside.decode("utf-8", "replace")):
        return False
    if rule.entropy:
        counts = Counter(inside).values()
        bits = -sum(n / len(inside) * math.log2(n / len(inside)) for n in counts)
        if bits < rule.entropy:
            return False
    return not rule.follow or any(follow.fullmatch(after, 0, e) for e in range(len(after) + 1))


def _score(
    rule: Rule, spec: DiscoverSpec, data: bytes, start: int, end: int, header: bytes
) -> float:
    around = list(re.finditer(rb"[0-9A-Za-z\x80-\xff]+", data))
    nearest = [m for m in reversed(around) if start - 56 <= m.start() and m.end() <= start]
    nearest += [m for m in around if end <= m.start() and m.end() <= end + 16]
    words = [m.group() for m in nearest] + re.findall(rb"[0-9A-Za-z\x80-\xff]+", header)
    for_it = against = False
    for word in map(_fold, words):
        for_it = any(_fold(w.encode()) == word for w in rule.context)
        against = any(_fold(w.encode()) == word for w in rule.against)
        if for_it or against:
            break
    foreign = rule.countries and not {spec.country, *spec.countries} & set(rule.countries)
    if for_it and not against:
        return rule.score if rule.context_score is None else rule.context_score
    if foreign:
        return 0.0
    return rule.against_score if against and not for_it else rule.score


def _fold(word: bytes) -> bytes:
    return bytes(b | 32 for b in word)


def _bytes(pattern: str) -> re.Pattern[bytes]:
    coded = pattern.encode()
    coded = re.sub(
        rb"\[[^\]]*\]",
        lambda m: m.group().replace(rb"\w", _WORD).replace(rb"\W", _NO_WORD),
        coded,
    )
    return re.compile(re.sub(rb"(?<!\[)\\w", lambda _: b"[" + _WORD + b"]", coded))
