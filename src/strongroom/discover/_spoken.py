"""What people say in source code: its comments and strings, and no code that stands in these.

Names of types, constants and keywords look like firms and people. Who is named in a program is
named in a comment or in a string, so names are looked for there alone; patterns read all of it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.discover._bytes import bytes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.discover._hits import Hits
    from strongroom.discover._languages import Language

_SPACE, _BACKSLASH, _ESCAPED = 0x20, ord("\\"), np.frombuffer(b"nrt", np.uint8)
_FLAGS = re.DOTALL | re.MULTILINE
_NAMES = ("PERSON", "ORGANIZATION", "GPE", "LOCATION", "NRP", "PROFESSION", "TITLE")
_CAPITALS = ("ORGANIZATION", "GPE", "LOCATION", "NRP")
# Beside one of these stands who wrote, keeps or owns something, however it is spelt.
_SOMEBODY = (
    r"(?i)\b(?:authors?|maintain(?:er|ed)s?|copyright|by|thanks|credits?|contribut\w+|contact|"
    r"courtesy|invented|signed-off|reviewed|mrs?|ms|dr|prof|professor)\b|\(c\)|\xc2\xa9|\w@\w"
)
# No name has these in it; calls, attributes, paths and the like begin or end beside what is none.
_CODE = r"[_\d=<>{}\[\]\\|*+/@$%^~;#]|[a-z0-9)\]]\.[A-Za-z_]|\(\)"
_BEFORE = r"(?:[a-z\d_)\]]\.|[_\\@$%<~\d]|\w/|::|->|\w-)$"
_BEHIND = r"^(?:[_(\d/<]|\\[^NUux]|\.\w|::|->|=|-\w)"
_CAMEL, _FAMILY = r"[a-z][A-Z]", r"\b(?:Mc|Mac|Fitz|D[eiu]|L[aeo]|V[ao]n)[A-Z][a-z]+\b"
_CAPITAL, _SMALL = r"^[A-Z][A-Z .,'&-]*$", r"^[a-z][a-z .,'-]*$"
# A person in capitals is one of several words, and no part of a longer line of capitals.
_LONE = r"^[A-Z.'-]+$"
_SHOUTED_BEFORE, _SHOUTED_BEHIND = r"(?:^|[^A-Za-z])[A-Z]{2,}[ -]$", r"^[ -][A-Z]{2}"
_BESIDE = 8


class Spoken:
    """Reads the lines of one file in their order, batch by batch.

    Args:
        language: that the file is written in.

    Attributes:
        data: what is said are records, and no code stands in them.
    """

    def __init__(self, language: Language) -> None:
        self.data = language.data
        self._over = [(_compiled(begin), end) for begin, end in language.over]
        said = [f"(?P<_{i}>{begin})" for i, (begin, _) in enumerate(language.over)]
        code = [f"(?:{one})" for one in language.code]
        within = [f"(?P<said>{'|'.join(language.within)})"] if language.within else []
        self._next = _compiled("|".join([*code, *said, *within]))
        self._until = _compiled(language.outside) if language.outside else None

    def __call__(self, texts: pa.Array) -> pa.Array:
        """Return the next lines with nothing but what is said in them, in its places.

        Args:
            texts: large strings; nulls are empty lines.
        """
        end, nothing = (pa.scalar(one, pa.large_string()) for one in ("\n", ""))
        lines = pc.binary_join_element_wise(texts.fill_null(""), end, nothing)
        data, offsets = bytes_of(lines)
        data = data[offsets[0] : offsets[-1]]
        step = np.zeros(len(data) + 1, np.int8)
        begins, ends = self._places(data.tobytes())
        step[begins] += 1
        step[ends] -= 1
        there = np.cumsum(step[:-1], dtype=np.int8) != 0
        # The n of a line break is no letter of the name behind it.
        escapes = np.flatnonzero((data[:-1] == _BACKSLASH) & np.isin(data[1:], _ESCAPED))
        there[escapes] = there[escapes + 1] = False
        said = np.where(there, data, np.uint8(_SPACE))
        breaks = np.zeros(len(data), np.bool_)
        breaks[offsets[1:] - offsets[0] - 1] = True
        places = offsets - offsets[0] - np.arange(len(offsets))
        made = pa.Array.from_buffers(
            pa.large_string(), len(texts), [None, pa.py_buffer(places), pa.py_buffer(said[~breaks])]
        )
        return pc.ascii_rtrim(made, " ")

    def _places(self, text: bytes) -> tuple[list[int], list[int]]:
        """Return where comments and strings begin and end, none of them empty."""
        begins, ends, at = [], [], 0
        while at < len(text):
            begin = at
            if self._until is None:
                found = self._next.search(text, at)
                if found is None:
                    break
                begin, at = found.span()
                if found.lastgroup is None:
                    continue
                if found.lastgroup != "said":
                    opened, until = self._over[int(found.lastgroup[1:])]
                    self._until = _compiled(_ended(until, opened.match(text, begin)))
            if self._until is not None:
                end = self._until.search(text, at)
                at = end.end() if end else len(text)
                self._until = self._until if end is None else None
            if at > begin:
                begins.append(begin)
                ends.append(at)
        return begins, ends


def without_code(hits: Hits, texts: pa.Array) -> Hits:
    """Leave out of what was found as names whatever is plainly code, within what is said.

    Args:
        hits: of the tier of names.
        texts: large strings, the lines as they are.
    """
    chosen = np.flatnonzero(_is(hits, *_NAMES))
    if not len(chosen):
        return hits
    some = hits.take(chosen)
    lines = texts.fill_null("")
    length = np.diff(bytes_of(lines)[1])[some.row]
    named = _parts(lines, some.row, some.start, some.end)
    before = _parts(lines, some.row, np.maximum(some.start - _BESIDE, 0), some.start)
    behind = _parts(lines, some.row, some.end, np.minimum(some.end + _BESIDE, length))
    somebody = _match(_parts(lines, some.row, np.zeros_like(length), length), _SOMEBODY)
    capitals, person = _match(named, _CAPITAL), _is(some, "PERSON")
    shouted = _match(before, _SHOUTED_BEFORE) | _match(behind, _SHOUTED_BEHIND)
    odd = _match(named, _CAMEL) & ~(person & _match(named, _FAMILY))
    odd |= capitals & (_is(some, *_CAPITALS) | person & (shouted | _match(named, _LONE)))
    odd |= _match(named, _SMALL) & _is(some, "PERSON", "ORGANIZATION", "GPE", "LOCATION")
    code = _match(named, _CODE) | _match(before, _BEFORE) | _match(behind, _BEHIND)
    left = np.ones(len(hits), np.bool_)
    left[chosen] = ~(code | (odd & ~somebody))
    return hits.take(np.flatnonzero(left))


def _is(hits: Hits, *entities: str) -> NDArray[np.bool_]:
    return np.isin(hits.entity, [i for i, one in enumerate(hits.entities) if one in entities])


def _parts(
    texts: pa.Array, row: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]
) -> pa.Array:
    """Cut bytes out of texts, one part for each row that is named."""
    data, offsets = bytes_of(texts)
    places = np.append(0, np.cumsum(end - start))
    at = np.repeat(offsets[row] + start - places[:-1], end - start) + np.arange(places[-1])
    buffers = [None, pa.py_buffer(places), pa.py_buffer(data[at])]
    return pa.Array.from_buffers(pa.large_binary(), len(row), buffers)


def _match(parts: pa.Array, pattern: str) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = pc.match_substring_regex(parts, pattern).to_numpy(
        zero_copy_only=False
    )
    return found


def _ended(until: str, begun: re.Match[bytes] | None) -> str:
    """Write the end of what began: it may name what stood there."""
    if begun is None or not begun.re.groups:
        return until
    return until.replace("{0}", re.escape(begun[1].decode("latin-1")))


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[bytes]:
    return re.compile(pattern.encode("latin-1"), _FLAGS)
