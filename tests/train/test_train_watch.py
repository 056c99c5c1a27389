"""If this fails, early stopping looks at rows that no ε paid for, or releases other parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.train.test_train_resume import MemoryCheckpointer, StopAt

from strongroom.config import ColumnSpec, PrivacySpec, TrainSpec
from strongroom.data import Dataset, Role
from strongroom.errors import ConfigError, DataError
from strongroom.privacy import MemoryLedger
from strongroom.train import train_model
from strongroom.train._guard import Surroundings
from strongroom.train._watch import check_watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from strongroom.train import TrainResult

PLAIN = TrainSpec(epochs=60, optimizer="sgd", learning_rate=40.0, average=False, patience=3, seed=1)
PRIVATE = TrainSpec(epochs=60, patience=2, privacy=PrivacySpec(epsilon=2.0))


@pytest.fixture
def train(
    people: Callable[..., Dataset], columns: Mapping[str, ColumnSpec]
) -> Callable[..., TrainResult]:
    def run(spec: TrainSpec, **around: Any) -> TrainResult:  # noqa: ANN401
        return train_model(people(), spec, test=people(seed=1), columns=columns, **around)

    return run


def told(result: TrainResult) -> dict[str, Any]:
    assert result.stopping is not None
    return dict(result.stopping)


def test_private_rows_are_never_looked_at(train: Callable[..., TrainResult]) -> None:
    ledger = MemoryLedger()
    with pytest.raises(ConfigError, match="no ε has paid for") as caught:
        train(PRIVATE, ledger=ledger)
    assert "validation" in (caught.value.hint or "")
    assert ledger.entries("") == ()


def test_public_rows_decide_and_all_steps_are_paid(
    train: Callable[..., TrainResult], people: Callable[..., Dataset]
) -> None:
    # Labels by a coin: nothing can be learnt from them, so the first look is the best.
    public = people(seed=2)
    noise = np.random.default_rng(3).permutation(public.table.column("y").to_numpy())
    hopeless = public.with_table(public.table.drop(["y"]).append_column("y", [noise]))
    made = train(PRIVATE, validation=hopeless)
    found = told(made)
    assert found["on"] == "public validation rows"
    assert found["stopped"] == made.steps < 60
    assert len(found["looks"]) < 20
    assert made.privacy is not None
    assert made.privacy.steps == 60
    assert any("declared public" in text for text in made.privacy.covered)
    whole = train(PRIVATE.model_copy(update={"patience": 0}))
    assert whole.privacy is not None
    assert whole.privacy.noise_multiplier == made.privacy.noise_multiplier
    # The same rows where they help: the training goes on.
    assert told(train(PRIVATE, validation=public))["best"] > found["best"]


def test_plain_training_holds_some_of_its_own_rows_out(train: Callable[..., TrainResult]) -> None:
    made = train(PLAIN)
    found = told(made)
    assert found["on"] == "rows held out from training"
    assert made.metrics["train"]["rows"] == pytest.approx(540, abs=30)
    assert made.metrics["test"]["rows"] == 600
    assert made.privacy is None


def test_the_best_look_is_what_is_released(
    train: Callable[..., TrainResult], people: Callable[..., Dataset]
) -> None:
    public = people(seed=2)
    for average in (True, False):
        spec = PLAIN.model_copy(update={"average": average})
        made = train(spec, validation=public)
        inputs, labels = made.model.read(public)
        chances = made.model.predict_proba(inputs)[np.arange(len(labels)), labels]
        losses = dict(told(made)["looks"])
        loss = float(-np.log(chances.astype(np.float64)).mean())
        assert loss == pytest.approx(losses[told(made)["best"]], rel=1e-4)
        assert losses[told(made)["best"]] == min(losses.values())


def test_a_killed_training_stops_where_it_would_have(
    train: Callable[..., TrainResult],
    people: Callable[..., Dataset],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("strongroom.train._loop.CHECKPOINT_SECONDS", 0.0)
    public = people(seed=2)
    spec = PLAIN.model_copy(update={"average": True})
    whole = train(spec, validation=public, key="k")
    checkpointer = MemoryCheckpointer()
    with pytest.raises(KeyboardInterrupt):
        train(spec, validation=public, key="k", checkpointer=checkpointer, progress=StopAt(10))
    again = train(spec, validation=public, key="k", checkpointer=checkpointer)
    assert told(again) == told(whole)
    assert again.model.digest() == whole.model.digest()
    assert checkpointer.kept is None


def test_a_person_is_either_trained_on_or_looked_at(
    people: Callable[..., Dataset], columns: Mapping[str, ColumnSpec]
) -> None:
    rows = people()
    several = replace(rows, subject="name", roles={**rows.roles, "name": Role.DIRECT_IDENTIFIER})
    made = train_model(several, PLAIN, test=people(seed=1), columns=columns)
    assert made.metrics["train"]["rows"] < 600


def test_trees_do_not_stop_early() -> None:
    with pytest.raises(ConfigError, match="trees"):
        check_watch(PLAIN.model_copy(update={"model": "trees"}), Surroundings())


def test_too_few_rows(columns: Mapping[str, ColumnSpec], people: Callable[..., Dataset]) -> None:
    spec = PLAIN.model_copy(update={"seed": 2})
    with pytest.raises(DataError, match="too few rows"):
        train_model(people(rows=4, seed=2), spec, test=people(seed=1), columns=columns)


def test_the_learning_curve_is_drawn(train: Callable[..., TrainResult]) -> None:
    made = train(PLAIN)
    assert made.plot().count("<circle") == len(made.curve)
    assert made.plot() in made._repr_html_()
    assert made.plot()._repr_svg_() == made.plot()
    assert replace(made, curve=()).plot() == ""
