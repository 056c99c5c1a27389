"""Sentences of corpora with other names in them: what a name is must be told by its sentence."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from training.names.addresses import countries, town_of
from training.names.people import make_person, pick
from training.names.sentence import Sentence
from training.names.things import organisation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_KEPT = {"GPE": 0.3, "ORGANIZATION": 0.4, "PERSON": 0.1}
"""How often a name stays, where others replace it."""


def with_other_names(sentences: Iterable[Sentence], seed: int) -> Iterator[Sentence]:
    """Yield every sentence that names something once more, with other names."""
    rng = random.Random(seed)
    for sentence in sentences:
        if any(entity in _KEPT for *_, entity in sentence.spans):
            yield _replaced(sentence, rng)


def _replaced(sentence: Sentence, rng: random.Random) -> Sentence:
    text, spans, done = "", [], 0
    language = sentence.language
    for start, end, entity in sentence.spans:
        old = sentence.text[start:end]
        text += sentence.text[done:start]
        new = old if rng.random() < _KEPT.get(entity, 1.0) else _other(old, entity, language, rng)
        spans.append((len(text), len(text) + len(new), entity))
        text, done = text + new, end
    return Sentence(text + sentence.text[done:], tuple(spans), language, sentence.source)


def _other(old: str, entity: str, language: str, rng: random.Random) -> str:
    if entity == "PERSON":
        person = make_person(rng, language)
        if " " in old:
            middle = f"{person.middle[:1]}. " if person.middle and rng.random() < 0.1 else ""
            new = f"{person.first} {middle}{person.last}"
        else:
            new = person.last if rng.random() < 0.6 else person.first
    elif entity == "GPE":
        new = pick(rng, countries()) if rng.random() < 0.2 else town_of(rng, language)
        new = new.removeprefix("the ")
    else:
        new = organisation(rng, language, town_of(rng, language))
    if old.isupper() and len(old) > 3:
        return new.upper()
    return new.lower() if old.islower() else new
