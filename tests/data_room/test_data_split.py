"""If this fails, the test set leaks into training, or says something about other people."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.data import Dataset, Role, split
from strongroom.errors import DataError

KEY = b"k" * 32
PEOPLE = Dataset(
    pa.table({"n": range(4000), "person": [f"p{i % 1000}" for i in range(4000)]}),
    roles={"person": Role.DIRECT_IDENTIFIER},
)


def numbers(dataset: Dataset) -> set[int]:
    return set(dataset.table.column("n").to_pylist())


def test_every_row_is_on_one_side_and_the_share_is_about_right() -> None:
    rest, held = split(PEOPLE, 0.25, KEY)
    assert numbers(rest) | numbers(held) == numbers(PEOPLE)
    assert not numbers(rest) & numbers(held)
    # Six standard deviations of a binomial around a quarter.
    assert abs(held.rows - 1000) < 6 * (4000 * 0.25 * 0.75) ** 0.5
    assert rest.roles == held.roles == PEOPLE.roles


def test_the_same_key_gives_the_same_split_and_another_key_another() -> None:
    assert numbers(split(PEOPLE, 0.25, KEY)[1]) == numbers(split(PEOPLE, 0.25, KEY)[1])
    assert numbers(split(PEOPLE, 0.25, KEY)[1]) != numbers(split(PEOPLE, 0.25, b"other")[1])


@settings(max_examples=15, deadline=None)
@given(start=st.integers(0, 2000), count=st.integers(500, 1500), turned=st.booleans())
def test_where_a_row_goes_depends_on_no_other_row(start: int, count: int, *, turned: bool) -> None:
    table = PEOPLE.table.slice(start, count)
    if turned:
        table = table.take(list(range(count))[::-1])
    part = PEOPLE.with_table(table)
    assert numbers(split(part, 0.25, KEY)[1]) == numbers(split(PEOPLE, 0.25, KEY)[1]) & numbers(
        part
    )


def test_all_rows_of_a_person_stay_together() -> None:
    by_person = Dataset(PEOPLE.table, subject="person")
    rest, held = split(by_person, 0.25, KEY)
    people = [set(part.table.column("person").to_pylist()) for part in (rest, held)]
    assert not people[0] & people[1]
    assert len(people[0] | people[1]) == 1000


def test_equal_rows_stay_together() -> None:
    twice = Dataset(pa.concat_tables([PEOPLE.table, PEOPLE.table]))
    rest, held = split(twice, 0.5, KEY)
    assert not numbers(rest) & numbers(held)


def test_too_few_rows_are_refused_with_a_way_out() -> None:
    with pytest.raises(DataError, match="1 rows are too few to hold 25 % out") as caught:
        split(Dataset(pa.table({"n": [1]})), 0.25, KEY)
    assert "test" in (caught.value.hint or "")
