"""If this fails, what stands in “quotes” or beside 汉字 is overlooked, or misplaced."""

from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from strongroom.config import DiscoverSpec
from strongroom.discover import find_hits, find_spans
from strongroom.discover._marks import _NAMED_BY_RULES, _UNSPACED, parted

SPEC = DiscoverSpec(names=False)
KEY = "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"


def seen(text: str) -> list[tuple[str, str]]:
    return [(d.entity, text[d.start : d.end]) for d in find_spans(text, SPEC)]


@pytest.mark.parametrize("around", ["“{}”", "«{}»", "—{}—", "‘{}…", "：{}。", "\u00a0{}\u202f",
                                    "😀{}😀", "•{}", "\ufeff{}", "（{}）",
                                    "\x85{}\x85"])  # fmt: skip
@pytest.mark.parametrize(
    ("entity", "value"),
    [
        ("EMAIL_ADDRESS", "jane@example.org"),
        ("IP_ADDRESS", "84.17.61.18"),
        ("CREDIT_CARD", "4111 1111 1111 1111"),
        ("PHONE_NUMBER", "+44 7700 900123"),
        ("SECRET", KEY),
    ],
)
def test_marks_of_any_script_end_a_word(around: str, entity: str, value: str) -> None:
    assert seen(f"x {around.format(value)} y") == [(entity, value)]


@pytest.mark.parametrize("text", ["密码{}了", "キーは{}です", "키는{}입니다"])
def test_scripts_without_spaces_touch_what_they_speak_of(text: str) -> None:
    assert ("SECRET", KEY) in seen(text.format(KEY))


def test_words_keep_their_letters_and_what_rules_name_themselves() -> None:
    assert seen("née jürgen@müller.example") == [("EMAIL_ADDRESS", "jürgen@müller.example")]
    assert seen(f"é{KEY}") == []


def plain(text: str, *, unspaced: bool) -> str:
    """Do the same a character at a time."""
    made = []
    for char in text:
        code, category = ord(char), unicodedata.category(char)
        parts = category[0] in "PSZ" or category in {"Cc", "Cf"}
        parts |= unspaced and any(first <= code < end for first, end in _UNSPACED)
        if code > 0xFFFF:
            parts = 0x1F000 <= code < 0x20000
        gone = code >= 0x80 and parts and char not in _NAMED_BY_RULES
        made.append(" " * len(char.encode()) if gone else char)
    return "".join(made)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=20)), max_size=6), st.integers(0, 3))
@example(["“a”", None, "汉字", "O’Neil 3–5", "😀", ""], 1)
def test_the_kernel_agrees_with_a_plain_reading(texts: list[str | None], skip: int) -> None:
    column = pa.array(texts, pa.large_string()).slice(skip)
    found = parted(column)
    for unspaced, one in zip((False, True), found, strict=False):
        wanted = [None if t is None else plain(t, unspaced=unspaced) for t in texts[skip:]]
        assert one.to_pylist() == wanted
        assert [len(t or "") for t in map(_bytes, one)] == [
            len(t or "") for t in map(_bytes, column)
        ]
    held = "".join(t or "" for t in texts[skip:])
    if len(found) == 1:
        assert plain(held, unspaced=True) == plain(held, unspaced=False)


def _bytes(value: pa.Scalar) -> bytes:
    return (value.as_py() or "").encode()


def test_an_address_may_touch_letters_of_scripts_without_spaces() -> None:
    texts = pa.array(["住所2666 Pine Way, Lakewood, CO 63120です"], pa.large_string())
    found = find_hits(texts, DiscoverSpec(), overlaps=True).detections(texts)[0]
    by_rules = [one for one in found if one.recognizer.startswith("street_address")]
    assert {texts[0].as_py()[one.start : one.end] for one in by_rules} == {
        "2666 Pine Way, Lakewood, CO 63120"
    }
