"""If this fails, trees read rows by what other rows hold, or a saved model predicts otherwise."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.config import ColumnSpec
from strongroom.data import Dataset, Role
from strongroom.errors import DataError, TamperedError
from strongroom.models import AdditiveModel, TableBins, TableEncoder, model_from_parts

TABLE = pa.table(
    {
        "age": pa.array([17, 30, 40, 99, None], pa.int64()),
        "pay": pa.array([0.0, -2.5, 1e9, 12.0, None]),
        "gain": pa.array([0.0, 50.0, 51.0, 99.0, None]),
        "job": pa.array(["cook", "smith", "wizard", None, "cook"]),
        "town": pa.array(["Ulm", None, "Bonn", "Ulm", ""]),
        "born": pa.array(
            [dt.date(1970, 1, 1), dt.date(1822, 1, 1), None, None, dt.date(2000, 7, 1)]
        ),
    }
)
SPECS = {
    "age": ColumnSpec(range=(20, 80), knots=(30, 50), reference=30),
    "gain": ColumnSpec(range=(0, 100), knots=(50,), bins=4, reference=0),
    "job": ColumnSpec(categories=("cook", "smith"), reference="smith"),
}
BINS = TableBins.of(TableEncoder.from_specs(TABLE.schema, TABLE.column_names, SPECS))
LABELS = ("no", "yes", "perhaps")


def filled(classes: tuple[str, ...], seed: int = 3) -> AdditiveModel:
    model, rng = AdditiveModel(BINS, classes, target="bought"), np.random.default_rng(seed)
    for part in (model.constant, *model.shapes):
        part[:] = rng.normal(size=part.shape)
    return model


@given(order=st.permutations(range(5)), keep=st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_a_row_is_binned_the_same_beside_any_other_rows(order: list[int], keep: int) -> None:
    chosen = order[:keep]
    np.testing.assert_array_equal(BINS.encode(TABLE.take(chosen)), BINS.encode(TABLE)[chosen])


def test_every_bin_is_one_of_its_column_and_missing_is_the_last() -> None:
    codes = BINS.encode(TABLE)
    assert (codes >= 0).all()
    assert (codes < BINS.sizes).all()
    missing = [[TABLE.column(n)[i].as_py() is None for n in TABLE.column_names] for i in range(5)]
    np.testing.assert_array_equal(codes == np.array(BINS.sizes) - 1, missing)


def test_whole_numbers_have_a_bin_each_and_outer_bins_are_open() -> None:
    age = BINS.encode(TABLE)[:, 0]
    assert BINS.sizes[0] == 61 + 1
    assert list(age[:4]) == [0, 10, 20, 60]


def test_a_reference_is_the_bin_that_holds_it() -> None:
    codes, named = BINS.encode(TABLE), BINS.references
    assert (named[0], named[2], named[3]) == (codes[1, 0], codes[0, 2], codes[1, 3])
    assert (named[1], named[4], named[5]) == (-1, -1, -1)


def test_bins_are_kept_as_json() -> None:
    assert TableBins.from_json(json.loads(json.dumps(BINS.to_json()))) == BINS


@pytest.mark.parametrize("classes", [LABELS[:2], LABELS])
def test_a_model_that_was_kept_predicts_the_same(classes: tuple[str, ...]) -> None:
    model = filled(classes)
    again = model_from_parts(model.tensors(), json.loads(json.dumps(model.meta())))
    assert isinstance(again, AdditiveModel)
    assert again.digest() == model.digest()
    chances = model.predict_table(TABLE)
    assert chances.shape == (5, len(classes))
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(again.predict_table(TABLE), chances)


def test_scores_are_the_sum_of_what_each_column_says() -> None:
    model = filled(LABELS[:2])
    codes = BINS.encode(TABLE)
    for row, score in zip(codes, model.scores(codes)[:, 0], strict=True):
        parts = [float(s[c, 0]) for s, c in zip(model.shapes, row, strict=True)]
        assert score == pytest.approx(float(model.constant[0]) + sum(parts), rel=1e-5)


def test_parts_that_do_not_fit_are_refused() -> None:
    model = filled(LABELS)
    tensors, meta = model.tensors(), model.meta()
    with pytest.raises(TamperedError, match="format"):
        AdditiveModel.from_parts(tensors, {**meta, "format": "other"})
    with pytest.raises(TamperedError, match="fit"):
        AdditiveModel.from_parts({**tensors, "shape.0000": tensors["shape.0001"]}, meta)
    with pytest.raises(TamperedError, match="NaN"):
        AdditiveModel.from_parts({**tensors, "constant": np.full(3, np.nan, np.float32)}, meta)


def test_rows_that_do_not_fit_are_told() -> None:
    with pytest.raises(DataError, match='needs column "age"'):
        BINS.encode(TABLE.drop_columns(["age"]))
    rows = Dataset(TABLE, roles={"age": Role.FEATURE})
    with pytest.raises(DataError, match='no column "bought"'):
        filled(LABELS).read(rows)
    with pytest.raises(ValueError, match="zip"):
        replace(BINS, edges=BINS.edges[:-1]).encode(TABLE)
