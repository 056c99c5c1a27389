"""If this fails, a scan misreads a spreadsheet, or dies of one that is made to kill."""

from __future__ import annotations

import contextlib
import io
import random
import zipfile
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from strongroom.data.sources import Document, Limits, Unreadable, open_sources
from strongroom.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

SEEN = datetime(2020, 1, 1, 10)  # noqa: DTZ001 - Excel has no zones
TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATIONS = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'


def xlsx(path: Path, rows: str, **parts: str) -> Path:
    """A workbook of one sheet, written by hand."""
    package = {
        "[Content_Types].xml": TYPES,
        "xl/workbook.xml": f'<workbook {MAIN} {RELATIONS}><sheets><sheet name="People" '
        'sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships><Relationship Id="rId1" '
        'Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f"<worksheet {MAIN}><sheetData>{rows}</sheetData></worksheet>",
        **{f"xl/{name}.xml": content for name, content in parts.items()},
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in package.items():
            archive.writestr(name, content)
    return path


def tables(path: Path) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for one in open_sources([str(path)]):
        assert isinstance(one, Document), one
        found[one.path.replace(str(path), "")] = [
            r for b in one.open() for r in b.table.to_pylist()
        ]
    return found


def test_a_workbook_as_another_program_writes_it(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "People"
    sheet.append(["name", "born", "seen", "zip", "n", "ok"])
    for i in range(200):
        born = date(1980, 1, 1 + i % 28)
        sheet.append([f"Ann {i}", born, SEEN, i, i / 2, True])
        sheet.cell(i + 2, 4).number_format = "00000"
    sheet["A2"].comment = openpyxl.comments.Comment("ask bob@example.org", "Eve Adams")
    other = book.create_sheet("Ünd & more")
    other["C5"] = "alone"
    book.properties.creator = "Mallory Jones"
    book.save(tmp_path / "t.xlsx")
    found = tables(tmp_path / "t.xlsx")
    assert list(found) == ["#People", "#Ünd & more", "#(comments and properties)"]
    assert found["#People"][7] == {
        "name": "Ann 7", "born": "1980-01-08", "seen": "2020-01-01 10:00:00", "zip": "00007",
        "n": 3.5, "ok": True,
    }  # fmt: skip
    assert len(found["#People"]) == 200
    assert "alone" in str(found["#Ünd & more"]) or found["#Ünd & more"] == []
    beside = str(found["#(comments and properties)"])
    for told in ("bob@example.org", "Eve Adams", "Mallory Jones"):
        assert told in beside


def test_what_goes_with_a_workbook_beside_its_cells(tmp_path: Path) -> None:
    space = 'xmlns:a="urn:a"'
    cached = "<pivotCacheRecords><r><s v='ann@b.example'/><x v='0'/></r></pivotCacheRecords>"
    runs = "<a:rPr><a:latin typeface='Arial'/></a:rPr><a:t>{}</a:t>"
    box = f"<a:p {space}><a:r>{runs.format('Call B')}</a:r><a:r>{runs.format('ob Ray')}</a:r></a:p>"
    path = xlsx(
        tmp_path / "t.xlsx",
        '<row><c><v>1</v></c></row></sheetData><hyperlinks><hyperlink ref="A1" tooltip="to Eve"/>'
        "</hyperlinks><headerFooter><oddFooter>&amp;L&amp;8by Zoë &amp;P</oddFooter></headerFooter>"
        "<sheetData>",
        **{
            "pivotCache/pivotCacheRecords1": cached,
            "drawings/drawing1": f"<wsDr><col>5</col>{box}</wsDr>",
            "charts/chart1": "<c><v>Mallory Jones</v></c>",
        },
    )
    with zipfile.ZipFile(path, "a") as archive:
        link = '<Relationship TargetMode="External" Target="mailto:joe@b.example"/>'
        archive.writestr(
            "xl/worksheets/_rels/sheet1.xml.rels", f"<Relationships>{link}</Relationships>"
        )
    beside = [row["text"] for row in tables(path)["#(comments and properties)"]]
    assert sorted(beside) == sorted([
        "ann@b.example", "0", "Call Bob Ray", "Mallory Jones", "mailto:joe@b.example", "to Eve",
        "by Zoë",
    ])  # fmt: skip


def test_a_sheet_of_odd_cells(tmp_path: Path) -> None:
    path = xlsx(
        tmp_path / "t.xlsx",
        '<row><c t="inlineStr"><is><t>a</t></is></c><c t="str"><v>b</v></c></row>'
        '<row r="9"><c r="B9" t="s"><v>0</v></c><c r="A9" t="s"><v>1</v></c></row>'
        '<row><c t="s"><v>99</v></c><c t="e"><v>#N/A</v></c>'
        '<c t="inlineStr"><is><t>over</t></is></c></row>'
        '<row r="1048576"><c r="XFD1048576"><v>7</v></c><c r="ZZZZ1"><v>8</v></c></row>',
        sharedStrings=f"<sst {MAIN}><si><t>x</t></si><si><r><t>y</t></r><r><t>z</t></r>"
        "<rPh><t>no</t></rPh></si></sst>",
    )
    (rows,) = tables(path).values()
    assert rows[0]["a"] == "yz"
    assert rows[0]["b"] == "x"
    assert "over" in rows[1].values()


def hostile(path: Path, name: str) -> Path:
    cells = '<c t="s"><v>0</v></c>'
    if name == "entities":
        return xlsx(path, f"<row>{cells}</row>", sharedStrings=(
            '<!DOCTYPE sst [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
            f"<sst {MAIN}><si><t>&b;</t></si></sst>"))  # fmt: skip
    if name == "bomb":
        return xlsx(path, f"<row>{cells}</row>" + " " * 900_000_000)
    if name == "strings":
        return xlsx(path, f"<row>{cells}</row>", sharedStrings=(
            f"<sst {MAIN}>" + "<si><t/></si>" * 400_000 + "</sst>"))  # fmt: skip
    return xlsx(path, "".join(f'<row><c r="XFD{i}"><v>1</v></c></row>' for i in range(200)))


@pytest.mark.parametrize("name", ["entities", "strings", "wide"])
def test_a_workbook_that_is_made_to_kill(tmp_path: Path, name: str) -> None:
    path = hostile(tmp_path / "t.xlsx", name)
    for one in open_sources([str(path)], Limits(buffer_bytes=1 << 24)):
        if isinstance(one, Unreadable):
            continue
        assert isinstance(one, Document)
        with contextlib.suppress(DataError):
            assert max(batch.table.nbytes for batch in one.open()) < 1 << 27


OLE_HEADER = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(22) + b"\x09\x00" + bytes(16) + bytes(464)


@pytest.mark.parametrize("name", ["t.xlsx", "t.xls"])
def test_a_workbook_behind_a_password(tmp_path: Path, name: str) -> None:
    names = "Root Entry".encode("utf-16-le").ljust(128) + "EncryptedPackage".encode("utf-16-le")
    (tmp_path / name).write_bytes(OLE_HEADER + names.ljust(4096))
    (one,) = open_sources([str(tmp_path / name)])
    assert isinstance(one, Unreadable)
    assert one.error.what == "protected by a password"


def test_older_and_other_spreadsheets(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine")
    content = (
        '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body>'
        '<office:spreadsheet><table:table table:name="People">'
        + "".join(
            '<table:table-row><table:table-cell office:value-type="string"><text:p>'
            f'{name}</text:p></table:table-cell><table:table-cell office:value-type="float" '
            f'office:value="{n}"><text:p>{n}</text:p></table:table-cell></table:table-row>'
            for name, n in (("Ann", 1), ("Bob", 2))
        )
        + "</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(tmp_path / "t.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", content)
    (rows,) = tables(tmp_path / "t.ods").values()
    assert [list(r.values()) for r in rows] == [["Ann", 1.0], ["Bob", 2.0]]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "t.ods", "in/t.ods")
    assert list(tables(tmp_path / "a.zip")) == ["!/in/t.ods"]


@pytest.mark.parametrize("ending", [".xlsx", ".xls", ".xlsb", ".ods"])
def test_what_only_is_called_a_spreadsheet(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t{ending}"
    coins = random.Random(1)
    good = xlsx(tmp_path / "good.xlsx", "<row><c><v>1</v></c></row>").read_bytes()
    for content in (b"a,b\n1,2\n", good[: len(good) // 2], coins.randbytes(3000), OLE_HEADER * 9):
        path.write_bytes(content)
        for one in open_sources([str(path)]):
            if isinstance(one, Document):
                with contextlib.suppress(DataError):
                    list(one.open())


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_workbook_is_rows_or_a_data_error(tmp_path: Path, seed: int) -> None:
    coins = random.Random(seed)
    rows = "".join(f'<row><c t="s"><v>{i % 3}</v></c><c><v>{i}</v></c></row>' for i in range(50))
    strings = f"<sst {MAIN}><si><t>x</t></si><si><t>y</t></si><si><t>z</t></si></sst>"
    good = bytearray(xlsx(tmp_path / "t.xlsx", rows, sharedStrings=strings).read_bytes())
    if seed % 2:
        # Inside the parts, which then are packed again.
        with zipfile.ZipFile(io.BytesIO(bytes(good))) as archive:
            parts = {name: bytearray(archive.read(name)) for name in archive.namelist()}
        for part in parts.values():
            part[coins.randrange(len(part))] = coins.choice(b'<>&"/ 0a\xff')
        with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
            for name, part in parts.items():
                archive.writestr(name, bytes(part))
    else:
        for _ in range(3):
            good[coins.randrange(len(good))] = coins.randrange(256)
        (tmp_path / "t.xlsx").write_bytes(good)
    for one in open_sources([str(tmp_path / "t.xlsx")]):
        if isinstance(one, Document):
            with contextlib.suppress(DataError):
                for batch in one.open():
                    batch.table.validate(full=True)
