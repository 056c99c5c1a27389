"""If this fails, redaction cuts in the wrong places, or a stranger's recognizer can't be added."""

from __future__ import annotations

import random
from importlib.metadata import EntryPoint
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import strongroom.discover.recognizers as door
from strongroom.config import DiscoverSpec
from strongroom.discover import (
    BUILT_IN,
    Detection,
    Recognizer,
    find_column_spans,
    find_own_values,
    find_spans,
    load_recognizers,
    resolve,
)
from strongroom.discover._spans import header_words
from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

SPEC = DiscoverSpec()
detections = st.builds(
    lambda start, length, score, validated: Detection(
        "X", start, start + length, score / 4, "test", validated
    ),
    st.integers(0, 40),
    st.integers(1, 12),
    st.integers(0, 4),
    st.booleans(),
)


@settings(deadline=None)
@given(st.lists(detections, max_size=30), st.randoms(use_true_random=False))
def test_overlaps_are_resolved_the_same_way_in_any_order(
    found: list[Detection], draw: random.Random
) -> None:
    kept = resolve(found)
    assert all(a.end <= b.start for a, b in pairwise(kept))
    assert set(kept) <= set(found)
    draw.shuffle(found)
    assert resolve(found) == kept
    for lost in set(found) - set(kept):
        rivals = [k for k in kept if k.start < lost.end and lost.start < k.end]
        assert any(
            (k.validated, k.end - k.start, k.score)
            >= (lost.validated, lost.end - lost.start, lost.score)
            for k in rivals
        )


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (Detection("A", 0, 5, 0.5, "r", True), Detection("B", 0, 9, 0.9, "r")),
        (Detection("A", 0, 9, 0.5, "r"), Detection("B", 2, 5, 0.9, "r")),
        (Detection("A", 0, 5, 0.9, "r"), Detection("B", 2, 7, 0.5, "r")),
    ],
    ids=["validated", "longer", "surer"],
)
def test_who_wins_an_overlap(one: Detection, two: Detection) -> None:
    assert resolve([two, one]) == [one]


def test_a_column_gives_what_its_values_give_one_by_one() -> None:
    draw = random.Random(1)
    parts = ["mail a@b.example", "call 212-555-0143", "née le 3 février 1980", "ключ", "\U0001f600",
             "GB82WEST12345698765432", "10.20.30.40", "nothing here", "x" * 50, ""]  # fmt: skip
    texts: list[str | None] = [
        " ".join(draw.choices(parts, k=draw.randint(0, 4))) for _ in range(400)
    ]
    texts[7] = None
    expected = [(i, d) for i, t in enumerate(texts) if t for d in find_spans(t)]
    chunked = pa.chunked_array([texts[:100], texts[100:]])
    for column in (pa.array(texts), chunked, pa.array(texts).dictionary_encode(), chunked[0:]):
        assert find_column_spans(column) == expected
    sliced = pa.array(texts).slice(50, 100)
    assert find_column_spans(sliced) == [(i - 50, d) for i, d in expected if 50 <= i < 150]
    assert find_column_spans(pa.array([], pa.string())) == []


def test_the_name_of_a_column_counts_as_context_and_moves_no_offset() -> None:
    values = pa.array(["536904399", "x 536904400"])
    assert find_column_spans(values) == []
    found = find_column_spans(values, header="customerSSN")
    assert [(r, d.entity, d.start, d.end) for r, d in found] == [
        (0, "US_SSN", 0, 9),
        (1, "US_SSN", 2, 11),
    ]
    assert header_words("homePhone_2.Ext") == "home phone 2 ext"


def test_scores_below_the_asked_one_are_dropped() -> None:
    text = "ask example.com"
    assert find_spans(text, DiscoverSpec(min_score=0.7)) == []
    assert [d.entity for d in find_spans(text, DiscoverSpec(min_score=0.5))] == ["DOMAIN_NAME"]


class _Badge:
    """A recognizer of a stranger: no trigger, nothing inherited."""

    name = "badge"
    entities = ("BADGE",)

    def __init__(self, spec: DiscoverSpec) -> None:
        self.country = spec.country

    def find(self, text: str) -> Iterator[Detection]:
        at = text.find("BADGE-")
        if at >= 0:
            yield Detection("BADGE", at, at + 10, 0.9, self.name)


def _offer(monkeypatch: pytest.MonkeyPatch, offered: Any) -> None:  # noqa: ANN401 - anything at all
    entry = EntryPoint("badge", "stranger:Badge", door.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda _self: offered)
    monkeypatch.setattr(door, "entry_points", lambda group: [entry] if group == door.GROUP else [])
    load_recognizers.cache_clear()


def test_a_strangers_recognizer_is_found_by_its_entry_point(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _offer(monkeypatch, _Badge)
    try:
        assert len(load_recognizers(SPEC)) == len(BUILT_IN) + 1
        assert [d.entity for d in find_spans("I lost BADGE-1234")] == ["BADGE"]
        assert find_column_spans(pa.array(["x", "BADGE-1234"]), header="a b")[0][1].start == 0
    finally:
        load_recognizers.cache_clear()


@pytest.mark.parametrize("offered", [lambda _spec: object(), lambda: None, 7])
def test_what_is_no_recognizer_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, offered: object
) -> None:
    _offer(monkeypatch, offered)
    try:
        with pytest.raises(InputError, match="badge"):
            load_recognizers(SPEC)
    finally:
        load_recognizers.cache_clear()


def conforms(recognizer: Recognizer) -> None:
    """Run any recognizer through what every one must do."""
    assert isinstance(recognizer, Recognizer)
    for text in ("", " ", "a@b", "\U0001f600" * 3, "٣" * 20, "\x00", "\ud800", "1" * 500):
        for found in recognizer.find(text):
            assert 0 <= found.start < found.end <= len(text)
            assert found.entity in recognizer.entities
            assert found.recognizer.split(".")[0] == recognizer.name


@pytest.mark.parametrize("make", [*BUILT_IN, _Badge])
def test_every_recognizer_conforms(make: Any) -> None:  # noqa: ANN401 - a constructor
    conforms(make(SPEC))


# A row's own values.


def own(text: str, **columns: str | None) -> list[tuple[str, str]]:
    found = find_own_values(
        pa.array([text]), {n: pa.array([v], pa.string()) for n, v in columns.items()},
        {n: n.upper() for n in columns},
    )  # fmt: skip
    return [(d.entity, text[d.start : d.end]) for _, d in found]


def test_names_and_their_parts_are_found_in_the_rows_own_text() -> None:
    text = "Mr. DOE said Jane's mark: jane doe will pay, not Doern; José Ñandú no."
    assert own(text, person="Dr. Jane Mark-Doe") == [("PERSON", "DOE"), ("PERSON", "Jane")]
    assert own(text, person="Jane Doe") == [
        ("PERSON", "DOE"),
        ("PERSON", "Jane"),
        ("PERSON", "jane doe"),
    ]
    assert own(text, person="Ñandú, José") == [("PERSON", "José"), ("PERSON", "Ñandú")]
    assert own(text, person=None) == []


def test_numbers_are_found_in_any_writing() -> None:
    text = "ring (212) 555-0143 or +1 212.555.0143, not 212 555 0144; card 4111-1111 1111-1111."
    assert [v for _, v in own(text, phone="2125550143")] == ["(212) 555-0143", "+1 212.555.0143"]
    assert [v for _, v in own(text, card="4111111111111111")] == ["4111-1111 1111-1111"]
    assert own("paid 12 of 345678", id="345678") == [("ID", "345678")]


def test_offsets_hold_where_small_letters_change_the_length() -> None:
    text = "İİİ JANE DOE"
    assert own(text, person="Jane Doe") == [("PERSON", "JANE DOE")]


def test_only_the_rows_own_values_count_and_entities_come_of_the_columns() -> None:
    people = ["James Miller", "Mary Nowak", "Linda Okafor", "David Kaya"]
    texts = pa.chunked_array([["James Miller and Mary Nowak met", "Mary"], ["nobody", None]])
    columns = {
        "name": pa.array(people),
        "email": pa.array([f"{p.split()[0].lower()}@example.org" for p in people]),
        "customer_no": pa.array([900_001, 900_002, 900_003, 900_004]),
        "nested": pa.array([{"a": 1}] * 4),
        "nothing": pa.array([None] * 4, pa.string()),
    }
    found = find_own_values(texts, columns)
    assert [(r, d.entity, d.start, d.end) for r, d in found] == [
        (0, "PERSON", 0, 12),
        (1, "PERSON", 0, 4),
    ]
    mail = find_own_values(pa.array(["x mary@example.org 900002"] * 4), columns)
    assert [(r, d.entity) for r, d in mail] == [(1, "EMAIL_ADDRESS"), (1, "ID")]


def test_columns_that_do_not_stand_row_by_row_are_refused() -> None:
    with pytest.raises(ValueError, match="number of rows"):
        find_own_values(pa.array(["a", "b"]), {"x": pa.array(["a"])})


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80), st.text(max_size=20), st.sampled_from(["PERSON", "PHONE_NUMBER"]))
def test_own_values_lie_inside_any_text(text: str, value: str, entity: str) -> None:
    clean = [t.encode("utf-8", "replace").decode() for t in (text, value)]
    whole = f"{clean[0]} {clean[1]} {clean[0]}"
    found = find_own_values(pa.array([whole]), {"v": pa.array([clean[1]])}, {"v": entity})
    assert all(0 <= d.start < d.end <= len(whole) for _, d in found)
    if len(clean[1].strip()) >= 3:
        assert any(d.start <= len(clean[0]) + 1 + len(clean[1]) for _, d in found)
