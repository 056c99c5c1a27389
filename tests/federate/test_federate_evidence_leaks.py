"""If this fails, rows leave a site and the search says that none did; or it cries wolf."""

from __future__ import annotations

import base64
import bz2
import csv
import gzip
import hashlib
import io
import json
import lzma
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.data import Dataset, Role
from strongroom.federate.evidence import _kernels as kernels
from strongroom.federate.evidence import search_leaks
from strongroom.federate.evidence._index import Index, Needles
from strongroom.federate.evidence._views import Budget, View, squeeze, squeezed, views
from strongroom.models import TableEncoder
from strongroom.vault import canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 300
ROW = 123
PLANTED = ("quill.abernathy@example.org", "Zoë Ünlü-Çelik", "4711x")


def clinic() -> Dataset:
    draw = np.random.default_rng(5)
    return Dataset(
        pa.table(
            {
                "name": [f"Person {k:04d} of {draw.choice(['Ulm', 'Gera'])}" for k in range(ROWS)],
                "age": draw.integers(18, 90, ROWS),
                "stay": draw.normal(9, 4, ROWS),
                "dose": draw.integers(1, 4000, ROWS),
                "zip": draw.integers(10_000, 99_999, ROWS),
                "ward": draw.choice(["north", "south"], ROWS),
                "note": [
                    f"{draw.bytes(40).hex(' ', 5)}: seen in the emergency department, sent home"
                    for _ in range(ROWS)
                ],
                "ill": draw.choice(["no", "yes"], ROWS),
            }
        ),
        roles={"ill": Role.TARGET, "name": Role.DIRECT_IDENTIFIER},
    )


CLINIC = clinic()
ENCODED = TableEncoder.from_specs(
    CLINIC.table.schema, ["age", "stay", "dose", "zip", "ward"]
).encode(CLINIC.table)
RECORD: dict[str, Any] = CLINIC.table.slice(ROW, 1).to_pylist()[0]
NUMBERS = [RECORD[c] for c in ("age", "stay", "dose", "zip")]


def noise(size: int = 40_000, seed: int = 1) -> bytes:
    return np.random.default_rng(seed).standard_normal(size).astype(np.float32).tobytes()


def csv_line(values: list[Any], delimiter: str = ",") -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerow(values)
    return out.getvalue().encode()


def zipped(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.json", content)
    return out.getvalue()


def in_noise(row: np.ndarray) -> bytes:
    """A row in the middle of an update of the right length."""
    update = np.frombuffer(noise(), np.float32).astype(row.dtype)
    update[1001 : 1001 + row.size] = row
    return update.tobytes()


JSON = json.dumps(RECORD).encode()
LEAKS: dict[str, bytes] = {
    "json": JSON,
    "compact json": json.dumps(RECORD, separators=(",", ":")).encode(),
    "values": json.dumps(list(RECORD.values())).encode(),
    "python": repr(list(RECORD.values())).encode(),
    "csv": csv_line(list(RECORD.values())),
    "tsv": csv_line(list(RECORD.values()), "\t"),
    "three columns": csv_line([RECORD["stay"], RECORD["dose"], RECORD["zip"]]),
    "name": RECORD["name"].encode(),
    "name in utf-16": RECORD["name"].encode("utf-16"),
    "half a note": RECORD["note"][10:62].encode(),
    "hash": hashlib.sha256(canonical_json(RECORD)).digest(),
    "hash in hex": hashlib.sha256(canonical_json(RECORD)).hexdigest().encode(),
    "encoded": in_noise(ENCODED[ROW]),
    "encoded in double": in_noise(ENCODED[ROW].astype(np.float64)),
    "numbers": in_noise(np.array(NUMBERS, np.float64)),
    "numbers in single": in_noise(np.array(NUMBERS, np.float32)),
    "numbers, big-endian": b"xyz" + np.array(NUMBERS, ">f8").tobytes(),
    "column": b"x" + np.asarray(CLINIC.table["dose"])[120:136].astype("<i4").tobytes(),
    "arrow": pa.serialize_pandas(CLINIC.table.slice(ROW, 1).to_pandas()).to_pybytes()
    if hasattr(pa, "serialize_pandas")
    else JSON,
}
HIDDEN: dict[str, Callable[[bytes], bytes]] = {
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": zipped,
    "base64": base64.b64encode,
    "urlsafe base64": base64.urlsafe_b64encode,
    "hex": lambda content: content.hex().encode(),
    "base64 of zlib": lambda content: base64.b64encode(zlib.compress(content)),
    "hex of base64 of gzip": lambda content: (
        base64.b64encode(gzip.compress(content)).hex().encode()
    ),
    "upper case": bytes.upper,
    "percent signs": lambda content: "".join(f"%{byte:02x}" for byte in content).encode(),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_row_is_found_whatever_it_looks_like(name: str) -> None:
    captured = [noise(seed=2), noise(seed=3) + LEAKS[name] + noise(seed=4)]
    report = search_leaks(captured, CLINIC, inputs=ENCODED)
    assert not report.clean
    assert {leak.message for leak in report.leaks} == {1}
    near = {ROW, ROW // 8 * 8} if name == "column" else {ROW}
    assert near & {leak.row for leak in report.leaks}


@pytest.mark.parametrize("way", HIDDEN)
def test_a_row_is_found_behind(way: str) -> None:
    hidden = b'{"update": "' + HIDDEN[way](JSON) + b'"}'
    report = search_leaks([noise(), noise(seed=3) + hidden], CLINIC)
    assert ROW in {leak.row for leak in report.leaks}
    assert report.planted_found == 0


@pytest.mark.parametrize("text", PLANTED)
@pytest.mark.parametrize(
    "write",
    [
        str.encode,
        lambda text: text.encode("utf-16-be"),
        lambda text: json.dumps({"a": text}).encode(),
        lambda text: base64.b64encode(b"ab" + text.encode() * 4),
        lambda text: zlib.compress(text.encode() * 3),
    ],
)
def test_a_planted_identifier_is_found(text: str, write: Callable[[str], bytes]) -> None:
    if text == "4711x" and text.encode() not in write(text):
        text = PLANTED[0]  # identifiers of few letters are searched for in UTF-8 alone
    report = search_leaks([noise(), write(text)], CLINIC, planted=PLANTED)
    assert {leak.row for leak in report.leaks} == {PLANTED.index(text)}
    assert report.planted_found == 1
    assert report.rows_found == 0


def test_updates_gradients_and_declarations_are_no_leak() -> None:
    declared = {"ward": ["north", "south"], "ill": ["no", "yes"], "age": {"range": [0, 100]}}
    mean = ENCODED.mean(axis=0)
    captured = [
        json.dumps(declared).encode(),
        mean.tobytes(),
        (ENCODED[ROW] * 0.3).astype(np.float32).tobytes(),
        np.zeros(5000, np.float32).tobytes(),
        np.ones(5000).tobytes(),
        np.arange(5000).tobytes(),
        noise(300_000),
        bytes(range(256)) * 100,
    ]
    report = search_leaks(captured, CLINIC, inputs=ENCODED, planted=PLANTED[:2])
    assert report.clean, report.leaks
    assert report.searchable == ROWS
    assert report.chance < 1e-6
    assert report.pieces == len(captured)
    assert report.size == sum(map(len, captured))


def test_other_peoples_rows_are_not_found() -> None:
    others = clinic().table.slice(0, 100)
    mine = CLINIC.with_table(CLINIC.table.slice(100))
    lines = b"\n".join(csv_line(list(r.values())) for r in others.to_pylist())
    assert search_leaks([lines], mine, inputs=ENCODED[100:]).clean


def test_what_everybody_may_know_is_no_leak_and_what_was_planted_always_is() -> None:
    told = json.dumps({"categories": [RECORD["name"]], "to": PLANTED[0]}).encode()
    public = [told]
    assert search_leaks([told], CLINIC, public=public).clean
    assert search_leaks([told], CLINIC, public=public, planted=PLANTED).planted_found == 1


def test_a_report_never_tells_what_was_found() -> None:
    said = json.dumps(search_leaks([JSON], CLINIC, planted=PLANTED).to_json())
    assert RECORD["name"] not in said
    assert str(RECORD["zip"]) not in said


def test_what_cannot_be_unpacked_is_not_clean() -> None:
    bomb = zlib.compress(bytes(50_000_000))
    report = search_leaks([bomb], CLINIC.with_table(CLINIC.table.slice(0, 5)))
    assert report.unread
    assert not report.clean


def test_nothing_and_no_rows() -> None:
    assert search_leaks([], CLINIC).clean
    empty = CLINIC.with_table(CLINIC.table.slice(0, 0))
    assert search_leaks([JSON], empty).clean


def test_images_and_their_pixels_are_found() -> None:
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (6, 1, 8, 8)).astype(np.float32)
    files = [b"\x89PNG" + draw.bytes(300) for _ in range(6)]
    table = pa.table({"image": pa.array(files, pa.binary()), "digit": ["a", "b"] * 3})
    data = Dataset(table, roles={"digit": Role.TARGET})
    for content in (
        files[2],
        files[2][50:120],
        pixels[2].tobytes(),
        pixels[2].astype(np.uint8).tobytes(),
    ):
        report = search_leaks([noise() + content], data, inputs=pixels)
        assert {leak.row for leak in report.leaks} == {2}


# The loops, beside plain Python


@given(
    st.lists(st.binary(min_size=8, max_size=40), min_size=1, max_size=12),
    st.lists(st.integers(0, 11), max_size=6),
    st.binary(max_size=60),
)
@settings(max_examples=60, deadline=None)
def test_the_index_finds_what_find_finds(parts: list[bytes], order: list[int], gap: bytes) -> None:
    needles = Needles()
    needles.add(parts, list(range(len(parts))), "form")
    index = Index.of(needles)
    hay = gap + gap.join(parts[i % len(parts)] for i in order) + gap[:5]
    told = {
        int(index.rows[n]): (first, times)
        for n, first, times in index.find(np.frombuffer(hay, np.uint8))
    }
    for number, part in enumerate(parts):
        starts = [i for i in range(len(hay)) if hay.startswith(part, i)]
        assert told.get(number) == ((starts[0], len(starts)) if starts else None)


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_squeezing_in_a_loop_is_squeezing(content: bytes) -> None:
    view = squeezed(View((), np.frombuffer(content, np.uint8), np.zeros((2, 1), np.int64)))
    assert view.content.tobytes().strip(b"\x1f") == squeeze(content)


@given(st.binary(max_size=300), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_runs_and_heads(content: bytes, least: int) -> None:
    inside = np.zeros(256, np.bool_)
    inside[:128] = True
    hay, out = np.frombuffer(content, np.uint8), np.zeros((300, 2), np.int64)
    found = [tuple(r) for r in out[: kernels.runs(hay, inside, least, out)].tolist()]
    plain, begin = [], None
    for i, byte in enumerate([*content, 255]):
        if byte < 128 and begin is None:
            begin = i
        if byte >= 128 and begin is not None:
            plain += [(begin, i)] if i - begin >= least else []
            begin = None
    assert found == plain
    heads = np.zeros(300, np.int64)
    count = kernels.zlib_heads(hay, heads)
    assert heads[:count].tolist() == [
        i
        for i in range(len(content) - 1)
        if content[i] % 16 == 8
        and content[i] < 128
        and not content[i + 1] & 32
        and (content[i] * 256 + content[i + 1]) % 31 == 0
    ]


@given(st.binary(min_size=30, max_size=400))
@settings(max_examples=30, deadline=None)
def test_whatever_is_packed_is_seen(content: bytes) -> None:
    content += bytes(range(30))  # too much for it to become a few letters
    packed = base64.b64encode(zlib.compress(content))
    seen = views(np.frombuffer(b"xx " + packed + b" yy", np.uint8), Budget())
    assert any(content in view.content.tobytes() for view in seen)
