"""The verdict on a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What can be said of a file without loading it."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Inspection:
    """What a file is, and whether loading it can do harm.

    Attributes:
        path: the file, as it was given.
        format: what its content is, whatever its name says.
        verdict: `safe` only when every byte was accounted for and nothing in it can run;
            `unknown` means not proved safe, so treat it as unsafe.
        reasons: why it isn't safe; empty when it is.
    """

    path: str
    format: str
    verdict: Verdict
    reasons: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "path": self.path,
            "format": self.format,
            "verdict": str(self.verdict),
            "reasons": list(self.reasons),
        }


@dataclass
class Report:
    """Reasons, while they are collected."""

    format: str = "unknown"
    unsafe: dict[str, None] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)

    def danger(self, reason: str) -> None:
        """Note what makes the file dangerous."""
        self.unsafe[reason] = None

    def doubt(self, reason: str) -> None:
        """Note what keeps the file from being proved safe."""
        self.unknown[reason] = None

    def conclude(self, path: str) -> Inspection:
        """Return the verdict."""
        verdict = (
            Verdict.UNSAFE if self.unsafe else Verdict.UNKNOWN if self.unknown else Verdict.SAFE
        )
        return Inspection(path, self.format, verdict, (*self.unsafe, *self.unknown))
