"""If this fails, people choose settings by figures of lost information that are wrong."""

from __future__ import annotations

from collections import Counter, defaultdict

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.anonymize import anonymize
from strongroom.config import AnonymizeSpec, ColumnSpec
from strongroom.data import Dataset, Role

HIERARCHY: dict[str, tuple[str, ...]] = {
    v: (v[0], "any") for v in ("a1", "a2", "a3", "b1", "b2", "c1")
}
ROWS = st.lists(
    st.tuples(
        st.integers(0, 20),
        st.sampled_from("uvwx"),
        st.sampled_from(sorted(HIERARCHY)),
        st.sampled_from(["yes", "no"]),
    ),
    min_size=4,
    max_size=40,
)


def leaves_under(name: str) -> int:
    return sum(1 for value, path in HIERARCHY.items() if name in {value, *path})


@settings(max_examples=80, deadline=None)
@given(ROWS, st.integers(1, 4))
def test_all_three_equal_their_definitions(rows: list[tuple[int, str, str, str]], k: int) -> None:
    table = pa.table(
        {
            name: list(column)
            for name, column in zip(["n", "c", "h", "y"], zip(*rows, strict=True), strict=True)
        }
    )
    roles = dict.fromkeys(["n", "c", "h"], Role.QUASI_IDENTIFIER) | {"y": Role.TARGET}
    found = anonymize(
        Dataset(table, roles=roles),
        AnonymizeSpec(k=k),
        columns={"h": ColumnSpec(hierarchy=HIERARCHY)},
        text_columns=[],
    )
    widest = max(r[0] for r in rows) - min(r[0] for r in rows)
    kinds = len({r[1] for r in rows})
    classes = defaultdict(list)
    certainty = {"n": 0.0, "c": 0.0, "h": 0.0}
    for row in found.dataset.table.to_pylist():
        classes[row["n"], row["c"], row["h"]].append(row["y"])
        if row["n"].startswith("["):
            low, high = row["n"][1:-1].split("-")
            certainty["n"] += (int(high) - int(low)) / widest
        if row["c"] == "*":
            certainty["c"] += 1
        elif row["c"].startswith("{"):
            certainty["c"] += len(row["c"][1:-1].split(", ")) / kinds
        if row["h"] not in HIERARCHY:
            certainty["h"] += leaves_under(row["h"]) / len(HIERARCHY)
    n = len(rows)
    assert found.loss.ncp == pytest.approx(sum(certainty.values()) / n / 3)
    for column, total in certainty.items():
        assert found.generalization[column] == pytest.approx(total / n)
    assert found.loss.discernibility == sum(len(c) ** 2 for c in classes.values())
    wrong = sum(len(c) - max(Counter(c).values()) for c in classes.values())
    assert found.loss.classification == pytest.approx(wrong / n)


def test_a_suppressed_row_counts_as_wholly_lost() -> None:
    people = [None, *(f"p{i}" for i in range(9))]
    table = pa.table({"age": [1] * 10, "y": ["no"] * 10, "who": people})
    roles = {"age": Role.QUASI_IDENTIFIER, "y": Role.TARGET, "who": Role.DIRECT_IDENTIFIER}
    found = anonymize(
        Dataset(table, roles=roles, subject="who"),
        AnonymizeSpec(k=2, suppression_limit=0.1),
        text_columns=[],
    )
    assert found.loss.ncp == pytest.approx(0.1)
    assert found.loss.discernibility == 9 * 9 + 10
    assert found.loss.classification == pytest.approx(0.1)
