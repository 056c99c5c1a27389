"""Groups of verbs, of which only the one that is called is loaded."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import click

from strongroom.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Verbs(click.Group):
    """A group whose texts are known at once, so that --help imports no verb.

    Args:
        verbs: each verb and what it does, in the order in which they are listed.
        place: of a verb: the module below `strongroom.cli`, and the name of its command there.
        rest: see `click.Group`.
    """

    def __init__(
        self,
        *,
        verbs: Mapping[str, str],
        place: Callable[[str], tuple[str, str]],
        **rest: Any,  # noqa: ANN401 - click's own
    ) -> None:
        super().__init__(**rest)
        self._verbs, self._place = verbs, place

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the verbs."""
        return list(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load a verb; None if there is none of this name."""
        if cmd_name not in self._verbs:
            return None
        module, name = self._place(cmd_name)
        command: click.Command = getattr(importlib.import_module(f"strongroom.cli.{module}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Load the verb that was called.

        Raises:
            InputError: there is none of this name; with what may have been meant.
        """
        if args and args[0] not in self._verbs and not args[0].startswith("-"):
            _, *groups = ctx.command_path.split()
            raise InputError(
                f'unknown verb "{" ".join([*groups, args[0]])}"',
                hint=did_you_mean(args[0], self._verbs)
                or f"{ctx.command_path} --help lists the verbs",
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the verbs in --help."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(self._verbs.items()))
