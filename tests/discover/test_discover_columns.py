"""If this fails, what is counted of a column is wrong: in parts, in long ones, in odd ones."""

from __future__ import annotations

import datetime as dt
import decimal
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.data import Dataset, Kind, Role
from strongroom.data.sources import Batch
from strongroom.discover import scan, scan_batches
from strongroom.discover._hits import Hits
from strongroom.discover._scan import judged, look_with
from strongroom.discover.columns import _kernels as kernels
from strongroom.discover.columns._column import Column, hashed
from strongroom.discover.columns._leaves import leaves
from strongroom.discover.columns._sketch import Distinct, Sample
from strongroom.errors import DataError

if TYPE_CHECKING:
    from strongroom.discover.columns._profile import Profile

texts = st.lists(
    st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["", " ", "\t\n", "a"]))
)


def blank(value: str | None) -> bool:
    return value is None or not value.strip(" \t\n\r\x0b\x0c")


def profile(values: pa.Array, parts: int = 1) -> Profile:
    """Look at one column, in so many parts, with nothing that is recognized."""

    def read(_values: pa.Array, _header: str, *, prose: bool) -> Hits:
        assert prose in {True, False}
        return Hits.empty()

    column: Column | None = None
    for places in np.array_split(np.arange(len(values)), parts):
        part = values.take(pa.array(places, pa.int64()))
        for leaf in leaves(pa.table({"x": part})):
            column = column or Column(leaf, read)
            column.add(leaf)
    assert column is not None
    return column.profile(len(values))


@settings(max_examples=60, deadline=None)
@given(texts)
def test_values_are_told_apart_by_their_hashes_and_blank_ones_are_missing(
    values: list[str | None],
) -> None:
    for kind in (pa.string(), pa.large_string()):
        padded = pa.array(["before", *values], kind)[1:]
        found = hashed(padded)
        assert [h == 0 for h in found] == [blank(v) for v in values]
        there = [(v, h) for v, h in zip(values, found.tolist(), strict=True) if h]
        assert len({v for v, _ in there}) == len({h for _, h in there}) == len(set(there))


@pytest.mark.parametrize(
    ("values", "kind", "different"),
    [
        ([1, 2, 1, None, -1], pa.int8(), 3),
        ([1, 2, 1, None, 2**64 - 1], pa.uint64(), 3),
        ([0.0, -0.0, 1.5, float("nan"), None], pa.float32(), 3),
        ([True, False, None, True], pa.bool_(), 2),
        ([dt.date(2020, 1, 1), dt.date(2020, 1, 2), None], pa.date32(), 2),
        ([dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1), None], pa.timestamp("us"), 1),  # noqa: DTZ001
        ([dt.time(1, 2), None, dt.time(1, 3)], pa.time64("us"), 2),
        ([decimal.Decimal("1.5"), decimal.Decimal("1.50"), None], pa.decimal128(9, 2), 1),
        ([b"\xff", b"\xfe", b"\xff", None], pa.binary(), 2),
        ([b"\xff", b"\xfe", b"\xff", None], pa.binary(1), 2),
        ([None, None], pa.null(), 0),
        ([[1], [2, 1], None], pa.list_(pa.int64()), 2),
    ],
)
def test_values_of_every_type_are_counted(
    values: list[Any], kind: pa.DataType, different: int
) -> None:
    found = profile(pa.array(values, kind))
    assert found.distinct == different


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40)), st.integers(2, 12))
def test_grouping_agrees_with_counting_one_by_one(values: list[int], bits: int) -> None:
    hashes = hashed(pa.array(values, pa.int64()))
    first, counts = np.zeros(len(values), np.int64), np.zeros(len(values), np.int64)
    size = 1 << bits
    found = kernels.group(
        hashes, np.zeros(size, np.uint64), np.zeros(size, np.int64), first, counts
    )
    plain = Counter(values)
    if len(plain) > size // 2:
        assert found == -1
    else:
        assert [values[i] for i in first[:found]] == list(plain)
        assert counts[:found].tolist() == list(plain.values())


def test_different_values_are_counted_exactly_then_to_a_hundredth() -> None:
    draw = np.random.default_rng(7)
    for many, repeated in ((50, 400), (90_000, 1), (700_000, 1), (300_000, 3)):
        values = np.tile(np.arange(many), repeated)
        draw.shuffle(values)
        sketch = Distinct()
        for part in np.array_split(values, 7):
            sketch.add(hashed(pa.array(part)), np.ones(len(part), np.int64))
        distinct, alone = sketch.estimate(len(values))
        if sketch.exact:
            assert (distinct, alone) == (many, float(repeated == 1))
        elif repeated == 1:
            # A key is a key, and not nearly one.
            assert (distinct, alone) == (len(values), 1.0)
        else:
            assert distinct == pytest.approx(many, rel=0.02)
            assert alone == 0.0


def test_an_even_share_is_sampled_and_columns_of_a_table_in_the_same_rows() -> None:
    one, two = Sample(1_000), Sample(1_000)
    values = pa.array(np.arange(50_000))
    for begin in range(0, 50_000, 777):
        one.add(values.slice(begin, 777))
    two.add(values.slice(0, 20_000))
    two.skip(10_000)
    two.add(values.slice(30_000))
    kept = one.values().to_numpy()
    assert 400 <= len(kept) <= 1_000
    assert abs(kept.mean() - 25_000) < 2_500
    there = two.values().to_pylist()
    assert [v for v in there if v is not None] == [v for v in kept if not 20_000 <= v < 30_000]
    assert len(there) == len(kept)


def test_a_sample_of_parts_of_different_types_holds_strings() -> None:
    sample = Sample(10)
    sample.add(pa.array([1, 2]))
    sample.skip(1)
    sample.add(pa.array(["x"], pa.large_string()))
    assert sample.values().to_pylist() == ["1", "2", None, "x"]
    long = Sample(4)
    long.add(pa.array(["y" * 10_000], pa.large_string()))
    assert len(long.values()[0].as_py()) == 400


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.sampled_from("abcd"))), st.integers(1, 5))
def test_parts_add_up_to_the_whole(values: list[str | None], parts: int) -> None:
    column = pa.array(values, pa.string())
    whole, added = profile(column), profile(column, parts)
    for name in ("present", "missing", "distinct", "unique_share", "most"):
        assert getattr(whole, name) == getattr(added, name), name
    counts = Counter(v for v in values if v is not None)
    assert (whole.present, whole.distinct) == (sum(counts.values()), len(counts))
    assert dict(zip(whole.values.to_pylist(), whole.weights.tolist(), strict=True)) == counts


hit = st.tuples(
    st.integers(0, 4),
    st.integers(0, 3),
    st.integers(0, 9),
    st.floats(0, 1, width=32),
    st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(hit), st.lists(st.integers(1, 9), min_size=5, max_size=5))
def test_hits_are_added_up_as_one_by_one(
    found: list[tuple[int, int, int, float, bool]], counts: list[int]
) -> None:
    found.sort(key=lambda h: h[0])
    row, entity, length, score, proved = ([h[i] for h in found] for i in range(5))
    sums = np.zeros((4, 5))
    kernels.tally(
        np.array(row, np.int64), np.zeros(len(found), np.int64), np.array(length, np.int64) + 1,
        np.array(entity, np.int16), np.array(score, np.float32), np.array(proved, np.bool_),
        np.full(5, 8, np.int64), np.array(counts, np.int64), 0.6, sums,
    )  # fmt: skip
    plain = np.zeros((4, 5))
    for e in range(4):
        plain[e, 0] = sum(counts[h[0]] for h in found if h[1] == e)
        for value in range(5):
            own = [h for h in found if h[:2] == (value, e)]
            if own:
                whole = max(h[2] for h in own) + 1 >= 0.6 * 8
                plain[e, 1:] += counts[value] * np.array(
                    [1, whole, any(h[4] for h in own), max(h[3] for h in own)]
                )
    assert sums == pytest.approx(plain)


def test_batches_of_any_size_give_what_the_whole_gives() -> None:
    rows = 3_000
    table = pa.table(
        {
            "id": list(range(rows)),
            "mail": [f"u{i}@example.org" if i % 3 else None for i in range(rows)],
            "age": [20 + i % 60 for i in range(rows)],
            "note": ["call 212-555-0143 about the last letter, please"] * rows,
        }
    )
    whole = scan(Dataset.of(table, name="t"))
    batches = [Batch(table.slice(i, 271), i) for i in range(0, rows, 271)]
    parts = scan_batches(batches, "t", Kind.TABLE)
    assert parts.columns == whole.columns
    assert (parts.entities, parts.rows, parts.keys) == (whole.entities, rows, whole.keys)


def test_batches_may_differ_in_columns_and_types_and_carry_notes() -> None:
    batches = [
        Batch(pa.table({"a": [1, 2], "b": ["x", "y"]}), 0, notes=("2 bytes were no text",)),
        Batch(pa.table({"b": [1.5, None], "c": [[1, 2], []]}), 2, notes=("2 bytes were no text",)),
        Batch(pa.table({"a": ["z"], "c": [None]}), 4),
    ]
    found = scan_batches(batches, "t", Kind.TABLE)
    assert found.rows == 5
    assert found.notes == ("2 bytes were no text",)
    assert [(c.name, c.missing) for c in found.columns] == [("a", 2), ("b", 2), ("c", 4), ("c", 5)]


def test_a_record_that_was_cut_counts_once() -> None:
    batches = [
        Batch(pa.table({"text": ["one", "a long"]}), 0),
        Batch(pa.table({"text": ["record"]}), 1, offset=7),
    ]
    assert scan_batches(batches, "t", Kind.TEXT).rows == 2


def test_a_target_that_is_not_there_is_an_error() -> None:
    with pytest.raises(DataError, match='no column "y"'):
        scan_batches([Batch(pa.table({"x": [1]}), 0)], "t", Kind.TABLE, target="y")
    assert judged(look_with(), "nothing", Kind.TABLE).columns == ()


def test_two_columns_of_one_name_are_both_looked_at() -> None:
    table = pa.Table.from_arrays([pa.array(["a@b.example"]), pa.array([1])], names=["x", "x"])
    found = scan_batches([Batch(table, 0), Batch(table, 1)], "t", Kind.TABLE)
    assert [c.role for c in found.columns] == [Role.DIRECT_IDENTIFIER, Role.FEATURE]
