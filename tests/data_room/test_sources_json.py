"""If this fails, a scan misreads JSON, misses a part of it, or dies of one that is made to kill."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.data.sources import Batch, Limits
from strongroom.data.sources._json import _Text, read_json
from strongroom.errors import DataError


def read(content: bytes | str, record_bytes: int = 1 << 22) -> list[Batch]:
    data = content.encode() if isinstance(content, str) else content
    batches = list(read_json(io.BytesIO(data), "t.json", Limits(record_bytes=record_bytes)))
    for batch in batches:
        batch.table.validate(full=True)
    return batches


def rows(content: bytes | str) -> list[dict[str, Any]]:
    """The records, without what they don't have."""
    return [
        {k: v for k, v in row.items() if v is not None}
        for batch in read(content)
        for row in batch.table.to_pylist()
    ]


def chunked(content: bytes, size: int, record_bytes: int) -> list[Batch]:
    parts = iter([content[i : i + size] for i in range(0, len(content), size)])
    return list(_Text(parts, Limits(record_bytes=record_bytes)).read())


def words(batches: list[Batch]) -> str:
    return " ".join(
        json.dumps(v, ensure_ascii=False)
        for batch in batches
        for row in batch.table.to_pylist()
        for v in row.values()
        if v is not None
    )


RECORDS = [{"a": i, "name": f"Ann {i}", "in": {"zip": f"0{i}", "list": [i, i]}} for i in range(9)]
FLAT = [{"a": i, "name": f"Ann {i}", "in.zip": f"0{i}", "in.list": [i, i]} for i in range(9)]


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(json.dumps(r) for r in RECORDS),
        "".join(json.dumps(r) for r in RECORDS),
        "\r\n\r\n".join(json.dumps(r) for r in RECORDS) + "\r\n",
        "\x1e" + "\n\x1e".join(json.dumps(r) for r in RECORDS),
        "\n".join(json.dumps(r, indent=2) for r in RECORDS),
        json.dumps(RECORDS),
        json.dumps(RECORDS, indent=1),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_records_however_they_are_laid_out(content: str, encoding: str) -> None:
    assert rows(content.encode(encoding)) == FLAT


def test_a_table_inside_a_record_is_a_table() -> None:
    wrapped = {"count": 9, "data": {"items": RECORDS}, "owner": {"mail": "a@b.de"}}
    batches = read(json.dumps(wrapped))
    got = [r for b in batches for r in b.table.to_pylist()]
    assert got == [
        *({f"data.items.{k}": v for k, v in r.items()} for r in FLAT),
        {"count": 9, "owner.mail": "a@b.de"},
    ]
    assert [b.first_row for b in batches] == [0, 9]


def test_a_list_of_a_person_stays_with_the_person() -> None:
    person = {"name": "Ann", "phones": [{"n": "1"}, {"n": "2"}]}
    assert rows(json.dumps(person)) == [person]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[[1, 2], [3, 4]]", [{"column 1": 1, "column 2": 2}, {"column 1": 3, "column 2": 4}]),
        ('["a@b.de", "c"]', [{"value": "a@b.de"}, {"value": "c"}]),
        ('"a@b.de"', [{"value": "a@b.de"}]),
        ('{"a": 1}\n{"a": "x"}', [{"a": "1"}, {"a": "x"}]),
        ('{"a": 1}\n{"a": 2.5}', [{"a": 1.0}, {"a": 2.5}]),
        ('{"a": true}\n{"a": 1}', [{"a": "true"}, {"a": "1"}]),
        ('{"a": [1]}\n{"a": {"b": 2}}', [{"a": [1]}, {"a.b": 2}]),
        ('{"a": "x", "a": "y"}', [{"a": "x", "a (2)": "y"}]),
        ('{"n": 12345678901234567890}', [{"n": "12345678901234567890"}]),
        ('{"n": 9223372036854775807}', [{"n": 9223372036854775807}]),
        ('{"t": "2020-01-31T10:00:00Z"}', [{"t": "2020-01-31T10:00:00Z"}]),
        ('{"a": "\\ud800 x"}', [{"a": "? x"}]),
        ('{"a": 1}\n{bad\n{"a": 2}', [{"a": 1}, {"text": "{bad"}, {"a": 2}]),
        ('{"a": 1}\nplain ann@b.de\n', [{"a": 1}, {"text": "plain ann@b.de"}]),
        ('[{"a": 1}, {"a": 2}', [{"a": 1}, {"a": 2}]),
        ('[{"a": 1}, {"a": "ann@b', [{"a": 1}, {"a": "ann@b"}]),
        ("", []),
        ("[]", []),
        ("{}", []),
    ],
)
def test_odd_values(content: str, expected: list[dict[str, Any]]) -> None:
    assert [r for r in rows(content) if r] == expected


def test_what_was_odd_is_said_without_values() -> None:
    notes = read('{"a": 1}\nann@b.de\n{"a": 2')[-1].notes
    assert notes == (
        "values that are no JSON, read as text: 1",
        "values that end in the middle: 1",
    )


def test_strings_that_look_like_dates_stay_strings_in_every_block() -> None:
    lines = "".join(
        json.dumps({"day": f"2020-01-{i % 28 + 1:02}", "in": {"at": "10:00:00"}}) + "\n"
        for i in range(30_000)
    )
    batches = read(lines + '{"other": 1}\n')
    tables = [b.table for b in batches if "day" in b.table.column_names]
    assert sum(t.num_rows for t in tables) >= 30_000
    assert {t.schema.field("day").type for t in tables} == {pa.string()}
    assert batches[-1].first_row + batches[-1].table.num_rows == 30_001


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":' + b"[" * 10_000 + b'"ann@b.de"' + b"]" * 10_000 + b'}\n{"a":1}\n',
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b"]" * 1000 + b"}" * 1000,
        b'{"a":"' + b"\\" * 100_001,
        b'{"a":' + b"9" * 10_000 + b"}",
        b"[" + b"[]," * 100_000 + b"[]]",
        b"".join(b'{"k%d":1}\n' % i for i in range(60_000)),
        b"".join(b'{"a":{"k%d":1}}\n' % i for i in range(20_000)),
    ],
    ids=range(9),
)
def test_what_is_made_to_kill_is_read_in_bounds(content: bytes) -> None:
    batches = read(content)
    assert max((b.table.num_columns for b in batches), default=0) <= 10_001
    assert max((b.table.nbytes for b in batches), default=0) < 1 << 28
    if b"ann@b.de" in content:
        assert "ann@b.de" in words(batches)


@settings(max_examples=150, deadline=None)
@given(size=st.integers(1, 60), longest=st.integers(20, 200))
def test_records_too_large_for_memory_are_entered(size: int, longest: int) -> None:
    people: list[dict[str, Any]] = [
        {"name": f"Ann{i}", "in": {"mail": f"ann{i}@b.de"}} for i in range(12)
    ]
    long = " ".join(f"word{i}" for i in range(60))
    content = json.dumps({"users": people, "note": long, "n": [1, 2], "last": {"x": "end"}})
    batches = chunked(content.encode(), size, longest)
    said = words(batches)
    for one in people:
        assert one["name"] in said
        assert json.dumps(one["in"]["mail"]) in said
    for i in range(60):
        assert f"word{i}" in said
    assert "end" in said
    assert all(b.first_row <= 30 for b in batches)


def test_a_long_string_comes_in_pieces_with_offsets() -> None:
    long = "word " * 500
    content = json.dumps({"a": 1, "note": long, "b": 2}).encode()
    batches = [b for b in chunked(content, 64, 128) if "note" in b.table.column_names]
    at = 0
    for batch in batches:
        assert batch.offset == at
        at += len(batch.table["note"][0].as_py())
    assert "".join(b.table["note"][0].as_py() for b in batches) == long


def json_values() -> st.SearchStrategy[Any]:
    plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
    return st.recursive(
        plain,
        lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(max_size=3), v),
        max_leaves=9,
    )


@settings(max_examples=250, deadline=None)
@given(
    values=st.lists(json_values(), max_size=6),
    lines=st.booleans(),
    size=st.integers(1, 40),
    cut=st.integers(0, 80),
    place=st.integers(0, 200),
    byte=st.binary(max_size=2),
)
def test_any_json_also_damaged_is_records(
    values: list[Any], size: int, cut: int, place: int, byte: bytes, *, lines: bool
) -> None:
    text = "\n".join(json.dumps(v) for v in values) if lines else json.dumps(values)
    content = text.encode()
    damaged = content[:place] + byte + content[place + len(byte) :]
    for one in (
        content,
        damaged.decode("utf-8", "replace").encode(),
        content[: max(0, len(content) - cut)],
    ):
        for batch in chunked(one, size, 64):
            batch.table.validate(full=True)


@settings(max_examples=200, deadline=None)
@given(content=st.one_of(st.binary(max_size=90), st.text('a1,:"\n\\{}[] é', max_size=60)))
def test_any_bytes_are_records_or_a_data_error(content: bytes | str) -> None:
    with contextlib.suppress(DataError):
        read(content)


def test_keys_that_are_data_are_values() -> None:
    people = {"ann@b.example": {"n": 1}, "bob@b.example": {"n": 2}}
    turned = {"key": list(people), "value": list(people.values())}
    assert rows(json.dumps(people)) == [turned]
    lines = "\n".join(
        json.dumps({"id": i, "by": {f"555-867-530{i}": "x", "z": 1}}) for i in range(3)
    )
    assert rows(lines) == [
        {"id": i, "by.z": 1, "by.key": [f"555-867-530{i}"], "by.value": ["x"]} for i in range(3)
    ]
    days = {"2020-01-01": 1, "20200102": 2, "address_line_2": 3}
    assert rows(json.dumps(days)) == [days]
    # Also where the record is too large for a batch.
    many = {f"ann{i}@b.example": {"n": i} for i in range(300)}
    batches = read(json.dumps(many), record_bytes=1000)
    assert len(batches) > 1
    kept = [key for b in batches for row in b.table.to_pylist() for key in row["key"]]
    assert kept == list(many)
