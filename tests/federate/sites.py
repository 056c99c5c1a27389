"""Real sites with made-up rows, and what may stand in their place."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
import pyarrow as pa

from strongroom.config import ColumnSpec, FederationSpec, ProjectSpec, TrainSpec
from strongroom.data import Dataset, Role
from strongroom.federate import Settings
from strongroom.federate._settings import JobSpec
from strongroom.federate.site import Site
from strongroom.privacy import MemoryLedger
from strongroom.vault import SigningKey

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


def settings(train: dict[str, Any] | None = None, **job: Any) -> Settings:  # noqa: ANN401
    """A small job: logistic regression by full-batch gradient steps."""
    plain = {"optimizer": "sgd", "learning_rate": 2.0, "average": False} | (train or {})
    return Settings(
        project=ProjectSpec(name="clinic"),
        train=TrainSpec(**plain),
        job=JobSpec(**{"rounds": 4, "local_epochs": 2, "deadline": 30} | job),
    )


def site(name: str, rows: Dataset, **more: Any) -> Site:  # noqa: ANN401
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
