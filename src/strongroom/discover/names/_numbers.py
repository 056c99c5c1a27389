"""What numbers in the model's hits can't be, or what is apart from them.

Nobody is older than 130: a larger number is no age, whatever stands around it.

A number before a street that has one of its own is a part of the address by itself.
"846 Hauptstrasse 12" says two things: the house in its street, and before it a flat, a box or a
number that a form put there. An address with a unit ("12 Elm St Apt 4"), a numbered road
("100 Highway 61") or a town and its code behind it stays whole.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

    from strongroom.discover._hits import Hits

_ENTITY, _LONGEST = "STREET_ADDRESS", 120
_AGE, _OLDEST = "AGE", 130
_APART = re.compile(
    r"""(\d{1,5})[ ](?=\S)
    (?!.*\b(?:apt|apartment|suite|ste|unit|flat|room|floor|bldg|lot|box)\b)
    (?!.*\b(?:highway|hwy|route|rte|road|interstate|no|nr)\.?[ ]\d)
    (?!.*,.*\d{4,}$)
    (?:\d{1,5}[ ]\S | .*[^\W\d]\.?[ ]\d{1,5}[a-z]?\.?(?:$|[ ,]))""",
    re.IGNORECASE | re.VERBOSE,
)


def lived(hits: Hits, texts: pa.Array) -> Hits:
    """Leave out ages that nobody reaches.

    Args:
        hits: of the model.
        texts: the large strings they were found in.
    """
    if _AGE not in hits.entities:
        return hits
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, np.int64)[texts.offset :]
    content = np.frombuffer(data, np.uint8)
    begin, value = bounds[hits.row] + hits.start, np.zeros(len(hits), np.int64)
    inside = hits.entity == hits.entities.index(_AGE)
    # Four digits are too many already.
    for k in range(4):
        digit = content[np.minimum(begin + k, len(content) - 1)].astype(np.int64) - ord("0")
        inside &= (digit >= 0) & (digit <= 9) & (k < hits.end - hits.start)  # noqa: PLR2004
        value = np.where(inside, 10 * value + digit, value)
    return hits if value.max(initial=0) <= _OLDEST else hits.take(np.flatnonzero(value <= _OLDEST))


def numbers_apart(hits: Hits, texts: pa.Array) -> Hits:
    """Part addresses that begin with a number of their own and a street with another.

    Args:
        hits: of the model, sorted by row and place.
        texts: the large strings they were found in.

    Returns:
        The hits, with two in the place of each such address.
    """
    if _ENTITY not in hits.entities:
        return hits
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, np.int64)[texts.offset :]
    parts: list[int] = []
    lengths: list[int] = []
    for i in np.flatnonzero(hits.entity == hits.entities.index(_ENTITY)).tolist():
        start, end = (int(bounds[hits.row[i]] + at[i]) for at in (hits.start, hits.end))
        if end - start <= _LONGEST:
            found = _APART.match(bytes(data[start:end]).decode(errors="replace"))
            if found:
                parts.append(i)
                lengths.append(len(found[1]))
    if not parts:
        return hits
    second = np.array(parts)
    doubled = np.sort(np.concatenate([np.arange(len(hits)), second]))
    made = replace(
        hits,
        **{
            name: getattr(hits, name)[doubled]
            for name in ("row", "start", "end", "entity", "score", "recognizer", "validated")
        },
    )
    first = second + np.arange(len(second))
    made.end[first] = made.start[first] + lengths
    made.start[first + 1] += np.array(lengths) + 1
    return made
