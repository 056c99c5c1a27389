"""If this fails, a notebook can't use Strongroom: wrong types taken, heavy import, ugly results."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tests.conftest import made_up_people

import strongroom as sr
from strongroom.errors import BudgetExceededError, DataError
from strongroom.privacy import MemoryLedger

PEOPLE = made_up_people(500)
COLUMNS = {
    "age": sr.ColumnSpec(range=(0, 120), knots=(30, 50, 70)),
    "sex": sr.ColumnSpec(categories=("f", "m")),
    "ward": sr.ColumnSpec(categories=("north", "south", "east")),
    "stay": sr.ColumnSpec(range=(0, 30)),
}
TABLES = {
    "arrow": pa.Table.from_pylist(PEOPLE),
    "pandas": pd.DataFrame(PEOPLE),
    "polars": pl.DataFrame(PEOPLE),
}


@pytest.mark.parametrize("kind", TABLES)
def test_scan_and_anonymize_take_any_table(kind: str) -> None:
    found = sr.scan(TABLES[kind], target="readmitted")
    assert found.roles["email"] is sr.Role.DIRECT_IDENTIFIER
    assert "email" in str(found)
    assert "<table" in found._repr_html_()
    safe = sr.anonymize(TABLES[kind], k=5, quasi=["age", "sex", "ward"], target="readmitted")
    assert (safe.after.k or 0) >= 5
    assert "email" not in safe.dataset.columns
    assert "<table" in safe._repr_html_()
    assert str(safe)


def test_train_and_audit() -> None:
    spec = sr.TrainSpec(
        epochs=10, batch_size="full", privacy=sr.PrivacySpec(epsilon=2.0, canaries=50)
    )
    made = sr.train(
        TABLES["polars"][:350],
        spec,
        target="readmitted",
        test=TABLES["polars"][350:],
        columns=COLUMNS,
        rows=350,
    )
    assert made.privacy is not None
    assert made.privacy.epsilon <= 2.0 + 1e-9
    assert made.metrics["test"]["accuracy"] > 0.5
    result = sr.audit(
        made,
        members=TABLES["pandas"][:350],
        nonmembers=TABLES["pandas"][350:],
        preset="quick",
    )
    metrics = {f.metric: f for f in result.findings}
    assert metrics["privacy.epsilon"].value == pytest.approx(made.privacy.epsilon)
    bound = metrics["privacy.epsilon_lower_bound"].value
    assert bound is not None
    assert 0 <= bound <= 2.0
    assert "membership" in str(result)


def test_a_ledger_adds_up() -> None:
    ledger = MemoryLedger()
    spec = sr.TrainSpec(epochs=3, batch_size="full", privacy=sr.PrivacySpec(epsilon=1.0))
    _spend(spec, ledger)
    with pytest.raises(BudgetExceededError, match="left"):
        _spend(spec, ledger)
    assert len(ledger.entries("table")) == 1


def _spend(spec: sr.TrainSpec, ledger: MemoryLedger) -> None:
    sr.train(
        TABLES["arrow"],
        spec,
        target="readmitted",
        columns=COLUMNS,
        rows=500,
        ledger=ledger,
        budget=1.2,
    )


def test_what_is_no_table() -> None:
    with pytest.raises(DataError, match="cannot read a table from list"):
        sr.scan([1, 2, 3])
    with pytest.raises(DataError, match='no column "agee"'):
        sr.anonymize(TABLES["arrow"], quasi=["agee"])


def test_rooms_are_packages_and_functions() -> None:
    from strongroom.anonymize import risk

    assert callable(sr.anonymize)
    assert callable(sr.train)
    assert callable(sr.audit)
    assert getattr(sr.anonymize, "risk") is risk  # noqa: B009 - mypy sees the function only
    assert set(sr.__all__) <= set(dir(sr))
    with pytest.raises(AttributeError):
        getattr(sr, "nonsense")  # noqa: B009 - mypy knows that it isn't there


def test_importing_is_light() -> None:
    heavy = ["torch", "pyarrow", "numpy", "pydantic", "sqlalchemy", "rich", "click", "scipy"]
    code = f"import sys, strongroom; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
