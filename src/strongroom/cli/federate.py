"""`strongroom federate …`: train one model with others, and no row leaves anybody."""

from __future__ import annotations

import click

from strongroom.cli._verbs import Verbs

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


_ELSEWHERE = {"approve": "jobs", "stop": "jobs"}


@click.group(
    "federate",
    cls=Verbs,
    verbs=VERBS,
    place=lambda verb: (f"_federate_{_ELSEWHERE.get(verb, verb)}", verb),
    epilog="Each takes --json, --quiet and --workspace; serve and join then print a line of JSON "
    "for each thing that happens. strongroom federate VERB --help says more.",
)
def command() -> None:
    """Train one model with others, over NVIDIA FLARE: no row leaves anybody.

    A coordinator: init, serve, run. Each site, beside its own strongroom.toml: join KIT.
    """
