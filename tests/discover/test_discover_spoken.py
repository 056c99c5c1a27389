"""If this fails, names in source code are overlooked, or types and constants pass for people."""

from __future__ import annotations

import gzip
import time
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.config import DiscoverSpec
from strongroom.discover import Found, Located, scan_sources, source_spans
from strongroom.discover._languages import LANGUAGES
from strongroom.discover._spoken import Spoken

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE = ("Anna Schubert", "Peter Hoffmann", "Maria Lindqvist", "Robert McDonald")
A, P, M, R = PEOPLE
SOURCES = {
    "a.py": f'"""Tools.\n\nWritten by {A}.\n"""\n# Please ask {P} first.\n'
    f'x = "{M} lives in Copenhagen"\ny = 1  # thanks to {R}\n',
    "a.c": f"/*\n * Copyright (c) 2020 {A}\n */\n// Please ask {P} first.\n"
    f'char q = \'"\'; /* thanks to {R} */\nputs("{M} lives in Copenhagen");\n',
    "A.java": f"/** @author {A} */\nclass Bank {{\n  // Please ask {P} first.\n"
    f'  String s = "{M} lives in Copenhagen";\n  String t = """\n    Dear {R},\n  """;\n}}\n',
    "a.js": f"/* Copyright {A} */\nconst q = /['\"`]/;  // Please ask {P} first.\n"
    f"const s = '{M} lives in Copenhagen';\nconst t = `\n  Dear {R},\n`;\n",
    "a.jsx": f"// Copyright {A}\nconst s = <p>Please ask {P} first.</p>;\n"
    f'const t = "{M} lives in Copenhagen";\n/* thanks to {R} */\n',
    "a.go": f"// Copyright {A}\nvar s = `\nPlease ask {P} first.\n`\n"
    f'var t = "{M} lives in Copenhagen"\n/* thanks to {R} */\n',
    "a.rs": f"//! Copyright {A}\nfn f<'a>(x: &'a str) {{}} // Please ask {P} first.\n"
    f'let s = r#"{M} lives in "Copenhagen""#;\n/* thanks to {R} */\n',
    "a.rb": f"# Copyright {A}\n=begin\nPlease ask {P} first.\n=end\n"
    f'puts "{M} lives in Copenhagen"\nputs <<~TEXT\n  Dear {R},\nTEXT\n',
    "a.php": f"<p>Please ask {P} first.</p>\n<?php\n// Copyright {A}\n"
    f"echo '{M} lives in Copenhagen';\n/* thanks to {R} */\n",
    "a.sh": f"# Copyright {A}\necho it\\'s  # Please ask {P} first.\n"
    f'echo "{M} lives in Copenhagen"\ncat <<EOF\n  Dear {R},\nEOF\n',
    "a.sql": f"-- Copyright {A}\n/* Please ask {P} first. */\nINSERT INTO t VALUES (1, 'It''s "
    f"{M}''s');\nCOPY t (id, said) FROM stdin;\n1\tthanks to {R}\n\\.\n",
    "a.lua": f"-- Copyright {A}\n--[[\nPlease ask {P} first.\n]]\n"
    f'print("{M} lives in Copenhagen")\nlocal s = [==[ thanks to {R} ]==]\n',
    "a.pl": f"# Copyright {A}\n=head1 NAME\n\nPlease ask {P} first.\n\n=cut\n"
    f'print "{M} lives in Copenhagen";  # thanks to {R}\n',
    "a.css": f"/* Copyright {A} */\n/*\nPlease ask {P} first.\n*/\n"
    f'a {{ content: "{M} lives in Copenhagen"; }}\n/* thanks to {R} */\n',
}
SPEC = DiscoverSpec()


def located(path: Path) -> list[Located]:
    return [one for one in source_spans([str(path)]) if isinstance(one, Located)]


@pytest.mark.parametrize("name", SOURCES)
def test_people_in_comments_and_strings_are_found(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(SOURCES[name])
    found = located(path)
    assert set(PEOPLE) <= {one.value for one in found if one.entity == "PERSON"}
    lines = SOURCES[name].splitlines()
    assert all(lines[one.row][one.start : one.end] == one.value for one in found)
    (whole,) = [one for one in scan_sources([str(path)]) if isinstance(one, Found)]
    assert sum(whole.entities.values()) == len(found)


def test_code_is_no_name_and_patterns_are_read_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "a.c"
    path.write_text(
        "typedef struct Meridian Bank;\nGoldman Sachs(London, Berlin);\nextern Anna Schubert;\n"
        "/* Handled in Siemens_Init, Thomas.value and GERMANY_. */\n"
        "mail = anna.schubert@meridian.org;\n"
    )
    assert {(one.entity, one.row) for one in located(path)} == {("EMAIL_ADDRESS", 4)}
    plain = path.rename(tmp_path / "a.txt")
    assert len(located(plain)) > 1


def test_an_odd_spelling_of_a_name_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(
        '# Maintained by /Anna Schubert\n__credits__ = "Peter Hoffmann, Lars Gust\\u00e4bel"\n'
        "# The proof is that of J. Kleitman and D.L. Wang\n# Author: ROBERT SCHUBERT\n"
        "# Thanks to Tom O'Brien and J. R. Hoffmann\n"
    )
    found = {one.value for one in located(path)}
    assert {A, P, "ROBERT SCHUBERT", "Tom O'Brien"} <= found
    assert any(value.endswith("L. Wang") for value in found)


def test_a_name_behind_a_written_line_break_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.c"
    path.write_text('puts("Dear colleagues,\\nAnna Schubert has left.\\nPeter Hoffmann stays.");\n')
    assert [one.value for one in located(path) if one.entity == "PERSON"] == [A, P]


def test_what_a_dump_holds_is_no_code(tmp_path: Path) -> None:
    rows = "INSERT INTO t VALUES (7, 'SIEMENS AG', 'Anna works at Siemens AG in BERLIN.');\n"
    sql, c = tmp_path / "a.sql", tmp_path / "a.c"
    sql.write_text(rows)
    c.write_text(f"/* {rows} */")
    assert {one.value for one in located(c)} < {one.value for one in located(sql)}


@pytest.mark.parametrize("ending", [".c", ".txt"])
def test_a_scan_and_its_spans_agree_on_what_only_a_word_proves(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    path.write_text("x = 040 428 3715;\n// phone: 040 428 3715\n")
    (whole,) = [one for one in scan_sources([str(path)]) if isinstance(one, Found)]
    assert whole.entities == {"PHONE_NUMBER": 1}
    assert [(one.entity, one.row) for one in located(path)] == [("PHONE_NUMBER", 1)]


def test_the_ending_within_a_packed_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.c.gz"
    path.write_bytes(gzip.compress(b"extern Anna Schubert;\n// by Peter Hoffmann\n"))
    assert [one.value for one in located(path)] == [P]


def test_a_line_that_stands_twice_is_read_where_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.c"
    path.write_text("Anna Schubert;\n/*\nAnna Schubert;\n*/\nAnna Schubert;\n")
    assert [(one.row, one.value) for one in located(path)] == [(2, A)]
    (whole,) = [one for one in scan_sources([str(path)]) if isinstance(one, Found)]
    assert whole.entities == {"PERSON": 1}


@pytest.mark.parametrize(
    ("suffix", "part"),
    [
        (".js", ",/["), (".js", "=\n"), (".jsx", ">a"), (".c", 'R"'), (".css", "url("),
        (".sh", "<<a"), (".sh", "\n"), (".lua", "[="), (".sql", "'"), (".py", "\\"),
    ],
)  # fmt: skip
def test_time_is_linear_in_the_text(suffix: str, part: str) -> None:
    def seconds(times: int) -> float:
        texts = pa.array(("<<EOF\n" + part * times).split("\n"), pa.large_string())
        began = time.process_time()
        Spoken(LANGUAGES[suffix])(texts)
        return time.process_time() - began

    assert seconds(1 << 17) < 24 * seconds(1 << 14) + 0.1


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(LANGUAGES)),
    st.lists(st.text("ab \"'`#/*-\\<>?=é—[]{}()", max_size=12), max_size=12),
    st.integers(0, 12),
)
def test_batches_and_places_hold(suffix: str, rows: list[str], cut: int) -> None:
    texts = pa.array(rows, pa.large_string())
    said = Spoken(LANGUAGES[suffix])(texts)
    said.validate(full=True)
    for row, left in zip(rows, said.to_pylist(), strict=True):
        line, kept = row.encode(), left.encode()
        assert len(kept) <= len(line)
        assert all(a in (b, 0x20) for a, b in zip(kept, line, strict=False))
    if suffix in {".py", ".c", ".java", ".go"}:
        # What ends with its line, or goes on over lines, is the same in whatever batches they come.
        reader = Spoken(LANGUAGES[suffix])
        parts = [*reader(texts[:cut]).to_pylist(), *reader(texts[cut:]).to_pylist()]
        if not any(row.endswith("\\") for row in rows):
            assert parts == said.to_pylist()
