"""The heat map of an inventory: files by kinds, the worst first on both sides."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from strongroom.discover import Severity, ranked, severity, worst_first
from strongroom.report import _format as fmt
from strongroom.report._data_sections import Cell, entity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_FILES = 200
_MOST_FOLDERS = 40
_MOST_KINDS, _MOST_GRAVE = 11, 6
# One secret is as bad as many.
_SECRET_HEAT, _MOST_HEAT = 3, 5


@dataclass(frozen=True)
class Row:
    """A file, or what lies in a folder beside the files shown; `anchor` is where more is said."""

    name: str
    anchor: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Map:
    """Files by kinds.

    Attributes:
        kinds: a title and whether it is grave.
        rows: as many cells in each as there are kinds.
    """

    kinds: tuple[tuple[str, bool], ...]
    rows: tuple[Row, ...]


def heat_map(files: Sequence[tuple[str, Mapping[str, int]]]) -> Map | None:
    """Draw a map; None if there is nothing to be seen.

    Args:
        files: path and places by entity, the worst file first. What is more than fits is added up
            by folder, so that nothing is left out.
    """
    total: Counter[str] = Counter()
    for _, found in files:
        total.update(found)
    grave = [e for e, _ in ranked(total) if severity(e) <= Severity.GRAVE]
    others = [e for e, _ in ranked(total) if severity(e) > Severity.GRAVE]
    columns = [
        *_columns(grave, _MOST_GRAVE, "Other grave kinds"),
        *_columns(others, _MOST_KINDS - min(len(grave), _MOST_GRAVE), "Other kinds"),
    ]
    if not columns:
        return None
    rows = [
        Row(path, f"file-{place}", _cells(found, columns))
        for place, (path, found) in enumerate(files[:MOST_FILES], 1)
    ]
    rows += [Row(name, "", _cells(found, columns)) for name, found in _folders(files[MOST_FILES:])]
    kinds = tuple((title, severity(of[0]) <= Severity.GRAVE) for title, of in columns)
    return Map(kinds, tuple(rows))


def _columns(kinds: Sequence[str], most: int, together: str) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the title of each column and the kinds that it counts."""
    for one in kinds[:most]:
        yield entity(one), (one,)
    if kinds[most:]:
        yield together, kinds[most:]


def _folders(
    files: Sequence[tuple[str, Mapping[str, int]]],
) -> Iterator[tuple[str, Mapping[str, int]]]:
    """Add up what lies in each folder, the worst first."""
    many: Counter[str] = Counter()
    sums: dict[str, Counter[str]] = {}
    for path, found in files:
        folder = f"{path.split('/')[0]}/" if "/" in path else "./"
        many[folder] += 1
        sums.setdefault(folder, Counter()).update(found)
    order = sorted(sums, key=lambda f: (worst_first(sums[f]), f))
    for folder in order[:_MOST_FOLDERS]:
        yield f"{folder} {_more(many[folder])}", sums[folder]
    beyond = order[_MOST_FOLDERS:]
    if beyond:
        yield (
            f"{len(beyond):,} other folders: {_more(sum(many[f] for f in beyond))}",
            sum((sums[f] for f in beyond), Counter[str]()),
        )


def _more(number: int) -> str:
    return f"({fmt.count(number)} more file{'s' * (number != 1)})"


def _cells(
    found: Mapping[str, int], columns: Sequence[tuple[str, Sequence[str]]]
) -> tuple[Cell, ...]:
    return tuple(_cell(sum(found.get(e, 0) for e in of), severity(of[0])) for _, of in columns)


def _cell(count: int, how_bad: Severity) -> Cell:
    """Colour by order of magnitude: 1, 10, 100, 1,000, 10,000 and more."""
    if not count:
        return Cell("", 0)
    least = _SECRET_HEAT if how_bad is Severity.SECRET else 0
    return Cell(_short(count), min(_MOST_HEAT, len(str(count)) + least))


def _short(count: int) -> str:
    for size, letter in ((1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k")):
        if count >= size:
            unit = 1_000 if letter == "k" else size
            return f"{count / unit:.3g}{letter}"
    return fmt.count(count)
