"""Draws from the discrete Gaussian, exactly: whole numbers and comparisons, no floating point.

Canonne, Kamath and Steinke 2020, "The Discrete Gaussian for Differential Privacy": a discrete
Laplace draw of scale s (their algorithm 2) is kept with the chance that makes it Gaussian
(algorithm 3), each coin with chance e^-x tossed by their algorithm 1. Where a chance is a product,
its factors are tossed one after the other, so that no number outgrows a word; which draws come out,
and how likely, is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST = np.uint64(2**64 - 1)
_ONE = np.uint64(1)


@compiled
def _below(words: NDArray[np.uint64], at: int, bound: np.uint64) -> tuple[np.uint64, int]:
    """Return a uniform number below the bound, and the next word's place.

    The place lies behind the last word by more than one if they were too few.
    """
    while at < len(words):
        word = words[at]
        at += 1
        rest = word % bound
        # Words of the last, cut-off stretch would make small numbers likelier.
        if word - rest <= _MOST - (bound - _ONE):
            return rest, at
    return bound - _ONE, len(words) + 1


@compiled
def _exponential(
    words: NDArray[np.uint64], at: int, above: np.uint64, below: np.uint64
) -> tuple[bool, int]:
    """Toss a coin that shows True with chance exp(-above / below); above <= below < 2^63.

    Algorithm 1: the first k at which a coin with chance (above / below) / k fails is odd. That coin
    is one of chance above / below and one of chance 1 / k.
    """
    k = np.uint64(1)
    while at <= len(words):
        found, at = _below(words, at, below)
        if found >= above:
            break
        if k > _ONE:
            found, at = _below(words, at, k)
            if found > np.uint64(0):
                break
        k += _ONE
    return bool(k & _ONE), at


@compiled
def _tosses(
    words: NDArray[np.uint64], at: int, above: np.uint64, below: np.uint64, count: int
) -> tuple[bool, int]:
    """Toss a coin that shows True with chance exp(-count above / below)."""
    for _ in range(count):
        shown, at = _exponential(words, at, above, below)
        if not shown:
            return False, at
    return True, at


@compiled
def _kept(
    words: NDArray[np.uint64], at: int, part: np.uint64, whole: int, scale: np.uint64
) -> tuple[bool, int]:
    """Toss for |y| = part + whole scale: chance exp(-(|y| - scale)² / (2 scale²))."""
    square = np.uint64(2) * scale * scale
    if whole == 0:
        rest = scale - part
        return _exponential(words, at, rest * rest, square)
    # ((whole - 1) + part / scale)² / 2, term by term.
    shown, at = _tosses(words, at, _ONE, np.uint64(2), (whole - 1) * (whole - 1))
    if shown:
        shown, at = _tosses(words, at, part, scale, whole - 1)
    if shown:
        shown, at = _exponential(words, at, part * part, square)
    return shown, at


@compiled
def discrete_gaussians(words: NDArray[np.uint64], scale: np.uint64, out: NDArray[np.int64]) -> int:
    """Fill `out` with draws: y has a chance in proportion to exp(-y² / (2 scale²)).

    Args:
        words: uint64 [any number], of the key stream.
        scale: from 1 to 2^31 - 1.
        out: [n].

    Returns:
        How many words were used; more than there are if they were too few.
    """
    at = 0
    for i in range(len(out)):
        while at <= len(words):
            part, at = _below(words, at, scale)
            shown, at = _exponential(words, at, part, scale)
            if not shown:
                continue
            whole = 0
            while at <= len(words):
                shown, at = _exponential(words, at, _ONE, _ONE)
                if not shown:
                    break
                whole += 1
            sign, at = _below(words, at, np.uint64(2))
            if sign == _ONE and part == np.uint64(0) and whole == 0:
                continue
            shown, at = _kept(words, at, part, whole, scale)
            if shown:
                value = np.int64(part) + np.int64(whole) * np.int64(scale)
                out[i] = -value if sign == _ONE else value
                break
        if at > len(words):
            return at
    return at
