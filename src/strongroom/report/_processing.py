"""A draft of the records of processing activities that GDPR Art. 30(1) asks for, as CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from strongroom.discover import SPECIAL_CATEGORY, Severity, ranked, severity
from strongroom.report._data_sections import entity
from strongroom.report._inventory import counts, special
from strongroom.report._read import items, number, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.report._inventory import InventoryData
    from strongroom.report._read import Document

TO_COMPLETE = "TO COMPLETE"
# The letters of Art. 30(1), in its order; what a scan can't know is left to a person.
_HEAD = (
    "Source",
    "Controller and contact (a)",
    "Purposes (b)",
    "Categories of data subjects (c)",
    "Categories of personal data (c)",
    "Special categories, Art. 9 (c)",
    "Categories of recipients (d)",
    "Transfers to third countries (e)",
    "Time limits for erasure (f)",
    "Security measures (g)",
    "Records",
    "Scanned",
)
# A spreadsheet would run a cell that begins like this.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render_processing(data: InventoryData) -> str:
    """Return one row per source that holds personal data; open cells say so."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_HEAD)
    for file in data.files:
        kinds = list(_kinds(file))
        if kinds or special(file):
            writer.writerow([_safe(cell) for cell in _row(file, kinds, data.generated)])
    return out.getvalue()


def _row(file: Document, kinds: list[str], generated: str) -> tuple[str, ...]:
    art9 = sorted({_category(text(c, "reason")) for c in special(file)})
    return (
        text(file, "path"),
        TO_COMPLETE,
        TO_COMPLETE,
        TO_COMPLETE,
        "; ".join(kinds),
        "; ".join(art9) or "none recognised",
        TO_COMPLETE,
        TO_COMPLETE,
        TO_COMPLETE,
        TO_COMPLETE,
        str(int(number(file, "rows") or 0)),
        generated,
    )


def _kinds(file: Document) -> Iterator[str]:
    """Yield what a file holds about people: kinds of values, and columns that are about them.

    Secrets are no personal data, and special categories have a column of their own.
    """
    for name, _ in ranked(counts(file)):
        if severity(name) is not Severity.SECRET and name != SPECIAL_CATEGORY:
            yield "Name" if name == "PERSON" else entity(name)
    for column in items(file, "columns"):
        if text(column, "role") in {"quasi_identifier", "sensitive"}:
            yield f'column "{text(column, "name")}"'


def _category(reason: str) -> str:
    """Return the category that a reason names: "health (GDPR Art. 9)" is health."""
    return reason.partition("(")[0].strip(" ;,") or reason


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
