"""A row's own identifiers in the same row's sentences: names without a language model.

A complaint's text mostly names the person whose row it is. The columns beside it say who that is:
so the name, its parts, the e-mail address, the phone number in any writing are looked for in the
text of that row alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa

from strongroom.discover._detection import Detection, resolve
from strongroom.discover._scan import look_with
from strongroom.discover.columns._leaves import Leaf, leaves
from strongroom.discover.columns._roles import judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_RECOGNIZER = "own_value"
_SHORTEST, _SHORTEST_DIGITS = 3, 6
_LOOKED_AT = 1_000
_WHOLE, _PART = 0.95, 0.8
_HONORIFICS = frozenset({
    "mr", "mrs", "ms", "miss", "dr", "prof", "sir", "madam", "herr", "frau", "mme", "mlle",
    "don", "doña", "sr", "sra", "von", "van", "der", "den", "del", "dos", "das", "the", "and",
    "jr", "phd",
})  # fmt: skip
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’](?=[^\W\d_])){2,}")
_DIGITS = re.compile(r"(?<![^\W_])[+(]?\d(?:[ ()./–-]{0,3}\d){5,}(?![^\W_])")
_OTHERS = re.compile(r"[^0-9]")


def find_own_values(
    text_column: pa.ChunkedArray | pa.Array,
    identifier_columns: Mapping[str, pa.ChunkedArray | pa.Array],
    entities: Mapping[str, str] | None = None,
) -> list[tuple[int, Detection]]:
    """Find each row's own identifiers inside that row's text.

    Whole values are found in capitals or small letters; numbers in any grouping; the parts of a
    person's name (three letters or more) only with a capital, because "will" and "mark" are words.

    Args:
        text_column: sentences; nulls are passed over.
        identifier_columns: name to values, aligned row by row with the text.
        entities: column to entity; without it the values tell (`ID` where they don't).

    Returns:
        (row, detection), by row and place, without overlaps in a row; offsets are code points.

    Raises:
        ValueError: a column has another number of rows than the text.
    """
    for name, column in identifier_columns.items():
        if len(column) != len(text_column):
            raise ValueError(f'column "{name}" has another number of rows than the text')
    known = dict(entities or {})
    columns = [
        (known.get(name) or _entity(name, column), _strings(column))
        for name, column in identifier_columns.items()
    ]
    found: list[tuple[int, Detection]] = []
    for row, text in enumerate(_strings(text_column)):
        if not text:
            continue
        folded = _fold(text)
        numbers = _numbers(text) if any(c.isdecimal() for c in text) else []
        hits = [
            hit
            for entity, values in columns
            if values[row]
            for hit in _in_text(text, folded, numbers, values[row] or "", entity)
        ]
        if hits:
            found += [(row, hit) for hit in resolve(hits)]
    return found


def _in_text(
    text: str, folded: str, numbers: list[tuple[str, int, int]], value: str, entity: str
) -> Iterator[Detection]:
    value = value.strip()
    if len(value) >= _SHORTEST:
        for start in _places(folded, _fold(value)):
            yield _hit(entity, start, start + len(value), _WHOLE)
    digits = _OTHERS.sub("", value)
    if len(digits) >= _SHORTEST_DIGITS:
        for written, start, end in numbers:
            # A country's or a trunk prefix may be missing on either side.
            if written.endswith(digits) or digits.endswith(written.lstrip("0")):
                yield _hit(entity, start, end, _WHOLE)
    for part in _WORD.findall(value) if entity == "PERSON" else ():
        for start in _places(folded, _fold(part)):
            if text[start].isupper() and _fold(part) not in _HONORIFICS:
                yield _hit(entity, start, start + len(part), _PART)


def _hit(entity: str, start: int, end: int, score: float) -> Detection:
    return Detection(entity, start, end, score, _RECOGNIZER, validated=score == _WHOLE)


def _places(folded: str, value: str) -> Iterator[int]:
    """Yield where `value` stands as a whole word."""
    start = folded.find(value)
    while start >= 0:
        end = start + len(value)
        if not (
            (start and folded[start - 1].isalnum()) or (end < len(folded) and folded[end].isalnum())
        ):
            yield start
        start = folded.find(value, end)


def _fold(text: str) -> str:
    """Write in small letters without changing any offset ("İ" becomes two code points)."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _numbers(text: str) -> list[tuple[str, int, int]]:
    return [(_OTHERS.sub("", m.group()), m.start(), m.end()) for m in _DIGITS.finditer(text)]


def _strings(column: pa.ChunkedArray | pa.Array) -> list[str | None]:
    leaf = _leaf("column", column)
    if leaf is None:
        return [None] * len(column)
    if pa.types.is_large_string(leaf.values.type):
        return list(leaf.values.to_pylist())
    return [None if v is None else str(v) for v in leaf.values.to_pylist()]


def _leaf(name: str, column: pa.ChunkedArray | pa.Array) -> Leaf | None:
    """Return a flat column as a leaf; None when it is nested."""
    found = list(leaves(pa.table({name: column})))
    return found[0] if len(found) == 1 and found[0].owners is None else None


def _entity(name: str, column: pa.ChunkedArray | pa.Array) -> str:
    look = look_with()
    look.add(pa.table({name: column[:_LOOKED_AT]}))
    profiles = look.profiles()
    if len(profiles) != 1 or not profiles[0].aligned:
        return "ID"
    profile, verdict = profiles[0], judge(profiles[0])
    if verdict.entity:
        return verdict.entity
    shares = {e: profile.whole_share(e) for e in sorted(profile.tallies)}
    return max(shares, key=lambda e: shares[e]) if shares else "ID"
