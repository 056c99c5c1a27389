"""If this fails, personal data of some kind is overlooked, or plain numbers are called personal."""

from __future__ import annotations

import random
import re
import string

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import iban as stdnum_iban
from stdnum import luhn as stdnum_luhn
from stdnum.us import ssn as stdnum_ssn

from strongroom.config import DiscoverSpec
from strongroom.discover import Detection, find_spans, load_recognizers
from strongroom.discover.checks import CHECKS
from strongroom.discover.recognizers import phone

SPEC = DiscoverSpec(names=False)


def seen(text: str, spec: DiscoverSpec = SPEC) -> list[tuple[str, str]]:
    return [(d.entity, text[d.start : d.end]) for d in find_spans(text, spec)]


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ("write to jane.o'neil+news@mail.example.co.uk.", "EMAIL_ADDRESS",
         "jane.o'neil+news@mail.example.co.uk"),
        ("mail='a_b@example.org'", "EMAIL_ADDRESS", "a_b@example.org"),
        ("jürgen@müller.example", "EMAIL_ADDRESS", "jürgen@müller.example"),
        ("call (212) 555-0143 now", "PHONE_NUMBER", "(212) 555-0143"),
        ("tel 2125550143", "PHONE_NUMBER", "2125550143"),
        ("from abroad +44 7700 900123 x12", "PHONE_NUMBER", "+44 7700 900123 x12"),
        ("fax: 03.93.92.16.85", "PHONE_NUMBER", "03.93.92.16.85"),
        ("card 4111-1111-1111-1111", "CREDIT_CARD", "4111-1111-1111-1111"),
        ("3782 822463 10005", "CREDIT_CARD", "3782 822463 10005"),
        ("paid by 5555555555554444", "CREDIT_CARD", "5555555555554444"),
        ("to GB82 WEST 1234 5698 7654 32 today", "IBAN_CODE", "GB82 WEST 1234 5698 7654 32"),
        ("de89370400440532013000", "IBAN_CODE", "de89370400440532013000"),
        ("it is 536-90-4399", "US_SSN", "536-90-4399"),
        ("social security number 536904399", "US_SSN", "536904399"),
        ("from 84.17.61.18:443", "IP_ADDRESS", "84.17.61.18"),
        ("peer 2001:db8:0:1::8a2e:370:7334", "IP_ADDRESS", "2001:db8:0:1::8a2e:370:7334"),
        ("host ::ffff:192.0.2.128", "IP_ADDRESS", "::ffff:192.0.2.128"),
        ("(see https://example.org/a_(b)?c=d).", "URL", "https://example.org/a_(b)?c=d"),
        ("www.Example.com!", "URL", "www.Example.com"),
        ("ask example.com about it", "DOMAIN_NAME", "example.com"),
        ("born on 12 March 1980", "DATE_OF_BIRTH", "12 March 1980"),
        ("DOB: 03/12/1980", "DATE_OF_BIRTH", "03/12/1980"),
        ("geb. 31.12.1979", "DATE_OF_BIRTH", "31.12.1979"),
        ("birthdate 19800312", "DATE_OF_BIRTH", "19800312"),
        ("seen on 2021-02-28T10:11:12Z", "DATE_TIME", "2021-02-28T10:11:12Z"),
        ("on March 3rd, 2020 we met", "DATE_TIME", "March 3rd, 2020"),
        ("le 3 février 2020", "DATE_TIME", "3 février 2020"),
        ("NINO AB 12 34 56 C and CPF 390.533.447-05", "NATIONAL_ID", "390.533.447-05"),
    ],
)  # fmt: skip
def test_what_is_personal_is_found(text: str, entity: str, value: str) -> None:
    assert (entity, value) in seen(text)


@pytest.mark.parametrize(
    "text",
    [
        "77516",
        "fnlwgt 215646",
        "2125550143",
        "1609459200 seconds since 1970",
        "3.141592653589793",
        "1,234,567,890 people",
        "order 4111 1111 1111 1112",
        "000-12-3456 666-12-3456 987-65-4321 078-05-1120",
        "version 10.4.2.1 and 1.2.3.4",
        "300.1.2.3 1.2.3.4.5",
        "12:30:45 std::vector a::b",
        "icon@2x.png @home a@b user@localhost",
        "31.02.2020 99/99/2020",
        "README.md main.py config.toml e.g. this",
        "GB82 WEST 1234 5698 7654 33 GB00",
        "44051401359",
        "AKIAXXXXXXXXXXXXXXXX ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "postgres://user:password@localhost/db postgres://user:${PASSWORD}@db/x",
        "http://",
        "-----BEGIN PRIVATE KEY-----\nno\n-----END PRIVATE KEY-----",
        "eyJhbGciOiJub25l.eyJ.x eyJub3RhbGdvcml0aG0iOiB0cnVlfQ.e30.sig",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert seen(text) == []


def test_a_date_in_the_future_or_too_old_is_nobodys_birth() -> None:
    assert seen("born 2999-01-01") == [("DATE_TIME", "2999-01-01")]
    assert seen("born 1700-01-01") == [("DATE_TIME", "1700-01-01")]


def test_the_specified_country_decides_which_national_numbers_are_understood() -> None:
    french = "01 42 68 53 00"
    assert seen(french) == []
    assert seen(french, DiscoverSpec(country="FR")) == [("PHONE_NUMBER", french)]
    argentine = "011 15-2345-6789"
    assert ("PHONE_NUMBER", argentine) in seen(argentine, DiscoverSpec(country="AR"))
    assert seen(french, DiscoverSpec(country="ZZ")) == []


@pytest.mark.parametrize("country", ["US", "GB", "DE", "FR", "IN", "PL", "AU"])
def test_the_short_way_through_a_numbering_plan_agrees_with_phonenumbers(country: str) -> None:
    rng = random.Random(country)
    check = re.compile(phone.national_plan(country)).fullmatch
    example = phonenumbers.example_number(country)
    assert example is not None
    base = phonenumbers.national_significant_number(example)
    compared = 0
    for _ in range(300):
        digits = "".join(c if rng.random() < 0.6 else rng.choice(string.digits) for c in base)
        digits = (
            rng.choice(["", "", "0", "1"]) + digits[: rng.choice([len(digits), len(digits) - 1])]
        )
        try:
            number = phonenumbers.parse(digits, country)
            known = phonenumbers.is_valid_number(number)
        except phonenumbers.NumberParseException:
            known = False
        if number.country_code != phonenumbers.country_code_for_region(country):
            continue
        assert (check(digits) is not None) == known, digits
        compared += 1
    assert compared > 250


@settings(deadline=None)
@given(st.text(string.digits, min_size=2, max_size=24))
def test_luhn_agrees_with_stdnum(digits: str) -> None:
    assert CHECKS["luhn"].passes(digits) == stdnum_luhn.is_valid(digits)


@settings(deadline=None)
@given(st.from_regex(r"\A[0-8][0-9]{8}\Z"))
def test_ssn_agrees_with_stdnum(digits: str) -> None:
    # stdnum knows two withdrawn numbers fewer.
    if digits not in {"219099999", "457555462"}:
        assert (seen(f"ssn {digits}") == [("US_SSN", digits)]) == stdnum_ssn.is_valid(digits)


@settings(deadline=None)
@given(st.sampled_from(["DE", "GB", "NO", "MT", "PL"]), st.text("0123456789ABCXYZ", max_size=28))
def test_a_made_up_iban_is_accepted_only_where_stdnum_accepts_it(country: str, rest: str) -> None:
    made = stdnum_iban.calc_check_digits(country + "00" + rest) if rest else "00"
    code = country + made + rest
    if ("IBAN_CODE", code) in seen(code):
        assert stdnum_iban.is_valid(code, check_country=False)


def test_bare_digits_are_no_national_number_without_a_word_that_says_so() -> None:
    assert seen("10987654 44051401359 9999999999") == []
    generic = find_spans("national id 44051401359")
    assert [d.entity for d in generic] == ["NATIONAL_ID"]


PARTS = """
3 12 3rd 31. of de février Mar. September née dob 1980 80 19800312 , - / . : T10:11 am +44
(0) 7700 900123 212 555 0143 call ssn 536 90 4399 pesel 44051401359 id 10.2.3.4 2001:db8::
::1 4111 1111 GB82 WEST 12345698765432 www. https:// example .com @ user x12
"""
ANY_TEXT = st.one_of(
    st.text(max_size=200),
    st.text("0123456789+-() .@:/", max_size=80),
    st.text("aA1٣é@.:/-_ =\"'\n", max_size=80),
    st.lists(
        st.sampled_from(PARTS.split()).map(lambda part: part + " ")
        | st.sampled_from(["-", "/", ".", "", " "]),
        max_size=14,
    ).map("".join),
)


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT)
def test_any_text_gives_ordered_spans_inside_it_and_the_same_ones_again(text: str) -> None:
    found = find_spans(text, SPEC)
    assert found == find_spans(text, SPEC)
    end = 0
    for one in found:
        assert end <= one.start < one.end <= len(text)
        assert SPEC.min_score <= one.score <= 1
        end = one.end


@settings(max_examples=150, deadline=None)
@given(ANY_TEXT)
def test_a_recognizer_never_finds_anything_in_a_text_that_its_trigger_excludes(text: str) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    clean = text.encode("utf-8", "replace").decode()
    for recognizer in load_recognizers(SPEC):
        found: list[Detection] = [d for d in recognizer.find(clean) if d.score >= SPEC.min_score]
        trigger = getattr(recognizer, "trigger", "")
        if found and trigger:
            matched = pc.match_substring_regex(pa.array([clean]), trigger)[0].as_py()
            assert matched, recognizer.name


HOSTILE = ["a", "@", "1 ", "1-", "a@a.", "(1", "http://a", "eyJa.", "curl -u ", "AB12 ", "1.1.",
           "::", "://a:b", "'a", " 1/1/", "1 jan ", "-----BEGIN PRIVATE KEY-----", "İ",
           "٣"]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_text_made_to_be_slow_grows_no_worse_than_its_length(unit: str) -> None:
    """A quadratic pattern takes hours for 200,000 characters: finishing is the proof."""
    text = unit * (200_000 // len(unit))
    for one in find_spans(text, SPEC):
        assert 0 <= one.start < one.end <= len(text)
