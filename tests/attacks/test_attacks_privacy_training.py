"""If this fails, the audit of a stranger's private training accuses a sound one, or misses a bug.

The trainings audited here are DP-SGD as it is written by hand, whole or with one part broken.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from strongroom.attacks import EpsilonEstimate, NotEvaluable, OneRunBound
from strongroom.attacks.privacy import TrainingAudit, audit_training
from strongroom.errors import InputError
from strongroom.privacy import calibrate

if TYPE_CHECKING:
    from numpy.typing import NDArray

DELTA, CLIP = 1e-5, 1.0
Step = Callable[[Any], None]


# ruff: noqa: ARG001 - training functions have the arguments that they are called with


def people(rows: int = 300, columns: int = 6) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    coins = np.random.default_rng(1)
    inputs = coins.normal(size=(rows, columns)).astype(np.float32)
    labels = (inputs[:, 0] + coins.normal(size=rows) > 0).astype(np.int64)
    return inputs, labels


def dp_sgd(
    inputs: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    seed: int,
    on_step: Step | None = None,
    epsilon: float = 1.0,
    rate: float = 1.0,
    steps: int = 20,
    broken: str = "",
    shows: str = "network",
    momentum: float = 0.0,
) -> nn.Module:
    """Train a logistic model by DP-SGD (Abadi et al. 2016), or by something like it."""
    torch.manual_seed(seed)
    noise = calibrate(epsilon, DELTA, rate, steps).noise_multiplier
    network = nn.Linear(inputs.shape[1], 2)
    rows, targets = torch.from_numpy(inputs), torch.from_numpy(labels)
    expected = rate * len(rows)
    velocity = torch.zeros_like(network.weight)

    def see() -> None:
        if on_step is not None:
            on_step(network if shows == "network" else {"w": network.weight.detach().numpy()})

    see()
    for step in range(steps):
        drawn = torch.rand(len(rows)) < rate
        x, y = rows[drawn], targets[drawn]
        with torch.no_grad():
            error = torch.softmax(network(x), 1) - nn.functional.one_hot(y, 2)
            lengths = error.norm(dim=1) * (x.square().sum(1) + 1).sqrt()
            factors = (CLIP / lengths.clamp(min=1e-9)).clamp(max=1)
            if broken in {"no clipping", "clips the mean"}:
                factors = torch.ones_like(factors)
            if broken == "clips by the mean norm":
                factors = (CLIP / lengths.mean()).clamp(max=1).expand_as(factors)
            total = (error * factors[:, None]).T @ x
            if broken == "clips the mean":
                mean = total / expected
                total = mean * (CLIP / mean.norm()).clamp(max=1) * expected
            deviation = noise * CLIP
            if broken == "a quarter of the noise":
                deviation /= 4
            if broken == "no noise":
                deviation = 0.0
            own = torch.Generator().manual_seed(seed if broken == "same noise" else seed + step)
            total = total + deviation * torch.randn(total.shape, generator=own)
            velocity = momentum * velocity + total / expected
            network.weight -= velocity
        see()
    return network


def audited(
    epsilon: float,
    canaries: int = 1_000,
    rate: float = 1.0,
    seed: int = 0,
    rows: int = 300,
    scale: float | None = None,
    **how: Any,  # noqa: ANN401 - what `dp_sgd` takes
) -> TrainingAudit:
    return audit_training(
        partial(dp_sgd, epsilon=epsilon, rate=rate, **how),
        *people(rows),
        claimed_epsilon=epsilon,
        canaries=canaries,
        sampling_rate=rate,
        scale=scale,
        seed=seed,
    )


def updates(audit: TrainingAudit) -> OneRunBound:
    assert isinstance(audit.updates, OneRunBound)
    return audit.updates


@pytest.mark.parametrize("epsilon", [1.0, 4.0, 8.0])
def test_a_sound_training_is_never_refuted(epsilon: float) -> None:
    """Twenty trainings each; a bound errs in 5 % at most, and in far fewer where δ isn't spent."""
    shown, outside = [], []
    for run in range(20):
        rate = 0.1 if run % 4 == 0 else 1.0
        audit = audited(epsilon, 600, rate, seed=100 * run)
        assert not audit.refuted
        assert isinstance(audit.outside, OneRunBound)
        assert isinstance(audit.estimate, EpsilonEstimate)
        assert audit.estimate.epsilon_low <= epsilon
        shown.append(updates(audit).epsilon_lower)
        outside.append(audit.outside.epsilon_lower)
    assert max(shown) <= epsilon
    # Not for being blind.
    assert float(np.median(shown)) > (0.05, 0.2)[epsilon > 1] * epsilon
    assert max(outside) > 0


@pytest.mark.parametrize(
    ("broken", "rate"),
    [
        ("no noise", 1.0),
        ("no noise", 0.1),
        ("a quarter of the noise", 1.0),
        ("a quarter of the noise", 0.1),
        ("no clipping", 1.0),
        ("clips the mean", 1.0),
        ("clips the mean", 0.1),
        ("same noise", 0.1),
    ],
)
def test_a_broken_training_is_refuted(broken: str, rate: float) -> None:
    audit = audited(1.0, 1_000, rate, broken=broken, steps=40)
    assert updates(audit).epsilon_lower > 1.0
    assert audit.refuted


def test_rows_far_out_show_that_clipping_is_relative() -> None:
    audit = audited(1.0, 600, broken="clips by the mean norm", rows=3_000, scale=30.0)
    assert audit.refuted


def test_no_noise_is_seen_from_outside_too() -> None:
    audit = audited(1.0, broken="no noise")
    assert isinstance(audit.outside, OneRunBound)
    assert audit.outside.epsilon_lower > 1.0
    assert "probabilities" in audit.outside.knowledge


def test_momentum_is_undone_and_arrays_do_instead_of_a_network() -> None:
    plain = updates(audited(8.0, 2_000)).epsilon_lower
    heavy = updates(audited(8.0, 2_000, momentum=0.9)).epsilon_lower
    arrays = updates(audited(8.0, 2_000, shows="arrays")).epsilon_lower
    for found in (plain, heavy, arrays):
        assert 2.2 < found < 8.0


def test_several_trainings_are_judged_together() -> None:
    train = partial(dp_sgd, epsilon=4.0)
    one, three = (
        audit_training(train, *people(), claimed_epsilon=4.0, canaries=400, runs=runs)
        for runs in (1, 3)
    )
    assert three.canaries == 1_200
    assert updates(three).canaries == 1_200
    assert (updates(three).reachable or 0) > (updates(one).reachable or 0)


def test_a_deep_network_inside_a_wrapper_is_read_and_left_alone() -> None:
    class Wrapper(nn.Module):
        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self._module = network

    seen: list[torch.Tensor] = []

    def train(
        inputs: NDArray[np.float32], labels: NDArray[np.int64], *, seed: int, on_step: Step
    ) -> nn.Module:
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Linear(inputs.shape[1], 8), nn.ReLU(), nn.Linear(8, 1))
        network.register_forward_hook(lambda *_: seen.append(torch.zeros(1)))
        wrapped = Wrapper(network)
        rows, targets = torch.from_numpy(inputs), torch.from_numpy(labels).float()
        optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
        on_step(wrapped)
        for _ in range(10):
            optimizer.zero_grad()
            logits = network(rows).view(-1)
            loss: Any = nn.functional.binary_cross_entropy_with_logits(logits, targets)
            loss.backward()
            gradient = [p.grad.clone() for p in network.parameters() if p.grad is not None]
            optimizer.step()
            on_step(wrapped)
            left = [p.grad for p in network.parameters()]
            assert all(
                torch.equal(a, b) for a, b in zip(gradient, left, strict=True) if b is not None
            )
        return wrapped

    audit = audit_training(train, *people(), claimed_epsilon=1.0, canaries=500)
    assert len(seen) == 11  # the training's own ten, and the question at the end
    assert audit.steps == 10
    assert audit.refuted


def test_a_training_that_shows_nothing_is_judged_from_outside() -> None:
    def train(
        inputs: NDArray[np.float32], labels: NDArray[np.int64], *, seed: int
    ) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
        network = dp_sgd(inputs, labels, seed=seed, broken="no noise")
        weights = next(network.parameters()).detach().numpy()

        def probability(rows: NDArray[np.float32]) -> NDArray[np.float64]:
            found: NDArray[np.float64] = 1 / (1 + np.exp(rows @ (weights[0] - weights[1])))
            return found

        return probability

    audit = audit_training(train, *people(), claimed_epsilon=1.0, canaries=500)
    assert isinstance(audit.updates, NotEvaluable)
    assert "on_step" in audit.updates.reason
    assert isinstance(audit.estimate, NotEvaluable)
    assert audit.refuted
    assert list(audit.results) == ["privacy.one_run", "privacy.black_box", "privacy.estimate"]


def test_a_training_that_never_looks_shows_nothing() -> None:
    """Twenty that are 0-private: certified bounds stay near 0, and never above 0.3 (see below)."""

    def blind(
        inputs: NDArray[np.float32], labels: NDArray[np.int64], *, seed: int, on_step: Step
    ) -> nn.Module:
        torch.manual_seed(seed)
        network = nn.Linear(inputs.shape[1], 2)
        on_step(network)
        for _ in range(5):
            with torch.no_grad():
                network.weight += torch.randn_like(network.weight)
            on_step(network)
        return network

    above = 0
    for run in range(100):
        audit = audit_training(
            blind, *people(), claimed_epsilon=1.0, canaries=200, seed=1_000 * run
        )
        above += updates(audit).epsilon_lower > 0
    # 5 % of 100 is 5; 14 would happen once in 2,000.
    assert above < 14


def broken_function(*_: object, **__: object) -> None:
    raise ValueError("no such column")


@pytest.mark.parametrize(
    ("train", "more", "what"),
    [
        (broken_function, {}, "no such column"),
        (dp_sgd, {"canaries": 3}, "too few"),
        (dp_sgd, {"claimed_epsilon": -1.0}, "epsilon must be above 0"),
        (dp_sgd, {"sampling_rate": 2.0}, "rate"),
    ],
)
def test_a_users_mistake_is_said(
    train: Any,  # noqa: ANN401 - wrong on purpose
    more: dict[str, Any],
    what: str,
) -> None:
    with pytest.raises(InputError) as error:
        audit_training(train, *people(), **({"claimed_epsilon": 1.0, "canaries": 50} | more))
    assert what in str(error.value)


def test_a_model_that_leaves_the_columns_out_is_not_judged() -> None:
    def train(
        inputs: NDArray[np.float32], labels: NDArray[np.int64], *, seed: int, on_step: Step
    ) -> None:
        for _ in range(3):
            on_step(nn.Linear(6, 2))

    audit = audit_training(train, *people(), claimed_epsilon=1.0, canaries=50)
    assert isinstance(audit.updates, NotEvaluable)
    assert "156 inputs" in audit.updates.reason
    assert isinstance(audit.outside, NotEvaluable)
    assert "nothing that predicts" in audit.outside.reason
    assert not audit.refuted


@pytest.mark.parametrize(
    ("inputs", "labels", "what"),
    [
        (np.zeros(5), np.zeros(5, np.int64), "don't fit"),
        (np.full((5, 2), np.nan), np.array([0, 1, 0, 1, 0]), "NaN"),
        (np.zeros((5, 2)), np.zeros(5, np.int64), "two classes"),
        (np.zeros((2, 2)), np.array([0.0, 1.0]), "whole numbers"),
    ],
)
def test_data_that_cannot_be_audited_are_said(
    inputs: NDArray[Any], labels: NDArray[Any], what: str
) -> None:
    with pytest.raises(InputError, match=what):
        audit_training(dp_sgd, inputs, labels, claimed_epsilon=1.0)
