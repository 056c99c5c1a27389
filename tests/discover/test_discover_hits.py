"""If this fails, hits of several tiers are put together wrongly: lost, doubled or overlapping."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.discover import Detection, resolve
from strongroom.discover._hits import Hits

TEXTS = pa.array(["x" * 30] * 4, pa.large_string())

detection = st.builds(
    lambda entity, start, length, score, recognizer, validated: Detection(
        entity, start, start + length, score, recognizer, validated
    ),
    st.sampled_from(["B", "A", "C"]),
    st.integers(0, 20),
    st.integers(1, 9),
    st.sampled_from([0.5, 0.75, 1.0]),
    st.sampled_from(["r", "q"]),
    st.booleans(),
)
part = st.dictionaries(st.integers(0, 3), st.lists(detection, min_size=1, max_size=12))


@settings(max_examples=200, deadline=None)
@given(st.lists(part, max_size=3))
def test_the_compiled_way_agrees_with_resolving_one_by_one(
    parts: list[dict[int, list[Detection]]],
) -> None:
    merged = Hits.merged([Hits.of_detections(TEXTS, p) for p in parts])
    together: dict[int, list[Detection]] = {}
    for one in parts:
        for row, found in one.items():
            together.setdefault(row, []).extend(found)
    assert merged.detections(TEXTS) == {row: resolve(found) for row, found in together.items()}


@settings(max_examples=100, deadline=None)
@given(st.lists(part, max_size=3))
def test_nothing_is_lost_where_overlaps_are_asked_for(
    parts: list[dict[int, list[Detection]]],
) -> None:
    joined = Hits.together([Hits.of_detections(TEXTS, p) for p in parts])
    assert len(joined) == sum(len(found) for p in parts for found in p.values())
    places = list(zip(joined.row.tolist(), joined.start.tolist(), strict=True))
    assert places == sorted(places)


def test_a_value_with_very_many_hits_takes_no_longer_than_it_has_to() -> None:
    many = 5_000
    text = pa.array(["x" * many], pa.large_string())
    found = [Detection("A", i, min(many, i + 3), 0.5, "r") for i in range(many)]
    merged = Hits.merged([Hits.of_detections(text, {0: found})])
    kept = list(zip(merged.start.tolist(), merged.end.tolist(), strict=True))
    assert kept == [(i, i + 3) for i in range(0, many - 2, 3)] + [(4_998, 5_000)]


def test_names_that_touch_a_secret_are_left_out() -> None:
    texts = pa.array(["ab secret cd", "ab secret cd"], pa.large_string())
    names = Hits.of_detections(
        texts,
        {
            0: [Detection("PERSON", 0, 2, 0.9, "n"), Detection("PERSON", 8, 12, 0.9, "n")],
            1: [Detection("PERSON", 3, 9, 0.9, "n"), Detection("PERSON", 9, 12, 0.9, "n")],
        },
    )
    secrets = Hits.of_detections(
        texts,
        {
            0: [Detection("SECRET", 3, 9, 0.9, "s")],
            1: [Detection("URL", 3, 9, 0.9, "s"), Detection("SECRET", 10, 11, 0.9, "s")],
        },
    )
    left = names.clear_of(secrets, "SECRET")
    assert list(zip(left.row, left.start, strict=True)) == [(0, 0), (1, 3)]
    assert names.clear_of(secrets, "IBAN_CODE") is names


def test_a_glance_at_hits_counts_them_and_shows_no_arrays() -> None:
    found = [Detection("B", i, i + 1, 0.5, "r") for i in range(20)]
    found += [Detection("A", i, i + 1, 0.5, "r") for i in range(25, 28)]
    hits = Hits.merged([Hits.of_detections(TEXTS, {0: found, 2: found})])
    assert repr(hits) == "<Hits: B 40, A 6>"
    assert repr(Hits.empty()) == "<Hits: none>"
