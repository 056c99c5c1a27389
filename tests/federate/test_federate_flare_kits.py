"""If this fails, a start-up kit holds what it mustn't, or one that mustn't be used is used."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from typing import TYPE_CHECKING

import pytest
from tests.federate.flare_processes import reissue

from strongroom.errors import InputError, KeyRefusedError
from strongroom.federate import flare

pytest.importorskip("nvflare")

if TYPE_CHECKING:
    from pathlib import Path

    from strongroom.federate.flare import Kit


@pytest.fixture
def kits(tmp_path: Path) -> dict[str, Kit]:
    return flare.make_kits(tmp_path / "federation", ["a", "b"], "localhost", 8002)


def test_kits_hold_no_code_and_no_file_that_others_can_read(
    kits: dict[str, Kit], tmp_path: Path
) -> None:
    files = [path for path in (tmp_path / "federation").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".json", ".crt", ".key", ".pem", ".zip"}
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for name in ("a", "b"):
        resources = json.loads((kits[name].folder / "local" / "resources.json").read_text())
        # Nothing that could start a job, stream a log or filter a result.
        assert [c["path"] for c in resources["components"]] == [
            "strongroom.federate.flare._gate.Gate"
        ]
        assert resources["app_validator"]["path"] == "strongroom.federate.flare._gate.NoJobs"
        assert resources["class_list_enforcement_mode"] == "enforce"
        assert set(resources["class_allow_list"]) == {
            "strongroom.federate.flare._gate.Gate",
            "strongroom.federate.flare._gate.NoJobs",
        }
        told = json.loads((kits[name].startup / "fed_client.json").read_text())
        assert told["client"]["connection_security"] == "mtls"


def test_more_sites_are_invited_and_nobody_needs_a_new_kit(
    kits: dict[str, Kit], tmp_path: Path
) -> None:
    before = {name: kits[name].certificate.read_bytes() for name in kits}
    more = flare.make_kits(tmp_path / "federation", ["c"], "localhost", 8002)
    assert {name: more[name].certificate.read_bytes() for name in kits} == before
    for name in more:
        more[name].check()
    assert flare.read_kit(more["coordinator"].folder).sites == ("a", "b", "c")
    with pytest.raises(InputError, match="are for localhost:8002"):
        flare.make_kits(tmp_path / "federation", ["d"], "localhost", 8003)


def test_a_zip_is_the_kit(kits: dict[str, Kit], tmp_path: Path) -> None:
    content = kits["a"].folder.with_suffix(".zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(content)
    kit = flare.read_kit(tmp_path / "a.zip", "site")
    assert (kit.name, kit.host, kit.port) == ("a", "localhost", 8002)
    assert kit.key.read_bytes() == kits["a"].key.read_bytes()
    assert stat.S_IMODE(kit.key.stat().st_mode) == 0o600


def test_a_zip_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../evil.json", "{}")
    with pytest.raises(InputError, match="not a start-up kit"):
        flare.read_kit(tmp_path / "evil.zip")
    assert not (tmp_path / "evil.json").exists()


@pytest.mark.parametrize("name", ["A", "-a", "a_b", "server", "a" * 41, "a/../b", "ä"])
def test_a_name_that_cannot_be_one_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="can't name a site"):
        flare.make_kits(tmp_path, [name], "localhost", 8002)


def test_a_key_that_others_can_read_is_refused(kits: dict[str, Kit]) -> None:
    kits["a"].key.chmod(0o644)
    with pytest.raises(KeyRefusedError, match="others can read"):
        flare.read_kit(kits["a"].folder)


def test_another_version_is_refused(kits: dict[str, Kit]) -> None:
    path = kits["a"].folder / "kit.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": "99.0.0"}))
    with pytest.raises(InputError, match=r"from Strongroom 99\.0\.0"):
        flare.read_kit(kits["a"].folder)


def test_another_participants_kit_is_refused(kits: dict[str, Kit]) -> None:
    with pytest.raises(InputError, match="kit of the site b, not of a server"):
        flare.read_kit(kits["b"].folder, "server")


def test_an_expired_certificate_is_refused(kits: dict[str, Kit], tmp_path: Path) -> None:
    reissue(kits["a"], tmp_path / "federation", days=-1)
    with pytest.raises(KeyRefusedError, match="expired on"):
        flare.read_kit(kits["a"].folder)


def test_a_certificate_of_tomorrow_tells_of_the_clock(kits: dict[str, Kit], tmp_path: Path) -> None:
    reissue(kits["a"], tmp_path / "federation", days=400, begins=1)
    with pytest.raises(KeyRefusedError, match="is valid from"):
        flare.read_kit(kits["a"].folder)


def test_an_unreadable_kit_is_told(kits: dict[str, Kit]) -> None:
    (kits["a"].folder / "kit.json").write_text("{}")
    with pytest.raises(InputError, match="can't be read"):
        flare.read_kit(kits["a"].folder)
    kits["b"].certificate.write_text("nothing")
    with pytest.raises(KeyRefusedError, match="can't be read"):
        flare.read_kit(kits["b"].folder)
    os.unlink(kits["server"].authority)  # noqa: PTH108 - what an operator does
    with pytest.raises(InputError, match="isn't whole"):
        flare.read_kit(kits["server"].folder)
