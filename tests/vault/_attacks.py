"""Builds hostile pickles by hand, each around one harmless marker: a file that must not appear."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

STOP = b"."


def text(value: str) -> bytes:
    """BINUNICODE."""
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def short(value: str) -> bytes:
    """SHORT_BINUNICODE."""
    return b"\x8c" + bytes([len(value)]) + value.encode()


def named(module: str, name: str) -> bytes:
    """GLOBAL."""
    return f"c{module}\n{name}\n".encode()


def stacked(module: str, name: str) -> bytes:
    """STACK_GLOBAL."""
    return short(module) + short(name) + b"\x93"


def call(function: bytes, *arguments: bytes) -> bytes:
    """REDUCE."""
    return function + b"(" + b"".join(arguments) + b"tR"


def fire(marker: Path, function: bytes | None = None) -> bytes:
    """The payload: makes the marker file when an unpickler runs it."""
    return call(function or named("io", "open"), text(str(marker)), text("w"))


def proto(body: bytes, version: int = 2) -> bytes:
    """A whole pickle."""
    return b"\x80" + bytes([version]) + body + STOP


def framed(body: bytes, length: int | None = None) -> bytes:
    """A whole pickle of protocol 4 in one frame, which says that it is `length` bytes long."""
    body += STOP
    size = len(body) if length is None else length
    return b"\x80\x04\x95" + struct.pack("<Q", size) + body


def pickled(value: object) -> bytes:
    """The opcodes of an honest value, without protocol and STOP."""
    return pickle.dumps(value, 2)[2:-1]


def archive(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A ZIP file."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as out:
        for name, content in files.items():
            out.writestr(name, content)
    return sink.getvalue()


def npy(array: np.ndarray) -> bytes:
    """A .npy file."""
    sink = io.BytesIO()
    np.save(sink, array)
    return sink.getvalue()
