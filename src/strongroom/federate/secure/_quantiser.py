"""Numbers on a grid: what a secure sum can add up without error."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from strongroom.federate.secure._setting import SecureError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.federate._recipe import SecureSpec
    from strongroom.privacy import SecretStream


class Quantiser:
    """Weighted vectors as whole numbers, such that a sum of all members' can't wrap around.

    The mean of vectors v with weights w is (Σ w v) / (Σ w): each site encodes w v, and w as one
    more entry, in steps of 2^-precision. Decoding the secure sum gives, to the bit, what decoding
    the sum of the encoded vectors in the clear gives.

    By default each number goes to the nearest step: the same numbers always give the same vector,
    and a mean is off by at most half a step over the mean weight. With coins it goes up or down by
    chance, so that its expectation is exact: for few bits after the point and many rounds, where
    errors that always go one way would add up.

    Args:
        spec: `bits` of the field, `bound` on the size of a coordinate of w v, `precision`.
        members: the most vectors in a sum.

    Attributes:
        step: 2^-precision.

    Raises:
        SecureError: so many numbers up to the bound don't fit the field.
    """

    def __init__(self, spec: SecureSpec, members: int) -> None:
        self.step = 2.0**-spec.precision
        self._bound, self._members = spec.bound, members
        # Rounding may go one step beyond the bound.
        self._most = math.ceil(spec.bound / self.step) + 1
        room = 1 << (spec.bits - 1)
        if members * self._most >= room:
            fits = math.floor(math.log2(room / (members * spec.bound)))
            raise SecureError(
                f"{members} numbers up to {spec.bound:g} with {spec.precision} bits after the "
                f"point don't fit {spec.bits} bits",
                hint=f"precision = {fits - 1} or less, or bits = 64",
            )

    def encode(
        self,
        vector: NDArray[np.floating],
        weight: float = 1.0,
        *,
        coins: SecretStream | None = None,
        step: int = 0,
    ) -> NDArray[np.int64]:
        """Return w v and w, in steps.

        Args:
            vector: float32 or float64 [d].
            weight: w, above 0: a site's part relative to others, such as its rows over those of
                the largest site; at most the bound.
            coins: for rounding by chance; None: to the nearest.
            step: with the label "quantise", the address of the coins.

        Returns:
            int64 [d + 1].

        Raises:
            SecureError: a number that isn't finite, or a coordinate above the bound. Nothing is cut
                off unasked.
        """
        values = np.append(np.asarray(vector, np.float64), 1.0)
        if not (0 < weight < math.inf and np.isfinite(values).all()):
            raise SecureError("an update or a weight that isn't a finite number")
        values *= weight
        over = int(np.count_nonzero(np.abs(values) > self._bound))
        if over:
            raise SecureError(
                f"{over:,} of {values.size:,} weighted coordinates are above the bound of "
                f"{self._bound:g}",
                hint="secure.bound: larger, or a smaller learning rate or clip norm",
            )
        values /= self.step
        if coins is None:
            steps = np.rint(values)
        else:
            steps = np.floor(values)
            steps += coins.uniform("quantise", step, values.size) < values - steps
        found: NDArray[np.int64] = steps.astype(np.int64)
        return found

    def decode(self, total: NDArray[np.int64]) -> tuple[NDArray[np.float64], float]:
        """Return the weighted sum and the sum of the weights; their quotient is the mean.

        Args:
            total: int64 [d + 1], the sum of at most `members` encoded vectors.

        Returns:
            Σ w v, float64 [d], and Σ w.

        Raises:
            SecureError: numbers that no such sum has: somebody's vector wasn't one.
        """
        most = self._members * self._most
        if total.size < 1 or int(total[-1]) <= 0 or ((total < -most) | (total > most)).any():
            raise SecureError(
                "the sum holds numbers that no sum of vectors within the bound has",
                hint="a site sent another vector than it should, or a false share",
            )
        values = total.astype(np.float64) * self.step
        return values[:-1], float(values[-1])

    def mean(self, total: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the weighted mean, float64 [d]; see `decode`."""
        vectors, weight = self.decode(total)
        return vectors / weight
