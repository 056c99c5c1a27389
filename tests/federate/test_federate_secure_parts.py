"""If this fails, secrets are shared out wrongly, a graph is worse than told, or numbers wrap."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from strongroom.federate import SecureSpec
from strongroom.federate.secure import Graph, Quantiser, SecureError, enough_neighbours, risk
from strongroom.federate.secure import _shamir as shamir
from strongroom.federate.secure._graph import share_threshold
from strongroom.privacy import SecretStream

COINS = bytes(range(32))


# --- Shamir's sharing


def test_the_prime_is_the_first_above_two_to_the_256() -> None:
    def prime(n: int) -> bool:
        """Miller and Rabin, with the first 40 bases."""
        odd, twos = n - 1, 0
        while odd % 2 == 0:
            odd, twos = odd // 2, twos + 1
        for base in range(2, 42):
            x = pow(base, odd, n)
            if x in {1, n - 1}:
                continue
            if not any((x := x * x % n) == n - 1 for _ in range(twos - 1)):
                return False
        return True

    assert prime(shamir.PRIME)
    assert not any(prime(n) for n in range(2**256 + 1, shamir.PRIME, 2))


@given(st.binary(min_size=32, max_size=32), st.integers(1, 12), st.integers(0, 8), st.randoms())
def test_any_threshold_of_shares_gives_the_secret(
    secret: bytes, threshold: int, more: int, chance: object
) -> None:
    places = list(range(1, threshold + more + 1))
    coins = SecretStream(COINS).raw("test", threshold, shamir.COIN_BYTES * (threshold - 1))
    shares = dict(zip(places, shamir.split(secret, places, threshold, coins), strict=True))
    some = chance.sample(places, threshold)  # type: ignore[attr-defined]  # random.Random
    assert shamir.join({p: shares[p] for p in some}) == secret
    assert shamir.join(shares) == secret


def test_shares_are_values_of_the_polynomial_by_plain_integers() -> None:
    secret = (12345).to_bytes(32, "big")
    coefficients = [7**50, 11**60, 13**40]
    coins = b"".join(c.to_bytes(shamir.COIN_BYTES, "big") for c in coefficients)
    places = [1, 2, 5, 9, 300]
    found = shamir.split(secret, places, 4, coins)
    # The highest power comes first.
    expected = [
        (12345 + coefficients[2] * x + coefficients[1] * x**2 + coefficients[0] * x**3)
        % shamir.PRIME
        for x in places
    ]
    assert found == expected


def test_joining_is_lagranges_interpolation_by_fractions() -> None:
    shares = {2: 1000, 3: 2500, 7: 9100}
    value = Fraction(0)
    for place, share in shares.items():
        term = Fraction(share)
        for other in shares:
            if other != place:
                term *= Fraction(-other, place - other)
        value += term
    whole = value.numerator * pow(value.denominator, -1, shamir.PRIME) % shamir.PRIME
    joined = shamir.join(shares)
    assert joined is None or joined == whole.to_bytes(32, "big")
    assert (joined is None) == (whole >= 2**256)


def test_a_known_sharing() -> None:
    # f(x) = 1234 + 166 x + 94 x² (the example of the Wikipedia article on Shamir's sharing).
    coins = b"".join(c.to_bytes(shamir.COIN_BYTES, "big") for c in (94, 166))
    shares = shamir.split((1234).to_bytes(32, "big"), range(1, 7), 3, coins)
    assert shares == [1494, 1942, 2578, 3402, 4414, 5614]
    assert shamir.join({2: 1942, 4: 3402, 5: 4414}) == (1234).to_bytes(32, "big")


def test_fewer_shares_fit_every_secret() -> None:
    """With one share less, each other secret has exactly one polynomial that fits."""
    coins = SecretStream(COINS).raw("test", 0, shamir.COIN_BYTES * 2)
    shares = shamir.split(bytes(32), [1, 2, 3], 3, coins)
    guess = (99).to_bytes(32, "big")
    at_three = next(
        s
        for s in [_completing(shares[0], shares[1], 99)]
        if shamir.join({1: shares[0], 2: shares[1], 3: s})
    )
    assert shamir.join({1: shares[0], 2: shares[1], 3: at_three}) == guess


def _completing(first: int, second: int, secret: int) -> int:
    """Return the share at 3 that makes the secret: f(3) = f(0) - 3 f(1) + 3 f(2)."""
    return (secret - 3 * first + 3 * second) % shamir.PRIME


def test_shares_are_uniform() -> None:
    drawn = [
        shamir.split(bytes(32), [3], 2, SecretStream(COINS).raw("t", k, shamir.COIN_BYTES))[0]
        for k in range(4000)
    ]
    tops = np.array([share * 64 // shamir.PRIME for share in drawn])
    assert stats.chisquare(np.bincount(tops, minlength=64)).pvalue > 1e-4


def test_bad_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        shamir.split(b"short", [1, 2], 2, bytes(shamir.COIN_BYTES))
    with pytest.raises(ValueError, match="length"):
        shamir.split(bytes(32), [1, 2], 2, bytes(shamir.COIN_BYTES - 1))


# --- graphs


def _connected(graph: Graph, sites: set[str]) -> bool:
    if not sites:
        return True
    seen, left = set(), [next(iter(sites))]
    while left:
        site = left.pop()
        seen.add(site)
        left += [n for n in graph.neighbours(site) if n in sites and n not in seen]
    return seen == sites


@given(st.integers(3, 11), st.sampled_from([2, 3, 4, 6]), st.data())
@settings(deadline=None)
def test_connectivity_is_what_trying_all_says(
    count: int, neighbours: int, data: st.DataObject
) -> None:
    names = [f"s{i:02}" for i in range(count)]
    graph = Graph.draw(names, neighbours, COINS)
    alive = set(data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True)))
    found = graph.connectivity(alive)
    parts = [
        size
        for size in range(len(alive))
        if any(
            not _connected(graph, alive - set(taken))
            for taken in itertools.combinations(sorted(alive), size)
        )
    ]
    assert found == min(parts, default=len(alive) - 1)


@given(
    st.integers(2, 40),
    st.one_of(st.none(), st.integers(2, 50)),
    st.binary(min_size=32, max_size=32),
)
def test_a_graph_is_symmetric_and_regular(count: int, neighbours: int | None, coins: bytes) -> None:
    names = [f"s{i:02}" for i in range(count)]
    graph = Graph.draw(names, neighbours, coins)
    degree = count - 1 if neighbours is None else min(count - 1, neighbours + neighbours % 2)
    for name in names:
        near = graph.neighbours(name)
        assert len(set(near)) == len(near) == degree
        assert name not in near
        assert all(name in graph.neighbours(other) for other in near)
        assert graph.holders(name) == tuple(sorted((*near, name)))
    assert graph.complete == (degree == count - 1)
    assert sorted(graph.ring) == names


@given(st.integers(2, 500), st.data())
def test_shares_are_needed_of_as_large_a_part_as_of_all(members: int, data: st.DataObject) -> None:
    threshold = data.draw(st.integers(1, members))
    holders = data.draw(st.integers(1, members))
    needed = share_threshold(holders, members, threshold)
    assert Fraction(needed, holders) >= Fraction(threshold, members) > Fraction(needed - 1, holders)
    assert share_threshold(members, members, threshold) == threshold


def test_places_are_drawn_evenly() -> None:
    names = [f"s{i}" for i in range(6)]
    first = [Graph.draw(names, 2, k.to_bytes(32, "big")).ring[0] for k in range(3000)]
    counts = [first.count(name) for name in names]
    assert stats.chisquare(counts).pvalue > 1e-4
    assert Graph.draw(names, 2, COINS) == Graph.draw(names, 2, COINS)


@pytest.mark.parametrize(
    ("members", "neighbours", "threshold", "colluders", "dropouts"),
    [(20, 6, 14, 5, 4), (30, 8, 18, 8, 9), (16, 4, 9, 3, 5)],
)
def test_the_chances_are_bounds_on_what_happens(
    members: int, neighbours: int, threshold: int, colluders: int, dropouts: int
) -> None:
    names = [f"s{i:02}" for i in range(members)]
    bad, gone = set(names[:colluders]), set(names[colluders : colluders + dropouts])
    honest = set(names) - bad - gone
    needed = share_threshold(neighbours + 1, members, threshold)
    learned = lost = 0
    runs = 1500
    for k in range(runs):
        graph = Graph.draw(names, neighbours, (k + 1).to_bytes(32, "big"))
        held = [len(bad & set(graph.neighbours(n))) for n in names if n not in bad]
        learned += max(held) >= needed or not _connected(graph, honest)
        alive = [len(set(graph.holders(n)) - gone) for n in names]
        lost += min(alive) < needed
    bound = risk(members, neighbours, threshold, colluders, dropouts)
    # A bound, and not one that is far off where the chance is small.
    for seen, most in ((learned, bound.learned), (lost, bound.lost)):
        assert seen / runs <= most + 4 * math.sqrt(most * (1 - min(most, 1)) / runs) + 1e-9
        assert most <= 8 * (seen + 4) / runs or most == 1


def test_hypergeometric_tails_are_scipys() -> None:
    from strongroom.federate.secure._graph import _tail

    for of, marked, drawn in [(99, 33, 40), (50, 5, 10), (30, 29, 7)]:
        for least in range(drawn + 2):
            expected = stats.hypergeom(of, marked, drawn).sf(least - 1)
            assert _tail(of, marked, drawn, least) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_enough_neighbours_is_the_least() -> None:
    found = enough_neighbours(1000, 700, colluders=100, dropouts=100)
    assert found is not None
    assert found % 2 == 0
    here, less = (risk(1000, k, 700, 100, 100) for k in (found, found - 2))
    assert here.learned <= 2**-40
    assert here.lost <= 2**-30
    assert less.learned > 2**-40 or less.lost > 2**-30
    assert 40 < found < 200
    assert enough_neighbours(10, 9, colluders=0, dropouts=3) is None


# --- numbers

NUMBERS = st.floats(-60, 60, allow_nan=False, width=32)


@given(
    st.lists(
        st.tuples(st.lists(NUMBERS, min_size=3, max_size=3), st.floats(0.01, 1)),
        min_size=1,
        max_size=8,
    ),
    st.integers(4, 24),
)
def test_a_sum_of_encoded_vectors_is_the_weighted_sum(
    sites: list[tuple[list[float], float]], precision: int
) -> None:
    quantiser = Quantiser(SecureSpec(threshold=2, precision=precision), len(sites))
    total = np.zeros(4, np.int64)
    for vector, weight in sites:
        total += quantiser.encode(np.array(vector, np.float32), weight)
    vectors, weight = total[:-1] * quantiser.step, total[-1] * quantiser.step
    if total[-1] > 0:
        vectors, weight = quantiser.decode(total)
        np.testing.assert_array_equal(quantiser.mean(total), vectors / weight)
    exact = sum(np.array(v, np.float32).astype(float) * w for v, w in sites)
    error = 0.5 * quantiser.step * len(sites) + 1e-12
    assert np.abs(vectors - exact).max() <= error
    assert abs(weight - sum(w for _, w in sites)) <= error


def test_rounding_by_chance_is_exact_on_average() -> None:
    quantiser = Quantiser(SecureSpec(threshold=2, precision=4), 2)
    values = np.full(200_000, 0.3)
    near = quantiser.encode(values)[:-1] * quantiser.step
    assert set(near) == {0.3125}
    by_chance = quantiser.encode(values, coins=SecretStream(COINS))[:-1] * quantiser.step
    assert set(by_chance) == {0.25, 0.3125}
    assert abs(by_chance.mean() - 0.3) < 5 * quantiser.step / 2 / math.sqrt(values.size)
    again = quantiser.encode(values, coins=SecretStream(COINS))[:-1] * quantiser.step
    np.testing.assert_array_equal(by_chance, again)


@pytest.mark.parametrize(
    ("vector", "weight"),
    [([64.1], 1.0), ([-65.0], 1.0), ([1.0], 65.0), ([33.0], 2.0), ([np.nan], 1.0), ([np.inf], 1.0),
     ([1.0], 0.0), ([1.0], -1.0), ([1.0], np.nan), ([1.0], np.inf), ([0.0], np.inf)],
)  # fmt: skip
def test_what_does_not_fit_is_told_and_not_cut(vector: list[float], weight: float) -> None:
    quantiser = Quantiser(SecureSpec(threshold=2), 3)
    with pytest.raises(SecureError):
        quantiser.encode(np.array(vector), weight)


@given(st.integers(2, 10_000), st.sampled_from([32, 64]), st.integers(4, 40),
       st.floats(1e-3, 1e9))  # fmt: skip
def test_a_sum_never_wraps_around(members: int, bits: int, precision: int, bound: float) -> None:
    spec = SecureSpec(threshold=2, bits=bits, precision=precision, bound=bound)  # type: ignore[arg-type]
    try:
        quantiser = Quantiser(spec, members)
    except SecureError:
        assert members * (math.ceil(bound * 2.0**precision) + 1) >= 2 ** (bits - 1)
        return
    largest = quantiser.encode(np.array([bound, -bound]), min(1.0, bound))
    for entry in largest[:2].tolist():
        assert -(2 ** (bits - 1)) <= members * entry < 2 ** (bits - 1)


def test_the_hint_of_a_field_that_is_too_small_mends_it() -> None:
    spec = SecureSpec(threshold=2, bits=32, precision=30, bound=5.0)
    with pytest.raises(SecureError) as caught:
        Quantiser(spec, 100)
    precision = int(str(caught.value.hint).split()[2])
    Quantiser(spec.model_copy(update={"precision": precision}), 100)


def test_a_sum_that_no_vectors_make_is_refused() -> None:
    quantiser = Quantiser(SecureSpec(threshold=2), 3)
    good = quantiser.encode(np.array([1.0, 2.0]))
    for entry, value in ((0, 2**62), (0, -(2**63)), (2, 0), (2, -5), (1, 4 * 64 * 2**24)):
        bad = good.copy()
        bad[entry] = value
        with pytest.raises(SecureError, match="no sum of vectors"):
            quantiser.decode(bad)
