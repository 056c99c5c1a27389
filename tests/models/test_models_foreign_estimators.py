"""If this fails, an audit asks an estimator about other rows than those that it was given.

Or it trains its shadows by another recipe than the target's.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from pandas import read_csv
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from tests.models.conformance import check_model

from strongroom.data import Dataset, Kind, raw, read_dataset
from strongroom.errors import DataError, InputError
from strongroom.models import open_model

if TYPE_CHECKING:
    import pandas as pd

ADULT = Path(__file__).parents[1] / "data" / "adult_sample.csv"
TARGET = "income"
NUMBERS = ["age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"]


def adult() -> tuple[Dataset, Dataset, pd.DataFrame, pd.Series]:
    whole = read_dataset(ADULT)
    members = whole.with_table(whole.table.slice(0, 300))
    others = whole.with_table(whole.table.slice(300, 100))
    # As pandas reads it: "?" is a text there, and missing to our readers.
    frame = read_csv(ADULT).iloc[:300]
    return members, others, frame.drop(columns=[TARGET]), frame[TARGET]


def mixed(last: Any) -> Any:  # noqa: ANN401 - scikit-learn has no types
    texts = OneHotEncoder(handle_unknown="ignore")
    chosen = ColumnTransformer(
        [("texts", texts, make_column_selector(dtype_exclude="number"))],
        remainder=StandardScaler(),
    )
    return make_pipeline(chosen, last)


class Labels(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Says labels only: whether the first column is above its mean."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Any:  # noqa: ANN401, N803
        self.classes_, self.mean_ = np.unique(y), X[:, 0].mean()
        return self

    def predict(self, X: np.ndarray) -> Any:  # noqa: ANN401, N803
        return self.classes_[(X[:, 0] > self.mean_).astype(int)]


class Watcher(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Keeps what it is asked about."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.classes_ = np.array([0, 1])
        self.feature_names_in_ = np.array(names)
        self.seen: list[pd.DataFrame] = []

    def predict(self, X: pd.DataFrame) -> Any:  # noqa: ANN401, N803
        return self.predict_proba(X).argmax(axis=1)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:  # noqa: N803
        self.seen.append(X)
        return np.full((len(X), 2), 0.5)


ESTIMATORS = [
    mixed(LogisticRegression(max_iter=200)),
    mixed(RandomForestClassifier(10, random_state=3)),
    mixed(LinearSVC()),
    mixed(Perceptron()),
    mixed(GridSearchCV(LogisticRegression(max_iter=50), {"C": [0.1, 1.0]}, cv=2)),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e.steps[-1][1]).__name__)
def test_frames_go_in_as_they_were(estimator: Any) -> None:  # noqa: ANN401
    members, others, frame, labels = adult()
    estimator.fit(frame, labels)
    opened = open_model(estimator, target=TARGET)
    check_model(opened.model, members, others)
    inputs, codes = opened.read(members)
    assert inputs.dtype == np.float32
    model: Any = opened.model
    said = np.array(model.classes)[model.predict_proba(inputs).argmax(axis=1)]
    np.testing.assert_array_equal(said, estimator.predict(frame))
    np.testing.assert_array_equal(np.array(model.classes)[codes], labels)
    if hasattr(estimator, "predict_proba"):
        np.testing.assert_allclose(
            model.predict_proba(inputs), estimator.predict_proba(frame), atol=1e-6
        )


@pytest.mark.parametrize(
    ("estimator", "soft"),
    [
        (GaussianNB(), True),
        (DecisionTreeClassifier(random_state=0), True),
        (KNeighborsClassifier(), True),
        (Labels(), False),
    ],
    ids=lambda v: type(v).__name__,
)
def test_plain_arrays(estimator: Any, soft: bool) -> None:  # noqa: ANN401
    members, others, frame, labels = adult()
    estimator.fit(frame[NUMBERS].to_numpy(), labels)
    model: Any = open_model(estimator, target=TARGET, columns=NUMBERS).model
    assert model.soft is soft
    check_model(model, members, others)


def test_categories_of_pandas() -> None:
    lightgbm = pytest.importorskip("lightgbm")
    members, others, frame, labels = adult()
    texts = frame.select_dtypes(exclude="number").columns
    frame = frame.astype(dict.fromkeys(texts, "category"))
    for estimator in (
        lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1),
        HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype"),
    ):
        estimator.fit(frame, labels)
        model: Any = open_model(estimator, target=TARGET).model
        check_model(model, members, others)
        np.testing.assert_allclose(
            model.predict_proba(model.read(members)[0]), estimator.predict_proba(frame), atol=1e-6
        )


def test_an_estimator_of_xgboost() -> None:
    xgboost = pytest.importorskip("xgboost")
    members, others, frame, labels = adult()
    codes = (labels == ">50K").astype(int)
    estimator = xgboost.XGBClassifier(
        n_estimators=20, max_depth=3, early_stopping_rounds=3, n_jobs=1
    )
    estimator.fit(frame[NUMBERS], codes, eval_set=[(frame[NUMBERS], codes)], verbose=False)
    model: Any = open_model(estimator, target=TARGET, classes=["<=50K", ">50K"]).model
    check_model(model, members, others)
    assert model.recipe["settings"]["early_stopping_rounds"] is None


def test_texts_go_to_a_vectorizer_as_they_are() -> None:
    words = ["good bread", "bad milk", "good milk", "bad bread", None, "good day"]
    dataset = Dataset(pa.table({"said": words, "mood": ["+", "-", "+", "-", "-", "+"]}))
    estimator = make_pipeline(TfidfVectorizer(), LogisticRegression())
    estimator.fit([w or "" for w in words], dataset.table["mood"].to_pylist())
    model: Any = open_model(estimator, target="mood").model
    check_model(model, dataset, dataset)
    inputs, _ = model.read(dataset)
    np.testing.assert_allclose(
        model.predict_proba(inputs), estimator.predict_proba([w or "" for w in words]), atol=1e-6
    )


def test_images_are_laid_out_flat() -> None:
    coins = np.random.default_rng(0)
    pixels = coins.integers(0, 256, (12, 4, 5, 1), np.uint8)
    dataset = Dataset(
        pa.table({"image": [raw(p) for p in pixels], "label": ["a", "b"] * 6}), kind=Kind.IMAGE
    )
    estimator = LogisticRegression().fit(pixels.reshape(12, -1) / 255, ["a", "b"] * 6)
    model: Any = open_model(estimator, target="label").model
    inputs, _ = model.read(dataset)
    np.testing.assert_allclose(inputs, pixels.reshape(12, -1) / 255, atol=1e-6)
    check_model(model, dataset, dataset)


def test_values_survive_to_the_last_bit() -> None:
    """A threshold may lie between two neighbours in float64: float32 would join them."""
    values = [1 / 3, np.nextafter(1 / 3, 1)]
    estimator = Watcher(["x"])
    model: Any = open_model(estimator, target="y").model
    inputs, _ = model.read(Dataset(pa.table({"x": values, "y": [0, 1]})))
    assert inputs.dtype == np.float64
    assert estimator.seen[-1]["x"].tolist() == values


def test_kinds_of_columns_come_back() -> None:
    table = pa.table(
        {
            "when": [date(2020, 1, day) for day in range(1, 9)],
            "member": [True, False] * 4,
            "whole": [1, 2, 3, None, 5, 6, 7, 8],
            "word": ["x", None, "z", "x", "y", "x", "z", "y"],
            "y": [0, 1] * 4,
        }
    )
    estimator = Watcher(["when", "member", "whole", "word"])
    model: Any = open_model(estimator, target="y").model
    model.predict_proba(model.read(Dataset(table))[0])
    last = estimator.seen[-1]
    assert last["when"].dt.day.tolist() == list(range(1, 9))
    assert last["member"].tolist() == [True, False] * 4
    assert last["whole"].isna().tolist() == [False] * 3 + [True] + [False] * 4
    assert [w if isinstance(w, str) else None for w in last["word"]] == table["word"].to_pylist()


@pytest.mark.parametrize(
    ("classes", "values"),
    [
        ([0, 1], [0, 1]),
        ([0, 1], [0.0, 1.0]),
        ([0, 1], ["0", "1"]),
        ([0, 1], [False, True]),
        ([0.0, 1.0], [0, 1]),
        ([False, True], [False, True]),
        ([False, True], [0, 1]),
        (["01", "1"], ["01", "1"]),
    ],
)
def test_labels_mean_the_same_however_they_are_written(
    classes: list[Any], values: list[Any]
) -> None:
    estimator = GaussianNB().fit([[0.0], [1.0]], classes)
    dataset = Dataset(pa.table({"x": [0.0, 1.0], "y": pa.array(values)}))
    _, labels = open_model(estimator, target="y").read(dataset)
    np.testing.assert_array_equal(labels, [0, 1])


def test_what_does_not_fit_is_said() -> None:
    members, _, frame, labels = adult()
    estimator = mixed(LogisticRegression(max_iter=50)).fit(frame, labels)
    opened = open_model(estimator, target=TARGET)
    lacking = members.with_table(members.table.drop_columns(["age"]))
    with pytest.raises(DataError, match='takes the column "age", which these rows do not have'):
        opened.read(lacking)
    with pytest.raises(DataError, match='no column "incme"') as caught:
        open_model(estimator, target="incme").read(members)
    assert caught.value.hint == 'did you mean "income"?'
    with pytest.raises(DataError, match="which column does the model predict"):
        open_model(estimator).read(members)
    renamed = members.table.set_column(
        members.table.column_names.index(TARGET), TARGET, pa.array(["secret"] * members.rows)
    )
    with pytest.raises(DataError, match="300 rows hold a label that the model never saw") as told:
        opened.read(members.with_table(renamed))
    assert "secret" not in str(told.value)
    assert '"<=50K", ">50K"' in str(told.value)
    fewer = DecisionTreeClassifier().fit(frame[NUMBERS[:3]].to_numpy(), labels)
    with pytest.raises(DataError, match='takes 3 columns, and these rows have 14 beside "income"'):
        open_model(fewer, target=TARGET).read(members)


def test_errors_of_the_model_quote_no_values() -> None:
    members, _, frame, labels = adult()
    estimator = GaussianNB().fit(frame[NUMBERS].to_numpy(), labels)
    texts = ["workclass", *NUMBERS[1:]]
    with pytest.raises(DataError, match="cannot read these rows") as caught:
        open_model(estimator, target=TARGET, columns=texts).read(members)
    assert "workclass" in str(caught.value)
    assert "Private" not in str(caught.value)


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (GaussianNB(), "has no classes_"),
        (LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]), "has no classes_"),
        (DecisionTreeClassifier().fit([[0.0], [1.0]], ["a", "a"]), "the model has 1 class"),
        (
            MultiOutputClassifier(GaussianNB()).fit([[0.0], [1.0]], [[0, 1], [1, 0]]),
            "several things at once",
        ),
        ({"a": 1}, "no adapter knows what a dict is"),
    ],
    ids=str,
)
def test_what_is_no_classifier(thing: Any, said: str) -> None:  # noqa: ANN401
    with pytest.raises(InputError, match=said):
        open_model(thing)


def test_classes_are_named_in_full() -> None:
    estimator = GaussianNB().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(InputError, match="3 classes were named, and the model has 2"):
        open_model(estimator, classes=["a", "b", "c"])


def test_a_class_that_a_shadow_never_saw() -> None:
    coins = np.random.default_rng(0)
    inputs, labels = coins.normal(size=(30, 2)), np.repeat([0, 1, 2], 10)
    model: Any = open_model(GaussianNB().fit(inputs, labels)).model
    shadow = model.fit(inputs[:20], labels[:20], 0)
    found = shadow.predict_proba(inputs)
    assert found.shape == (30, 3)
    np.testing.assert_array_equal(found[:, 2], 0)


def test_seeds_reach_every_step() -> None:
    members, _, frame, labels = adult()
    estimator = mixed(RandomForestClassifier(5, n_jobs=2, random_state=0)).fit(frame, labels)
    model: Any = open_model(estimator, target=TARGET).model
    inputs, codes = model.read(members)
    first, same, other = (model.fit(inputs, codes, seed) for seed in (1, 1, 2))
    assert first.digest() == same.digest() != other.digest()
    assert first.recipe == other.recipe == model.recipe
    assert first.estimator.steps[-1][1].n_jobs == 1
    forests = [mixed(RandomForestClassifier(n)).fit(frame, labels) for n in (3, 4)]
    recipes: list[Any] = [open_model(f, target=TARGET).model for f in forests]
    assert recipes[0].recipe != recipes[1].recipe
