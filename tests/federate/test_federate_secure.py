"""If this fails, a secure sum is wrong, is lost where it needn't be, or shows a site's numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.federate.secure_parties import Parties

from strongroom.federate import Kind, SecureSpec
from strongroom.federate.secure import ANSWERS, PHASES, SecureError
from strongroom.federate.secure._secrets import Masks, pair_info, pair_seed

FALSE_ALARM = 1e-4


@st.composite
def _worlds(draw: st.DrawFn) -> tuple[Parties, dict[str, int]]:
    count = draw(st.integers(2, 9))
    colluders = draw(st.integers(0, max(0, count - 3)))
    least = max((count + colluders) // 2 + 1, colluders + 2)
    threshold = draw(st.integers(min(least, count), count))
    if 2 * threshold <= count + colluders or threshold < colluders + 2:
        colluders = 0
    neighbours = draw(st.sampled_from([None, 2, 3, 4, 6]))
    spec = SecureSpec(
        threshold=threshold,
        neighbours=neighbours,
        colluders=colluders if neighbours is None else 0,
        bits=draw(st.sampled_from([32, 64])),
    )
    parties = Parties(count, spec, draw(st.integers(1, 6)))
    # The phase in which a site doesn't answer any more; 5: none.
    vanish = {name: draw(st.sampled_from([5, 5, 5, 0, 1, 2, 3, 4])) for name in parties.names}
    return parties, vanish


@given(_worlds())
@settings(max_examples=60, deadline=None)
def test_the_sum_is_exact_whoever_vanishes_or_there_is_none(
    world: tuple[Parties, dict[str, int]],
) -> None:
    parties, vanish = world
    left = [sum(vanish[n] > k for n in parties.names) for k in range(len(PHASES))]
    enough = min(left) >= parties.spec.threshold
    try:
        for k, phase in enumerate(PHASES):
            parties.phase(phase, [n for n in parties.names if vanish[n] <= k])
    except SecureError:
        assert not enough or parties.spec.neighbours is not None
        with pytest.raises(SecureError):
            parties.server.total()
        return
    assert enough
    submitted = [n for n in parties.names if vanish[n] > PHASES.index(Kind.SUBMIT)]
    assert list(parties.server.members) == submitted
    assert set(parties.server.gone) == {n for n in parties.names if vanish[n] < 5}
    np.testing.assert_array_equal(parties.server.total(), parties.sum_of(submitted))


@pytest.mark.parametrize("phase", PHASES)
def test_one_of_three_vanishes(phase: Kind) -> None:
    parties = Parties(3, SecureSpec(threshold=2))
    for each in PHASES:
        late = PHASES.index(each) >= PHASES.index(phase)
        parties.phase(each, ["s01"] if late else [])
    there = ["s00", "s01", "s02"] if phase in {Kind.CONFIRM, Kind.UNMASK} else ["s00", "s02"]
    np.testing.assert_array_equal(parties.server.total(), parties.sum_of(there))


def test_a_sparse_graph_of_many_sites_with_dropouts_in_every_phase() -> None:
    parties = Parties(60, SecureSpec(threshold=40, neighbours=24, colluders=3), 50)
    gone: list[str] = []
    drawn = np.random.default_rng(2)
    for phase in PHASES:
        left = [n for n in parties.names if n not in gone]
        gone += drawn.choice(left, 2, replace=False).tolist()
        parties.phase(phase, gone)
    members = parties.server.members
    assert len(members) == 54
    np.testing.assert_array_equal(parties.server.total(), parties.sum_of(members))


def test_a_site_that_comes_back_in_the_same_sum_stays_out() -> None:
    parties = Parties(4, SecureSpec(threshold=3))
    parties.phase(Kind.KEYS, ["s03"])
    assert "s03" not in parties.server.requests(Kind.SHARES)
    for phase in PHASES[1:]:
        parties.phase(phase)
    np.testing.assert_array_equal(parties.server.total(), parties.sum_of(["s00", "s01", "s02"]))


def test_answers_carry_what_was_told_and_no_facts() -> None:
    parties = Parties(3, SecureSpec(threshold=2))
    for phase in PHASES:
        for answer in parties.phase(phase).values():
            assert tuple(answer.arrays) == ANSWERS[phase]
            assert not answer.facts


@pytest.mark.parametrize("bits", [32, 64])
def test_what_the_server_sees_of_a_site_is_uniform(bits: int) -> None:
    size = 40_000
    seen = []
    for run in range(2):
        vectors = {"s00": np.full(size, 3, np.int64)}
        spec = SecureSpec(threshold=2, bits=bits)  # type: ignore[arg-type]  # 32 or 64
        parties = Parties(3, spec, size, vectors, run=run)
        parties.until(Kind.CONFIRM)
        seen.append(parties.told[Kind.SUBMIT]["s00"].arrays["masked"])
    for masked in seen:
        octets = np.bincount(masked.view(np.uint8), minlength=256)
        assert stats.chisquare(octets).pvalue > FALSE_ALARM
    # The same vector under other coins: nothing in common.
    both = np.bincount((seen[0] ^ seen[1]).view(np.uint8), minlength=256)
    assert stats.chisquare(both).pvalue > FALSE_ALARM


def test_it_stays_uniform_for_a_server_with_a_colluder_and_the_sites_own_mask() -> None:
    size = 40_000
    parties = Parties(3, SecureSpec(threshold=2), size, {"s00": np.zeros(size, np.int64)})
    parties.until(Kind.CONFIRM)
    masked = parties.told[Kind.SUBMIT]["s00"].arrays["masked"].copy()
    site, other = parties.sites["s00"], parties.sites["s01"]
    masks = Masks(masked, 64)
    masks.add(site._secrets.seed, minus=True)
    info = pair_info("mask", parties.server._roster, "s00", "s01")
    masks.add(pair_seed(other._secrets.mask_key, parties.server._public("s00"), info), minus=True)
    # What is left is the mask with s02, who is honest.
    octets = np.bincount(masked.view(np.uint8), minlength=256)
    assert stats.chisquare(octets).pvalue > FALSE_ALARM
    info = pair_info("mask", parties.server._roster, "s00", "s02")
    key = parties.sites["s02"]._secrets.mask_key
    masks.add(pair_seed(key, parties.server._public("s00"), info), minus=True)
    assert not masked.any()


def test_coins_are_fresh_unless_they_are_given() -> None:
    from tests.federate.secure_parties import JOB, signing_key

    from strongroom.federate.secure import SiteRound

    parties = Parties(3, SecureSpec(threshold=2))
    keys = set()
    for _ in range(3):
        site = SiteRound("s00", signing_key("s00"), parties.keys, parties.spec, job=JOB, round=1)
        request = parties.server.requests(Kind.KEYS)["s00"]
        keys.add(site.answer(request).arrays["keys"].tobytes())
    assert len(keys) == 3


@pytest.mark.parametrize(
    "vector",
    [np.zeros(3), np.zeros((2, 2), np.int64), np.array([2**31]), np.array([-(2**31) - 1]),
     np.array([], np.int64)],
)  # fmt: skip
def test_a_vector_that_does_not_fit_is_refused(vector: np.ndarray) -> None:
    parties = Parties(3, SecureSpec(threshold=2, bits=32))
    site = parties.site("s00", 1)
    site._vector = None
    with pytest.raises(SecureError):
        site.hold(vector)


def test_a_vector_is_held_once() -> None:
    parties = Parties(3, SecureSpec(threshold=2)).until(Kind.CONFIRM)
    with pytest.raises(SecureError, match="already held"):
        parties.sites["s00"].hold(parties.vectors["s00"])
    assert parties.sites["s00"].submitted
    assert not parties.sites["s00"].revealed


def test_without_a_vector_a_site_refuses_and_can_be_asked_again() -> None:
    parties = Parties(3, SecureSpec(threshold=2))
    site = parties.sites["s00"]
    site._vector = None
    parties.until(Kind.SUBMIT)
    request = parties.server.requests(Kind.SUBMIT)["s00"]
    assert site.answer(request).kind is Kind.REFUSED
    site.hold(parties.vectors["s00"])
    assert site.answer(request).kind is Kind.SUBMIT


def test_what_is_forgotten_cannot_be_finished() -> None:
    parties = Parties(3, SecureSpec(threshold=2)).until(Kind.SUBMIT)
    parties.sites["s02"].forget()
    parties.phase(Kind.SUBMIT)
    assert "s02" in parties.server.gone
