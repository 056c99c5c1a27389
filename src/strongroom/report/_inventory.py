"""The inventory of a scan: one page with a heat map of files by what was found in them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from markupsafe import Markup

from strongroom.report import _format as fmt
from strongroom.report._data_sections import Cell, FileFound, HeatMap, entity, file_found
from strongroom.report._html import environment, policy, resource
from strongroom.report._read import items, number, text
from strongroom.report._section import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.report._read import Document

_MOST_FILES, _MOST_ENTITIES = 200, 12
_SPECIAL = "Art. 9"
# Alone they lead to nobody: they stand at the right of the map.
_WEAK = frozenset({
    "AGE", "DATE_TIME", "DOMAIN_NAME", "GPE", "ID", "LOCATION", "NRP", "ORGANIZATION",
    "PROFESSION", "TITLE", "URL", "ZIP_CODE",
})  # fmt: skip


@dataclass(frozen=True)
class InventoryData:
    """What the page may say.

    Attributes:
        generated: when the scan was made, ISO 8601 in UTC.
        version: of Strongroom.
        document: the JSON document of `strongroom scan`.
    """

    generated: str
    version: str
    document: Document
    page: str = "inventory"

    @property
    def files(self) -> list[Document]:
        """One document a file, the ones with most finds first."""
        return sorted(items(self.document, "files"), key=lambda f: (-places(f), text(f, "path")))

    @property
    def errors(self) -> list[Document]:
        """What couldn't be read."""
        return items(self.document, "errors")


@dataclass(frozen=True)
class Tile:
    """One figure at the top of the page."""

    name: str
    value: str
    caption: str


def render_inventory(data: InventoryData) -> str:
    """Return the inventory as one HTML page that opens offline and fetches nothing."""
    style, script = resource("report.css"), resource("report.js")
    files = data.files
    folder = _folder([text(f, "path") for f in files])
    holding = [f for f in files if places(f) or _columns_of(f, "direct_identifier")]
    return environment().get_template("inventory.html.j2").render(
        data=data,
        headline=_headline(len(holding), len(files)),
        state="not_within" if holding else "within",
        tiles=_tiles(files, holding, data.errors),
        folder=folder,
        heat=_heat(holding, folder),
        left_out=max(0, len(holding) - _MOST_FILES),
        files=[_file(f) for f in holding[:_MOST_FILES]],
        clean=[text(f, "path") for f in files if f not in holding],
        errors=_errors(data.errors),
        style=Markup(style),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704 - a file of this package
        policy=policy(style, script),
        status_words={},
        change_words={},
    )  # fmt: skip


def _folder(paths: Sequence[str]) -> str:
    """Return the folder that all paths share, so that it needn't be read in every line."""
    if len(paths) < 2:  # noqa: PLR2004 - one path shares nothing
        return ""
    parts = zip(*(path.split("/")[:-1] for path in paths), strict=False)
    shared = [these[0] for these in takewhile(lambda these: len(set(these)) == 1, parts)]
    return "".join(f"{part}/" for part in shared)


def places(file: Document) -> int:
    """Return in how many places a file holds something."""
    return int(sum(number(file, "entities", e) or 0 for e in file.get("entities", {})))


def _headline(holding: int, files: int) -> str:
    if not files:
        return "Nothing could be read"
    if not holding:
        return "No personal data was recognised"
    return f"Personal data in {fmt.count(holding)} of {fmt.count(files)} files"


def _columns_of(file: Document, role: str) -> list[Document]:
    return [c for c in items(file, "columns") if text(c, "role") == role]


def special(file: Document) -> list[Document]:
    """Return the columns that hold a special category of personal data (GDPR Art. 9)."""
    return [c for c in items(file, "columns") if _SPECIAL in text(c, "reason")]


def _tiles(
    files: Sequence[Document], holding: Sequence[Document], errors: Sequence[Document]
) -> list[Tile]:
    direct = sum(len(_columns_of(f, "direct_identifier")) for f in files)
    art9 = sum(len(special(f)) for f in files)
    secrets = sum(int(number(f, "entities", "SECRET") or 0) for f in files)
    rows = sum(number(f, "rows") or 0 for f in files)
    looked = sum(number(f, "looked_at") or number(f, "rows") or 0 for f in files)
    sampled = looked < rows
    return [
        Tile("Looked at", fmt.count(len(files)),
             f"files, {fmt.count(looked)} records"
             + (f" of {fmt.count(rows)}: a sample" if sampled else "")),
        Tile("Places with personal data", fmt.count(sum(places(f) for f in holding)),
             f"in {fmt.count(len(holding))} files"),
        Tile("Columns that name people", fmt.count(direct), "direct identifiers"),
        Tile("Special categories", fmt.count(art9), "columns under GDPR Art. 9"),
        Tile("Secrets", fmt.count(secrets), "keys, tokens, passwords"),
        Tile("Not read", fmt.count(len(errors)), "files or parts; see below" if errors else
             "everything could be read"),
    ]  # fmt: skip


def _heat(files: Sequence[Document], folder: str) -> HeatMap | None:
    weight: Counter[str] = Counter()
    for file in files:
        for name in file.get("entities", {}):
            weight[name] += int(number(file, "entities", name) or 0)
    order = sorted((e for e in weight if weight[e]), key=lambda e: (e in _WEAK, -weight[e], e))
    if not order:
        return None
    shown, rest = order[:_MOST_ENTITIES], order[_MOST_ENTITIES:]
    rows = []
    for file in files[:_MOST_FILES]:
        counts = [int(number(file, "entities", e) or 0) for e in shown]
        counts += [sum(int(number(file, "entities", e) or 0) for e in rest)] if rest else []
        rows.append((text(file, "path").removeprefix(folder), tuple(_cell(n) for n in counts)))
    names = [entity(e) for e in shown] + (["Other kinds"] if rest else [])
    return HeatMap(tuple(names), tuple(rows))


def _cell(count: int) -> Cell:
    """Colour by order of magnitude: 1, 10, 100, 1,000, 10,000 and more."""
    return Cell(_short(count), min(5, len(str(count)))) if count else Cell("", 0)


def _short(count: int) -> str:
    for size, letter in ((1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k")):
        if count >= size:
            unit = 1_000 if letter == "k" else size
            return f"{count / unit:.3g}{letter}"
    return fmt.count(count)


def _file(document: Document) -> tuple[FileFound, str]:
    """Return what was found in a file, and what was not looked at."""
    rows, looked = number(document, "rows"), number(document, "looked_at")
    said = ""
    if rows and looked and looked < rows:
        bound = number(document, "unseen_at_most")
        said = f"{fmt.count(looked)} of {fmt.count(rows)} records were looked at"
        said += (
            f": with 95 % confidence, what was not seen in any of them stands in at most "
            f"{fmt.percent(bound)} of the records." if bound else "."
        )  # fmt: skip
    return file_found(document), said


def _errors(errors: Sequence[Document]) -> Table | None:
    rows = tuple((text(e, "where"), text(e, "what"), text(e, "hint")) for e in errors)
    return Table("What could not be read", ("Where", "Why", "What to do"), rows) if rows else None
