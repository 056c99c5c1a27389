"""If this fails, a model that was trained in shards is attacked by models that are not like it."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from strongroom.attacks import NotEvaluable, RocResult, Rows, Situation, load_attack
from strongroom.attacks.references import BankRecipe, recipe_of
from strongroom.attacks.references._sharded import ShardedRecipe
from strongroom.config import ColumnSpec, TrainSpec
from strongroom.data import Dataset, Role
from strongroom.progress import SILENT
from strongroom.train import train_model

SPEC = TrainSpec(
    model="mlp", hidden=(32,), epochs=60, batch_size="full", learning_rate=0.02, average=False,
    shards=3, compare=False,
)  # fmt: skip


def drawn(rows: int, seed: int) -> Rows:
    coins = np.random.default_rng(seed)
    return Rows(coins.normal(size=(rows, 12)).astype(np.float32), coins.integers(0, 2, rows))


def test_a_reference_is_the_mean_of_its_shards() -> None:
    rows = drawn(120, 1)
    membership = np.random.default_rng(0).random((4, 120)) < 0.5
    recipe = ShardedRecipe(BankRecipe(SPEC.model_copy(update={"shards": 1})), 3)
    made = recipe.train(rows, 2, membership, seed=5, first=0, learnt=60.0, progress=SILENT)
    odds = made.fitted.confidence(rows).astype(np.float64).reshape(4, 3, 120)
    chance = (1 / (1 + np.exp(-odds))).mean(axis=1)
    assert made.confidence(rows) == pytest.approx(np.log(chance / (1 - chance)), rel=1e-3, abs=1e-3)
    # Numbers that are named apart: a cache never takes one for the other.
    assert json.dumps(recipe.identity()) != json.dumps(recipe.shard.identity())
    assert recipe.origin == "own"


def test_models_trained_one_by_one_are_those_trained_together() -> None:
    rows = drawn(60, 1)
    membership = np.random.default_rng(0).random((4, 60)) < 0.5
    recipe = ShardedRecipe(BankRecipe(SPEC.model_copy(update={"shards": 1, "epochs": 5})), 3)
    whole = recipe.train(rows, 2, membership, seed=5, first=0, learnt=30.0, progress=SILENT)
    last = recipe.train(rows, 2, membership[3:], seed=5, first=3, learnt=30.0, progress=SILENT)
    assert last.confidence(rows)[0] == pytest.approx(whole.confidence(rows)[3], abs=1e-3)


def test_the_members_of_a_sharded_model_are_found() -> None:
    coins = np.random.default_rng(0)
    inputs = coins.normal(size=(1_000, 10))
    labels = np.array(["no", "yes"])[coins.integers(0, 2, 1_000)]
    table = pa.table({f"c{i}": inputs[:, i] for i in range(10)}).append_column(
        "y", pa.array(labels)
    )
    data = Dataset(table, roles={"y": Role.TARGET})
    told = {f"c{i}": ColumnSpec(range=(-3, 3), knots=(-1, 0, 1)) for i in range(10)}
    model = train_model(data.with_table(table.slice(0, 500)), SPEC, columns=told).model
    inside, outside = (
        Rows(*model.read(data.with_table(table.slice(start, 500)))) for start in (0, 500)
    )
    situation = Situation(model, inside, outside, train_spec=SPEC, shadows=8)
    assert isinstance(recipe_of(situation), ShardedRecipe)
    found = load_attack("membership.lira").run(situation)
    assert not isinstance(found, NotEvaluable)
    assert isinstance(found, RocResult)
    assert found.auc_low > 0.6
