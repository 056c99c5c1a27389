"""JSON that means one thing: one way to write it, no way to read it twice differently."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def canonical_json(value: object) -> bytes:
    """Return UTF-8 JSON with sorted keys and no white space; equal values give equal bytes.

    Raises:
        ValueError: NaN, an infinity, or something that JSON can't hold.
        TypeError: same.
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def strict_json(data: bytes) -> Any:  # noqa: ANN401 - JSON is any of its types
    """Read UTF-8 JSON without duplicate keys, NaN or infinities.

    Raises:
        ValueError: it isn't that, or is nested too deeply to read.
    """
    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice")
    return result


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("not a JSON number")
