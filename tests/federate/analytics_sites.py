"""Sites whose columns nobody declared, and queries about them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from strongroom import __version__
from strongroom.config import FederationSpec
from strongroom.data import Dataset, Role
from strongroom.federate import Kind, Message
from strongroom.federate.analytics import Categories, Counts, Histogram, Moments, Quantiles, Query
from strongroom.federate.site import Site
from strongroom.privacy import MemoryLedger
from strongroom.vault import SigningKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

AGE = Quantiles(column="age", low=0, high=200)
WARD = Categories(column="ward")
FIVE = (
    AGE,
    WARD,
    Counts(column="ward", categories=("north", "east")),
    Histogram(column="age", edges=(0, 40, 50, 60, 100)),
    Moments(column="age", low=0, high=100),
)


def people(rows: int = 2000, seed: int = 0, **more: NDArray[Any]) -> Dataset:
    """Patients, one of whom is alone in a ward that tells who it is."""
    draw = np.random.default_rng(seed)
    ward = draw.choice(["north", "south", "west"], rows, p=[0.5, 0.3, 0.2]).astype(object)
    ward[0] = f"ward of patient {seed}"
    table = {
        "name": np.array([f"patient {i}" for i in range(rows)], object),
        "age": np.clip(draw.normal(50, 10, rows), 0, 100),
        "ward": ward,
        "ill": np.where(draw.random(rows) < 0.3, "yes", "no").astype(object),
        **more,
    }
    roles = {"name": Role.DIRECT_IDENTIFIER, "ill": Role.TARGET}
    return Dataset(pa.table(table), roles=roles)


def site(name: str = "a", policy: Mapping[str, Any] | None = None, **more: Any) -> Site:  # noqa: ANN401
    """A site that declares nothing."""
    given: dict[str, Any] = {
        "data": people(seed=ord(name)),
        "test": None,
        "key": SigningKey(name.encode() * 32),
        "ledger": MemoryLedger(),
        "account": "people.csv",
        **more,
    }
    return Site(name, policy=FederationSpec(**(policy or {})), **given)


def query(*statistics: Any, **more: Any) -> Query:  # noqa: ANN401 - fields of a query
    """A query to the sites a, b and c."""
    given: dict[str, Any] = {
        "job": secrets.token_hex(16),
        "project": "clinic",
        "version": __version__,
        "statistics": statistics or FIVE,
        "sites": ("a", "b", "c"),
    }
    return Query(**(given | more))


def ask(asked: Site, about: Query) -> Message:
    """Return the site's answer, through bytes."""
    facts = {"query": about.model_dump(mode="json")}
    request = Message(Kind.ANALYSE, about.job, 0, secrets.token_hex(16), facts)
    answer = Message.decode(asked.answer(Message.decode(request.encode())).encode())
    assert answer.answers(request)
    return answer


def good(asked: Site, about: Query) -> Message:
    """Return an answer that isn't a refusal."""
    answer = ask(asked, about)
    assert answer.kind is Kind.ANALYSE, answer.facts
    return answer


def why(asked: Site, about: Query) -> str:
    """Return why a query is refused."""
    answer = ask(asked, about)
    assert answer.kind is Kind.REFUSED
    assert not answer.arrays
    return str(answer.facts["why"])
