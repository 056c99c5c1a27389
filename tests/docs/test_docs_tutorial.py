"""If this fails, a newcomer who types what the tutorial says gets an error."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w*) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_every_command_of_the_tutorial(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    ran = 0
    for language, name, body in BLOCK.findall((ROOT / "docs" / "tutorial.md").read_text()):
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
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
            ran += 1
    assert ran >= 14
    assert (tmp_path / "report" / "report.html").exists()


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
