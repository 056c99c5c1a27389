"""If this fails, a secret in a source tree is told on a wrong line, or a known one hides a new."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.data.sources import PassedOver, Unreadable
from strongroom.discover import find_column_spans
from strongroom.discover._across import find_across
from strongroom.discover._baseline import Baseline
from strongroom.discover._source import IN_SOURCE, KNOWN, Place, find_in_source
from strongroom.discover.recognizers.secrets import RULES, examples
from strongroom.discover.recognizers.secrets.keys import ACROSS_LINES
from strongroom.errors import InputError

if TYPE_CHECKING:
    from strongroom.discover._rule import Rule

MADE = {
    rule.name.removeprefix("secrets."): examples.true_one(rule)[1]
    for rule in RULES
    if rule.name.endswith(("github_token", "npm_token", "stripe_key", "private_key"))
    and not rule.lead
}
TOKEN, OTHER, KEY = MADE["github_token"], MADE["npm_token"], MADE["private_key"]
PEM = "\n".join(
    ["-----BEGIN RSA PRIVATE KEY-----", *("MIIEpQIBAAKCAQEAn6" + c * 3 for c in "abcd"), "=",
     "-----END RSA PRIVATE KEY-----"]
)  # fmt: skip


def places(folder: Path, key: bytes = b"") -> list[Place]:
    return [p for p in find_in_source([str(folder)], key=key) if isinstance(p, Place)]


def test_places_are_told_by_line_and_column_of_code_points(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"# ümläut 😀\nx = 'é😀', '{TOKEN}'\n", "utf-8")
    (tmp_path / "config.json").write_text(f'{{\n  "npm": "{OTHER}"\n}}\n')
    (tmp_path / "data.csv").write_text(f"name,token\nbob,{TOKEN}\n")
    (tmp_path / "Makefile").write_text(f"all:\n\tdeploy {TOKEN}\n")
    found = {Path(p.path).name: p for p in places(tmp_path)}
    where = {n: (p.line, p.column, p.end_line, p.end_column) for n, p in found.items()}
    assert where == {
        "a.py": (2, 12, 2, 12 + len(TOKEN)),
        "config.json": (2, 11, 2, 11 + len(OTHER)),
        "data.csv": (2, 5, 2, 5 + len(TOKEN)),
        "Makefile": (2, 9, 2, 9 + len(TOKEN)),
    }
    assert found["a.py"].recognizer == "secrets.github_token"
    assert found["config.json"].validated


def test_what_is_no_text_and_what_tools_keep_is_passed_over_and_said(tmp_path: Path) -> None:
    (tmp_path / "image.bin").write_bytes(b"\x00\x01\x02" + TOKEN.encode() + bytes(range(256)))
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text(f"url = https://x:{TOKEN}@github.com/a.git")
    (tmp_path / "empty").touch()
    said = list(find_in_source([str(tmp_path)]))
    assert not [p for p in said if isinstance(p, Place)]
    assert {Path(p.path).name for p in said if isinstance(p, PassedOver)} >= {".git", "image.bin"}
    (gone,) = find_in_source([str(tmp_path / "gone")])
    assert isinstance(gone, Unreadable)
    inside = find_in_source([str(tmp_path / ".git")])
    assert [p.line for p in inside if isinstance(p, Place)] == [1]


def test_a_private_key_over_many_lines_is_one_place(tmp_path: Path) -> None:
    text = f"a\n  {PEM}\nb = '{TOKEN}'\n"
    (tmp_path / "id_rsa").write_text(text)
    first, second = places(tmp_path)
    assert first.recognizer == "secrets.private_key"
    last = PEM.count("\n") + 2
    assert (first.line, first.column, first.end_line, first.end_column) == (2, 3, last, 30)
    assert (second.line, second.recognizer) == (last + 1, "secrets.github_token")


def test_a_key_over_many_lines_is_found_in_a_text_as_in_a_tree() -> None:
    lines = ["see", *PEM.splitlines(), "done"]
    found = find_column_spans(pa.array(lines), header="text")
    assert [row for row, d in found if d.entity == "SECRET"] == list(range(1, len(lines) - 1))


@pytest.mark.parametrize("rule", ACROSS_LINES, ids=lambda rule: rule.name)
def test_every_kind_of_key_that_lies_over_lines_is_found(rule: Rule) -> None:
    key = examples.true_one(rule)[1]
    key = re.sub("-----END|---- END", r"\n\g<0>", key)
    lines = ["a", *key.splitlines(), "b"]
    found = find_across(pa.array(lines, pa.large_string()))
    assert set(found.recognizers) == {rule.name}
    assert found.row.tolist() == [i for i in range(1, len(lines) - 1) if lines[i]]


def test_each_row_that_a_key_covers_is_hidden() -> None:
    texts = pa.array(["x", f"y {PEM.splitlines()[0]}", *PEM.splitlines()[1:], "z", None])
    found = find_across(texts.cast(pa.large_string())).detections(texts)
    assert sorted(found) == list(range(1, 2 + PEM.count("\n")))
    assert found[1][0].start == 2
    for row in sorted(found)[1:]:
        assert (found[row][0].start, found[row][0].end) == (0, len(texts[row].as_py()))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*PEM.splitlines(), "", "x", "-----", "-----BEGIN "]), max_size=40))
def test_rows_of_keys_in_any_order_give_spans_inside_them(rows: list[str]) -> None:
    texts = pa.array(rows, pa.large_string())
    for row, detections in find_across(texts).detections(texts).items():
        for one in detections:
            assert 0 <= one.start < one.end <= len(rows[row])


@pytest.mark.parametrize(
    "rows",
    [
        ["-----BEGIN PRIVATE KEY-----", "AAAA"],
        ["PuTTY-User-Key-File-2: ssh-rsa", "Comment: " + "a " * 40, "Encryption: " + "b " * 40],
        ["PuTTY-User-Key-File-3: ssh-rsa", *["Comment: " + "a " * 40] * 500, "AAAA"],
        ["---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----", "-" * 3, "- -"],
    ],
)
def test_beginnings_of_keys_without_an_end_take_time_that_grows_with_the_text(
    rows: list[str],
) -> None:
    texts = pa.array(rows * (20_000 // len(rows)), pa.large_string())
    assert len(find_across(texts)) == 0


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("x = 'T'  # strongroom: allow", True),
        ("x = 'T'  // Strongroom:allow secrets.github_token", True),
        ("# strongroom: allow\nx = 'T'", True),
        ("<!-- strongroom: allow secrets.npm_token, secrets.github_token -->\nT", True),
        ("x = 'T'  # strongroom: allow secrets.npm_token", False),
        ("x = 1 # strongroom: allow\ny = 'T'", False),
        ("# strongroom: allow\n\nx = 'T'", False),
        ("x = 'T'  # strongroom: allowed", False),
    ],
)
def test_a_comment_allows_what_stands_on_its_line_or_the_next(
    tmp_path: Path, text: str, *, allowed: bool
) -> None:
    (tmp_path / "a").write_text(text.replace("T", TOKEN, 1) if "T" in text else text)
    (place,) = places(tmp_path)
    assert place.allowed == (IN_SOURCE if allowed else "")


def test_a_baseline_knows_what_was_there_and_not_what_comes_in_its_place(tmp_path: Path) -> None:
    file, kept = tmp_path / "a.env", tmp_path.parent / f"{tmp_path.name}.json"
    file.write_text(f"A={TOKEN}\nB={TOKEN}\n")
    known = Baseline.new()
    known = known.with_all(places(tmp_path, known.key))
    known.write(kept)
    assert TOKEN not in kept.read_text()
    assert TOKEN.encode().hex() not in kept.read_text()

    again = Baseline.read(kept)
    assert again == known
    file.write_text(f"\n\nA={TOKEN}\nB={TOKEN}\nC={TOKEN}\nD={OTHER}\n")
    marks = [p.allowed for p in again.apart(places(tmp_path, again.key))]
    assert marks == [KNOWN, KNOWN, "", ""]  # moved and known; once more; another one


def test_it_does_not_matter_from_where_one_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "src"
    inside.mkdir()
    (inside / "a.py").write_text(f"x = '{TOKEN}'\n")
    monkeypatch.chdir(tmp_path)
    known = Baseline.new()
    known = known.with_all(places(Path("src"), known.key))
    known.write("baseline.json")
    assert json.loads(Path("baseline.json").read_bytes())["known"][0]["path"] == "src/a.py"
    monkeypatch.chdir(inside)
    again = Baseline.read("../baseline.json")
    for looked in (Path(), inside):
        assert [p.allowed for p in again.apart(places(looked, again.key))] == [KNOWN]


def test_marks_tell_secrets_apart_and_nothing_without_the_key(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(f"{TOKEN}\n{TOKEN}\n{OTHER}\n")
    one, same, other = places(tmp_path, b"k" * 32)
    assert one.mark == same.mark != other.mark
    assert len(one.mark) == 4
    assert places(tmp_path, b"l" * 32)[0].mark != one.mark
    assert places(tmp_path)[0].mark == ""


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", '{"schema": "strongroom/baseline/2"}', "[" * 100_000,
     '{"schema": "strongroom/baseline/1", "key": "zz", "known": []}',
     '{"schema": "strongroom/baseline/1", "key": "00", "known": [{"path": 1}]}'],
)  # fmt: skip
def test_a_broken_baseline_is_said_to_be_one(tmp_path: Path, content: str) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(content)
    with pytest.raises(InputError, match="isn't a baseline"):
        Baseline.read(file)
    with pytest.raises(InputError, match="can't be read"):
        Baseline.read(tmp_path / "none.json")


def test_a_baseline_is_written_in_an_order_of_its_own(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).write_text(f"{OTHER} {TOKEN}\n")
    known = Baseline.new()
    known = known.with_all(reversed(places(tmp_path, known.key)))
    known.write(tmp_path / "baseline.json")
    names = [k["path"] for k in json.loads((tmp_path / "baseline.json").read_bytes())["known"]]
    assert names == sorted(names)
