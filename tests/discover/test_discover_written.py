"""If this fails, values that a typesetter touched are overlooked, or misplaced."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from strongroom.config import DiscoverSpec
from strongroom.discover import find_spans
from strongroom.discover._hits import Hits
from strongroom.discover._written import _HYPHENS, _UNSEEN, written

if TYPE_CHECKING:
    from collections.abc import Callable

VALUES = [
    ("IBAN_CODE", "DE89 3704 0044 0532 0130 00"),
    ("CREDIT_CARD", "4111 1111 1111 1111"),
    ("CREDIT_CARD", "4111-1111-1111-1111"),
    ("PHONE_NUMBER", "+49 30 901820"),
    ("US_SSN", "536-22-8726"),
    ("EMAIL_ADDRESS", "jane@example.org"),
]


def wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


WRITINGS: dict[str, Callable[[str], str]] = {
    "no break": lambda text: text.replace(" ", "\u00a0").replace("-", "\u2011"),
    "narrow": lambda text: text.replace(" ", "\u202f").replace("-", "\u2010"),
    "thin": lambda text: text.replace(" ", "\u2009").replace("-", "\u2212"),
    "wide": lambda text: wide(text).replace(" ", "\u3000"),
    "soft": lambda text: f"{text[:3]}\u00ad{text[3:8]}\u2060{text[8:]}",
    "arabic": lambda text: text.translate({48 + i: 0x660 + i for i in range(10)}),
}


@pytest.mark.parametrize("writing", WRITINGS)
@pytest.mark.parametrize(("entity", "value"), VALUES)
def test_values_are_found_in_whatever_they_are_written_with(
    entity: str, value: str, writing: str
) -> None:
    said = WRITINGS[writing](value)
    for text in (f"é {said} x", f"\u00ad{said}\u00ad"):
        found = find_spans(text, DiscoverSpec(names=False))
        assert [(d.entity, text[d.start : d.end]) for d in found] == [(entity, said)]


def test_names_and_addresses_are_found_too() -> None:
    text = "Dr.\u00a0Anna\u00a0Schmidt, 12\u202fMain\u00a0Street, Springfield,\u00a0IL\u00a062704"
    found = {d.entity: text[d.start : d.end] for d in find_spans(text)}
    assert found["PERSON"] == "Anna\u00a0Schmidt"
    assert found["STREET_ADDRESS"] == text[text.index("12") :]


def plain(char: str) -> str:
    """Do the same a character at a time."""
    if char in _UNSEEN:
        return ""
    if char in _HYPHENS:
        return "-"
    if "\uff01" <= char <= "\uff5e":
        return chr(ord(char) - 0xFEE0)
    if "\x80" <= char <= "\uffff":
        digit = unicodedata.decimal(char, None)
        if digit is not None:
            return str(digit)
        return " " if unicodedata.category(char) == "Zs" else char
    return char


TEXTS = st.lists(
    st.one_of(st.none(), st.text(st.one_of(st.characters(exclude_categories=["Cs"]),
                                           st.sampled_from("\u00a0\u2011\u00ad١1 ５é")),
                                 max_size=12)),
    max_size=6,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.integers(0, 3))
@example(["a", None, "\u00ad\u00ad", "1\u00a02", "", "\u00ad𝟎\u00ad"], 1)
def test_the_kernel_agrees_with_a_plain_reading_and_leads_back(
    texts: list[str | None], skip: int
) -> None:
    column = pa.array(texts, pa.large_string()).slice(skip)
    seen = written(column)
    rows = texts[skip:]
    assert seen.texts.to_pylist() == [None if t is None else "".join(map(plain, t)) for t in rows]
    for row, text in enumerate(rows):
        kept = [(plain(c), len((text or "")[:i].encode()), len(c.encode()))
                for i, c in enumerate(text or "") if plain(c)]  # fmt: skip
        at = 0
        for said, begins, length in kept:
            end = at + len(said.encode())
            found = seen.back(hit(row, at, end))
            assert (found.start[0], found.end[0]) == (begins, begins + length)
            at = end


def hit(row: int, start: int, end: int) -> Hits:
    first, last, none = np.array([start]), np.array([end]), np.zeros(1, np.int16)
    sure, proved = np.ones(1, np.float32), np.ones(1, np.bool_)
    return Hits(np.array([row]), first, last, none, sure, none, proved, ("X",), ("x",))


def test_texts_without_such_characters_are_no_copy() -> None:
    for texts in (["Ann", None], ["née", "Öl “x” – y"]):
        column = pa.array(texts, pa.large_string())
        assert written(column).texts is column
