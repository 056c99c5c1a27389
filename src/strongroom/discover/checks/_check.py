"""The Check noun: a named program over the symbols of a span."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strongroom.discover.checks import _instructions as op


@dataclass(frozen=True, slots=True)
class Check:
    """One checksum.

    Attributes:
        name: what it is called in lists of recognizers ("luhn").
        program: what the kernel runs; see `_kernels.passes`.
    """

    name: str
    program: tuple[int, ...]

    @classmethod
    def of(cls, name: str, *parts: op.Code) -> Check:
        """Write a program of instructions one after the other."""
        return cls(name, op.join(*parts, (op.END,)))

    def passes(self, text: str) -> bool:
        """Say whether one text satisfies it; the engine asks the kernel itself."""
        from strongroom.discover.checks import _kernels as kernels

        data = np.frombuffer(text.encode(), np.uint8)
        scratch = np.empty(kernels.SCRATCH, np.int64)
        program = np.array(self.program, np.int64)
        return bool(kernels.passes(data, 0, len(data), program, 0, scratch))
