"""A whole federation in one process: the same sites, the same coordinator, the same messages."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from strongroom.config import FederationSpec
from strongroom.federate._loopback import LoopbackChannel
from strongroom.federate._recipe import Recipe
from strongroom.federate.coordinator import Coordinator, plan_recipe
from strongroom.federate.site import Site
from strongroom.privacy import MemoryLedger
from strongroom.progress import SILENT
from strongroom.vault import SigningKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from strongroom.config import ColumnSpec
    from strongroom.data import Dataset
    from strongroom.federate._loopback import Fault
    from strongroom.federate._message import Message
    from strongroom.federate._seams import Answers
    from strongroom.federate._settings import Settings
    from strongroom.federate.coordinator import FederationResult
    from strongroom.progress import Progress
    from strongroom.train import Checkpointer


def simulate(
    job: Settings | Recipe,
    sites: Mapping[str, Dataset],
    *,
    tests: Mapping[str, Dataset] | None = None,
    columns: Mapping[str, ColumnSpec] | None = None,
    policy: FederationSpec | None = None,
    wrap: Callable[[Answers], Answers] = lambda site: site,
    faults: Callable[[str, Message], Fault | None] | None = None,
    threads: bool = False,
    store: Checkpointer | None = None,
    progress: Progress = SILENT,
    **site: Any,  # noqa: ANN401 - what `Site` takes
) -> FederationResult:
    """Run a federated job with all of its sites in this process.

    Args:
        job: what shall be trained: settings, from which a recipe is planned with the sites; or a
            recipe.
        sites: name to rows, with roles.
        tests: name to rows to measure on.
        columns: public declarations, the same at all sites.
        policy: `[federation]` of all sites.
        wrap: puts something in a site's place, such as an attacker.
        faults: what goes wrong between; see `LoopbackChannel`.
        threads: ask all sites at once.
        store: keeps the coordinator's state.
        progress: is told every round.
        site: more for every `Site`: rows, budget.

    Raises:
        StrongroomError: see `plan_recipe` and `Coordinator.run`.
    """
    measured = tests or {}
    made = [
        wrap(
            Site(
                name,
                rows,
                measured.get(name),
                policy or FederationSpec(site=name),
                key=SigningKey(secrets.token_bytes(32)),
                ledger=MemoryLedger(),
                account=name,
                columns=columns,
                **site,
            )
        )
        for name, rows in sites.items()
    ]
    with LoopbackChannel(made, threads=threads, faults=faults) as channel:
        recipe = job
        if not isinstance(recipe, Recipe):
            recipe = plan_recipe(channel, recipe, columns=columns)
        coordinator = Coordinator(recipe, channel, store=store, progress=progress, patience=0.0)
        return coordinator.run()
