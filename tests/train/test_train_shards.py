"""If this fails, who was to be deleted stays in a model, or others are trained anew for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from strongroom.attacks import Measured, Rows, Situation
from strongroom.attacks.erasure import Forgotten
from strongroom.config import ColumnSpec, PrivacySpec, TrainSpec
from strongroom.data import Dataset, Role
from strongroom.errors import ConfigError, DataError, TamperedError
from strongroom.models import ShardedModel, model_from_parts
from strongroom.privacy import MemoryLedger
from strongroom.train import Earlier, shard_of, spend_of, train_model

if TYPE_CHECKING:
    from collections.abc import Callable

SPEC = TrainSpec(
    model="mlp", hidden=(8,), epochs=6, batch_size=64, learning_rate=0.05, shards=4, compare=False
)
SECRET = b"a key of the workspace's own"


def trained(
    data: Dataset,
    columns: dict[str, ColumnSpec],
    spec: TrainSpec = SPEC,
    **more: Any,  # noqa: ANN401 - those of train_model
) -> Any:  # noqa: ANN401 - a TrainResult whose model is a ShardedModel
    result = train_model(data, spec, columns=columns, **more)
    assert isinstance(result.model, ShardedModel)
    return result


def without(data: Dataset, gone: np.ndarray) -> Dataset:
    return data.with_table(data.table.filter(pa.array(~gone)))


@pytest.mark.parametrize("model", ["logistic", "mlp", "trees"])
def test_a_deletion_trains_one_shard_again_and_nothing_else_changes(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec], model: str
) -> None:
    data = people(600)
    spec = SPEC.model_copy(update={"model": model})
    before = trained(data, columns, spec)
    gone = np.arange(600) == 17
    touched = int(shard_of(data, 4)[17])
    after = trained(without(data, gone), columns, spec, earlier=Earlier(before.model))
    assert after.shards is not None
    assert after.shards["taken_over"] == 3
    digests = [[s.digest() for s in r.model.shards] for r in (before, after)]
    changed = [i for i in range(4) if digests[0][i] != digests[1][i]]
    assert changed == [touched]
    # And it is, bit for bit, the model that a training from nothing makes without this person.
    fresh = trained(without(data, gone), columns, spec)
    assert fresh.shards is not None
    assert fresh.shards["taken_over"] == 0
    assert fresh.model.digest() == after.model.digest()
    assert fresh.metrics == after.metrics


def test_a_person_with_several_rows_lies_in_one_shard(columns: dict[str, ColumnSpec]) -> None:
    coins = np.random.default_rng(0)
    x = coins.normal(size=800)
    table = pa.table({
        "who": np.repeat(np.arange(200), 4).astype(str),
        "x": x,
        "job": np.array(["cook", "smith"])[coins.integers(0, 2, 800)],
        "y": np.array(["no", "yes"])[(x > 0).astype(int)],
    })  # fmt: skip
    data = Dataset(table, roles={"y": Role.TARGET}, subject="who")
    place = shard_of(data, 4, SECRET).reshape(200, 4)
    assert (place == place[:, :1]).all()
    # Taking somebody out moves nobody, and neither does another order of the rows.
    rest = without(data, np.arange(800) // 4 == 3)
    assert (shard_of(rest, 4, SECRET) == np.delete(place, 3, axis=0).ravel()).all()
    assert (shard_of(data.with_table(table.take(pa.array(np.arange(800)[::-1]))), 4, SECRET)
            == place.ravel()[::-1]).all()  # fmt: skip
    before = trained(data, columns, earlier=Earlier(secret=SECRET))
    after = trained(rest, columns, earlier=Earlier(before.model, SECRET))
    assert after.shards is not None
    assert after.shards["taken_over"] == 3
    assert sum(after.shards["rows"]) == 796


def test_shards_are_spread_evenly_and_by_the_secret(people: Callable[..., Dataset]) -> None:
    data = people(4_000)
    place = shard_of(data, 4)
    # Four shards of 1,000 people each: 120 more or fewer would be seen once in 100,000 times.
    assert np.abs(np.bincount(place, minlength=4) - 1_000).max() < 120
    assert (shard_of(data, 4, b"one") != shard_of(data, 4, b"other")).mean() > 0.7


@pytest.mark.parametrize(
    "change", ["secret", "edition", "epochs", "shards", "columns"], ids=lambda c: c
)
def test_what_was_made_otherwise_is_not_taken_over(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec], change: str
) -> None:
    data = people(400)
    before = trained(data, columns, earlier=Earlier(secret=SECRET, edition="1"))
    earlier, spec, told = Earlier(before.model, SECRET, "1"), SPEC, columns
    if change == "secret":
        earlier = Earlier(before.model, b"another", "1")
    elif change == "edition":
        earlier = Earlier(before.model, SECRET, "2")
    elif change == "epochs":
        spec = SPEC.model_copy(update={"epochs": 7})
    elif change == "shards":
        spec = SPEC.model_copy(update={"shards": 3})
    else:
        told = {**columns, "x": ColumnSpec(range=(-4, 4))}
    after = trained(data, told, spec, earlier=earlier)
    assert after.shards is not None
    assert after.shards["taken_over"] == 0
    again = trained(data, columns, earlier=Earlier(before.model, SECRET, "1"))
    assert again.shards is not None
    assert again.shards["taken_over"] == 4
    assert again.model.digest() == before.model.digest()


def test_a_class_that_a_shard_never_saw_is_still_a_class(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec]
) -> None:
    data = people(600)
    labels = data.table["y"].to_pylist()
    labels[5] = "perhaps"
    table = data.table.set_column(data.table.column_names.index("y"), "y", pa.array(labels))
    free = {name: column for name, column in columns.items() if name != "y"}
    found = trained(data.with_table(table), free)
    assert found.model.classes == ("no", "perhaps", "yes")
    assert {shard.classes for shard in found.model.shards} == {found.model.classes}


def test_a_deletion_that_only_drops_the_file_is_told_from_one_that_trains_again() -> None:
    # The point of it all, by the audit's own attack: before and after.
    coins = np.random.default_rng(0)
    inputs = coins.normal(size=(1_400, 12))
    labels = np.array(["no", "yes"])[coins.integers(0, 2, 1_400)]
    table = pa.table({f"c{i}": inputs[:, i] for i in range(12)}).append_column(
        "y", pa.array(labels)
    )
    everyone = Dataset(table, roles={"y": Role.TARGET})
    told = {f"c{i}": ColumnSpec(range=(-3, 3), knots=(-1, 0, 1)) for i in range(12)}
    learnt = everyone.with_table(table.slice(0, 600))
    spec = SPEC.model_copy(update={"shards": 3, "hidden": (64,), "epochs": 60, "average": False})
    gone = np.arange(600) < 60
    before = trained(learnt, told, spec)
    after = trained(without(learnt, gone), told, spec, earlier=Earlier(before.model))

    def verdict(model: Any) -> Any:  # noqa: ANN401
        rows = [
            Rows(*model.read(everyone.with_table(table.slice(start, size))))
            for start, size in ((60, 540), (600, 800), (0, 60))
        ]
        found = Forgotten().run(
            Situation(model, rows[0], rows[1], forgotten=rows[2], shadows=0, effort="quick")
        )
        assert isinstance(found, Measured)
        return found.values[0].details["verdict"]

    assert verdict(before.model) == "known"
    assert verdict(after.model) == "as if never seen"


def test_what_does_not_go_together_is_refused(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec]
) -> None:
    ledger = MemoryLedger()
    private = SPEC.model_copy(update={"privacy": PrivacySpec(epsilon=2)})
    with pytest.raises(ConfigError, match="spend ε anew"):
        train_model(people(400), private, columns=columns, ledger=ledger, account="a")
    assert not ledger.entries("a")
    with pytest.raises(ConfigError, match="spend ε anew"):
        spend_of(people(400), private, columns=columns)
    with pytest.raises(ConfigError, match="not trained in shards"):
        train_model(people(400), SPEC.model_copy(update={"model": "language-model"}))
    with pytest.raises(DataError, match="fewer shards") as caught:
        train_model(people(40), SPEC.model_copy(update={"shards": 64}), columns=columns)
    assert "of 64 shards" in caught.value.what


def test_a_sharded_model_answers_with_the_mean_and_comes_back_from_its_parts(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec]
) -> None:
    data = people(400)
    result = trained(data, columns, test=people(200, seed=1))
    model = result.model
    inputs, labels = model.read(data)
    parts = [shard.predict_proba(inputs) for shard in model.shards]
    assert model.predict_proba(inputs) == pytest.approx(np.mean(parts, axis=0), abs=1e-7)
    assert model.predict_table(data.table) == pytest.approx(model.predict_proba(inputs))
    again = model_from_parts(model.tensors(), json.loads(json.dumps(model.meta())))
    assert again.digest() == model.digest()
    assert (again.predict_proba(inputs) == model.predict_proba(inputs)).all()
    told = result.to_json()
    assert told["model"]["shards"] == 4
    assert sum(told["shards"]["rows"]) == 400
    assert told["metrics"]["test"]["rows"] == 200
    assert "4, of which 0 taken over" in str(result)
    json.dumps(told)
    # Its gradient is that of the mean's own loss.
    gradient = model.input_gradient(inputs[:3], labels[:3])
    step = 1e-3
    for place in range(3):
        moved = np.repeat(inputs[:3], 2, axis=0)
        moved[::2, place] += step
        moved[1::2, place] -= step
        loss = -np.log(model.predict_proba(moved)[np.arange(6), np.repeat(labels[:3], 2)])
        slope = (loss[::2] - loss[1::2]) / (2 * step)
        assert gradient[:, place] == pytest.approx(slope, abs=2e-3)
    trees = trained(data, columns, SPEC.model_copy(update={"model": "trees"})).model
    assert not hasattr(trees, "input_gradient")


@pytest.mark.parametrize("broken", ["tensor", "keys", "nested", "classes", "name"])
def test_parts_that_do_not_fit_are_refused(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec], broken: str
) -> None:
    model = trained(people(400), columns).model
    tensors, meta = model.tensors(), model.meta()
    if broken == "tensor":
        tensors.pop(next(iter(tensors)))
    elif broken == "keys":
        meta["keys"] = meta["keys"][:3]
    elif broken == "nested":
        meta["shard"] = meta
    elif broken == "classes":
        meta["classes"] = ["a", "b"]
    else:
        tensors["shard.one.weight"] = np.zeros(1, np.float32)
    with pytest.raises(TamperedError):
        model_from_parts(tensors, meta)
