"""Reading exactly so many bytes from streams that may hand out fewer."""

from __future__ import annotations

from typing import Protocol

_PIECE = 4096


class ByteSource(Protocol):
    """All that the readers of this package ask of a stream."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; fewer only at the end."""
        ...


class ByteSink(Protocol):
    """All that the writers of this package ask of a stream."""

    def write(self, data: bytes, /) -> object:
        """Take all of `data`."""
        ...


class Source:
    """A stream with look-ahead, bounded lines and full reads. Works on pipes: it never seeks."""

    def __init__(self, stream: ByteSource) -> None:
        self._stream = stream
        self._ahead = b""

    def peek(self, size: int) -> bytes:
        """Return the next `size` bytes (fewer at the end) and leave them to be read."""
        self._fill(size)
        return self._ahead[:size]

    def read(self, size: int, /) -> bytes:
        """Return `size` bytes; fewer only at the end of the stream."""
        if not self._ahead:
            # The payload takes this way: no copy through the look-ahead.
            data = self._stream.read(size)
            if len(data) == size or not data:
                return data
            self._ahead = data
        self._fill(size)
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return data

    def readline(self, limit: int) -> bytes:
        r"""Return bytes up to and including `\n`; without it at the end, or after `limit` bytes."""
        searched = 0
        while (newline := self._ahead.find(b"\n", searched, limit)) < 0:
            searched = len(self._ahead)
            if searched >= limit or not self._fill(searched + 1, piece=_PIECE):
                newline = min(limit, len(self._ahead)) - 1
                break
        line, self._ahead = self._ahead[: newline + 1], self._ahead[newline + 1 :]
        return line

    def _fill(self, size: int, piece: int = 0) -> bool:
        """Look ahead until `size` bytes are there; say whether they are."""
        while len(self._ahead) < size:
            more = self._stream.read(max(piece, size - len(self._ahead)))
            if not more:
                return False
            self._ahead += more
        return True
