"""Checksums of addresses on block chains: Base58Check, Bech32 and Bech32m, EIP-55, XLM's CRC.

SHA-256 is FIPS 180-4's, over one block; Keccak-256 is the submission to SHA-3 with its own
padding, over one block. Their constants are computed as the standards define them.
"""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

BASE58, RIPPLE58, BECH32, EIP55, BASE32_CRC = range(5)

_PRIMES = [p for p in range(2, 312) if all(p % q for q in range(2, isqrt(p) + 1))]


def _cube_root(number: int) -> int:
    low, high = 0, 1 << (number.bit_length() // 3 + 2)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= number else (low, middle - 1)
    return low


_WORD = np.uint64(0xFFFFFFFF)
_ROUNDS = np.array([_cube_root(p << 96) & 0xFFFFFFFF for p in _PRIMES[:64]], np.uint64)
_BEGINNING = np.array([isqrt(p << 64) & 0xFFFFFFFF for p in _PRIMES[:8]], np.uint64)


def _values(alphabet: str) -> NDArray[np.int64]:
    found = np.full(256, -1, np.int64)
    found[list(alphabet.encode())] = np.arange(len(alphabet))
    return found


_BASE58_VALUES = np.stack(
    [
        _values("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"),
        _values("rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"),
    ]
)
_BECH32_VALUES = _values("qpzry9x8gf2tvdw0s3jn54khce6mua7l")
_BASE32_VALUES = _values("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_BECH32_STEPS = np.array([0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3], np.int64)
_BECH32_ENDS = (1, 0x2BC83B30)
_LONGEST = 128


def _keccak_constants() -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the round constants (an LFSR's output) and the rotation of each lane."""
    constants, state = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            constant |= (state & 1) << ((1 << j) - 1)
            state = (state << 1) ^ (0x171 if state >> 7 else 0)
        constants.append(constant)
    turns = np.zeros(25, np.int64)
    x, y = 1, 0
    for t in range(24):
        turns[x + 5 * y] = (t + 1) * (t + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return np.array(constants, np.uint64), turns


_KECCAK_ROUNDS, _KECCAK_TURNS = _keccak_constants()


@compiled
def _turned(word: np.uint64, by: int) -> np.uint64:
    return np.uint64(((word >> np.uint64(by)) | (word << np.uint64(32 - by))) & _WORD)


@compiled
def _sha256(message: NDArray[np.uint8], length: int, digest: NDArray[np.uint8]) -> None:
    """Hash at most 55 bytes."""
    w = np.zeros(64, np.uint64)
    for i in range(length):
        w[i // 4] |= np.uint64(message[i]) << np.uint64(8 * (3 - i % 4))
    w[length // 4] |= np.uint64(0x80) << np.uint64(8 * (3 - length % 4))
    w[15] = np.uint64(8 * length)
    for i in range(16, 64):
        a, b = w[i - 15], w[i - 2]
        low = _turned(a, 7) ^ _turned(a, 18) ^ (a >> np.uint64(3))
        high = _turned(b, 17) ^ _turned(b, 19) ^ (b >> np.uint64(10))
        w[i] = (w[i - 16] + low + w[i - 7] + high) & _WORD
    s = _BEGINNING.copy()
    for i in range(64):
        a, e = s[0], s[4]
        choice = (e & s[5]) ^ ((e ^ _WORD) & s[6])
        most = (a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2])
        first = s[7] + (_turned(e, 6) ^ _turned(e, 11) ^ _turned(e, 25)) + choice
        first += _ROUNDS[i] + w[i]
        second = (_turned(a, 2) ^ _turned(a, 13) ^ _turned(a, 22)) + most
        for j in range(7, 0, -1):
            s[j] = s[j - 1]
        s[4] = (s[4] + first) & _WORD
        s[0] = (first + second) & _WORD
    for i in range(8):
        word = (s[i] + _BEGINNING[i]) & _WORD
        for j in range(4):
            digest[4 * i + j] = (word >> np.uint64(8 * (3 - j))) & np.uint64(0xFF)


@compiled
def _keccak256(message: NDArray[np.uint8], pad: int, digest: NDArray[np.uint8]) -> None:
    """Hash at most 135 bytes; `pad` is 1 for Keccak, 6 for SHA-3 as it became a standard."""
    a = np.zeros(25, np.uint64)
    for i in range(len(message)):
        a[i // 8] ^= np.uint64(message[i]) << np.uint64(8 * (i % 8))
    a[len(message) // 8] ^= np.uint64(pad) << np.uint64(8 * (len(message) % 8))
    a[16] ^= np.uint64(0x80) << np.uint64(56)
    b, c = np.zeros(25, np.uint64), np.zeros(5, np.uint64)
    for r in range(24):
        for x in range(5):
            c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20]
        for x in range(5):
            right = c[(x + 1) % 5]
            both = c[(x + 4) % 5] ^ ((right << np.uint64(1)) | (right >> np.uint64(63)))
            for y in range(5):
                lane, by = a[x + 5 * y] ^ both, _KECCAK_TURNS[x + 5 * y]
                if by:
                    lane = (lane << np.uint64(by)) | (lane >> np.uint64(64 - by))
                b[y + 5 * ((2 * x + 3 * y) % 5)] = lane
        for y in range(5):
            for x in range(5):
                others = ~b[(x + 1) % 5 + 5 * y] & b[(x + 2) % 5 + 5 * y]
                a[x + 5 * y] = b[x + 5 * y] ^ others
        a[0] ^= _KECCAK_ROUNDS[r]
    for i in range(32):
        digest[i] = (a[i // 8] >> np.uint64(8 * (i % 8))) & np.uint64(0xFF)


@compiled
def _base58(data: NDArray[np.uint8], start: int, end: int, kind: int) -> bool:
    """Check four bytes of the double SHA-256 at the end of 25 or 26 bytes."""
    number = np.zeros(40, np.uint8)
    zeros = used = 0
    for i in range(start, end):
        carry = _BASE58_VALUES[kind, data[i]]
        if carry < 0:
            return False
        if carry == 0 and used == 0:
            zeros += 1
            continue
        j = 0
        while j < used or carry:
            if j == len(number):
                return False
            carry += 58 * np.int64(number[j])
            number[j] = carry & 0xFF
            carry >>= 8
            j += 1
        used = max(used, j)
    total = zeros + used
    if total != 25 and total != 26:  # noqa: PLR1714, PLR2004 - kernels know no sets
        return False
    message, digest = np.zeros(32, np.uint8), np.zeros(32, np.uint8)
    for i in range(used):
        message[total - 1 - i] = number[i]
    kept = message[total - 4 : total].copy()
    for turn in range(2):
        _sha256(message, 32 if turn else total - 4, digest)
        message[:] = digest
    return bool((message[:4] == kept).all())


@compiled
def _bech32(data: NDArray[np.uint8], start: int, end: int) -> bool:
    """Check BIP 173's or BIP 350's code over a prefix, the last 1, and the data."""
    apart = end - 1
    while apart > start and data[apart] != 49:  # noqa: PLR2004 - the digit 1
        apart -= 1
    if apart <= start or end - apart <= 6 or end - start > _LONGEST:  # noqa: PLR2004
        return False
    found = np.int64(1)
    prefix = apart - start
    for i in range(2 * prefix + 1 + end - apart - 1):
        if i < prefix:
            value = np.int64(data[start + i] | 32) >> 5
        elif i == prefix:
            value = np.int64(0)
        elif i <= 2 * prefix:
            value = np.int64(data[start + i - prefix - 1] | 32) & 31
        else:
            c = data[apart + i - 2 * prefix]
            value = _BECH32_VALUES[c | 32 if 65 <= c <= 90 else c]  # noqa: PLR2004 - A to Z
        if value < 0:
            return False
        top = found >> 25
        found = ((found & 0x1FFFFFF) << 5) ^ value
        for j in range(5):
            if (top >> j) & 1:
                found ^= _BECH32_STEPS[j]
    return bool(found == _BECH32_ENDS[0]) or bool(found == _BECH32_ENDS[1])


@compiled
def _eip55(data: NDArray[np.uint8], start: int, end: int) -> bool:
    """Check capitals against the hash of the small letters; an address of one case has none."""
    if end - start != 42:  # noqa: PLR2004 - 0x and forty digits
        return False
    small, digest = np.zeros(40, np.uint8), np.zeros(32, np.uint8)
    capitals = letters = 0
    for i in range(40):
        c = data[start + 2 + i]
        small[i] = c | 32 if c > 57 else c  # noqa: PLR2004 - beyond the digit 9
        letters += 1 if c > 57 else 0  # noqa: PLR2004
        capitals += 1 if 57 < c < 97 else 0  # noqa: PLR2004
    if capitals == 0 or capitals == letters:  # noqa: PLR1714 - as above
        return False
    _keccak256(small, 1, digest)
    for i in range(40):
        c = data[start + 2 + i]
        high = (digest[i // 2] >> (4 if i % 2 == 0 else 0)) & 8
        if c > 57 and (c < 97) != (high != 0):  # noqa: PLR2004
            return False
    return True


@compiled
def _base32_crc(data: NDArray[np.uint8], start: int, end: int) -> bool:
    """Check Stellar's keys: 35 bytes, of which the last two are CRC-16/XMODEM, low byte first."""
    if end - start != 56:  # noqa: PLR2004 - base 32 of 35 bytes
        return False
    crc = bits = held = count = kept = np.int64(0)
    for i in range(start, end):
        value = _BASE32_VALUES[data[i]]
        if value < 0:
            return False
        held, bits = ((held << 5) | value) & 0xFFFF, bits + 5
        if bits >= 8:  # noqa: PLR2004 - a byte
            bits -= 8
            byte = (held >> bits) & 0xFF
            if count < 33:  # noqa: PLR2004 - version and key
                crc ^= byte << 8
                for _ in range(8):
                    crc = ((crc << 1) ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
            else:
                kept |= byte << (8 * (count - 33))
            count += 1
    return bool(kept == crc)


@compiled
def addresses(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    kind: int,
    right: NDArray[np.bool_],
) -> None:
    """Say of spans whether they are addresses with a right checksum.

    Args:
        data: uint8, the text.
        starts: int64 [n], where the spans begin.
        ends: int64 [n], where they end.
        kind: BASE58, RIPPLE58, BECH32, EIP55 or BASE32_CRC.
        right: bool [n], filled.
    """
    for i in range(len(starts)):
        if kind == BECH32:
            right[i] = _bech32(data, starts[i], ends[i])
        elif kind == EIP55:
            right[i] = _eip55(data, starts[i], ends[i])
        elif kind == BASE32_CRC:
            right[i] = _base32_crc(data, starts[i], ends[i])
        else:
            right[i] = _base58(data, starts[i], ends[i], kind)
