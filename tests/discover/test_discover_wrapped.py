"""If this fails, a name that a line end breaks in two is overlooked, or rows are mixed up."""

from __future__ import annotations

import inspect
import textwrap
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.config import DiscoverSpec
from strongroom.data import Dataset, Kind
from strongroom.discover import find_dataset_spans, scan
from strongroom.discover._hits import Hits
from strongroom.discover._wrapped import Paragraphs, goes_on
from strongroom.discover.names import find_names

if TYPE_CHECKING:
    from collections.abc import Sequence

SPEC = DiscoverSpec()
LETTER = (
    "Dear colleagues, the house in which we met last week was built by the architect Anna "
    "Schubert and sold to a family from Boston many years later. Please ask Peter Hoffmann for the "
    "keys, who lives next door and works as an engineer. He told us that the roof is new, and the "
    "garden belongs to Mrs. Maria Lindqvist, whom you all know from the meeting in Copenhagen."
)


def column(rows: Sequence[str | None]) -> pa.Array:
    return pa.array(rows, pa.large_string())


def persons(rows: list[str]) -> list[tuple[int, str]]:
    texts = column(rows)
    found = find_names(texts, SPEC, lines=True).detections(texts)
    return [
        (row, rows[row][d.start : d.end])
        for row, detections in found.items()
        for d in detections
        if d.entity == "PERSON"
    ]


@pytest.mark.parametrize("width", range(56, 100, 4))
@pytest.mark.parametrize("indent", ["", "   "])
def test_a_broken_name_is_found_in_both_rows(width: int, indent: str) -> None:
    rows = textwrap.wrap(LETTER, width, initial_indent=indent, subsequent_indent=indent)
    whole = [name for _, name in persons([LETTER])]
    assert {"Anna Schubert", "Peter Hoffmann", "Maria Lindqvist"} <= set(whole)
    assert goes_on(column(rows)).tolist() == [True] * (len(rows) - 1) + [False]
    assert " ".join(name for _, name in persons(rows)) == " ".join(whole)


@pytest.mark.parametrize(
    "rows",
    [
        [f"2026-01-{d} 12:{d}:07 INFO worker {d} asked for {d * d} rows" for d in range(10, 29)],
        [f"Anna Smith, {n} Main Street, Springfield, born on a Monday" for n in range(30)],
        inspect.getsource(textwrap).split("\n"),
        [LETTER[:n] for n in range(20, 300, 9)],
        [f"{n},anna{n}@example.org,Boston,Massachusetts,{n * 7919}" for n in range(30)],
        ["", "", None, "", ""],
        [],
    ],
    ids=["log", "list", "code", "records", "table", "nothing", "none"],
)  # fmt: skip
def test_rows_of_other_things_are_by_themselves(rows: list[str | None]) -> None:
    assert not goes_on(column(rows)).any()
    assert Paragraphs.of(column(rows)) is None


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_hits_in_paragraphs_cover_the_same_bytes_in_rows(data: st.DataObject) -> None:
    words = st.lists(
        st.sampled_from(["ärger", "und", "the", "a", "people", "日本", "of"]), max_size=50
    )
    rows: list[str | None] = [*textwrap.wrap(LETTER, 60), ""]
    for _ in range(data.draw(st.integers(0, 3))):
        rows += [*textwrap.wrap(" ".join(data.draw(words)), 60), None]
    before = data.draw(st.integers(0, 2))
    texts = column([*["left out"] * before, *rows]).slice(before)
    paragraphs = Paragraphs.of(texts)
    assert paragraphs is not None
    sizes = [len(p.as_py().encode()) for p in paragraphs.texts]
    picked = [
        (i, *sorted(data.draw(st.tuples(st.integers(0, n - 1), st.integers(1, n)))))
        for i, n in enumerate(sizes)
        if n
    ]
    picked = [p for p in picked if p[1] < p[2]] or [(0, 0, sizes[0])]
    row, start, end = (np.array(x, np.int64) for x in zip(*picked, strict=True))
    zeros = np.zeros(len(row), np.int16)
    score = np.full(len(row), 0.5, np.float32)
    hits = Hits(row, start, end, zeros, score, zeros, zeros.astype(bool), ("PERSON",), ("names",))
    found = paragraphs.in_rows(hits)
    assert (np.lexsort((found.start, found.row)) == np.arange(len(found))).all()
    pieces = b"".join(
        (rows[r] or "").encode()[s:e]
        for r, s, e in zip(found.row, found.start, found.end, strict=True)
    )
    expected = b"".join(paragraphs.texts[i].as_py().encode()[s:e] for i, s, e in picked)
    assert b"".join(pieces.split()) == b"".join(expected.split())


def test_every_line_of_a_letter_is_read_in_its_place() -> None:
    rows = [line for _ in range(3) for line in [*textwrap.wrap(LETTER, 66), ""]]
    dataset = Dataset(pa.table({"text": rows}), Kind.TEXT, name="letters.txt")
    spans = [(row, d) for row, _, d in find_dataset_spans(dataset) if d.entity == "PERSON"]
    found = " ".join(rows[row][d.start : d.end] for row, d in spans)
    assert found == " ".join(["Anna Schubert Peter Hoffmann Maria Lindqvist"] * 3)
    assert scan(dataset).entities["PERSON"] == len(spans)
