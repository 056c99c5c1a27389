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


def page_of(*files: dict[str, Any]) -> str:
    return render_inventory(InventoryData("2026-01-02T03:04:05Z", "1", {"files": list(files)}))


def heads(page: str) -> list[str]:
    return re.findall(r'<th scope="col"(?: class="grave")?>([^<]+)</th>', page)


def test_what_identifies_stands_before_what_says_little() -> None:
    found = heads(render_inventory(DATA))
    assert found.index("Secret") < found.index("E-mail address") < found.index("Date or time")


def test_the_worst_stands_first_however_much_there_is_of_the_rest() -> None:
    mail = found("mail.csv", {"EMAIL_ADDRESS": 90_000})
    cards = found("cards.csv", {"CREDIT_CARD": 5, "PERSON": 9}, special=0)
    health = found("health.csv", {"AGE": 3}, special=700)
    key = found("deploy/key.pem", {"SECRET": 1})
    page = page_of(mail, cards, health, key)
    anchors = re.findall(r'<a href="#file-(\d+)">([^<]+)(?:<wbr>([^<]+))?</a></th>', page)
    names = ["".join(parts) for _, *parts in anchors]
    assert names == ["deploy/key.pem", "health.csv", "cards.csv", "mail.csv"]
    assert heads(page)[:4] == ["File", "Secret", "Special category", "Credit card"]
    first = page.index("Secrets in 1 file")
    assert first < page.index("Special categories, GDPR Art. 9 in 1 file") < page.index("Looked at")
    assert page.index('"heat-4 grave">1<') < page.index('"heat-5">90k<')


def test_columns_that_tell_nothing_are_folded_and_the_worst_column_is_first() -> None:
    plain = [{"name": f"m{i}", "role": "feature", "looks_like": "number", "reason": "",
              "entities": []} for i in range(30)]  # fmt: skip
    file = found("wide.csv", {"EMAIL_ADDRESS": 1})
    page = page_of({**file, "columns": plain + file["columns"]})
    rows = re.findall(r'<th scope="row" role="rowheader">([^<]+)</th>', page)
    assert rows == ["race", "mail"]
    assert "30 columns in which nothing personal was recognised" in page
    assert "m29" in page


def test_of_two_thousand_files_none_is_left_out() -> None:
    files = [found(f"d{i % 50}/{i}.csv", {"EMAIL_ADDRESS": i + 1}) for i in range(2000)]
    page = page_of(*files)
    shown = [i for i in range(2000) if f"d{i % 50}/<wbr>{i}.csv</a></th>" in page]
    assert shown == list(range(1800, 2000))
    more = [int(n) for n in re.findall(r"\((\d+) more files\)", page)]
    assert sum(more) == 1800
    assert "10 other folders: (360 more files)" in page
    assert page.count('<tr><th scope="row">') == 241


def test_kinds_beyond_those_shown_are_added_up() -> None:
    grave = ("CREDIT_CARD", "IBAN_CODE", "PASSPORT", "TAX_ID", "US_SSN", "US_MBI", "US_ITIN",
             "NATIONAL_ID", "DRIVER_LICENSE")  # fmt: skip
    page = page_of(found("a", dict.fromkeys(grave, 3)), found("b", {"PERSON": 1}))
    assert heads(page)[7:9] == ["Other grave kinds", "Person"]
    assert '<td class="heat-1 grave">9</td>' in page


def test_a_file_whose_columns_alone_are_personal_is_not_called_clean() -> None:
    only = {**found("a.csv", {"X": 1}), "entities": {}}
    assert "Personal data in 1 of 1 files" in page_of(only)


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


def test_secrets_are_no_category_of_personal_data() -> None:
    key = {**found("id_rsa", {"SECRET": 9}), "columns": []}
    person = found("a.txt", {"SECRET": 9, "PERSON": 1200}, rows=12_000, special=12_000)
    data = InventoryData("2026-01-02T03:04:05Z", "1", {"files": [key, person]})
    head, only = csv.reader(io.StringIO(render_processing(data)))
    row = dict(zip(head, only, strict=True))
    assert row["Categories of personal data (c)"] == 'Name; column "race"'
    assert row["Records"] == "12000"


def test_a_spreadsheet_runs_nothing() -> None:
    evil = InventoryData("2026-01-02T03:04:05Z", "1", {"files": [found("=cmd|x!A1", {"URL": 1})]})
    rows = list(csv.reader(io.StringIO(render_processing(evil))))
    assert rows[1][0] == "'=cmd|x!A1"
