"""If this fails, identifiers reach the release or what training reads, or rows differ.

The rows are made up; addresses and numbers are the ones reserved for examples.
"""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from strongroom.anonymize import Pseudonymiser, anonymize, minimize
from strongroom.config import AnonymizeSpec, ColumnSpec
from strongroom.data import Dataset, Kind, Role
from strongroom.errors import DataError

KEY = bytes(range(32))
NAMES = ["Wilhelmina Quist", "Bartholomew Oyelaran", "Philippa Marchetti", "Gwendolyn Abara"]


def people(rows: int = 40) -> pa.Table:
    random = np.random.default_rng(7)
    names = [f"{NAMES[i % 4]}" for i in range(rows)]
    mails = [f"person{i}@example.com" for i in range(rows)]
    notes = [
        f"Spoke with {names[i].split()[1]} on the line 212-555-01{i:02d}, wrote to {mails[i]}, "
        "and everything was settled to the satisfaction of all."
        for i in range(rows)
    ]
    return pa.table(
        {
            "person_id": [f"id-{i:04d}" for i in range(rows)],
            "name": names,
            "email": mails,
            "age": random.integers(20, 60, rows),
            "town": random.choice(["Ayr", "Bath", "Cork"], rows),
            "illness": random.choice(["flu", "gout", "none"], rows),
            "note": notes,
            "weight": random.normal(70, 9, rows),
            "well": random.choice(["yes", "no"], rows),
        }
    )


ROLES = {
    "person_id": Role.DIRECT_IDENTIFIER,
    "name": Role.DIRECT_IDENTIFIER,
    "email": Role.DIRECT_IDENTIFIER,
    "age": Role.QUASI_IDENTIFIER,
    "town": Role.QUASI_IDENTIFIER,
    "illness": Role.SENSITIVE,
    "note": Role.FEATURE,
    "weight": Role.FEATURE,
    "well": Role.TARGET,
}


def dataset(rows: int = 40) -> Dataset:
    return Dataset(people(rows), roles=ROLES, subject="person_id", name="people")


def every_text(table: pa.Table) -> str:
    return json.dumps(table.to_pylist(), default=str)


def test_identifiers_go_and_what_is_useful_stays() -> None:
    found = anonymize(dataset(), AnonymizeSpec(k=4, l=2), pseudonym_key=KEY)
    assert found.actions == {
        "person_id": "dropped",
        "name": "dropped",
        "email": "dropped",
        "age": "generalised",
        "town": "generalised",
        "illness": "kept",
        "note": "redacted (label)",
        "weight": "kept",
        "well": "kept",
    }
    assert found.dataset.columns == ("age", "town", "illness", "note", "weight", "well")
    assert found.dataset.subject is None
    assert found.dataset.roles["age"] is Role.QUASI_IDENTIFIER
    assert found.dataset.target == "well"
    for name in ("illness", "weight", "well"):
        assert found.dataset.table[name].equals(people()[name])
    for text in (every_text(found.dataset.table), every_text(found.minimized.table)):
        for secret in ("id-00", "@example", "555-01", *(n.split()[1] for n in NAMES)):
            assert secret not in text
    assert found.redacted["EMAIL_ADDRESS"] == 40
    assert found.after.k is not None
    assert found.after.k >= 4


def test_minimised_rows_keep_the_privacy_unit_as_a_pseudonym() -> None:
    small = minimize(dataset(), AnonymizeSpec(), KEY)
    assert small.dataset.subject == "person_id"
    assert small.dataset.roles["person_id"] is Role.IGNORE
    assert small.actions["person_id"] == "pseudonymised"
    expected = Pseudonymiser(KEY).tokens(people()["person_id"], "person_id")
    assert small.dataset.table["person_id"].to_pylist() == expected.to_pylist()
    assert small.dataset.table["age"].equals(people()["age"])
    assert "name" not in small.dataset.columns


def test_minimising_looks_at_each_row_alone() -> None:
    whole = minimize(dataset(), AnonymizeSpec(text="surrogate"), KEY, text_columns=["note"])
    for row in (0, 17, 39):
        alone = dataset().with_table(people().slice(row, 1))
        one = minimize(alone, AnonymizeSpec(text="surrogate"), KEY, text_columns=["note"])
        assert one.dataset.table.to_pylist() == whole.dataset.table.slice(row, 1).to_pylist()


@pytest.mark.parametrize("direct", ["drop", "pseudonymise"])
def test_pseudonyms_stay_where_they_are_asked_for(direct: str) -> None:
    spec = AnonymizeSpec.model_validate(
        {"k": 2, "direct": direct, "pseudonymise": ["person_id", "illness"]}
    )
    found = anonymize(dataset(), spec, pseudonym_key=KEY)
    assert found.actions["person_id"] == found.actions["illness"] == "pseudonymised"
    assert found.dataset.table["person_id"][0].as_py().startswith("person_id_")
    assert found.dataset.subject == "person_id"
    assert found.dataset.roles["illness"] is Role.IGNORE
    assert ("name" in found.dataset.columns) is (direct == "pseudonymise")


def test_without_a_key_pseudonyms_are_made_and_forgotten() -> None:
    spec = AnonymizeSpec(k=2, direct="pseudonymise")
    once, twice = (anonymize(dataset(), spec).dataset.table["email"] for _ in range(2))
    assert once[0] != twice[0]


@pytest.mark.parametrize("role", [Role.IGNORE, Role.FEATURE])
def test_a_subject_is_an_identifier_even_when_nobody_calls_it_one(role: Role) -> None:
    found = anonymize(dataset().with_roles({**ROLES, "person_id": role}), AnonymizeSpec(k=2))
    assert found.actions["person_id"] == "dropped"
    assert "id-00" not in every_text(found.minimized.table)


def test_columns_that_nobody_named_get_the_role_that_discover_suggests() -> None:
    bare = Dataset(people(), roles={"age": Role.QUASI_IDENTIFIER})
    found = anonymize(bare, AnonymizeSpec(k=2))
    assert found.actions["email"] == "dropped"
    assert found.actions["note"].startswith("redacted")


def test_declared_roles_win() -> None:
    found = anonymize(
        dataset(),
        AnonymizeSpec(k=2),
        columns={"weight": ColumnSpec(role="quasi_identifier"), "age": ColumnSpec(role="feature")},
    )
    assert found.actions["weight"] == "generalised"
    assert found.actions["age"] == "kept"
    with pytest.raises(DataError, match='no column "wieght"'):
        anonymize(dataset(), columns={"wieght": ColumnSpec(role="feature")})
    with pytest.raises(DataError, match='no column "emial"'):
        anonymize(dataset(), AnonymizeSpec(pseudonymise=("emial",)))


def test_without_quasi_identifiers_nothing_is_claimed() -> None:
    roles = {**ROLES, "age": Role.FEATURE, "town": Role.FEATURE}
    found = anonymize(dataset().with_roles(roles), AnonymizeSpec(k=5, l=2))
    assert found.after.k is None
    assert "no quasi-identifiers" in found.after.reason
    assert found.dataset.table.equals(found.minimized.table.drop_columns(["person_id"]))
    assert found.loss.discernibility is None
    assert "not evaluable" in str(found)


@pytest.mark.parametrize(
    ("mode", "expected"), [("label", "[EMAIL_ADDRESS]"), ("mask", "█" * 15), ("surrogate", "@")]
)
def test_a_text_corpus_is_redacted_and_that_is_all(mode: str, expected: str) -> None:
    corpus = Dataset(
        pa.table({"text": ["Write to ada@example.com", None, "Nothing."]}), kind=Kind.TEXT
    )
    spec = AnonymizeSpec.model_validate({"text": mode})
    found = anonymize(corpus, spec, pseudonym_key=KEY)
    lines = found.dataset.table["text"].to_pylist()
    assert lines[0].startswith("Write to ")
    assert expected in lines[0]
    assert "ada@" not in lines[0]
    assert lines[1:] == [None, "Nothing."]
    assert found.redacted == {"EMAIL_ADDRESS": 1}
    assert found.actions == {"text": f"redacted ({mode})"}
    assert "text has no quasi-identifiers" in found.before.reason


def test_nested_identifiers_can_be_dropped_but_not_pseudonymised() -> None:
    table = pa.table({"tags": [["a"], ["b"]], "age": [1, 1]})
    roles = {"tags": Role.DIRECT_IDENTIFIER, "age": Role.QUASI_IDENTIFIER}
    found = anonymize(Dataset(table, roles=roles), AnonymizeSpec(k=2))
    assert found.actions["tags"] == "dropped"
    with pytest.raises(DataError, match='column "tags" holds list'):
        anonymize(Dataset(table, roles=roles), AnonymizeSpec(k=2, direct="pseudonymise"))


def test_json_and_print_show_figures_and_never_a_value() -> None:
    found = anonymize(dataset(), AnonymizeSpec(k=4, l=2))
    document = json.loads(json.dumps(found.to_json()))
    assert set(document) == {
        "before",
        "after",
        "suppressed",
        "generalization",
        "loss",
        "redacted",
        "actions",
        "seconds",
    }
    assert set(document["loss"]) == {"ncp", "discernibility", "classification"}
    for shown in (str(found), found._repr_html_(), json.dumps(document)):
        assert "generalised" in shown
        for secret in ("Ayr", "gout", "example.com", "id-00", "Quist"):
            assert secret not in shown
    assert "40 (0 suppressed)" in str(found)
    assert "redacted" in str(found)


def test_a_notebook_shows_hostile_column_names_as_text() -> None:
    table = pa.table({"<script>": [1, 1], "b": [1, 2]})
    roles = {"<script>": Role.QUASI_IDENTIFIER, "b": Role.FEATURE}
    found = anonymize(Dataset(table, roles=roles), AnonymizeSpec(k=2))
    assert "<script>" not in found._repr_html_()
    assert "&lt;script&gt;" in found._repr_html_()


def test_importing_the_room_stays_light() -> None:
    heavy = ("torch", "scipy", "phonenumbers", "stdnum", "sqlalchemy")
    code = f"import strongroom.anonymize, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_text_in_records_is_redacted_and_lists_are_left_out() -> None:
    rows = [
        {"age": 30 + i % 4, "more": {"note": f"write to a{i}@b.example today"}, "tags": [f"t{i}"]}
        for i in range(40)
    ]
    made = anonymize(Dataset.of(pa.Table.from_pylist(rows)), AnonymizeSpec(k=2), pseudonym_key=KEY)
    for one in (made.dataset, made.minimized):
        assert "@b.example" not in str(one.table.to_pylist())
        assert "tags" not in one.columns
    assert made.actions["more.note"] == "redacted (label)"
    assert made.redacted["EMAIL_ADDRESS"] == 40


def test_ignored_columns_are_left_out() -> None:
    given = dataset().with_roles({**dataset().roles, "weight": Role.IGNORE})
    made = anonymize(given, AnonymizeSpec(k=4), pseudonym_key=KEY)
    assert made.actions["weight"] == "left out (ignored)"
    assert "weight" not in made.dataset.columns
    assert "weight" not in made.minimized.columns
