"""Peers run in environments of their own, made by pip in the user's cache folder on first use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import platformdirs


def environment(*requirements: str) -> str | None:
    """Return a Python that has these, or None, said on stderr, where pip can't install them."""
    folder = Path(platformdirs.user_cache_dir("strongroom")) / "benchmarks" / "+".join(requirements)
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        done = subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", *requirements], check=False
        )
        if done.returncode:
            sys.stderr.write(f"left out, since pip can't install it: {', '.join(requirements)}\n")
            return None
        ready.touch()
    return str(python)


def answer(python: str, script: str, *arguments: str) -> str:
    """Return what a script prints, run on one thread by another Python."""
    single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(
        [python, "-c", script, *arguments],
        env={**os.environ, **single, "PYTHONPATH": ""},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]
