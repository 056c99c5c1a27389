"""If this fails, the page about audits promises attacks, presets or limits that aren't so."""

from __future__ import annotations

import re
from pathlib import Path

from strongroom.attacks import BUILTIN, about, load_attack
from strongroom.attacks._situation import KINDS
from strongroom.audit import METRICS, PRESETS

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()


def rows(first: str) -> list[list[str]]:
    """Return the cells of every table row whose first cell matches."""
    lines = re.findall(rf"^\| `({first})` \|(.*)\|$", PAGE, re.MULTILINE)
    return [[name, *(cell.strip() for cell in rest.split("|"))] for name, rest in lines]


def test_every_attack_stands_there_with_its_presets_and_kinds() -> None:
    told = {r[0]: (r[1], r[2]) for r in rows(r"[a-z]+\.[a-z_]+") if len(r) == 4}
    wanted = {}
    for name in BUILTIN:
        said = about(load_attack(name))
        kinds = "all" if said.kinds == KINDS else ", ".join(said.kinds)
        wanted[name] = (", ".join(said.presets), kinds)
    assert told == wanted


def test_the_dimensions_of_presets() -> None:
    told = {
        r[0]: [int(cell.replace(",", "")) for cell in r[1:]] for r in rows("quick|standard|full")
    }
    assert told == {
        name: [p.shadows, p.fits, p.rows, p.evasion_rows] for name, p in PRESETS.items()
    }


def test_the_default_limits() -> None:
    told = {r[0]: (r[1], r[2]) for r in rows(r"[a-z]+\.[a-z_.0-9]+") if len(r) == 3}
    wanted = {}
    for metric in METRICS.values():
        if metric.limit is not None and not metric.about_data:
            most, least = metric.limit.max, metric.limit.min
            words = f"at least {least:g}" if most is None else f"at most {most:g}"
            wanted[metric.id] = (words, metric.severity.value)
    assert told == wanted
