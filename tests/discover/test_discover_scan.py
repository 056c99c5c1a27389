"""If this fails, columns get the wrong role: identifiers stay in, or useful columns go."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import random
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from strongroom.config import DiscoverSpec
from strongroom.data import Dataset, Kind, Role, read_dataset
from strongroom.discover import Found, find_dataset_spans, scan
from strongroom.discover._found import percent
from strongroom.errors import DataError

DATA = Path(__file__).parent.parent / "data"
ADULT = DATA / "adult_sample.csv"
QUASI = {"age", "workclass", "education", "education-num", "marital-status", "occupation",
         "relationship", "race", "sex", "native-country"}  # fmt: skip
GIVEN = ["James", "Mary", "Robert", "Patricia", "Ahmed", "Olga", "María", "Wei", "Linda", "David"]
FAMILY = ["Miller", "Nowak", "Okafor", "García", "O'Brien", "van Dyke", "Smith-Jones", "Li", "Kaya"]
STREETS = ["Oak Street", "Main St", "Elm Avenue", "Harbour Road", "Station Lane", "Mill Drive"]


def planted(rows: int, seed: int = 3) -> dict[str, list[Any]]:
    draw = random.Random(seed)
    luhn = [n for n in range(4000_0000_0000_0000, 4000_0000_0000_9000) if _luhn(str(n))][:rows]
    return {
        "name": [f"{draw.choice(GIVEN)} {draw.choice(FAMILY)}" for _ in range(rows)],
        "email": [f"person{i}@mail.example.org" for i in range(rows)],
        "ssn": [f"{draw.randint(100, 600)}-{draw.randint(10, 99)}-{draw.randint(1000, 9999)}"
                for _ in range(rows)],
        "phone": [f"(212) 555-{draw.randint(1000, 9999)}" for _ in range(rows)],
        "address": [f"{draw.randint(1, 999)} {draw.choice(STREETS)}, Springfield"
                    for _ in range(rows)],
        "iban": [_iban(f"{draw.randint(10**17, 10**18 - 1)}") for _ in range(rows)],
        "credit_card": luhn,
        "notes": [f"Caller {draw.choice(GIVEN)} asked to be reached at person{i}@mail.example.org "
                  "about the last letter" for i in range(rows)],
        "customer_id": [100_000 + i for i in range(rows)],
        "zip": [f"{draw.randint(10000, 99999)}" for _ in range(rows)],
        "date_of_birth": [dt.date(1940 + i % 60, 1 + i % 12, 1 + i % 28).isoformat()
                          for i in range(rows)],
        "diagnosis": [draw.choice(["E11.9", "I10", "J45.909", "F32.1"]) for _ in range(rows)],
        "salary": [draw.randint(20, 90) * 1000 for _ in range(rows)],
        "religion": [draw.choice(["a", "b", "c"]) for _ in range(rows)],
    }  # fmt: skip


def _luhn(digits: str) -> bool:
    total = 0
    for i, c in enumerate(reversed(digits)):
        total += int(c) if i % 2 == 0 else sum(divmod(2 * int(c), 10))
    return total % 10 == 0


def _iban(account: str) -> str:
    check = 98 - int(account + "131400") % 97
    return f"DE{check:02d}{account}"


def roles(table: dict[str, list[Any]], target: str | None = None) -> Found:
    return scan(Dataset.of(pa.table(table), name="made up"), target=target)


def test_adult_has_no_direct_identifier_and_its_known_quasi_identifiers() -> None:
    found = scan(read_dataset(ADULT))
    assert found.roles["income"] is Role.TARGET
    assert {c for c, r in found.roles.items() if r is Role.QUASI_IDENTIFIER} == QUASI
    assert Role.DIRECT_IDENTIFIER not in found.roles.values()
    assert found.roles["fnlwgt"] is Role.FEATURE
    assert "alone it singles out" in found.column("fnlwgt").reason
    assert "single out" in found.column("age").reason
    assert "special category" in found.column("race").reason
    assert not found.free_text


def test_planted_identifiers_are_all_found_beside_adults_columns() -> None:
    adult = read_dataset(ADULT)
    table = adult.table
    for name, values in planted(adult.rows).items():
        if len(values) == adult.rows:
            table = table.append_column(name, pa.array(values))
    found = scan(Dataset.of(table), target="income")
    direct = {c for c, r in found.roles.items() if r is Role.DIRECT_IDENTIFIER}
    assert direct == {"name", "email", "ssn", "phone", "address", "iban", "customer_id"}
    assert found.column("income").reason == "you named it"


def test_every_planted_column_gets_its_role_and_says_why() -> None:
    found = roles(planted(600))
    first = {c.name: c.entities[0].entity for c in found.columns if c.entities}
    assert {c: r.value for c, r in found.roles.items()} == {
        **dict.fromkeys(
            ("name", "email", "ssn", "phone", "address", "iban", "credit_card", "customer_id"),
            "direct_identifier",
        ),
        "notes": "feature",
        "zip": "quasi_identifier",
        "date_of_birth": "quasi_identifier",
        "diagnosis": "sensitive",
        "salary": "sensitive",
        "religion": "sensitive",
    }
    assert first["name"] == "PERSON"
    assert first["email"] == "EMAIL_ADDRESS"
    assert first["address"] == "STREET_ADDRESS"
    assert first["credit_card"] == "CREDIT_CARD"
    assert first["date_of_birth"] == "DATE_OF_BIRTH"
    assert found.column("email").reason == "validated, unique in 100 % of rows"
    assert found.column("diagnosis").looks_like == "category (ICD-10)"
    assert "GDPR Art. 9" in found.column("religion").reason
    assert found.free_text == ("notes",)
    assert found.entities["EMAIL_ADDRESS"] == 1200
    assert all(c.reason and c.looks_like for c in found.columns)


def test_german_credit_and_diabetes_are_read_with_sense() -> None:
    german = scan(read_dataset(DATA / "german_credit/german_400.csv")).roles
    assert Role.DIRECT_IDENTIFIER not in german.values()
    assert german["own_telephone"] is Role.FEATURE
    assert german["class"] is Role.TARGET
    assert {"age", "personal_status", "foreign_worker", "housing"} <= {
        c for c, r in german.items() if r is Role.QUASI_IDENTIFIER
    }
    diabetes = scan(read_dataset(DATA / "diabetes130/diabetic_600.csv"))
    assert {c for c, r in diabetes.roles.items() if r is Role.DIRECT_IDENTIFIER} == {
        "encounter_id",
        "patient_nbr",
    }
    assert {"diag_1", "diag_2", "diag_3", "A1Cresult", "max_glu_serum"} <= {
        c for c, r in diabetes.roles.items() if r is Role.SENSITIVE
    }
    assert diabetes.roles["readmitted"] is Role.TARGET
    assert diabetes.column("diag_1").looks_like == "category (ICD-9)"


def test_a_key_of_a_person_that_repeats_is_still_a_key() -> None:
    found = roles({"patient_nbr": [7_000_000 + i // 3 for i in range(600)], "x": [1.5] * 600})
    assert found.roles["patient_nbr"] is Role.DIRECT_IDENTIFIER
    assert "may be the subject" in found.column("patient_nbr").reason
    assert roles({"type_id": [i % 4 for i in range(600)]}).roles["type_id"] is Role.FEATURE


@pytest.mark.parametrize(
    ("name", "values", "role"),
    [
        ("whatever", [str(uuid.UUID(int=i)) for i in range(40)], Role.DIRECT_IDENTIFIER),
        ("first.name", ["Ann", "Bob", "Cy", "Di"] * 5, Role.DIRECT_IDENTIFIER),
        ("marital.status", ["a", "b", "c"] * 5, Role.QUASI_IDENTIFIER),
        ("homePhone", ["2125550143", "3125550199", "4155550111"], Role.DIRECT_IDENTIFIER),
        ("home_phone", [2125550143, 3125550199, 4155550111], Role.DIRECT_IDENTIFIER),
        ("phone", [2125550143.0, None, 4155550111.0, 3125550199.0], Role.DIRECT_IDENTIFIER),
        ("v1", ["James Miller", "Mary Nowak", "Linda Li", "David Kaya"], Role.DIRECT_IDENTIFIER),
        ("product_name", ["Blue Chair", "Red Table", "Oak Shelf", "Tin Lamp"], Role.FEATURE),
        ("username", ["kay_9", "zed77", "moon-x", "abc.d"], Role.DIRECT_IDENTIFIER),
        ("mrn", ["A-77", "B-78", "C-79", "D-80"], Role.DIRECT_IDENTIFIER),
        ("contact", ["a@b.example", "+44 7700 900123", "c@d.example", "+49 30 901820"],
         Role.DIRECT_IDENTIFIER),
        ("homepage", ["https://example.org"] * 9 + ["https://example.com"], Role.FEATURE),
        ("homepage", [f"https://example.org/~u{i}" for i in range(9)], Role.DIRECT_IDENTIFIER),
        ("v2", ["M", "F", "F", "M", "F"], Role.QUASI_IDENTIFIER),
        ("v3", ["White", "Black", "Asian", "Other", "White"], Role.QUASI_IDENTIFIER),
        ("v4", ["E11.9", "I10.0", "J45.909", "F32.1", "K21.0"], Role.SENSITIVE),
        ("v5", ["CA", "NY", "TX", "CA", "WA"], Role.QUASI_IDENTIFIER),
        ("v6", ["single", "married", "widowed", "single"], Role.QUASI_IDENTIFIER),
        ("v7", ["born 1980-02-01", "born 1981-02-01", "born 1979-03-04"], Role.QUASI_IDENTIFIER),
        ("dob", [dt.date(1980, 1, 1), dt.date(1981, 1, 1), None],
         Role.QUASI_IDENTIFIER),
        ("birth", [1.0, 2.0, 2.0], Role.FEATURE),
        ("seen", ["2020-01-01", "2020-01-02", "2020-01-02"], Role.FEATURE),
        ("empty", [None, None, None], Role.IGNORE),
        ("blank", ["", "  ", ""], Role.IGNORE),
        ("raw", [b"\xff\x00", b"\xfe", b"\xff\x00"], Role.FEATURE),
        ("mixed", ["x", "y", "write a@b.example", "z"] * 3, Role.FEATURE),
        ("price", [decimal.Decimal("1.50"), decimal.Decimal("2.50")], Role.FEATURE),
        ("account number", [1e300, 2e300, 3e300], Role.DIRECT_IDENTIFIER),
        ("born", ["1980", "1981", "1982"], Role.FEATURE),
        ("flag", [True, False, None], Role.FEATURE),
        ("index_key", [1.5, 2.5, 3.5], Role.FEATURE),
        ("comment_id", ["a b c d", "b c d e", "c d e f"], Role.FEATURE),
    ],
)  # fmt: skip
def test_one_column_by_itself(name: str, values: list[Any], role: Role) -> None:
    table = pa.table({name: values, "filler": [0.25 * i for i in range(len(values))]})
    assert scan(Dataset.of(table)).roles[name] is role


def test_the_last_column_with_two_values_is_suggested_as_target_unless_it_is_known() -> None:
    assert roles({"x": [1, 2, 3, 4], "z": ["u", "v", "u", "v"]}).roles["z"] is Role.TARGET
    kept = roles({"x": [1, 2, 3, 4], "sex": ["f", "m", "f", "m"]})
    assert kept.roles["sex"] is Role.QUASI_IDENTIFIER
    with pytest.raises(DataError, match="no column"):
        roles({"x": [1]}, target="y")


def test_a_text_corpus_is_counted_by_entity() -> None:
    texts = ["call 212-555-0143", "", "a@b.example and c@d.example", None]
    corpus = Dataset(table=pa.table({"text": texts}), kind=Kind.TEXT, name="mail.txt")
    found = scan(corpus)
    assert found.entities == {"EMAIL_ADDRESS": 2, "PHONE_NUMBER": 1}
    assert found.columns[0].free_text
    assert found.columns[0].missing == 2
    assert "EMAIL_ADDRESS  2" in str(found)
    assert '<th scope="row">EMAIL_ADDRESS</th><td>2</td>' in found._repr_html_()
    nothing = scan(Dataset(table=pa.table({"text": ["hello"]}), kind=Kind.TEXT))
    assert nothing.columns[0].reason == "nothing found"


def test_nested_columns_are_read_by_dotted_path_and_the_strictest_part_decides() -> None:
    rows = [
        {
            "who": {"mail": f"u{i}@example.org", "age": 20 + i % 5},
            "tags": ["x", f"call 212-555-{1000 + i}"],
            "visits": [{"day": "2020-01-01", "ip": f"84.17.61.{i}"}] * (i % 3),
            "odd": [("k", i)],
        }
        for i in range(60)
    ]
    schema = pa.schema(
        [
            ("who", pa.struct([("mail", pa.string()), ("age", pa.int64())])),
            ("tags", pa.list_(pa.string())),
            ("visits", pa.list_(pa.struct([("day", pa.string()), ("ip", pa.string())]))),
            ("odd", pa.map_(pa.string(), pa.int64())),
        ]
    )
    dataset = Dataset.of(pa.Table.from_pylist(rows, schema=schema))
    found = scan(dataset)
    assert found.column("who.mail").role is Role.DIRECT_IDENTIFIER
    assert found.column("who.age").role is Role.QUASI_IDENTIFIER
    assert found.column("visits.ip").role is Role.DIRECT_IDENTIFIER
    assert found.column("visits.ip").missing == 20
    assert found.roles["visits"] is Role.DIRECT_IDENTIFIER
    assert set(found.roles) == set(dataset.columns)
    dataset.with_roles(found.roles)
    with pytest.raises(KeyError):
        found.column("nothing")
    spans = list(find_dataset_spans(dataset))
    assert {(r, f) for r, f, d in spans if d.entity == "PHONE_NUMBER"} == {
        (i, "tags") for i in range(60)
    }
    assert {r for r, f, _ in spans if f == "visits.ip"} == {i for i in range(60) if i % 3}


def test_dictionary_and_categorical_columns_are_read_like_plain_ones() -> None:
    mail = pa.array(["a@b.example", "c@d.example", None]).dictionary_encode()
    found = scan(Dataset.of(pa.table({"m": mail})))
    assert found.roles["m"] is Role.DIRECT_IDENTIFIER
    assert found.columns[0].missing == 1


def test_a_sample_of_rows_is_the_same_every_time_and_says_so() -> None:
    table = pa.table(planted(400))
    spec = DiscoverSpec(max_rows=50)
    one, two = (scan(Dataset.of(table), spec) for _ in range(2))
    assert one.looked_at == 50
    assert one.rows == 400
    assert one.columns == two.columns
    assert one.roles["email"] is Role.DIRECT_IDENTIFIER


def test_what_is_found_prints_and_holds_no_value_of_the_data() -> None:
    table = planted(60)
    table["<script>\x1b[2J" + "long" * 9] = [f"secretvalue{i}" for i in range(60)]
    found = roles(table)
    text, page, document = str(found), found._repr_html_(), json.dumps(found.to_json())
    for output in (text, page, document):
        for column in ("name", "email", "ssn", "phone", "iban", "diagnosis"):
            assert str(table[column][0]) not in output
        assert "secretvalue" not in output
    assert "\x1b" not in text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "direct identifier" in text
    assert text.splitlines()[0].startswith("made up: 60 rows, 15 columns · 8 direct, 2 quasi")
    assert found.to_json()["columns"][1]["entities"][0] == {
        "entity": "EMAIL_ADDRESS",
        "share": 1.0,
        "confidence": 1.0,
    }


def test_progress_is_told_in_rows() -> None:
    told: list[tuple[float, float, str]] = []

    class Listener:
        def step(self, done: float, total: float, note: str = "") -> None:
            told.append((done, total, note))

    scan(Dataset.of(pa.table({"a": [1, 2], "b": ["x", "y"]})), progress=Listener())
    assert told == [(0, 2, "values"), (2, 2, "roles")]


def test_percentages_never_round_to_all_or_nothing() -> None:
    said = [percent(x) for x in (0, 0.00001, 0.004, 0.61, 0.998, 0.99999, 1)]
    assert said == ["0 %", "under 0.1 %", "0.4 %", "61 %", "99.8 %", "over 99.9 %", "100 %"]


def test_many_plain_numbers_are_probed_and_cards_among_them_are_still_found() -> None:
    plain = pa.table({"amount": list(range(1_000_000, 1_012_000))})
    assert scan(Dataset.of(plain)).columns[0].entities == ()
    cards = [n for n in range(4000_0000_0000_0000, 4000_0000_0006_0000) if _luhn(str(n))]
    found = scan(Dataset.of(pa.table({"v": cards})))
    assert found.roles["v"] is Role.DIRECT_IDENTIFIER
    assert found.entities["CREDIT_CARD"] == len(cards)


def test_of_a_wide_table_only_telling_columns_are_listed() -> None:
    plain = {f"m{i}": [x / 7 for x in range(i, i + 30)] for i in range(80)}
    mail = [f"ann{i}@example.org" for i in range(30)]
    said = str(scan(Dataset.of(pa.table({**plain, "mail": mail}))))
    assert "direct identifier" in said
    assert "m79" not in said
    assert "… and 80 other columns (role: feature)" in said
    assert "other columns" not in str(scan(Dataset.of(pa.table({"mail": mail}))))
