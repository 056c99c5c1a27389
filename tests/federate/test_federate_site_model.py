"""If this fails, sites would build other models than the coordinator, or one too large to hold."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.federate.one_site import people, recipe, table_model

from strongroom.config import TrainSpec
from strongroom.errors import InputError
from strongroom.federate._model import MOST_PARAMETERS, Blueprint
from strongroom.models import ImageModel, ImageShape, LanguageModel, TextModel, TextShape

if TYPE_CHECKING:
    from strongroom.models import TrainedModel

CNN = ImageModel(ImageShape("cnn", 28, 28, 1), "image", ("a", "b"), target="y")
WAVES = ImageModel(ImageShape("scattering", 16, 16, 1), "image", ("a", "b"), target="y")
NGRAM = TextModel(TextShape("ngram", 512, 64), "text", ("a", "b"), target="y")
SMALL = TextShape("text-classifier", 512, 16, 16, 1, 2)
WORDS = TextModel(SMALL, "text", ("a", "b", "c"), target="y")
BYTES = LanguageModel(TextShape("language-model", 0, 16, 16, 1, 2), "text")


def blueprint(model: TrainedModel, kind: str, **changes: Any) -> Blueprint:  # noqa: ANN401
    meta = json.loads(json.dumps(model.meta())) | changes
    return Blueprint.of(recipe(train=TrainSpec.model_validate({"model": kind}), model=meta))


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (table_model(), "logistic"),
        (table_model((8, 4)), "mlp"),
        (CNN, "cnn"),
        (WAVES, "scattering"),
        (NGRAM, "ngram"),
        (WORDS, "text-classifier"),
        (BYTES, "language-model"),
    ],
)
def test_a_model_is_made_from_what_it_says_of_itself(model: TrainedModel, kind: str) -> None:
    made, other = blueprint(model, kind), blueprint(model, kind)
    assert made.model.meta() == model.meta()
    assert made.size == sum(p.numel() for p in model.network.parameters())
    first = made.initial(b"one")
    assert first.dtype == np.float32
    assert first.shape == (made.size,)
    np.testing.assert_array_equal(first, made.parameters())
    other.load(first)
    assert other.digest() == made.digest()
    drawn = np.random.default_rng(0).normal(size=made.size).astype(np.float32)
    other.load(drawn)
    np.testing.assert_array_equal(other.parameters(), drawn)
    assert other.digest() != made.digest()
    np.testing.assert_array_equal(other.initial(b"one"), first)


def test_other_coins_other_parameters() -> None:
    made = blueprint(table_model((8,)), "mlp")
    assert not np.array_equal(made.initial(b"one"), made.initial(b"two"))


@pytest.mark.parametrize(
    "vector", [np.zeros(3, np.float32), np.zeros((2, 2), np.float32), np.full(12, np.nan)]
)
def test_parameters_that_are_another_model_s(vector: np.ndarray) -> None:
    made = blueprint(table_model(), "logistic")
    with pytest.raises(InputError):
        made.load(vector)
    with pytest.raises(InputError, match="finite"):
        made.load(np.full(made.size, np.inf))


def test_what_it_reads() -> None:
    assert blueprint(table_model(), "logistic").columns == ("x", "job")
    assert blueprint(CNN, "cnn").columns == ("image",)


def test_a_model_that_would_not_fit_into_memory_is_counted_and_not_made() -> None:
    huge = {"hidden": [16_384] * 32}
    with pytest.raises(InputError, match="parameters"):
        blueprint(table_model(), "mlp", **huge)
    most = TextShape("ngram", 2**22, 64)
    meta = copy.deepcopy(NGRAM.meta()) | {"classes": [str(i) for i in range(10_000)]}
    meta["shape"]["buckets"] = most.buckets
    with pytest.raises(InputError, match=f"{MOST_PARAMETERS:,}"):
        Blueprint.of(recipe(train=TrainSpec(model="ngram"), model=meta))


def test_every_damaged_description_is_refused() -> None:
    whole = table_model().meta()
    damaged: list[dict[str, Any]] = [
        {},
        {"format": "strongroom/additive-model/1"},
        whole | {"hidden": [0]},
        whole | {"hidden": [16_385]},
        whole | {"hidden": [1.5]},
        whole | {"classes": ["no"]},
        whole | {"classes": "no"},
        whole | {"encoder": []},
        whole | {"more": 1},
        {k: v for k, v in whole.items() if k != "target"},
    ]
    for name, value in [
        ("start", 1),
        ("stop", 7),
        ("knots", [0.0, 0.0, 1.0, 2.0, 3.0]),
        ("knots", [-3.0, float("nan"), 0.0, 1.0, 3.0]),
        ("kind", "image"),
        ("buckets", 10**9),
        ("categories", ["a"]),
        ("reference", [99]),
        ("bins", [1.0, 0.0]),
    ]:
        broken = copy.deepcopy(whole)
        broken["encoder"][0][name] = value
        damaged.append(broken)
    for meta in damaged:
        with pytest.raises(InputError):
            Blueprint.of(recipe(model=meta))
    for shape in ({"height": 10**6}, {"colours": 2}, {"angles": 17}, {"kind": "ngram"}):
        with pytest.raises(InputError):
            blueprint(CNN, "cnn", shape=CNN.meta()["shape"] | shape)
    for shape in ({"width": 15}, {"layers": 10**6}, {"buckets": 0}, {"kind": "language-model"}):
        with pytest.raises(InputError):
            blueprint(WORDS, "text-classifier", shape=WORDS.meta()["shape"] | shape)


def test_another_model_than_the_recipe_names() -> None:
    for kind in ("cnn", "ngram", "trees"):
        with pytest.raises(InputError, match="another model"):
            blueprint(table_model(), kind)
    with pytest.raises(InputError, match="another model"):
        blueprint(CNN, "scattering")
    with pytest.raises(InputError, match="another model"):
        blueprint(table_model((8,)), "logistic")


def test_rows_are_read_as_the_description_says() -> None:
    made = blueprint(table_model(), "logistic")
    rows, _ = made.model.read(people(5))
    np.testing.assert_array_equal(rows, table_model().read(people(5))[0])
