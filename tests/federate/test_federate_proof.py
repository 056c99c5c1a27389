"""The proof that raw data stays: all traffic of real runs, read back in the clear, and searched.

Server, coordinator and sites are processes that talk mutual TLS over NVIDIA FLARE. If this fails,
a row or an identifier of a site crossed the network, or a search that should find them is blind.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.federate import capture
from tests.federate.capture import Namespaces, Relay, conversations, read_frames
from tests.federate.flare_processes import PATIENCE, free_port, wait_for
from tests.federate.proof_data import PLANTED, SITES, patients
from tests.federate.tls import decrypt, read_keys

from strongroom.data import write_table
from strongroom.federate import Kind, Message, Recipe
from strongroom.federate._model import Blueprint
from strongroom.federate.evidence import SiteTraffic, search_leaks
from strongroom.federate.flare import make_kits
from strongroom.federate.site._exit import LeakError, check_leaving

pytest.importorskip("nvflare")

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.federate.tls import Conversation

    from strongroom.federate.evidence import LeakReport
    from strongroom.federate.flare import Kit

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ROUNDS = 3


@dataclass
class Network:
    """How processes reach each other, and what is captured of it; see `Loopback` and `Wires`."""

    folder: Path
    port: int = field(default_factory=free_port)

    @property
    def keys(self) -> Path:
        return self.folder / "keys.log"

    def read(self, wires: Mapping[str, Sequence[Conversation]]) -> dict[str, list[bytes]]:
        """Return all that was said, in the clear, by site."""
        keys = read_keys(self.keys)
        found = {}
        for site, wire in wires.items():
            plain = [decrypt(one, keys) for one in wire]
            found[site] = [side for one in plain for side in (one.client, one.server) if side]
        return found


@dataclass
class Loopback(Network):
    """Each site reaches the server through a relay of its own."""

    host = "localhost"
    relays: dict[str, Relay] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.relays = {site: Relay(self.port) for site in SITES}

    def port_for(self, site: str) -> int:
        return self.relays[site].port

    def inside(self, name: str) -> list[str]:
        del name
        return []

    def captured(self) -> dict[str, list[bytes]]:
        return self.read({site: relay.conversations() for site, relay in self.relays.items()})

    def close(self) -> None:
        for relay in self.relays.values():
            relay.close()


@dataclass
class Wires(Network):
    """Each site is in a network namespace, whose only wire is captured packet by packet."""

    host = Namespaces.address
    spaces: Namespaces = field(default_factory=lambda: Namespaces(SITES))

    def __post_init__(self) -> None:
        self.spaces.__enter__()
        self.spaces.capture(self.folder / "frames")

    def port_for(self, site: str) -> int:
        del site
        return self.port

    def inside(self, name: str) -> list[str]:
        space = self.spaces.of(name) if name in SITES else self.spaces.hub
        return ["ip", "netns", "exec", space]

    def captured(self) -> dict[str, list[bytes]]:
        frames = dict(zip(SITES, read_frames(self.folder / "frames", len(SITES)), strict=True))
        parts = {site: conversations(own, self.port) for site, own in frames.items()}
        plain = self.read({site: wire for site, (wire, _) in parts.items()})
        # What isn't TLS to the server is searched as it is, and must not be much.
        for site, (_, other) in parts.items():
            plain[site] += other
            assert not [f for f in other if _is_data(f)], "a site talks to somebody else"
        return plain

    def close(self) -> None:
        self.spaces.__exit__()


def _is_data(frame: bytes) -> bool:
    """Tell TCP and UDP from what a network says to itself (ARP, neighbours, groups)."""
    return frame[12:14] == b"\x08\x00" and frame[23] in (6, 17)


class Federation:
    """Server and sites, and one job after another."""

    def __init__(self, network: Loopback | Wires) -> None:
        self.network, self.folder = network, network.folder
        kits = make_kits(self.folder / "federation", SITES, network.host, network.port)
        self._running: list[subprocess.Popen[bytes]] = []
        for kit in kits.values():
            self._adapt(kit)
        try:
            self._start(
                "server", "-m", "strongroom", "federate", "serve", str(kits["server"].folder.parent)
            )
            self._wait("server", "Serving")
            for site in SITES:
                place = self.folder / site
                place.mkdir()
                write_table(patients(site).table, place / "rows.csv")
                self._start(site, str(HERE / "proof_site.py"), str(kits[site].folder), str(place))
            for site in SITES:
                self._wait(site, "joined")
        except BaseException:
            self.close()
            raise
        self._kit = kits["coordinator"].folder

    def _adapt(self, kit: Kit) -> None:
        """Use FLARE's driver over Python's TLS (`proof_coordinator`), and the network's port."""
        port = self.network.port_for(kit.name) if kit.kind == "site" else kit.port
        for path in kit.folder.rglob("*.json"):
            text = path.read_text().replace('"grpc"', '"tcp"')
            path.write_text(text.replace(f":{kit.port}", f":{port}"))

    def run(self, leaks: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Run one job; sites leak as they are told."""
        for site in SITES:
            (self.folder / site / "leak").write_text((leaks or {}).get(site, ""))
        command = [*self.network.inside("hub"), sys.executable,
                   str(HERE / "proof_coordinator.py"), str(self._kit)]  # fmt: skip
        done = subprocess.run(
            command, env=self._environment(), capture_output=True, text=True, check=False,
            timeout=2 * PATIENCE, cwd=self.folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told

    def close(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait(PATIENCE)
        self.network.close()

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "SSLKEYLOGFILE": str(self.network.keys), "PYTHONUNBUFFERED": "1",
                "PYTHONPATH": str(ROOT)}  # fmt: skip

    def _start(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as out:
            self._running.append(
                subprocess.Popen(
                    [*self.network.inside(name), sys.executable, *arguments],
                    stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                    env=self._environment(), cwd=self.folder,
                )
            )  # fmt: skip

    def _wait(self, name: str, text: str) -> None:
        order = ["server", *SITES]
        wait_for(self.folder / f"{name}.log", text, self._running[order.index(name)])


@pytest.fixture(scope="module", params=[Loopback, Wires], name="federation")
def _federation(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Federation]:
    if request.param is Wires and (why := capture.allowed()):
        pytest.skip(why)
    federation = Federation(request.param(tmp_path_factory.mktemp("proof")))
    yield federation
    federation.close()


def search(captured: Sequence[bytes], site: str, told: dict[str, Any]) -> LeakReport:
    """Search for all of a site's rows, in every form, and for its planted address."""
    rows = patients(site)
    inputs = Blueprint.of(Recipe.model_validate(told["recipe"])).model.read(rows)[0]
    return search_leaks(captured, rows, inputs=inputs, planted=[PLANTED[site]])


@pytest.mark.slow
def test_no_row_crosses_and_a_leak_would_be_seen(federation: Federation) -> None:
    told = federation.run()
    assert told["rounds"] == [sorted(SITES)] * ROUNDS
    assert told["refusals"] == []
    captured = federation.network.captured()
    everything = [piece for pieces in captured.values() for piece in pieces]
    for site in SITES:
        # It was read back: this job's messages stand there, as many as both sides counted.
        counted, stated = (SiteTraffic.from_json(told[k][site]) for k in ("counted", "stated"))
        assert not counted.differences(stated)
        assert messages(captured[site], told["job"], Kind.TRAIN) >= 2 * ROUNDS
        assert sum(map(len, captured[site])) > counted.out.bytes + counted.into.bytes
        # Nothing of anybody's is on anybody's wire.
        report = search(everything, site, told)
        assert report.clean, report.leaks
        assert report.searchable == report.rows

    told = federation.run({"north": "array", "south": "facts"})
    captured = federation.network.captured()
    leaked = search(captured["north"], "north", told)
    assert {leak.row for leak in leaked.leaks} == {7}
    assert "as the model takes it" in leaked.leaks[0].form
    planted = search(captured["south"], "south", told)
    assert planted.planted_found == 1
    assert search(captured["west"], "west", told).clean


def messages(pieces: Sequence[bytes], job: str, kind: Kind) -> int:
    """Count the messages of a kind that stand in what was captured."""
    head = f'"job":"{job}","kind":"{kind.value}"'.encode()
    return sum(piece.count(head) for piece in pieces)


def test_the_exit_of_a_site_stops_a_fact_that_isnt_in_its_table() -> None:
    told = Message(Kind.TRAIN, facts={"weight": 1, "note": PLANTED["north"]})
    with pytest.raises(LeakError, match="note"):
        check_leaving(told, 10)
    longer = Message(Kind.TRAIN, arrays={"update": np.zeros(11, np.float32)})
    with pytest.raises(LeakError, match="update"):
        check_leaving(longer, 10)
