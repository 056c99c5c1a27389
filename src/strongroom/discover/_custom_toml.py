"""Recognizers in a TOML file: rules as data, checked before the first text is read."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from strongroom.config import DiscoverSpec
from strongroom.discover._rule import Rule
from strongroom.discover.checks import CHECKS
from strongroom.discover.engine import Engine
from strongroom.errors import ConfigError, InputError, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 4 * 1024 * 1024
Score = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, Field(min_length=1, max_length=10_000)]
Entity = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=64)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Recognizer(_Table):
    """`[[recognizer]]`; the words are those of `Rule`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=64)]
    entity: Entity
    pattern: Text
    score: Score = 0.6
    lead: str = ""
    follow: str = ""
    bounded: bool = True
    apart: str = ".-/"
    compact: str = ""
    keywords: list[Text] = []
    check: str | None = None
    entropy: Annotated[float, Field(ge=0, le=8)] = 0.0
    context: list[Text] = []
    context_score: Score | None = None
    against: list[Text] = []
    against_score: Score = 0.0
    countries: list[Annotated[str, Field(pattern="^[A-Z]{2}$")]] = []
    examples: list[str] = []
    lookalikes: list[str] = []


class _Denied(_Table):
    """`[[deny]]`: terms that are always reported as an entity."""

    entity: Entity
    terms: list[Text]


class _Allowed(_Table):
    """`[[allow]]`: terms that are never reported, as one entity or as any."""

    entity: Entity | None = None
    terms: list[Text]


class _File(_Table):
    recognizer: list[_Recognizer] = []
    deny: list[_Denied] = []
    allow: list[_Allowed] = []


_TABLES: dict[str, type[_Table]] = {
    "recognizer": _Recognizer,
    "deny": _Denied,
    "allow": _Allowed,
}


@dataclass(frozen=True)
class Read:
    """What a file holds: rules, and terms by entity ("" for every one)."""

    rules: tuple[Rule, ...]
    denied: tuple[tuple[str, tuple[str, ...]], ...]
    allowed: tuple[tuple[str, tuple[str, ...]], ...]


def read_toml(path: Path) -> Read:
    """Read a file of recognizers and try its examples.

    Raises:
        ConfigError: missing, not TOML, an unknown key, a pattern that can't be, an example that
            isn't found or a look-alike that is; says where.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        said = error.strerror or "it can't be opened"
        raise ConfigError(f"cannot read these recognizers: {said}", where=str(path)) from error
    if len(data) > _LARGEST:
        raise ConfigError("a file of recognizers holds 4 MiB at most", where=str(path))
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        line = re.search(r"at line (\d+)", str(error))
        place = f"{path}:{line.group(1)}" if line else str(path)
        raise ConfigError(f"not valid TOML: {error}", where=place) from error
    try:
        held = _File.model_validate(document)
    except ValidationError as error:
        raise _explain(error, document, path) from error
    return Read(
        tuple(_rule(one, path) for one in held.recognizer),
        tuple((one.entity, tuple(one.terms)) for one in held.deny),
        tuple((one.entity or "", tuple(one.terms)) for one in held.allow),
    )


def _rule(said: _Recognizer, path: Path) -> Rule:
    where = f'{path}: recognizer "{said.name}"'
    if said.check is not None and said.check not in CHECKS:
        raise ConfigError(
            f'there are no check digits called "{said.check}"',
            where=where,
            hint=did_you_mean(said.check, sorted(CHECKS)) or "luhn, mod97, verhoeff, de.idnr, …",
        )
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in said.model_dump(exclude={"check"}).items()
    }
    for name in ("context", "against"):
        fields[name] = tuple(word.lower() for word in fields[name])
    if said.context and said.context_score is None:
        fields["context_score"] = max(said.score, 0.9)
    check = CHECKS[said.check] if said.check else None
    rule = Rule(**fields, check=check, validated=check is not None)
    _try(rule, where)
    return rule


def _try(rule: Rule, where: str) -> None:
    """Compile a rule, and look for it in its examples."""
    spec = DiscoverSpec(min_score=0.01, countries=rule.countries)
    try:
        engine = Engine([rule], spec)
    except InputError as error:
        told = f"{where}, {error.where}" if error.where else where
        raise ConfigError(error.what, where=told, hint=error.hint) from error
    for texts, wanted in ((rule.examples, True), (rule.lookalikes, False)):
        found = set(engine.find(pa.array(texts, pa.large_string())).row.tolist())
        for place in range(len(texts)):
            if (place in found) != wanted:
                kind, what = ("example", "isn't found") if wanted else ("look-alike", "is found")
                raise ConfigError(f"{kind} {place + 1} {what}", where=where)


def _explain(error: ValidationError, document: dict[str, Any], path: Path) -> ConfigError:
    """Say what is wrong first, and in which table of the file."""
    problem = error.errors()[0]
    kind, *inside = problem["loc"]
    where = str(path)
    table = document.get(str(kind))
    if inside and isinstance(inside[0], int) and isinstance(table, list):
        one = table[inside[0]]
        named = one.get("name") or one.get("entity") if isinstance(one, dict) else None
        where = f"{path}: {kind} " + (f'"{named}"' if named else f"number {inside[0] + 1}")
    key = next((str(p) for p in reversed(problem["loc"]) if isinstance(p, str)), str(kind))
    if problem["type"] == "extra_forbidden":
        section = _TABLES.get(str(kind), _File) if inside else _File
        known = list(section.model_fields)
        return ConfigError(
            f'unknown key "{key}"',
            where=where,
            hint=did_you_mean(key, known) or f"known keys: {', '.join(known)}",
        )
    if problem["type"] == "missing":
        return ConfigError(f'"{key}" is missing', where=where)
    message = problem["msg"].removeprefix("Input ")
    return ConfigError(f'"{key}": {message[0].lower()}{message[1:]}', where=where)
