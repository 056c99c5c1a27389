"""The nouns of the way: what a stage is given and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from strongroom.config import Config
    from strongroom.store import Workspace


class View(Protocol):
    """Who watches a run. It also is the `Progress` of the running stage."""

    def started(self, stage: str) -> None:
        """A stage begins."""

    def step(self, done: float, total: float, note: str = "") -> None:
        """The running stage is `done` of `total`."""

    def finished(self, stage: str, summary: str, seconds: float, *, skipped: bool) -> None:
        """A stage is done, or was unchanged and skipped."""

    def failed(self, stage: str) -> None:
        """A stage ended in an error or was interrupted."""


@dataclass
class Way:
    """What a stage may use: the configuration, the workspace, and earlier stages' results.

    Attributes:
        config: the parsed strongroom.toml.
        folder: where strongroom.toml stands; paths in it are relative to this.
        workspace: open for writing.
        view: is told of progress.
        docs: stage name to its document (metrics and names, never values).
        outputs: stage name to its artefacts, name to digest of the sealed file.
        key: of the stage that runs now.
        code: of that stage: a digest of all source that decides its outcome.
    """

    config: Config
    folder: Path
    workspace: Workspace
    view: View
    docs: dict[str, dict[str, Any]] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    key: str = ""
    code: str = ""

    def path(self, name: str) -> Path:
        """Resolve a path of the configuration."""
        return self.folder / Path(name).expanduser()


@dataclass(frozen=True)
class Outcome:
    """What a stage leaves: a document for people and machines, and sealed artefacts."""

    doc: dict[str, Any]
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reads:
    """What a stage reads of an earlier one, and so what makes it run again.

    Attributes:
        doc: the earlier stage's document.
        artefacts: names of its artefacts; those that it didn't leave are passed over.
    """

    doc: bool = False
    artefacts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    """One step of the way.

    Attributes:
        name: the verb.
        reads: what it reads of earlier stages.
        rooms: packages whose code decides the outcome.
        settings: the part of the configuration that decides the outcome, as JSON values.
        work: does it.
        summary: one line (or more) about the document, for the terminal.
        intact: says whether what it left outside the workspace is still there.
        code: its file among the stages; the one of its name by default.
    """

    name: str
    reads: Mapping[str, Reads]
    rooms: tuple[str, ...]
    settings: Callable[[Way], Any]
    work: Callable[[Way], Outcome]
    summary: Callable[[Mapping[str, Any]], str]
    intact: Callable[[Way, Mapping[str, Any]], bool] = lambda _way, _doc: True
    code: str = ""
