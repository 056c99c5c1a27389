"""Where a passphrase comes from: the environment, or a prompt that shows nothing."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from strongroom.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "STRONGROOM_PASSPHRASE"


def passphrase_for(what: str, *, confirm: bool = False) -> str:
    """Return the passphrase to `what` with, asking on a terminal where none is set.

    Raises:
        InputError: none is set and nobody can be asked.
    """
    known = os.environ.get(VARIABLE)
    if known:
        return known
    if not sys.stdin.isatty():
        raise InputError(f"a passphrase is needed to {what}", hint=f"set {VARIABLE}")
    answer: str = click.prompt("passphrase", hide_input=True, confirmation_prompt=confirm, err=True)
    return answer


def key_passphrase(path: Path) -> str | None:
    """Return the passphrase of a key file, or None where it has none."""
    from strongroom.vault import passphrase_needed

    return passphrase_for(f"open the key {path}") if passphrase_needed(path) else None
