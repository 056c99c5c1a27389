"""Compiled rules, kept in the user's cache folder: compiling them all takes seconds.

An entry's name is the digest of everything that decides it: the rules, the countries, and the code
that compiles them. It holds arrays only, and whatever is wrong with one, it is compiled again. A
folder that others can write to isn't used.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import stat
import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import StrongroomError
from strongroom.files import write_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.discover._rule import Rule
    from strongroom.discover.engine._tables import Tables

_KEPT = 16


def key_of(rules: Sequence[Rule], chosen: frozenset[str], least: float) -> str:
    """Return the digest of what decides the tables."""
    digest = hashlib.sha256(_code())
    digest.update(repr((sorted(chosen), least)).encode())
    for r in rules:
        check = r.check.program if r.check else None
        facts = (r.pattern, r.lead, r.follow, r.bounded, r.apart, r.compact, r.greedy, check,
                 r.entropy, r.score, r.context, r.context_score, r.against, r.against_score,
                 r.countries)  # fmt: skip
        digest.update(repr(facts).encode())
    return digest.hexdigest()


def load(key: str) -> Tables | None:
    """Return the tables of a key, or None if there are none that can be used."""
    from strongroom.discover.engine._tables import Tables

    path = _folder() / f"{key}.npz"
    try:
        if not _private(path.parent):
            return None
        with np.load(path, allow_pickle=False) as entry:
            found = {name: entry[name] for name in entry.files}
        os.utime(path)
        # Numbers are arrays without a dimension in the file.
        whole: dict[str, Any] = {n: int(a) if a.ndim == 0 else a for n, a in found.items()}
        return Tables.of_arrays(whole)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, StrongroomError):
        return None


def save(key: str, tables: Tables) -> None:
    """Keep tables; what can't be written is compiled again next time."""
    stream = io.BytesIO()
    np.savez(stream, **tables.arrays())
    folder = _folder()
    with contextlib.suppress(OSError, StrongroomError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _private(folder):
            return
        write_bytes(folder / f"{key}.npz", stream.getvalue(), mode=0o600)
        entries = sorted(folder.glob("*.npz"), key=lambda p: p.stat().st_mtime)
        for old in entries[:-_KEPT]:
            old.unlink(missing_ok=True)


def _folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("strongroom")) / "patterns"


def _private(folder: Path) -> bool:
    found = folder.stat()
    mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    return mine and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


@cache
def _code() -> bytes:
    """Return the digest of the files that make tables."""
    found = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        found.update(file.read_bytes())
    return found.digest()
