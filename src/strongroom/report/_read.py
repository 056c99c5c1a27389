"""Looking into stage documents that may lack a field, a stage, or a finite number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Document = Mapping[str, Any]

_EMPTY: Document = {}


def at(document: Any, *path: str) -> Any:  # noqa: ANN401 - JSON is anything
    """Return what stands at `path` in nested mappings, or None."""
    for key in path:
        if not isinstance(document, Mapping):
            return None
        document = document.get(key)
    return document


def finite(value: object) -> float | None:
    """Return `value` as a float when it is a finite number, else None (a boolean is a number)."""
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None


def number(document: object, *path: str) -> float | None:
    """Return the finite number at `path`, or None."""
    return finite(at(document, *path))


def text(document: object, *path: str) -> str:
    """Return what stands at `path` as text; empty when there is nothing."""
    value = at(document, *path)
    return "" if value is None else str(value)


def mapping(document: object, *path: str) -> Document:
    """Return the mapping at `path`, or an empty one."""
    value = at(document, *path)
    return value if isinstance(value, Mapping) else _EMPTY


def items(document: object, *path: str) -> list[Any]:
    """Return the list at `path`, or an empty one; a string is no list."""
    value = at(document, *path)
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []


def numbers(document: object, *path: str) -> list[float]:
    """Return the finite numbers of the list at `path`."""
    return [n for n in map(finite, items(document, *path)) if n is not None]


def bounds(document: object, *path: str) -> tuple[float, float] | None:
    """Return a `[low, high]` list, or a mapping that has `low` and `high`, as a pair, or None."""
    value = at(document, *path)
    if isinstance(value, Mapping):
        value = [value.get("low"), value.get("high")]
    pair = numbers({"pair": value}, "pair")
    return (pair[0], pair[1]) if len(pair) == 2 else None  # noqa: PLR2004 - a pair has two


def strict(value: Any) -> Any:  # noqa: ANN401 - JSON is anything
    """Return `value` as plain JSON: tuples become lists, and NaN or infinity null."""
    if isinstance(value, Mapping):
        return {str(k): strict(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [strict(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
