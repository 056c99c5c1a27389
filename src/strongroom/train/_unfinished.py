"""An unfinished private training whose settings have changed since: told, before more is spent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.config import TrainSpec
    from strongroom.train._guard import Surroundings

FIELD = "about"


def about(spec: TrainSpec, key: str) -> NDArray[np.uint8]:
    """Return what a checkpoint says of its run, so that a later one can say what changed."""
    told = {"spec": spec.model_dump(mode="json"), "key": key}
    return np.frombuffer(json.dumps(told).encode(), dtype=np.uint8)


def check_unfinished(spec: TrainSpec, around: Surroundings) -> None:
    """Refuse a run that would leave another private one unfinished, its ε spent for nothing.

    Raises:
        InputError: says what changed.
        TamperedError: the checkpoint isn't what was written.
    """
    kept = around.checkpointer.load() if around.checkpointer is not None else None
    if kept is None or FIELD not in kept[0]:
        return
    state, done = kept
    before = json.loads(state[FIELD].tobytes())
    now = spec.model_dump(mode="json")
    if before["spec"].get("privacy") is None or before["key"] == around.key:
        return
    epsilon = before["spec"]["privacy"]["epsilon"]
    changed = _changes(before["spec"], now)
    what = ", ".join(changed) or "the rows, what is declared of them, or Strongroom itself"
    raise InputError(
        f"a private training was interrupted at step {done:,}, and since then changed: {what}",
        where="[train]" if changed else None,
        hint=f"put it back, and it continues for the ε = {epsilon:g} that it has spent; or give it "
        "up with strongroom train --discard: its ε stays spent, and the new training spends anew",
    )


def _changes(before: Mapping[str, Any], now: Mapping[str, Any], inside: str = "") -> list[str]:
    found = []
    for name in {**before, **now}:
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            found += _changes(old, new, f"{inside}{name}.")
        elif old != new:
            found.append(f"{inside}{name} {_short(old)} → {_short(new)}")
    return found


def _short(value: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return "set"
    return "none" if value is None else json.dumps(value, ensure_ascii=False)
