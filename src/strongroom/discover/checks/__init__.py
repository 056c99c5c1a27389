"""Check digits as data: programs of whole numbers that one kernel runs."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Check"]


@dataclass(frozen=True, slots=True)
class Check:
    """One checksum.

    Attributes:
        name: what it is called in lists of recognizers ("luhn").
        program: what the kernel runs; see `_kernels.passes`.
    """

    name: str
    program: tuple[int, ...]
