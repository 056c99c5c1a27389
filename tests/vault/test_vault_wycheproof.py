"""If this fails, a primitive that the vault rests on accepts forgeries or computes something else.

Project Wycheproof's vectors, run through the very calls that the vault makes.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.vault import SigningKey, VerifyKey

DATA = Path(__file__).parents[1] / "data" / "wycheproof"


def groups(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / f"{name}_test.json.gz") as stream:
        found: list[dict[str, Any]] = json.load(stream)["testGroups"]
    return found


def test_chacha20_poly1305() -> None:
    ran = 0
    for group in groups("chacha20_poly1305"):
        if group["ivSize"] != 96:
            continue  # age has one nonce size; the library refuses the others
        for t in group["tests"]:
            key, iv, aad, msg, ct, tag = (
                bytes.fromhex(t[k]) for k in ("key", "iv", "aad", "msg", "ct", "tag")
            )
            cipher = ChaCha20Poly1305(key)
            if t["result"] == "valid":
                assert cipher.encrypt(iv, msg, aad) == ct + tag
                assert cipher.decrypt(iv, ct + tag, aad) == msg
            else:
                with pytest.raises(InvalidTag):
                    cipher.decrypt(iv, ct + tag, aad)
            ran += 1
    assert ran > 200


def test_x25519() -> None:
    ran = 0
    for group in groups("x25519"):
        for t in group["tests"]:
            private = X25519PrivateKey.from_private_bytes(bytes.fromhex(t["private"]))
            public = X25519PublicKey.from_public_bytes(bytes.fromhex(t["public"]))
            shared = bytes.fromhex(t["shared"])
            if shared == bytes(32):
                # The format demands that these are refused, and the reader relies on this error.
                with pytest.raises(ValueError):  # noqa: PT011 - the library's own
                    private.exchange(public)
            else:
                assert private.exchange(public) == shared
            ran += 1
    assert ran > 500


def test_hkdf_sha256() -> None:
    ran = 0
    for group in groups("hkdf_sha256"):
        for t in group["tests"]:
            ikm, salt, info = (bytes.fromhex(t[k]) for k in ("ikm", "salt", "info"))
            if t["result"] == "valid":
                assert HKDF(SHA256(), t["size"], salt, info).derive(ikm).hex() == t["okm"]
            else:
                with pytest.raises(ValueError):  # noqa: PT011 - the library's own
                    HKDF(SHA256(), t["size"], salt, info)
            ran += 1
    assert ran > 80


def test_ed25519() -> None:
    ran = 0
    for group in groups("ed25519"):
        key = VerifyKey(bytes.fromhex(group["publicKey"]["pk"]))
        for t in group["tests"]:
            good = key.verify(bytes.fromhex(t["msg"]), bytes.fromhex(t["sig"]))
            assert good == (t["result"] == "valid"), t["comment"]
            ran += 1
    assert ran > 140


@pytest.mark.parametrize(
    ("seed", "public", "message", "signature"),
    [  # RFC 8032, section 7.1, tests 1 to 3
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            (
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
            ),
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            (
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
            ),
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            (
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
            ),
        ),
    ],
)
def test_rfc_8032(seed: str, public: str, message: str, signature: str) -> None:
    key = SigningKey(bytes.fromhex(seed))
    assert key.public == VerifyKey(bytes.fromhex(public))
    assert key.sign(bytes.fromhex(message)).hex() == signature
