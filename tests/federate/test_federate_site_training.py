"""If this fails, a site trains another way than central training does, or less privately."""

# ruff: noqa: ANN401 - mutants pass on whatever the real functions take

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats
from tests.federate.one_site import COLUMNS, SGD, people, table_model

from strongroom.errors import BudgetExceededError, InputError
from strongroom.federate import SitePrivacySpec
from strongroom.models import TableModel
from strongroom.privacy import (
    EntryState,
    GaussianReleases,
    MemoryLedger,
    PoissonGaussian,
    Unit,
    _schedule,
    noisy_sum,
)
from strongroom.train import (
    LocalPlan,
    LocalTraining,
    StoppedError,
    Surroundings,
    _federated,
    _loop,
    prepare_rows,
    train_model,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from strongroom.config import TrainSpec
    from strongroom.privacy import Ledger

FALSE_ALARM = 1e-4
POISSON = SGD.model_copy(update={"batch_size": 30})
EXAMPLE = SitePrivacySpec(epsilon=2, delta=1e-5, clip_norm=0.7)
SITE = SitePrivacySpec(unit="site", epsilon=2, delta=1e-5, clip_norm=0.3)


def vector(model: TableModel) -> NDArray[np.float32]:
    return np.concatenate([v.ravel() for v in model.tensors().values()])


def local(
    spec: TrainSpec = SGD,
    guarantee: SitePrivacySpec | None = None,
    *,
    rows: int = 300,
    local_epochs: float = 1,
    rounds: int = 4,
    mu: float = 0.0,
    ledger: Ledger | None = None,
    seed: bytes = bytes(32),
    budget: float | None = None,
) -> LocalTraining:
    prepared = prepare_rows(table_model(), spec, people(rows))
    around = Surroundings(
        ledger=ledger or MemoryLedger(), account="a", key="job at a", rows=rows, budget=budget
    )
    plan = LocalPlan(spec, rounds, local_epochs, guarantee, mu)
    return LocalTraining(prepared, plan, around, seed=seed)


def run(training: LocalTraining, rounds: int = 4, **more: Any) -> NDArray[np.float32]:
    parameters = np.zeros_like(vector(table_model()))
    for number in range(1, rounds + 1):
        parameters = parameters + training.round(number, parameters, **more)
    return parameters


@pytest.mark.parametrize("local_epochs", [1, 3])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_one_site_is_central_training_to_the_bit(local_epochs: int, decay: float) -> None:
    spec = SGD.model_copy(update={"weight_decay": decay})
    found = run(local(spec, local_epochs=local_epochs))
    whole = spec.model_copy(update={"epochs": 4 * local_epochs})
    central = train_model(people(), whole, columns=COLUMNS, rows=300)
    assert isinstance(central.model, TableModel)
    np.testing.assert_allclose(found, vector(central.model), atol=1e-6)
    if local_epochs == 1:
        np.testing.assert_array_equal(found, vector(central.model))


def test_one_round_of_adam_is_central_training() -> None:
    spec = SGD.model_copy(update={"optimizer": "adam", "learning_rate": 0.1})
    found = run(local(spec, local_epochs=6, rounds=1), 1)
    central = train_model(people(), spec.model_copy(update={"epochs": 6}), columns=COLUMNS)
    assert isinstance(central.model, TableModel)
    np.testing.assert_allclose(found, vector(central.model), atol=1e-6)


def test_the_optimizer_begins_anew_in_every_round() -> None:
    spec = SGD.model_copy(update={"optimizer": "momentum"})
    training, other = local(spec), local(spec)
    start = np.zeros_like(vector(table_model()))
    training.round(1, start + 1)
    np.testing.assert_array_equal(training.round(2, start), other.round(2, start))


def test_fedprox_pulls_towards_the_round_s_parameters() -> None:
    # Of one step it has nothing to pull; of two, the second feels mu times the first step.
    mu, rate = 0.5, SGD.learning_rate
    start = np.zeros_like(vector(table_model()))
    plain, pulled = local(local_epochs=2), local(local_epochs=2, mu=mu)
    one = local(local_epochs=1).round(1, start)
    np.testing.assert_array_equal(local(local_epochs=1, mu=mu).round(1, start), one)
    expected = plain.round(1, start) - rate * mu * one
    np.testing.assert_allclose(pulled.round(1, start), expected, atol=1e-6)


def test_a_correction_is_added_to_every_step() -> None:
    start = np.zeros_like(vector(table_model()))
    correction = np.random.default_rng(0).normal(size=start.size).astype(np.float32)
    plain = local(local_epochs=1).round(1, start)
    moved = local(local_epochs=1).round(1, start, correction=correction)
    np.testing.assert_allclose(moved, plain - SGD.learning_rate * correction, atol=1e-6)


def test_stop_is_looked_at_before_every_step() -> None:
    training = local(local_epochs=50)
    seen = iter(range(10))
    with pytest.raises(StoppedError):
        training.round(1, np.zeros_like(vector(table_model())), stopped=lambda: next(seen) == 7)
    assert next(seen) == 8


def test_a_training_that_breaks_down_says_so() -> None:
    with pytest.raises(InputError, match="broke down"):
        run(
            local(
                SGD.model_copy(update={"learning_rate": 1e3, "weight_decay": 1e3}), local_epochs=99
            )
        )


def test_more_steps_than_a_round_may_have() -> None:
    with pytest.raises(InputError, match="local steps"):
        local(SGD.model_copy(update={"batch_size": 1}), local_epochs=1000)


# --- privacy: what the ledger hears, how much noise there is, and that coins aren't used twice


@pytest.mark.parametrize("spec", [SGD, POISSON])
def test_the_whole_job_is_one_mechanism_reserved_before_the_first_step(spec: TrainSpec) -> None:
    ledger = MemoryLedger()
    training = local(spec, EXAMPLE, ledger=ledger)
    assert not ledger.entries("a")
    run(training)
    (entry,) = ledger.entries("a")
    assert entry.state is EntryState.RESERVED
    assert isinstance(training.mechanism, PoissonGaussian)
    rate = 1.0 if spec.batch_size == "full" else 0.1
    assert training.mechanism.sampling_rate == pytest.approx(rate)
    assert training.mechanism.steps == 4 * training.steps == 4 * round(1 / rate)
    assert entry.spend.epsilon <= 2
    assert entry.spend.epsilon > 1.95
    assert entry.spend.events == (training.mechanism.to_json(),)
    training.settle()
    assert ledger.entries("a")[0].state is EntryState.SETTLED
    statement = training.state()
    assert statement is not None
    assert statement.epsilon == entry.spend.epsilon
    assert statement.unit is Unit.EXAMPLE
    assert statement.private


def test_a_budget_that_is_too_small() -> None:
    ledger = MemoryLedger()
    training = local(POISSON, EXAMPLE, ledger=ledger, budget=1.0)
    with pytest.raises(BudgetExceededError):
        run(training)
    assert not ledger.entries("a")


def test_the_seed_of_a_recipe_is_never_used() -> None:
    # Who knows the seed could take the noise away.
    spec = SGD.model_copy(update={"seed": 1})
    one, two = (run(local(spec, EXAMPLE, ledger=MemoryLedger())) for _ in range(2))
    assert not np.array_equal(one, two)


def test_the_same_ledger_gives_the_same_bits_after_a_crash() -> None:
    ledger = MemoryLedger()
    start = np.zeros_like(vector(table_model()))
    first = local(POISSON, EXAMPLE, ledger=ledger)
    one = [first.round(n, start, request=b"r") for n in (1, 2)]
    second = local(POISSON, EXAMPLE, ledger=ledger)
    np.testing.assert_array_equal(second.round(2, start, request=b"r"), one[1])
    assert len(ledger.entries("a")) == 1


def test_another_request_never_gets_the_same_noise() -> None:
    # Else two answers to one round would differ by what the rows say, without any noise.
    ledger = MemoryLedger()
    start = np.zeros_like(vector(table_model()))
    one = local(SGD, EXAMPLE, ledger=ledger).round(1, start, request=b"one")
    two = local(SGD, EXAMPLE, ledger=ledger).round(1, start, request=b"two")
    rate = SGD.learning_rate * EXAMPLE.clip_norm / 300
    assert np.linalg.norm(one - two) > rate * np.sqrt(start.size)


def gradient_noise(training: LocalTraining) -> tuple[float, int]:
    """Return Σ (noise / stated deviation)² and how many numbers of one-step rounds."""
    exact = local(SGD)  # clip norm 3 clips nothing, so the exact update is plain training's
    start = np.zeros_like(vector(table_model()))
    found, count = 0.0, 0
    assert training.mechanism is not None
    clip = training.plan.guarantee.clip_norm if training.plan.guarantee else 0.0
    deviation = training.mechanism.noise_multiplier * clip * SGD.learning_rate / 300
    for number in range(1, 41):
        noise = (training.round(number, start) - exact.round(1, start)) / deviation
        found += float(noise.astype(np.float64) @ noise)
        count += noise.size
    return found, count


def test_the_noise_of_examples_is_as_stated() -> None:
    # Rows of this encoding have norm 2 at most, and so have their gradients.
    wide = EXAMPLE.model_copy(update={"clip_norm": 3.0})
    chi, count = gradient_noise(local(SGD, wide, rounds=40))
    assert FALSE_ALARM < stats.chi2.cdf(chi, count) < 1 - FALSE_ALARM


def test_mutant_noise_that_is_missing_or_weak(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = EXAMPLE.model_copy(update={"clip_norm": 3.0})
    for share in (0.0, 0.8):

        def weaker(total: Any, *, noise_multiplier: float, share: float = share, **a: Any) -> Any:
            return noisy_sum(total, noise_multiplier=max(share, 1e-6) * noise_multiplier, **a)

        monkeypatch.setattr(_schedule, "noisy_sum", weaker)
        chi, count = gradient_noise(local(SGD, wide, rounds=40))
        assert stats.chi2.cdf(chi, count) < FALSE_ALARM


def site_updates(training: LocalTraining) -> NDArray[np.float64]:
    start = np.zeros_like(vector(table_model()))
    return np.array([training.round(n, start) for n in range(1, 61)], dtype=np.float64)


def test_a_site_s_update_is_clipped_whole_and_gets_the_stated_noise() -> None:
    training = local(SGD, SITE, rounds=60, local_epochs=5)
    found = site_updates(training)
    assert isinstance(training.mechanism, GaussianReleases)
    assert training.mechanism.steps == 60
    exact = local(SGD, local_epochs=5).round(1, np.zeros_like(found[0], np.float32))
    norm = float(np.linalg.norm(exact))
    assert norm > 3 * SITE.clip_norm
    clipped = exact * (SITE.clip_norm / norm)
    deviation = training.mechanism.noise_multiplier * SITE.clip_norm
    noise = (found - clipped) / deviation
    chi = float(np.square(noise).sum())
    assert FALSE_ALARM < stats.chi2.cdf(chi, noise.size) < 1 - FALSE_ALARM
    statement = training.state()
    assert statement is not None
    assert statement.unit is Unit.SITE
    assert statement.steps == 60
    assert not any("normaliser" in text for text in statement.covered)


def test_mutant_a_site_s_noise_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_federated, "noisy_sum", lambda total, **_: total)
    training = local(SGD, SITE, rounds=60, local_epochs=5)
    found = site_updates(training)
    assert np.linalg.norm(found[0]) <= SITE.clip_norm
    assert np.ptp(found, axis=0).max() == 0


def test_a_small_update_is_not_made_larger() -> None:
    wide = SITE.model_copy(update={"clip_norm": 1000.0, "epsilon": 1e6})
    start = np.zeros_like(vector(table_model()))
    exact = local(SGD).round(1, start)
    found = local(SGD, wide, rounds=1).round(1, start)
    noise = local(SGD, wide, rounds=1).mechanism
    assert noise is not None
    assert np.abs(found - exact).max() < 6 * noise.noise_multiplier * 1000


def mutant_reserves_late(training: LocalTraining, monkeypatch: pytest.MonkeyPatch) -> None:
    reserve = training.reserve
    monkeypatch.setattr(training, "reserve", lambda: False)
    monkeypatch.setattr(training, "settle", reserve)


def asks_before_the_first_step(
    mutate: Callable[[LocalTraining, pytest.MonkeyPatch], None] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> bool:
    """Whether the ledger knew of the job when the first gradient was made."""
    ledger = MemoryLedger()
    training = local(POISSON, EXAMPLE, ledger=ledger)
    if mutate is not None:
        mutate(training, monkeypatch)
    seen: list[int] = []
    sums = _loop.Run.row_sum

    def watched(engine: Any, number: int) -> Any:
        seen.append(len(ledger.entries("a")))
        return sums(engine, number)

    monkeypatch.setattr(_loop.Run, "row_sum", watched)
    run(training)
    training.settle()
    return seen[0] == 1


def test_the_ledger_is_asked_before_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asks_before_the_first_step(None, monkeypatch)


def test_mutant_a_ledger_that_is_asked_later(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not asks_before_the_first_step(mutant_reserves_late, monkeypatch)


def test_persons_are_one_row_each() -> None:
    data = people(300)
    names = [f"p{i % 100}" for i in range(300)]
    table = data.table.append_column("who", [names])
    several = replace(data, table=table, subject="who")
    prepared = prepare_rows(table_model(), SGD, several)
    around = Surroundings(account="a", key="k", rows=100)
    plan = LocalPlan(SGD, 2, 1, SitePrivacySpec(unit="person", epsilon=2))
    training = LocalTraining(prepared, plan, around, seed=bytes(32))
    assert training.weight == 100
    assert training.unit is Unit.SUBJECT
    training.round(1, np.zeros_like(vector(table_model())))
    assert training._run._examples.units == 100
    statement = training.state()
    assert statement is not None
    assert any("one row per person" in text for text in statement.covered)
