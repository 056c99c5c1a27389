"""What a scan says of one document, as plain JSON and back: for its cache and its processes."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from strongroom.data.sources import PassedOver, Unreadable
from strongroom.discover._found import Found
from strongroom.errors import DataError

Scanned = Found | Unreadable | PassedOver

_FOUND: TypeAdapter[Found] = TypeAdapter(Found)


def to_json(one: Scanned) -> dict[str, Any]:
    """Return plain JSON values; never a value of the data."""
    if isinstance(one, Found):
        return {"found": _FOUND.dump_python(one, mode="json")}
    if isinstance(one, PassedOver):
        return {"path": one.path, "why": one.why}
    return {"path": one.path, "error": [one.error.what, one.error.where, one.error.hint]}


def from_json(entry: dict[str, Any]) -> Scanned:
    """Return what `to_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: it wrote something else.
    """
    if "found" in entry:
        return _FOUND.validate_python(entry["found"])
    if "why" in entry:
        return PassedOver(str(entry["path"]), str(entry["why"]))
    what, where, hint = entry["error"]
    return Unreadable(str(entry["path"]), DataError(what, where=where, hint=hint))
