"""What an audit has finished, so that one that was interrupted goes on where it was.

A folder below the cache, one file per finished attack, named by everything that decides what the
attack finds: the model, the rows, the settings, the version. It holds findings and curves, no
record's value, and is gone when the audit is done.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from strongroom.audit._finding import Finding
from strongroom.files import user_errors, write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from strongroom.attacks import Rows

_FOLDER = "unfinished"
_KEPT_SECONDS = 14 * 24 * 3600.0


@dataclass(frozen=True)
class Finished:
    """What one attack came to, as JSON values where it isn't findings.

    Attributes:
        findings: unjudged.
        curve: its ROC curve, if it made one.
        exposed: the records that it is surest of, and its scores, if it tells.
        left_out: why its question doesn't arise for this model, if it doesn't.
    """

    findings: tuple[Finding, ...]
    curve: Mapping[str, list[float]] = field(default_factory=dict)
    exposed: Mapping[str, Any] = field(default_factory=dict)
    left_out: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "findings": [f.to_json() for f in self.findings],
            "curve": dict(self.curve),
            "exposed": dict(self.exposed),
            "left_out": self.left_out,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Finished:
        """Read back what `to_json` gave."""
        findings = tuple(Finding.from_json(f) for f in document["findings"])
        return cls(findings, document["curve"], document["exposed"], document["left_out"])


@dataclass(frozen=True)
class Journal:
    """The finished attacks of one audit; without a folder it remembers nothing."""

    folder: Path | None

    @classmethod
    def open(cls, cache: Path | None, **decides: Any) -> Journal:  # noqa: ANN401 - JSON values
        """Return the journal of the audit that `decides` names, and drop those nobody resumed."""
        if cache is None:
            return cls(None)
        text = json.dumps(decides, sort_keys=True, default=str)
        folder = cache / _FOLDER / hashlib.sha256(text.encode()).hexdigest()[:32]
        with contextlib.suppress(OSError):
            for old in (cache / _FOLDER).iterdir():
                if old != folder and time.time() - old.stat().st_mtime > _KEPT_SECONDS:
                    shutil.rmtree(old, ignore_errors=True)
        return cls(folder)

    def finished(self, name: str) -> Finished | None:
        """Return what an attack came to before the interruption, if it had finished."""
        if self.folder is None:
            return None
        try:
            return Finished.from_json(json.loads((self.folder / f"{name}.json").read_text("utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            # Not there, or not what was written: then the attack runs again.
            return None

    def write(self, name: str, done: Finished) -> None:
        """Remember what an attack came to.

        Raises:
            WorkspaceError: the folder can't be written in.
        """
        if self.folder is None:
            return
        with user_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        content = json.dumps(done.to_json(), ensure_ascii=False).encode()
        write_bytes(self.folder / f"{name}.json", content, mode=0o600)

    def close(self) -> None:
        """Forget everything: the audit is done."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def digest_of_rows(*parts: Rows | None) -> str:
    """Return SHA-256, hex, of rows and their labels."""
    found = hashlib.sha256()
    for rows in parts:
        for array in () if rows is None else _arrays(rows):
            found.update(f"{array.dtype}{array.shape}\0".encode())
            found.update(array.tobytes())
    return found.hexdigest()


def _arrays(rows: Rows) -> Iterator[Any]:
    yield rows.inputs
    yield rows.labels
    if rows.subjects is not None:
        yield rows.subjects
