"""Whether a text is UTF-8, and what to say when it isn't."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


def is_utf8(content: bytes) -> bool:
    """Tell whether the bytes are valid UTF-8."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def encoding_error(content: bytes, path: Path) -> DataError:
    """Name the line on which the first byte stands that is not UTF-8."""
    where = str(path)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        where = f"{path}:{line}"
    return DataError(
        "the text is not UTF-8",
        where=where,
        hint=f"convert it first: iconv -f WINDOWS-1252 -t UTF-8 {path.name} > utf8-{path.name}",
    )
