"""Reading `strongroom.toml`: what is wrong is told with its line and, where it can be, the mend."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar, overload

from pydantic import BaseModel, ValidationError

from strongroom.config._sections import Config
from strongroom.errors import ConfigError, did_you_mean

CONFIG_NAME = "strongroom.toml"
Section = TypeVar("Section", bound=BaseModel)


@overload
def load(path: Path | str) -> Config: ...
@overload
def load(path: Path | str, kind: type[Section]) -> Section: ...
def load(path: Path | str, kind: type[BaseModel] = Config) -> BaseModel:
    """Read and check a `strongroom.toml`, or another file of such sections.

    Args:
        path: the file.
        kind: what it holds.

    Raises:
        ConfigError: missing, not TOML, or a key or value that can't be; says which line.
    """
    path = Path(path)
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"no {path.name} here",
            where=str(path),
            hint="strongroom init DATA.csv writes one, or give -c PATH",
        ) from error
    except OSError as error:
        raise ConfigError(f"cannot read it: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigError("the text is not UTF-8", where=str(path)) from error
    return parse(text, kind, where=str(path))


@overload
def parse(text: str, *, where: str = CONFIG_NAME) -> Config: ...
@overload
def parse(text: str, kind: type[Section], *, where: str = CONFIG_NAME) -> Section: ...
def parse(text: str, kind: type[BaseModel] = Config, *, where: str = CONFIG_NAME) -> BaseModel:
    """Check the text of a `strongroom.toml`, or of another such file; see `load`."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # Beside TOMLDecodeError: numbers of thousands of digits, arrays nested thousands deep.
        line = re.search(r"at line (\d+)", str(error))
        raise ConfigError(
            f"not valid TOML: {error}", where=f"{where}:{line.group(1)}" if line else where
        ) from error
    try:
        # Strict: the text "5" is not the number 5, and true is not 1.
        return kind.model_validate(_with_tuples(document), strict=True)
    except ValidationError as error:
        raise _explain(error, text, where, kind) from error


def _with_tuples(value: Any) -> Any:  # noqa: ANN401 - TOML's own shapes
    if isinstance(value, dict):
        return {key: _with_tuples(inner) for key, inner in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value


def _explain(error: ValidationError, text: str, where: str, kind: type[BaseModel]) -> ConfigError:
    problem = error.errors()[0]
    # Places in a list are numbers; the key that holds the list is what people look for.
    location = [p for p in problem["loc"] if isinstance(p, str)]
    # Union branches add their own marker to the location; only names that are in the text count.
    named = [p for p in location if re.search(rf"(?<![\w-]){re.escape(p)}(?![\w-])", text)]
    key, table = (named[-1] if named else location[-1]), ".".join(named[:-1])
    line = _line_of(text, named)
    place = f"{where}:{line}" if line else where
    inside = f" in [{table}]" if table else ""
    if problem["type"] == "extra_forbidden":
        known = _keys_of(named[:-1], kind)
        return ConfigError(
            f'unknown key "{key}"{inside}',
            where=place,
            hint=did_you_mean(key, known) or f"known keys: {', '.join(known)}",
        )
    if problem["type"] == "missing":
        missing = location[-1]
        inside = f" in [{'.'.join(location[:-1])}]" if location[:-1] else ""
        return ConfigError(f'"{missing}" is missing{inside}', where=place)
    # A key that may be one thing or another has an error for each.
    same = [e for e in error.errors() if e["loc"][: len(named)] == problem["loc"][: len(named)]]
    said = " or ".join(dict.fromkeys(_in_words(e["msg"]) for e in same))
    return ConfigError(f'"{key}"{inside}: {said}', where=place)


def _in_words(message: str) -> str:
    text = message.removeprefix("Value error, ").removeprefix("Input ")
    return text[0].lower() + text[1:].replace("a valid tuple", "a list")


def _keys_of(path: list[str], kind: type[BaseModel]) -> list[str]:
    """Return the keys that the section at `path` of a file knows."""
    section = kind
    for name in path:
        field = section.model_fields.get(name)
        if field is None:
            # A free name, such as a column's, below a dictionary of sections.
            continue
        section = _section_in(field.annotation) or section
    return list(section.model_fields)


def _section_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - typing's own shapes
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _section_in(inner)
        if found:
            return found
    return None


_KEY = r"(?:\"[^\"]*\"|'[^']*'|[\w-]+)"


def _key_parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in re.findall(_KEY, dotted)]


def _line_of(text: str, path: list[str]) -> int | None:
    """Find the line on which the key at `path` stands, by reading headers and keys in order."""
    header: list[str] = []
    best: int | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        table = re.match(r"\s*\[+([^\]]+)\]+", line)
        if table:
            header = _key_parts(table.group(1))
            if header == path:
                best = number
            continue
        key = re.match(rf"\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*=", line)
        if key:
            full = [*header, *_key_parts(key.group(1))]
            if full == path:
                return number
            if full == path[: len(full)]:
                best = number
    return best
