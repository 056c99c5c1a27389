"""Everything that goes over a wire: by packets between network namespaces, or by a relay.

Run as a script it captures: `capture.py OUT INTERFACE...` writes each frame of each interface as
(interface number, length, frame) until it is ended.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Self

if __name__ != "__main__":
    from tests.federate.tls import Conversation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_HEAD = struct.Struct("<II")
_ALL = 0x0003  # ETH_P_ALL
_IPV4, _TCP = 0x0800, 6
_SYN = 2


class Relay:
    """A port on loopback that passes everything on to another, and keeps it.

    Attributes:
        port: where to connect.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._wires: list[tuple[bytearray, bytearray]] = []
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def conversations(self) -> list[Conversation]:
        """Return what was said so far on every connection."""
        return [Conversation(bytes(one), bytes(other)) for one, other in self._wires]

    def close(self) -> None:
        """Hang up."""
        for one in [self._listener, *self._open]:
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    client.close()
                    continue
                wire = (bytearray(), bytearray())
                self._wires.append(wire)
                self._open += [client, server]
                for source, sink, kept in ((client, server, wire[0]), (server, client, wire[1])):
                    threading.Thread(
                        target=self._pass, args=(source, sink, kept), daemon=True
                    ).start()

    @staticmethod
    def _pass(source: socket.socket, sink: socket.socket, kept: bytearray) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                kept += data
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class Namespaces:
    """A network namespace for a hub and one for each site, each with one wire to the hub.

    Attributes:
        address: of the hub, as sites reach it.
    """

    address = "10.213.0.1"

    def __init__(self, sites: Sequence[str]) -> None:
        self._tag = f"sr{os.getpid() % 10_000}"
        self.sites = list(sites)
        self._capture: subprocess.Popen[bytes] | None = None

    @property
    def hub(self) -> str:
        """The hub's."""
        return f"{self._tag}-hub"

    def of(self, site: str) -> str:
        """The name of a site's."""
        return f"{self._tag}-{self.sites.index(site)}"

    def __enter__(self) -> Self:
        try:
            _ip("netns", "add", self.hub)
            _inside(self.hub, "link", "set", "lo", "up")
            _inside(self.hub, "addr", "add", f"{self.address}/32", "dev", "lo")
            for number, site in enumerate(self.sites):
                own, wire, end = self.of(site), f"{self._tag}w{number}", f"{self._tag}e{number}"
                _ip("netns", "add", own)
                _ip("link", "add", wire, "netns", self.hub, "type", "veth", "peer", end,
                    "netns", own)  # fmt: skip
                _inside(self.hub, "addr", "add", f"10.213.{number + 1}.1/24", "dev", wire)
                _inside(self.hub, "link", "set", wire, "up")
                _inside(own, "addr", "add", f"10.213.{number + 1}.2/24", "dev", end)
                for one in ("lo", end):
                    _inside(own, "link", "set", one, "up")
                _inside(own, "route", "add", "default", "via", f"10.213.{number + 1}.1")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        if self._capture is not None:
            self._capture.kill()
            self._capture.wait()
        for name in (self.hub, *map(self.of, self.sites)):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    def capture(self, out: Path) -> None:
        """Begin to write every frame on every wire."""
        wires = [f"{self._tag}w{number}" for number in range(len(self.sites))]
        self._capture = subprocess.Popen(
            ["ip", "netns", "exec", self.hub, sys.executable, __file__, str(out), *wires],
            stdout=subprocess.PIPE,
        )
        assert self._capture.stdout is not None
        assert self._capture.stdout.readline() == b"captures\n"


def allowed() -> str:
    """Say why namespaces can't be made here; empty where they can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "network namespaces need root"
    try:
        with Namespaces(["x"]):
            pass
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW):
            pass
    except (OSError, subprocess.CalledProcessError) as error:
        return f"network namespaces can't be made here: {error}"
    return ""


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _inside(name: str, *arguments: str) -> None:
    _ip("-netns", name, *arguments)


def read_frames(path: Path, count: int) -> list[list[bytes]]:
    """Return the frames of each of `count` interfaces, as far as they are written."""
    data, at = path.read_bytes(), 0
    found: list[list[bytes]] = [[] for _ in range(count)]
    while at + _HEAD.size <= len(data):
        number, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if at + length > len(data):
            break
        found[number].append(data[at : at + length])
        at += length
    return found


def conversations(frames: Sequence[bytes], port: int) -> tuple[list[Conversation], list[bytes]]:
    """Put TCP to and from a port together; return it, and frames that hold anything else.

    Raises:
        AssertionError: bytes are missing: the capture isn't whole.
    """
    segments: dict[tuple[bytes, bytes, bool], dict[int, bytes]] = defaultdict(dict)
    starts: dict[tuple[bytes, bytes, bool], int] = {}
    other = []
    for frame in frames:
        told = _segment(frame, port)
        if told is None:
            other.append(frame)
            continue
        key, sequence, flags, payload = told
        if flags & _SYN:
            starts[key] = sequence + 1
        if payload and len(payload) > len(segments[key].get(sequence, b"")):
            segments[key][sequence] = payload
    found = []
    for host, address, to_server in starts:
        if to_server:
            sides = [
                _stream(segments[host, address, way], starts.get((host, address, way)))
                for way in (True, False)
            ]
            found.append(Conversation(*sides))
    return found, other


def _segment(frame: bytes, port: int) -> tuple[tuple[bytes, bytes, bool], int, int, bytes] | None:
    """Return ((client, its port, to the server), sequence number, flags, payload)."""
    if struct.unpack_from(">H", frame, 12)[0] != _IPV4 or frame[14 + 9] != _TCP:
        return None
    ip = frame[14:]
    head = (ip[0] & 15) * 4
    total = struct.unpack_from(">H", ip, 2)[0] or len(ip)
    tcp = ip[head : max(total, head)] if total >= head else ip[head:]
    source, target, sequence = struct.unpack_from(">HHI", tcp)
    if port not in (source, target):
        return None
    to_server = target == port
    client = (ip[12:16], tcp[0:2]) if to_server else (ip[16:20], tcp[2:4])
    return (*client, to_server), sequence, tcp[13], tcp[(tcp[12] >> 4) * 4 :]


def _stream(segments: dict[int, bytes], start: int | None) -> bytes:
    if start is None:
        assert not segments, "a connection without its beginning"
        return b""
    out = bytearray()
    for sequence, payload in sorted(
        segments.items(), key=lambda item: (item[0] - start) & 0xFFFFFFFF
    ):
        at = (sequence - start) & 0xFFFFFFFF
        if at >= 1 << 31:
            continue  # before the first byte: a probe that the connection is alive
        assert at <= len(out), "bytes are missing in the capture"
        out[at : at + len(payload)] = payload
    return bytes(out)


def _captured(interfaces: Sequence[str]) -> Iterator[tuple[int, bytes]]:
    sockets = []
    for name in interfaces:
        one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
        one.setsockopt(socket.SOL_SOCKET, 33, 1 << 28)  # SO_RCVBUFFORCE: nothing may be lost
        one.bind((name, _ALL))
        sockets.append(one)
    sys.stdout.write("captures\n")
    sys.stdout.flush()
    while True:
        for ready in select.select(sockets, [], [])[0]:
            yield sockets.index(ready), ready.recv(1 << 18)


if __name__ == "__main__":
    with Path(sys.argv[1]).open("ab", buffering=0) as file:
        for interface, content in _captured(sys.argv[2:]):
            head = _HEAD.pack(interface, len(content))
            file.write(head + content)
