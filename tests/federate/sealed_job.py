"""A job whose coordinator and sites keep their states sealed: to be killed, and run again.

python -m tests.federate.sealed_job FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.federate.sites import Tells, people, settings, site

from strongroom.federate import LoopbackChannel, Recipe
from strongroom.federate.coordinator import Coordinator, plan_recipe
from strongroom.store import SealedCheckpointer
from strongroom.vault import Keyring, SigningKey, X25519Identity


def main(folder: Path) -> None:
    """Run the job of a folder to its end, or go on with it."""
    keyring = Keyring(X25519Identity(bytes(range(32))), folder / "key")

    def keeper(name: str) -> SealedCheckpointer:
        return SealedCheckpointer(folder / f"{name}.age", keyring)

    sites = [
        site(
            f"s{k}",
            people(50, k),
            test=None,
            key=SigningKey(bytes([k]) * 32),
            checkpointer=lambda _job, k=k: keeper(f"s{k}"),
        )
        for k in range(3)
    ]
    channel = LoopbackChannel(sites)
    plan = folder / "recipe.json"
    if not plan.exists():
        made = plan_recipe(channel, settings(rounds=40, strategy={"name": "scaffold"}))
        plan.write_text(made.model_dump_json())
    recipe = Recipe.model_validate_json(plan.read_text())
    tells = Tells(lambda done: (folder / "done").write_text(str(done)))
    found = Coordinator(recipe, channel, store=keeper("state"), progress=tells).run()
    told = {"digest": found.model.digest(), "rounds": len(found.rounds)}
    (folder / "found.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
