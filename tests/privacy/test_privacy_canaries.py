"""If this fails, the canaries don't measure the training they ride in, or they disturb it."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from strongroom.privacy import (
    Automatic,
    CanaryObservation,
    ClippedGradient,
    Flat,
    PerLayer,
    SecretStream,
    SlotCanaries,
    noisy_sum,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

COUNT, CLIP = 201, 0.5
STREAM = SecretStream(bytes(range(32)))


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs, targets, reduction="none")


def next_token(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs.mT, targets, reduction="none").mean(1)


class LastTokens(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(11, 4)
        self.head = nn.Linear(4, 11)

    def forward(self, tokens: Tensor) -> Tensor:
        outputs: Tensor = self.head(self.tokens(tokens))
        return outputs


class Picture(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3 * 8 * 8, 10)

    def forward(self, pictures: Tensor) -> Tensor:
        outputs: Tensor = self.head(pictures.float().flatten(1) / 255)
        return outputs


KINDS: dict[str, Callable[[], tuple[nn.Module, Tensor, Tensor, Any]]] = {
    "logistic": lambda: (nn.Linear(6, 2), torch.randn(1, 6), torch.tensor([1]), loss),
    "mlp": lambda: (
        nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 5)),
        torch.randn(1, 6),
        torch.tensor([4]),
        loss,
    ),
    "pictures": lambda: (
        Picture(),
        torch.full((1, 3, 8, 8), 9, dtype=torch.uint8),
        torch.tensor([3]),
        loss,
    ),
    "tokens": lambda: (
        LastTokens(),
        torch.full((1, 7), 5),
        torch.full((1, 7), 6),
        next_token,
    ),
}


def planted(kind: str = "logistic", *, count: int = COUNT, views: int = 1) -> SlotCanaries:
    torch.manual_seed(3)
    network, row, target, how = KINDS[kind]()
    return SlotCanaries(
        count,
        network=network,
        clipper=lambda module: ClippedGradient(module, CLIP, rows_per_unit=views),
        row=row,
        target=target,
        loss=how,
        stream=STREAM,
        views=views,
    )


def signs(count: int = COUNT) -> NDArray[np.float64]:
    """Return the sign of each canary's gradient: a larger slot raises the loss of label 0."""
    return np.where(np.arange(count) < (count + 1) // 2, 1.0, -1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_canary_is_worth_a_whole_row_whatever_the_network(kind: str) -> None:
    canaries = planted(kind)
    slots = canaries.ride(1, 1.0)
    np.testing.assert_allclose(slots, canaries.included * signs() * CLIP, rtol=1e-5)


@pytest.mark.parametrize("clipping", [PerLayer(CLIP), Automatic(CLIP)])
def test_a_canary_is_worth_a_whole_row_however_rows_are_clipped(
    clipping: PerLayer | Automatic,
) -> None:
    network, row, target, how = KINDS["mlp"]()
    canaries = SlotCanaries(
        COUNT,
        network=network,
        clipper=lambda module: ClippedGradient(module, clipping),
        row=row,
        target=target,
        loss=how,
        stream=STREAM,
    )
    largest = np.abs(canaries.ride(1, 1.0)).max()
    assert 0.999 * CLIP < largest <= CLIP * (1 + 1e-6)


def test_the_coins_are_fair_and_each_canary_is_drawn_at_the_rate() -> None:
    canaries = planted(count=10_000)
    inside = int(canaries.included.sum())
    assert stats.binomtest(inside, 10_000).pvalue > 1e-4
    times = sum(canaries.ride(step, 0.2) != 0 for step in range(1, 41))
    assert not times[~canaries.included].any()
    of_each = np.bincount(times[canaries.included], minlength=41)
    expected = inside * stats.binom.pmf(np.arange(41), 40, 0.2)
    middle = expected > 5
    seen, wanted = of_each[middle], expected[middle]
    assert stats.chi2.sf(np.square(seen - wanted).dot(1 / wanted), middle.sum()) > 1e-4


def test_nobody_drawn_adds_nothing() -> None:
    assert not planted().ride(1, 1e-12).any()


@pytest.mark.parametrize("rate", [1.0, 0.3])
def test_scores_are_the_log_likelihood_ratio(rate: float) -> None:
    sigma, steps = 2.0, 20
    canaries = planted()
    expected = np.zeros(COUNT)
    own = signs() * CLIP
    for step in range(1, steps + 1):
        noisy = noisy_sum(
            canaries.ride(step, rate),
            sensitivity=CLIP,
            noise_multiplier=sigma,
            stream=STREAM,
            label="noise",
            step=step,
        )
        canaries.observe(noisy, deviation=sigma * CLIP, rate=rate)
        inside = rate * stats.norm.pdf(noisy, own, sigma * CLIP)
        outside = stats.norm.pdf(noisy, 0, sigma * CLIP)
        expected += np.log((inside + (1 - rate) * outside) / outside)
    np.testing.assert_allclose(canaries.scores, expected, atol=1e-4)


def test_the_prototypes_are_clipped_anew_whenever_the_clip_norm_moves() -> None:
    canaries = planted()
    for step, norm in ((1, CLIP), (2, 0.1), (3, 0.1), (4, 2.0)):
        canaries.engine.clipping = Flat(norm)
        assert float(np.abs(canaries.ride(step, 1.0)).max()) == pytest.approx(norm, rel=1e-5)


def test_a_run_that_is_taken_up_goes_on_in_the_same_bits() -> None:
    straight, killed = planted("mlp"), planted("mlp")
    coins = np.random.default_rng(0)
    noise = coins.normal(size=(40, COUNT)).astype(np.float32)
    for step in range(1, 41):
        straight.observe(straight.ride(step, 0.5) + noise[step - 1], deviation=1.0, rate=0.5)
    for step in range(1, 41):
        if step == 23:
            kept, killed = killed.state(), planted("mlp")
            killed.restore(kept)
        killed.observe(killed.ride(step, 0.5) + noise[step - 1], deviation=1.0, rate=0.5)
    np.testing.assert_array_equal(killed.scores, straight.scores)


def test_hardly_any_noise_overflows_no_score() -> None:
    canaries = planted()
    slots = canaries.ride(1, 0.5)
    canaries.observe(slots, deviation=CLIP / 100, rate=0.5)
    assert np.isfinite(canaries.scores).all()
    drawn = slots != 0
    np.testing.assert_allclose(canaries.scores[drawn], 5000 + math.log(0.5), rtol=1e-3)
    np.testing.assert_allclose(canaries.scores[~drawn], math.log(0.5))


def test_an_observation_survives_json() -> None:
    fact = {"type": "poisson_gaussian", "sampling_rate": 0.5, "noise_multiplier": 2.0, "steps": 3}
    before = CanaryObservation(
        np.array([0.5, -1.0]), np.array([True, False]), 1.0, 1e-5, "slots", fact
    )
    after = CanaryObservation.from_json(json.loads(json.dumps(before.to_json())))
    assert (after.scores == before.scores).all()
    assert (after.included == before.included).all()
    assert (after.epsilon, after.delta, after.what) == (1.0, 1e-5, "slots")
    assert after.mechanism == fact
    old = before.to_json()
    del old["mechanism"]  # as it was written before there were estimates
    assert CanaryObservation.from_json(old).mechanism is None
