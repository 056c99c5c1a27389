"""If this fails, the report's accuracy or its interval is wrong."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from strongroom.errors import DataError
from strongroom.models import delong, encode_labels, find_classes, metrics, wilson


def made_up(rows: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=rows)
    scores = rng.normal(size=(rows, classes)).round(1)  # rounding makes ties
    scores[np.arange(rows), labels] += 0.8
    proba = np.exp(scores)
    return proba / proba.sum(axis=1, keepdims=True), labels


@pytest.mark.parametrize("classes", [2, 4])
def test_metrics_agree_with_scikit_learn(classes: int) -> None:
    proba, labels = made_up(700, classes)
    found = metrics(proba, labels)
    assert found["accuracy"] == pytest.approx((proba.argmax(1) == labels).mean())
    assert found["log_loss"] == pytest.approx(log_loss(labels, proba))
    theirs = roc_auc_score(labels, proba[:, 1] if classes == 2 else proba, multi_class="ovr")
    assert found["auc"] == pytest.approx(theirs)
    assert found["rows"] == 700
    assert (found["auc_interval"] is None) == (classes > 2)


def test_wilson_gives_the_textbook_interval() -> None:
    # Wilson (1927) for 81 of 263, as in Newcombe (1998), table I.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20)[0] == 0
    assert wilson(20, 20)[1] == 1


def test_delongs_interval_covers_the_true_area() -> None:
    hits, truth = 0, 0.7602499389  # Φ(1/√2) for two unit normals one apart
    for seed in range(300):
        rng = np.random.default_rng(seed)
        scores = np.concatenate([rng.normal(1, 1, 60), rng.normal(0, 1, 90)])
        _, low, high = delong(scores, np.arange(150) < 60)
        hits += low <= truth <= high
    # 95 % nominal; 300 trials: outside [0.90, 0.985] has a chance below 1e-3.
    assert 270 <= hits <= 295


def test_one_example_of_a_class_has_no_variance_but_an_area() -> None:
    area, low, high = delong(np.array([0.9, 0.1, 0.2]), np.array([True, False, False]))
    assert (area, low, high) == (1.0, 1.0, 1.0)


def test_without_both_classes_there_is_no_area() -> None:
    found = metrics(np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([0, 0]))
    assert (found["auc"], found["auc_interval"], found["accuracy"]) == (None, None, 1.0)


def test_labels_are_compared_as_text() -> None:
    assert encode_labels(pa.array([1, 0, 1]), ("0", "1")).tolist() == [1, 0, 1]
    column = pa.chunked_array([pa.array(["b", "a"]).dictionary_encode()])
    assert encode_labels(column, ("a", "b")).tolist() == [1, 0]
    assert find_classes(pa.array(["b", None, "a", "b"])) == ("a", "b")


def test_unknown_labels_are_counted_never_shown() -> None:
    with pytest.raises(DataError, match="2 rows of the target are empty or none") as refusal:
        encode_labels(pa.array(["a", "secret", None]), ("a", "b"))
    assert "secret" not in str(refusal.value)
