"""If this fails, personal data that was found stays in a text that is handed out as clean."""

from __future__ import annotations

import ipaddress
import re

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stdnum import iban, luhn

from strongroom.anonymize import redact, redact_column, redact_text
from strongroom.config import DiscoverSpec
from strongroom.data import Dataset, Kind
from strongroom.discover import Detection, find_column_spans, find_spans
from strongroom.errors import DataError, InputError

KEY = b"k" * 32
MODES = ("label", "mask", "surrogate")
# Nobody's: reserved names, fiction numbers, documented test values.
PERSONAL = {
    "EMAIL_ADDRESS": ["ada.byron@example.com", "x_1@mail.example.net"],
    "PHONE_NUMBER": ["+1 212-555-0187", "(415) 555-0132"],
    "CREDIT_CARD": ["4111 1111 1111 1111", "5555555555554444"],
    "IBAN_CODE": ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000"],
    "IP_ADDRESS": ["203.0.113.77", "198.51.100.23"],
    "US_SSN": ["SSN: 219-09-9999"],
}
WORDS = st.sampled_from(
    ["She wrote to", "as agreed", "käme", "from", "und", "😀", "the card", "call", "\n", "ok."]
)
VALUES = st.sampled_from([value for values in PERSONAL.values() for value in values])


def at(text: str, value: str, entity: str = "PERSON", score: float = 0.9) -> Detection:
    start = text.index(value)
    return Detection(entity, start, start + len(value), score, "test", validated=False)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(WORDS, VALUES), min_size=1, max_size=4), st.sampled_from(MODES))
def test_nothing_that_was_found_is_left(parts: list[tuple[str, str]], mode: str) -> None:
    text = " ".join(f"{word} {value} ;" for word, value in parts)
    found = [text[d.start : d.end] for d in find_spans(text)]
    dataset = Dataset(pa.table({"text": [text, None, "nothing here"]}), kind=Kind.TEXT)
    clean = redact(dataset, mode, KEY)  # type: ignore[arg-type]  # drawn from MODES
    result = clean.dataset.table["text"].to_pylist()
    assert result[1:] == [None, "nothing here"]
    assume(found)
    for value in found:
        assert value not in result[0]
    for word, _ in parts:
        assert word in result[0]
    assert sum(clean.counts.values()) >= 1
    if mode != "surrogate":
        ours = r"\[[A-Z_]+\]|█+"
        for left in find_spans(result[0]):
            assert re.fullmatch(ours, result[0][left.start : left.end])


def test_offsets_are_code_points_and_everything_around_stays() -> None:
    text = "😀 naïve Ada, Ada and Bob 😀"
    spans = [at(text, "Ada"), at(text, "Bob"), Detection("PERSON", 13, 16, 0.9, "test")]
    assert redact_text(text, spans) == "😀 naïve [PERSON], [PERSON] and [PERSON] 😀"
    assert redact_text(text, spans, "mask") == "😀 naïve ███, ███ and ███ 😀"
    assert redact_text(text, []) == text


def test_overlapping_finds_go_as_one_under_the_longer_ones_name() -> None:
    text = "mail ada.byron@example.com now"
    spans = [
        at(text, "byron@example.com", "URL", 0.99),
        at(text, "ada.byron@example.c", "EMAIL_ADDRESS", 0.5),
        at(text, "example.com now", "ORGANIZATION", 0.5),
    ]
    assert redact_text(text, spans) == "mail [EMAIL_ADDRESS]"
    same = [at(text, "ada", "PERSON", 0.5), at(text, "ada", "NRP", 0.6)]
    assert redact_text(text, same).startswith("mail [NRP].")
    empty = Detection("PERSON", 3, 3, 1.0, "test")
    assert redact_text(text, [empty]) == text


def test_a_column_is_redacted_row_by_row() -> None:
    column = pa.chunked_array([["Ada here", None], ["and Bob"]])
    spans = [(0, at("Ada here", "Ada")), (2, at("and Bob", "Bob"))]
    assert redact_column(column, spans).to_pylist() == ["[PERSON] here", None, "and [PERSON]"]


@pytest.mark.parametrize("entity", [*PERSONAL, "URL", "DOMAIN_NAME", "PERSON"])
def test_a_surrogate_is_the_same_for_the_same_value_and_only_under_the_same_key(
    entity: str,
) -> None:
    text = "x 4111 1111 y"
    span = [at(text, "4111 1111", entity)]
    one = redact_text(text, span, "surrogate", KEY)
    assert one == redact_text(text, span, "surrogate", KEY)
    assert "4111" not in one
    others = {redact_text(text, span, "surrogate", bytes([i]) * 32) for i in range(8)}
    assert len(others) > 1


def surrogate_of(value: str, entity: str, key: bytes = KEY) -> str:
    return redact_text(value, [at(value, value, entity)], "surrogate", key)


@given(st.binary(min_size=16, max_size=16))
def test_surrogates_come_from_ranges_that_belong_to_nobody(key: bytes) -> None:
    mail = surrogate_of("ada@example.com", "EMAIL_ADDRESS", key)
    assert re.fullmatch(r"[a-z-]+@example\.org", mail)
    assert surrogate_of("https://a.b/c", "URL", key).startswith("https://example.org/")
    assert surrogate_of("a.b", "DOMAIN_NAME", key).endswith(".example.org")
    phone = surrogate_of("+1 212-555-0187", "PHONE_NUMBER", key)
    assert re.fullmatch(r"[2-9][0-8]\d-555-01\d\d", phone)
    assert phone[1:3] != "11"
    card = surrogate_of("4111 1111 1111 1111", "CREDIT_CARD", key)
    assert len(card) == 19
    assert card.startswith("0000 00")
    luhn.validate(card.replace(" ", ""))
    assert iban.is_valid(surrogate_of("DE89370400440532013000", "IBAN_CODE", key))
    area, block, serial = surrogate_of("219-09-9999", "US_SSN", key).split("-")
    assert 900 <= int(area) <= 999
    assert 1 <= int(block) <= 49
    assert 1 <= int(serial) <= 9999
    four = ipaddress.ip_address(surrogate_of("8.8.8.8", "IP_ADDRESS", key))
    assert any(
        four in ipaddress.ip_network(block)
        for block in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
    )
    six = ipaddress.ip_address(surrogate_of("2a00:1450::1", "IP_ADDRESS", key))
    assert six in ipaddress.ip_network("2001:db8::/32")
    assert re.fullmatch(r"\[PERSON:[a-z2-7]{8}\]", surrogate_of("Ada", "PERSON", key))


def test_spellings_of_one_value_share_a_surrogate() -> None:
    assert surrogate_of("4111 1111 1111 1111", "CREDIT_CARD") == surrogate_of(
        "4111-1111-1111-1111", "CREDIT_CARD"
    )
    assert surrogate_of("Ada@Example.com", "EMAIL_ADDRESS") == surrogate_of(
        "ada@example.com", "EMAIL_ADDRESS"
    )
    assert surrogate_of("ada@example.com", "EMAIL_ADDRESS") != surrogate_of(
        "bob@example.com", "EMAIL_ADDRESS"
    )


def test_surrogates_need_a_key() -> None:
    with pytest.raises(InputError, match="need a key"):
        redact_text("Ada", [at("Ada", "Ada")], "surrogate")


def test_a_found_value_is_taken_out_where_nothing_else_gives_it_away() -> None:
    text = "Phone: (415) 555-0132. She repeated: the box (415) 555-0132 is blue."
    corpus = Dataset(pa.table({"text": [text]}), kind=Kind.TEXT)
    clean = redact(corpus, "mask")
    assert "555" not in clean.dataset.table["text"][0].as_py()
    assert clean.counts == {"PHONE_NUMBER": 2}


def test_what_a_replacement_uncovers_is_redacted_too() -> None:
    # The name stands against the address; only when it is gone can the address be recognised.
    text = "write to Zoë😀ada.byron@example.com today"
    table = pa.table({"name": ["Zoë😀"], "note": [text]})
    clean = redact(
        Dataset(table), "mask", columns=["note"], own={"name": table["name"]}
    ).dataset.table["note"]
    assert "byron" not in clean[0].as_py()
    left = find_column_spans(clean)
    assert all(set(clean[0].as_py()[d.start : d.end]) == {"█"} for _, d in left)


def test_a_repeated_name_is_not_cut_out_of_longer_words() -> None:
    table = pa.table({"name": ["Ada Byron"], "note": ["Ms Ada Byron met Adam and McAda; ada."]})
    spec = DiscoverSpec(names=False)  # that one would know Adam
    clean = redact(
        Dataset(table), columns=["note"], own={"name": table["name"]}, discover_spec=spec
    )
    text = clean.dataset.table["note"][0].as_py()
    assert "Adam and McAda" in text
    assert "Byron" not in text


def test_a_rows_own_identifiers_are_looked_for_in_its_own_text_only() -> None:
    table = pa.table(
        {
            "name": ["Wilhelmina Quist", "Bartholomew Oyelaran"],
            "note": ["Ms Quist called; Oyelaran answered.", "Oyelaran called; Quist answered."],
        }
    )
    clean = redact(Dataset(table), columns=["note"], own={"name": table["name"]})
    first, second = clean.dataset.table["note"].to_pylist()
    assert "Quist" not in first
    assert "Oyelaran" not in second
    assert clean.dataset.table["name"].equals(table["name"])
    assert clean.columns == ("note",)


def test_a_table_without_named_columns_is_left_alone_and_a_wrong_name_is_told() -> None:
    table = pa.table({"note": ["ada@example.com"], "n": [1]})
    assert redact(Dataset(table)).dataset.table.equals(table)
    with pytest.raises(DataError, match='no column "note2"'):
        redact(Dataset(table), columns=["note2"])
    corpus = Dataset(pa.table({"text": table["note"].dictionary_encode()}), kind=Kind.TEXT)
    assert redact(corpus).dataset.table["text"].to_pylist() == ["[EMAIL_ADDRESS]"]
