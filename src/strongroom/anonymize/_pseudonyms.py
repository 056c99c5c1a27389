"""Pseudonyms: keyed tokens in place of identifiers (ISO/IEC 20889, 9.4).

A token is the first 130 bits of HMAC-SHA256 under a secret key, in base32, behind the label of the
column: `email_mzxw6ytboi…`. Without the key nobody can compute or check a token; with it the same
value has the same token for ever, so tables stay joinable. That also makes tokens personal data
still: keep the key apart, and destroy it to cut the link.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

_TOKEN_LETTERS = 26
_KEY_BYTES = 16


class Pseudonymiser:
    """Turns values into tokens under one key.

    Args:
        key: at least 16 secret bytes.

    Raises:
        InputError: the key is too short.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < _KEY_BYTES:
            raise InputError(
                f"a pseudonym key needs at least {_KEY_BYTES} bytes, this one has {len(key)}",
                hint="take one from the keyring: keyring.subkey('pseudonym')",
            )
        self._key = key

    def __repr__(self) -> str:
        return "Pseudonymiser(key=…)"

    def tokens(self, column: pa.ChunkedArray | pa.Array, label: str) -> pa.Array:
        """Return the token of every value; missing stays missing.

        A value counts as its text, so 17 and "17" share a token; each distinct value is computed
        once.

        Args:
            column: any type that has a text form.
            label: separates domains: one value under two labels has two unrelated tokens.
        """
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        text = column.cast(pa.string())
        whole = text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text
        encoded = whole.dictionary_encode()
        prefix = _prefix(label)
        fresh = [f"{prefix}_{token}" for token in self._each(encoded.dictionary.to_pylist(), label)]
        return pa.array(fresh, pa.string()).take(encoded.indices)

    def _each(self, values: Iterable[str], label: str) -> Iterable[str]:
        for value in values:
            yield tag(self._key, "pseudonym", label, value, letters=_TOKEN_LETTERS)


def only_tokens(column: pa.ChunkedArray | pa.Array, label: str) -> bool:
    """Tell whether every value of a column of strings has the form of a token under this label."""
    form = f"^{re.escape(_prefix(label))}_[a-z2-7]{{{_TOKEN_LETTERS}}}$"
    return bool(pc.all(pc.match_substring_regex(column, form), min_count=0).as_py())


def _prefix(label: str) -> str:
    return re.sub(r"\W+", "_", label).strip("_").lower() or "token"


def tag(key: bytes, purpose: str, label: str, value: str, *, letters: int) -> str:
    """Return `letters` base32 letters (5 bits each, lower case) of the keyed digest of a value."""
    digest = keyed_digest(key, purpose, label, value)
    return base64.b32encode(digest).decode().lower()[:letters]


def keyed_digest(key: bytes, purpose: str, label: str, value: str) -> bytes:
    """Return HMAC-SHA256 over (purpose, label, value), each behind its length: no two collide."""
    parts = [part.encode("utf-8", "surrogatepass") for part in (purpose, label, value)]
    message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.digest(key, message, hashlib.sha256)
