"""How a delimited file is written, guessed from its beginning: delimiter, quotes, header.

Each candidate is tried on the sample. The right one gives every record the same number of fields,
the header too, and leaves no other delimiter unquoted inside fields.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_COMMON, _RARE = ",;\t|", "\x01\x1f^~:"
_LOOK = 1_000  # records
_PREAMBLE = 20
_MOST_COLUMNS = 10_000
_ALIKE = 0.9
_NUMBER = re.compile(r"\s*[-+]?[\d.,' ]*\d[\d.,' ]*%?\s*")
# What stands in cells and hardly ever as the name of a column.
_VALUE = re.compile(
    r"\s*(?:[-+]?[\d.,/:\s-]*\d[\d.,/:\s%-]*|\S+@\S+\.\S+|https?://.*|\??|NULL|\d{4}-\d\d-\d\dT.*)\s*"
)
_FEWEST_QUOTED = 3
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True)
class Dialect:
    """How a delimited file is written.

    Attributes:
        delimiter: one ASCII character.
        quote: the character around fields that hold delimiters; empty if there is none.
        escape: the character that takes the meaning of the next; empty if there is none.
        spaces: whether blanks before a field don't belong to it.
        columns: names of the columns; made up where `header` is None.
        header: number of the record that names the columns; those before it are a preamble.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    spaces: bool = False
    columns: tuple[str, ...] = ()
    header: int | None = 0

    @property
    def marks(self) -> tuple[int, int, int, bool]:
        """What the kernels ask for."""
        return (
            ord(self.delimiter),
            ord(self.quote) if self.quote else -1,
            ord(self.escape) if self.escape else -1,
            self.spaces,
        )


def dialect_of(sample: bytes, *, whole: bool, path: str = "") -> Dialect:
    """Guess how a delimited file is written.

    Args:
        sample: valid UTF-8, its beginning.
        whole: whether that is all of it.
        path: its name, whose ending may tell the delimiter.
    """
    named = {".tsv": "\t", ".tab": "\t", ".psv": "|"}.get(PurePath(path).suffix.lower(), "")
    best, chosen, records = 0.0, Dialect(named or ","), None
    for dialect in _candidates(sample):
        read = records_of(sample, dialect, whole=whole)
        score = _score(read, dialect.delimiter) * _trust(sample, dialect)
        score *= 1.5 if dialect.delimiter == named else 1
        if score > best + 1e-9:
            best, chosen, records = score, dialect, read
    if records is None:
        records = records_of(sample, chosen, whole=whole)
    fields = [field for record in records for field in record[1:]]
    if fields and sum(field.startswith(" ") for field in fields) > _ALIKE * len(fields):
        chosen = Dialect(chosen.delimiter, chosen.quote, chosen.escape, spaces=True)
        records = records_of(sample, chosen, whole=whole)
    header = header_of(records)
    names = records[header] if header is not None else [""] * _width(records)
    return Dialect(
        chosen.delimiter,
        chosen.quote,
        chosen.escape,
        chosen.spaces,
        unique_names(names[:_MOST_COLUMNS]),
        header,
    )


def _candidates(sample: bytes) -> Iterator[Dialect]:
    single = _single_quoted(sample)
    quote = "'" if single and b'"' not in sample else '"'
    quotes = [quote, ""] if quote.encode() in sample else [quote]
    if single and quote == '"':
        quotes.append("'")
    for delimiter in _COMMON + _RARE:
        if delimiter.encode() in sample:
            for one in quotes:
                yield Dialect(delimiter, one)
            if b"\\" + quote.encode() in sample:
                yield Dialect(delimiter, quote, "\\")


def _trust(sample: bytes, dialect: Dialect) -> float:
    """Return how usual a dialect is; quotes count if as many fields end with one as begin so."""
    usual = 1.0 if dialect.delimiter in _COMMON else 0.6
    if not dialect.quote:
        return 0.97 * usual
    quote, apart = dialect.quote.encode(), re.escape(dialect.delimiter.encode())
    begin = len(re.findall(rb"(?:^|[\r\n]|" + apart + rb") ?" + quote, sample))
    end = len(re.findall(quote + rb"(?=[\r\n]|" + apart + rb"|\Z)", sample))
    return usual * (1 - 0.2 * abs(begin - end) / max(1, begin, end))


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Give every column a name of its own: `column 3` for none, `name (2)` for the second."""
    taken: Counter[str] = Counter()
    unique: list[str] = []
    for place, name in enumerate(names, start=1):
        said = " ".join(name.split()) or f"column {place}"
        taken[said] += 1
        while taken[said] > 1 and f"{said} ({taken[said]})" in taken:
            taken[said] += 1
        if taken[said] > 1:
            said = f"{said} ({taken[said]})"
            taken[said] += 1
        unique.append(said)
    return tuple(unique)


def records_of(sample: bytes, dialect: Dialect, *, whole: bool) -> list[list[str]]:
    """Return the fields of the first records; the last is left out where it may be cut."""
    from strongroom.data.sources._kernels_csv import gather, split

    data = np.frombuffer(sample, np.uint8)
    room = len(data) + 2
    fields = (
        np.empty(room, np.int32),
        np.empty(room, np.int32),
        np.empty(room, np.uint8),
        np.empty(_LOOK + 1, np.int32),
    )
    end, marks = len(data), dialect.marks
    count, _, _ = split(data, 0, end, whole, marks, room - 1, *fields)
    if not count:
        # One long record, or a quote that never closes.
        count, _, _ = split(data, 0, end, True, (marks[0], -1, *marks[2:]), room - 1, *fields)  # noqa: FBT003
    firsts = fields[3][: count + 1]
    total = int(firsts[-1])
    # As one column, of which every field is a record.
    alone = np.arange(total + 1, dtype=np.int32)
    out, valid = np.empty(room, np.uint8), np.empty((1, total), np.bool_)
    offsets = np.empty((1, total + 1), np.int32)
    gather(data, (*fields[:3], alone), 0, marks, out, offsets, valid)
    text, at = out.tobytes(), offsets[0]
    flat = [text[at[i] : at[i + 1]].decode("utf-8", "replace") for i in range(total)]
    return [flat[firsts[i] : firsts[i + 1]] for i in range(count)]


def _single_quoted(sample: bytes) -> bool:
    fields = re.findall(rb"(?:^|[,;\t|])'[^'\n]*'(?=[,;\t|\r\n])", sample)
    return len(fields) >= _FEWEST_QUOTED


def _width(records: Sequence[Sequence[str]]) -> int:
    """Return how many fields most records have."""
    counts = Counter(len(record) for record in records)
    return max(counts, key=lambda n: (counts[n], n)) if counts else 1


def _score(records: Sequence[Sequence[str]], delimiter: str) -> float:
    """Return how well a delimiter explains the records; 0 if it parts none of them."""
    width = _width(records)
    if width == 1:
        return 0.0
    alike = sum(len(record) == width for record in records) / len(records)
    first = len(records[0]) == width
    cells = [cell for record in records for cell in record]
    others = set(_COMMON) - {delimiter}
    dirty = sum(not _NUMBER.fullmatch(cell) for cell in cells if not others.isdisjoint(cell)) / len(
        cells
    )
    # Between two quotes that are characters, others' fields and records are swallowed.
    swallowed = delimiter == "\t" and any("\t" in cell and "\n" in cell for cell in cells)
    # Two fields in each record may be chance; more are less so.
    return float(
        alike**2
        * (1 - dirty)
        * (1.0 if first else 0.8)
        * (0.9 if swallowed else 1.0)
        * (1 - 0.5 ** (width - 1) / 4)
    )


def header_of(records: Sequence[Sequence[str]]) -> int | None:
    """Return which record names the columns, or None if each is one of values."""
    width = _width(records)
    alike = sum(len(record) == width for record in records)
    first = next((i for i, r in enumerate(records[:_PREAMBLE]) if len(r) == width), 0)
    if first and (width == 1 or alike < _ALIKE * (len(records) - first)):
        first = 0
    if not records:
        return None
    names, below = records[first], records[first + 1 :]
    said = [name.strip() for name in names if name.strip()]
    if len(said) > 1 and all(_YEAR.fullmatch(n) for n in said) and len({*said}) == len(said):
        return first
    values = {c for c, name in enumerate(names) if name.strip() and _VALUE.fullmatch(name)}
    if not below:
        looks_named = len(values) <= len(said) / 2
    elif values:
        looks_named = (
            len(values) <= len(said) / 3
            and len({*said}) == len(said)
            and not any(_mostly_values(below, column) for column in values)
        )
    else:
        # Names of columns don't stand in the columns; the values of a category do.
        again = sum(
            bool(n.strip()) and sum(r[c : c + 1] == [n] for r in below) > len(below) / 50
            for c, n in enumerate(names)
        )
        looks_named = again <= len(said) / 3
    return first if said and looks_named else None


def _mostly_values(records: Sequence[Sequence[str]], column: int) -> bool:
    cells = [r[column] for r in records if len(r) > column and r[column].strip()]
    return sum(bool(_VALUE.fullmatch(cell)) for cell in cells) > _ALIKE * len(cells) > 0
