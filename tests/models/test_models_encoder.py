"""If this fails, an encoding looks at values it didn't declare, or a model reads rows wrongly."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.config import ColumnSpec
from strongroom.errors import DataError
from strongroom.models import ColumnKind, TableEncoder, encodable

TABLE = pa.table(
    {
        "age": pa.array([17, 30, 40, 99, None], pa.int64()),
        "pay": pa.array([0.0, -2.5, 1e9, 12.0, None]),
        "job": pa.array(["cook", "smith", "wizard", None, "cook"]),
        "town": pa.array(["Ulm", None, "Bonn", "Ulm", ""]),
        "born": pa.array(
            [dt.date(1970, 1, 1), dt.date(1822, 1, 1), None, None, dt.date(2000, 7, 1)]
        ),
        "smokes": pa.array([True, False, None, True, False]),
    }
)
SPECS = {
    "age": ColumnSpec(range=(20, 80), knots=(30, 50)),
    "job": ColumnSpec(categories=("cook", "smith")),
}
ENCODER = TableEncoder.from_specs(TABLE.schema, TABLE.column_names, SPECS)


def part(name: str) -> np.ndarray:
    column = next(c for c in ENCODER.columns if c.name == name)
    return ENCODER.encode(TABLE)[:, column.slice]


def test_a_declared_number_is_clamped_and_interpolated_between_its_knots() -> None:
    np.testing.assert_allclose(
        part("age"),
        np.array(
            [[2, 0, 0, 0, 0], [0, 2, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 2, 0], [0, 0, 0, 0, 2]]
        )
        / 2,
        rtol=1e-6,
    )


def test_a_declared_category_has_places_for_other_and_missing() -> None:
    np.testing.assert_array_equal(part("job").argmax(axis=1), [0, 1, 2, 3, 0])


def test_every_column_of_every_row_sums_to_one() -> None:
    for column in ENCODER.columns:
        np.testing.assert_allclose(part(column.name).sum(axis=1), 1, rtol=1e-5)


def test_a_date_is_years_within_fixed_bounds() -> None:
    knots = np.arange(1900, 2101, 5)
    years = part("born")[:, :-1] @ knots
    np.testing.assert_allclose(years[[0, 1, 4]], [1970, 1900, 2000.5], atol=0.01)
    assert part("born")[2, -1] == 1


def test_equal_texts_share_a_bucket_and_missing_is_its_own() -> None:
    places = part("town").argmax(axis=1)
    assert places[0] == places[3] != places[2]
    assert places[1] == part("town").shape[1] - 1 != places[4]


@given(order=st.permutations(range(5)), keep=st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_a_row_reads_the_same_whatever_other_rows_there_are(order: list[int], keep: int) -> None:
    chosen = order[:keep]
    np.testing.assert_array_equal(ENCODER.encode(TABLE.take(chosen)), ENCODER.encode(TABLE)[chosen])


def test_the_layout_depends_on_types_and_declarations_only() -> None:
    assert TableEncoder.from_specs(TABLE.slice(0, 0).schema, TABLE.column_names, SPECS) == ENCODER
    assert ENCODER.encode(TABLE.slice(0, 0)).shape == (0, ENCODER.width)


@given(low=st.floats(-1e6, 1e6), width=st.floats(1e-3, 1e6), value=st.floats(-1e7, 1e7))
@settings(max_examples=60, deadline=None)
def test_the_hats_interpolate_the_clamped_value(low: float, width: float, value: float) -> None:
    high = low + width
    table = pa.table({"x": [value]})
    encoder = TableEncoder.from_specs(table.schema, ["x"], {"x": ColumnSpec(range=(low, high))})
    found = encoder.encode(table)[0]
    read = found[:-1].astype(float) @ np.array(encoder.columns[0].knots)
    assert read == pytest.approx(min(max(value, low), high), abs=1e-6 * (abs(low) + width))
    assert np.count_nonzero(found) <= 2


def test_dictionary_columns_and_decimals_read_like_plain_ones() -> None:
    coded = pa.table({"job": TABLE.column("job").dictionary_encode(), "age": TABLE.column("age")})
    plain = TABLE.select(["job", "age"])
    a = TableEncoder.from_specs(coded.schema, ["job", "age"], SPECS).encode(coded)
    b = TableEncoder.from_specs(plain.schema, ["job", "age"], SPECS).encode(plain)
    np.testing.assert_array_equal(a, b)
    money = pa.table({"x": TABLE.column("age").cast(pa.decimal128(21, 2))})
    assert TableEncoder.from_specs(money.schema, ["x"]).encode(money).sum() == 5


def test_numbers_declared_as_categories_are_compared_as_text() -> None:
    spec = {"age": ColumnSpec(categories=("17", "30"))}
    encoder = TableEncoder.from_specs(TABLE.schema, ["age"], spec)
    np.testing.assert_array_equal(encoder.encode(TABLE).argmax(axis=1), [0, 1, 2, 2, 3])


def test_what_evasion_needs_is_said() -> None:
    age, pay, job = ENCODER.columns[:3]
    assert (age.kind, age.range, age.integer, age.declared) == (
        ColumnKind.NUMBER,
        (20, 80),
        True,
        True,
    )
    assert (pay.range, pay.integer, pay.declared) == (None, False, False)
    assert (job.kind, job.categories) == (ColumnKind.CATEGORY, ("cook", "smith"))
    assert ENCODER.describe() == {
        "declared": ("age", "job"),
        "fixed": ("pay", "town", "born", "smokes"),
    }
    assert len(ENCODER.names) == ENCODER.width == len(set(ENCODER.names))
    assert ENCODER.names[:5] == ("age=~20", "age=~30", "age=~50", "age=~80", "age=(missing)")


def test_an_encoder_survives_json() -> None:
    assert TableEncoder.from_json(json.loads(json.dumps(ENCODER.to_json()))) == ENCODER


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_values_that_are_no_numbers_are_refused_with_column_and_count(bad: float) -> None:
    table = TABLE.set_column(1, "pay", pa.array([1.0, bad, None, bad, 2.0]))
    with pytest.raises(DataError, match=r'"pay" holds NaN or infinite values in 2 rows') as refusal:
        ENCODER.encode(table)
    assert refusal.value.where == "column pay"


def test_a_missing_or_changed_column_is_refused() -> None:
    with pytest.raises(DataError, match='needs column "job"'):
        ENCODER.encode(TABLE.drop_columns(["job"]))
    with pytest.raises(DataError, match="was a number"):
        ENCODER.encode(TABLE.set_column(0, "age", TABLE.column("town")))


def test_an_all_missing_column_of_a_known_number_is_missing() -> None:
    table = TABLE.set_column(0, "age", pa.nulls(5))
    assert ENCODER.encode(table)[:, 4].tolist() == [1] * 5


@pytest.mark.parametrize(
    ("features", "specs", "text"),
    [
        ([], {}, "no column is left"),
        (["aeg"], {}, 'no column "aeg"'),
        (["job"], {"job": ColumnSpec(range=(0, 1))}, "holds text"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(
    features: list[str], specs: dict[str, ColumnSpec], text: str
) -> None:
    with pytest.raises(DataError, match=text):
        TableEncoder.from_specs(TABLE.schema, features, specs)


def test_a_type_that_cannot_be_encoded_is_refused() -> None:
    table = pa.table({"x": [[1, 2]]})
    assert not encodable(table.schema.field("x").type)
    with pytest.raises(DataError, match="cannot be a feature"):
        TableEncoder.from_specs(table.schema, ["x"])


def _numbers(spec: ColumnSpec, values: list[float | None]) -> tuple[TableEncoder, np.ndarray]:
    table = pa.table({"x": pa.array(values, pa.float64())})
    encoder = TableEncoder.from_specs(table.schema, ["x"], {"x": spec})
    return encoder, encoder.encode(table)


@given(
    low=st.floats(-1e6, 1e6),
    wide=st.floats(1e-3, 1e6),
    count=st.integers(2, 200),
    log=st.booleans(),
    share=st.floats(-0.5, 1.5),
)
@settings(max_examples=60, deadline=None)
def test_a_number_lies_in_the_one_bin_whose_edges_are_around_it(
    low: float, wide: float, count: int, log: bool, share: float
) -> None:
    spec = ColumnSpec(range=(low, low + wide), bins=count, log=log)
    value = low + share * wide
    encoder, rows = _numbers(spec, [value, None])
    (column,) = encoder.columns
    bins = rows[:, len(column.knots) : -1]
    assert bins.shape[1] == count
    assert bins[0].sum() == 1
    place = int(bins[0].argmax())
    edges = [-np.inf, *column.bins, np.inf]
    assert edges[place] <= min(max(value, low), low + wide) < edges[place + 1]
    assert (bins[1].sum(), rows[1, -1]) == (0, 1)
    assert TableEncoder.from_json(json.loads(json.dumps(encoder.to_json()))) == encoder
    assert len(encoder.names) == encoder.width


def test_log_bins_are_narrow_where_values_are_small() -> None:
    encoder, _ = _numbers(ColumnSpec(range=(0, 999), bins=3, log=True), [1.0])
    np.testing.assert_allclose(encoder.columns[0].bins, [9, 99])


def test_what_most_rows_have_is_written_as_nothing() -> None:
    spec = ColumnSpec(range=(0, 10), knots=(5,), bins=2, reference=0)
    _, rows = _numbers(spec, [0.0, 2.5, 10.0])
    expected = np.array([[0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 2, 0, 2, 0]]) / 2
    np.testing.assert_allclose(rows, expected)
    specs = {"job": ColumnSpec(categories=("cook", "smith"), reference="smith")}
    jobs = TableEncoder.from_specs(TABLE.schema, ["job"], specs).encode(TABLE)
    np.testing.assert_array_equal(jobs.sum(axis=1), [1, 0, 1, 1, 1])


def test_a_description_without_the_newer_keys_is_still_read() -> None:
    described = ENCODER.to_json()
    assert all("bins" not in c and "reference" not in c for c in described)
    assert TableEncoder.from_json(described) == ENCODER
