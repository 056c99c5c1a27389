"""Secrets that lie over several rows of a text: private keys, whose lines say nothing alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.discover._bytes import bytes_of
from strongroom.discover._detection import Detection
from strongroom.discover._hits import Hits
from strongroom.discover._wrapped import goes_on
from strongroom.discover.recognizers.secrets.keys import ACROSS_LINES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from strongroom.data.sources import Batch
    from strongroom.discover._rule import Rule

_LONGEST = 600
"""Rows of a key: RSA with 16,384 bits has 200."""
_WINDOW_BYTES = 1 << 22
_PATTERNS = tuple((rule, re.compile(rule.pattern)) for rule in ACROSS_LINES)
_BEGINNINGS = "|".join(re.escape(rule.keywords[0]) for rule in ACROSS_LINES)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A secret from one row to a later one.

    Attributes:
        row, start: where it begins; code points.
        end_row, end: where it ends, half-open.
        rule: what it is.
        secret: itself; for digests, never to be shown.
    """

    row: int
    start: int
    end_row: int
    end: int
    rule: Rule
    secret: str


def stretches(texts: pa.Array) -> Iterator[Stretch]:
    """Yield the private keys that begin in one row of a text and end in another, in order.

    Args:
        texts: large strings, lines of a text in their order.
    """
    if len(texts) < 2 or not keys_may_begin(texts):  # noqa: PLR2004 - a key over rows needs two
        return
    begun = pc.match_substring_regex(texts, _BEGINNINGS).fill_null(fill_value=False)
    done = -1
    for row in np.flatnonzero(begun.to_numpy(zero_copy_only=False)).tolist():
        if row < done:
            continue
        lines = [line or "" for line in texts.slice(row, _LONGEST).to_pylist()]
        for one in _beginning_in(lines, row):
            yield one
            done = one.end_row


def rows_belong_together(texts: pa.Array) -> bool:
    """Say whether what one row of a text holds may be told by others, so that all are read."""
    return keys_may_begin(texts) or bool(goes_on(texts).any())


def keys_may_begin(texts: pa.Array) -> bool:
    """Say whether a beginning stands anywhere in the bytes, the quickest of all questions."""
    content, offsets = bytes_of(texts)
    data = content[offsets[0] : offsets[-1]].tobytes()
    return any(rule.keywords[0].encode() in data for rule in ACROSS_LINES)


def _beginning_in(lines: list[str], row: int) -> Iterator[Stretch]:
    text = "\n".join(lines)
    for rule, pattern in _PATTERNS:
        for beginning in re.finditer(re.escape(rule.keywords[0]), lines[0]):
            match = pattern.match(text, beginning.start())
            if match is None or match.end() <= len(lines[0]):
                continue  # what lies in one row is found with everything else
            if rule.verify is None or rule.verify(match.group()):
                before = text[: match.end()]
                end = match.end() - before.rfind("\n") - 1
                last = row + before.count("\n")
                yield Stretch(row, match.start(), last, end, rule, match.group())


def windows(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Put batches of a text together, so that what lies over several rows lies in one of them."""
    held: list[Batch] = []
    size = 0
    for batch in batches:
        if held and (batch.offset or held[-1].offset or size >= _WINDOW_BYTES):
            yield _together(held)
            held, size = [], 0
        held.append(batch)
        size += batch.table.nbytes
    if held:
        yield _together(held)


def _together(held: list[Batch]) -> Batch:
    table = pa.concat_tables([batch.table for batch in held]).combine_chunks()
    return replace(held[0], table=table)


def find_across(texts: pa.Array) -> Hits:
    """Return a hit for each row that such a key covers, since each must be hidden."""
    found: dict[int, list[Detection]] = {}
    for one in stretches(texts):
        for row in range(one.row, one.end_row + 1):
            start = one.start if row == one.row else 0
            end = one.end if row == one.end_row else len(texts[row].as_py() or "")
            if start < end:
                what = Detection(
                    "SECRET", start, end, one.rule.score, one.rule.name, validated=True
                )
                found.setdefault(row, []).append(what)
    return Hits.of_detections(texts, found)
