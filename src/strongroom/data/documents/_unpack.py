"""Compressed streams: gzip, bzip2, xz, Zstandard and LZ4, unpacked as far as limits allow."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Protocol

import pyarrow as pa

from strongroom.data._patient import Patient
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from _typeshed import WriteableBuffer

    from strongroom.data.sources._document import Budget, Unpacker

_PACKED_BYTES = 1 << 16
_BUFFER_BYTES = 1 << 18
_MOST_WINDOW = 1 << 29
_FREE_BYTES = 1 << 26
# OSError is bz2's and Arrow's, MemoryError an unbounded window's.
_DAMAGE = (zlib.error, lzma.LZMAError, OSError, ValueError, MemoryError)


class Decompressor(Protocol):
    """What unpacks one stream piece by piece; the shape of `bz2.BZ2Decompressor`."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes without further input."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def unused_data(self) -> bytes:
        """What came after its end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Give the next at most `max_length` bytes."""


class _Inflate:
    """zlib in the shape of the others; `wbits` 31 is gzip with its checksum, -15 bare deflate."""

    def __init__(self, wbits: int) -> None:
        self._inflate = zlib.decompressobj(wbits)

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes without further input."""
        return not self._inflate.unconsumed_tail

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        """What came after its end."""
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Give the next at most `max_length` bytes."""
        return self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)


class Ration:
    """How much one packed thing may unfold into, by its packed size; counts for its budget too.

    Args:
        path: for messages.
        budget: of the source.
        packed: bytes it takes packed; grows for a stream, whose end isn't known.
    """

    def __init__(self, path: str, budget: Budget, packed: int = 0) -> None:
        self.path, self.budget, self.packed = path, budget, packed
        self._unpacked = 0

    def unpack(self, count: int) -> None:
        """Count bytes that were unpacked.

        Raises:
            DataError: that is too much for what it was packed in, or for the source.
        """
        self._unpacked += count
        ratio = self.budget.limits.ratio
        if self._unpacked > max(_FREE_BYTES, ratio * self.packed):
            raise DataError(
                f"unpacks into more than {ratio:,} times its size: it looks like a bomb, "
                "and the rest was not read",
                where=self.path,
            )
        self.budget.unpack(count)


class Unpacked(io.RawIOBase):
    """What a compressed stream holds, forward only.

    Args:
        give: the next at most so many bytes; none at the end. What it raises is told as damage.
        ration: counts.
    """

    def __init__(self, give: Callable[[int], bytes], ration: Ration) -> None:
        super().__init__()
        self._give, self._ration, self._written = give, ration, 0
        self._late: DataError | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer as far as there is something.

        Raises:
            DataError: damaged, cut off, or more than limits allow; after all that came before it.
        """
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view) and self._late is None:
            try:
                piece = self._next(len(view) - filled)
            except DataError as error:
                self._late = error
                break
            if not piece:
                break
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
        if self._late is not None and not filled:
            raise self._late
        return filled

    def _next(self, most: int) -> bytes:
        try:
            piece = self._give(most)
        except EOFError as error:
            raise DataError("cut off before its end", where=self._ration.path) from error
        except _DAMAGE as error:
            raise DataError("the compression is damaged", where=self._ration.path) from error
        self._count(len(piece))
        return piece

    def _count(self, count: int) -> None:
        self._written += count
        most = self._ration.budget.limits.member_bytes
        if self._written > most:
            raise DataError(
                f"unpacks into more than {most >> 20:,} MiB: the rest was not read",
                where=self._ration.path,
            )
        self._ration.unpack(count)


def unpacked(method: str, stream: BinaryIO, ration: Ration) -> io.BufferedReader:
    """Return what a stream holds that was packed by gz, bz2, xz, zst, lz4, deflate, or only stored.

    Streams that follow each other are one, as their own tools have it.
    """
    if method in _BY_ARROW:
        # It opens windows of at most 128 MiB and checks the frames' checksums.
        packed = pa.PythonFile(_Kept(stream), mode="r")
        arrow = pa.CompressedInputStream(packed, _BY_ARROW[method])
        give: Callable[[int], bytes] = arrow.read
    elif method == "stored":
        give = stream.read
    else:
        give = _Following(stream, _METHODS[method]).give
    return Patient(Unpacked(give, ration), _BUFFER_BYTES)


class _Following:
    """Unpacks streams that follow each other; zeros after the last are padding."""

    def __init__(self, stream: BinaryIO, begin: Callable[[], Decompressor]) -> None:
        self._stream, self._begin = stream, begin
        self._one, self._fresh = begin(), b""

    def give(self, most: int) -> bytes:
        """Give the next at most `most` bytes; none at the end."""
        while True:
            if self._one.eof and not self._follow():
                return b""
            if not self._fresh and self._one.needs_input:
                self._fresh = self._stream.read(_PACKED_BYTES)
                if not self._fresh:
                    raise EOFError
            fresh, self._fresh = self._fresh, b""
            piece = self._one.decompress(fresh, most)
            if piece:
                return piece

    def _follow(self) -> bool:
        rest = self._one.unused_data.lstrip(b"\0")
        while not rest:
            fresh = self._stream.read(_PACKED_BYTES)
            if not fresh:
                return False
            rest = fresh.lstrip(b"\0")
        self._one, self._fresh = self._begin(), rest
        return True


class _Kept(io.RawIOBase):
    """A stream that stays open when Arrow closes what it was given."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read into the buffer."""
        piece = self._stream.read(len(memoryview(buffer)))
        memoryview(buffer)[: len(piece)] = piece
        return len(piece)


class _Counted(_Kept):
    """A packed stream whose length its ration learns while it is read."""

    def __init__(self, stream: BinaryIO, ration: Ration) -> None:
        super().__init__(stream)
        self._ration = ration

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read into the buffer."""
        count = super().readinto(buffer)
        self._ration.packed += count
        return count


def _unpack(method: str, stream: BinaryIO, path: str, budget: Budget) -> io.BufferedReader:
    ration = Ration(path, budget)
    counted = io.BufferedReader(_Counted(stream, ration), _PACKED_BYTES)
    return unpacked(method, counted, ration)


_METHODS: Mapping[str, Callable[[], Decompressor]] = {
    "gz": partial(_Inflate, 31),
    "deflate": partial(_Inflate, -15),
    "bz2": bz2.BZ2Decompressor,
    # Also the format that came before xz. Without a bound some bytes may ask for 4 GiB.
    "xz": partial(lzma.LZMADecompressor, memlimit=_MOST_WINDOW),
}
_BY_ARROW = {"zst": "zstd", "lz4": "lz4"}

UNPACKERS: Mapping[str, Unpacker] = {
    method: partial(_unpack, method) for method in ("gz", "bz2", "xz", "zst", "lz4")
}
