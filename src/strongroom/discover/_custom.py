"""What a user adds to discovery: terms to report or to leave alone, and recognizers in files.

A `.toml` file holds rules as data and can do nothing but match, in time linear in the text. A `.py`
file is a program: it is run, with all the rights of whoever scans, and so it is named by path in
the specification and never found by itself.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from strongroom.discover._custom_toml import read_toml
from strongroom.discover._detection import Recognizer
from strongroom.discover._rule import Rule
from strongroom.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

    import pyarrow as pa

    from strongroom.config import DiscoverSpec
    from strongroom.discover._hits import Hits

_TERMS_A_RULE = 200


@dataclass(frozen=True)
class Custom:
    """What a specification adds.

    Attributes:
        rules: for the engine.
        recognizers: for one text at a time.
        allowed: (entity, term) that are never reported, terms folded; entity "" is every entity.
    """

    rules: tuple[Rule, ...] = ()
    recognizers: tuple[Recognizer, ...] = ()
    allowed: frozenset[tuple[str, str]] = frozenset()


@lru_cache(maxsize=8)
def custom(spec: DiscoverSpec) -> Custom:
    """Return what `allow`, `deny` and `recognizers` of a specification say.

    Raises:
        ConfigError: a file is missing, can't be read, or holds what can't be.
    """
    rules: list[Rule] = []
    recognizers: list[Recognizer] = []
    allowed = {("", fold(term)) for term in spec.allow}
    denied = [(entity, spec.deny[entity]) for entity in sorted(spec.deny)]
    for name in spec.recognizers:
        path = Path(name)
        if path.suffix == ".toml":
            found = read_toml(path)
            rules += found.rules
            denied += found.denied
            allowed |= {(entity, fold(t)) for entity, terms in found.allowed for t in terms}
        elif path.suffix == ".py":
            more, others = _run(path, spec)
            rules += more
            recognizers += others
        else:
            recognizers.append(_engine(name))
    rules += [rule for entity, terms in denied for rule in denied_rules(entity, terms)]
    return Custom(tuple(rules), tuple(recognizers), frozenset(allowed))


def denied_rules(entity: str, terms: Iterable[str]) -> Iterator[Rule]:
    """Yield rules that report terms, whatever stands around them, in capitals or small letters."""
    known = sorted({t for term in terms for t in (term.strip(),) if t}, key=lambda t: (-len(t), t))
    for first in range(0, len(known), _TERMS_A_RULE):
        some = known[first : first + _TERMS_A_RULE]
        yield Rule(f"deny.{entity}", entity, "|".join(map(_any_case, some)), 1.0, apart="",
                   validated=True)  # fmt: skip


def _any_case(term: str) -> str:
    """Return a pattern for a term in any case, with any white space between its words."""
    parts: list[str] = []
    for letter in " ".join(term.split()):
        forms = sorted({letter, letter.lower(), letter.upper()})
        if letter == " ":
            parts.append(r"\s+")
        elif len(forms) == 1:
            parts.append(re.escape(letter) if letter.isascii() else letter)
        else:
            parts.append(f"(?:{'|'.join(forms)})")
    return "".join(parts)


def fold(term: str) -> str:
    """Return the form in which terms are compared: no case, single blanks."""
    return " ".join(term.casefold().split())


def without_allowed(hits: Hits, texts: pa.Array, spec: DiscoverSpec) -> Hits:
    """Leave out the hits whose text the specification allows."""
    allowed = custom(spec).allowed if spec.allow or spec.recognizers else None
    if not allowed or not len(hits):
        return hits
    keep = np.ones(len(hits), bool)
    buffers = texts.buffers()
    offsets = np.frombuffer(buffers[1], np.int64)[texts.offset :]
    data = memoryview(buffers[2])
    for i, (row, start, end, entity) in enumerate(
        zip(hits.row, hits.start, hits.end, hits.entity, strict=True)
    ):
        at = offsets[row]
        term = fold(bytes(data[at + start : at + end]).decode("utf-8", "replace"))
        keep[i] = ("", term) not in allowed and (hits.entities[entity], term) not in allowed
    if keep.all():
        return hits
    return replace(
        hits,
        **{
            name: getattr(hits, name)[keep]
            for name in ("row", "start", "end", "entity", "score", "recognizer", "validated")
        },
    )


def _engine(said: str) -> Recognizer:
    """Open another engine, such as `spacy:MODEL`."""
    from strongroom.discover.recognizers.foreign import open_engine

    if not re.match(r"[a-z]+(?::|$)", said):
        raise ConfigError(
            "recognizers stand in a .toml or a .py file, or are an engine's",
            where=f"[discover] recognizers: {said}",
            hint="such as spacy:MODEL, gliner:FOLDER or presidio:en",
        )
    return open_engine(said)


def _run(path: Path, spec: DiscoverSpec) -> tuple[tuple[Rule, ...], list[Recognizer]]:
    """Run a file of recognizers: `RULES`, and `RECOGNIZERS`, each a factory given the spec."""
    module = _module(path)
    rules = tuple(getattr(module, "RULES", ()))
    if not all(isinstance(rule, Rule) for rule in rules):
        raise ConfigError("RULES holds something that isn't a Rule", where=str(path))
    recognizers = []
    for make in getattr(module, "RECOGNIZERS", ()):
        try:
            one = make(spec) if isinstance(make, type) or not isinstance(make, Recognizer) else make
        except Exception as error:
            raise ConfigError(
                f"a recognizer can't be made: {type(error).__name__}: {error}", where=str(path)
            ) from error
        if not isinstance(one, Recognizer):
            raise ConfigError(
                "RECOGNIZERS holds something that isn't a recognizer",
                where=str(path),
                hint="a recognizer has name, entities and find(text)",
            )
        recognizers.append(one)
    if not rules and not recognizers:
        raise ConfigError(
            "this file has neither RULES nor RECOGNIZERS",
            where=str(path),
            hint="RULES = (Rule(...),) or RECOGNIZERS = (MyRecognizer,)",
        )
    return rules, recognizers


def _module(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError("there is no such file of recognizers", where=str(path))
    name = f"_strongroom_recognizers_{sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    made = importlib.util.spec_from_file_location(name, path)
    if made is None or made.loader is None:
        raise ConfigError("this file of recognizers can't be loaded", where=str(path))
    module = importlib.util.module_from_spec(made)
    # Where dataclasses and pickle look for the module that a class belongs to.
    sys.modules[name] = module
    try:
        made.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(
            f"this file of recognizers fails: {type(error).__name__}: {error}", where=str(path)
        ) from error
    return module
