"""If this fails, a scan of a large file needs memory that grows with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# A process of its own, whose largest memory is the reader's. What it reads isn't there at all.
SCRIPT = """
import io, resource, sys
from strongroom.data.documents import READERS
from strongroom.data.sources import Limits
from strongroom.data.sources._open import TABLES

form, begin, unit, size = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])

class Endless(io.RawIOBase):
    def __init__(self):
        self.left, self.waiting = size, begin.encode()
    def readable(self):
        return True
    def readinto(self, buffer):
        while self.left > 0 and len(self.waiting) < len(buffer):
            self.waiting += block
            self.left -= len(block)
        part = self.waiting[:len(buffer)]
        self.waiting = self.waiting[len(part):]
        buffer[:len(part)] = part
        return len(part)

block = unit.encode() * (1 << 16)
reader = {**READERS, **TABLES}[form]
rows = 0
for batch in reader(io.BufferedReader(Endless()), "endless", Limits()):
    rows = batch.first_row + batch.table.num_rows
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
"""
CASES = {
    "csv": ("csv", "name,mail,n\n", "Ann Miller,ann@example.org,12\n"),
    "csv in one line": ("csv", "name,mail\nAnn,", "word word word "),
    "csv in one quoted field": ("csv", 'name,mail\nAnn,"', "word word word "),
    "json lines": ("jsonl", "", '{"name": "Ann", "mail": "ann@example.org"}\n'),
    "json in one list": ("json", "[", '{"name": "Ann", "mail": "ann@example.org"}, '),
    "json in one string": ("json", '{"text": "', "word word word "),
    "text": ("text", "", "Ann Miller wrote to ann@example.org\n"),
    "text in one line": ("text", "", "word word word "),
}


def peak(case: str, size: int) -> tuple[int, int]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *CASES[case], str(size)],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parent,
    )  # fmt: skip
    rows, megabytes = done.stdout.split()
    return int(rows), int(megabytes)


@pytest.mark.parametrize("case", CASES)
def test_memory_does_not_grow_with_what_is_read(case: str) -> None:
    few, small = peak(case, 20_000_000)
    many, large = peak(case, 80_000_000)
    assert (
        many == few
        if "one line" in case or "one quoted" in case or "string" in case
        else many > 3 * few
    )
    assert large < small + 60
