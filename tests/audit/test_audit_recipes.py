"""If this fails, an audit trains other models than the one at hand, or doesn't say so."""

# ruff: noqa: ANN401 - models of every kind

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.ensemble import RandomForestClassifier

from strongroom.attacks import NotEvaluable, Rows, Situation
from strongroom.attacks.references import ReferenceModels, Shadows, recipe_of
from strongroom.attacks.references._networks import FeatureRecipe, ImageRecipe
from strongroom.attacks.references._surrogate import Surrogate
from strongroom.audit._recipes import TrainRecipe, recipe_for
from strongroom.config import TrainSpec
from strongroom.data import Dataset, Role
from strongroom.models import ImageModel, ImageShape, TextModel, TextShape, train_bank
from strongroom.models._additive import AdditiveModel
from strongroom.models.foreign import CallableModel
from strongroom.train import train_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

N = 80


def halves(rows: Rows) -> tuple[Rows, Rows]:
    middle = len(rows) // 2
    return rows.take(np.arange(middle)), rows.take(np.arange(middle, len(rows)))


def made(
    situation: Situation, count: int = 4
) -> tuple[Any, NDArray[np.float32], NDArray[np.bool_]]:
    """Return the recipe that is chosen, what its models say, and what they learnt from."""
    recipe = recipe_for(situation)
    assert not isinstance(recipe, NotEvaluable)
    references = ReferenceModels(recipe, count, len(situation.members))
    shadows = references.on(situation.pool(), len(situation.target.classes))
    assert isinstance(shadows, Shadows)
    signal = shadows.confidence()
    assert np.isfinite(signal).all()
    again = ReferenceModels(recipe, count, len(situation.members)).on(
        situation.pool(), len(situation.target.classes)
    )
    assert isinstance(again, Shadows)
    assert np.array_equal(signal, again.confidence())
    return recipe, signal, shadows.membership


def texts(n: int = N) -> Dataset:
    coins = np.random.default_rng(0)
    words = np.array(["red", "blue", "green", "fast", "slow", "old", "new", "big"])
    rows = [" ".join(coins.choice(words, 6)) for _ in range(n)]
    labels = ["yes" if coins.random() < 0.5 else "no" for _ in rows]
    table = pa.table({"text": rows, "label": labels})
    return Dataset(table, roles={"label": Role.TARGET})


def gap(signal: NDArray[np.float32], membership: NDArray[np.bool_]) -> float:
    return float(signal[membership].mean() - signal[~membership].mean())


@pytest.mark.parametrize("model", ["ngram", "text-classifier"])
def test_text_models_have_shadows_of_their_own_recipe(model: str) -> None:
    spec = TrainSpec.model_validate({
        "model": model, "epochs": 20, "batch_size": 16, "seed": 1, "learning_rate": 0.05,
        "text": {"width": 16, "layers": 1, "heads": 2, "length": 16, "buckets": 256},
    })  # fmt: skip
    result = train_model(texts(), spec)
    members, others = halves(Rows(*result.model.read(texts())))
    situation = Situation(result.model, members, others, train_spec=spec, kind="text")
    recipe, signal, membership = made(situation)
    assert isinstance(recipe, FeatureRecipe if model == "ngram" else TrainRecipe)
    assert recipe.origin == "own"
    assert gap(signal, membership) > 0.5  # labels by chance: what they know, they remember


def test_a_bag_of_tokens_is_the_network_of_ngrams() -> None:
    shape = TextShape("ngram", buckets=128, length=32)
    model = TextModel(shape, "text", ("no", "yes"), target="label")
    inputs, labels = model.read(texts())
    spec = TrainSpec(epochs=5, batch_size="full", optimizer="sgd", learning_rate=1.0)
    recipe = FeatureRecipe.__new__(FeatureRecipe)
    object.__setattr__(recipe, "buckets", 128)
    entries = recipe.read(inputs)
    bank = train_bank(spec, entries, labels, 2, np.ones((1, N), np.bool_), bias=False)
    assert (bank.biases[0] == 0).all()
    import torch

    model.network.load_state_dict({"bag.weight": torch.from_numpy(bank.weights[0][0].T.copy())})
    from strongroom.models.bank import BankReader

    found = BankReader(bank, entries).logits(range(1))[0]
    np.testing.assert_allclose(found, model.logits(inputs), rtol=1e-4, atol=1e-5)


def test_language_models_have_shadows_of_their_own_recipe() -> None:
    spec = TrainSpec.model_validate({
        "model": "language-model", "epochs": 30, "batch_size": 8, "seed": 1,
        "learning_rate": 0.01, "text": {"width": 16, "layers": 1, "heads": 2, "length": 32},
    })  # fmt: skip
    result = train_model(texts(40), spec)
    members, others = halves(Rows(*result.model.read(texts(40))))
    situation = Situation(result.model, members, others, train_spec=spec, kind="language")
    recipe, signal, membership = made(situation)
    assert isinstance(recipe, TrainRecipe)
    assert gap(signal, membership) > 0.01


def table(n: int = N) -> Dataset:
    coins = np.random.default_rng(0)
    age = coins.integers(20, 70, n)
    sex = coins.choice(["f", "m"], n)
    label = np.where(age + coins.normal(0, 10, n) > 45, "yes", "no")
    return Dataset(pa.table({"age": age, "sex": sex, "label": label}), roles={"label": Role.TARGET})


@pytest.mark.parametrize("private", [False, True])
def test_trees_have_shadows_of_their_own_recipe(private: bool) -> None:
    spec = TrainSpec.model_validate({
        "model": "trees", "seed": 1, "trees": {"rounds": 20},
        "privacy": {"epsilon": 3.0} if private else None,
    })  # fmt: skip
    model = train_model(table(), spec).model
    assert isinstance(model, AdditiveModel)
    members, others = halves(Rows(*model.read(table())))
    recipe, _, _ = made(Situation(model, members, others, train_spec=spec))
    assert isinstance(recipe, TrainRecipe)
    said = recipe.describe()["shadows_trained"]
    assert said == ("privately, like the target" if private else "without privacy")


@pytest.mark.parametrize("model", ["cnn", "scattering"])
def test_image_models_have_shadows_of_their_own_recipe(model: Any) -> None:
    coins = np.random.default_rng(0)
    pixels = coins.integers(0, 256, (40, 1, 16, 16)).astype(np.uint8)
    shape = ImageShape(model, 16, 16, 1)
    target = ImageModel(shape, "image", ("a", "b"), target="label")
    rows = Rows(shape.inputs(pixels), coins.integers(0, 2, 40))
    spec = TrainSpec.model_validate(
        {"model": model, "epochs": 30, "batch_size": 8, "learning_rate": 0.003}
    )
    members, others = halves(rows)
    situation = Situation(target, members, others, train_spec=spec, kind="image")
    recipe, signal, membership = made(situation)
    assert isinstance(recipe, ImageRecipe if model == "cnn" else FeatureRecipe)
    assert gap(signal, membership) > 0.3


def numbers(n: int = 600) -> Rows:
    coins = np.random.default_rng(0)
    inputs = coins.normal(size=(n, 6)).astype(np.float32)
    inputs[:, 0] = inputs[:, 0] * 40_000 + 90_000  # in units that no network likes
    inputs[coins.random((n, 6)) < 0.02] = np.nan
    labels = (np.nan_to_num(inputs[:, 1]) + coins.normal(0, 1, n) > 0).astype(np.int64)
    return Rows(inputs, labels)


def test_without_a_recipe_the_nearest_stand_in_is_found_and_said() -> None:
    rows = numbers()
    members, others = halves(rows)
    forest = RandomForestClassifier(50, random_state=0).fit(members.inputs, members.labels)
    target = CallableModel(forest.predict_proba, ("no", "yes"))
    situation = Situation(target, members, others)
    recipe, signal, membership = made(situation, count=6)
    assert isinstance(recipe, Surrogate)
    assert recipe.origin == "surrogate"
    assert recipe.describe()["stand_in"] == "forest grown to purity"
    assert gap(signal, membership) > 1
    smooth = CallableModel(
        lambda x: _sigmoid(np.nan_to_num(np.asarray(x))[:, 1] * 1.2), ("no", "yes")
    )
    situation = Situation(smooth, members, others)
    recipe, _, _ = made(situation, count=6)
    assert recipe.describe()["stand_in"] in {"logistic regression", "MLP 32, 10 epochs"}


def _sigmoid(z: NDArray[Any]) -> NDArray[np.float32]:
    p = 1 / (1 + np.exp(-z))
    return np.stack([1 - p, p], axis=1).astype(np.float32)


def test_images_and_tokens_have_stand_ins_too() -> None:
    coins = np.random.default_rng(0)
    labels = coins.integers(0, 2, 60)
    pixels = coins.integers(0, 256, (60, 1, 16, 16)).astype(np.uint8)
    tokens = coins.integers(0, 200, (60, 12)).astype(np.int64)
    for inputs, kind in ((pixels, "image"), (tokens, "text")):
        members, others = halves(Rows(inputs, labels))
        target = CallableModel(lambda x: np.full((len(x), 2), 0.5), ("a", "b"))
        situation = Situation(target, members, others, kind=kind)  # type: ignore[arg-type]
        recipe, _, _ = made(situation)
        assert isinstance(recipe, Surrogate)


def test_where_nothing_can_stand_in_the_reason_is_said() -> None:
    words = Rows(np.array([["a"], ["b"]], object), np.array([0, 1]))
    target = CallableModel(lambda x: np.full((len(x), 2), 0.5), ("a", "b"))
    found = recipe_of(Situation(target, words, words))
    assert isinstance(found, NotEvaluable)
    assert "no stand-in for inputs of type object" in found.reason
    target.fixed = True
    found = recipe_of(Situation(target, numbers(8), numbers(8)))
    assert isinstance(found, NotEvaluable)
    assert "only predictions were given" in found.reason
