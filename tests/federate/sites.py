"""Real sites with made-up rows, and what may stand in their place."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from strongroom.config import ColumnSpec, FederationSpec
from strongroom.data import Dataset, Role
from strongroom.federate import Settings
from strongroom.federate._loopback import Fault, LoopbackChannel
from strongroom.federate.coordinator import Coordinator, plan_recipe
from strongroom.federate.site import Site
from strongroom.privacy import MemoryLedger
from strongroom.vault import SigningKey

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from numpy.typing import NDArray

    from strongroom.federate import Kind, Message
    from strongroom.federate.coordinator import FederationResult

    Faults = Callable[[str, Message], Fault | None]

COLUMNS = {
    "age": ColumnSpec(range=(0, 100)),
    "stay": ColumnSpec(range=(0, 30)),
    "ward": ColumnSpec(categories=("north", "south")),
    "ill": ColumnSpec(categories=("no", "yes"), role="target"),
}


def people(rows: int, seed: int, *, shift: float = 0.0) -> Dataset:
    """Made-up patients; who is old and stays long is ill. `shift` makes a site's own mixture."""
    draw = np.random.default_rng(seed)
    age = np.clip(draw.normal(50 + 20 * shift, 20, rows), 0, 100)
    stay = draw.uniform(0, 30, rows)
    ill = age / 100 + stay / 30 + draw.normal(0, 0.15, rows) > 1.0
    table = pa.table(
        {
            "age": age,
            "stay": stay,
            "ward": draw.choice(["north", "south"], rows),
            "ill": np.where(ill, "yes", "no"),
        }
    )
    return Dataset(table, roles={"ill": Role.TARGET})


def three(rows: int = 200) -> dict[str, Dataset]:
    """Three sites whose patients differ."""
    return {name: people(rows, k, shift=k - 1.0) for k, name in enumerate(("a", "b", "c"))}


def settings(train: Mapping[str, Any] | None = None, **job: Any) -> Settings:  # noqa: ANN401
    """A small job: logistic regression by full-batch gradient steps."""
    local = {"optimizer": "sgd", "learning_rate": 2.0, "average": False}
    return Settings.model_validate(
        {
            "project": {"name": "clinic"},
            "train": local | dict(train or {}),
            "job": {"rounds": 4, "local_epochs": 2, "deadline": 30} | job,
        }
    )


def site(name: str, rows: Dataset, **more: Any) -> Site:  # noqa: ANN401 - what `Site` takes
    """A real site that measures on other made-up people."""
    given: dict[str, Any] = {
        "key": SigningKey(secrets.token_bytes(32)),
        "ledger": MemoryLedger(),
        "account": name,
        "columns": COLUMNS,
        **more,
    }
    policy = given.pop("policy", FederationSpec(site=name))
    test = given.pop("test", people(100, 99))
    return Site(name, rows, test, policy, **given)


def line(sites: Mapping[str, Dataset] | None = None, **more: Any) -> LoopbackChannel:  # noqa: ANN401
    """A channel to real sites."""
    return LoopbackChannel([site(n, d) for n, d in (sites or three()).items()], **more)


def run(
    channel: LoopbackChannel,
    job: Settings | None = None,
    **more: Any,  # noqa: ANN401 - what `Coordinator` takes
) -> FederationResult:
    """Plan a job and run it."""
    recipe = plan_recipe(channel, job or settings())
    return Coordinator(recipe, channel, patience=0.0, **more).run()


def fault_at(name: str, kind: Kind, rounds: Collection[int], fault: Fault) -> Faults:
    """One site's fault in some rounds."""

    def faults(asked: str, request: Message) -> Fault | None:
        hit = asked == name and request.kind is kind and request.round in rounds
        return fault if hit else None

    return faults


class Memory:
    """A checkpointer in memory."""

    def __init__(self) -> None:
        self.kept: tuple[dict[str, NDArray[Any]], int] | None = None

    def save(self, state: Mapping[str, NDArray[Any]], step: int) -> None:
        self.kept = {k: v.copy() for k, v in state.items()}, step

    def load(self) -> tuple[dict[str, NDArray[Any]], int] | None:
        return None if self.kept is None else (dict(self.kept[0]), self.kept[1])

    def clear(self) -> None:
        self.kept = None


class Tells:
    """A progress that tells how many rounds are done."""

    def __init__(self, tell: Callable[[float], object]) -> None:
        self._tell = tell

    def step(self, done: float, total: float, note: str = "") -> None:
        del total, note
        self._tell(done)


class KilledError(Exception):
    """What a kill looks like from inside."""


def kill_in_round(number: int) -> Tells:
    """A progress that kills the coordinator when the first answers of a round are there."""

    def kill(done: float) -> None:
        if number - 1 < done < number:
            raise KilledError

    return Tells(kill)
