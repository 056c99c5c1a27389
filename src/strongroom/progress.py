"""How long work tells the outside how far it is, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told by every job that may take more than two seconds."""

    def step(self, done: float, total: float, note: str = "") -> None:
        """Say that `done` of `total` units are finished; `note` is a short current fact."""


class _Silent:
    def step(self, done: float, total: float, note: str = "") -> None:
        """Say nothing."""


SILENT: Progress = _Silent()
