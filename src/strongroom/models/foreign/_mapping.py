"""How rows become a request and an answer becomes probabilities: a small TOML file.

url = "https://models.example/predict"
requests_per_second = 5
batch = 32                                 # rows a request
[headers]
Authorization = "Bearer ${MODEL_TOKEN}"    # secrets come from the environment only
[request]
body = { instances = "$rows" }             # "$rows": all rows; "$row": one a request
row = "object"                             # by column name; or "list", or "value" of one column
[response]
probabilities = "predictions[].scores"     # [] is one entry per row
label = "predictions[].label"              # where there are no probabilities
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from strongroom.errors import ConfigError, InputError, did_you_mean
from strongroom.models.foreign._transport import GarbageError, Transport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET = re.compile(r"auth|token|secret|cookie|api.?key", re.IGNORECASE)
_STEP = re.compile(r"([^.\[\]]+)|\[(\d*)\]")
_ROWS, _ROW = "$rows", "$row"


@dataclass(frozen=True)
class Mapped:
    """A mapping, read.

    Attributes:
        transport: connection settings.
        body: the request, with "$rows" or "$row" in it.
        row: how a row is written.
        probabilities, label: JSON paths in the answer; `[]` is one entry per row.
        classes: in the order of the probabilities, if it says so.
        columns: in the order of the rows.
        batch: rows a request.
        budget: rows that may be asked for; None is no limit.
    """

    transport: Transport
    body: Any
    row: Literal["object", "list", "value"] = "object"
    probabilities: str | None = None
    label: str | None = None
    classes: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    batch: int = 32
    budget: int | None = None

    def request(self, rows: Sequence[Any]) -> Any:  # noqa: ANN401 - JSON
        """Return the request for rows."""
        return _filled(self.body, rows)

    @property
    def single(self) -> bool:
        """Whether a request holds one row."""
        return _holds(self.body, _ROW) and not _holds(self.body, _ROWS)


@dataclass(frozen=True)
class _Key:
    kind: type | tuple[type, ...]
    default: Any = None


_TOP = {
    "url": _Key(str),
    "method": _Key(str, "POST"),
    "batch": _Key(int, 32),
    "queries": _Key(int),
    "requests_per_second": _Key((int, float), 0),
    "timeout": _Key((int, float), 30),
    "retries": _Key(int, 5),
    "backoff": _Key((int, float), 0.5),
    "plaintext": _Key(bool, default=False),
    "ca": _Key(str),
    "columns": _Key(list),
    "classes": _Key(list),
    "headers": _Key(dict, {}),
    "request": _Key(dict, {}),
    "response": _Key(dict, {}),
    "openapi": _Key(str),
}
_INNER = {
    "request": {"body": _Key((dict, list, str)), "row": _Key(str, "object")},
    "response": {"probabilities": _Key(str), "label": _Key(str)},
}


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the keys of a TOML file.

    Raises:
        ConfigError: not TOML, or it can't be read.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("the mapping can't be read", where=str(path)) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not TOML: {error}", where=str(path)) from error


def map_endpoint(told: Mapping[str, Any]) -> Mapped:
    """Check the keys of a mapping.

    Raises:
        ConfigError: a key or value that can't be; a secret that isn't from the environment.
    """
    found = _checked(told, _TOP, "")
    request = _checked(found["request"], _INNER["request"], "request.")
    response = _checked(found["response"], _INNER["response"], "response.")
    if found["url"] is None:
        raise ConfigError("the mapping names no url", where="url")
    if response["probabilities"] is None and response["label"] is None:
        raise ConfigError(
            "where in the answer are the probabilities?",
            where="response",
            hint='probabilities = "predictions[].scores": a path, with [] for one entry per row',
        )
    if request["row"] not in {"object", "list", "value"}:
        raise ConfigError(
            f'"{request["row"]}" is no way to write a row',
            where="request.row",
            hint="object, list or value",
        )
    body = request["body"] if request["body"] is not None else {"instances": _ROWS}
    if not _holds(body, _ROWS) and not _holds(body, _ROW):
        raise ConfigError(
            "the request has no place for rows",
            where="request.body",
            hint='put "$rows" where the list of rows goes, or "$row" for one row a request',
        )
    for name, least in (("batch", 1), ("retries", 0), ("queries", 1), ("timeout", 0.001)):
        if found[name] is not None and found[name] < least:
            raise ConfigError(f"{name} must be at least {least}", where=name)
    transport = Transport(
        found["url"],
        method=found["method"].upper(),
        headers={k: _header(k, v) for k, v in found["headers"].items()},
        authorities=found["ca"],
        timeout=float(found["timeout"]),
        retries=found["retries"],
        backoff=float(found["backoff"]),
        requests_per_second=float(found["requests_per_second"]),
        plaintext=found["plaintext"],
    )
    return Mapped(
        transport,
        body,
        request["row"],
        response["probabilities"],
        response["label"],
        None if found["classes"] is None else tuple(str(c) for c in found["classes"]),
        None if found["columns"] is None else tuple(str(c) for c in found["columns"]),
        found["batch"],
        found["queries"],
    )


def at_path(document: Any, path: str, rows: int) -> list[Any]:  # noqa: ANN401 - JSON
    """Return one entry per row of what a path such as `predictions[].scores` leads to.

    Raises:
        GarbageError: it leads nowhere, or to another number of entries.
    """
    steps = [(m.group(1), m.group(2)) for m in _STEP.finditer(path)]
    found = _follow(document, steps)
    many = any(number == "" for _, number in steps)
    if not many:
        found = [found] if rows == 1 and not _is_list_of(found, rows) else found
    if not isinstance(found, list):
        raise GarbageError("there is no list where the answers should be")
    if len(found) != rows:
        raise GarbageError(f"it has {len(found):,} entries for {rows:,} rows")
    return found


def _is_list_of(value: Any, rows: int) -> bool:  # noqa: ANN401
    nested = isinstance(value, list) and len(value) == rows
    return nested and isinstance(value[0], list | dict | str)


def _follow(value: Any, steps: list[tuple[str | None, str | None]]) -> Any:  # noqa: ANN401
    for place, (name, number) in enumerate(steps):
        if name is not None:
            if name == "$":
                continue
            if not isinstance(value, dict) or name not in value:
                raise GarbageError(f'there is no "{name}" in it')
            value = value[name]
        elif number:
            if not isinstance(value, list) or int(number) >= len(value):
                raise GarbageError(f"there is no entry {number} in it")
            value = value[int(number)]
        else:
            if not isinstance(value, list):
                raise GarbageError("there is no list where the answers should be")
            return [_follow(entry, steps[place + 1 :]) for entry in value]
    return value


def _filled(template: Any, rows: Sequence[Any]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(template, dict):
        return {k: _filled(v, rows) for k, v in template.items()}
    if isinstance(template, list):
        return [_filled(v, rows) for v in template]
    if template == _ROWS:
        return list(rows)
    return rows[0] if template == _ROW else template


def _holds(template: Any, word: str) -> bool:  # noqa: ANN401 - JSON
    if isinstance(template, dict):
        return any(_holds(v, word) for v in template.values())
    if isinstance(template, list):
        return any(_holds(v, word) for v in template)
    return bool(template == word)


def _checked(told: Mapping[str, Any], known: Mapping[str, _Key], where: str) -> dict[str, Any]:
    for name, value in told.items():
        if name not in known:
            raise ConfigError(
                f'unknown key "{where}{name}"',
                where="mapping",
                hint=did_you_mean(name, known) or f"known keys: {', '.join(known)}",
            )
        kind = known[name].kind
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ConfigError("a value of another kind was expected", where=f"{where}{name}")
    return {name: told.get(name, key.default) for name, key in known.items()}


def _header(name: str, value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str):
        raise ConfigError("a header is a text", where=f"headers.{name}")

    def variable(found: re.Match[str]) -> str:
        known = os.environ.get(found.group(1))
        if known is None:
            raise InputError(
                f"the environment variable {found.group(1)} is not set", where=f"headers.{name}"
            )
        return known

    if _SECRET.search(name) and not _VARIABLE.search(value):
        raise ConfigError(
            "a secret must not stand in the mapping",
            where=f"headers.{name}",
            hint='take it from the environment: "${NAME}"',
        )
    filled = _VARIABLE.sub(variable, value)
    if "\n" in filled or "\r" in filled:
        raise ConfigError("a header is one line", where=f"headers.{name}")
    return filled
