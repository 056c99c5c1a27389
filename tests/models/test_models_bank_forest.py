# ruff: noqa: ANN401 - settings of every type
"""If this fails, shadows of a forest aren't the forests that scikit-learn would have grown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from strongroom.attacks import Rows, Situation
from strongroom.attacks.references import FittedRecipe, recipe_of
from strongroom.attacks.references._forest import ForestRecipe
from strongroom.models.bank import ForestSpec, forest_probabilities
from strongroom.models.foreign import SklearnModel
from strongroom.progress import SILENT

if TYPE_CHECKING:
    from numpy.typing import NDArray


def rows(n: int, classes: int = 2, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    coins = np.random.default_rng(seed)
    inputs = coins.normal(size=(n, 8)).astype(np.float32)
    inputs[:, 4:] = inputs[:, 4:] > 0  # half of the columns are yes or no
    inputs[:, 3] = coins.integers(0, 10, n)
    score = inputs[:, 0] + inputs[:, 4] * inputs[:, 1] + coins.normal(0, 0.7, n)
    return inputs, np.searchsorted(np.quantile(score, np.arange(1, classes) / classes), score)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    ("deepest", "smallest_split", "smallest_leaf"), [(None, 2, 1), (4, 2, 1), (None, 9, 5)]
)
def test_a_tree_on_all_columns_is_scikit_learns_own(
    classes: int, deepest: int | None, smallest_split: int, smallest_leaf: int
) -> None:
    inputs, labels = rows(400, classes)
    spec = ForestSpec(1, False, None, deepest, smallest_split, smallest_leaf)
    member = np.arange(400) < 300
    found = forest_probabilities(spec, inputs, labels, classes, member[None], inputs, seeds=[5])[0]
    trees = [
        DecisionTreeClassifier(
            max_depth=deepest,
            min_samples_split=smallest_split,
            min_samples_leaf=smallest_leaf,
            random_state=state,
        ).fit(inputs[:300], labels[:300])
        for state in range(6)
    ]
    wanted = [tree.predict_proba(inputs) for tree in trees]

    def agree(a: NDArray[Any], b: NDArray[Any]) -> float:
        return float((np.abs(a - b).max(axis=1) < 1e-6).mean())

    # Of cuts that are equally good scikit-learn takes one by its seed: its own trees differ, too.
    least = min(agree(one, wanted[0]) for one in wanted[1:])
    assert max(agree(found, one) for one in wanted) >= least > 0.7


@pytest.mark.parametrize("features", ["sqrt", "log2", 3, 0.5, None])
def test_forests_are_as_good_and_as_sure_as_scikit_learns(features: Any) -> None:
    inputs, labels = rows(1_200)
    learn, test = slice(0, 600), slice(600, 1_200)
    member = np.arange(1_200) < 600
    settings: dict[str, Any] = {"n_estimators": 60, "max_features": features}
    spec = ForestSpec.of(RandomForestClassifier(**settings).get_params(deep=False))
    assert spec is not None
    seeds = list(range(6))
    members = np.repeat(member[None], 6, axis=0)
    ours = forest_probabilities(spec, inputs, labels, 2, members, inputs, seeds=seeds)
    theirs = np.stack([
        RandomForestClassifier(**settings, random_state=s)
        .fit(inputs[learn], labels[learn])
        .predict_proba(inputs)
        for s in seeds
    ])  # fmt: skip
    for part in (learn, test):
        index = np.arange(1_200)[part]
        own = np.stack([p[index, labels[part]] for p in ours])
        other = np.stack([p[index, labels[part]] for p in theirs])
        # Means over 600 rows of six forests each; they differ by about 0.002 by chance.
        assert abs(own.mean() - other.mean()) < 0.01
        assert abs((own > 0.5).mean() - (other > 0.5).mean()) < 0.015
        # Per row, the mean of six of ours is as near to theirs as halves of theirs are.
        halves = np.abs(other[:3].mean(0) - other[3:].mean(0)).mean()
        assert np.abs(own.mean(0) - other.mean(0)).mean() < halves
    np.testing.assert_allclose(ours.sum(axis=2), 1, atol=1e-5)


def test_a_forest_goes_by_its_seed_and_its_rows() -> None:
    inputs, labels = rows(200)
    member = np.random.default_rng(0).random((3, 200)) < 0.5
    member[2] = member[0]
    found = forest_probabilities(ForestSpec(10), inputs, labels, 2, member, inputs, seeds=[1, 1, 1])
    again = forest_probabilities(
        ForestSpec(10), inputs, 1 - labels, 2, member[:1], inputs[:7], seeds=[2]
    )
    assert np.array_equal(found[0], found[2])
    assert not np.array_equal(found[0], found[1])
    assert again.shape == (1, 7, 2)
    other = labels.copy()
    other[~member[0]] = 1 - other[~member[0]]
    same = forest_probabilities(ForestSpec(10), inputs, other, 2, member[:1], inputs, seeds=[1])
    assert np.array_equal(found[0], same[0])


def test_values_far_apart_are_cut_half_way_as_scikit_learn_does() -> None:
    coins = np.random.default_rng(0)
    inputs = coins.normal(size=(4_000, 1)).astype(np.float32)
    labels = (inputs[:, 0] > 0.3).astype(np.int64)
    member = coins.random(4_000) < 0.05
    spec = ForestSpec(1, bootstrap=False, features=None)
    found = forest_probabilities(spec, inputs, labels, 2, member[None], inputs, seeds=[0])[0]
    tree = DecisionTreeClassifier().fit(inputs[member], labels[member])
    np.testing.assert_allclose(found, tree.predict_proba(inputs), atol=1e-6)


def target(**settings: Any) -> SklearnModel:
    inputs, labels = rows(200)
    fitted = RandomForestClassifier(8, **settings).fit(inputs, labels)
    return SklearnModel(fitted, classes=("no", "yes"))


def test_settings_that_these_loops_lack_go_to_scikit_learn() -> None:
    inputs, labels = rows(100)
    given = Rows(inputs, labels)

    def recipe(**settings: Any) -> object:
        return recipe_of(Situation(target(**settings), given, given))

    assert isinstance(recipe(), ForestRecipe)
    for settings in ({"criterion": "entropy"}, {"max_samples": 0.5}, {"class_weight": "balanced"}):
        assert isinstance(recipe(**settings), FittedRecipe)


def test_rows_that_are_no_plain_numbers_go_to_scikit_learn() -> None:
    inputs, labels = rows(100)
    inputs[0, 0] = np.nan  # scikit-learn's forests take it
    recipe = ForestRecipe.of(target())
    assert recipe is not None
    member = np.random.default_rng(0).random((2, 100)) < 0.5
    models = recipe.train(
        Rows(inputs, labels), 2, member, seed=0, first=0, learnt=50, progress=SILENT
    )
    assert type(models).__name__ == "FittedModels"
    assert models.confidence(Rows(inputs, labels)).shape == (2, 100)
