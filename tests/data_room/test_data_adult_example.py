"""If this fails, the demo's answer sheet is wrong, or its data can't be made again."""

from __future__ import annotations

import gzip
import importlib.util
import ipaddress
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import phonenumbers
import pyarrow as pa
import pytest
from stdnum import iban, luhn
from stdnum.us import ssn

from strongroom import config
from strongroom.data import read_dataset

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "adult"
ROWS = {"adult.csv.gz": 32_561, "adult_test.csv.gz": 16_281}


@pytest.fixture(scope="module")
def plant() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plant", FOLDER / "plant.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["plant"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return {name: read_dataset(FOLDER / name).table for name in ROWS}


@pytest.fixture(scope="module")
def gold() -> list[dict[str, Any]]:
    text = gzip.decompress((FOLDER / "planted.jsonl.gz").read_bytes()).decode()
    return [json.loads(line) for line in text.splitlines()]


def text_of(name: str) -> str:
    return gzip.decompress((FOLDER / name).read_bytes()).decode()


def test_the_files_are_small_and_whole(tables: dict[str, pa.Table], plant: ModuleType) -> None:
    for name, rows in ROWS.items():
        assert (FOLDER / name).stat().st_size < 1_900_000
        assert tables[name].num_rows == rows
        assert tuple(tables[name].column_names) == plant.HEADER
        assert set(tables[name].column("income").to_pylist()) == {"<=50K", ">50K"}


def test_the_script_makes_the_same_files_again(
    tmp_path: Path, tables: dict[str, pa.Table], plant: ModuleType
) -> None:
    # The two UCI files as published, taken back out of ours: dots, question marks and all.
    sources = []
    for name, dot in zip(ROWS, ("", "."), strict=True):
        columns = [c.to_pylist() for c in tables[name].select(plant.UCI).columns]
        rows = zip(*columns, strict=True)
        lines = [", ".join("?" if v is None else str(v) for v in row) + dot for row in rows]
        sources.append(tmp_path / name.removesuffix(".csv.gz"))
        sources[-1].write_text("\n".join(["|1x3 Cross validator", *lines, ""]))
    made = plant.build([plant.read_uci(path) for path in sources])
    assert set(made) == {*ROWS, "planted.jsonl.gz"}
    for name, text in made.items():
        # Not assert ==: pytest would take minutes to explain the difference.
        if text != text_of(name):
            pytest.fail(f"{name} is not what plant.py makes")


def test_uci_values_lie_within_what_the_demo_declares(tables: dict[str, pa.Table]) -> None:
    declared = config.load(FOLDER / "strongroom.toml").data
    assert declared.rows == ROWS[declared.source]
    for table in tables.values():
        for name, spec in declared.columns.items():
            values = set(table.column(name).to_pylist()) - {None}
            assert values <= set(spec.categories or values)
            assert set(spec.hierarchy) in (set(), set(spec.categories))
            if spec.range:
                assert spec.range[0] <= min(values) <= max(values) <= spec.range[1]


def test_planted_columns_single_out_people(tables: dict[str, pa.Table]) -> None:
    both = pa.concat_tables(tables.values())
    for name in ("person_id", "email", "ssn"):
        values = both.column(name).to_pylist()
        assert len(set(values)) == len(values)


def is_phone(text: str) -> bool:
    return bool(phonenumbers.is_valid_number(phonenumbers.parse(text, "US")))


def test_planted_columns_are_valid(tables: dict[str, pa.Table]) -> None:
    table = tables["adult_test.csv.gz"].slice(0, 4000)
    assert all(ssn.is_valid(v) for v in table.column("ssn").to_pylist())
    assert all(is_phone(v) for v in set(table.column("phone").to_pylist()) - {None})


LOOKS_RIGHT: dict[str, Callable[[str], object]] = {
    "PERSON": lambda text: text.istitle() or len(text.split()) >= 2,
    "EMAIL_ADDRESS": lambda text: text.count("@") == 1 and " " not in text,
    "PHONE_NUMBER": is_phone,
    "US_SSN": ssn.is_valid,
    "CREDIT_CARD": lambda text: luhn.is_valid(re.sub("[ -]", "", text)),
    "IBAN_CODE": iban.is_valid,
    "IP_ADDRESS": ipaddress.ip_address,
    "URL": lambda text: text.startswith(("http", "www.")) and " " not in text,
    "DATE_OF_BIRTH": lambda text: text.strip() == text and sum(map(str.isdigit, text)) >= 5,
    "SECRET": lambda text: text.startswith(("AKIA", "AIza", "ghp_", "eyJ")),
}


def test_every_line_of_the_gold_points_at_what_it_says(
    gold: list[dict[str, Any]], tables: dict[str, pa.Table]
) -> None:
    notes = {name: table.column("note").to_pylist() for name, table in tables.items()}
    found: dict[str, int] = {}
    for line in gold:
        if "column" in line:
            continue
        text = notes[line["file"]][line["row"]][line["start"] : line["end"]]
        assert LOOKS_RIGHT[line["entity"]](text), (line["entity"], text)
        found[line["entity"]] = found.get(line["entity"], 0) + 1
    assert found.keys() == LOOKS_RIGHT.keys()
    assert min(found.values()) > 100


def test_the_gold_names_every_planted_column_of_both_files(
    gold: list[dict[str, Any]], plant: ModuleType
) -> None:
    named = {(g["file"], g["column"], g["entity"]) for g in gold if "column" in g}
    assert named == {(f, c, e) for f in ROWS for c, e in plant.PLANTED.items()}


def test_the_lines_that_the_description_shows_are_lines_of_the_gold(
    gold: list[dict[str, Any]],
) -> None:
    shown = re.findall(r"^\{.*\}$", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE)
    assert len(shown) == 2
    assert all(json.loads(line) in gold for line in shown)


def test_half_of_the_notes_hold_nothing(
    gold: list[dict[str, Any]], tables: dict[str, pa.Table]
) -> None:
    notes = sum(len(t) - t.column("note").null_count for t in tables.values())
    telling = len({(g["file"], g["row"]) for g in gold if "row" in g})
    assert notes > 4000
    assert 0.4 < telling / notes < 0.6


def test_the_script_says_how_it_is_used(
    plant: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plant.main([]) == 2
    assert "usage" in capsys.readouterr().err
