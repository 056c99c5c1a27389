"""If this fails, the figures that users tune by, and those in our own docs, are wrong."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.discover import Detection
from strongroom.discover.evaluation import (
    Gold,
    Span,
    evaluate,
    our_name,
    paired,
    read_gold,
    read_marks,
)
from strongroom.discover.evaluation._matching import (
    COVERED,
    EXACT,
    FOUND,
    GOLD,
    LETTERS,
    RIGHT,
    TOUCHED,
    compare,
)
from strongroom.discover.evaluation._measures import draw, measure
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

TEXT = "Ann Smith of 12 Elm St wrote to bob@example.com on Friday."


def hit(entity: str, start: int, end: int, score: float = 0.9) -> Detection:
    return Detection(entity, start, end, score, "test")


def finder(*found: list[Detection]) -> Callable[[list[str]], Sequence[Sequence[Detection]]]:
    answers = iter(found)
    return lambda texts: [next(answers) for _ in texts]


def test_what_is_marked_and_found_alike_is_perfect() -> None:
    gold = [Gold(TEXT, (Span("PERSON", 0, 9), Span("STREET_ADDRESS", 13, 22)))] * 30
    found = [[hit("PERSON", 0, 9), hit("STREET_ADDRESS", 13, 22)]] * 30
    got = evaluate(gold, finder(*found))
    for measured in (got.exact, got.overlapping, got.characters):
        assert measured.f1.value == measured.f2.value == 1.0
        # Wilson's bound, not a bootstrap that knows no failure.
        assert measured.f1.low is not None
        assert 0.9 < measured.f1.low < 1.0
    assert got.mistakes == ()
    assert got.macro_f1 == 1.0


def test_a_case_counted_by_hand() -> None:
    gold = Gold(TEXT, (Span("PERSON", 0, 9), Span("STREET_ADDRESS", 13, 22),
                       Span("EMAIL_ADDRESS", 32, 47)))  # fmt: skip
    found = [
        hit("PERSON", 0, 3),  # half of it
        hit("PERSON", 16, 19),  # another kind
        hit("EMAIL_ADDRESS", 32, 47),
        hit("DATE_TIME", 51, 57),  # nothing that the gold knows
    ]
    strict = evaluate([gold], finder(found), everything=True)
    assert (strict.exact.gold, strict.exact.found) == (3, 4)
    assert strict.exact.precision.value == 1 / 4
    assert strict.overlapping.precision.value == 2 / 4
    assert strict.overlapping.recall.value == pytest.approx(2 / 3)
    letters = strict.characters
    assert (letters.gold, letters.found) == (33, 27)
    assert letters.recall.value == pytest.approx(21 / 33)
    assert letters.precision.value == pytest.approx(21 / 27)
    assert strict.entity("STREET_ADDRESS").covered.value == pytest.approx(3 / 9)
    assert [(m.kind, m.gold, m.found) for m in strict.mistakes] == [
        ("bounds", "PERSON", "PERSON"),
        ("false", "", "DATE_TIME"),
        ("type", "STREET_ADDRESS", "PERSON"),
    ]
    fair = evaluate([gold], finder(found))
    assert fair.unjudged == {"DATE_TIME": 1}
    assert fair.overlapping.found == 3
    assert fair.characters.precision.value == 1.0
    with pytest.raises(KeyError):
        fair.entity("DATE_TIME")


def test_f_scores_are_those_of_the_textbook() -> None:
    got = evaluate(
        [Gold("ab cd ef gh", tuple(Span("X", i, i + 2) for i in (0, 3, 6, 9)))],
        finder([hit("X", 0, 2), hit("X", 4, 5)]),
    )
    precision, recall = 1 / 2, 1 / 4
    assert got.exact.f1.value == pytest.approx(2 * precision * recall / (precision + recall))
    assert got.exact.f2.value == pytest.approx(5 * precision * recall / (4 * precision + recall))


SPANS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 8), st.sampled_from("ABC")), max_size=6
)


@given(marked=SPANS, raw=SPANS)
def test_counts_agree_with_sets_of_characters(
    marked: list[tuple[int, int, str]], raw: list[tuple[int, int, str]]
) -> None:
    found: list[Detection] = []
    for start, length, kind in sorted(raw):
        if not found or found[-1].end <= start:
            found.append(hit(kind, start, start + length))
    spans = {(s, s + n, kind) for s, n, kind in marked}
    made = compare(
        [Span(kind, s, e) for s, e, kind in spans], found, lambda kind: kind, lambda _: True
    )
    gold_sets = [(set(range(s, e)), kind, (s, e)) for s, e, kind in spans]
    found_sets = [(set(range(d.start, d.end)), d.entity, (d.start, d.end)) for d in found]
    everything = set().union(*[letters for letters, _, _ in found_sets])
    for kind in "ABC":
        mine = [g for g in gold_sets if g[1] == kind]
        yours = [f for f in found_sets if f[1] == kind]
        counts = made.of(kind)
        assert counts[GOLD] == len(mine)
        assert counts[FOUND] == len(yours)
        assert counts[EXACT] == sum(g[2] in {f[2] for f in yours} for g in mine)
        assert counts[TOUCHED] == sum(any(g[0] & f[0] for f in yours) for g in mine)
        assert counts[RIGHT] == sum(any(g[0] & f[0] for g in mine) for f in yours)
        assert counts[LETTERS] == sum(len(g[0]) for g in mine)
        assert counts[COVERED] == sum(len(g[0] & everything) for g in mine)
    marked_letters = set().union(*[letters for letters, _, _ in gold_sets])
    both = marked_letters & everything
    assert made.letters == [len(marked_letters), len(everything), len(both)]


def test_what_is_set_aside_counts_neither_way() -> None:
    gold = Gold(TEXT, (Span("PERSON", 0, 9), Span("", 13, 22)))
    got = evaluate([gold], finder([hit("PERSON", 0, 9), hit("STREET_ADDRESS", 13, 22)]),
                   everything=True)  # fmt: skip
    assert got.exact.precision.value == 1.0
    assert got.characters.precision.value == 1.0


def test_a_gold_that_says_location_means_towns_too() -> None:
    gold = [Gold("in Rome", (Span("LOCATION", 3, 7),))]
    assert evaluate(gold, finder([hit("GPE", 3, 7)])).exact.f1.value == 1.0
    both = [Gold("in Rome, by the Tiber", (Span("GPE", 3, 7), Span("LOCATION", 16, 21)))]
    found = finder([hit("LOCATION", 3, 7), hit("LOCATION", 16, 21)])
    assert evaluate(both, found).exact.recall.value == 0.5


def test_thresholds_show_what_another_lowest_score_would_do() -> None:
    gold = [Gold(TEXT, (Span("PERSON", 0, 9),))] * 25
    found = [[hit("PERSON", 0, 9, 0.4), hit("PERSON", 51, 57, 0.2)]] * 25
    got = evaluate(gold, finder(*found), min_score=0.5)
    assert got.exact.recall.value == 0.0
    assert got.best_min_score() == 0.25
    assert {t.min_score: t.exact_f1 for t in got.thresholds}[0.4] == 1.0
    assert {t.min_score: t.exact_f1 for t in got.thresholds}[0.2] == pytest.approx(2 / 3)


def test_a_low_score_hides_nothing_from_a_higher_threshold() -> None:
    # The long one wins where both count; above its score the short one is there again.
    gold = [Gold(TEXT, (Span("PERSON", 0, 9),))]
    found = finder([hit("ORGANIZATION", 0, 22, 0.3), hit("PERSON", 0, 9, 0.8)])
    assert evaluate(gold, found, min_score=0.5).exact.f1.value == 1.0


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        # Documents differ, and their spans stand or fall together.
        chances = rng.beta(8, 2, 150)
        spans = rng.integers(1, 8, 150)
        hits = rng.binomial(spans, chances)
        blocks = np.stack([spans, hits, spans, hits], axis=1)
        recall = measure(blocks, draw(150)).recall
        assert recall.low is not None
        assert recall.high is not None
        held += recall.low <= 0.8 <= recall.high
    assert 180 <= held <= 200


def test_nothing_marked_and_nothing_found_has_no_figures() -> None:
    got = evaluate([Gold("hello", ())], finder([]))
    assert got.exact.f1.value is None
    assert "–" in str(got)
    assert evaluate([], finder()).texts == 0


def test_no_word_of_a_text_is_kept_unless_asked_for() -> None:
    gold = [Gold(TEXT, (Span("PERSON", 0, 9),), "gold.jsonl:1")]
    silent = evaluate(gold, finder([hit("PERSON", 51, 57)]))
    told = str(silent) + silent._repr_html_() + json.dumps(silent.to_json())
    assert not any(word in told for word in ("Smith", "Elm", "Friday", "bob"))
    assert "gold.jsonl:1, 0–9" in str(silent)
    loud = evaluate(gold, finder([hit("PERSON", 51, 57)]), reveal=True)
    assert "⟦Ann Smith⟧" in str(loud)
    assert loud.to_json()["mistakes"][0]["text"]


FORMS = {
    "ours": {"text": "Ann is 7", "spans": [{"entity": "PERSON", "start": 0, "end": 3}]},
    "presidio-research": {
        "full_text": "Ann is 7", "masked": "{{PERSON}} is 7",
        "spans": [{"entity_type": "PERSON", "entity_value": "Ann", "start_position": 0,
                   "end_position": 3}],
    },
    "pii-anon": {
        "record_id": "x", "text": "Ann is 7",
        "annotations": [{"entity_type": "PERSON_NAME", "start": 0, "end": 3, "text": "Ann"}],
    },
    "spaCy": {"text": "Ann is 7", "entities": [[0, 3, "PERSON"]]},
    "doccano": {"text": "Ann is 7", "label": [[0, 3, "person"]]},
    "Prodigy": {"text": "Ann is 7", "spans": [{"start": 0, "end": 3, "label": "PER"}]},
    "ai4privacy": {
        "source_text": "Ann is 7",
        "privacy_mask": [{"label": "GIVENNAME", "start": 0, "end": 3, "value": "Ann"}],
    },
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_gold_is_read_in_the_forms_that_people_have(form: str, tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    line = json.dumps(FORMS[form])
    path.write_text(f"{line}\n\n{line}\n", encoding="utf-8")
    span = (Span("PERSON", 0, 3),)
    assert list(read_gold(path)) == [
        Gold("Ann is 7", span, "gold.jsonl:1"), Gold("Ann is 7", span, "gold.jsonl:3"),
    ]  # fmt: skip
    path.write_bytes(gzip.compress(f"\ufeff[{line}]".encode()))
    assert [g.spans for g in read_gold(path)] == [span]


BAD = {
    "not JSON": '{"text": "Ann',
    "not an object": "[1, 2]\n",
    "no text": '{"spans": []}',
    "no list of spans": '{"text": "Ann Secret"}',
    "a span that ends too late": '{"text": "Ann", "spans": [[0, 4, "PERSON"]]}',
    "a span that is empty": '{"text": "Ann", "spans": [[1, 1, "PERSON"]]}',
    "a span of fractions": '{"text": "Ann", "spans": [[0, 1.5, "PERSON"]]}',
    "a span that is true": '{"text": "Ann", "spans": [[false, true, "PERSON"]]}',
    "a span without entity": '{"text": "Ann", "spans": [{"start": 0, "end": 3}]}',
    "a span that holds something else": (
        '{"text": "Ann Secret", "spans": [{"entity": "PERSON", "start": 0, "end": 3, '
        '"value": "Secret"}]}'
    ),
    "depth": "[" * 100_000,
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_gold_is_refused_with_its_line_and_none_of_its_words(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    good = '{"text": "Ann", "spans": []}\n'
    path.write_text(BAD[kind] if BAD[kind].startswith("[") else good + BAD[kind], encoding="utf-8")
    with pytest.raises(DataError) as refused:
        list(read_gold(path))
    assert "Secret" not in str(refused.value)
    if not BAD[kind].startswith("["):
        assert f"{path}:2" in str(refused.value)


def test_gold_that_cannot_be_opened_or_unpacked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        list(read_gold(tmp_path / "none.jsonl"))
    whole = gzip.compress(b'{"text": "Ann", "spans": []}\n' * 1000)
    for name, data in {"cut": whole[:-12], "broken": whole[:20] + b"xx" + whole[22:],
                       "bytes": b'{"text": "\xff\xfe"}'}.items():  # fmt: skip
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(DataError):
            list(read_gold(path))


def test_labels_are_translated(tmp_path: Path) -> None:
    assert our_name("B-PER") == "PERSON"
    assert our_name("social security-number") == "US_SSN"
    assert our_name("favourite colour") == "FAVOURITE_COLOUR"
    path = tmp_path / "gold.jsonl"
    path.write_text('{"text": "Ann Rome", "spans": [[0, 3, "held"], [4, 8, "loc"]]}\n')
    (one,) = read_gold(path, {"held": "PERSON", "LOC": ""})
    assert one.spans == (Span("PERSON", 0, 3), Span("", 4, 8))


def test_marks_without_texts_are_paired_with_what_was_scanned(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    line = {"path": "a.csv", "row": 1, "field": "note", "start": 0, "end": 3, "entity": "PERSON",
            "score": 0.8}  # fmt: skip
    path.write_text(json.dumps(line) + "\n")
    marks = read_marks(path)
    texts = [(("a.csv", 0, "note"), "nobody"), (("a.csv", 1, "note"), "Ann")]
    golds = list(paired(texts, marks))
    assert [g.spans for g in golds] == [(), (Span("PERSON", 0, 3),)]
    with pytest.raises(DataError, match="were not scanned"):
        list(paired(texts[:1], marks))
    with pytest.raises(DataError, match="outside"):
        list(paired([(("a.csv", 1, "note"), "An")], marks))
    path.write_text(json.dumps({"text": "Ann", "spans": []}) + "\n")
    with pytest.raises(DataError, match="no path, row and field"):
        read_marks(path)
