"""`strongroom federate …`: train one model with others, and no row leaves anybody."""

from __future__ import annotations

import importlib

import click

from strongroom.errors import InputError, did_you_mean

# In the order in which they are needed. The texts stand here so that --help imports no verb.
VERBS = {
    "init": "Name the sites; make their start-up kits and the server's.",
    "serve": "Run the server, until Ctrl-C.",
    "join": "Run this site, until Ctrl-C: answer what its policy allows.",
    "run": "Train with the sites that are there; the model comes to the coordinator.",
    "jobs": "At a site: what has been asked of it, in words.",
    "approve": "At a site: let a job run that waits for it, or not (--deny).",
    "stop": "At a site, or at the coordinator: stop a job at once.",
    "demo": "All of it on this machine: three sites with real processes and TLS.",
}


class _Verbs(click.Group):
    """Loads a verb's file when it is called, and no other."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        file = {"approve": "jobs", "stop": "jobs"}.get(cmd_name, cmd_name)
        module = importlib.import_module(f"strongroom.cli._federate_{file}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            raise InputError(
                f'unknown verb "federate {args[0]}"',
                hint=did_you_mean(args[0], VERBS) or "strongroom federate --help lists the verbs",
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    "federate",
    cls=_Verbs,
    epilog="Each takes --json, --quiet and --workspace; serve and join then print a line of JSON "
    "for each thing that happens. strongroom federate VERB --help says more.",
)
def command() -> None:
    """Train one model with others, over NVIDIA FLARE: no row leaves anybody.

    A coordinator: init, serve, run. Each site, beside its own strongroom.toml: join KIT.
    """
