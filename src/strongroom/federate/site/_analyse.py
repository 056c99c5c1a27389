"""One query at a site: held against the policy, paid for, answered, and kept as answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from strongroom import __version__
from strongroom.data import Role
from strongroom.errors import RefusedError
from strongroom.federate.analytics import Released, noise_of, release
from strongroom.federate.site._gate import READ, check_version
from strongroom.federate.site._keep import Record, save
from strongroom.privacy import SecretStream, Spend, Unit
from strongroom.store.evidence import make_statement

if TYPE_CHECKING:
    from collections.abc import Callable

    from strongroom.data import Dataset
    from strongroom.federate._message import Message
    from strongroom.federate.analytics import Query, QueryNoise, Statistic
    from strongroom.federate.site._home import Home
    from strongroom.train import Checkpointer

KIND = "federation-analysis"
_NUMBER_BYTES = 8
_DONE = "finished"
_UNITS = ("example", "person", "site")


def answer_query(
    query: Query,
    home: Home,
    approve: Callable[[str], bool],
    secret: str,
    checkpointer: Checkpointer | None,
) -> Record:
    """Answer a query that wasn't answered before.

    The ledger is asked before a value is looked at, and told after the answer is kept: whenever the
    site ends in between, it makes the same answer from the reservation's seed.

    Args:
        query: what is asked.
        home: the site.
        approve: whether people at the site said yes to a query, by digest.
        secret: 32 bytes, hex, for coins that no ledger gives.
        checkpointer: keeps the answer; None: as long as the process lives.

    Returns:
        What the site remembers of it; `told` makes the answer of it.

    Raises:
        RefusedError: the policy doesn't allow it.
        BudgetExceededError: the site's budget doesn't cover it.
        WorkspaceError: the answer can't be kept; nothing left.
    """
    check_query(query, home)
    digest = query.digest()
    if home.policy.approve == "ask" and not approve(digest):
        raise RefusedError(
            "this site's people say yes to each job, and they weren't asked about this query",
            hint=f"they approve the digest {digest}",
        )
    noise, reservation, seed = noise_of(query), None, bytes.fromhex(secret)
    if noise is not None:
        reservation = home.ledger.reserve(
            home.account,
            _spend(query, noise),
            budget=home.budget,
            key=f"federate analyse {query.job} {home.name} {digest}",
        )
        seed = reservation.seed
    released = release(query, _columns(query, home.data), noise, SecretStream(seed))
    record = Record(digest, secret, done=True, over=_DONE, arrays=released.to_arrays())
    if home.evidence is not None:
        home.evidence.append(_statement(query, home, noise))
    save(record, checkpointer)
    if reservation is not None:
        home.ledger.settle(reservation)
    return record


def told(request: Message, record: Record) -> Message:
    """Return the answer that a record holds."""
    released = Released.from_arrays(record.arrays)
    names = {place: list(some) for place, some in released.names.items()}
    return request.answer({"names": names}, {"values": released.values})


def check_query(query: Query, home: Home) -> None:
    """Hold a query against the policy; only names, types and roles are looked at.

    Raises:
        RefusedError: the first reason why it isn't answered here, and how to mend it.
    """
    policy = home.policy
    check_version(query.version)
    if home.name not in query.sites:
        raise RefusedError(f'the query doesn\'t ask "{home.name}"', hint="name it in sites")
    if "analyse" not in policy.tasks:
        raise RefusedError(
            "this site's policy doesn't allow the task \"analyse\"",
            hint=f"[federation] tasks allows: {', '.join(policy.tasks) or 'nothing'}",
        )
    if query.min_sites < policy.min_sites:
        raise RefusedError(
            f"an analysis of {query.min_sites} or more sites, where this site wants "
            f"{policy.min_sites}",
            hint="a larger min_sites",
        )
    if policy.secure:
        raise RefusedError(
            "this site's policy wants secure aggregation, and statistics are told by each site "
            "with its own noise",
            hint="[federation] secure = false, or declare the columns",
        )
    if _NUMBER_BYTES * query.width > policy.max_bytes:
        raise RefusedError(
            f"the answer would be more than the {policy.max_bytes:,} bytes that may leave in a job",
            hint="fewer statistics, or another [federation] max_bytes at the site",
        )
    _check_privacy(query, home)
    for statistic in query.statistics:
        _check_column(statistic, home.data)


def _check_privacy(query: Query, home: Home) -> None:
    least, asked = home.policy.privacy, query.privacy
    if asked is None:
        if least is not None:
            raise RefusedError(
                "this site's policy wants differential privacy, and the query has none",
                hint=f"privacy with unit {least.unit}, ε of at most {least.epsilon:g}",
            )
        return
    if asked.unit == "person" and home.data.subject is None:
        raise RefusedError(
            "the query hides persons, and this site doesn't say which rows are one person's",
            hint="the site names [data] subject, or the query's unit is example",
        )
    if asked.unit == "example" and home.data.subject is not None:
        raise RefusedError(
            "this site counts one row a person, and hides persons", hint='privacy.unit = "person"'
        )
    if least is None:
        return
    if _UNITS.index(asked.unit) < _UNITS.index(least.unit):
        raise RefusedError(
            f"the query hides one {asked.unit}, this site's policy wants a {least.unit} hidden",
            hint="a statistic that hides a whole site says nothing: declare the columns"
            if least.unit == "site"
            else f'privacy.unit = "{least.unit}"',
        )
    for name, symbol in (("epsilon", "ε"), ("delta", "δ")):
        wanted, most = getattr(asked, name), getattr(least, name)
        if wanted > most:
            raise RefusedError(
                f"{symbol} = {wanted:g}, where this site's policy allows {most:g}",
                hint=f"a smaller privacy.{name}",
            )


def _check_column(statistic: Statistic, data: Dataset) -> None:
    name = statistic.column
    if name not in data.columns:
        raise RefusedError(f'there is no column "{name[:200]}" at this site')
    role = data.roles.get(name, Role.FEATURE)
    if name == data.subject or role not in (*READ, Role.TARGET):
        raise RefusedError(
            f'the column "{name}" is not learnt from at this site',
            hint="its role there is " + ("subject" if name == data.subject else role.value),
        )
    found = data.table.schema.field(name).type
    kind = found.value_type if pa.types.is_dictionary(found) else found
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    words = (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
    )
    if not (number if statistic.numeric else words):
        raise RefusedError(
            f'column "{name}" has type {found} here, which has no {statistic.kind}',
            hint="numbers have quantiles, histograms and moments; texts have categories",
        )


def _columns(query: Query, data: Dataset) -> list[pa.Array]:
    """Return each statistic's column; of several rows of one person, the first."""
    table = data.table
    if data.subject is not None:
        subjects = table[data.subject].combine_chunks().dictionary_encode()
        codes = subjects.indices.fill_null(-1).to_numpy()
        known, first = np.unique(codes, return_index=True)
        # Rows that are nobody's are left out: whose they are, and how many, nobody can say.
        table = table.take(pa.array(np.sort(first[known >= 0])))
    found = []
    for statistic in query.statistics:
        values = table[statistic.column].combine_chunks()
        values = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
        found.append(values)
    return found


def _spend(query: Query, noise: QueryNoise) -> Spend:
    assert query.privacy is not None  # noqa: S101 - there is noise
    return Spend(
        query.privacy.epsilon,
        query.privacy.delta,
        Unit.SUBJECT if query.privacy.unit == "person" else Unit.EXAMPLE,
        events=tuple(mechanism.to_json() for mechanism in noise.mechanisms),
    )


def _statement(query: Query, home: Home, noise: QueryNoise | None) -> dict[str, object]:
    predicate = {
        "site": home.name,
        "version": __version__,
        "job": query.job,
        "query": query.model_dump(mode="json"),
        "privacy": _spend(query, noise).to_json() if noise is not None else None,
    }
    return make_statement(KIND, [("query", query.digest())], predicate)
