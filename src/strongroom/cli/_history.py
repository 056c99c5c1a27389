"""The last audit of the same model on the same files, so that the next one can say what changed.

Findings only, in the cache folder, one file per model and files; no value of the data.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongroom.errors import InputError
from strongroom.files import user_errors, write_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDER = "history"


def place_of(cache: Path, *named: str) -> Path:
    """Return where audits of this model, these files and this preset are remembered."""
    whole = [str(Path(n).resolve()) if Path(n).exists() else n for n in named]
    name = hashlib.sha256("\0".join(whole).encode()).hexdigest()[:32]
    return cache / _FOLDER / f"{name}.json"


def last_audit(place: Path | None) -> dict[str, Any] | None:
    """Return the last audit that is remembered there; one that is damaged counts as none."""
    if place is None or not place.is_file():
        return None
    with contextlib.suppress(InputError):
        return read_audit(place)
    return None


def remember(place: Path | None, doc: Mapping[str, Any]) -> None:
    """Keep an audit's findings for the next time.

    Raises:
        WorkspaceError: the folder can't be written in.
    """
    if place is None:
        return
    with user_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    kept = {
        "findings": doc["findings"],
        "when": f"the audit of {now.day} {now:%B}, {now:%H:%M} UTC",
    }
    write_bytes(place, json.dumps(kept, ensure_ascii=False).encode(), mode=0o600)


def read_audit(path: Path) -> dict[str, Any]:
    """Read an audit's JSON.

    Raises:
        InputError: it can't be read, or isn't one.
    """
    from strongroom.audit import Finding

    try:
        document = json.loads(path.read_text("utf-8"))
        for finding in document["findings"]:
            Finding.from_json(finding)
    except OSError as error:
        raise InputError(f"cannot read it: {error.strerror}", where=str(path)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            "this is no audit", where=str(path), hint="strongroom audit … --json > audit.json"
        ) from error
    return dict(document)
