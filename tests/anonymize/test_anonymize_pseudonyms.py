"""If this fails, pseudonyms give people away, fall together, or stop joining tables."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.anonymize import Pseudonymiser, only_tokens
from strongroom.errors import InputError

KEY = bytes(range(32))


def by_the_standard_library(key: bytes, label: str, value: str) -> str:
    """Recompute a token from its documented definition."""
    message = b"".join(
        len(part.encode()).to_bytes(8, "big") + part.encode()
        for part in ("pseudonym", label, value)
    )
    digest = hmac.new(key, message, hashlib.sha256).digest()
    return base64.b32encode(digest)[:26].decode().lower()


@given(st.lists(st.one_of(st.none(), st.text(max_size=8)), max_size=20))
def test_tokens_are_hmac_sha256_one_per_value_and_missing_stays_missing(
    values: list[str | None],
) -> None:
    tokens = Pseudonymiser(KEY).tokens(pa.array(values, pa.string()), "e-mail").to_pylist()
    for value, token in zip(values, tokens, strict=True):
        if value is None:
            assert token is None
        else:
            assert token == f"e_mail_{by_the_standard_library(KEY, 'e-mail', value)}"
            assert value not in token[7:] or len(value) < 5
    assert len(set(tokens)) == len(set(values))


def test_another_key_or_label_gives_unrelated_tokens() -> None:
    column = pa.array(["ada@example.org"])
    tokens = {
        Pseudonymiser(key).tokens(column, label)[0].as_py().split("_")[-1]
        for key in (KEY, KEY[::-1])
        for label in ("email", "backup")
    }
    assert len(tokens) == 4


def test_moving_letters_from_label_to_value_changes_the_token() -> None:
    pseudonymiser = Pseudonymiser(KEY)
    one = pseudonymiser.tokens(pa.array(["bc"]), "a")[0].as_py().split("_")[-1]
    two = pseudonymiser.tokens(pa.array(["c"]), "ab")[0].as_py().split("_")[-1]
    assert one != two


def test_number_text_dictionary_and_chunks_share_tokens() -> None:
    pseudonymiser = Pseudonymiser(KEY)
    text = pa.array(["17", None, "4", "17"])
    expected = pseudonymiser.tokens(text, "id").to_pylist()
    for column in (
        pa.array([17, None, 4, 17]),
        text.dictionary_encode(),
        pa.chunked_array([text.slice(0, 2), text.slice(2)]),
        pa.chunked_array([text.slice(0, 2), text.slice(2)]).dictionary_encode(),
    ):
        assert pseudonymiser.tokens(column, "id").to_pylist() == expected


def test_a_label_without_letters_still_gives_a_readable_token() -> None:
    assert Pseudonymiser(KEY).tokens(pa.array(["x"]), "#?")[0].as_py().startswith("token_")


def test_a_short_key_is_refused_and_no_key_is_ever_shown() -> None:
    with pytest.raises(InputError, match="at least 16 bytes, this one has 5"):
        Pseudonymiser(b"short")
    assert "0102" not in repr(Pseudonymiser(KEY))
    assert str(KEY) not in repr(Pseudonymiser(KEY))


def test_tokens_are_known_by_their_form() -> None:
    tokens = Pseudonymiser(b"k" * 32).tokens(pa.array(["Ann", None, "Bob"]), "patient id")
    assert only_tokens(tokens, "patient id")
    assert not only_tokens(tokens, "email")
    assert not only_tokens(pa.array([*tokens.to_pylist(), "patient_id_of Ann"]), "patient id")
