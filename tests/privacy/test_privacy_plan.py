"""If this fails, a planned training proves another ε than the one that was planned."""

from __future__ import annotations

import pytest

from strongroom.errors import InputError
from strongroom.privacy import calibrate, plan_budget

ROWS, DELTA = 20_000, 1e-5


def test_each_of_the_four_is_found_from_the_others() -> None:
    plan = plan_budget(ROWS, DELTA, epochs=10, batch_size=400, epsilon=2.0)
    assert plan.epsilon == pytest.approx(2.0, rel=1e-3)
    assert plan.epsilon <= 2.0
    fact = plan.mechanism
    assert (fact.sampling_rate, fact.steps) == (0.02, 500)
    assert fact.noise_multiplier == calibrate(2.0, DELTA, 0.02, 500).noise_multiplier

    noise = plan.noise_multiplier
    back = plan_budget(ROWS, DELTA, epochs=10, batch_size=400, noise_multiplier=noise)
    assert back.epsilon == plan.epsilon
    epochs = plan_budget(ROWS, DELTA, batch_size=400, noise_multiplier=noise, epsilon=2.0)
    assert epochs.epochs == pytest.approx(10, rel=0.01)
    assert epochs.epsilon <= 2.0
    batch = plan_budget(ROWS, DELTA, epochs=10, noise_multiplier=noise, epsilon=2.0)
    assert batch.batch_size == pytest.approx(400, rel=0.01)
    assert batch.epsilon <= 2.0


def test_what_stands_around_a_plan_is_counted_as_the_plan_is() -> None:
    plan = plan_budget(ROWS, DELTA, epochs=4, batch_size=200, noise_multiplier=0.9)
    panels = plan.around()
    assert set(panels) == {"epochs", "batch_size", "noise_multiplier"}
    for over, plans in panels.items():
        found = [p.epsilon for p in plans]
        assert found == sorted(found, reverse=over == "noise_multiplier")
        assert plan in plans
        for other in plans[:2]:
            assert other.epsilon == pytest.approx(other.mechanism.epsilon(DELTA), rel=1e-6)


def test_a_full_batch_is_exact() -> None:
    plan = plan_budget(ROWS, DELTA, epochs=100, batch_size=ROWS, epsilon=1.0)
    assert plan.mechanism.sampling_rate == 1
    assert max(p.batch_size for p in plan.around()["batch_size"]) == ROWS


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epochs": 10, "batch_size": 400}, "three of"),
        ({"epochs": 10, "batch_size": 400, "epsilon": 1.0, "noise_multiplier": 1.0}, "three of"),
        ({"epochs": 0.0, "batch_size": 400, "epsilon": 1.0}, "not above 0"),
        ({"epochs": 10, "batch_size": 30_000, "epsilon": 1.0}, "more than the 20,000 rows"),
        ({"batch_size": ROWS, "epsilon": 0.001, "noise_multiplier": 0.1}, "even the smallest"),
    ],
)
def test_what_can_not_be_planned(given: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        plan_budget(ROWS, DELTA, **given)  # type: ignore[arg-type]
