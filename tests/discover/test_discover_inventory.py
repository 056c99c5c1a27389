"""If this fails, a scan of many files misses one, believes a stale answer, or stores a value."""

from __future__ import annotations

import gzip
import json
import os
import stat
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from strongroom.config import DiscoverSpec
from strongroom.data import Kind
from strongroom.data.sources import Batch, Limits, PassedOver, Unreadable
from strongroom.discover import _inventory as inventory
from strongroom.discover._cache import ScanCache
from strongroom.discover._found import Found
from strongroom.discover._inventory import scan_sources
from strongroom.discover._sample import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SPEC = DiscoverSpec(names=False)
PEOPLE = "name,mail\n" + "".join(f"Person {i},person{i}@example.org\n" for i in range(40))


def people(path: Path, content: str = PEOPLE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def cache_in(folder: Path, spec: DiscoverSpec = SPEC) -> ScanCache:
    return ScanCache(spec, None, Limits(), folder)


class Reads:
    """Told about progress: which files were read, since only those have batches."""

    def __init__(self) -> None:
        self.steps: list[tuple[float, float, str]] = []

    def step(self, done: float, total: float, note: str = "") -> None:
        self.steps.append((done, total, note))


def test_everything_below_a_folder_is_scanned_and_what_cannot_be_is_listed(tmp_path: Path) -> None:
    people(tmp_path / "a.csv")
    people(tmp_path / "b/c.jsonl", '{"mail": "ann@example.org"}\n' * 20)
    people(tmp_path / "b/notes.txt", "Write to ann@example.org\nor call.\n")
    (tmp_path / "d.parquet").write_bytes(b"no parquet")
    rows = "".join(f"Person {i},person{i}@example.org\n" for i in range(90_000))
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress(f"name,mail\n{rows}".encode())[:-4000])
    (tmp_path / "f.so").write_bytes(b"\x7fELF\0\1\2\3" * 99)
    seen = list(scan_sources([str(tmp_path), str(tmp_path / "missing")], SPEC))
    said = [(s.name if isinstance(s, Found) else s.path, type(s)) for s in seen]
    assert said == [
        (f"{tmp_path}/a.csv", Found),
        (f"{tmp_path}/b/c.jsonl", Found),
        (f"{tmp_path}/b/notes.txt", Found),
        (f"{tmp_path}/d.parquet", Unreadable),
        (f"{tmp_path}/e.csv.gz", Found),
        (f"{tmp_path}/e.csv.gz", Unreadable),
        (f"{tmp_path}/f.so", PassedOver),
        (f"{tmp_path}/missing", Unreadable),
    ]
    table, _, text, _, part, why, *_ = seen
    assert isinstance(table, Found)
    assert (table.rows, table.looked_at, table.kind) == (40, 40, Kind.TABLE)
    assert table.entities["EMAIL_ADDRESS"] == 40
    assert isinstance(text, Found)
    assert (text.kind, text.entities) == (Kind.TEXT, {"EMAIL_ADDRESS": 1})
    assert isinstance(part, Found)
    assert part.entities["EMAIL_ADDRESS"] > 1000
    assert part.notes[-1] == "could not be read to its end"
    assert isinstance(why, Unreadable)


def test_progress_ends_with_everything_done(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        people(tmp_path / name)
    reads = Reads()
    list(scan_sources([str(tmp_path)], SPEC, progress=reads))
    done = [step[0] for step in reads.steps]
    assert done == sorted(done)
    assert reads.steps[-1][:2] == (2 * len(PEOPLE), 2 * len(PEOPLE))


def test_reading_ahead_changes_nothing_and_leaves_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "".join(f"{i},Person {i},person{i % 7}@example.org\n" for i in range(300_000))
    path = people(tmp_path / "a.csv", f"id,name,mail\n{lines}")
    started: list[Iterator[Batch]] = []
    ahead = inventory._ahead

    def watched(batches: Iterator[Batch]) -> Iterator[Batch]:
        started.append(batches)
        return ahead(batches)

    monkeypatch.setattr(inventory, "_ahead", watched)
    (alone,) = scan_sources([str(path)], SPEC)
    assert not started
    monkeypatch.setattr(inventory, "_LARGE_BYTES", 1 << 20)
    (found,) = scan_sources([str(path)], SPEC)
    assert len(started) == 1
    assert isinstance(alone, Found)
    assert isinstance(found, Found)
    assert replace(found, seconds=0.0) == replace(alone, seconds=0.0)
    assert found.entities["EMAIL_ADDRESS"] == 300_000
    assert not [t for t in threading.enumerate() if t.name.startswith("read")]


# Incremental


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    path = people(tmp_path / "data/a.csv")
    people(tmp_path / "data/b.csv")
    cache = cache_in(tmp_path / "cache")
    first = list(scan_sources([str(tmp_path / "data")], SPEC, cache=cache))
    path.with_name("b.csv").write_text(PEOPLE.replace("person1@", "person1 at "))
    # What can't be opened any more is proof that it isn't.
    reads = Reads()
    second = list(scan_sources([str(tmp_path / "data")], SPEC, cache=cache, progress=reads))
    assert second[0] == first[0]
    assert second[1] != first[1]
    assert [note for *_, note in reads.steps].count(str(path)) == 1
    assert [note for *_, note in reads.steps].count(str(path.with_name("b.csv"))) > 1


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_text(PEOPLE + "x,y\n"),
        lambda path: path.write_text(PEOPLE[::-1]),
        lambda path: os.utime(path, ns=(1, 1)),
    ],
)
def test_any_change_of_a_file_makes_it_new(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    path = people(tmp_path / "a.csv")
    cache = cache_in(tmp_path / "cache")
    list(scan_sources([str(path)], SPEC, cache=cache))
    change(path)
    reads = Reads()
    list(scan_sources([str(path)], SPEC, cache=cache, progress=reads))
    assert len(reads.steps) > 2


def test_another_specification_or_target_is_another_question(tmp_path: Path) -> None:
    path = people(tmp_path / "a.csv")
    mine = tmp_path / "mine.toml"
    mine.write_text("")
    spec = DiscoverSpec(names=False, recognizers=(str(mine),))
    list(scan_sources([str(path)], SPEC, cache=cache_in(tmp_path / "cache")))
    caches = [
        cache_in(tmp_path / "cache", DiscoverSpec(names=False, country="DE")),
        cache_in(tmp_path / "cache", spec),
        ScanCache(SPEC, "mail", Limits(), tmp_path / "cache"),
        ScanCache(SPEC, None, Limits(ocr=False), tmp_path / "cache"),
    ]
    before = caches[1]._settings
    mine.write_text("# changed")
    assert cache_in(tmp_path / "cache", spec)._settings != before
    entries = len(list((tmp_path / "cache").iterdir()))
    for cache in caches[:1] + caches[2:]:
        list(scan_sources([str(path)], SPEC, cache=cache))
        assert len(list((tmp_path / "cache").iterdir())) == entries + 1
        entries += 1


def test_entries_hold_no_value_and_are_only_for_their_owner(tmp_path: Path) -> None:
    people(tmp_path / "data/a.csv")
    people(tmp_path / "data/b.txt", "Write to ann@example.org\n")
    (tmp_path / "data/c.so").write_bytes(b"\x7fELF\0\1\2\3" * 99)
    (tmp_path / "data/d.parquet").write_bytes(b"no parquet")
    cache = cache_in(tmp_path / "cache")
    first = list(scan_sources([str(tmp_path / "data")], SPEC, cache=cache))
    entries = list((tmp_path / "cache").iterdir())
    assert len(entries) == 4
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700
    for entry in entries:
        assert stat.S_IMODE(entry.stat().st_mode) == 0o600
        assert "example.org" not in entry.read_text()
        assert "Person" not in entry.read_text()
    second = list(scan_sources([str(tmp_path / "data")], SPEC, cache=cache))
    assert [repr(s) for s in second] == [repr(s) for s in first]
    assert second[0] == first[0]


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b'{"format": 1}',
        b"[" * 100_000,
        b'{"format": "strongroom scan cache 1", "version": "V", "scanned": [{"found": {}}]}',
        b'{"format": "strongroom scan cache 1", "version": "V", "scanned": [{"x": 1}]}',
        b'{"format": "strongroom scan cache 1", "version": "V", "scanned": 1}',
    ],
)
def test_a_damaged_entry_is_as_good_as_none(tmp_path: Path, damage: bytes) -> None:
    path = people(tmp_path / "a.csv")
    cache = cache_in(tmp_path / "cache")
    (first,) = scan_sources([str(path)], SPEC, cache=cache)
    (entry,) = (tmp_path / "cache").iterdir()
    version = json.loads(entry.read_bytes())["version"]
    entry.write_bytes(damage.replace(b'"V"', json.dumps(version).encode()))
    (second,) = scan_sources([str(path)], SPEC, cache=cache)
    assert isinstance(first, Found)
    assert isinstance(second, Found)
    assert second.entities == first.entities
    assert json.loads(entry.read_bytes())["version"] == version


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    path = people(tmp_path / "a.csv")
    (tmp_path / "cache").write_text("a file is in the way")
    (found,) = scan_sources([str(path)], SPEC, cache=cache_in(tmp_path / "cache"))
    assert isinstance(found, Found)


# Samples


def batches_of(total: int, size: int) -> list[Batch]:
    return [
        Batch(pa.table({"n": np.arange(start, min(total, start + size))}), start)
        for start in range(0, total, size)
    ]


def test_every_row_is_as_likely_as_any_other_in_a_sample() -> None:
    hits = np.zeros(200)
    for shift in range(600):
        # The coins are the same each time; other rows stand in the same places.
        rolled = np.roll(np.arange(200), 37 * shift)
        parts = [Batch(pa.table({"n": rolled[i : i + 23]}), i) for i in range(0, 200, 23)]
        for batch in Sample(parts, 20):
            hits[batch.table["n"].to_numpy()] += 1
    assert hits.sum() == 600 * 20
    # 60 expected each; five standard deviations of a binomial.
    assert abs(hits - 60).max() < 5 * np.sqrt(60)


@pytest.mark.parametrize(("total", "size"), [(0, 5), (3, 5), (5, 5), (6, 5), (100_000, 50)])
def test_a_sample_has_the_rows_it_says(total: int, size: int) -> None:
    sample = Sample(batches_of(total, 1000), size)
    rows = [n for batch in sample for n in batch.table["n"].to_pylist()]
    assert rows == sorted(set(rows))
    assert len(rows) == min(total, size) == sample.seen
    assert sample.rows == total
    assert (sample.note() is None) == (total <= size)
    again = [n for b in Sample(batches_of(total, 1000), size) for n in b.table["n"].to_pylist()]
    assert again == rows


def test_what_a_sample_leaves_open_is_said_with_its_confidence(tmp_path: Path) -> None:
    rows = "".join(f"{i},person{i}@example.org\n" for i in range(5000))
    path = people(tmp_path / "a.csv", f"id,mail\n{rows}")
    spec = DiscoverSpec(names=False, max_rows=300)
    (found,) = scan_sources([str(path)], spec)
    assert isinstance(found, Found)
    assert (found.rows, found.looked_at) == (5000, 300)
    assert found.entities["EMAIL_ADDRESS"] == 300
    (note,) = found.notes
    assert note.startswith("looked at 300 of 5,000 rows: what was not found there is in less than")
    assert note.endswith("0.99 % of rows (95 % confidence)")
