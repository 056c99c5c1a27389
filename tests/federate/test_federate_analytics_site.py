"""If this fails, a site tells more than its policy allows, or isn't paid for what it tells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.federate.analytics_sites import AGE, FIVE, WARD, ask, good, people, query, site, why
from tests.federate.one_site import Asker, Disk, recipe
from tests.federate.one_site import site as training_site

from strongroom.federate import Kind
from strongroom.federate.analytics import (
    Counts,
    Moments,
    Quantiles,
    QueryPrivacySpec,
    release,
)
from strongroom.federate.site import _analyse
from strongroom.federate.site._keep import save
from strongroom.privacy import EntryState, MemoryLedger, Unit, compose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.federate import Message
    from strongroom.federate.analytics import Query
    from strongroom.privacy import Reservation, Spend

PRIVATE = QueryPrivacySpec(epsilon=1.0, delta=1e-6)
WARDS = Counts(column="ward", categories=("north", "south", "west"))


class Watched(MemoryLedger):
    """A ledger that says when it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def reserve(self, account: str, spend: Spend, *, budget: float | None, key: str) -> Reservation:
        """Note, then reserve."""
        self.seen.append("reserve")
        return super().reserve(account, spend, budget=budget, key=key)

    def settle(self, reservation: Reservation) -> None:
        """Note, then settle."""
        self.seen.append("settle")
        super().settle(reservation)


def same(one: Message, other: Message) -> bool:
    """Tell whether two answers say the same to the bit."""
    return one.facts == other.facts and all(
        np.array_equal(one.arrays[name], other.arrays[name]) for name in one.arrays
    )


# --- paid for, and once


def test_the_ledger_is_asked_before_the_first_look_and_told_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = Watched()
    look = _analyse._columns

    def seen(about: Query, data: Any) -> Any:  # noqa: ANN401
        ledger.seen.append("look")
        return look(about, data)

    def kept(*args: Any) -> None:  # noqa: ANN401
        ledger.seen.append("keep")
        save(*args)

    monkeypatch.setattr(_analyse, "_columns", seen)
    monkeypatch.setattr(_analyse, "save", kept)
    good(site(ledger=ledger), query(privacy=PRIVATE))
    assert ledger.seen == ["reserve", "look", "keep", "settle"]


def test_what_a_query_costs_is_in_the_ledger() -> None:
    ledger = MemoryLedger()
    good(site(ledger=ledger), query(privacy=PRIVATE))
    (entry,) = ledger.entries("people.csv")
    assert entry.state is EntryState.SETTLED
    assert (entry.spend.epsilon, entry.spend.delta) == (1.0, 1e-6)
    assert entry.spend.unit is Unit.EXAMPLE
    assert [event["type"] for event in entry.spend.events] == ["gaussian", "threshold"]
    assert 0.98 < compose([entry.spend], 1e-6) <= 1.0


def test_a_budget_that_is_used_up_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    spent = site(budget=1.2, tell=lambda _, text: told.append(text))
    good(spent, query(privacy=PRIVATE))
    monkeypatch.setattr(_analyse, "_columns", lambda *_: pytest.fail("it looked"))
    assert "budget doesn't cover" in why(spent, query(privacy=PRIVATE))
    assert "left for" in told[-1]


def test_the_same_query_gets_the_same_answer_and_costs_nothing() -> None:
    ledger, about = MemoryLedger(), query(privacy=PRIVATE)
    asked = site(ledger=ledger, budget=1.0)
    first = good(asked, about)
    assert all(same(first, good(asked, about)) for _ in range(3))
    assert len(ledger.entries("people.csv")) == 1
    other = query(job=about.job, privacy=PRIVATE, project="another")
    assert "something else" in why(asked, other)


def test_a_site_that_was_killed_answers_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, disk, about = MemoryLedger(), Disk(), query(privacy=PRIVATE)
    made = []

    def killed(*args: Any) -> Any:  # noqa: ANN401
        made.append(release(*args))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_analyse, "release", killed)
        with pytest.raises(KeyboardInterrupt):
            ask(site(ledger=ledger, checkpointer=disk), about)
    # Another process, from what the first reserved.
    first = good(site(ledger=ledger, checkpointer=disk, budget=1.0), about)
    np.testing.assert_array_equal(first.arrays["values"], made[0].values)
    # And another, long after it was settled.
    assert same(first, good(site(ledger=ledger, checkpointer=disk, budget=1.0), about))
    assert len(ledger.entries("people.csv")) == 1


def test_an_answer_that_cannot_be_kept_does_not_leave() -> None:
    ledger, disk, about = MemoryLedger(), Disk(), query(privacy=PRIVATE)
    disk.full = True
    asked = site(ledger=ledger, checkpointer=disk)
    assert "can't keep its state" in why(asked, about)
    disk.full = False
    good(asked, about)
    (entry,) = ledger.entries("people.csv")
    assert entry.state is EntryState.SETTLED


def test_the_site_writes_down_what_it_said() -> None:
    log: list[Mapping[str, Any]] = []

    class Log:
        def append(self, statement: Mapping[str, Any]) -> None:
            log.append(statement)

    about = query(privacy=PRIVATE)
    good(site(evidence=Log()), about)
    (statement,) = log
    assert statement["subject"][0]["digest"]["sha256"] == about.digest()
    assert statement["predicate"]["privacy"]["epsilon"] == 1.0
    assert "ward of patient" not in repr(log)


# --- who is counted


def test_one_row_of_a_person_is_counted() -> None:
    rows = 3000
    who = np.array([f"p{i}" for i in range(500)] + ["p0"] * (rows - 500), object)
    data = replace(people(rows, who=who), subject="who")
    person = PRIVATE.model_copy(update={"unit": "person"})
    ledger = MemoryLedger()
    asked = site(data=data, ledger=ledger)
    told = good(asked, query(WARDS, privacy=person)).arrays["values"]
    assert abs(told.sum() - 500) < 60
    assert ledger.entries("people.csv")[0].spend.unit is Unit.SUBJECT
    assert "hides persons" in why(asked, query(WARDS, privacy=PRIVATE))
    exact = good(asked, query(WARDS, privacy=None)).arrays["values"]
    first = np.array(data.table["ward"].to_pylist()[:500])
    np.testing.assert_array_equal(exact[:3], [(first == w).sum() for w in WARDS.categories])


def test_values_that_are_missing_or_odd_are_nobody() -> None:
    rows = people(100)
    ages = np.array([np.nan, np.inf, -np.inf] + [50.0] * 97)
    wards = rows.table["ward"].to_pylist()
    data = people(100, age=ages, ward=np.array([None, "x" * 300, *wards[2:]], object))
    told = good(site(data=data), query(FIVE[0], FIVE[1], FIVE[4], privacy=None))
    rest = told.arrays["values"][-3:]
    assert rest[0] == 99
    assert rest[1] == pytest.approx(0.0)


# --- refusals


@pytest.mark.parametrize(
    ("policy", "asked", "words"),
    [
        ({}, {"sites": ("b", "c")}, 'doesn\'t ask "a"'),
        ({}, {"version": "999.0.0"}, "this site runs"),
        ({"tasks": ["train"]}, {}, 'doesn\'t allow the task "analyse"'),
        ({"min_sites": 3}, {}, "this site wants 3"),
        ({"secure": True}, {}, "wants secure aggregation"),
        ({"approve": "ask"}, {}, "say yes to each job"),
        ({"privacy": {}}, {"privacy": None}, "wants differential privacy"),
        ({"privacy": {"epsilon": 0.5}}, {"privacy": PRIVATE}, "allows 0.5"),
        ({"privacy": {"delta": 1e-9}}, {"privacy": PRIVATE}, "allows 1e-09"),
        ({"privacy": {"unit": "person"}}, {"privacy": PRIVATE}, "wants a person hidden"),
        ({"privacy": {"unit": "site"}}, {"privacy": PRIVATE}, "wants a site hidden"),
        ({}, {"privacy": QueryPrivacySpec(unit="person")}, "which rows are one person's"),
        ({}, {"statistics": (Counts(column="no", categories=("x",)),)}, "no column"),
        ({}, {"statistics": (Counts(column="name", categories=("x",)),)}, "not learnt from"),
        ({}, {"statistics": (Counts(column="age", categories=("x",)),)}, "has no counts"),
        ({}, {"statistics": (Moments(column="ward", low=0, high=1),)}, "has no moments"),
        ({"max_bytes": 100}, {}, "more than the 100 bytes"),
    ],
)
def test_what_a_policy_forbids_is_refused_before_it_is_paid(
    policy: Mapping[str, Any], asked: Mapping[str, Any], words: str
) -> None:
    ledger = MemoryLedger()
    assert words in why(site(policy=policy, ledger=ledger), query(**asked))
    assert not ledger.entries("people.csv")


def test_people_at_the_site_may_say_yes() -> None:
    about = query(privacy=PRIVATE)
    good(site(policy={"approve": "ask"}, approve=lambda digest: digest == about.digest()), about)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"statistics": []}, "can't be read"),
        ({"statistics": [{"kind": "rows", "column": "age"}]}, "can't be read"),
        ({"statistics": [{**AGE.model_dump(), "code": "import os"}]}, "can't be read"),
        ({"statistics": [Quantiles(column="age", low=0, high=1).model_dump() | {"low": "x"}]},
         "can't be read"),
        ({"privacy": {"epsilon": -1}}, "can't be read"),
        ({"privacy": {"unit": "site"}}, "can't be read"),
        ({"job": "0" * 32}, "another job"),
    ],
)  # fmt: skip
def test_a_malformed_query(change: dict[str, Any], words: str) -> None:
    asker = Asker(site(), recipe())
    facts = {"query": query(job=asker.job.job).model_dump(mode="json") | change}
    assert words in asker.why(Kind.ANALYSE, facts=facts)
    assert "a query and nothing else" in asker.why(Kind.ANALYSE, facts={})
    assert "a query and nothing else" in asker.why(
        Kind.ANALYSE, facts=facts, arrays={"x": np.zeros(1)}
    )


def test_a_query_and_a_training_are_different_jobs() -> None:
    asker = Asker(training_site(), recipe())
    asker.propose()
    about = query(Moments(column="x", low=0, high=1), job=asker.job.job, privacy=PRIVATE)
    assert "another task's" in why(asker.site, about)
    free = query(Moments(column="x", low=0, high=1), privacy=PRIVATE)
    good(asker.site, free)
    late = Asker(asker.site, recipe(job=free.job))
    facts = {"recipe": late.job.model_dump(mode="json")}
    assert "is finished at this site" in late.why(Kind.PROPOSE, facts=facts)
    assert "is finished at this site" in late.why(Kind.FINISH)


def test_what_is_left_of_a_budget_is_not_told_to_others() -> None:
    refused = ask(site(budget=0.123), query(WARD, privacy=PRIVATE))
    assert "0.123" not in repr(refused.facts)
    assert "people.csv" not in repr(refused.facts)
