"""What counts as one span of an address.

An address within a sentence is one; the parts of a block that stands on lines of its own, and a
town that follows a street alone, are spans of their own.
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
_UNIT = rf"\b(?:{'|'.join(LISTS['dwelling'])})\b\.?"
_DWELLING = re.compile(_UNIT, re.IGNORECASE)
_MILITARY = re.compile(r"\b[ADF]PO,? A[AEP]\b", re.IGNORECASE)
# A stray number before a street that has its own, the street, and the unit on the same line.
_STRAY = re.compile(rf"\d+(?= (?:(?!{_UNIT})[^\n\d])* \d+[^\W\d]?(?:$|\W))", re.IGNORECASE)
_STREET_PARTS = re.compile(
    rf"{_STRAY.pattern}|{_UNIT}[ #]*\w*\d[\w-]*"
    rf"|[^\s,](?:(?!,? {_UNIT}[ #]*\w*\d)[^\n])*",
    re.IGNORECASE,
)


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
    before = text[text.rfind("\n", 0, start) + 1 : start]
    if (len(lines) > 1 and not _EDGE.fullmatch(before)) or _MILITARY.search(text, start, end):
        yield start, end, "STREET_ADDRESS"  # within a sentence
    elif len(lines) == 1:
        yield from _line(text, start, end)
    else:
        yield from _block(text, lines)


def _line(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Part a stray number, a street and a town; what goes on to a code or a country is one."""
    head, comma, last = text[start:end].rpartition(", ")
    street = head.rpartition(", ")[2]
    if comma and _DIGITS.search(street) and len(last) > 2 and not _DIGITS.search(last):
        yield end - len(last), end, "GPE"
        end = start + len(head)
    stray = _STRAY.match(text, start, end)
    if stray and "," not in text[start:end]:
        yield *stray.span(), "STREET_ADDRESS"
        start = stray.end() + 1
    yield start, end, "STREET_ADDRESS"


def _block(text: str, lines: list[re.Match[str]]) -> Iterator[tuple[int, int, str]]:
    for i, line in enumerate(lines):
        first, last = line.span()
        first += len(_EDGE.match(line.group()).group())  # type: ignore[union-attr]
        last = first + len(text[first:last].rstrip(" ,;.\r"))
        if last <= first:
            continue
        if i == 0 or _DWELLING.search(text, first, last):
            for part in _STREET_PARTS.finditer(text, first, last):
                yield *part.span(), "STREET_ADDRESS"
        else:
            yield from _place(text, first, last)


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
