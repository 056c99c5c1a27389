"""The page's building blocks as values: tables, figures with a table twin, sections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

    from strongroom.report._read import Document


@dataclass(frozen=True)
class Table:
    """Text in rows; the first cell of a row is its heading."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Figure:
    """A plot, what to see in it, a legend of (swatch, words), and the same as a table."""

    svg: Markup
    caption: str
    legend: tuple[tuple[str, str], ...]
    table: Table


@dataclass(frozen=True)
class Section:
    """One chapter of the page.

    Attributes:
        id: its anchor.
        title: a plain heading.
        short: its name in the contents.
        lead: paragraphs, most important first.
        record: the evidence record that it rests on.
        figure, table: what it shows.
        notes: small print below.
        facts: (name, value) pairs.
    """

    id: str
    title: str
    short: str
    lead: tuple[str, ...]
    record: Document | None = None
    figure: Figure | None = None
    table: Table | None = None
    notes: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
