"""Shamir's secret sharing (Shamir 1979) over the integers modulo the first prime above 2^256.

A secret of 32 bytes is the value at 0 of a random polynomial of degree `threshold` - 1; a share is
its value at a holder's own place. Fewer shares than `threshold` say nothing about the secret.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PRIME = 2**256 + 297
SECRET_BYTES = 32
SHARE_BYTES = 33
# A coefficient is so many random bytes modulo PRIME: off from uniform by less than 2^-127.
COIN_BYTES = 48


def split(secret: bytes, places: Sequence[int], threshold: int, coins: bytes) -> list[int]:
    """Return a share of the secret for each place.

    Args:
        secret: 32 bytes.
        places: of the holders: different numbers, from 1.
        threshold: so many shares give the secret back.
        coins: `COIN_BYTES` secret random bytes for each share of the threshold but one.
    """
    if len(secret) != SECRET_BYTES or len(coins) != COIN_BYTES * (threshold - 1):
        raise ValueError("a secret or coins of another length")
    polynomial = [
        int.from_bytes(coins[at : at + COIN_BYTES], "big") % PRIME
        for at in range(0, len(coins), COIN_BYTES)
    ]
    polynomial.append(int.from_bytes(secret, "big"))
    shares = []
    for place in places:
        value = 0
        for coefficient in polynomial:
            value = (value * place + coefficient) % PRIME
        shares.append(value)
    return shares


def join(shares: Mapping[int, int]) -> bytes | None:
    """Return the secret whose shares these are, by place; None where they are nobody's.

    It takes exactly `threshold` of them, or more that lie on the same polynomial.
    """
    places = tuple(sorted(shares))
    weights = _weights_at_zero(places)
    value = sum(w * shares[p] for w, p in zip(weights, places, strict=True)) % PRIME
    return value.to_bytes(SECRET_BYTES, "big") if value < 1 << 8 * SECRET_BYTES else None


@lru_cache(maxsize=256)
def _weights_at_zero(places: tuple[int, ...]) -> tuple[int, ...]:
    """Return Lagrange's weights: the same for every secret with the same holders."""
    weights = []
    for place in places:
        above, below = 1, 1
        for other in places:
            if other != place:
                above = above * other % PRIME
                below = below * (other - place) % PRIME
        weights.append(above * pow(below, -1, PRIME) % PRIME)
    return tuple(weights)
