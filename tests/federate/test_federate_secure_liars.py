"""If this fails, a server that lies, or a site that does, learns more than one sum of many.

Where a check stops an attack, the attack is shown to work without that check.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.federate import sites as people
from tests.federate.secure_parties import JOB, Parties, message, signing_key, unmask_some

from strongroom.federate import Kind, Message, SecureSpec
from strongroom.federate._loopback import Fault
from strongroom.federate.secure import PHASES, SecureError, ServerRound, SiteRound
from strongroom.federate.secure._secrets import pair_info
from strongroom.federate.secure._setting import (
    ADVERT_BYTES,
    KEY_BYTES,
    SIGNATURE_BYTES,
    Setting,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

FIVE = SecureSpec(threshold=3)


def _signatures(parties: Parties, told: dict[str, Message], names: Iterable[str]) -> Any:  # noqa: ANN401
    del parties
    rows = [told[n].arrays["signature"].tobytes() for n in names]
    return np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), SIGNATURE_BYTES)


def _confirm(parties: Parties, site: str, survivors: list[str]) -> Message:
    proofs = _signatures(parties, parties.told[Kind.SUBMIT], survivors)
    request = message(parties, Kind.CONFIRM, survivors, signatures=proofs)
    return parties.sites[site].answer(request)


def _unmask(parties: Parties, site: str, signers: list[str], told: dict[str, Message]) -> Message:
    proofs = _signatures(parties, told, signers)
    request = message(parties, Kind.UNMASK, signers, signatures=proofs)
    return parties.sites[site].answer(request)


# Each site is told another set of survivors, so that of s00 and s01 the seeds come together, and of
# the others the mask keys: the sum of two sites, where three are the least.
SETS = {
    "s00": ["s00", "s01", "s02"],
    "s01": ["s00", "s01", "s03"],
    "s02": ["s00", "s01", "s02"],
    "s03": ["s00", "s01", "s03"],
    "s04": ["s00", "s01", "s04"],
}


def _two_of_five(parties: Parties) -> np.ndarray:
    parties.until(Kind.CONFIRM)
    told = {site: _confirm(parties, site, survivors) for site, survivors in SETS.items()}
    shown = {site: _unmask(parties, site, SETS[site], told) for site in SETS}
    refused = [site for site, answer in shown.items() if answer.kind is Kind.REFUSED]
    assert len(refused) in {0, 5}
    if refused:
        raise SecureError("all refused")
    return unmask_some(parties, shown, ["s00", "s01"], {"s00", "s01"})


def test_sites_that_are_told_different_survivors_do_not_unmask() -> None:
    with pytest.raises(SecureError, match="all refused"):
        _two_of_five(Parties(5, FIVE))


def test_without_signatures_that_lie_gives_the_sum_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SiteRound, "_verify", lambda *_: None)
    parties = Parties(5, FIVE)
    np.testing.assert_array_equal(_two_of_five(parties), parties.sum_of(["s00", "s01"]))


def test_no_site_is_ever_alone_whatever_sets_a_server_tells() -> None:
    """Even unchecked: no sets that five sites were told, of many, give one alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SiteRound, "_verify", lambda *_: None)
        drawn = np.random.default_rng(1)
        for run in range(20):
            parties = Parties(5, FIVE, run=run).until(Kind.CONFIRM)
            sets = {}
            for site in parties.names:
                others = [n for n in parties.names if n not in {site, "s00"}]
                some = drawn.choice(others, 1 if site != "s00" else 2, replace=False).tolist()
                sets[site] = sorted({site, "s00", *some})
                while len(sets[site]) < 3:
                    sets[site] = sorted({*sets[site], others[0]})
            told = {site: _confirm(parties, site, one) for site, one in sets.items()}
            shown = {site: _unmask(parties, site, sets[site], told) for site in sets}
            with pytest.raises(LookupError):
                unmask_some(parties, shown, ["s00"], {"s00"})


def test_a_site_that_submitted_cannot_be_declared_gone_for_both_its_masks() -> None:
    parties = Parties(5, FIVE).until(Kind.CONFIRM)
    everybody, without = parties.names, parties.names[1:]
    told = {site: _confirm(parties, site, everybody) for site in ["s00", "s01", "s02"]}
    lied = {site: _confirm(parties, site, without) for site in ["s03", "s04"]}
    assert all(a.kind is Kind.CONFIRM for a in [*told.values(), *lied.values()])
    # Whoever signed the other set is asked with the signatures on this one, and the other way.
    both = told | lied
    for site, signers in itertools.product(both, itertools.combinations(sorted(both), 3)):
        answer = _unmask(parties, site, list(signers), both)
        agreed = set(signers) <= set(told) and site in told
        assert (answer.kind is Kind.UNMASK) == agreed
    # A site that signed doesn't sign another set, nor one without itself.
    assert _confirm(parties, "s00", without).kind is Kind.REFUSED
    fresh = Parties(5, FIVE).until(Kind.CONFIRM)
    assert _confirm(fresh, "s00", without).kind is Kind.REFUSED


def test_fewer_signatures_than_the_threshold_are_not_enough() -> None:
    parties = Parties(5, FIVE).until(Kind.UNMASK)
    told = parties.told[Kind.CONFIRM]
    for signers in (["s00", "s01"], [], ["s00", "s01", "s01"], ["s01", "s00", "s02"]):
        assert _unmask(parties, "s00", signers, told).kind is Kind.REFUSED
    forged = message(
        parties, Kind.UNMASK, ["s00", "s01", "s02"],
        signatures=np.stack([told["s00"].arrays["signature"]] * 3),
    )  # fmt: skip
    assert parties.sites["s00"].answer(forged).kind is Kind.REFUSED
    assert _unmask(parties, "s00", ["s00", "s01", "s02"], told).kind is Kind.UNMASK


def test_unmasking_again_gives_the_same_and_for_another_set_nothing() -> None:
    parties = Parties(5, FIVE).until(Kind.UNMASK)
    told = parties.told[Kind.CONFIRM]
    first = _unmask(parties, "s00", ["s00", "s01", "s02"], told)
    again = _unmask(parties, "s00", ["s00", "s01", "s02"], told)
    np.testing.assert_array_equal(first.arrays["shares"], again.arrays["shares"])
    assert parties.sites["s00"].revealed
    assert _unmask(parties, "s00", ["s01", "s02", "s03"], told).kind is Kind.REFUSED
    # And nothing is left at the site that could be got out of it.
    assert not parties.sites["s00"]._shares


def test_each_phase_is_answered_once_and_in_order() -> None:
    parties = Parties(4, SecureSpec(threshold=3))
    requests: dict[Kind, Message] = {}
    for k, phase in enumerate(PHASES):
        now = parties.server.requests(phase)
        requests[phase] = now["s00"]
        for later in PHASES[k + 1 :]:
            early = parties.sites["s00"].answer(replace(now["s00"], kind=later))
            assert early.facts["why"].endswith("out of order")
        answers = parties.ask(now)
        for earlier in PHASES[: k + 1]:
            again = parties.sites["s00"].answer(replace(requests[earlier], nonce="another"))
            assert again.kind is earlier
        other = replace(now["s00"], facts={**now["s00"].facts, "more": 1})
        assert parties.sites["s00"].answer(other).kind is Kind.REFUSED
        parties.server.take(phase, answers)
    np.testing.assert_array_equal(parties.server.total(), parties.sum_of(parties.names))


def test_another_round_or_job_is_refused() -> None:
    parties = Parties(3, SecureSpec(threshold=2))
    request = parties.server.requests(Kind.KEYS)["s00"]
    for other in (replace(request, round=2), replace(request, job="0" * 32),
                  replace(request, kind=Kind.TRAIN)):  # fmt: skip
        assert parties.sites["s00"].answer(other).kind is Kind.REFUSED


def _roster(parties: Parties) -> tuple[list[str], np.ndarray]:
    request = parties.server.requests(Kind.SHARES)["s00"]
    return list(request.facts["sites"]), request.arrays["keys"].copy()


def test_keys_of_the_servers_own_are_refused() -> None:
    parties = Parties(4, SecureSpec(threshold=3)).until(Kind.SHARES)
    sites, keys = _roster(parties)
    thief = Parties(4, SecureSpec(threshold=3), run=7)
    mine = thief.ask(thief.server.requests(Kind.KEYS))["s01"].arrays["keys"]
    signed_by_another = signing_key("thief").sign(b"anything")
    swapped = mine.copy()
    swapped[64:] = np.frombuffer(signed_by_another, np.uint8)
    for row in (swapped, np.zeros(ADVERT_BYTES, np.uint8), np.roll(keys[1], 1), keys[2]):
        lied = keys.copy()
        lied[1] = row
        answer = parties.sites["s00"].answer(message(parties, Kind.SHARES, sites, keys=lied))
        assert answer.kind is Kind.REFUSED
        assert answer.facts["about"] == "s01"
    assert parties.sites["s00"].answer(message(parties, Kind.SHARES, sites, keys=keys)).arrays


def test_keys_of_another_round_are_refused() -> None:
    parties = Parties(4, SecureSpec(threshold=3)).until(Kind.SHARES)
    old = Parties(4, SecureSpec(threshold=3), number=2)
    stale = old.ask(old.server.requests(Kind.KEYS))["s01"].arrays["keys"]
    sites, keys = _roster(parties)
    keys[1] = stale
    answer = parties.sites["s00"].answer(message(parties, Kind.SHARES, sites, keys=keys))
    assert answer.kind is Kind.REFUSED


def test_keys_of_an_earlier_attempt_at_the_round_come_to_nothing() -> None:
    """A site that was killed signs new keys; who is shown the old ones is in no sum."""
    spec = SecureSpec(threshold=3)
    parties = Parties(4, spec).until(Kind.SHARES)
    before = Parties(4, spec, run=9)
    stale = before.ask(before.server.requests(Kind.KEYS))["s01"].arrays["keys"]
    requests = parties.server.requests(Kind.SHARES)
    sites, keys = _roster(parties)
    keys[1] = stale  # properly signed
    requests["s00"] = message(parties, Kind.SHARES, sites, keys=keys)
    answers = parties.ask(requests)
    assert answers["s00"].kind is Kind.SHARES
    parties.server.take(Kind.SHARES, answers)
    # The others can't open what it sealed for other keys, and it not what they sealed.
    told = parties.ask(parties.server.requests(Kind.SUBMIT))
    assert all(a.kind is Kind.REFUSED for a in told.values())
    assert {a.facts["about"] for n, a in told.items() if n != "s00"} == {"s00"}


def test_a_list_without_the_sites_own_keys_is_refused() -> None:
    parties = Parties(4, SecureSpec(threshold=3)).until(Kind.SHARES)
    sites, keys = _roster(parties)
    others = message(parties, Kind.SHARES, sites[1:], keys=keys[1:])
    assert parties.sites["s00"].answer(others).kind is Kind.REFUSED
    for bad in (sites[::-1], [*sites[:3], "s99"], sites[:2]):
        request = message(parties, Kind.SHARES, list(bad), keys=keys[: len(bad)])
        assert parties.sites["s00"].answer(request).kind is Kind.REFUSED


def test_a_public_key_that_gives_no_secret_is_refused() -> None:
    parties = Parties(3, SecureSpec(threshold=2))
    requests = parties.server.requests(Kind.KEYS)
    answers = parties.ask(requests)
    public = bytes(64)  # points of low order: what comes of them is known to all
    signature = signing_key("s01").sign(parties.server._setting.advert("s01", public))
    row = np.frombuffer(public + signature, np.uint8)
    answers["s01"] = requests["s01"].answer(arrays={"keys": row})
    parties.server.take(Kind.KEYS, answers)
    refused = parties.ask(parties.server.requests(Kind.SHARES))
    assert refused["s00"].kind is Kind.REFUSED


# --- whom a site masks with


def test_a_list_of_sharers_without_the_site_is_refused() -> None:
    parties = Parties(5, FIVE).until(Kind.SUBMIT)
    others = parties.names[1:]
    rows = np.stack([parties.server._sealed["s00"][p] for p in others])
    request = message(parties, Kind.SUBMIT, others, shares=rows)
    assert parties.sites["s00"].answer(request).kind is Kind.REFUSED


def test_survivors_that_are_too_few_or_did_not_share_are_not_signed() -> None:
    parties = Parties(5, FIVE)
    parties.phase(Kind.KEYS)
    parties.phase(Kind.SHARES, ["s04"])
    proofs = parties.phase(Kind.SUBMIT)
    for survivors in (["s00", "s01"], ["s01", "s00", "s02"], ["s00", "s01", "s02", "s04"],
                      ["s00", "s00", "s01"]):  # fmt: skip
        rows = np.stack([proofs.get(n, proofs["s00"]).arrays["signature"] for n in survivors])
        request = message(parties, Kind.CONFIRM, survivors, signatures=rows)
        assert parties.sites["s00"].answer(request).kind is Kind.REFUSED
    assert _confirm(parties, "s00", ["s00", "s01", "s02"]).kind is Kind.CONFIRM


def _lied_sharers(parties: Parties) -> dict[str, Message]:
    """Tell s00 that others have shared than all the rest are told."""
    requests = parties.server.requests(Kind.SUBMIT)
    told = requests["s00"]
    fewer = parties.names[:3]
    peers = [p for p in parties.server._drawn.neighbours("s00") if p in fewer]
    rows = np.stack([parties.server._sealed["s00"][p] for p in peers])
    requests["s00"] = message(parties, Kind.SUBMIT, fewer, shares=rows)
    assert told.facts["sites"] == parties.names
    return parties.ask(requests)


def test_sites_that_masked_with_others_are_in_no_common_sum() -> None:
    parties = Parties(5, FIVE).until(Kind.SUBMIT)
    answers = _lied_sharers(parties)
    assert answers["s00"].kind is Kind.SUBMIT
    parties.told[Kind.SUBMIT] = answers
    for site in parties.names:
        assert _confirm(parties, site, parties.names).kind is Kind.REFUSED
        if site != "s00":
            assert _confirm(parties, site, parties.names[1:]).kind is Kind.CONFIRM


# --- a graph that falls apart


SPARSE = SecureSpec(threshold=7, neighbours=4)


def _apart(parties: Parties) -> tuple[list[str], np.ndarray]:
    """Drop two pairs of places of the ring: three sites between them are alone with each other."""
    parties.until(Kind.SUBMIT)
    ring = parties.server._drawn.ring
    gone = {ring[k] for k in (0, 1, 5, 6)}
    parties.phase(Kind.SUBMIT, gone)
    parties.phase(Kind.CONFIRM)
    requests = parties.server.requests(Kind.UNMASK)
    shown = parties.ask(requests)
    between = sorted(ring[2:5])
    return between, unmask_some(parties, shown, between, set(parties.server.members))


def test_survivors_that_fall_apart_are_refused_by_both_sides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(SecureError, match="fall into parts"):
        _apart(Parties(12, SPARSE))
    honest = Setting.check_survivors
    monkeypatch.setattr(Setting, "check_survivors", lambda *_: None)
    parties = Parties(12, SPARSE).until(Kind.SUBMIT)
    ring = parties.server._drawn.ring
    parties.phase(Kind.SUBMIT, {ring[k] for k in (0, 1, 5, 6)})
    requests = parties.server.requests(Kind.CONFIRM)
    monkeypatch.setattr(Setting, "check_survivors", honest)
    assert all(a.kind is Kind.REFUSED for a in parties.ask(requests).values())


def test_without_that_check_the_sum_of_three_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Setting, "check_survivors", lambda *_: None)
    parties = Parties(12, SPARSE)
    between, seen = _apart(parties)
    np.testing.assert_array_equal(seen, parties.sum_of(between))


# --- sites that lie


def test_shares_that_cannot_be_opened_are_told_and_name_their_sender() -> None:
    parties = Parties(5, FIVE).until(Kind.SHARES)
    requests = parties.server.requests(Kind.SHARES)
    answers = parties.ask(requests)
    spoilt = answers["s01"].arrays["shares"].copy()
    spoilt[0, 5] ^= 1  # for s00
    answers["s01"] = replace(answers["s01"], arrays={"shares": spoilt})
    parties.server.take(Kind.SHARES, answers)
    parties.phase(Kind.SUBMIT)
    assert parties.server.accused == {"s01": ["s00"]}
    assert "s00" in parties.server.gone
    parties.phase(Kind.CONFIRM)
    parties.phase(Kind.UNMASK)
    np.testing.assert_array_equal(parties.server.total(), parties.sum_of(parties.names[1:]))


def test_a_sealed_share_beyond_the_field_is_told() -> None:
    parties = Parties(5, FIVE).until(Kind.SHARES)
    answers = parties.ask(parties.server.requests(Kind.SHARES))
    info = pair_info("shares", parties.server._roster, "s01", "s00")
    public = parties.server._adverts["s00"][:KEY_BYTES]
    sealed = parties.sites["s01"]._secrets.seal(b"\xff" * 66, public, info)
    lied = answers["s01"].arrays["shares"].copy()
    lied[0] = np.frombuffer(sealed, np.uint8)
    answers["s01"] = replace(answers["s01"], arrays={"shares": lied})
    parties.server.take(Kind.SHARES, answers)
    parties.phase(Kind.SUBMIT)
    assert parties.server.accused == {"s01": ["s00"]}


def test_a_site_that_spoils_the_sum_for_all_others_spoils_one_round_only() -> None:
    def faults(site: str, request: Message) -> Fault | None:
        if site == "c" and request.kind is Kind.SHARES:
            return Fault("malformed", change=lambda data: data[:-164] + bytes(164))
        return None

    job = people.settings(secure={"threshold": 2}, rounds=3)
    result = people.run(people.line(people.three(60), faults=faults), job)
    assert "lost" in result.rounds[0]
    assert [r["answered"] for r in result.rounds[1:]] == [["a", "b"]] * 2
    assert [(r["site"], r["kind"]) for r in result.refusals] == [("c", "shares")]


def test_one_site_alone_accuses_nobody_out() -> None:
    def faults(site: str, request: Message) -> Fault | None:
        if site == "c" and request.kind is Kind.SUBMIT:
            lie = request.answer({"why": "no", "hint": "", "about": "a"}, kind=Kind.REFUSED)
            return Fault("malformed", change=lambda _: lie.encode())
        return None

    job = people.settings(secure={"threshold": 2}, rounds=2)
    result = people.run(people.line(people.three(60), faults=faults), job)
    assert [r["answered"] for r in result.rounds] == [["a", "b"]] * 2
    assert not result.refusals


def test_false_shares_spoil_no_sum_silently() -> None:
    parties = Parties(5, FIVE).until(Kind.SUBMIT)
    parties.phase(Kind.SUBMIT, ["s04"])
    parties.phase(Kind.CONFIRM)
    requests = parties.server.requests(Kind.UNMASK)
    answers = parties.ask(requests)
    lied = answers["s00"].arrays["shares"].copy()
    lied[4, -1] ^= 1  # of the mask key of s04
    answers["s00"] = replace(answers["s00"], arrays={"shares": lied})
    with pytest.raises(SecureError, match="don't fit together"):
        parties.server.take(Kind.UNMASK, answers)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("how", ["silent", "refused", "other kind", "no array", "shape", "type"])
def test_a_site_that_answers_badly_drops_out(phase: Kind, how: str) -> None:
    parties = Parties(4, SecureSpec(threshold=3)).until(phase)
    answers = parties.ask(parties.server.requests(phase))
    good = answers["s01"]
    arrays = dict(good.arrays)
    name = next(iter(arrays))
    if how == "silent":
        del answers["s01"]
    elif how == "refused":
        answers["s01"] = good.refuse("no")
    elif how == "other kind":
        answers["s01"] = replace(good, kind=Kind.TRAIN)
    elif how == "no array":
        answers["s01"] = replace(good, arrays={})
    elif how == "shape":
        answers["s01"] = replace(good, arrays={**arrays, name: arrays[name][:-1]})
    else:
        answers["s01"] = replace(good, arrays={**arrays, name: arrays[name].astype(np.float64)})
    parties.server.take(phase, answers)
    assert list(parties.server.gone) == ["s01"]


def test_shares_beyond_the_field_are_refused() -> None:
    parties = Parties(4, SecureSpec(threshold=3)).until(Kind.UNMASK)
    answers = parties.ask(parties.server.requests(Kind.UNMASK))
    answers["s01"] = replace(answers["s01"], arrays={"shares": np.full((4, 33), 255, np.uint8)})
    parties.server.take(Kind.UNMASK, answers)
    assert "s01" in parties.server.gone


def test_too_few_are_told_in_every_phase() -> None:
    for phase in PHASES:
        parties = Parties(4, SecureSpec(threshold=3)).until(phase)
        with pytest.raises(SecureError, match="only 2 of the 3"):
            parties.phase(phase, ["s00", "s03"])


# --- rules under which it can't be safe


@pytest.mark.parametrize(
    ("count", "threshold", "colluders"), [(4, 2, 0), (5, 3, 1), (3, 4, 0), (4, 4, 3), (10, 6, 2)]
)
def test_rules_that_cannot_hold_are_refused_by_both_sides(
    count: int, threshold: int, colluders: int
) -> None:
    spec = SecureSpec(threshold=threshold, colluders=colluders)
    keys = {f"s{i:02}": signing_key(f"s{i:02}").public for i in range(count)}
    with pytest.raises(SecureError):
        ServerRound(spec, keys, job=JOB, round=1, length=3)
    with pytest.raises(SecureError):
        SiteRound("s00", signing_key("s00"), keys, spec, job=JOB, round=1)


def test_a_graph_whose_shares_colluders_may_hold_is_refused() -> None:
    spec = SecureSpec(threshold=8, neighbours=2, colluders=3)
    with pytest.raises(SecureError, match="colluders may hold enough"):
        Parties(12, spec).until(Kind.SHARES)


# --- any request at all


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_any_request_is_refused_and_does_no_harm(data: st.DataObject) -> None:
    phase = data.draw(st.sampled_from(PHASES))
    parties = Parties(4, SecureSpec(threshold=3)).until(phase)
    request = parties.server.requests(phase)["s00"]
    names = st.one_of(st.sampled_from(parties.names), st.text(max_size=3), st.integers(), st.none())
    sites = data.draw(st.one_of(st.lists(names, max_size=6), st.just(parties.names), names))
    width = data.draw(st.sampled_from([1, 33, 64, 82, ADVERT_BYTES, SIGNATURE_BYTES]))
    rows = data.draw(st.integers(0, 5))
    junk = np.frombuffer(data.draw(st.binary(min_size=rows * width, max_size=rows * width)),
                         np.uint8).reshape(rows, width)  # fmt: skip
    name = data.draw(st.sampled_from(["keys", "shares", "signatures", "x"]))
    arrays = data.draw(st.sampled_from([{name: junk}, {**request.arrays, name: junk}, {}]))
    lied = replace(request, facts={"sites": sites}, arrays=arrays)
    if phase is not Kind.KEYS and (lied.facts != request.facts or name in request.arrays):
        assert parties.sites["s00"].answer(lied).kind is Kind.REFUSED
        assert parties.sites["s00"].answer(request).kind is phase
