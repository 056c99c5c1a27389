"""If this fails, a stranger's attack isn't found, or ours can't be run by name."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

from strongroom import attacks
from strongroom.attacks import BUILTIN, attack_names, load_attack
from strongroom.attacks.membership import LossThreshold


def test_ours_come_first_and_load() -> None:
    assert attack_names()[: len(BUILTIN)] == tuple(BUILTIN)
    for name in BUILTIN:
        attack = load_attack(name)
        assert attack.name == name
        assert callable(attack.run)


def test_a_strangers_attack_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    point = importlib.metadata.EntryPoint(
        "property.size", "strongroom.attacks.membership:LossThreshold", "strongroom.attacks"
    )
    monkeypatch.setattr(attacks._registry, "entry_points", lambda group: [point] * (group != ""))
    assert attack_names() == (*BUILTIN, "property.size")
    assert isinstance(load_attack("property.size"), LossThreshold)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError):
        load_attack("membership.magic")


@pytest.mark.parametrize("room", ["attacks", "audit"])
def test_importing_the_room_stays_light(room: str) -> None:
    code = f"import strongroom.{room}, sys; print('torch' in sys.modules, 'scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
