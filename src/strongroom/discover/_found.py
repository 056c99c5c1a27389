"""What a scan found, and how it prints. Counts, shares and words: never a value."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from strongroom.data import Kind, Role
from strongroom.discover._severity import SPECIAL_CATEGORY, ranked
from strongroom.notebook import html_table

_STRICTEST = (
    Role.DIRECT_IDENTIFIER,
    Role.TARGET,
    Role.SENSITIVE,
    Role.QUASI_IDENTIFIER,
    Role.FEATURE,
    Role.IGNORE,
)
_ROLES = {
    Role.DIRECT_IDENTIFIER: "direct identifier",
    Role.QUASI_IDENTIFIER: "quasi-identifier",
}
ART_9 = "Art. 9"
"""Stands in the reason of every column that holds a special category (GDPR)."""
_LOOKS, _NAME, _SHOWN_KEYS = 30, 28, 3
# Of a wider table, columns in which nothing was found are counted and not listed.
_WIDE = 60


@dataclass(frozen=True)
class EntityShare:
    """One entity in one column.

    Attributes:
        entity: such as `EMAIL_ADDRESS`.
        share: of the values that are there, how many hold one.
        confidence: mean score of those.
    """

    entity: str
    share: float
    confidence: float


@dataclass(frozen=True)
class ColumnFound:
    """One column, or one leaf of a nested column.

    Attributes:
        name: dotted path of it.
        role: what discover suggests.
        looks_like: what the values are, in a few words.
        reason: why this role, in words.
        entities: what was found in the values, most frequent first.
        distinct: how many different values.
        missing: how many rows without one.
        free_text: people's sentences, or values that hold personal data among other things:
            anonymize redacts what is found inside.
        column: the column of the table; the name itself unless the column is nested.
        sort: what the column holds, in one word of a fixed list: `given_name`, `age`, `number`.
    """

    name: str
    role: Role
    looks_like: str
    reason: str
    entities: tuple[EntityShare, ...] = ()
    distinct: int = 0
    missing: int = 0
    free_text: bool = False
    column: str = ""
    sort: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "name": self.name,
            "role": self.role.value,
            "type": self.sort,
            "looks_like": self.looks_like,
            "reason": self.reason,
            "free_text": self.free_text,
            "distinct": self.distinct,
            "missing": self.missing,
            "entities": [asdict(e) for e in self.entities],
        }


@dataclass(frozen=True)
class Key:
    """A few columns whose values together belong to one person alone.

    Attributes:
        columns: names of them.
        share: of the rows, how many have values there that no other person has.
        rows: how many were measured; in longer tables a sample, and the share is at most so much.
    """

    columns: tuple[str, ...]
    share: float
    rows: int


@dataclass(frozen=True)
class Found:
    """What a scan found in one dataset.

    Attributes:
        name: of the dataset.
        kind: table or text.
        rows: how many there are.
        looked_at: how many were looked at; `entities` counts in these.
        columns: one entry a column, or a leaf of a nested one.
        entities: entity to number of places, over all columns.
        seconds: how long it took.
        notes: what a person should know about how it was read.
        keys: the smallest sets of quasi-identifiers that single people out, then such with
            columns that others may not know; none of them holds another.
    """

    name: str
    kind: Kind
    rows: int
    looked_at: int
    columns: tuple[ColumnFound, ...]
    entities: dict[str, int]
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ()

    @property
    def roles(self) -> dict[str, Role]:
        """Column of the table to suggested role; a nested column has its strictest part's."""
        roles: dict[str, Role] = {}
        for part in self.columns:
            column = part.column or part.name
            known = roles.get(column, part.role)
            roles[column] = min(known, part.role, key=_STRICTEST.index)
        return roles

    @property
    def free_text(self) -> tuple[str, ...]:
        """Columns of the table with free text in them, to be redacted."""
        return tuple(dict.fromkeys(c.column or c.name for c in self.columns if c.free_text))

    @property
    def special(self) -> int:
        """How many values stand in columns of special categories (GDPR Art. 9)."""
        under = [c for c in self.columns if ART_9 in c.reason]
        return sum(max(0, self.looked_at - c.missing) for c in under)

    @property
    def places(self) -> dict[str, int]:
        """What weighs: `entities`, and beside them the values of special categories."""
        special = self.special
        return {**self.entities, SPECIAL_CATEGORY: special} if special else dict(self.entities)

    def column(self, name: str) -> ColumnFound:
        """Return what was found in one column.

        Raises:
            KeyError: there is no such column.
        """
        for one in self.columns:
            if one.name == name:
                return one
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """Return one element of "files" of `strongroom.scan`; `path` is the dataset's name."""
        return {
            "path": self.name,
            "kind": self.kind.value,
            "rows": self.rows,
            "looked_at": self.looked_at,
            "columns": [c.to_json() for c in self.columns],
            "entities": dict(self.entities),
            "special": self.special,
            "keys": [
                {"columns": list(k.columns), "share": round(k.share, 4), "rows": k.rows}
                for k in self.keys
            ],
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
        }

    def summary(self) -> str:
        """Return one line: rows, columns, and how many of each role matter."""
        if self.kind is Kind.TEXT:
            places = sum(self.entities.values())
            return f"{self.rows:,} texts · personal data in {places:,} places"
        counts = Counter(c.role for c in self.columns)
        said = [
            f"{counts[role]} {word}"
            for role, word in (
                (Role.DIRECT_IDENTIFIER, "direct"),
                (Role.QUASI_IDENTIFIER, "quasi"),
                (Role.SENSITIVE, "sensitive"),
            )
        ]
        text = sum(c.free_text for c in self.columns)
        said += [f"{text} free text"] if text else []
        return f"{self.rows:,} rows, {len(self.columns)} columns · {', '.join(said)}"

    def _header_and_rows(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        if self.kind is Kind.TEXT:
            return ("entity", "places"), [(e, f"{n:,}") for e, n in ranked(self.entities)]
        rows: list[tuple[str, ...]] = [
            (c.name, _looks(c), _ROLES.get(c.role, c.role.value), c.reason) for c in self._listed
        ]
        return ("column", "looks like", "role", "why"), rows

    @property
    def _listed(self) -> tuple[ColumnFound, ...]:
        if len(self.columns) <= _WIDE:
            return self.columns
        return tuple(c for c in self.columns if c.role is not Role.FEATURE or c.entities)

    def __str__(self) -> str:
        header, rows = self._header_and_rows()
        limits = (_NAME, _LOOKS)
        cut = [
            tuple(_cut(_plain(cell), limits[i]) if i < len(limits) else _plain(cell)
                  for i, cell in enumerate(row))
            for row in rows
        ]  # fmt: skip
        widths = [max(len(row[i]) for row in [header, *cut]) for i in range(len(header))]
        lines = [f"{_plain(self.name)}: {self.summary()}", ""]
        for row in [header, *cut] if cut else []:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            lines.append("  " + "  ".join(cells).rstrip())
        if more := len(self.columns) - len(self._listed):
            lines.append(f"  … and {more:,} other columns (role: feature)")
        if self.keys:
            lines += ["", f"  {self._keys_in_words()}"]
        return "\n".join(lines)

    def _keys_in_words(self) -> str:
        """Say which few columns single people out, as far as a line holds."""
        first = sorted(self.keys, key=lambda k: -k.share)[:_SHOWN_KEYS]
        measured = self.looked_at if self.looked_at > first[0].rows else 0
        at_most = "at most " if measured else ""
        said = [
            f"{_plain(' + '.join(k.columns))} ({at_most}{percent(k.share)} of rows)" for k in first
        ]
        return f"Singled out by few columns: {', '.join(said)}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        header, rows = self._header_and_rows()
        table = html_table(rows, header=header, caption=f"{self.name}: {self.summary()}")
        return f"{table}<p>{escape(self._keys_in_words())}</p>" if self.keys else table


def percent(share: float) -> str:
    """Write a share as `61 %`, with a decimal where rounding would say all or nothing."""
    whole = round(100 * share)
    if share in {0.0, 1.0} or 0 < whole < 99:  # noqa: PLR2004 - 99.8 % is not 100 %
        return f"{whole} %"
    written = f"{100 * share:.1f}"
    if written == "100.0":
        return "over 99.9 %"
    return "under 0.1 %" if written == "0.0" else f"{written} %"


def _looks(column: ColumnFound) -> str:
    whole = column.role is Role.DIRECT_IDENTIFIER and column.entities
    return (
        f"{column.looks_like} {percent(column.entities[0].share)}" if whole else column.looks_like
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _plain(text: str) -> str:
    """Take away what could move a terminal's cursor: names of columns come from strangers."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
