"""If these fail, the rounds' updates become another model than the strategy's paper says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from strongroom.federate import StrategySpec
from strongroom.federate.strategies import STRATEGIES, Strategy, make_strategy

Vector = NDArray[np.float64]


def test_fedavg_adds_the_update_times_the_rate() -> None:
    strategy = make_strategy(StrategySpec(server_learning_rate=0.5), 2)
    found = strategy.step(np.array([1.0, 2.0]), {"update": np.array([2.0, -2.0])}, 1.0)
    assert found.tolist() == [2.0, 1.0]


def test_fedavg_and_one_step_is_gradient_descent() -> None:
    """Two sites that take one full step each: the weighted mean is a step on all rows."""
    rng = np.random.default_rng(0)
    inputs, wanted = rng.normal(size=(30, 3)), rng.normal(size=30)

    def gradient(rows: slice, at: Vector) -> Vector:
        found: Vector = inputs[rows].T @ (inputs[rows] @ at - wanted[rows]) / len(inputs[rows])
        return found

    parts, start = (slice(0, 10), slice(10, 30)), np.ones(3)
    mean = np.sum([(p.stop - p.start) / 30 * -0.1 * gradient(p, start) for p in parts], axis=0)
    found = make_strategy(StrategySpec(), 3).step(start, {"update": mean}, 1.0)
    np.testing.assert_allclose(found, start - 0.1 * gradient(slice(0, 30), start))


def test_fedadam_is_adam_without_bias_correction() -> None:
    spec = StrategySpec(name="fedadam", server_learning_rate=0.1, beta1=0.8, beta2=0.9, tau=0.01)
    strategy = make_strategy(spec, 3)
    first, second, plain = np.zeros(3), np.full(3, 1e-4), np.zeros(3)
    found = np.zeros(3)
    for update in np.random.default_rng(2).normal(size=(5, 3)):
        found = strategy.step(found, {"update": update}, 1.0)
        first = 0.8 * first + 0.2 * update
        second = 0.9 * second + 0.1 * update**2
        plain = plain + 0.1 * first / (np.sqrt(second) + 0.01)
    np.testing.assert_allclose(found, plain)


def test_fedadam_goes_the_way_of_torchs_adam() -> None:
    """Without moments both are sign steps: an independent check of direction and size."""
    start = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    reference = torch.optim.Adam([start], lr=0.1, betas=(0.0, 0.0), eps=1e-3)
    strategy = make_strategy(
        StrategySpec(name="fedadam", server_learning_rate=0.1, beta1=0, beta2=0, tau=1e-3), 4
    )
    found = np.zeros(4)
    for update in np.random.default_rng(3).normal(size=(4, 4)):
        start.grad = torch.from_numpy(-update)
        reference.step()
        found = strategy.step(found, {"update": update}, 1.0)
    np.testing.assert_allclose(found, start.detach().numpy())


def test_scaffold_moves_its_control_by_the_share_that_answered() -> None:
    strategy = make_strategy(StrategySpec(name="scaffold"), 2)
    assert strategy.sends()["control"].tolist() == [0.0, 0.0]
    combined = {"update": np.array([1.0, 1.0]), "control": np.array([4.0, -2.0])}
    assert strategy.step(np.zeros(2), combined, 0.5).tolist() == [1.0, 1.0]
    assert strategy.sends()["control"].tolist() == [2.0, -1.0]


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_a_restored_strategy_goes_on_with_the_same_bits(name: str) -> None:
    spec = StrategySpec.model_validate({"name": name, "server_learning_rate": 0.1})
    rows = np.random.default_rng(4).normal(size=(6, 5))

    def run(strategy: Strategy, at: Vector, rows: Vector) -> Vector:
        for row in rows:
            combined = {"update": row, **dict.fromkeys(strategy.sends(), row / 2)}
            at = strategy.step(at, combined, 0.75)
        return at

    whole = run(make_strategy(spec, 5), np.zeros(5), rows)
    first = make_strategy(spec, 5)
    half = run(first, np.zeros(5), rows[:3])
    kept = {k: v.copy() for k, v in first.state().items()}
    second = make_strategy(spec, 5)
    second.restore(kept)
    assert run(second, half, rows[3:]).tobytes() == whole.tobytes()
