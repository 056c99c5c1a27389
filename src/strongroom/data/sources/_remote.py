"""Files at addresses that fsspec knows: object stores, web servers, other machines."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from strongroom.data.sources._document import Unreadable
from strongroom.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.data.sources._files import File

# What file systems say of a file that changes with its content.
_MARKS = (
    "ETag", "etag", "md5Hash", "content_md5", "sha",
    "LastModified", "last_modified", "mtime", "updated", "modified",
)  # fmt: skip


def shown(address: str) -> str:
    """Return an address without the password in it."""
    return re.sub(r"(://[^:/@\s]*):[^/\s]*@", r"\1:***@", address)


def find_remote(address: str) -> Iterator[File | Unreadable]:
    """Yield the file at an address, those below it, or those that it matches."""
    from strongroom.data.sources._files import File

    try:
        import fsspec
    except ImportError as error:
        raise MissingExtraError("fsspec", "remote") from error
    named = shown(address)
    try:
        system, path = fsspec.core.url_to_fs(address)
        found = _listed(system, path)
    except Exception as error:  # noqa: BLE001 - each file system raises its own
        yield Unreadable(named, _cannot(error, named))
        return
    if not found:
        yield Unreadable(named, DataError("no such file", where=named))
    for name, about in found.items():
        size = about.get("size")
        marks = [str(about[m]) for m in _MARKS if about.get(m)]
        where = named if name == path else shown(str(system.unstrip_protocol(name)))
        yield File(
            where,
            partial(_open, system, name, where),
            size if isinstance(size, int) else None,
            f"{size}:{':'.join(marks)}" if marks else "",
            named=name == path,
        )


def _listed(system: Any, path: str) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - no types
    if any(mark in path for mark in "*?[") and not system.exists(path):
        found = system.glob(path, detail=True)
    elif system.isdir(path):
        found = system.find(path, detail=True)
    else:
        found = {path: system.info(path)}
    return {n: about for n, about in sorted(found.items()) if about.get("type") != "directory"}


def _open(system: Any, name: str, where: str) -> BinaryIO:  # noqa: ANN401 - no types
    try:
        return cast("BinaryIO", system.open(name, "rb"))
    except Exception as error:
        raise _cannot(error, where) from error


def _cannot(error: Exception, where: str) -> DataError:
    if isinstance(error, ImportError):
        return DataError(
            "this kind of address needs another package",
            where=where,
            hint="install what fsspec names for it, such as s3fs or gcsfs",
        )
    if isinstance(error, FileNotFoundError):
        return DataError("no such file", where=where)
    return DataError(
        f"cannot read from this address ({type(error).__name__})",
        where=where,
        hint="check its spelling, and what may read it",
    )
