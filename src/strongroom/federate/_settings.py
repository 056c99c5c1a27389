"""`federation.toml`: what a coordinator wants trained. It has no data, and names none."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from strongroom.config import Limit, ProjectSpec, SealSpec, TrainSpec, load
from strongroom.errors import ConfigError
from strongroom.federate._asked import Positive, SiteName  # noqa: TC001 - pydantic reads them
from strongroom.federate._recipe import (
    RuleSpec,
    SecureSpec,
    SitePrivacySpec,
    StrategySpec,
)
from strongroom.files import write_bytes

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS_NAME = "federation.toml"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class JobSpec(_Section):
    """`[job]`: the fields of a `Recipe` that are the coordinator's to choose; see there.

    Attributes:
        sites: whom to invite; empty: everybody who has a kit.
    """

    task: Literal["train", "trees", "evaluate"] = "train"
    rounds: Annotated[int, Field(ge=1, le=100_000)] = 20
    local_epochs: Annotated[float, Field(gt=0, le=1000)] = 1.0
    weighting: Literal["rows", "equal"] = "rows"
    sites: tuple[SiteName, ...] = ()
    min_sites: Annotated[int, Field(ge=1)] = 2
    deadline: Positive = 600.0
    strategy: StrategySpec = StrategySpec()
    rule: RuleSpec = RuleSpec()
    secure: SecureSpec | None = None
    privacy: SitePrivacySpec | None = None


class AnalyseSpec(_Section):
    """`[analyse]`: what the sites are asked about columns that nobody declared.

    Attributes:
        unit, epsilon, delta: of each site's answer, paid from its budget beside the training.
        columns: name to a statistic of `federate.analytics`, such as `{ kind = "categories" }`.
    """

    unit: Literal["example", "person"] = "example"
    epsilon: Positive = 0.5
    delta: Annotated[float, Field(gt=0, lt=1)] = 1e-6
    columns: dict[str, dict[str, Any]] = Field(default_factory=dict)


class Settings(_Section):
    """The whole of `federation.toml`.

    Attributes:
        analyse: asked before the job is planned; None: only what is declared is used.
        policy: metric to limit, as in strongroom.toml: what the report judges by.
        peers: public keys of sites, as `strongroom keys show` prints them there: who isn't named
            is taken at its word the first time.
    """

    project: ProjectSpec
    train: TrainSpec = TrainSpec()
    job: JobSpec = JobSpec()
    analyse: AnalyseSpec | None = None
    seal: SealSpec = SealSpec()
    policy: dict[str, Limit] = Field(default_factory=dict)
    peers: dict[SiteName, str] = Field(default_factory=dict)


def read_settings(folder: Path) -> Settings:
    """Read a coordinator's settings.

    Raises:
        ConfigError: they are missing, or hold what can't be.
    """
    path = folder / SETTINGS_NAME
    if not path.is_file():
        raise ConfigError(
            f"no {SETTINGS_NAME} here", where=str(path), hint="strongroom federate init writes one"
        )
    settings = load(path, Settings)
    if settings.train.privacy is not None:
        raise ConfigError(
            "privacy of a federation is the sites' to keep",
            where=f"{path}, [train.privacy]",
            hint="ask for it in [job.privacy]",
        )
    return settings


def write_settings(folder: Path) -> Path:
    """Write commented settings where there are none; return where they are."""
    path = folder / SETTINGS_NAME
    if not path.exists():
        text = resources.files("strongroom.federate").joinpath("federation.toml").read_bytes()
        write_bytes(path, text)
    return path
