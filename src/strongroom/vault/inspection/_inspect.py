"""Tells a file's format by its content, and asks whoever knows that format."""

from __future__ import annotations

import io
import mmap
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from strongroom.errors import DataError, StrongroomError
from strongroom.vault import _zip
from strongroom.vault._json import strict_json
from strongroom.vault._safetensors import header_fits, looks_like_safetensors
from strongroom.vault.bundle import CARD, MANIFEST, META, TENSORS, read_bundle
from strongroom.vault.inspection._containers import (
    NPY_MAGIC,
    inspect_npy,
    inspect_pickles,
    inspect_safetensors,
    inspect_zip,
)
from strongroom.vault.inspection._pickle import Walk, walk
from strongroom.vault.inspection._result import Inspection, Report

if TYPE_CHECKING:
    from strongroom.vault._safetensors import Bytes

_LONGEST_JSON = 64 << 20
_TAR_MARK = 257
# Formats that aren't examined: they are named, so that the user knows what to do.
_UNREAD = (
    (b"\x89HDF\r\n\x1a\n", "hdf5", "HDF5 files (Keras) can hold code; save it as safetensors"),
    (b"GGUF", "gguf", "GGUF files aren't examined yet"),
    (b"\x08", "onnx", "ONNX files aren't examined yet (outside data, custom operators)"),
    (b"\x1f\x8b", "gzip", "packed: unpack it and inspect what is inside"),
    (b"BZh", "bzip2", "packed: unpack it and inspect what is inside"),
    (b"\xfd7zXZ\0", "xz", "packed: unpack it and inspect what is inside"),
    (b"\x28\xb5\x2f\xfd", "zstd", "packed: unpack it and inspect what is inside"),
    (b"\x04\x22\x4d\x18", "lz4", "packed: unpack it and inspect what is inside"),
    (b"7z\xbc\xaf\x27\x1c", "7z", "packed: unpack it and inspect what is inside"),
    (b"Rar!", "rar", "packed: unpack it and inspect what is inside"),
)


def inspect_file(path: Path | str) -> Inspection:
    """Say whether a model file, or a model folder of ours, is safe to load, without loading it.

    Raises:
        DataError: it can't be read.
    """
    path = Path(path)
    if path.is_dir():
        return _inspect_folder(path)
    try:
        # Without blocking, so that a pipe in its place can't hang us.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123 - a descriptor
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise DataError("not a regular file", where=str(path))
            if status.st_size == 0:
                return inspect_bytes(b"", str(path))
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
                return _inspect(view, cast("BinaryIO", view), str(path))
    except OSError as error:
        raise DataError("the file can't be read", where=str(path)) from error


def inspect_bytes(data: bytes, name: str = "") -> Inspection:
    """Say whether a model in memory is safe to load; `name` is only repeated in the answer."""
    return _inspect(data, io.BytesIO(data), name)


def _inspect(data: Bytes, stream: BinaryIO, path: str) -> Inspection:
    report = Report()
    start = data[:512]
    if start.startswith(_zip.MAGIC):
        inspect_zip(data, report)
        return report.conclude(path)
    if _zip.hidden_archive(data):
        report.doubt("some readers would find an archive at its end")
    known = next((entry for entry in _UNREAD if start.startswith(entry[0])), None)
    if not start:
        report.doubt("the file is empty")
    elif start.startswith(NPY_MAGIC):
        inspect_npy(data, report)
    elif start.lstrip()[:1] in {b"{", b"["}:
        _inspect_json(data, report)
    elif known is not None:
        report.format = known[1]
        report.doubt(known[2])
    elif start[_TAR_MARK:].startswith(b"ustar"):
        report.format = "tar"
        report.doubt("packed: unpack it and inspect what is inside")
    elif looks_like_safetensors(data):
        _inspect_safetensors(data, stream, report)
    else:
        _inspect_rest(data, stream, report)
    return report.conclude(path)


def _inspect_safetensors(data: Bytes, stream: BinaryIO, report: Report) -> None:
    # The length in front can be chosen so that the same file is a pickle, too.
    other = Walk(Report())
    walk(stream, other)
    if not header_fits(data) and other.result is not None:
        # A whole pickle whose ninth byte happens to be a brace; no safetensors reader takes it.
        stream.seek(0)
        _inspect_rest(data, stream, report)
        return
    inspect_safetensors(data, report)
    if other.globals or other.result is not None:
        report.danger("is a pickle as well")
    for name in other.globals:
        report.danger(f"names {name}")


def _inspect_json(data: Bytes, report: Report) -> None:
    """JSON is data. It can't be a pickle as well: no opcode is a brace, a bracket or a space."""
    report.format = "json"
    if len(data) > _LONGEST_JSON:
        report.doubt("too long a text to be read")
        return
    try:
        value = strict_json(data[:])
    except ValueError:
        report.format = "unknown"
        report.doubt("not a format that is known to be safe")
        return
    if isinstance(value, dict) and "auto_map" in value:
        report.danger("auto_map names Python code to be run with the model")


def _inspect_rest(data: Bytes, stream: BinaryIO, report: Report) -> None:
    """A pickle has no certain beginning: try whether it is one, and say so if it goes far."""
    attempt = Report()
    found = inspect_pickles(stream, len(data), attempt)
    if data[:1] == b"\x80" or found.result is not None or attempt.unsafe:
        report.format = attempt.format
        report.unsafe |= attempt.unsafe
        report.unknown |= attempt.unknown
    else:
        report.doubt("not a format that is known to be safe")


def _inspect_folder(folder: Path) -> Inspection:
    """A released model: four files, of which the manifest lists the other three."""
    report = Report("strongroom-folder")
    try:
        names = {entry.name for entry in folder.iterdir()}
        if names != {TENSORS, META, CARD, MANIFEST}:
            report.doubt("not a model folder of ours: inspect its files one by one")
        else:
            read_bundle(folder)
            inspected = inspect_file(folder / TENSORS)
            for reason in inspected.reasons:
                report.danger(reason)
    except StrongroomError as error:
        report.doubt(error.what)
    return report.conclude(str(folder))
