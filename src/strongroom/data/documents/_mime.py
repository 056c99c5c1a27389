"""The parts of a mail, read line by line: headers, bodies and attachments, however nested.

After RFC 5322 (headers), 2045-2047 (MIME, encoded words), 2231 (parameters) and 4155 (mbox). A mail
that breaks them is read as far as it goes: nothing here refuses, all of it is bounded.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote_to_bytes

from strongroom.data._encodings import text_in, valid_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUOTED = "quoted-printable"
_NOT_BASE64 = bytes(
    {*range(256)} - {*b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="}
)
_LINE = 1 << 16
_GATHERED = 1 << 16
_MOST_HEADERS = 1 << 20
_MOST_DEPTH = 100
_FIELD = re.compile(rb"([!-9;-~]{1,200}):")
_WORD = re.compile(r"=\?([\w.:-]+)(?:\*[\w-]*)?\?([bBqQ])\?([^?]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(?==\?)")
_PARAMETER = re.compile(r""";\s*+([^\s=;]++)\s*+=\s*+("(?:[^"\\]|\\.)*+"?|[^;]*+)""", re.DOTALL)
_CONTINUED = re.compile(r"([^*]+)(?:\*(\d+))?(\*)?$")


@dataclass
class Part:
    """One part of a mail; its body is read before the next part is asked for.

    Attributes:
        message: number of the message it belongs to, from 0.
        headers: name and value, words decoded, lines joined.
        whole: the headers are a message's own, not those of a part of one.
        kind: such as `text/plain`.
        charset: as declared.
        name: of the file it was, if it was one.
        body: what it holds, unpacked from base64 and the like; empty for what holds other parts.
    """

    message: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    whole: bool = False
    kind: str = "text/plain"
    charset: str | None = None
    name: str = ""
    body: Iterator[bytes] = field(default_factory=lambda: iter(()))


def mail_parts(stream: BinaryIO, *, mbox: bool) -> Iterator[Part]:
    """Yield the parts of a mail, or of every mail in an mbox, in the order of the file."""
    return _Mail(stream, mbox=mbox).parts()


class _Mail:
    """Where in the file we are, and which boundaries end what we are in."""

    def __init__(self, stream: BinaryIO, *, mbox: bool) -> None:
        self._stream, self._mbox = stream, mbox
        self._boundaries: list[bytes] = []
        self._message = -1 if mbox else 0
        self._after_empty, self._in_line, self._pushed = True, False, b""
        self._ended, self._envelope = "", b""

    def parts(self) -> Iterator[Part]:
        """Walk the file once."""
        follows, whole = ("bare" if self._mbox else "part"), not self._mbox
        while follows != "end":
            self._ended = ""
            if follows == "bare":
                part, then = Part(max(0, self._message), body=_unpacked(self._body(), "")), ""
            else:
                part, then = self._part(whole=whole)
            yield part
            if not then:
                for _ in part.body:
                    pass
            follows, whole = self._follows(then)

    def _follows(self, then: str) -> tuple[str, bool]:
        """Return what comes next, and whether it begins a message."""
        if not self._ended:
            # What holds other parts begins with what its author's program says to old ones.
            return ("part", True) if then == "message" else ("bare", False)
        if self._ended == "message":
            self._message += 1
            return "part", True
        return {"part": "part", "closed": "bare", "end": "end"}[self._ended], False

    def _line(self) -> bytes:
        """Return the next line, or the next piece of one; nothing where the part ends."""
        if self._pushed:
            line, self._pushed = self._pushed, b""
            return line
        line = b"" if self._ended else self._stream.readline(_LINE)
        if not line:
            self._ended = self._ended or "end"
            return b""
        begins, self._in_line = not self._in_line, not line.endswith(b"\n")
        if not begins:
            return line
        if self._mbox and self._after_empty and line.startswith(b"From "):
            self._ended, self._envelope = "message", line
            self._boundaries.clear()
            return b""
        self._after_empty = not line.strip(b"\r\n")
        return b"" if line.startswith(b"--") and self._at_boundary(line.rstrip()) else line

    def _at_boundary(self, line: bytes) -> bool:
        """Tell whether a line ends the part; an outer boundary ends what is open within."""
        for level in range(len(self._boundaries) - 1, -1, -1):
            boundary = self._boundaries[level]
            if line == boundary:
                del self._boundaries[level + 1 :]
                self._ended = "part"
                return True
            if line == boundary + b"--":
                del self._boundaries[level:]
                self._ended = "closed"
                return True
        return False

    def _body(self) -> Iterator[bytes]:
        while line := self._line():
            yield line

    def _headers(self) -> list[tuple[str, str]]:
        """Read up to the empty line, or to the first line that is no header."""
        fields: list[tuple[bytes, list[bytes]]] = []
        size = 0
        while line := self._line():
            size += len(line)
            if not line.strip(b"\r\n"):
                break
            found = _FIELD.match(line)
            if not fields and not self._envelope and line.startswith(b"From "):
                # A mail that was taken out of an mbox with what parts mails there.
                self._envelope = line
            elif fields and line[:1] in {b" ", b"\t"}:
                fields[-1][1].append(line)
            elif found:
                fields.append((found.group(1), [line[found.end() :]]))
            else:
                self._pushed = line
                break
            if size > _MOST_HEADERS:
                break
        if self._envelope:
            fields.insert(0, (b"Envelope", [self._envelope.removeprefix(b"From ")]))
            self._envelope = b""
        return [(name.decode(), _header(b"".join(lines))) for name, lines in fields]

    def _part(self, *, whole: bool) -> tuple[Part, str]:
        """Read the headers of a part; say what follows if it holds others."""
        headers = self._headers()
        told = {name.lower(): value for name, value in reversed(headers)}
        kind, parameters = _parameters(told.get("content-type", ""))
        _, placed = _parameters(told.get("content-disposition", ""))
        part = Part(
            max(0, self._message),
            headers,
            whole,
            kind if "/" in kind else "text/plain",
            parameters.get("charset"),
            placed.get("filename") or parameters.get("name") or "",
        )
        packing = told.get("content-transfer-encoding", "").strip().lower()
        boundary = parameters.get("boundary")
        if kind.startswith("multipart/") and boundary and len(self._boundaries) < _MOST_DEPTH:
            self._boundaries.append(b"--" + boundary.encode("utf-8", "replace"))
            return part, "parts"
        if kind in {"message/rfc822", "message/global"} and packing not in {"base64", _QUOTED}:
            return part, "message"
        part.body = _unpacked(self._body(), packing)
        return part, ""


def _unpacked(lines: Iterator[bytes], packing: str) -> Iterator[bytes]:
    """Yield what the lines of a body hold, gathered into larger pieces."""
    gathered: list[bytes] = []
    size = 0
    carried = b""
    for line in lines:
        gathered.append(line)
        size += len(line)
        if size > _GATHERED:
            piece, carried = _unpack(carried + b"".join(gathered), packing)
            yield piece
            gathered, size = [], 0
    if gathered or carried:
        # The alphabet's own padding, for what lost its last characters.
        last = carried + b"".join(gathered) + (b"===" if packing == "base64" else b"")
        yield _unpack(last, packing)[0]


def _unpack(content: bytes, packing: str) -> tuple[bytes, bytes]:
    """Return what was packed, and what can't be unpacked before more of it is there."""
    if packing == _QUOTED:
        return binascii.a2b_qp(content), b""
    if packing != "base64":
        return content, b""
    dense = content.translate(None, _NOT_BASE64)
    whole = len(dense) & ~3
    try:
        return binascii.a2b_base64(dense[:whole]), dense[whole:]
    except binascii.Error:
        # Padding in the midst of it: one after the other.
        return b"".join(_quarters(dense[:whole])), dense[whole:]


def _quarters(dense: bytes) -> Iterator[bytes]:
    for group in re.findall(rb"[^=]*", dense):
        yield binascii.a2b_base64(group[: len(group) - (len(group) % 4 == 1)] + b"===")


def _header(content: bytes) -> str:
    """Return the value of a header: unfolded, its encoded words decoded."""
    text = re.sub(r"\r?\n[ \t]*+", " ", valid_text(content)).strip()
    if "=?" not in text:
        return text
    # White space between two encoded words is none.
    return _WORD.sub(_word, _BETWEEN_WORDS.sub(r"\1", text))


def _word(found: re.Match[str]) -> str:
    charset, packing, content = found.groups()
    raw = content.encode("utf-8", "replace")
    if packing in "bB":
        raw = _unpack(raw + b"===", "base64")[0]
    else:
        raw = binascii.a2b_qp(raw, header=True)
    return text_in(raw, charset)


def _parameters(value: str) -> tuple[str, dict[str, str]]:
    """Read `kind; name=value; …` with values that are quoted, continued or in a charset."""
    first, _, _ = value.partition(";")
    found: dict[str, list[tuple[int, str]]] = {}
    for key, raw in _PARAMETER.findall(value[len(first) :]):
        text = re.sub(r"\\(.)", r"\1", raw[1:].removesuffix('"')) if raw[:1] == '"' else raw.strip()
        named = _CONTINUED.fullmatch(key.lower())
        if named is None:
            continue
        name, place, extended = named.groups()
        if extended and (not place or place == "0"):
            charset, _, text = text.split("'", 2) if text.count("'") > 1 else ("utf-8", "", text)
            text = text_in(unquote_to_bytes(text), charset)
        elif extended:
            text = text_in(unquote_to_bytes(text), "utf-8")
        found.setdefault(name, []).append((int(place[:3] if place else 0), text))
    return first.strip().lower(), {
        name: "".join(text for _, text in sorted(parts)) for name, parts in found.items()
    }
