"""Checksums of addresses on block chains, for `Rule.verify`.

They stand apart from the check-digit programs because they are larger than all of those together:
only a scan that meets something with the shape of an address compiles them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Address:
    """One kind of checksum, by its name in `_kernels_wallets` ("BASE58")."""

    kind: str

    def __call__(self, text: str) -> bool:
        """Say whether a text is an address with a right checksum."""
        data = np.frombuffer(text.encode(), np.uint8)
        return bool(self.spans(data, np.zeros(1, np.int64), np.array([len(data)], np.int64))[0])

    def spans(
        self, data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Say it of many spans of a text at once.

        Args:
            data: uint8, UTF-8.
            starts: int64 [n], where each begins.
            ends: int64 [n], where each ends.
        """
        from strongroom.discover.checks import _kernels_wallets as kernels

        right = np.empty(len(starts), np.bool_)
        kernels.addresses(data, starts, ends, getattr(kernels, self.kind), right)
        return right
