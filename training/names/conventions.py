"""What counts as one span of an address.

An address that ends in a postal code on one line is one; the lines of a block, and a town that
follows a street alone, are spans of their own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from training.names.lists import LISTS
from training.names.sentence import Sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE = re.compile(r"[^\n]+")
_EDGE = re.compile(r"[\s>,#/]*")
_DIGITS = re.compile(r"\d")
_CODE = re.compile(
    r"(?:[A-Z]{1,2}-)?(?:\b\d{3,5}(?:[- ]\d{2,4})?(?: ?[A-Z]{2}\b)?|[A-Z]{1,2}\d[\dA-Z]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d)"
)
_PART = re.compile(r"[^,]*[^\W\d_][^,]*")
_DWELLING = re.compile(rf"\b(?:{'|'.join(LISTS['dwelling'])}|psc|apo|fpo|dpo)\b\.?", re.IGNORECASE)


def parted(sentence: Sentence) -> Sentence:
    """Return a sentence whose addresses are marked as the product marks them."""
    spans: list[tuple[int, int, str]] = []
    for start, end, entity in sentence.spans:
        if entity == "STREET_ADDRESS":
            spans += _address(sentence.text, start, end)
        else:
            spans.append((start, end, entity))
    return Sentence(sentence.text, tuple(spans), sentence.language, sentence.source)


def _address(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    lines = list(_LINE.finditer(text, start, end))
    if len(lines) == 1:
        head, comma, last = text[start:end].rpartition(", ")
        if comma and not _DIGITS.search(last) and len(last) > 2 and not _CODE.search(head, 6):
            yield start, start + len(head), "STREET_ADDRESS"
            yield end - len(last), end, "GPE"
        else:
            yield start, end, "STREET_ADDRESS"
        return
    for i, line in enumerate(lines):
        first, last_at = line.span()
        first += len(_EDGE.match(line.group()).group())  # type: ignore[union-attr]
        words = text[first:last_at]
        last_at = first + len(words.rstrip(" ,;.\r"))
        if last_at <= first:
            continue
        if i == 0 or _DWELLING.search(text, first, last_at):
            yield first, last_at, "STREET_ADDRESS"
        else:
            yield from _place(text, first, last_at)


def _place(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Part a line such as "Springfield, IL 62701" or "3000 Bern"."""
    code = _CODE.search(text, start, end)
    rest = [(start, end)]
    if code:
        rest = [(start, code.start()), (code.end(), end)]
        yield code.start(), code.end(), "STREET_ADDRESS"
    elif _DIGITS.search(text, start, end):
        yield start, end, "STREET_ADDRESS"
        return
    for low, high in rest:
        for part in _PART.finditer(text, low, high):
            words = part.group()
            first = part.start() + len(words) - len(words.lstrip())
            last = first + len(words.strip())
            if last > first:
                yield first, last, "GPE"
