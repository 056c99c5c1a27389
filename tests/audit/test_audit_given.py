"""If this fails, an audit attacks other rows than those that it was given, or other people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

import strongroom as sr
from strongroom.audit._given import (
    Given,
    forgotten_rows,
    model_kind,
    read_rows,
    with_subjects,
)
from strongroom.data import Kind, write_table
from strongroom.errors import DataError, InputError
from strongroom.models import open_model

if TYPE_CHECKING:
    from pathlib import Path

    from strongroom.models import Model

sklearn = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
COUNT = 60


def table(seed: int) -> pa.Table:
    coins = np.random.default_rng(seed)
    a, b = coins.normal(size=COUNT), coins.normal(size=COUNT)
    return pa.table(
        {
            "who": [f"p{i // 3}" for i in range(COUNT)],
            "a": a,
            "b": b,
            "label": np.where(a + b > 0, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def model() -> Model:
    rows = table(0).to_pandas()
    return open_model(sklearn.LogisticRegression().fit(rows[["a", "b"]], rows["label"])).model


def given(model: Model, seed: int = 0) -> Given:
    return read_rows(model, table(seed), target="label", subject="who")


def test_the_same_rows_from_a_file_a_table_a_frame_and_arrays(model: Model, tmp_path: Path) -> None:
    rows = table(0)
    write_table(rows, tmp_path / "rows.csv")
    frame = rows.to_pandas()
    inputs, labels = frame[["a", "b"]].to_numpy(), frame["label"].to_numpy()
    wanted = given(model).rows
    for data, more in (
        (rows, {}),
        (frame, {}),
        (tmp_path / "rows.csv", {}),
        (str(tmp_path / "rows.csv"), {}),
    ):
        found = read_rows(model, data, target="label", **more).rows
        np.testing.assert_allclose(found.inputs, wanted.inputs)
        np.testing.assert_array_equal(found.labels, wanted.labels)
        assert found.numbers.tolist() == list(range(COUNT))
    for pair in ((inputs, labels), (inputs, (labels == "yes").astype(int))):
        found = read_rows(model, pair).rows
        np.testing.assert_allclose(found.inputs, wanted.inputs)
        np.testing.assert_array_equal(found.labels, wanted.labels)


@pytest.mark.parametrize(
    ("data", "labels", "words"),
    [
        (np.zeros((4, 2)), None, "needs its labels"),
        (np.zeros((4, 2)), np.zeros(3, int), "4 rows came with 3 labels"),
        (np.zeros((4, 2)), np.array([0, 1, -1, 0]), "1 labels are no class"),
        (np.zeros((3, 2)), np.array(["yes", "no", "secret"]), "1 labels are no class"),
        (np.zeros((3, 2)), np.array([0, 7, 9]), "2 labels are no class"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    model: Model,
    data: np.ndarray[Any, Any],
    labels: np.ndarray[Any, Any] | None,
    words: str,
) -> None:
    with pytest.raises(InputError) as error:
        read_rows(model, data, labels)
    assert words in str(error.value)
    assert "secret" not in str(error.value)


def test_people_are_the_same_in_every_file(model: Model) -> None:
    ours, theirs = with_subjects(given(model, 0), given(model, 1))
    assert ours.rows.subjects is not None
    assert theirs.rows.subjects is not None
    assert len(set(ours.rows.subjects.tolist())) == COUNT // 3
    np.testing.assert_array_equal(ours.rows.subjects, theirs.rows.subjects)
    few = theirs.take(np.arange(3, 9))
    assert few.rows.subjects is not None
    assert few.rows.subjects.tolist() == [1, 1, 1, 2, 2, 2]


def test_a_row_that_belongs_to_nobody_is_refused(model: Model) -> None:
    rows = table(0)
    who = pa.array([None, *rows.column("who").to_pylist()[1:]], pa.string())
    with pytest.raises(DataError, match="lacks a value in 1 rows"):
        read_rows(model, rows.set_column(0, "who", who), target="label", subject="who")


def test_where_everybody_has_one_row_a_person_is_a_row(model: Model) -> None:
    rows = table(0)
    alone = rows.set_column(0, "who", pa.array([str(i) for i in range(COUNT)]))
    (given,) = with_subjects(read_rows(model, alone, target="label", subject="who"))
    assert given.rows.subjects is None


def test_forgotten_rows_by_number_by_column_and_by_themselves(model: Model) -> None:
    members = given(model)
    for asked, gone in (
        (pa.table({"row": [3, 4, 59]}), [3, 4, 59]),
        (pa.table({"who": ["p1", "p19"]}), [3, 4, 5, 57, 58, 59]),
        (table(0).slice(10, 2), [10, 11]),
    ):
        left, forgotten = forgotten_rows(asked, model, members, target="label", subject="who")
        assert len(left.rows) == COUNT - len(gone)
        assert left.rows.numbers.tolist() == [i for i in range(COUNT) if i not in gone]
        np.testing.assert_array_equal(forgotten.rows.inputs, members.rows.inputs[gone])
    # Rows that the members' file no longer holds.
    left, forgotten = forgotten_rows(table(5), model, members, target="label")
    assert (len(left.rows), len(forgotten.rows)) == (COUNT, COUNT)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (pa.table({"row": [3, COUNT]}), "beyond the 60 members"),
        (pa.table({"row": [-1]}), "beyond the 60 members"),
        (pa.table({"who": ["nobody"]}), "no member has one of these"),
        (pa.table({"ssn": ["1"]}), "can't be told which rows"),
    ],
)
def test_forgotten_rows_that_nobody_can_find_are_refused(
    model: Model, asked: pa.Table, words: str
) -> None:
    with pytest.raises(DataError) as error:
        forgotten_rows(asked, model, given(model), target="label")
    assert words in str(error.value)
    assert "nobody" not in error.value.what


def test_the_kind_of_a_model(model: Model) -> None:
    def of(shape: tuple[int, ...], kind: Kind = Kind.TABLE, labels: tuple[int, ...] = (2,)) -> str:
        from strongroom.attacks import Rows

        rows = Rows(np.zeros(shape, np.float32), np.zeros(labels, np.int64))
        return model_kind(object(), Given(rows, None, kind))

    assert model_kind(model, given(model)) == "table"
    assert of((2, 3)) == "table"
    assert of((2, 3, 8, 8)) == "image"
    assert of((2, 64), Kind.IMAGE) == "image"
    assert of((2, 3), Kind.TEXT) == "text"
    assert of((2, 9), labels=(2, 9)) == "language"


def test_an_audit_from_python_of_an_estimator_and_of_a_function() -> None:
    rows, others = table(0).to_pandas(), table(1).to_pandas()
    estimator = sklearn.LogisticRegression().fit(rows[["a", "b"]], rows["label"])
    by_frame = sr.audit(
        estimator, members=rows, nonmembers=others, target="label", attacks=["membership.loss"]
    )
    x, y = (f[["a", "b"]].to_numpy() for f in (rows, others))
    unnamed = sklearn.LogisticRegression().fit(x, rows["label"])
    by_function = sr.audit(
        lambda inputs: unnamed.predict_proba(np.asarray(inputs)),
        members=x,
        nonmembers=y,
        labels=(rows["label"], others["label"]),
        classes=["no", "yes"],
        attacks=["membership.loss"],
    )
    first, second = (a.findings["membership.auc"] for a in (by_frame, by_function))
    assert first.value == pytest.approx(second.value)
    assert first.interval is not None
    assert by_frame.examined["format"] == "sklearn"
    assert by_frame.findings["privacy.epsilon"].reason.startswith("nothing is claimed")
    assert "membership" in str(by_function)
