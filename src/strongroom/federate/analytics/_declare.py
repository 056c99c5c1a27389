"""From `[analyse]` of federation.toml to declarations, before a recipe is planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from strongroom.errors import ConfigError
from strongroom.federate.analytics._analysis import Analysis, ask_query, new_query

if TYPE_CHECKING:
    from strongroom.federate._seams import Channel
    from strongroom.federate._settings import Settings


def declare(channel: Channel, settings: Settings) -> Analysis | None:
    """Ask the sites that are here for what `[analyse]` wants to know; None: it wants nothing.

    Args:
        channel: to the sites.
        settings: of the coordinator.

    Raises:
        ConfigError: a statistic that can't be.
        RefusedError: too few sites answer.
    """
    spec, job = settings.analyse, settings.job
    if spec is None or not spec.columns:
        return None
    here = [site for site in channel.present() if not job.sites or site in job.sites]
    try:
        query = new_query(
            [{"column": name, **about} for name, about in spec.columns.items()],
            here,
            privacy={"unit": spec.unit, "epsilon": spec.epsilon, "delta": spec.delta},
            project=settings.project.name,
            min_sites=job.min_sites,
            deadline=job.deadline,
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{place}: {said}", where="[analyse.columns]") from error
    return ask_query(channel, query)
