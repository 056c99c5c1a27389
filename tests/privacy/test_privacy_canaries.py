"""If this fails, the canaries don't measure the training they ride in, or they disturb it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from strongroom.privacy import (
    CanaryObservation,
    ClippedGradient,
    SecretStream,
    SlotCanaries,
    noisy_sum,
)
from strongroom.privacy._canaries import SLOT, WithSlots

COUNT, CLIP = 200, 0.5
STREAM = SecretStream(bytes(range(32)))


def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(outputs, targets, reduction="none")


def engine(*, hidden: bool = False, classes: int = 2) -> tuple[WithSlots, ClippedGradient]:
    torch.manual_seed(3)
    body = (
        nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, classes))
        if hidden
        else nn.Linear(6, classes)
    )
    network = WithSlots(body, COUNT, classes)
    return network, ClippedGradient(network, CLIP)


@pytest.mark.parametrize(("hidden", "classes"), [(False, 2), (True, 2), (True, 5)])
def test_a_canary_lies_in_its_own_slot(hidden: bool, classes: int) -> None:
    _, clip = engine(hidden=hidden, classes=classes)
    canaries = SlotCanaries(COUNT, 6, STREAM)
    found = canaries.batch(clip, loss, np.arange(COUNT) < 50)
    assert found is not None
    slots = found.total[SLOT][:, 0].numpy()
    there = canaries.included & (np.arange(COUNT) < 50)
    assert np.abs(slots[there]) == pytest.approx(np.full(there.sum(), CLIP), rel=1e-5)
    assert not slots[~there].any()
    elsewhere = torch.cat([v.flatten() for k, v in found.total.items() if k != SLOT])
    assert float(elsewhere.norm()) < 1e-3 * CLIP * there.sum()


def test_slots_change_no_prediction() -> None:
    network, _ = engine(hidden=True)
    rows = torch.randn(20, 6)
    assert (network(rows) == network.body(rows)).all()


def test_real_rows_leave_the_slots_alone() -> None:
    _, clip = engine()
    found = clip((torch.randn(20, 6),), torch.zeros(20, dtype=torch.long), loss)
    assert not found.total[SLOT].any()


def test_the_coins_are_fair_and_nobody_drawn_means_nothing_to_add() -> None:
    canaries = SlotCanaries(10_000, 6, STREAM)
    assert stats.binomtest(int(canaries.included.sum()), 10_000).pvalue > 1e-4
    _, clip = engine()
    assert SlotCanaries(COUNT, 6, STREAM).batch(clip, loss, np.zeros(COUNT, dtype=bool)) is None


@pytest.mark.parametrize("rate", [1.0, 0.3])
def test_scores_are_the_log_likelihood_ratio(rate: float) -> None:
    sigma, steps = 2.0, 20
    _, clip = engine()
    canaries = SlotCanaries(COUNT, 6, STREAM)
    expected = np.zeros(COUNT)
    for step in range(1, steps + 1):
        drawn = STREAM.bernoulli("drawn", step, COUNT, rate)
        batch = canaries.batch(clip, loss, drawn)
        assert batch is not None
        noisy = noisy_sum(
            batch.total[SLOT][:, 0].double().numpy(),
            sensitivity=CLIP,
            noise_multiplier=sigma,
            stream=STREAM,
            label="noise",
            step=step,
        )
        canaries.observe(clip, loss, noisy, deviation=sigma * CLIP, rate=rate)
        signs = np.where(np.arange(COUNT) % 2 == 0, 1, -1)
        own = (
            signs
            * CLIP
            * float(np.sign(batch.total[SLOT].numpy() @ [1])[canaries.included & drawn][0])
        )
        own *= signs[np.flatnonzero(canaries.included & drawn)[0]]
        inside = rate * stats.norm.pdf(noisy, own, sigma * CLIP)
        outside = stats.norm.pdf(noisy, 0, sigma * CLIP)
        expected += np.log((inside + (1 - rate) * outside) / outside)
    np.testing.assert_allclose(canaries.scores, expected, atol=1e-4)


def test_an_observation_survives_json() -> None:
    before = CanaryObservation(np.array([0.5, -1.0]), np.array([True, False]), 1.0, 1e-5, "slots")
    after = CanaryObservation.from_json(json.loads(json.dumps(before.to_json())))
    assert (after.scores == before.scores).all()
    assert (after.included == before.included).all()
    assert (after.epsilon, after.delta, after.what) == (1.0, 1e-5, "slots")
    assert math.isfinite(after.scores.sum())
