"""What reference models said, kept for the next audit of the same recipe and rows.

An entry holds float32 signals [models, rows] and SHA-256 digests, nothing else: no row, no label,
no model. Its name is the digest of everything that decides it; the name stands inside as well,
with a digest of the numbers, and an entry that doesn't say what was asked for is as good as none.
See docs/formats.md. Whoever can write to the folder can still make up entries, so a folder that
others can write to isn't used.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import stat
import zipfile
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import WorkspaceError
from strongroom.files import TEMPORARY_PREFIX, user_errors, write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

FORMAT = "strongroom/reference-signals/1"
LIBRARIES = ("numpy", "numba", "torch", "scikit-learn", "xgboost", "lightgbm", "transformers")
_MOST_BYTES = 1 << 30
_CODE = ("models", "attacks/references", "attacks/_signal.py", "train", "audit/_recipes.py")
_SUFFIX = ".npz"


class SignalCache:
    """A folder of entries.

    Args:
        folder: is made, for its owner alone, when the first entry is written.
        most_bytes: of all entries; the longest unused go first.
    """

    def __init__(self, folder: Path | str, most_bytes: int = _MOST_BYTES) -> None:
        self.folder = Path(folder)
        self.most_bytes = most_bytes

    def __repr__(self) -> str:
        return f"SignalCache({str(self.folder)!r})"

    @classmethod
    def of_user(cls) -> SignalCache:
        """Return the one in the user's cache folder."""
        import platformdirs

        return cls(Path(platformdirs.user_cache_dir("strongroom")) / "references")

    def get(self, key: str, shape: tuple[int, int]) -> NDArray[np.float32] | None:
        """Return the signals of an entry, or None: there is none, or it isn't what it should be."""
        if not self._ours():
            return None
        path = self.folder / f"{key}{_SUFFIX}"
        try:
            content = path.read_bytes()
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                about = json.loads(bytes(stored["about"]).decode())
                signals = stored["signals"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, MemoryError):
            return None
        fits = signals.dtype == np.float32 and signals.shape == shape
        if not (fits and isinstance(about, dict) and about == _about(key, signals)):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # used just now
        found: NDArray[np.float32] = signals
        return found

    def put(self, key: str, signals: NDArray[np.float32]) -> None:
        """Keep signals float32 [models, rows], whole or not at all.

        Raises:
            WorkspaceError: the folder can't be written to, or others can write to it.
        """
        with user_errors(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._ours():
            raise WorkspaceError(
                "others can write to the cache of reference models, so it isn't used",
                where=str(self.folder),
                hint=f"chmod 700 {self.folder}, or name another folder",
            )
        signals = np.ascontiguousarray(signals, np.float32)
        about = np.frombuffer(json.dumps(_about(key, signals)).encode(), np.uint8)
        stream = io.BytesIO()
        np.savez(stream, about=about, signals=signals)
        content = stream.getvalue()
        if len(content) > self.most_bytes:
            return
        self._make_room(len(content))
        write_bytes(self.folder / f"{key}{_SUFFIX}", content, mode=0o600)

    def clear(self) -> int:
        """Remove every entry; return how many there were."""
        entries = [path for _, _, path in self._entries()]
        for path in entries:
            with user_errors(path):
                path.unlink(missing_ok=True)
        return len(entries)

    def _ours(self) -> bool:
        try:
            found = self.folder.stat()
        except OSError:
            return False
        mine = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
        return mine and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)

    def _entries(self) -> list[tuple[float, int, Path]]:
        """Return when each was last used, its size, and where it is; the oldest first."""
        found = []
        with contextlib.suppress(OSError):
            for path in self.folder.iterdir():
                left = path.name.startswith(TEMPORARY_PREFIX)  # by a kill
                if path.suffix == _SUFFIX or left:
                    with contextlib.suppress(OSError):
                        told = path.stat()
                        found.append((told.st_mtime, told.st_size, path))
        return sorted(found)

    def _make_room(self, size: int) -> None:
        entries = self._entries()
        total = sum(s for _, s, _ in entries)
        for _, gone, path in entries:
            if total + size <= self.most_bytes:
                return
            with contextlib.suppress(OSError):
                path.unlink()
            total -= gone


def _about(key: str, signals: NDArray[np.float32]) -> dict[str, str]:
    return {
        "format": FORMAT,
        "key": key,
        "sha256": hashlib.sha256(np.ascontiguousarray(signals).tobytes()).hexdigest(),
    }


def key_of(
    identity: Mapping[str, Any], arrays: Sequence[NDArray[Any] | None], numbers: Sequence[float]
) -> str:
    """Return SHA-256, hex, of a recipe, this code and its libraries, arrays, and numbers."""
    found = hashlib.sha256()
    about = {"recipe": identity, "numbers": list(numbers), "versions": _versions()}
    found.update(json.dumps(about, sort_keys=True, default=str).encode())
    for array in arrays:
        found.update(b"\0" + digest_of_array(array))
    return found.hexdigest()


def digest_of_array(array: NDArray[Any] | None) -> bytes:
    """Return SHA-256 of an array's type, shape and values."""
    if array is None:
        return hashlib.sha256(b"none").digest()
    found = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    if array.dtype.hasobject:
        # Text and the like: each value by itself, with its length.
        for value in array.ravel().tolist():
            text = repr(value).encode()
            found.update(len(text).to_bytes(8, "little") + text)
    else:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.digest()


@cache
def _versions() -> dict[str, str]:
    found = {"code": _code_digest(_CODE)}
    for library in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[library] = version(library)
    return found


def _code_digest(places: Iterable[str]) -> str:
    """SHA-256 over the source that decides what models become."""
    root = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for place in places:
        for file in sorted((root / place).rglob("*.py")) or [root / place]:
            with contextlib.suppress(OSError):
                digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
