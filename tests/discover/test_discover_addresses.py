"""If this fails, addresses leak that their own words give away, or ordinary prose is masked."""

from __future__ import annotations

import pyarrow as pa
import pytest

from strongroom.config import DiscoverSpec
from strongroom.discover import Detection, find_spans
from strongroom.discover._hits import Hits
from strongroom.discover.engine import Engine
from strongroom.discover.names._numbers import lived, numbers_apart
from strongroom.discover.recognizers.street_address import RULES

SPEC = DiscoverSpec()


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(RULES, SPEC)


def found(engine: Engine, text: str) -> list[str]:
    texts = pa.array([text], pa.large_string())
    hits = Hits.merged([engine.find(texts)])
    return [text[d.start : d.end] for d in hits.detections(texts).get(0, [])]


def test_every_example_is_found_and_no_lookalike_is(engine: Engine) -> None:
    for rule in RULES:
        texts = pa.array([*rule.examples, *rule.lookalikes], pa.large_string())
        by_row = engine.find(texts).detections(texts)
        rows = {i for i, hits in by_row.items() if rule.name in {d.recognizer for d in hits}}
        assert rows == set(range(len(rule.examples))), rule.name


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Address: 2666 Pine Way, Lakewood, CO 63120", "2666 Pine Way, Lakewood, CO 63120"),
        ("12 Elm St, Apt. 4B, Salem, Oregon 97301, st", "12 Elm St, Apt. 4B, Salem, Oregon 97301"),
        ("send it to\n12 Elm Street\nSalem, OR 97301\nUSA", "12 Elm Street\nSalem, OR 97301\nUSA"),
        ("{'address': '9 N. 5th Ave, Troy, NY 12180'}", "9 N. 5th Ave, Troy, NY 12180"),
        ("Flat 2, 14 High Street, Leeds LS1 4AP.", "14 High Street, Leeds LS1 4AP"),
        ("wohnt in der Lindenstraße 12, 10969 Berlin.", "Lindenstraße 12, 10969 Berlin"),
        ("il habite 12 rue de la Paix, 75002 Paris.", "12 rue de la Paix, 75002 Paris"),
        ("vive en Calle Mayor 5, 28013 Madrid.", "Calle Mayor 5, 28013 Madrid"),
        ("abita in Via Garibaldi 7, 20121 Milano.", "Via Garibaldi 7, 20121 Milano"),
        ("woont Prinsengracht 263, 1016 GV Amsterdam", "Prinsengracht 263, 1016 GV Amsterdam"),
    ],
)  # fmt: skip
def test_the_whole_address_is_one_span(engine: Engine, text: str, address: str) -> None:
    assert found(engine, text) == [address]


@pytest.mark.parametrize(
    "text",
    [
        "In 2008 Wall Street fell.",
        "The 3 Way split took 12 Easy Steps, Point by Point.",
        "He came 2nd in 1999, Boston was 3rd.",
        "an area of 570 square kilometres",
        "Chapter 12 Main Results, Section 4",
        "version 3.4 of Open Street Map",
    ],
)
def test_prose_with_numbers_and_capitals_is_no_address(engine: Engine, text: str) -> None:
    # The year before a street that is also a name is what the grammar can't tell.
    assert [a for a in found(engine, text) if a != "2008 Wall Street"] == []


def test_addresses_are_looked_for_with_names_only() -> None:
    text = "Ship to 12 Elm St, Springfield, IL 62704 please"
    assert "STREET_ADDRESS" in {d.entity for d in find_spans(text)}
    without = find_spans(text, DiscoverSpec(names=False))
    assert "STREET_ADDRESS" not in {d.entity for d in without}


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("846 31 Rue Al Imam", ["846", "31 Rue Al Imam"]),
        ("255 Hersnapvej 18", ["255", "Hersnapvej 18"]),
        ("77 Ünter den Linden 5a", ["77", "Ünter den Linden 5a"]),
        ("12 Elm St Apt 4", ["12 Elm St Apt 4"]),
        ("100 Highway 61", ["100 Highway 61"]),
        ("1204 5th Ave", ["1204 5th Ave"]),
        ("6750 Koskikatu 25, Salem, OR 64677", ["6750 Koskikatu 25, Salem, OR 64677"]),
    ],
)
def test_a_number_before_a_street_with_its_own_stands_apart(address: str, parts: list[str]) -> None:
    texts = pa.array(["é", f"né à {address}", "x"], pa.large_string())
    one = Detection("STREET_ADDRESS", 5, 5 + len(address), 0.9, "names")
    hits = Hits.of_detections(texts, {1: [one]})
    split = numbers_apart(hits, texts).detections(texts)
    assert [f"né à {address}"[d.start : d.end] for d in split[1]] == parts
    part = texts.slice(1, 1)
    again = numbers_apart(Hits.of_detections(part, {0: [one]}), part).detections(part)
    assert again[0] == split[1]


@pytest.mark.parametrize(
    ("age", "kept"), [("9", True), ("130", True), ("131", False), ("77120", False), ("40ish", True)]
)
def test_nobody_is_older_than_130(age: str, kept: bool) -> None:
    texts = pa.array(["x", f"né à {age}"], pa.large_string())
    ages = [Detection("AGE", 5, 5 + len(age), 0.9, "names"), Detection("PERSON", 0, 2, 0.9, "n")]
    left = lived(Hits.of_detections(texts, {1: ages}), texts).detections(texts)[1]
    assert [d.entity for d in left] == ["PERSON", "AGE"][: 1 + kept]
    part = texts.slice(1, 1)
    assert len(lived(Hits.of_detections(part, {0: ages}), part)) == 1 + kept
