"""Text armor: strict PEM around an age file (C2SP, age.md, "ASCII armor")."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from strongroom.vault.age.errors import ArmorError

if TYPE_CHECKING:
    from strongroom.vault.age._source import ByteSink, Source

_BEGIN = b"-----BEGIN AGE ENCRYPTED FILE-----"
_END = b"-----END AGE ENCRYPTED FILE-----"
_COLUMNS = 64
_LINE_BYTES = 48
_LONGEST_LINE = 1024
# White space around the armor is what mail programs add; more of it is something else.
_MOST_SPACE = 1024
_LOOK_AHEAD = _MOST_SPACE + len(_BEGIN)


def looks_armored(source: Source) -> bool:
    """Say whether the stream starts like text armor, and leave it unread."""
    return source.peek(_LOOK_AHEAD).lstrip().startswith(b"-----BEGIN ")


class ArmorReader:
    """Gives the bytes inside the armor, and an error instead of an end that isn't one."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._ready = bytearray()
        self._started = self._ended = False

    def read(self, size: int, /) -> bytes:
        """Return `size` bytes; fewer only at the end.

        Raises:
            ArmorError: the armor isn't exactly as the format gives it.
        """
        if not self._started:
            self._start()
        while len(self._ready) < size and not self._ended:
            self._next_line()
        data = bytes(self._ready[:size])
        del self._ready[:size]
        return data

    def _start(self) -> None:
        self._started = True
        if self._after_space() != _BEGIN:
            raise ArmorError("the text armor has no BEGIN line")

    def _after_space(self) -> bytes:
        """Return the first line that isn't blank, or nothing at the end."""
        space = 0
        while raw := self._source.readline(_LONGEST_LINE):
            if raw.strip():
                return _without_ending(raw)
            space += len(raw)
            if space > _MOST_SPACE:
                raise ArmorError("there is too much white space around the text armor")
        return b""

    def _next_line(self) -> None:
        line = _without_ending(self._source.readline(_LONGEST_LINE))
        if line == _END:
            self._finish()
            return
        if not line or len(line) > _COLUMNS:
            raise ArmorError("a line of the text armor is empty, too long or missing")
        try:
            data = base64.b64decode(line, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ArmorError("a line of the text armor is not base64") from error
        if base64.b64encode(data) != line:
            raise ArmorError("a line of the text armor is not canonical base64")
        self._ready += data
        if len(data) < _LINE_BYTES:
            if _without_ending(self._source.readline(_LONGEST_LINE)) != _END:
                raise ArmorError("a short line of the text armor isn't followed by its END")
            self._finish()

    def _finish(self) -> None:
        self._ended = True
        if self._after_space():
            raise ArmorError("something follows the text armor")


class ArmorWriter:
    """Writes armor around what it is given; `finish` writes the end."""

    def __init__(self, sink: ByteSink) -> None:
        self._sink = sink
        self._rest = b""
        sink.write(_BEGIN + b"\n")

    def write(self, data: bytes, /) -> None:
        """Take more bytes."""
        data = self._rest + data
        whole = len(data) - len(data) % _LINE_BYTES
        lines = [data[i : i + _LINE_BYTES] for i in range(0, whole, _LINE_BYTES)]
        self._sink.write(b"".join(base64.b64encode(line) + b"\n" for line in lines))
        self._rest = data[whole:]

    def finish(self) -> None:
        """Write the last, short line and the END line."""
        if self._rest:
            self._sink.write(base64.b64encode(self._rest) + b"\n")
        self._sink.write(_END + b"\n")


def _without_ending(line: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r") if line.endswith(b"\n") else line
