"""If this fails, a newcomer who types what a page of the manual says gets an error."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w*) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


EXITS_1 = " # exit 1"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "commands", "made"),
    [("tutorial.md", 14, "report/report.html"), ("audit.md", 9, "audit.html")],
)
def test_every_command_of_a_page(tmp_path: Path, page: str, commands: int, made: str) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    ran = 0
    for language, name, body in BLOCK.findall((ROOT / "docs" / page).read_text()):
        if language == "python":
            (tmp_path / name).write_text(body)
        if language != "console":
            continue
        for line in body.splitlines():
            assert line.startswith("$ "), f"a console block holds commands only: {line}"
            done = subprocess.run(
                ["bash", "-c", line.removeprefix("$ ")],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            wanted = int(line.endswith(EXITS_1))
            assert done.returncode == wanted, f"{line}\n{done.stdout}\n{done.stderr}"
            ran += 1
    assert ran >= commands
    assert (tmp_path / made).exists()


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
