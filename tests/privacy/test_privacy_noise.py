"""If this fails, the noise is not the noise that was accounted, or its coins can be guessed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from strongroom.errors import InputError
from strongroom.privacy import SecretStream, noisy_sum
from strongroom.privacy._noise import grid_step

SEED = bytes(range(32))
# Every statistical test below is on fixed coins: it can't flicker. Each asks for p > 1e-4, so a
# right implementation had one chance in ten thousand per test to be rejected when it was written.
FALSE_ALARM = 1e-4


def test_the_key_stream_is_the_standards(monkeypatch: pytest.MonkeyPatch) -> None:
    # McGrew & Viega, "The Galois/Counter Mode of Operation", test case 14: AES-256, zero key, zero
    # nonce, one block of zeros.
    class ZeroKey:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def derive(self, _: bytes) -> bytes:
            return bytes(32)

    monkeypatch.setattr("strongroom.privacy._noise.HKDF", ZeroKey)
    assert SecretStream(SEED).raw("", 0, 16).hex() == "cea7403d4d606b6e074ec5d3baf39d18"


def test_coins_depend_on_seed_label_and_step_and_on_nothing_else() -> None:
    stream = SecretStream(SEED)
    first = stream.raw("noise", 3, 64)
    stream.raw("noise", 4, 10_000)
    assert stream.raw("noise", 3, 64) == first
    assert SecretStream(SEED).raw("noise", 3, 128)[:64] == first
    others = [
        stream.raw("noise", 4, 64),
        stream.raw("sample", 3, 64),
        SecretStream(bytes(32)).raw("noise", 3, 64),
        SecretStream().raw("noise", 3, 64),
    ]
    assert len({first, *others}) == 5


def test_draws_of_one_address_differ_from_part_to_part(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = SecretStream(SEED)
    monkeypatch.setattr("strongroom.privacy._noise._TOGETHER", 64)
    draws = stream.normal("noise", 1, 1000)
    assert len(set(draws.tolist())) == 1000
    np.testing.assert_array_equal(draws[64:128], stream.normal("noise", 1, 128)[64:])
    assert (stream.words("noise", 1, 64, 1) != stream.words("noise", 1, 64, 0)).all()


def test_an_address_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strongroom.privacy._noise._LONGEST", 32)
    with pytest.raises(InputError, match="more coins than one address has"):
        SecretStream(SEED).words("noise", 1, 5)


def test_a_label_cannot_collide_with_a_step() -> None:
    stream = SecretStream(SEED)
    assert stream.raw("a", 12, 16) != stream.raw("a\x001", 2, 16)


def test_a_short_seed_is_refused() -> None:
    with pytest.raises(InputError, match="32 bytes"):
        SecretStream(b"short")


def test_normals_are_normal() -> None:
    draws = SecretStream(SEED).normal("noise", 1, 400_000)
    assert stats.kstest(draws, "norm").pvalue > FALSE_ALARM
    chi = float((draws**2).sum())
    assert stats.chi2.sf(chi, len(draws)) > FALSE_ALARM
    assert stats.chi2.cdf(chi, len(draws)) > FALSE_ALARM
    # Fourth moment: 3, with variance 96/n. A sum of few uniforms would fail here.
    assert abs((draws**4).mean() - 3) < 3.9 * math.sqrt(96 / len(draws))
    assert float(stats.norm.sf(4) * len(draws)) == pytest.approx(np.sum(draws > 4), abs=16)


def test_normals_are_independent_within_and_across_steps() -> None:
    stream = SecretStream(SEED)
    one, other = stream.normal("noise", 1, 100_001), stream.normal("noise", 2, 100_001)
    limit = 3.9 / math.sqrt(len(one))
    half = len(one) // 2
    for a, b in ((one, other), (one[1:], one[:-1]), (one[: half + 1], one[half:])):
        assert abs(np.corrcoef(a, b)[0, 1]) < limit
        assert abs(np.corrcoef(a**2, b**2)[0, 1]) < limit


def test_uniforms_are_uniform_and_never_touch_the_ends() -> None:
    draws = SecretStream(SEED).uniform("u", 0, 200_000)
    assert stats.kstest(draws, "uniform").pvalue > FALSE_ALARM
    assert 0 < draws.min() < draws.max() < 1


@pytest.mark.parametrize("rate", [0.001, 0.3, 0.5])
def test_bernoulli_has_its_rate(rate: float) -> None:
    shown = int(SecretStream(SEED).bernoulli("b", 0, 200_000, rate).sum())
    assert stats.binomtest(shown, 200_000, rate).pvalue > FALSE_ALARM


def test_rate_one_takes_everybody() -> None:
    assert SecretStream(SEED).bernoulli("b", 0, 1000, 1.0).all()


def noisy(total: np.ndarray, sigma: float = 2.0, step: int = 1) -> np.ndarray:
    return noisy_sum(
        total,
        sensitivity=0.5,
        noise_multiplier=sigma,
        stream=SecretStream(SEED),
        label="noise",
        step=step,
    )


@given(shift=st.floats(-1e6, 1e6), count=st.integers(1, 40))
@settings(max_examples=50, deadline=None)
def test_outputs_stand_on_a_grid_that_no_value_shapes(shift: float, count: int) -> None:
    grid = grid_step(0.5, count)
    found = noisy(np.full(count, shift)) / grid
    assert (found == np.rint(found)).all()
    assert math.frexp(grid)[0] == 0.5
    assert grid * math.sqrt(count) <= 0.5 * 2**-20


def test_adding_a_grid_vector_commutes_with_the_noise() -> None:
    total = np.array([0.1, 12.25, -3.7])
    shift = np.array([5.0, -8.0, 1e5]) * grid_step(0.5, 3)
    assert (
        noisy(total + shift) - shift == noisy(np.rint(total / shift[0] * 5) * shift[0] / 5)
    ).all()


def test_the_noise_has_the_deviation_that_is_accounted() -> None:
    draws = noisy(np.zeros(200_000))
    chi = float((draws**2).sum()) / (2.0 * 0.5) ** 2
    assert stats.chi2.sf(chi, len(draws)) > FALSE_ALARM
    assert stats.chi2.cdf(chi, len(draws)) > FALSE_ALARM
