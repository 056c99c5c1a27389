"""If this fails, a person who is named in full is overlooked where the surname stands alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.discover import plain_names

from strongroom.config import DiscoverSpec
from strongroom.discover.names import ENTITIES, find_names
from strongroom.discover.names._repeats import SCORE, STRANGER, SURE, met_again

WORDS = ["Duane", "Bobick", "bobick", "Bobick's", "(Bobick),", "Bobick.", "O'Brien", "O’Brien’s",
         "D'", "Jean-Luc", "Ångström", "ångström", "Jr.", "III", "McDonald", "MCDONALD", "Street",
         "the", "in", "--", "12", "Bobick2", "Li", "Ελένη", "\n", "  ", "-"]  # fmt: skip


@st.composite
def texts_with_hits(draw: st.DrawFn) -> tuple[str, list[plain_names.Hit]]:
    """Draw a text and hits in it that begin and end where words do."""
    text = " ".join(draw(st.lists(st.sampled_from(WORDS), max_size=24)))
    hits, first = [], 0
    words = plain_names.parts(text)
    while first < len(words):
        last = min(first + draw(st.integers(0, 3)), len(words) - 1)
        if draw(st.booleans()):
            entity = draw(st.sampled_from(["PERSON", "PERSON", "GPE", "TITLE", "ORGANIZATION"]))
            score = draw(st.sampled_from([0.5, 0.95]))
            hits.append((words[first][0], words[last][1], entity, score))
        first = last + 1
    return text, hits


def through_arrays(
    texts: list[str], found: list[list[plain_names.Hit]]
) -> list[list[plain_names.Hit]]:
    """Ask the kernel about all texts at once; offsets in code points on both sides."""
    encoded = [t.encode() for t in texts]
    offsets = np.cumsum([0, *map(len, encoded)])
    rows = [
        (row, len(t[:a].encode()), len(t[:b].encode()), ENTITIES.index(e))
        for row, (t, hits) in enumerate(zip(texts, found, strict=True))
        for a, b, e, _ in hits
    ]
    hits, scores = met_again(
        np.frombuffer(b"".join(encoded) or b" ", np.uint8),
        offsets,
        np.array(rows, np.int64).reshape(-1, 4),
        np.array([h[3] for hits in found for h in hits], np.float32),
    )
    answers: list[list[plain_names.Hit]] = [[] for _ in texts]
    for (row, start, end, entity), score in zip(hits.tolist(), scores.tolist(), strict=True):
        one = encoded[row]
        answers[row].append(
            (len(one[:start].decode()), len(one[:end].decode()), ENTITIES[entity], score)
        )
    return answers


@settings(deadline=None, max_examples=200)
@given(st.lists(texts_with_hits(), max_size=3))
def test_surnames_alone_are_those_of_the_plain_twin(
    drawn: list[tuple[str, list[plain_names.Hit]]],
) -> None:
    texts, hits = [t for t, _ in drawn], [h for _, h in drawn]
    got = through_arrays(texts, hits)
    expected = [plain_names.met_again(t, h, SURE, SCORE, STRANGER) for t, h in drawn]
    for ours, plain in zip(got, expected, strict=True):
        assert [h[:3] for h in ours] == [h[:3] for h in plain]
        assert [h[3] for h in ours] == pytest.approx([h[3] for h in plain])


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("Duane Bobick won. Norton hit Bobick's chin.", ["Bobick"]),
        ("Bobick lost, and Duane Bobick left.", ["Bobick"]),
        ("Duane Bobick lives in Bobick Street.", []),
        ("Duane Bobick and Ken Norton: Duane Bobick won.", ["Duane Bobick"]),
        ("Duane Bobick said that a bobick is a fish. Bobick is one.", []),
    ],
)
def test_a_surname_counts_where_it_is_nothing_else(text: str, alone: list[str]) -> None:
    start = text.index("Duane Bobick")
    full = (start, start + len("Duane Bobick"), "PERSON", 0.95)
    got = through_arrays([text], [[full]])[0]
    assert [text[a:b] for a, b, _, score in got if score == pytest.approx(SCORE)] == alone


def test_a_word_alone_is_doubted_beside_full_names_of_others() -> None:
    text = "Duane Bobick met Norton, Dr. Ali and Duane at Trestles."
    spans = {"Duane Bobick": "PERSON", "Norton": "PERSON", "Dr.": "TITLE", "Ali": "PERSON"}
    hits = [(text.index(w), text.index(w) + len(w), e, 0.95) for w, e in spans.items()]
    first = text.rindex("Duane")
    hits.append((first, first + 5, "PERSON", 0.95))
    scores = {text[a:b]: score for a, b, _, score in through_arrays([text], [hits])[0]}
    assert scores.pop("Norton") < 0.5
    assert all(score == pytest.approx(0.95) for score in scores.values())
    alone = [h for h in hits if text[h[0] : h[1]] == "Norton"]
    assert through_arrays([text], [alone])[0][0][3] == pytest.approx(0.95)


def test_a_name_of_one_row_says_nothing_of_another() -> None:
    full = (0, 12, "PERSON", 0.95)
    assert through_arrays(["Duane Bobick", "Bobick"], [[full], []])[1] == []


def test_what_is_found_by_repetition_has_a_score_below_which_it_counts() -> None:
    column = pa.array(["Mr. Duane Bobick was late. Quickly Bobick's men left."], pa.large_string())
    found = {s: len(find_names(column, DiscoverSpec(min_score=s))) for s in (0.5, SCORE + 0.01)}
    assert found[0.5] >= found[SCORE + 0.01]
