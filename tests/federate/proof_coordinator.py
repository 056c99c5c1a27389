"""The coordinator for the proof: `proof_coordinator.py KIT` runs one job and prints what came."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.federate.proof_data import COLUMNS, SITES

from strongroom.config import ProjectSpec, TrainSpec
from strongroom.federate import Settings, flare
from strongroom.federate._settings import JobSpec
from strongroom.federate.coordinator import Coordinator, plan_recipe
from strongroom.federate.evidence import Watched
from strongroom.federate.flare import _channel

ROUNDS = 3
_TRIES = 600


def over_tcp() -> None:
    """Let FLARE use its driver over Python's TLS: the one whose secrets can be logged.

    gRPC's own TLS has no key log in Python. The messages are the same, byte for byte.
    """
    module: Any = _channel
    cell = module.Cell

    def made(**options: Any) -> Any:  # noqa: ANN401 - FLARE's
        return cell(**{**options, "root_url": options["root_url"].replace("grpc:", "tcp:")})

    module.Cell = made
    # It waits for HTTP/2 settings, which this driver doesn't send.
    module.probe = lambda kit: None  # noqa: ARG005


def main(kit: Path) -> None:
    """Run one job."""
    over_tcp()
    settings = Settings(
        project=ProjectSpec(name="proof"),
        train=TrainSpec(
            model="mlp", hidden=(8,), optimizer="sgd", learning_rate=0.5, average=False
        ),
        job=JobSpec(rounds=ROUNDS, local_epochs=2, min_sites=len(SITES), deadline=120),
    )
    with flare.connect(flare.read_kit(kit, "coordinator")) as channel:
        for _ in range(_TRIES):
            if channel.present() == sorted(SITES):
                break
            time.sleep(0.2)
        watched = Watched(channel)
        recipe = plan_recipe(watched, settings, columns=COLUMNS)
        result = Coordinator(recipe, watched).run()
        told = {
            "job": recipe.job,
            "recipe": recipe.model_dump(mode="json"),
            "rounds": [r.get("answered", []) for r in result.rounds],
            "counted": {s: t.to_json() for s, t in watched.traffic().items()},
            "stated": {s: (t.predicate or {}).get("traffic") for s, t in result.statements.items()},
            "refusals": list(result.refusals),
        }
    sys.stdout.write(json.dumps(told) + "\n")
    flare.leave(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
