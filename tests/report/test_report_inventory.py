"""If this fails, the inventory page or the Art. 30 draft says what a scan didn't find, or runs."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest

from strongroom.report import InventoryData, render_inventory, render_processing


def found(path: str, entities: dict[str, int], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    columns = [
        {"name": "race", "role": "quasi_identifier", "looks_like": "category (5)",
         "reason": "ethnic origin (special category, GDPR Art. 9)", "entities": []},
        {"name": "mail", "role": "direct_identifier", "looks_like": "e-mail address",
         "reason": "validated", "entities": [{"entity": "EMAIL_ADDRESS", "share": 1.0,
                                              "confidence": 1.0}]},
    ] if entities else []  # fmt: skip
    rows = {"rows": 1000, "looked_at": 1000}
    return {"path": path, "kind": "table", "columns": columns, "entities": entities, **rows, **more}


DOCUMENT = {
    "files": [
        found("lake/a/<b>&.csv", {"EMAIL_ADDRESS": 12_345, "DATE_TIME": 20_000, "SECRET": 3}),
        found("lake/a/=cmd.csv", {"PHONE_NUMBER": 7}, looked_at=100, unseen_at_most=0.03),
        found("lake/b/clean.csv", {}),
    ],
    "errors": [{"what": "the file is password-protected", "where": "lake/c.pdf", "hint": ""}],
}
DATA = InventoryData("2026-01-02T03:04:05Z", "1.2.3", DOCUMENT)


def test_the_page_counts_what_was_found_and_names_what_was_not_read() -> None:
    page = render_inventory(DATA)
    assert "Personal data in 2 of 3 files" in page
    assert "12.3k" in page
    assert "the file is password-protected" in page
    assert "lake/b/clean.csv" in page
    assert "in at most 3 % of the records" in page.replace("\u00a0", " ").replace("\u202f", " ")


def test_names_of_files_are_words_and_never_markup() -> None:
    page = render_inventory(DATA)
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;.csv" in page


def test_the_page_asks_nothing_of_any_network() -> None:
    page = render_inventory(DATA)
    assert "default-src 'none'" in page.replace("&#39;", "'")
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page)


def test_what_identifies_stands_before_what_says_little() -> None:
    heads = re.findall(r'<th scope="col">([^<]+)</th>', render_inventory(DATA))
    assert heads.index("E-mail address") < heads.index("Date or time")


@pytest.mark.parametrize("files", [[], [found("a.csv", {})]])
def test_nothing_found_is_said_plainly(files: list[dict[str, Any]]) -> None:
    page = render_inventory(InventoryData("2026-01-02T03:04:05Z", "1", {"files": files}))
    assert "No personal data was recognised" in page if files else "Nothing could be read" in page


def test_the_draft_leaves_open_what_a_scan_cannot_know() -> None:
    head, first, second = csv.reader(io.StringIO(render_processing(DATA)))
    row = dict(zip(head, first, strict=True))
    assert row["Source"] == "lake/a/<b>&.csv"
    assert row["Purposes (b)"] == "TO COMPLETE"
    assert "E-mail address" in row["Categories of personal data (c)"]
    assert row["Special categories, Art. 9 (c)"] == "ethnic origin"
    assert second[0] == "lake/a/=cmd.csv"  # begins with a letter: no formula


def test_a_spreadsheet_runs_nothing() -> None:
    evil = InventoryData("2026-01-02T03:04:05Z", "1", {"files": [found("=cmd|x!A1", {"URL": 1})]})
    rows = list(csv.reader(io.StringIO(render_processing(evil))))
    assert rows[1][0] == "'=cmd|x!A1"
