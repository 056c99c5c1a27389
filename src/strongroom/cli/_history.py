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


def _place(cache: Path, model: str | None, *files: str) -> Path:
    named = "\0".join(str(Path(f).resolve()) for f in files)
    if model is not None:
        path = Path(model)
        named += f"\0{path.resolve() if path.exists() else model}"
    return cache / _FOLDER / f"{hashlib.sha256(named.encode()).hexdigest()[:32]}.json"


def last_audit(cache: Path | None, model: str | None, *files: str) -> dict[str, Any] | None:
    """Return the last audit of a model on these files, or None; what is damaged counts as none."""
    if cache is None:
        return None
    with contextlib.suppress(OSError, ValueError, InputError):
        return read_audit(_place(cache, model, *files))
    return None


def remember(
    cache: Path | None, model: str | None, members: str, nonmembers: str, doc: Mapping[str, Any]
) -> None:
    """Keep an audit's findings for the next time."""
    if cache is None:
        return
    place = _place(cache, model, members, nonmembers)
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
