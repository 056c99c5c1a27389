"""What earlier scans found in files that haven't changed since: counts, names of columns, words.

An entry is valid for one version of a file, one specification and one state of our code. One that
can't be read, or isn't what was written, is as good as none. Values are never in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, entry_points, requires, version
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
from pydantic import ValidationError

from strongroom.discover._scanned import Scanned, from_json, to_json
from strongroom.discover.recognizers import GROUP
from strongroom.errors import WorkspaceError
from strongroom.files import write_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.config import DiscoverSpec
    from strongroom.data.sources import File, Limits

_FORMAT = "strongroom scan cache 1"
_DAYS = 90


class ScanCache:
    """Remembers what was found in files.

    Args:
        folder: where entries lie, a file each; only its owner may read them.
        spec: what is looked for.
        target: the column to predict, if it was named.
        limits: how much a file may unfold into.
    """

    def __init__(
        self,
        spec: DiscoverSpec,
        target: str | None,
        limits: Limits,
        folder: Path | None = None,
    ) -> None:
        self._folder = folder or Path(platformdirs.user_cache_dir("strongroom")) / "scans"
        files = {path: _digest(Path(path)) for path in spec.recognizers}
        self._settings = json.dumps([spec.model_dump_json(), target, repr(limits), files, _code()])

    def get(self, file: File) -> list[Scanned] | None:
        """Return what was found in a file; None if that isn't known of this version of it."""
        if not file.version:
            return None
        try:
            entry = json.loads(self._path(file).read_bytes())
            if entry["format"] != _FORMAT or entry["version"] != file.version:
                return None
            return [from_json(one) for one in entry["scanned"]]
        except (OSError, ValueError, KeyError, TypeError, ValidationError, RecursionError):
            return None

    def put(self, file: File, scanned: Sequence[Scanned]) -> None:
        """Remember what was found, unless the place can't be written: then nothing is lost."""
        if not file.version:
            return
        entry = {
            "format": _FORMAT,
            "version": file.version,
            "scanned": [to_json(one) for one in scanned],
        }
        try:
            self._made  # noqa: B018 - once
            write_bytes(self._path(file), json.dumps(entry).encode(), mode=0o600)
        except (OSError, WorkspaceError):
            return

    @cached_property
    def _made(self) -> None:
        """Make the folder, and drop entries that nobody asked for in a long time."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        oldest = time.time() - _DAYS * 86_400
        for entry in os.scandir(self._folder):
            if entry.stat().st_mtime < oldest:
                Path(entry.path).unlink(missing_ok=True)

    def _path(self, file: File) -> Path:
        # An address is the same from everywhere; a path isn't.
        where = file.path if "://" in file.path else str(Path(file.path).absolute())
        key = json.dumps([where, file.path, self._settings])
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()}.json"


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


@cache
def _code() -> str:
    """Name the state of everything that decides what is found: code, models, libraries, guests."""
    root, found = Path(__file__).parents[1], hashlib.sha256()
    for room in ("data", "discover", "config"):
        for path in sorted((root / room).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                found.update(f"{path.relative_to(root)}:{_digest(path)}\n".encode())
    for name in sorted(requires("strongroom") or ()):
        found.update(_version(re.split(r"[^\w.-]", name, maxsplit=1)[0]).encode())
    for guest in sorted(entry_points(group=GROUP), key=lambda e: e.name):
        about = guest.dist.version if guest.dist else ""
        found.update(f"{guest.name}:{guest.value}:{about}\n".encode())
    return found.hexdigest()


def _version(name: str) -> str:
    try:
        return f"{name}:{version(name)}\n"
    except PackageNotFoundError:
        return f"{name}:\n"
