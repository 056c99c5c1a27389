"""If this fails, a table's counts are wrong: a value that comes again is lost or counted twice."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from strongroom.config import DiscoverSpec
from strongroom.data import Kind
from strongroom.discover import find_column_spans, find_spans
from strongroom.discover._scan import judged, look_with

SPEC = DiscoverSpec(names=False)
KINDS = ("anna.{}@mail.example.org", "84.17.{}.18", "+49 30 2{:07d}", "nothing {}", "", None)


def values(many: int, different: int, draw: np.random.Generator) -> list[str | None]:
    """Draw values of several kinds, a few of which stand in most rows."""
    numbers = draw.zipf(1.3, many) % different
    kinds = [KINDS[i] for i in draw.integers(0, len(KINDS), many)]
    return [kind and kind.format(n) for kind, n in zip(kinds, numbers.tolist(), strict=True)]


def one_by_one(column: list[str | None]) -> Counter[str]:
    """Count what stands in each value, value by value."""
    found: Counter[str] = Counter()
    for value, times in Counter(column).items():
        for one in find_spans(value or "", SPEC):
            found[one.entity] += times
    return found


@pytest.mark.parametrize("sizes", [(1, 7, 30, 500, 2_000), (5_000,), (50,) * 60])
def test_counts_are_those_of_all_values_however_they_arrive(sizes: tuple[int, ...]) -> None:
    column = values(sum(sizes), 250, np.random.default_rng(len(sizes)))
    look, at = look_with(SPEC), 0
    for size in sizes:
        look.add(pa.table({"x": column[at : at + size]}))
        at += size
    (profile,) = look.profiles()
    spans = {entity: tally.spans for entity, tally in profile.tallies.items()}
    assert spans == one_by_one(column)
    assert profile.present == sum(bool(v and v.strip()) for v in column)


def test_counts_stay_right_where_more_values_differ_than_are_remembered() -> None:
    look = look_with(SPEC)
    repeated = [f"84.17.{i % 250}.18" for i in range(30_000)]
    for part in range(4):
        plain = [f"v{i}" for i in range(part * 40_000, (part + 1) * 40_000)]
        look.add(pa.table({"x": repeated + plain}))
    (profile,) = look.profiles()
    assert profile.tallies["IP_ADDRESS"].spans == 120_000
    assert profile.tallies["IP_ADDRESS"].whole == 120_000


def test_a_number_that_is_missing_moves_no_other() -> None:
    look = look_with(SPEC)
    numbers = [None if i % 10 == 0 else 4_111_111_111_111_111 + 9 * i for i in range(120_000)]
    look.add(pa.table({"card": pa.array(numbers, pa.int64())}))
    (profile,) = look.profiles()
    expected = one_by_one([f"{n}" for n in numbers[1:2_000] if n])
    assert profile.missing == 12_000
    assert profile.tallies["CREDIT_CARD"].spans == pytest.approx(
        expected["CREDIT_CARD"] * 60, rel=0.2
    )


def test_of_two_keys_that_begin_alike_both_are_found_in_full() -> None:
    lines: list[str] = []
    for _ in range(2):
        key = ed25519.Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        lines += ["a line that comes twice", *key.decode().splitlines()]
    column = pa.array(lines, pa.large_string())
    covered = {row for row, one in find_column_spans(column, SPEC) if one.entity == "SECRET"}
    assert covered == {1, 2, 3, 5, 6, 7}
    look = look_with(SPEC, prose=True)
    look.add(pa.table({"text": column}))
    assert judged(look, "keys", Kind.TEXT).entities["SECRET"] == 6
