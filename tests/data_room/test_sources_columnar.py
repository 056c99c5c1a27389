"""If this fails, a scan misreads Parquet or Arrow, or dies of a file that is made to kill."""

from __future__ import annotations

import base64
import contextlib
import io
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.orc as pa_orc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow.parquet import encryption

from strongroom.data.sources import Document, Limits, open_sources
from strongroom.data.sources._columnar import read_arrow, read_parquet
from strongroom.data.sources._orc import read_orc
from strongroom.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from strongroom.data.sources import Batch

TABLE = pa.table(
    {
        "name": ["Ann", None, "Zoë"],
        "in": [{"zip": "01234", "n": 1}, None, {"zip": "x", "n": 2}],
        "list": [["a"], [], None],
        "kind": pa.array(["a", "b", "a"]).dictionary_encode(),
        "born": pa.array([1, 2, 3], pa.date32()),
    }
)
FLAT = ["name", "in.zip", "in.n", "list", "kind", "born"]


def parquet(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def arrow(table: pa.Table, *, stream: bool = False, compression: str | None = None) -> bytes:
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    opener = pa.ipc.new_stream if stream else pa.ipc.new_file
    with opener(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def read(content: bytes) -> list[Batch]:
    reader = read_parquet if content[:3] == b"PAR" else read_arrow
    batches = list(reader(io.BytesIO(content), "t", Limits()))
    for batch in batches:
        batch.table.validate(full=True)
    return batches


FILES = {
    "parquet": parquet(TABLE),
    "parquet, small groups": parquet(TABLE, row_group_size=1, compression="zstd"),
    "arrow": arrow(TABLE),
    "arrow stream": arrow(TABLE, stream=True),
    "arrow, packed": arrow(TABLE, compression="zstd"),
}


@pytest.mark.parametrize("name", FILES)
def test_columns_are_plain_and_rows_are_counted(name: str) -> None:
    batches = read(FILES[name])
    assert [b.table.column_names for b in batches] == [FLAT] * len(batches)
    rows = [row for b in batches for row in b.table.to_pylist()]
    assert [row["name"] for row in rows] == ["Ann", None, "Zoë"]
    assert [row["in.zip"] for row in rows] == ["01234", None, "x"]
    assert [row["kind"] for row in rows] == ["a", "b", "a"]
    first = 0
    for batch in batches:
        assert batch.first_row == first
        first += batch.table.num_rows


def test_many_rows_come_in_batches_of_bounded_size() -> None:
    table = pa.table({"n": range(200_000), "t": ["x" * 50] * 200_000})
    for content in (parquet(table), arrow(table)):
        batches = read(content)
        assert sum(b.table.num_rows for b in batches) == 200_000
        assert max(b.table.num_rows for b in batches) <= 1 << 16


def test_a_dictionary_unfolds_in_steps() -> None:
    values = pa.DictionaryArray.from_arrays(pa.array([0] * 5000, pa.int8()), ["x" * 1_000_000])
    table = pa.table({"a": values})
    for content in (arrow(table), parquet(table)):
        reader = read_parquet if content[:3] == b"PAR" else read_arrow
        batches = reader(io.BytesIO(content), "t", Limits())
        assert all(next(batches).table.nbytes < 1 << 28 for _ in range(2))


def test_texts_that_are_no_utf8_are_mended() -> None:
    bad = pa.Array.from_buffers(
        pa.string(), 2, [None, *pa.array([b"M\xfcller", b"Ann"], pa.binary()).buffers()[1:]]
    )
    for content in (parquet(pa.table({"a": bad})), arrow(pa.table({"a": bad}))):
        (batch,) = read(content)
        assert batch.table["a"].to_pylist() == ["M\ufffdller", "Ann"]


def test_two_columns_of_one_name() -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    (batch,) = read(arrow(table))
    assert batch.table.column_names == ["a", "a (2)"]


@pytest.mark.parametrize("content", [b"PARE" + b"x" * 90 + b"PARE", b"PAR1", b"PAR1" * 9])
def test_what_is_encrypted_or_damaged_is_refused(content: bytes) -> None:
    with pytest.raises(DataError):
        read(content)


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(FILES)),
    places=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=4),
    cut=st.floats(0, 1),
)
def test_a_damaged_file_is_rows_or_a_data_error(
    name: str, places: list[tuple[float, int]], cut: float
) -> None:
    content = bytearray(FILES[name])
    for place, byte in places:
        content[int(place * len(content))] = byte
    if not places:
        del content[int(cut * len(content)) :]
    with contextlib.suppress(DataError):
        read(bytes(content))


def orc(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pa_orc.write_table(table, sink, **options)
    return sink.getvalue()


def orc_rows(content: bytes) -> list[dict[str, object]]:
    batches = read_orc(io.BytesIO(content), "t", Limits())
    return [row for batch in batches for row in batch.table.to_pylist()]


def test_orc_gives_the_rows_that_parquet_gives(tmp_path: Path) -> None:
    table = TABLE.drop_columns(["kind"])
    (expected,) = read(parquet(table))
    assert orc_rows(orc(table, compression="zstd")) == expected.table.to_pylist()
    assert orc_rows(orc(table.slice(0, 0))) == []
    (tmp_path / "part-0").write_bytes(orc(table))
    (tmp_path / "play.txt").write_text("ORCHESTRA: Ann Smith\n")
    found = open_sources([str(tmp_path)])
    assert [one.form for one in found if isinstance(one, Document)] == ["orc", "text"]


def test_damaged_orc_is_an_error_and_ends_no_process() -> None:
    content = orc(TABLE.drop_columns(["kind"]))
    for damaged in (b"ORC", content[: len(content) // 2], content[:-30] + bytes(30)):
        with pytest.raises(DataError):
            orc_rows(damaged)


def test_an_encrypted_column_is_called_so(tmp_path: Path) -> None:
    keys = encryption.EncryptionConfiguration("k", column_keys={"k": ["a"]}, plaintext_footer=True)
    factory = encryption.CryptoFactory(Keys)
    properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), keys)
    with pq.ParquetWriter(
        tmp_path / "t", pa.schema([("a", pa.string())]), encryption_properties=properties
    ) as writer:
        writer.write_table(pa.table({"a": ["Ann"]}))
    with pytest.raises(DataError, match="encrypted"):
        read((tmp_path / "t").read_bytes())


class Keys(encryption.KmsClient):  # type: ignore[misc]
    """Keeps keys nowhere."""

    def __init__(self, _: object) -> None:
        super().__init__()

    def wrap_key(self, key_bytes: bytes, _: str) -> bytes:
        return base64.b64encode(key_bytes)
