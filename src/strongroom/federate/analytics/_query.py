"""What is asked, whole: statistics and how private they must be; no code, like a recipe."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from strongroom.federate._asked import Asked, Positive
from strongroom.federate._message import MessageError
from strongroom.federate.analytics.categories import Categories
from strongroom.federate.analytics.counts import Counts
from strongroom.federate.analytics.histogram import Histogram
from strongroom.federate.analytics.moments import Moments
from strongroom.federate.analytics.quantiles import Quantiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.federate._message import Message

AnyStatistic = Annotated[
    Counts | Categories | Histogram | Quantiles | Moments, Field(discriminator="kind")
]


class QueryPrivacySpec(BaseModel):
    """Differential privacy of all statistics of a query together, at each site by its own noise.

    Attributes:
        unit: whose presence is hidden: a row's, or a person's. A site that knows which rows are one
            person's counts one of them, and hides persons.
        epsilon, delta: the guarantee, for each site's people.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: Literal["example", "person"] = "example"
    epsilon: Positive = 1.0
    delta: Annotated[float, Field(gt=0, lt=1)] = 1e-6


class Query(Asked):
    """One question to all sites, answered once.

    Attributes:
        statistics: what of which columns; the budget is shared evenly.
        privacy: of the answers; None: exact counts without small cells, where a site allows it.
    """

    statistics: Annotated[tuple[AnyStatistic, ...], Field(min_length=1, max_length=200)]
    privacy: QueryPrivacySpec | None = QueryPrivacySpec()

    @property
    def width(self) -> int:
        """How many numbers leave a site."""
        return sum(statistic.width for statistic in self.statistics)


@dataclass(frozen=True)
class Released:
    """A site's answer to a query.

    Attributes:
        values: float64 [width of the query], statistic after statistic; an open one's stand in the
            order of its names, then zeros.
        names: of open statistics, by their place in the query, as text.
    """

    values: NDArray[np.float64]
    names: Mapping[str, tuple[str, ...]]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return arrays to keep."""
        told = json.dumps({k: list(v) for k, v in self.names.items()}).encode()
        return {"values": self.values, "names": np.frombuffer(told, np.uint8)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Read back what `to_arrays` gave."""
        told = json.loads(arrays["names"].tobytes())
        return cls(arrays["values"], {k: tuple(v) for k, v in told.items()})


def read_query(request: Message) -> Query:
    """Read the query of a request.

    Raises:
        MessageError: there is none, or another than a query of this job.
    """
    if set(request.facts) != {"query"} or request.arrays or request.round:
        raise MessageError("an analysis is asked for by a query and nothing else")
    try:
        # From JSON, as it came: tuples are lists there.
        query = Query.model_validate(request.facts["query"])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))[:200]
        raise MessageError(f"the query can't be read: {first['msg'][:500]}", where=place) from None
    if query.job != request.job:
        raise MessageError("a query of another job than the message's")
    return query
