"""If this fails, evidence can be forged, or genuine evidence is refused."""

from __future__ import annotations

import base64
import hashlib
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.errors import KeyRefusedError, TamperedError
from strongroom.vault import SigningKey, VerifyKey, dsse_payload, dsse_sign, dsse_verify
from strongroom.vault.signing import IN_TOTO, pre_authentication_encoding

KEY = SigningKey(bytes(range(32)))
OTHER = SigningKey(bytes(32))


def test_the_specifications_own_example() -> None:
    # secure-systems-lab/dsse, protocol.md: the PAE and the envelope's payload of its test vector.
    encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    envelope = dsse_sign(b"hello world", "http://example.com/HelloWorld", KEY)
    assert envelope["payload"] == "aGVsbG8gd29ybGQ="
    assert KEY.public.verify(encoded, base64.b64decode(envelope["signatures"][0]["sig"]))


@given(st.binary(max_size=50), st.text(max_size=20))
def test_round_trip(payload: bytes, kind: str) -> None:
    envelope = dsse_sign(payload, kind, KEY)
    assert dsse_verify(envelope, KEY.public, payload_type=kind) == payload
    assert dsse_payload(envelope, payload_type=kind) == payload
    with pytest.raises(TamperedError):
        dsse_verify(envelope, OTHER.public, payload_type=kind)


@given(st.text(max_size=8), st.binary(max_size=8), st.text(max_size=8), st.binary(max_size=8))
def test_no_two_payloads_share_an_encoding(a: str, b: bytes, c: str, d: bytes) -> None:
    same = pre_authentication_encoding(a, b) == pre_authentication_encoding(c, d)
    assert same == ((a, b) == (c, d))


def test_url_safe_base64_and_other_signatures_are_accepted() -> None:
    envelope = dsse_sign(b"\xff\xfe\xfd" * 9, IN_TOTO, KEY)
    envelope["payload"] = envelope["payload"].translate(str.maketrans("+/", "-_"))
    assert "_" in envelope["payload"] or "-" in envelope["payload"]
    envelope["signatures"] = [{"sig": "AAAA"}, "odd", {"sig": 3}, *envelope["signatures"]]
    assert dsse_verify(envelope, KEY.public) == b"\xff\xfe\xfd" * 9


def changed(**fields: object) -> dict[str, Any]:
    return dsse_sign(b"payload", IN_TOTO, KEY) | fields


@pytest.mark.parametrize(
    "envelope",
    [
        {},
        changed(payload="cGF5bG9hZQ=="),
        changed(payload="not base64"),
        changed(payload=3),
        changed(payloadType="text/plain"),
        changed(payloadType=None),
        changed(signatures=[]),
        changed(signatures="none"),
        changed(signatures=[{"keyid": KEY.public.key_id}]),
        changed(signatures=[{"sig": "A" * 86 + "=="}]),
        changed(signatures=[{"sig": "~"}]),
        changed(signatures=dsse_sign(b"payload", IN_TOTO, OTHER)["signatures"]),
        changed(signatures=dsse_sign(b"payload", "text/plain", KEY)["signatures"]),
    ],
)
def test_changed_envelopes_are_refused(envelope: dict[str, Any]) -> None:
    with pytest.raises(TamperedError):
        dsse_verify(envelope, KEY.public)


def test_keys_as_text() -> None:
    text = KEY.public.to_text()
    assert text.startswith("ed25519:")
    assert VerifyKey.parse(f"{text}\n") == KEY.public
    assert len({KEY.public, VerifyKey.parse(text), OTHER.public}) == 2
    raw = base64.b64decode(text.partition(":")[2])
    assert KEY.public.key_id == hashlib.sha256(raw).hexdigest()
    assert text in repr(KEY.public)


@pytest.mark.parametrize("text", ["", "ed25519:", "ed25519:AAAA", "rsa:" + "A" * 43 + "=", "ü"])
def test_mistyped_keys(text: str) -> None:
    with pytest.raises(KeyRefusedError):
        VerifyKey.parse(text)
    with pytest.raises(KeyRefusedError):
        VerifyKey.parse(KEY.public.to_text().removeprefix("ed25519:"))


def test_the_signing_key_stays_secret() -> None:
    assert repr(KEY) == "<SigningKey: secret>"
    with pytest.raises(TypeError):
        pickle.dumps(KEY)
