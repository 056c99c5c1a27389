"""Readers that give what comes before damage, and tell the damage after it."""

from __future__ import annotations

import io
from typing import BinaryIO

from strongroom.errors import DataError


class Patient(io.BufferedReader):
    """A buffer over a raw stream that may end in an error.

    The buffer of `io` drops what it gathered when the stream beneath raises: of a file that is cut
    off, everything since the last whole read.
    """

    _late: DataError | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes, fewer only where the stream ends or is damaged.

        Raises:
            DataError: it is damaged here; or, if all of it was asked for, anywhere.
        """
        if self._late is not None:
            raise self._late
        if size is None or size < 0:
            return super().read()
        parts: list[bytes] = []
        left = size
        while left:
            try:
                part = self.read1(left)
            except DataError as error:
                if not parts:
                    raise
                self._late = error
                break
            if not part:
                break
            parts.append(part)
            left -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def whole(stream: BinaryIO, most: int) -> bytes:
    """Return all that a stream holds, or its first `most` bytes.

    Raises:
        DataError: it is damaged before that.
    """
    content = stream.read(most)
    # A stream that is cut off says so when it is asked for more.
    return content + stream.read(most - len(content)) if len(content) < most else content
