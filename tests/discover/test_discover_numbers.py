"""If this fails, numbers of people are overlooked, or plain ones are called personal."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from strongroom.config import DiscoverSpec
from strongroom.discover import Detection, entities_of, find_spans
from strongroom.discover.engine import Engine
from strongroom.discover.recognizers import (
    FAMILIES,
    age,
    bic,
    coordinates,
    crypto,
    device,
    identifiers,
    national_id,
    passport,
    phone,
    secrets,
    us_numbers,
    vehicle,
    whole,
    zip_code,
)

if TYPE_CHECKING:
    from types import ModuleType

    from strongroom.discover._rule import Rule

NUMBERS = (
    age, bic, coordinates, crypto, device, identifiers, national_id, passport, us_numbers, vehicle,
    whole, zip_code,
)  # fmt: skip
RULES = [rule for family in NUMBERS for rule in family.RULES]


def rules_of(family: ModuleType) -> tuple[Rule, ...]:
    found: tuple[Rule, ...] = (
        family.rules_for(DiscoverSpec()) if hasattr(family, "rules_for") else family.RULES
    )
    return found


@cache
def engine(country: str) -> Engine:
    return Engine(RULES, DiscoverSpec(country=country))


def found(text: str, country: str = "US") -> list[Detection]:
    texts = pa.array([text], pa.large_string())
    return engine(country).find(texts).detections(texts).get(0, [])


# Secrets are drawn from their rules, in a test of their own.
@pytest.mark.parametrize(
    "family",
    [family for family in FAMILIES if family is not secrets],
    ids=lambda f: f.__name__.rpartition(".")[2],
)
def test_every_rule_finds_its_examples_and_leaves_its_look_alikes_alone(
    family: ModuleType,
) -> None:
    wrong = []
    for rule in rules_of(family):
        one = Engine([rule], DiscoverSpec(country=(rule.countries or ("US",))[0]))
        for texts, wanted in ((rule.examples, True), (rule.lookalikes, False)):
            rows = set(one.find(pa.array(texts, pa.large_string())).row.tolist())
            wrong += [(rule.name, t) for i, t in enumerate(texts) if (i in rows) != wanted]
    assert not wrong


def test_every_kind_of_number_has_an_example() -> None:
    named = {rule.name for rule in RULES}
    assert named == {rule.name for rule in RULES if rule.examples}


def test_at_least_forty_countries_have_numbers_with_check_digits() -> None:
    checked = {rule.name.split(".")[1] for rule in national_id.RULES if rule.check}
    assert len(checked) >= 70


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ("CPF 390.533.447-05,", "NATIONAL_ID", "390.533.447-05"),
        ("pesel: 44051401359", "NATIONAL_ID", "44051401359"),
        ("NHS no 943 476 5870", "NATIONAL_ID", "943 476 5870"),
        ("codice fiscale RCCMNL83S18D969H.", "NATIONAL_ID", "RCCMNL83S18D969H"),
        ("身份证 360426199101010071", "NATIONAL_ID", "360426199101010071"),
        ("henkilötunnus 131052-308T", "NATIONAL_ID", "131052-308T"),
        ("ITIN 912-70-1234", "US_ITIN", "912-70-1234"),
        ("aba routing 021000021", "ABA_ROUTING_NUMBER", "021000021"),
        ("NPI: 1234567893", "US_NPI", "1234567893"),
        ("DEA number BS1234563", "MEDICAL_LICENSE", "BS1234563"),
        ("beneficiary 1EG4-TE5-MK73", "US_MBI", "1EG4-TE5-MK73"),
        ("SWIFT: DEUTDEFF500", "BIC_CODE", "DEUTDEFF500"),
        ("vin 1M8GDM9AXKP042788", "VIN", "1M8GDM9AXKP042788"),
        ("Kennzeichen M-AB 1234", "LICENSE_PLATE", "M-AB 1234"),
        ("to 3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy!", "CRYPTO", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"),
        ("at 40.7128° N, 74.0060° W.", "COORDINATES", "40.7128° N, 74.0060° W"),
        ("geo:37.786971,-122.399677", "COORDINATES", "37.786971,-122.399677"),
        ("imei 490154203237518", "DEVICE_ID", "490154203237518"),
        ("Passport: G12345678", "PASSPORT", "G12345678"),
        ("driver's license number is 5130634", "DRIVER_LICENSE", "5130634"),
        ("MRN: MRN-1314318", "MEDICAL_RECORD_NUMBER", "MRN-1314318"),
        ("Insurance ID: INS-373412906", "HEALTH_INSURANCE_ID", "INS-373412906"),
        ("Account 1254948659 is active", "US_BANK_NUMBER", "1254948659"),
        ("Bar No. CA-965788", "LICENSE_NUMBER", "CA-965788"),
        ("Case No. 5:22-mc-01394-VVD", "CASE_NUMBER", "5:22-mc-01394-VVD"),
        ("my employee ID is EMP-36395", "EMPLOYEE_ID", "EMP-36395"),
        ("a 45-year-old man", "AGE", "45"),
        ("he is 7 years old", "AGE", "7"),
        ("Austin, TX 78701-1234", "ZIP_CODE", "78701-1234"),
        ("London SW1A 1AA", "ZIP_CODE", "SW1A 1AA"),
    ],
)
def test_numbers_are_found_as_a_whole(text: str, entity: str, value: str) -> None:
    assert (entity, value) in {(d.entity, text[d.start : d.end]) for d in found(text)}


@pytest.mark.parametrize(
    "text",
    [
        "77516 and 215646 of 1609459200",
        "44051401359 10987654 9999999999",
        "3.141592653589793, 2.718281828459045",
        "version 10.4.2.1 of 2021-02-28T10:11:12Z",
        "0xdeadbeefdeadbeefdeadbeefdeadbeef",
        "commit 7c4a8d09ca3762af61e59520943dc26494f8941b",
        "INTERNATIONAL BUSINESS MACHINES IN ABSTRACT",
        "page 45 of 120, average 30, image 12",
        "return 20, 30 and 40 miles",
        "ISBN 978-3-16-148410-0, RFC-2822, UTF-16, ICD-10",
        "1234-5678-9012-3456",
        "the account of 1984 and the case of 21 men",
        "Apache License, Version 2.0",
        "00000000000 11111111111",
        "550e8400-e29b-41d4-a716-446655440000",
    ],
)
def test_what_only_looks_like_a_number_of_a_person_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_numbers_of_the_chosen_countries_need_no_word_beside_them() -> None:
    text = "44051401359"
    assert found(text) == []
    assert [d.recognizer for d in found(text, "PL")] == ["national_id.pl.pesel"]
    spec = DiscoverSpec(country="US", countries=("PL",))
    texts = pa.array([text], pa.large_string())
    assert len(Engine(RULES, spec).find(texts)) == 1


@pytest.mark.parametrize("rule", national_id.RULES, ids=lambda rule: rule.name)
def test_one_wrong_digit_mostly_makes_it_no_number_of_that_kind(rule: Rule) -> None:
    if rule.check is None or not rule.validated:
        return
    one = Engine([rule], DiscoverSpec(country=(rule.countries or ("US",))[0]))
    for example in rule.examples:
        number = example.partition(" ")[2]
        others = [
            example[: -len(number)] + number[:place] + digit + number[place + 1 :]
            for place, old in enumerate(number)
            for digit in "0123456789"
            if old.isdigit() and digit != old
        ]
        assert len(one.find(pa.array(others, pa.large_string()))) <= len(others) * 0.35


# HIPAA's Safe Harbor (45 CFR 164.514(b)(2)(i)): what stands for each of the eighteen. Names come
# from the name tier, full-face images from OCR's page in docs/limits.md.
HIPAA = {
    "B places smaller than a state": ("Lexington, MI 35089", "ZIP_CODE"),
    "C dates and ages over 89": ("a 93-year-old woman", "AGE"),
    "D telephone": ("call (212) 555-0143", "PHONE_NUMBER"),
    "E fax": ("fax: 212-555-0199", "PHONE_NUMBER"),
    "F e-mail": ("jane@mail.example.org", "EMAIL_ADDRESS"),
    "G social security": ("SSN 536-90-4399", "US_SSN"),
    "H medical record": ("MRN: MRN-1314318", "MEDICAL_RECORD_NUMBER"),
    "I health plan": ("Insurance ID: INS-373412906", "HEALTH_INSURANCE_ID"),
    "J account": ("Account: 1254948659", "US_BANK_NUMBER"),
    "K certificate or licence": ("Bar No. CA-965788", "LICENSE_NUMBER"),
    "L vehicle": ("VIN 1M8GDM9AXKP042788", "VIN"),
    "L plate": ("license plate ABC 1234", "LICENSE_PLATE"),
    "M device": ("serial number: C02XK1ABJG5H", "DEVICE_ID"),
    "N web": ("https://example.org/people/jane", "URL"),
    "O internet": ("from 84.17.61.18", "IP_ADDRESS"),
    "P biometric": ("BIO-FP-a3f8c2e1d5", "BIOMETRIC_ID"),
    "R any other": ("Customer ID: 0048213", "ID"),
}


@pytest.mark.parametrize("letter", sorted(HIPAA))
def test_the_identifiers_of_hipaa_are_found(letter: str) -> None:
    text, entity = HIPAA[letter]
    assert entity in {d.entity for d in find_spans(text, DiscoverSpec(names=False))}


@pytest.mark.parametrize(
    ("country", "numbers", "others"),
    [
        (
            "US",
            ("(714) 856-8779", "714.856.8779", "1-714-856-8779", "1 (714) 856-8779 x12"),
            ("33 (1979) 1361", "532-563 (2007)", "2019-12-31 23", "25196 37544", "3/10/2012",
             "17253/339200", "512/(5401-512)", "223 3000234", "1.410 606 7873"),
        ),
        (
            "DE",
            ("030/1234567", "06221 123-0", "(0171) 123 45 67", "030 12 34 56 78"),
            ("30 (1979) 91-97", "40 - 53524680", "6   7   8   9  10  11", "17253/339200",
             "2019-12-31 23"),
        ),
        ("HU", ("06-1/685 8783", "(06 1) 236 6048"), ("512/(5401-512)",)),
    ],
)  # fmt: skip
def test_phones_are_grouped_as_their_country_groups_them(
    country: str, numbers: tuple[str, ...], others: tuple[str, ...]
) -> None:
    spec = DiscoverSpec(country=country)
    texts = pa.array([f"so {text}; then" for text in (*numbers, *others)], pa.large_string())
    rows = Engine(phone.rules_for(spec), spec).find(texts).row
    assert set(rows.tolist()) == set(range(len(numbers)))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("SHA1 75:9A:4A:CE:7C:DA:7E:89:1B:B2:72:4B:E3:76:EA:47", "75:9A:4A:CE:7C:DA"),
        ("sum = 4828147466240000*t**12", "4828147466240000"),
        ('text="-.4111111111111111,1"', "4111111111111111"),
        ("call(-2125550143)", "call 2125550143"),
    ],
)
def test_wholes_hide_what_lies_in_them_and_name_nothing(text: str, part: str) -> None:
    spec = DiscoverSpec(names=False)
    assert find_spans(part, spec)
    assert find_spans(text, spec) == []
    assert "" not in entities_of(spec)
