"""Small shared forms: canonical JSON, digests, UTC times, and reading files we don't trust."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path

# A record holds digests and metrics; anything larger is not ours and isn't loaded.
MAX_RECORD_BYTES = 64 * 1024 * 1024


def canonical(document: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the one JSON text of `document`: sorted keys, no spaces, ASCII.

    Raises:
        ValueError: NaN or infinity, which JSON doesn't have.
    """
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256(data: bytes | str) -> str:
    """Return SHA-256 in hex; text is taken as UTF-8."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def now() -> str:
    """Return the time in UTC, ISO 8601 with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def read_regular(path: Path, *, limit: int | None = None) -> bytes:
    """Read a regular file; never follows a link, never waits on a pipe.

    Raises:
        OSError: it isn't there, isn't a regular file, can't be read, or is larger than `limit`.
    """
    with _open_regular(path) as stream:
        if limit is not None and os.fstat(stream.fileno()).st_size > limit:
            raise OSError("far larger than anything written here")
        return stream.read()


def read_head(path: Path, size: int) -> bytes:
    """Read the first bytes of a regular file; see `read_regular`."""
    with _open_regular(path) as stream:
        return stream.read(size)


def digest_file(path: Path) -> str:
    """Return SHA-256, hex, of a regular file in constant memory; see `read_regular`."""
    with _open_regular(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _open_regular(path: Path) -> BufferedReader:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a regular file")
    return os.fdopen(descriptor, "rb")
