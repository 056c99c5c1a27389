"""Made-up secrets, one of each kind, and what only looks like them: for tests and for trying out.

Everything here is drawn from the rule itself, checksums included; nobody ever gave it out.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import string
from typing import TYPE_CHECKING
from zlib import crc32

from strongroom.discover.engine._dialect import Bytes, Choice, Node, Sequence, parse
from strongroom.discover.recognizers.secrets import _checked as checked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.discover._rule import Rule

_TRIES = 3_000
_FURTHER = 40  # turns of a repetition beyond its least
_LETTERS = sum(1 << ord(c) for c in string.ascii_letters + string.digits)
_PRINTABLE = sum(1 << ord(c) for c in string.printable if c.isprintable())
_ASCII = (1 << 128) - 1
_ALL = (1 << 256) - 1


def true_one(rule: Rule, seed: int = 0) -> tuple[str, str]:
    """Return a secret of this kind: (what leads to it, the secret)."""
    coins = random.Random(f"{rule.name}/{seed}")  # noqa: S311 - to be drawn again
    lead = _draw(parse(rule.lead), coins).decode() if rule.lead else ""
    for _ in range(_TRIES):
        secret = _prove(rule, _draw(parse(rule.pattern), coins).decode(), coins)
        if rule.verify is None or rule.verify(secret):
            return lead, secret
    raise AssertionError(rule.name)  # pragma: no cover - a rule that nothing satisfies


def lookalikes(rule: Rule) -> tuple[str, ...]:
    """Return texts of this shape without a secret: filled in with one letter, cut short."""
    if rule.lookalikes:
        return rule.lookalikes
    lead, secret = true_one(rule)
    filled = _draw(parse(rule.pattern), None).decode()
    return lead + filled, lead + secret[: len(filled) // 5]


def _draw(node: Node, coins: random.Random | None) -> bytes:
    """Draw what a pattern matches; without coins, the same letter and the first way each time."""
    if isinstance(node, Bytes):
        among = next(a for a in (_LETTERS, _PRINTABLE, _ASCII, _ALL) if node.mask & a) & node.mask
        every = [i for i in range(256) if among >> i & 1]
        filled = next((i for i in b"xX0" if i in every), every[0])
        return bytes([coins.choice(every) if coins else filled])
    if isinstance(node, Sequence):
        return b"".join(_draw(part, coins) for part in node.parts)
    if isinstance(node, Choice):
        return _draw(coins.choice(node.parts) if coins else node.parts[0], coins)
    most = node.least + _FURTHER if node.most is None else min(node.most, node.least + _FURTHER)
    times = coins.randint(node.least, most) if coins else node.least
    return b"".join(_draw(node.part, coins) for _ in range(times))


def _prove(rule: Rule, secret: str, coins: random.Random) -> str:
    """Put the checksum or the structure into a secret whose kind has one."""
    if isinstance(rule.verify, checked.Json):
        content = {key: _letters(coins, 40) for key in rule.verify.keys}
        return rule.verify.prefix + _coded(content) + secret[secret.rfind(".") :]
    make = None if rule.verify is None else _MAKERS.get(rule.verify)
    return make(secret, coins) if make else secret


def _with_crc_base62(shape: str, _coins: random.Random) -> str:
    body = shape.rpartition("_")[2][:-6]
    return shape[:-6] + checked.in_base(crc32(body.encode()), checked.BASE62, 6)


def _routable(shape: str, _coins: random.Random) -> str:
    return shape[:-7] + checked.in_base(crc32(shape[:-7].encode()), checked.BASE36, 7)


def _bech32(shape: str, _coins: random.Random) -> str:
    body = shape[:-6]
    state = checked.bech32_state(body + "q" * 6) ^ 1
    return body + "".join(checked.BECH32[state >> 5 * i & 31] for i in reversed(range(6))).upper()


def _base58(shape: str, coins: random.Random) -> str:
    extended = "prv" in shape[:4]
    whole = (_EXTENDED if extended else _MAIN) + coins.randbytes(74 if extended else 32)
    whole += hashlib.sha256(hashlib.sha256(whole).digest()).digest()[:4]
    return checked.in_base(int.from_bytes(whole), checked.BASE58, 1)


def _web_token(_shape: str, coins: random.Random) -> str:
    parts = [_coded({"alg": "HS256"}), _coded({"sub": _letters(coins, 9)}), _letters(coins, 43)]
    return ".".join(parts)


def _encoded_web_token(shape: str, coins: random.Random) -> str:
    return base64.b64encode(_web_token(shape, coins).encode()).decode()


def _basic(_shape: str, coins: random.Random) -> str:
    return base64.b64encode(f"{_letters(coins, 6)}:{_letters(coins, 12)}".encode()).decode()


def _discord(shape: str, coins: random.Random) -> str:
    number = base64.b64encode(str(coins.randrange(10**17, 10**18)).encode()).decode()
    return ".".join([number, *shape.split(".")[1:]])


def _entra(_shape: str, coins: random.Random) -> str:
    return f"{_letters(coins, 3)}8Q~{_letters(coins, 34)}"


def _openai(_shape: str, coins: random.Random) -> str:
    return f"sk-proj-{_letters(coins, 58)}T3BlbkFJ{_letters(coins, 58)}"


def _putty(shape: str, coins: random.Random) -> str:
    head, _, tail = shape.partition(": ")
    return (
        f"{head}: ssh-ed25519\nEncryption: none\nComment: {_letters(coins, 8)}\n"
        f"Public-Lines: 1\n{_letters(coins, 44)}\nPrivate-Lines: 1\n{_letters(coins, 44)}\n"
        f"Private-MAC: {tail[-40:]}"
    )


_EXTENDED, _MAIN = bytes.fromhex("0488ade4"), bytes.fromhex("80")
_MAKERS = {
    checked.crc_base62: _with_crc_base62,
    checked.gitlab_routable: _routable,
    checked.age_identity: _bech32,
    checked.base58check: _base58,
    checked.json_web_token: _web_token,
    checked.encoded_web_token: _encoded_web_token,
    checked.basic_credentials: _basic,
    checked.discord_bot: _discord,
    checked.entra_secret: _entra,
    checked.openai_key: _openai,
    checked.putty_key: _putty,
}


def _coded(content: Mapping[str, object]) -> str:
    text = json.dumps(content, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _letters(coins: random.Random, count: int) -> str:
    return "".join(coins.choices(string.ascii_letters + string.digits, k=count))
