"""If this fails, messages between coordinator and sites don't arrive, or others than theirs do."""

from __future__ import annotations

import io
import secrets
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.federate.flare_processes import PATIENCE, Processes, reissue

from strongroom.errors import InputError, KeyRefusedError
from strongroom.federate import Kind, Message, flare

pytest.importorskip("nvflare")

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from strongroom.federate.flare._channel import FlareChannel


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """Sites "a" and "b", which answer everything, and a server."""
    with Processes(tmp_path_factory.mktemp("flare")) as processes:
        processes.serve()
        for name in processes.sites:
            processes.echo(name)
        yield processes


@pytest.fixture
def channel(federation: Processes) -> Iterator[FlareChannel]:
    with flare.connect(federation.kits["coordinator"]) as channel:
        await_sites(channel, federation.sites)
        yield channel


def await_sites(channel: FlareChannel, sites: Sequence[str]) -> None:
    until = time.monotonic() + PATIENCE
    while channel.present() != list(sites):
        assert time.monotonic() < until, f"only {channel.present()} came"
        time.sleep(0.1)


def request(seconds: float = 0, array: np.ndarray[Any, Any] | None = None) -> Message:
    arrays = {} if array is None else {"parameters": array}
    return Message(Kind.TRAIN, "0" * 32, 1, secrets.token_hex(16), {"sleep": seconds}, arrays)


def test_an_answer_comes_back_to_the_bit(channel: FlareChannel) -> None:
    numbers = np.random.default_rng(0).normal(size=1_000_000).astype(np.float32)
    heard: list[str] = []
    asked = {site: request(array=numbers) for site in ("a", "b")}
    answers = channel.ask(asked, deadline=PATIENCE, heard=lambda site, _: heard.append(site))
    assert sorted(heard) == sorted(answers) == ["a", "b"]
    for site, answer in answers.items():
        assert answer.answers(asked[site])
        assert answer.facts["site"] == site
        assert np.array_equal(answer.arrays["parameters"], 2 * numbers)


def test_who_is_too_late_is_left_out_and_isnt_asked_twice(channel: FlareChannel) -> None:
    # Longer than a site keeps a connection waiting: the coordinator has to come back for it.
    slow = request(seconds=7)
    assert channel.ask({"a": slow, "b": request()}, deadline=3).keys() == {"b"}
    answers = channel.ask({"a": slow}, deadline=PATIENCE)
    again = channel.ask({"a": slow}, deadline=PATIENCE)
    assert answers["a"].facts["asked"] == again["a"].facts["asked"]


def test_a_site_is_asked_by_the_coordinator_alone(
    federation: Processes, channel: FlareChannel
) -> None:
    from nvflare.fuel.f3.cellnet.defs import MessageHeaderKey, ReturnCode
    from nvflare.fuel.f3.cellnet.utils import new_cell_message

    from strongroom.federate.flare._signed import Signer
    from strongroom.federate.flare._wire import ASK, CERTIFICATE, CHANNEL, SIGNATURE

    content = request().encode()

    def send(signer: Signer, signed: bytes, site: str = "a") -> str:
        headers = {CERTIFICATE: signer.certificate, SIGNATURE: signer.sign(site, ASK, signed)}
        reply = channel._cell.core_cell.send_request(
            channel=CHANNEL, topic=ASK, target="a", request=new_cell_message(headers, content),
            timeout=2, optional=True,
        )  # fmt: skip
        return str(reply.get_header(MessageHeaderKey.RETURN_CODE))

    coordinator = Signer(federation.kits["coordinator"])
    assert send(coordinator, content) == ReturnCode.OK
    assert send(coordinator, content + b"more") == ReturnCode.TIMEOUT  # dropped
    assert send(coordinator, content, site="b") == ReturnCode.TIMEOUT  # dropped
    assert send(Signer(federation.kits["b"]), content) == ReturnCode.TIMEOUT  # dropped
    assert send(Signer(federation.kits["server"]), content) == ReturnCode.TIMEOUT  # dropped


def test_a_site_runs_no_job_whoever_sends_it(federation: Processes, channel: FlareChannel) -> None:
    """FLARE's own message that puts an app onto a site and starts it, with code of the sender's."""
    from nvflare.fuel.f3.cellnet.defs import CellChannel, MessageHeaderKey, ReturnCode
    from nvflare.fuel.f3.cellnet.utils import new_cell_message
    from nvflare.private.admin_defs import Message as Command
    from nvflare.private.defs import RequestHeader, TrainingTopic

    app = io.BytesIO()
    with zipfile.ZipFile(app, "w") as archive:
        archive.writestr("config/config_fed_client.json", '{"executors": [{"path": "evil.Evil"}]}')
        archive.writestr("custom/evil.py", "open('/tmp/evil', 'w')")
    deploy = Command(TrainingTopic.DEPLOY, app.getvalue())
    for header in (RequestHeader.JOB_ID, RequestHeader.APP_NAME, RequestHeader.JOB_META):
        deploy.set_header(header, "evil")
    for topic in (TrainingTopic.DEPLOY, TrainingTopic.START):
        reply = channel._cell.core_cell.send_request(
            channel=CellChannel.CLIENT_MAIN, topic="admin", target="a",
            request=new_cell_message({"topic": topic}, deploy), timeout=2, optional=True,
        )  # fmt: skip
        assert reply.get_header(MessageHeaderKey.RETURN_CODE) == ReturnCode.TIMEOUT
    assert not list(federation.kits["a"].folder.glob("**/evil*"))
    assert channel.present() == ["a", "b"]


def test_jobs_are_refused_even_behind_the_gate(tmp_path: Path) -> None:
    from strongroom.federate.flare._gate import NoJobs

    assert "no jobs" in NoJobs().validate(str(tmp_path))[0]


def test_a_stop_doesnt_wait_for_the_round_that_it_stops() -> None:
    from strongroom.federate.flare._gate import Desk
    from strongroom.federate.flare._wire import UNKNOWN, WORKING

    stopped = threading.Event()

    class Site:
        name = "a"

        def answer(self, request: Message) -> Message:
            if request.kind is Kind.STOP:
                stopped.set()
            assert stopped.wait(PATIENCE)
            return request.answer()

    def told(*_: object) -> None:
        raise OSError("the terminal is gone")

    desk = Desk(Site(), told)
    train, stop = request(), Message(Kind.STOP, "0" * 32, 0, secrets.token_hex(16))
    assert desk.ask(train.encode(), patience=0.1) == WORKING
    assert Message.decode(desk.ask(stop.encode(), PATIENCE)).answers(stop)
    assert Message.decode(desk.ask(train.encode(), PATIENCE)).answers(train)
    assert desk.wait(b"never asked") == UNKNOWN
    assert Message.decode(desk.ask(b"nothing")).kind is Kind.REFUSED


def test_a_kit_of_another_federation_doesnt_get_in(federation: Processes, tmp_path: Path) -> None:
    kit = federation.kits["server"]
    others = flare.make_kits(tmp_path, ["a", "b"], kit.host, kit.port)
    with pytest.raises(KeyRefusedError, match="not to be trusted"):
        flare.connect(others["coordinator"])
    # Even where the kit was made to trust this server, the server doesn't trust the kit.
    others["coordinator"].authority.write_bytes(kit.authority.read_bytes())
    with pytest.raises(KeyRefusedError, match="doesn't take"):
        flare.connect(others["coordinator"])
    with pytest.raises(KeyRefusedError, match="not from the kit's authority"):
        flare.read_kit(others["coordinator"].folder)


def test_an_expired_certificate_is_refused_by_the_server_too(
    federation: Processes, tmp_path: Path
) -> None:
    """A clock that was set back, or a kit that wasn't checked, doesn't help."""
    place = tmp_path / "coordinator"
    shutil.copytree(federation.kits["coordinator"].folder, place)
    expired = replace(federation.kits["coordinator"], folder=place)
    reissue(expired, federation.folder / "federation", days=-1)
    with pytest.raises(KeyRefusedError, match="doesn't take"):
        flare.connect(expired)


def test_a_server_of_another_name_is_refused(federation: Processes) -> None:
    moved = replace(federation.kits["coordinator"], host="127.0.0.2")
    with pytest.raises((KeyRefusedError, InputError), match=r"mismatch|nobody listens"):
        flare.connect(moved)


def test_a_site_that_wasnt_invited_isnt_let_in(federation: Processes) -> None:
    kit = federation.kits["server"]
    # Somebody who has the authority made a kit, and the server wasn't told.
    about = (kit.folder / "kit.json").read_bytes()
    more = flare.make_kits(federation.folder / "federation", ["c"], kit.host, kit.port)["c"]
    (kit.folder / "kit.json").write_bytes(about)
    federation.start("c", "-c", _JOIN, str(more.folder))
    assert federation.running.pop("c").wait(PATIENCE) == 2
    assert "doesn't let c in" in (federation.folder / "c.log").read_text()
    assert "c was not invited" in (federation.folder / "server.log").read_text()


_JOIN = """
import sys
from pathlib import Path
from strongroom.errors import InputError
from strongroom.federate import flare
kit = flare.read_kit(Path(sys.argv[1]))
try:
    flare.join(kit, None, print, print)
except InputError as error:
    print(error, flush=True)
    flare.leave(2)
"""


def test_nothing_listens_but_the_servers_one_port(federation: Processes) -> None:
    import psutil

    open_ports = {
        name: {
            found.laddr.port
            for found in psutil.Process(process.pid).net_connections("tcp")
            if found.status == psutil.CONN_LISTEN
        }
        for name, process in federation.running.items()
    }
    assert open_ports == {"server": {federation.kits["server"].port}, "a": set(), "b": set()}


def test_a_port_in_use_is_told(federation: Processes) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "strongroom", "federate", "serve", "federation"],
        cwd=federation.folder, capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 2
    assert "is in use" in done.stderr


def test_without_a_server_the_coordinator_is_told(tmp_path: Path) -> None:
    federation = Processes(tmp_path)
    with pytest.raises(InputError, match="nobody listens"):
        flare.connect(federation.kits["coordinator"])


@pytest.mark.slow
def test_a_killed_server_and_a_killed_site_come_back(tmp_path: Path) -> None:
    with Processes(tmp_path) as federation:
        federation.serve()
        for name in federation.sites:
            federation.echo(name)
        with flare.connect(federation.kits["coordinator"], gone=3) as channel:
            await_sites(channel, federation.sites)
            answers: dict[str, Message] = {}
            asked = {site: request(seconds=4) for site in federation.sites}

            def ask() -> None:
                answers.update(channel.ask(asked, deadline=PATIENCE))

            asking = threading.Thread(target=ask)
            asking.start()
            time.sleep(1)
            federation.kill("server")
            federation.serve()
            asking.join(PATIENCE)
            assert {s: a.facts["asked"] for s, a in answers.items()} == {"a": 1, "b": 1}

            federation.kill("a")
            assert channel.ask({s: request() for s in asked}, deadline=PATIENCE).keys() == {"b"}
            federation.echo("a")
            await_sites(channel, federation.sites)
            assert channel.ask({"a": request()}, deadline=PATIENCE)["a"].facts["asked"] == 1
