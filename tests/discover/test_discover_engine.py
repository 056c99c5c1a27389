"""If this fails, the compiled engine overlooks what a rule describes, or finds what none does."""

from __future__ import annotations

import dataclasses
import random
import string
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.discover.plain_engine import _bytes, plain

from strongroom.config import DiscoverSpec
from strongroom.discover._rule import Rule
from strongroom.discover.checks import CHECKS
from strongroom.discover.engine import Engine, _pass, _store
from strongroom.discover.engine._automaton import determinise, positions, reverse
from strongroom.discover.engine._dialect import parse
from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SPEC = DiscoverSpec()
RULES = (
    Rule("card", "A", r"\d(?:[ -]?\d){3,9}", 0.8, compact=r"4\d{3,9}", check=CHECKS["luhn"]),
    Rule("digits", "A", r"\d{3}-?\d{2}", 0.2, context=("ssn", "né"), context_score=0.9,
         against=("order",)),
    Rule("both", "A", r"\d{4}", 0.6, context=("ssn",), against=("order",), against_score=0.1),
    Rule("mail", "B", r"\w[\w.+-]*@(?:[^\W_]+\.)+[a-z]{2,4}", 0.9, apart=""),
    Rule("dotted", "B", r"[a-z]+\.(?:[a-z]+\.)*(?:de|com)", 0.6),
    Rule("web", "B", r"http://[a-z./]*[a-z]", 0.9, apart=""),
    Rule("key", "C", r"[^\s\"']{4,}", 0.8, lead=r"(?i:key|pass)\s*[=:]\s*[\"']?", bounded=False,
         entropy=1.5),
    Rule("led", "C", r"[a-z]+", 0.8, lead=r"(?:id|i) ?: ?"),
    Rule("ends", "C", r"ab(?:cd?)?", 0.7, follow=r"[;.]"),
    Rule("marked", "C", r"\+\d{2,4}|\(\d\)", 0.7),
    Rule("inside", "C", r"xx[a-c]{2,}", 0.7, bounded=False),
    Rule("run", "C", r"[a-z0-9]{2,3}Q~[a-z]{2}", 0.7),
    Rule("foreign", "D", r"[A-Z]{2}\d{2}", 0.7, countries=("PL",), context=("pesel",)),
    Rule("hex", "D", r"[0-9a-f]{2}(?::[0-9a-f]{2}){2}", 0.7, apart=":"),
    Rule("ü", "D", r"(?:ä|ü)\w|\w+ß", 0.7),
)  # fmt: skip
PARTS = [
    "4111", "4", "1-", "1 ", "123-45", "12345", "1234", "ssn", "SSN", "né", "NÉ", "order", "a.b",
    "@", "ab.de",
    "x.com", ".", "http://", "a/b", "key", "KEY=", "pass : '", "abcdefgh", "aaaaaa", "id:",
    "i: ", "abc", "abcd;", "ab.", "+12", "(3)", "xxab", "zxxabc", "ab1Q~de", "Q~", "PL12", "pesel",
    "0a:1b:2c", "äb", "straß", "ß", " ", " ", " ", "_", "-", "/", "\n", "é", "日本", "\U0001f600",
    ",",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PARTS), max_size=14).map("".join)


def found(
    rules: tuple[Rule, ...], texts: Sequence[str | None], header: str = ""
) -> list[tuple[int, int, int, str, float]]:
    hits = Engine(rules, SPEC).find(pa.array(texts, pa.large_string()), header)
    return sorted(
        (int(r), int(s), int(e), hits.recognizers[n], round(float(x), 4))
        for r, s, e, n, x in zip(
            hits.row, hits.start, hits.end, hits.recognizer, hits.score, strict=True
        )
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS | st.none(), max_size=4), st.sampled_from(["", "ssn", "order no"]))
def test_the_compiled_engine_finds_what_the_plain_one_finds(
    texts: list[str | None], header: str
) -> None:
    assert found(RULES, texts, header) == plain(RULES, SPEC, texts, header)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_a_rule_alone_finds_what_it_finds_among_others(rule: Rule) -> None:
    draw = random.Random(rule.name)
    texts: list[str | None] = ["".join(draw.choices(PARTS, k=12)) for _ in range(60)]
    alone = found((rule,), texts)
    assert alone == plain((rule,), SPEC, texts)
    assert alone == [f for f in found(RULES, texts) if f[3] == rule.name]


def test_where_a_text_stands_in_a_column_changes_nothing() -> None:
    """Chunks of 64 bytes, windows, slices: their edges aren't texts' edges."""
    draw = random.Random(3)
    texts = ["".join(draw.choices(PARTS, k=draw.randint(0, 9))) for _ in range(3000)]
    engine = Engine(RULES, SPEC)
    column = pa.array(texts, pa.large_string())
    whole = engine.find(column)
    part = engine.find(column.slice(1000, 500))
    inside = (whole.row >= 1000) & (whole.row < 1500)
    assert (whole.start[inside] == part.start).all()
    assert (whole.row[inside] == part.row + 1000).all()
    for row in range(0, 3000, 97):
        one = engine.find(pa.array([texts[row]], pa.large_string()))
        assert (one.end == whole.end[whole.row == row]).all()


@pytest.mark.parametrize(("window", "places", "events"), [(64, 256, 1), (256, 65, 40), (1, 70, 9)])
def test_where_a_pass_is_parted_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, window: int, places: int, events: int
) -> None:
    """Spans, words and greedy spans go on behind the edges of windows; full arrays lose nothing."""
    draw = random.Random(window)
    rules = (*RULES, Rule("eager", "E", r"[a-z]{2}(?:\.[a-z/]{1,9}){2,}", 0.8, greedy=True))
    texts = ["".join(draw.choices([*PARTS, " "], k=draw.randint(0, 90))) for _ in range(150)]
    texts[70] = "".join(draw.choices(PARTS, k=3000))
    whole = found(rules, texts)
    monkeypatch.setattr(_pass, "_WINDOW", window)
    monkeypatch.setattr(_pass, "_PLACES", places)
    monkeypatch.setattr(_pass, "_EVENTS", events)
    assert found(rules, texts) == whole
    assert len(whole) > 1_000


def test_a_long_text_gives_the_hits_of_its_lines() -> None:
    draw = random.Random(4)
    lines = ["".join(draw.choices(PARTS, k=9)).replace("\n", "") + " " * 60 for _ in range(12_000)]
    rules = tuple(r for r in RULES if not r.lead)
    engine = Engine(rules, SPEC)
    apart = engine.find(pa.array(lines, pa.large_string()))
    together = engine.find(pa.array(["\n".join(lines)], pa.large_string()))
    lengths = np.array([len(line.encode()) + 1 for line in lines])
    begins = np.concatenate([[0], np.cumsum(lengths)])
    assert together.start.tolist() == (apart.start + begins[apart.row]).tolist()
    assert len(together) > 10_000


ATOMS = st.sampled_from(["a", "b", "[ab]", "[^a]", r"\d", "(?:a|bc)", "(?:ab)?", "(?i:a)", "."])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda p: f"(?:{p[0]}|{p[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}"])).map(
            lambda p: f"(?:{p[0]}){p[1]}"
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(PATTERNS, st.text("abcA1\n", max_size=8))
def test_an_automaton_accepts_what_pythons_expressions_match(pattern: str, text: str) -> None:
    data, expression = text.encode(), _bytes(pattern)
    for backwards in (False, True):
        node = reverse(parse(pattern)) if backwards else parse(pattern)
        read = data[::-1] if backwards else data
        automaton = determinise([positions(node)])
        state, ends = automaton.start, [0] if automaton.accepts[automaton.start] else []
        for i, byte in enumerate(read):
            state = automaton.moves[state, automaton.classes[byte]]
            ends += [i + 1] if automaton.accepts[state] else []
        length = len(data)
        stretches = [(length - n, length) if backwards else (0, n) for n in range(length + 1)]
        assert ends == [n for n, s in enumerate(stretches) if expression.fullmatch(data, *s)]


@pytest.mark.parametrize(
    "pattern",
    ["a(?=b)", "(a", "a)", "a+?", r"\bx", "[a", "*", "a{5000}", r"(?P<x>a)", r"a\1", "^a", "a$",
     "[b-a]", r"\q", "(?:" * 60 + "a" + ")" * 60, "[é-ü]"],
)  # fmt: skip
def test_a_pattern_outside_of_the_dialect_is_refused_by_rule_and_place(pattern: str) -> None:
    with pytest.raises(InputError, match="mine") as refused:
        Engine([Rule("mine", "X", pattern, 0.9)], SPEC)
    assert "character" in str(refused.value.where)


@pytest.mark.parametrize(
    "pattern", [r".{0,200}a.{0,200}b.{0,200}c", r"(?:a?){900}(?:\w{0,90}x){90}", r"(?:.{0,99}1){9}"]
)
def test_a_pattern_that_would_grow_without_bound_is_refused(pattern: str) -> None:
    with pytest.raises(InputError, match="can't be used"):
        Engine([Rule("large", "X", "a" + pattern, 0.9)], SPEC)


@pytest.mark.parametrize(
    "unit",
    ["a", "a ", "1 ", "1-", "key=", "a@", "a.", "xx", "0a:", "(1)", "id:", "ab", "http://a "],
)
def test_a_text_made_to_be_slow_takes_time_in_proportion_to_its_length(unit: str) -> None:
    """A quadratic search takes hours for it: finishing is the proof."""
    text = unit * (2_000_000 // len(unit))
    for row, start, end, _, _ in found(RULES, [text]):
        assert row == 0
        assert 0 <= start < end <= len(text)


def test_what_a_rule_verifies_itself_is_asked_once_per_candidate() -> None:
    asked = []

    def verify(span: str) -> bool:
        asked.append(span)
        return span.endswith("7")

    rule = Rule("odd", "X", r"\d{3}", 0.9, verify=verify)
    assert [f[:3] for f in found((rule,), ["117 118", "117"])] == [(0, 0, 3), (1, 0, 3)]
    assert asked == ["117", "118"]


def test_compiled_rules_are_kept_and_a_damaged_entry_is_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_store, "_folder", lambda: tmp_path / "patterns")
    rules = RULES[:3]
    first = found(rules, ["4111 ssn 123-45"])
    (entry,) = (tmp_path / "patterns").iterdir()
    assert entry.stat().st_mode & 0o777 == 0o600
    assert found(rules, ["4111 ssn 123-45"]) == first
    whole = entry.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], whole.replace(b"moves", b"loves"), b"x" * 99):
        entry.write_bytes(damaged)
        assert found(rules, ["4111 ssn 123-45"]) == first
    other = dataclasses.replace(rules[2], apart="")
    assert found((other,), ["1-1234"])
    assert not found((rules[2],), ["1-1234"])
    assert len(list((tmp_path / "patterns").iterdir())) == 3


def test_ten_thousand_short_rows_are_ten_thousand_texts() -> None:
    draw = random.Random(5)
    texts: list[str | None] = ["".join(draw.choices(string.digits, k=4)) for _ in range(10_000)]
    assert len(found((RULES[2],), texts)) == 10_000
