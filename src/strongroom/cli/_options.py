"""What every verb has in common: the four flags, the configuration, the workspace."""

from __future__ import annotations

import functools
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from strongroom.cli._secrets import VARIABLE, key_passphrase
from strongroom.cli.console import Console
from strongroom.config import CONFIG_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from strongroom.config import Config, SealSpec
    from strongroom.store import Workspace

WORKSPACE_NAME = ".strongroom"


class Sealing(Protocol):
    """A file of settings that says where the workspace key is."""

    @property
    def seal(self) -> SealSpec:
        """`[seal]`."""


@dataclass(frozen=True)
class Common:
    """The flags that every verb takes, and what they lead to."""

    console: Console
    config_path: Path
    workspace_path: Path

    def config(self) -> Config:
        """Read strongroom.toml."""
        from strongroom import config

        return config.load(self.config_path)

    def open_workspace(self, config: Sealing, verb: str, *, wait: float = 0) -> Workspace:
        """Open the workspace to write in it, making it and its key where there are none."""
        from strongroom.store import Workspace

        identity = identity_path(config, self.config_path)
        return Workspace.open(
            self.workspace_path,
            identity=identity,
            passphrase=self._passphrase(identity),
            create=True,
            wait=wait,
            verb=verb,
        )

    def _passphrase(self, identity: Path | None) -> str | None:
        """Ask for the passphrase of the workspace key, if it has one and nobody has set it."""
        known = os.environ.get(VARIABLE)
        if known or not sys.stdin.isatty():
            return known
        if identity is None and (self.workspace_path / "state.db").exists():
            with self.read_workspace() as workspace:
                identity = workspace.identity_path
        return key_passphrase(identity) if identity and identity.is_file() else None

    def read_workspace(self, config: Config | None = None) -> Workspace:
        """Open the workspace to read what it says in clear: no key, no lock."""
        from strongroom.store import Workspace

        identity = identity_path(config, self.config_path)
        return Workspace.read_only(self.workspace_path, identity=identity)


def identity_path(config: Sealing | None, config_path: Path) -> Path | None:
    """Where the user says the workspace key is; None leaves it to the workspace."""
    named = os.environ.get("STRONGROOM_IDENTITY") or (config.seal.identity if config else None)
    return (config_path.parent / Path(named).expanduser()) if named else None


def common(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb `--json`, `--quiet`, `--config` and `--workspace`, as one `Common`."""

    @click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
    @click.option("--quiet", is_flag=True, help="No progress and no talk.")
    @click.option(
        "-c",
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        default=CONFIG_NAME,
        show_default=True,
        help="The configuration.",
    )
    @click.option(
        "--workspace",
        type=click.Path(path_type=Path),
        default=None,
        help=f"The workspace; {WORKSPACE_NAME} beside the configuration by default.",
    )
    @functools.wraps(function)
    def with_common(
        *,
        as_json: bool,
        quiet: bool,
        config_path: Path,
        workspace: Path | None,
        **rest: Any,  # noqa: ANN401 - the verb's own parameters
    ) -> Any:  # noqa: ANN401
        if config_path.is_dir():
            config_path = config_path / CONFIG_NAME
        flags = Common(
            console=Console(as_json=as_json, quiet=quiet),
            config_path=config_path,
            workspace_path=workspace or config_path.parent / WORKSPACE_NAME,
        )
        return function(flags, **rest)

    return with_common
