"""If this fails, the compiled noise isn't the ziggurat that its text says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from strongroom.privacy import SecretStream
from strongroom.privacy._kernels import EDGES, HEIGHTS, add_noise, normals

FALSE_ALARM = 1e-4
WORDS = SecretStream(bytes(range(32))).words("kernel", 0, 60_000)
MARKS = np.empty(50_000, np.uint8)


def twin(words: np.ndarray, count: int) -> tuple[list[float], int]:
    """Draw by the same method, a word at a time, in plain Python."""
    spare = count

    def uniform(word: int) -> float:
        return ((word >> 11) + 0.5) * 2.0**-53

    def take() -> int:
        nonlocal spare
        spare += 1
        return int(words[spare - 1])

    found = []
    for i in range(count):
        word = int(words[i])
        while True:
            strip = word & 255
            signed = ((word - (1 << 64) if word >> 63 else word) >> 11) * 2.0**-52
            value = signed * EDGES[strip]
            if abs(value) < EDGES[strip + 1]:
                break
            if strip == 0:
                while True:
                    beyond = -math.log(uniform(take())) / EDGES[1]
                    if -2 * math.log(uniform(take())) > beyond**2:
                        break
                value = math.copysign(EDGES[1] + beyond, signed)
                break
            low, high = HEIGHTS[strip + 1], HEIGHTS[strip]
            if low + uniform(take()) * (high - low) < math.exp(-(value**2) / 2):
                break
            word = take()
        found.append(float(value))
    return found, spare


def test_the_compiled_loop_agrees_with_its_plain_twin() -> None:
    out = np.empty(50_000)
    used = normals(WORDS, out, MARKS)
    expected, spent = twin(WORDS, len(out))
    np.testing.assert_allclose(out, expected, rtol=1e-15)
    assert used == spent
    assert (np.abs(out) > EDGES[1]).any()  # the tail was taken


def test_every_strip_has_the_same_area() -> None:
    strips = EDGES[1:-1] * (HEIGHTS[2:] - HEIGHTS[1:-1])
    tail = math.sqrt(2 * math.pi) * stats.norm.sf(EDGES[1]) + EDGES[1] * HEIGHTS[1]
    np.testing.assert_allclose(strips, EDGES[0] * HEIGHTS[1], rtol=1e-9)
    assert tail == pytest.approx(EDGES[0] * HEIGHTS[1], rel=1e-9)


def test_the_tail_beyond_the_strips_is_the_gaussians() -> None:
    draws = np.abs(SecretStream(bytes(32)).normal("tail", 0, 4_000_000))
    beyond = draws[draws > EDGES[1]] - EDGES[1]
    law = stats.truncnorm(EDGES[1], np.inf)
    assert stats.kstest(beyond + EDGES[1], law.cdf).pvalue > FALSE_ALARM
    expected = 2 * stats.norm.sf(EDGES[1])
    assert stats.binomtest(len(beyond), len(draws), expected).pvalue > FALSE_ALARM


def test_too_few_words_are_told_and_more_change_nothing() -> None:
    out = np.empty(50_000)
    assert normals(WORDS[:50_010], out, MARKS) > 50_010
    stream = SecretStream(bytes(32))
    few, many = stream.normal("n", 0, 7), stream.normal("n", 0, 7)
    np.testing.assert_array_equal(few, many)


def test_single_precision_is_the_double_result_rounded() -> None:
    total = np.linspace(-3, 3, 1000, dtype=np.float32)
    single, double = np.empty_like(total), np.empty(1000)
    add_noise(WORDS, total, 2.0**-20, 2.0**19, single, MARKS[:1000])
    add_noise(WORDS, total.astype(np.float64), 2.0**-20, 2.0**19, double, MARKS[:1000])
    np.testing.assert_array_equal(single, double.astype(np.float32))
