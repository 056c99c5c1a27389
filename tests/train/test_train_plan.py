"""If this fails, a way to sample, clip or make noise is offered that isn't what was accounted."""

# ruff: noqa: ANN401 - spies pass on whatever the real functions take

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from tests.train.test_train_resume import MemoryCheckpointer, StopAt

from strongroom.config import ColumnSpec, PrivacySpec, TrainSpec
from strongroom.data import Dataset
from strongroom.errors import ConfigError, InputError
from strongroom.privacy import (
    ClippedGradient,
    MemoryLedger,
    Relation,
    SecretStream,
    Unit,
    _schedule,
)
from strongroom.train import train_model
from strongroom.train._optimizers import Optimizer

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 400


def spec(**privacy: Any) -> TrainSpec:
    given: dict[str, Any] = {"epsilon": 4.0, "delta": 1e-4, "clip_norm": 0.5, **privacy}
    return TrainSpec(
        batch_size=50, epochs=4, learning_rate=0.05, privacy=PrivacySpec.model_validate(given)
    )


KINDS: dict[str, tuple[dict[str, Any], Relation, str]] = {
    "per layer": ({"clipping": "per-layer"}, Relation.ADD_OR_REMOVE_ONE, "Poisson"),
    "automatic": ({"clipping": "automatic"}, Relation.ADD_OR_REMOVE_ONE, "Poisson"),
    "adaptive": ({"clipping": "adaptive"}, Relation.ADD_OR_REMOVE_ONE, "Poisson"),
    "fixed size": ({"sampling": "fixed-size"}, Relation.REPLACE_ONE, "without replacement"),
    "shuffled": ({"sampling": "shuffled"}, Relation.ZERO_OUT, "disjoint batches"),
    "balls in bins": ({"sampling": "balls-in-bins"}, Relation.ADD_OR_REMOVE_ONE, "one of 8"),
    "banded": ({"noise": "banded", "bands": 4}, Relation.ADD_OR_REMOVE_ONE, "groups"),
    "banded, in order": (
        {"noise": "banded", "bands": 4, "sampling": "shuffled"},
        Relation.ZERO_OUT,
        "in one order",
    ),
    "blt, in order": (
        {"noise": "blt", "sampling": "shuffled"},
        Relation.ZERO_OUT,
        "in one order",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_way_trains_states_itself_and_resumes_to_the_bit(
    kind: str,
    people: Callable[..., Dataset],
    columns: dict[str, ColumnSpec],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("strongroom.train._loop.CHECKPOINT_SECONDS", 0.0)
    privacy, relation, words = KINDS[kind]
    ledger, keep = MemoryLedger(), MemoryCheckpointer()

    def run(stop: int | None = None, keep: MemoryCheckpointer | None = None) -> Any:
        progress: dict[str, Any] = {"progress": StopAt(stop)} if stop else {}
        return train_model(
            people(ROWS),
            spec(**privacy),
            test=people(100, seed=1),
            columns=columns,
            rows=ROWS,
            ledger=ledger,
            account="a",
            key="k",
            checkpointer=keep,
            **progress,
        )

    with pytest.raises(KeyboardInterrupt):
        run(7, keep)
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "settle", lambda _: None)
        straight = run()
    resumed = run(keep=keep)
    assert resumed.model.digest() == straight.model.digest()
    said = straight.privacy
    assert said.relation is relation
    assert words in said.sampling
    assert 3.5 < said.epsilon <= 4.0
    assert len(ledger.entries("a")) == 1
    assert ledger.entries("a")[0].spend.relation is relation


def test_an_adaptive_norm_goes_to_the_quantile_and_its_count_has_its_noise(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    norms: list[float] = []
    real = ClippedGradient.__call__

    def watched(engine: Any, *about: Any, **more: Any) -> Any:
        norms.append(engine.sensitivity)
        return real(engine, *about, **more)

    monkeypatch.setattr(ClippedGradient, "__call__", watched)
    begin = spec(clipping="adaptive", clip_norm=20.0).model_copy(update={"epochs": 20})
    train_model(people(ROWS), begin, columns=columns, rows=ROWS)
    assert norms[0] == 20.0
    assert norms[-1] < 2.0  # a logistic gradient on these columns is no longer than about 2


@pytest.mark.parametrize(
    ("privacy", "said"),
    [
        ({"sampling": "shuffled", "canaries": 20}, "canaries ride with Poisson"),
        ({"noise": "banded", "canaries": 20}, "canaries can't be scored"),
        ({"clipping": "adaptive", "sampling": "shuffled"}, "not accounted"),
        ({"clipping": "adaptive", "noise": "blt", "sampling": "shuffled"}, "not accounted"),
    ],
)
def test_what_is_not_accounted_together_is_refused(
    privacy: dict[str, Any],
    said: str,
    people: Callable[..., Dataset],
    columns: dict[str, ColumnSpec],
) -> None:
    ledger = MemoryLedger()
    with pytest.raises(InputError, match=said):
        train_model(people(ROWS), spec(**privacy), columns=columns, ledger=ledger, account="a")
    assert not ledger.entries("a")


def test_a_fixed_batch_larger_than_the_data_is_refused(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec]
) -> None:
    big = spec(sampling="fixed-size").model_copy(update={"batch_size": 300})
    with pytest.raises(InputError, match="a batch of 300 is larger than the data: 100 rows"):
        train_model(people(100), big, columns=columns, rows=900)


def of_persons(data: Dataset, per_person: int) -> Dataset:
    who = np.arange(data.rows) // per_person
    table = data.table.append_column("who", pa.array(who))
    return Dataset(table, roles=dict(data.roles), subject="who")


def test_a_persons_rows_are_clipped_as_one(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    totals: list[np.ndarray] = []
    real = vars(_schedule)["noisy_sum"]

    def watched(total: Any, **about: Any) -> Any:
        totals.append(total.copy())
        return real(total, **about)

    monkeypatch.setattr(_schedule, "noisy_sum", watched)
    full = spec(rows_per_subject=3, clip_norm=0.2).model_copy(
        update={"batch_size": "full", "epochs": 1, "seed": 1}
    )
    data = of_persons(people(ROWS), 5)
    sums = []
    for rows in (ROWS, ROWS - 5):
        result = train_model(data.with_table(data.table.slice(0, rows)), full, columns=columns)
        sums.append(totals[-1])
        assert result.privacy is not None
        assert result.privacy.unit is Unit.SUBJECT
        assert any("at most 3 rows per subject" in text for text in result.privacy.covered)
    # Five rows of one person less: the sum moves by one person's bound, whoever is drawn.
    # (The coins that choose rows are addressed by place, so the others' rows stay the same.)
    assert 0 < np.linalg.norm(sums[0] - sums[1]) <= 0.2 * (1 + 1e-4)


def test_rows_that_fill_up_count_for_nothing(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec]
) -> None:
    # One row a person: however many may take part, it is the same training.
    data = of_persons(people(200), 1)
    digests = set()
    for most in (1, 4):
        one = spec(rows_per_subject=most).model_copy(update={"seed": 1})
        digests.add(_rounded(train_model(data, one, columns=columns)))
    assert len(digests) == 1


def _rounded(result: Any) -> bytes:
    flat = np.concatenate([v.ravel() for v in result.model.tensors().values()])
    return np.round(flat, 3).tobytes()


def test_corrected_adam_takes_the_noise_out_of_its_second_moment() -> None:
    stream = SecretStream(bytes(32))
    steps: dict[str, float] = {}
    for kind in ("adam", "adam-corrected"):
        parameters = torch.zeros(4000)
        optimizer = Optimizer(kind, parameters, 0.01, 0.0, noise_deviation=1.0)
        for number in range(1, 401):
            noise = torch.from_numpy(stream.normal("n", number, 4000).astype(np.float32))
            optimizer.step(0.5 + noise, number)
        steps[kind] = float(parameters.abs().mean())
    # The signal is 0.5: Adam divides it by √(0.25 + 1), the corrected one by √0.25.
    assert steps["adam"] == pytest.approx(0.01 * 400 * 0.5 / 1.118, rel=0.05)
    assert steps["adam-corrected"] > 1.7 * steps["adam"]


def test_several_rows_a_person_and_what_is_measured_first_are_refused(
    people: Callable[..., Dataset],
) -> None:
    ledger, data = MemoryLedger(), of_persons(people(200), 2)
    both = spec(rows_per_subject=2, preprocessing=0.1)
    with pytest.raises(ConfigError, match="one row a person"):
        train_model(data, both, ledger=ledger, account="a")
    assert not ledger.entries("a")
