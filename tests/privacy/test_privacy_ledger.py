"""If this fails, a budget can be overspent, or a crashed run could release twice for one price."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from strongroom.errors import BudgetExceededError, InputError
from strongroom.privacy import (
    EntryState,
    FixedSizeGaussian,
    Mechanism,
    MemoryLedger,
    PoissonGaussian,
    PrivacyStatement,
    Relation,
    ShuffledGaussian,
    Spend,
    Unit,
    check_budget,
    compose,
    guarantee_warnings,
)

DELTA = 1e-5


def spend(sigma: float = 30.0) -> Spend:
    mechanism = PoissonGaussian(1.0, sigma, 100)
    return Spend(mechanism.epsilon(DELTA), DELTA, events=(mechanism.to_json(),))


def test_spends_survive_json() -> None:
    before = spend()
    assert Spend.from_json(json.loads(json.dumps(before.to_json()))) == before


def test_composition_is_tighter_than_adding() -> None:
    one = spend()
    assert one.epsilon < compose([one, one], DELTA) < 2 * one.epsilon


def test_an_unsettled_run_gets_its_own_coins_back() -> None:
    ledger = MemoryLedger()
    first = ledger.reserve("people", spend(), budget=None, key="run")
    again = ledger.reserve("people", spend(), budget=None, key="run")
    assert (again.id, again.seed) == (first.id, first.seed)
    assert (first.resumed, again.resumed) == (False, True)
    assert len(ledger.entries("people")) == 1


def test_a_settled_run_never_gets_its_coins_back() -> None:
    ledger = MemoryLedger()
    first = ledger.reserve("people", spend(), budget=None, key="run")
    ledger.settle(first)
    again = ledger.reserve("people", spend(), budget=None, key="run")
    assert again.seed != first.seed
    assert not again.resumed
    assert [e.state for e in ledger.entries("people")] == [EntryState.SETTLED, EntryState.RESERVED]


@pytest.mark.parametrize(("key", "sigma"), [("other", 30.0), ("run", 31.0)])
def test_another_run_never_gets_these_coins(key: str, sigma: float) -> None:
    ledger = MemoryLedger()
    first = ledger.reserve("people", spend(), budget=None, key="run")
    assert ledger.reserve("people", spend(sigma), budget=None, key=key).seed != first.seed


def test_a_reserved_run_counts_as_spent_and_overspending_is_refused() -> None:
    ledger = MemoryLedger()
    one = spend()
    budget = one.epsilon * 1.2
    ledger.reserve("people", one, budget=budget, key="first")
    with pytest.raises(BudgetExceededError) as refusal:
        ledger.reserve("people", one, budget=budget, key="second")
    assert refusal.value.exit_code == 1
    assert 'left for "people"' in refusal.value.what
    assert "in 1 run)" in refusal.value.what
    assert len(ledger.entries("people")) == 1
    ledger.reserve("others", one, budget=budget, key="second")


def test_the_refusal_says_what_is_left() -> None:
    one = spend()
    with pytest.raises(BudgetExceededError, match=r"0\.5 left for .a. \(spent 0 of 0\.5 in 0 runs"):
        check_budget("a", [], one, 0.5)
    check_budget("a", [], one, None)


def spend_of(mechanism: Mechanism) -> Spend:
    events = (mechanism.to_json(),)
    return Spend(mechanism.epsilon(DELTA), DELTA, relation=mechanism.relation, events=events)


@pytest.mark.parametrize("budget", [None, 100.0])
def test_an_account_holds_guarantees_about_one_kind_of_neighbours(budget: float | None) -> None:
    ledger = MemoryLedger()
    ledger.reserve("people", spend(), budget=budget, key="")
    replacing = spend_of(FixedSizeGaussian(1000, 10, 2.0, 10))
    with pytest.raises(InputError, match="different neighbours"):
        ledger.reserve("people", replacing, budget=budget, key="")
    assert len(ledger.entries("people")) == 1
    blanking = spend_of(ShuffledGaussian(5.0, 20, 10))
    ledger.reserve("people", blanking, budget=budget, key="")
    spends = [e.spend for e in ledger.entries("people")]
    assert compose(spends, DELTA) > compose(spends[:1], DELTA)


def test_the_seed_is_never_printed() -> None:
    reservation = MemoryLedger().reserve("people", spend(), budget=None, key="")
    assert reservation.seed.hex() not in repr(reservation)
    assert repr(reservation.seed) not in repr(reservation)


def test_entries_are_plain_json() -> None:
    ledger = MemoryLedger()
    ledger.reserve("people", spend(), budget=None, key="")
    document = json.loads(json.dumps(ledger.entries("people")[0].to_json()))
    assert document["state"] == "reserved"
    assert document["spend"]["unit"] == "example"


STATEMENT = PrivacyStatement(
    unit=Unit.EXAMPLE,
    relation=Relation.ADD_OR_REMOVE_ONE,
    epsilon=1.0,
    delta=DELTA,
    accountant="exact",
    sampling="every row in every step",
    sampling_rate=1.0,
    noise_multiplier=30.0,
    clip_norm=1.0,
    steps=100,
    noise_source="ChaCha20",
    events=spend().events,
    not_covered=("the metrics",),
)


def test_a_statement_survives_json_and_speaks() -> None:
    document = json.loads(json.dumps(STATEMENT.to_json()))
    assert PrivacyStatement.from_json(document) == STATEMENT
    assert "ε = 1 at δ = 1e-05 per example" in str(STATEMENT)
    assert "not covered  the metrics" in str(STATEMENT)


def test_known_coins_are_called_not_private() -> None:
    assert str(replace(STATEMENT, private=False)).startswith("NOT PRIVATE")


def test_meaningless_guarantees_are_warned_of_with_the_reason() -> None:
    assert guarantee_warnings(1.0, 1e-5, 10_000) == ()
    (warning,) = guarantee_warnings(1.0, 1e-3, 1_000)
    assert "at least 1/n" in warning
    assert "publishes one whole row" in warning
    (warning,) = guarantee_warnings(11.0, 1e-6, 1_000)
    assert "ε = 11" in warning
