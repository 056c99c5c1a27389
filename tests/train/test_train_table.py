"""If this fails, a model is trained on what it must not see, or its statement says what isn't so.

The statement is the product: each of its sentences is checked against what the training did.
"""

# ruff: noqa: ANN401 - spies pass on whatever the real functions take

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from strongroom.config import ColumnSpec, PrivacySpec, TrainSpec
from strongroom.data import Dataset, Role
from strongroom.errors import BudgetExceededError, DataError, InputError
from strongroom.privacy import EntryState, Mechanism, MemoryLedger, SecretStream, _schedule, compose
from strongroom.train import train_model
from strongroom.train._preparation import lay_out, one_row_each, rounded, subject_codes

if TYPE_CHECKING:
    from collections.abc import Callable

FULL = TrainSpec(
    batch_size="full",
    epochs=60,
    optimizer="adam",
    learning_rate=0.1,
    privacy=PrivacySpec(epsilon=4, delta=1e-4),
)
POISSON = FULL.model_copy(update={"batch_size": 100, "epochs": 8})


@pytest.mark.parametrize("model", ["logistic", "mlp"])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_plain_training_learns(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec], model: str, optimizer: str
) -> None:
    rate = {"sgd": 2.0, "momentum": 0.5, "adam": 0.05}[optimizer]
    spec = TrainSpec.model_validate(
        {"model": model, "optimizer": optimizer, "learning_rate": rate, "batch_size": 64}
    )
    result = train_model(people(), spec, test=people(seed=1), columns=columns)
    assert result.metrics["test"]["accuracy"] > 0.85
    assert result.privacy is None
    assert result.canaries is None
    assert "without privacy" in str(result)


@pytest.mark.parametrize("spec", [FULL, POISSON])
def test_private_training_learns_and_says_what_it_did(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec], spec: TrainSpec
) -> None:
    data, ledger = people(4000), MemoryLedger()
    result = train_model(
        data, spec, test=people(seed=1), columns=columns, rows=4000, ledger=ledger, account="a"
    )
    assert result.metrics["test"]["accuracy"] > 0.85
    said = result.privacy
    assert said is not None
    rate = 1.0 if spec.batch_size == "full" else 100 / 4000
    assert (said.sampling_rate, said.steps) == (rate, round(spec.epochs / rate))
    assert said.private
    assert said.warnings == ()
    assert 3.99 < said.epsilon <= 4
    assert [Mechanism.from_json(e).epsilon(1e-4) for e in said.events] == [said.epsilon]
    (entry,) = ledger.entries("a")
    assert entry.state is EntryState.SETTLED
    assert compose([entry.spend], 1e-4) == said.epsilon
    assert any("declared 4,000 rows" in t for t in said.covered)
    assert any("declared ranges" in t and "x, job" in t for t in said.covered)
    assert not any("rounded" in t or "set of classes" in t for t in said.not_covered)
    assert any("metrics" in t for t in said.not_covered)


def test_what_was_not_declared_is_named(people: Callable[..., Dataset]) -> None:
    result = train_model(people(1234), FULL)
    said = result.privacy
    assert said is not None
    assert any("rounded to 1,200" in t for t in said.not_covered)
    assert any('set of classes of "y"' in t for t in said.not_covered)
    assert any("fixed rules" in t for t in said.covered)


def test_identifiers_ignored_and_free_text_columns_are_never_read(
    people: Callable[..., Dataset],
) -> None:
    data = people()
    table = data.table.append_column("note", pa.array(["x" * 60] * data.rows))
    table = table.append_column("extra", pa.array([[1]] * data.rows))
    table = table.append_column("scrap", pa.array([1] * data.rows))
    table = table.append_column("who", pa.array(range(data.rows)))
    roles = {
        **data.roles,
        "scrap": Role.IGNORE,
        "x": Role.QUASI_IDENTIFIER,
        "job": Role.SENSITIVE,
    }
    result = train_model(Dataset(table, roles=roles, subject="who"), FULL)
    assert result.model.describe()["columns"] == ["x", "job"]
    assert result.skipped == {
        "name": "direct identifier",
        "note": "free text",
        "extra": "type list<item: int64> cannot be a feature",
        "scrap": "ignore",
        "who": "says which person a row belongs to",
    }
    assert result.privacy is not None
    assert any("long text" in t and "note" in t for t in result.privacy.not_covered)


def test_a_subject_takes_part_with_one_row_however_many_there_are(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec]
) -> None:
    data = people(300)
    who = pa.array([f"s{i % 50}" for i in range(300)]).dictionary_encode()
    owned = Dataset(data.table.append_column("who", who), roles=data.roles, subject="who")
    result = train_model(owned, FULL, columns=columns)
    assert result.privacy is not None
    assert result.privacy.unit.value == "subject"
    assert result.metrics["train"]["rows"] == 50
    assert any("number of subjects, rounded to 50" in t for t in result.privacy.not_covered)


def test_the_row_of_a_subject_is_chosen_fairly_and_by_the_seed() -> None:
    codes = np.repeat(np.arange(4000), 2)
    stream = SecretStream(bytes(32))
    chosen = one_row_each(codes, stream)
    assert (codes[chosen] == np.arange(4000)).all()
    assert abs((chosen % 2).mean() - 0.5) < 3.9 * 0.5 / np.sqrt(4000)
    assert (one_row_each(codes, stream) == chosen).all()
    assert (one_row_each(codes, SecretStream()) != chosen).any()


def test_a_row_of_nobody_is_refused() -> None:
    data = Dataset(pa.table({"who": ["a", None]}), subject="who")
    with pytest.raises(DataError, match='1 rows have no "who"'):
        subject_codes(data)


def test_a_loose_delta_is_warned_of(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec]
) -> None:
    spec = FULL.model_copy(update={"privacy": PrivacySpec(epsilon=2, delta=0.01), "epochs": 2})
    said = train_model(people(), spec, columns=columns, rows=600).privacy
    assert said is not None
    (warning,) = said.warnings
    assert "at least 1/n" in warning


def test_a_given_seed_repeats_the_run_and_is_called_not_private(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec]
) -> None:
    spec = FULL.model_copy(update={"seed": 7, "epochs": 5})
    one, other = (train_model(people(), spec, columns=columns) for _ in range(2))
    assert one.model.digest() == other.model.digest()
    assert one.privacy is not None
    assert not one.privacy.private
    assert "not private: a seed was given" in one.privacy.warnings[0]


def test_secret_seeds_differ(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec]
) -> None:
    spec = FULL.model_copy(update={"epochs": 5})
    one, other = (train_model(people(), spec, columns=columns) for _ in range(2))
    assert one.model.digest() != other.model.digest()


def test_an_overspent_budget_refuses_before_the_first_step(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec]
) -> None:
    ledger = MemoryLedger()
    spec = FULL.model_copy(update={"epochs": 2})
    train_model(people(), spec, columns=columns, ledger=ledger, account="a", budget=5.0)
    with pytest.raises(BudgetExceededError, match="left for"):
        train_model(people(), spec, columns=columns, ledger=ledger, account="a", budget=5.0)
    assert len(ledger.entries("a")) == 1


def _broken(data: Dataset, what: str) -> Dataset:
    table = data.table
    match what:
        case "no target":
            return replace(data, roles={})
        case "one class":
            return data.with_table(table.set_column(3, "y", pa.array(["no"] * data.rows)))
        case "nan":
            x = np.where(np.arange(data.rows) < 3, np.nan, 0.0)
            return data.with_table(table.set_column(1, "x", pa.array(x)))
        case "missing label":
            return data.with_table(table.set_column(3, "y", pa.array([None, *["no", "yes"] * 50])))
        case _:
            return replace(data, roles={**data.roles, "x": Role.IGNORE, "job": Role.IGNORE})


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("no target", "no column has the role target"),
        ("one class", "only one class"),
        ("nan", "NaN or infinite values in 3 rows"),
        ("missing label", "1 row of the target is empty"),
        ("no feature", "no column is left"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_spent(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec], what: str, text: str
) -> None:
    ledger = MemoryLedger()
    with pytest.raises(DataError, match=text):
        train_model(_broken(people(101), what), FULL, columns=columns, ledger=ledger, account="a")
    assert ledger.entries("a") == ()


def test_test_rows_without_the_target_are_refused(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec]
) -> None:
    test = Dataset(people(20).table.drop_columns(["y"]))
    with pytest.raises(DataError, match='target column "y"'):
        train_model(people(), FULL, test=test, columns=columns)


def test_a_training_that_breaks_down_says_at_which_step(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec]
) -> None:
    spec = TrainSpec(model="mlp", batch_size="full", learning_rate=1e30, optimizer="sgd")
    with pytest.raises(InputError, match=r"broke down at step [2-9]") as refusal:
        train_model(people(), spec, columns=columns)
    assert "learning_rate" in str(refusal.value.hint)


def test_more_than_two_classes_with_weight_decay_and_last_iterate() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    table = pa.table({"x": x, "y": np.digitize(x, [-0.5, 0.5])})
    data = Dataset(table, roles={"y": Role.TARGET})
    spec = TrainSpec(
        batch_size="full",
        epochs=150,
        optimizer="adam",
        learning_rate=0.1,
        weight_decay=1e-3,
        average=False,
    )
    result = train_model(data, spec, test=data)
    assert result.model.classes == ("0", "1", "2")
    assert result.metrics["test"]["accuracy"] > 0.85
    assert result.metrics["test"]["auc_interval"] is None


def test_a_tiny_batch_is_often_empty_and_still_gets_its_noise(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    real = vars(_schedule)["noisy_sum"]

    def spy(total: Any, **about: Any) -> Any:
        found = real(total, **about)
        drawn.append((bool(total.any()), bool(found.any())))
        return found

    monkeypatch.setattr(_schedule, "noisy_sum", spy)
    spec = POISSON.model_copy(update={"batch_size": 1, "epochs": 0.2})
    train_model(people(200), spec, columns=columns, rows=200)
    assert len(drawn) == 40
    assert (False, True) in drawn
    assert all(noise for _, noise in drawn)


def test_the_result_is_plain_json_and_prints(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec]
) -> None:
    result = train_model(people(), FULL, test=people(seed=1), columns=columns)
    document = json.loads(json.dumps(result.to_json()))
    assert document["model"]["digest"] == result.model.digest()
    assert document["privacy"]["delta"] == 1e-4
    assert len(document["curve"]) == 20
    assert document["curve"][-1][0] == document["steps"] == 60
    assert "accuracy" in str(result)


def test_progress_is_told_every_step(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec]
) -> None:
    class Heard:
        def __init__(self) -> None:
            self.steps: list[tuple[float, float]] = []

        def step(self, done: float, total: float, note: str = "") -> None:
            assert note
            self.steps.append((done, total))

    heard = Heard()
    spec = FULL.model_copy(update={"epochs": 4})
    train_model(people(), spec, columns=columns, progress=heard)
    assert heard.steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_counts_are_rounded_to_two_digits() -> None:
    assert [rounded(n) for n in (0, 7, 99, 100, 1234, 32561)] == [1, 7, 99, 100, 1200, 33000]


def test_classes_come_from_the_declaration_where_there_is_one(
    people: Callable[..., Dataset],
) -> None:
    declared = {"y": ColumnSpec(categories=("yes", "no", "never"))}
    assert lay_out(people(), declared).classes == ("yes", "no", "never")


def test_the_room_is_light_until_something_trains() -> None:
    code = "import sys, strongroom.train as t; t.train_model; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(ImportError):
        from strongroom.train import nothing  # noqa: F401
