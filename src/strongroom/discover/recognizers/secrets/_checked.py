"""Secrets that prove themselves: checksums and structures that their makers put in.

Sources: GitHub's and npm's descriptions of their formats (2021; CRC-32 in base 62); GitLab's
routable tokens (`lib/authn/token_field/generator/routable_token.rb`); Polar's `kit/crypto.py`;
age v1 and BIP 173 (Bech32); Bitcoin's Base58Check and BIP 32; RFC 7519 (JWT); RFC 7468 (PEM).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import string
from dataclasses import dataclass
from zlib import crc32

from strongroom.discover.recognizers.secrets._real import real

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
BASE36 = string.digits + string.ascii_lowercase
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_NOT_BASE64 = re.compile(r"\\[nrt]|[^A-Za-z0-9+/=]")
_SHORTEST_KEY = 40
_ENTRA = re.compile(r"[\w~.-]{3}[0-9]Q~[\w~.-]{31,34}")
_OPENAI = re.compile(r"sk-[\w-]{20,}T3BlbkFJ[\w-]{20,}")
_BEYOND_HEX = re.compile("[G-Z]")
_UPPER = re.compile("[A-Z]")


def crc_base62(token: str) -> bool:
    """Check the last six characters: the CRC-32 of what stands between `_` and them."""
    body = token.rpartition("_")[2]
    return real(token) and body[-6:] == in_base(crc32(body[:-6].encode()), BASE62, 6)


def gitlab_routable(token: str) -> bool:
    """Check the last seven characters: the CRC-32, in base 36, of everything before them."""
    return real(token) and token[-7:] == in_base(crc32(token[:-7].encode()), BASE36, 7)


def age_identity(key: str) -> bool:
    """Check the six symbols of Bech32 at the end."""
    return bech32_state(key) == 1


def bech32_state(key: str) -> int:
    """Return what Bech32's checksum comes to; 1 where it is right."""
    prefix, _, data = key.lower().rpartition("1")
    state = 1
    for value in [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix),
                  *map(BECH32.find, data)]:  # fmt: skip
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate(_BECH32_GENERATOR):
            state ^= generator if top >> i & 1 else 0
    return state


def base58check(key: str) -> bool:
    """Check the four bytes at the end: the double SHA-256 of the others begins with them."""
    number = 0
    for letter in key:
        number = number * 58 + BASE58.index(letter)
    whole = number.to_bytes((number.bit_length() + 7) // 8, "big")
    found = hashlib.sha256(hashlib.sha256(whole[:-4]).digest()).digest()
    return found[:4] == whole[-4:]


def json_web_token(token: str) -> bool:
    """Check that the first part is a JOSE header: a JSON object with "alg"."""
    header = _object(token.partition(".")[0])
    return header is not None and "alg" in header


def encoded_web_token(text: str) -> bool:
    """Check that this is the Base64 of a JSON Web Token."""
    try:
        inside = base64.b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except ValueError:
        return False
    return json_web_token(inside)


@dataclass(frozen=True)
class Json:
    """Checks that what follows `prefix`, up to a dot, is a JSON object with `keys` in Base64."""

    prefix: str
    keys: tuple[str, ...]

    def __call__(self, token: str) -> bool:
        """Check one token."""
        found = _object(token.removeprefix(self.prefix).partition(".")[0])
        return found is not None and all(k in found for k in self.keys)


def private_key(armoured: str) -> bool:
    """Check that there is a key between the two lines, and no more dots and words than that."""
    body = "".join(armoured.split("-----")[2:3])
    if "\n\n" in body:  # the headers of RFC 4880 and RFC 1421 end with an empty line
        body = body.partition("\n\n")[2] or body
    letters = _NOT_BASE64.sub("", body)
    return len(letters) >= _SHORTEST_KEY and real(letters) and "..." not in body


def putty_key(file: str) -> bool:
    """Check that there is a key in a file of PuTTY's."""
    lines = file.partition("Private-Lines:")[2].split()
    letters = "".join(lines[1:-2])
    return len(letters) >= _SHORTEST_KEY and real(letters)


def basic_credentials(encoded: str) -> bool:
    """Check that this is the Base64 of `user:password` (RFC 7617)."""
    try:
        inside = base64.b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except ValueError:
        return False
    return ":" in inside and inside.isprintable() and real(inside)


def entra_secret(word: str) -> bool:
    """Check that nothing more stands around a client secret of Microsoft Entra."""
    return _ENTRA.fullmatch(word) is not None and real(word)


def openai_key(word: str) -> bool:
    """Check that "OpenAI" stands in it, in Base64, with enough on both sides."""
    return _OPENAI.fullmatch(word) is not None and real(word)


def octopus_key(word: str) -> bool:
    """Check that it isn't a page called after something in hexadecimal digits."""
    return real(word) and _BEYOND_HEX.search(word[4:]) is not None


def mixed_case(word: str) -> bool:
    """Check that there are letters of both cases, as among many drawn from both."""
    return real(word) and _UPPER.search(word) is not None


def discord_bot(token: str) -> bool:
    """Check that the first part is the Base64 of a number."""
    first = token.partition(".")[0]
    try:
        return base64.b64decode(first + "=" * (-len(first) % 4)).isdigit() and real(token)
    except ValueError:
        return False


def in_base(number: int, digits: str, width: int) -> str:
    """Write a number with these digits, filled up with their first."""
    found = ""
    while number:
        number, digit = divmod(number, len(digits))
        found = digits[digit] + found
    return found.rjust(width, digits[0])


def _object(part: str) -> dict[str, object] | None:
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
