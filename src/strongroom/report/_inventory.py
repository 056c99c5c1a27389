"""The inventory of a scan: one page on which the worst stands first, down to every column."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING

from markupsafe import Markup

from strongroom.discover import SPECIAL_CATEGORY, Severity, ranked, severity, worst_first
from strongroom.report import _format as fmt
from strongroom.report._data_sections import FileFound, entity, file_found
from strongroom.report._html import environment, policy, resource
from strongroom.report._inventory_map import MOST_FILES, heat_map
from strongroom.report._read import items, mapping, number, text
from strongroom.report._section import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.report._read import Document

_SPECIAL = "Art. 9"
# What stands at the top, and how many columns of a file before those that say nothing are folded.
_NAMED, _CHIPS, _COLUMNS = 3, 3, 12
_PERSONAL_ROLES = ("direct_identifier", "sensitive", "quasi_identifier")
_TELLS_NOTHING = 6


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

    @cached_property
    def files(self) -> list[Document]:
        """One document a file, the worst first."""
        return sorted(
            items(self.document, "files"), key=lambda f: (*worst_first(counts(f)), text(f, "path"))
        )

    @property
    def errors(self) -> list[Document]:
        """What couldn't be read."""
        return items(self.document, "errors")


@dataclass(frozen=True)
class Tile:
    """One figure at the top of the page; a tone stands for good, bad or neither."""

    name: str
    value: str
    caption: str
    tone: str = ""


@dataclass(frozen=True)
class Reason:
    """What to look at first, and where: links to the worst files, and how many more there are."""

    words: str
    links: tuple[tuple[str, str], ...]
    more: int = 0


@dataclass(frozen=True)
class FileShown:
    """One file: what was found, the worst of it as marks, what was left out of sight."""

    found: FileFound
    marks: tuple[str, ...]
    sampled: str
    folded: tuple[str, ...]


def render_inventory(data: InventoryData) -> str:
    """Return the inventory as one HTML page that opens offline and fetches nothing."""
    style, script = resource("report.css"), resource("report.js")
    files = data.files
    folder = _folder([text(f, "path") for f in files])
    holding = [f for f in files if holds(f)]
    held = {id(f) for f in holding}
    return environment().get_template("inventory.html.j2").render(
        data=data,
        headline=_headline(len(holding), len(files)),
        state="not_within" if holding else "within",
        reasons=_reasons(holding, data.errors),
        tiles=_tiles(files, holding, data.errors),
        folder=folder,
        heat=heat_map([(text(f, "path").removeprefix(folder), counts(f)) for f in holding]),
        left_out=max(0, len(holding) - MOST_FILES),
        files=[_file(f) for f in holding[:MOST_FILES]],
        clean=[text(f, "path") for f in files if id(f) not in held],
        errors=_errors(data.errors),
        style=Markup(style),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704 - a file of this package
        policy=policy(style, script),
        status_words={},
        change_words={},
    )  # fmt: skip


def counts(file: Document) -> dict[str, int]:
    """Return entity to number of places, special categories of columns among them."""
    every = mapping(file, "entities")
    found = {name: int(number(every, name) or 0) for name in every}
    values = int(number(file, "special") or 0)
    return found | ({SPECIAL_CATEGORY: values} if values else {})


def places(file: Document) -> int:
    """Return in how many places a file holds something."""
    return sum(n for name, n in counts(file).items() if name != SPECIAL_CATEGORY)


def holds(file: Document) -> bool:
    """Say whether a file holds personal data, in values or by what its columns are."""
    return any(counts(file).values()) or any(
        text(c, "role") in _PERSONAL_ROLES[:2] for c in items(file, "columns")
    )


def special(file: Document) -> list[Document]:
    """Return the columns that hold a special category of personal data (GDPR Art. 9)."""
    return [c for c in items(file, "columns") if _SPECIAL in text(c, "reason")]


def _folder(paths: Sequence[str]) -> str:
    """Return the folder that all paths share, so that it needn't be read in every line."""
    if len(paths) < 2:  # noqa: PLR2004 - one path shares nothing
        return ""
    parts = zip(*(path.split("/")[:-1] for path in paths), strict=False)
    shared = [these[0] for these in takewhile(lambda these: len(set(these)) == 1, parts)]
    return "".join(f"{part}/" for part in shared)


def _headline(holding: int, files: int) -> str:
    if not files:
        return "Nothing could be read"
    if not holding:
        return "No personal data was recognised"
    return f"Personal data in {fmt.count(holding)} of {fmt.count(files)} files"


def _reasons(holding: Sequence[Document], errors: Sequence[Document]) -> list[Reason]:
    """Say what is worst, each with the files that have most of it."""
    found = []
    for title, asked in (
        ("secrets", lambda e: severity(e) is Severity.SECRET),
        ("special categories, GDPR Art. 9", lambda e: e == SPECIAL_CATEGORY),
        ("numbers by which the state, a bank or a doctor knows people",
         lambda e: severity(e) is Severity.GRAVE and e != SPECIAL_CATEGORY),
    ):  # fmt: skip
        many = [
            (sum(n for e, n in counts(f).items() if asked(e)), place, f)
            for place, f in enumerate(holding, 1)
        ]
        many = sorted((m for m in many if m[0]), key=lambda m: (-m[0], m[1]))
        if not many:
            continue
        links = tuple(
            (text(f, "path").rpartition("/")[2], f"file-{place}")
            for _, place, f in many[:_NAMED]
            if place <= MOST_FILES
        )
        words = f"{title[:1].upper()}{title[1:]} in {_files(len(many))}"
        found.append(Reason(words, links, len(many) - len(links)))
    if errors:
        said = "thing" if len(errors) == 1 else "things"
        found.append(
            Reason(f"{fmt.count(len(errors))} {said} could not be read", (("which", "unread"),))
        )
    return found


def _files(number_of: int) -> str:
    return f"{fmt.count(number_of)} file{'s' * (number_of != 1)}"


def _columns_of(file: Document, role: str) -> list[Document]:
    return [c for c in items(file, "columns") if text(c, "role") == role]


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
        Tile("Secrets", fmt.count(secrets), "keys, tokens, passwords", "fail" if secrets else ""),
        Tile("Special categories", fmt.count(art9), "columns under GDPR Art. 9",
             "fail" if art9 else ""),
        Tile("Columns that name people", fmt.count(direct), "direct identifiers"),
        Tile("Places with personal data", fmt.count(sum(places(f) for f in holding)),
             f"in {_files(len(holding))}"),
        Tile("Looked at", fmt.count(len(files)),
             f"files, {fmt.count(looked)} records"
             + (f" of {fmt.count(rows)}: a sample" if sampled else "")),
        Tile("Not read", fmt.count(len(errors)), "files or parts; see below" if errors else
             "everything could be read", "warn" if errors else ""),
    ]  # fmt: skip


def _file(document: Document) -> FileShown:
    """Return what was found in a file, the worst column first, and what was not looked at."""
    rows, looked = number(document, "rows"), number(document, "looked_at")
    sampled = ""
    if rows and looked and looked < rows:
        bound = number(document, "unseen_at_most")
        sampled = f"{fmt.count(looked)} of {fmt.count(rows)} records were looked at"
        sampled += (
            f": with 95 % confidence, what was not seen in any of them stands in at most "
            f"{fmt.percent(bound)} of the records." if bound else "."
        )  # fmt: skip
    columns = sorted(items(document, "columns"), key=_badness)
    telling = [c for c in columns if _badness(c) < _TELLS_NOTHING]
    shown = columns if len(columns) <= _COLUMNS else telling
    if text(document, "kind") == "text":
        shown = []  # its only column is its lines
    folded = columns[len(telling) :] if shown is telling else []
    found = file_found({**document, "columns": shown})
    summary = file_found(document).summary
    order = ranked(counts(document))
    told = ", ".join(_times(e, n) for e, n in order if e != SPECIAL_CATEGORY)
    marks = [
        entity(e) if e == SPECIAL_CATEGORY else _times(e, n)
        for e, n in order
        if severity(e) <= Severity.GRAVE
    ]
    hidden = [f"+{len(marks) - _CHIPS}"] if len(marks) > _CHIPS else []
    return FileShown(
        replace(found, summary=summary, counts=told),
        (*marks[:_CHIPS], *hidden),
        sampled,
        tuple(text(c, "name") for c in folded),
    )


def _times(name: str, count: int) -> str:
    return f"{entity(name)}{fmt.GAP}×{fmt.GAP}{fmt.count(count)}"


def _badness(column: Document) -> int:
    """Return a number that sorts columns: the worst kind in them or their role, then the rest."""
    kinds = [severity(text(e, "entity")) for e in items(column, "entities")]
    if _SPECIAL in text(column, "reason"):
        kinds.append(Severity.GRAVE)
    worst = min(kinds, default=None)
    role = text(column, "role")
    if worst is not None and worst <= Severity.GRAVE:
        return int(worst)
    if role in _PERSONAL_ROLES:
        return Severity.PERSONAL + _PERSONAL_ROLES.index(role)
    return _TELLS_NOTHING if worst is None else _TELLS_NOTHING - 1


def _errors(errors: Sequence[Document]) -> Table | None:
    rows = tuple((text(e, "where"), text(e, "what"), text(e, "hint")) for e in errors)
    return Table("What could not be read", ("Where", "Why", "What to do"), rows) if rows else None
