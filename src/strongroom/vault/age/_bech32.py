"""Bech32 (BIP 173) as age uses it: no limit of 90 characters, one case throughout."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_LENGTH = 6
_BYTE, _GROUP = 8, 5


def encode(prefix: str, data: bytes) -> str:
    """Write `data` under a human-readable, lower-case `prefix`."""
    values = _regroup(data, _BYTE, _GROUP, pad=True)
    check = _polymod([*_expand(prefix), *values, *[0] * _CHECKSUM_LENGTH]) ^ 1
    values += [check >> 5 * (_CHECKSUM_LENGTH - 1 - i) & 31 for i in range(_CHECKSUM_LENGTH)]
    return f"{prefix}1{''.join(_ALPHABET[v] for v in values)}"


def decode(prefix: str, text: str) -> bytes | None:
    """Read what `encode` wrote, in one case; None for anything that isn't exactly that."""
    if text not in {text.lower(), text.upper()}:
        return None
    found, separator, letters = text.lower().rpartition("1")
    if found != prefix or not separator or len(letters) < _CHECKSUM_LENGTH:
        return None
    if any(letter not in _VALUES for letter in letters):
        return None
    values = [_VALUES[letter] for letter in letters]
    if _polymod([*_expand(prefix), *values]) != 1:
        return None
    data = bytes(_regroup(values[:-_CHECKSUM_LENGTH], _GROUP, _BYTE))
    # Padding bits must be zero and fewer than a group: only the canonical text passes.
    return data if encode(prefix, data) == text.lower() else None


def _expand(prefix: str) -> list[int]:
    codes = prefix.encode()
    return [*[c >> 5 for c in codes], 0, *[c & 31 for c in codes]]


def _polymod(values: Iterable[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            if top >> bit & 1:
                check ^= generator
    return check


def _regroup(values: Iterable[int], width: int, wanted: int, *, pad: bool = False) -> list[int]:
    """Cut a bit string into groups of `wanted` bits; a rest is padded with zeros, or dropped."""
    accumulator = bits = 0
    groups = []
    for value in values:
        accumulator = (accumulator << width | value) & 0xFFFF
        bits += width
        while bits >= wanted:
            bits -= wanted
            groups.append(accumulator >> bits & (1 << wanted) - 1)
    if pad and bits:
        groups.append(accumulator << (wanted - bits) & (1 << wanted) - 1)
    return groups
