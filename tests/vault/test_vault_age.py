"""If this fails, sealing loses or corrupts data, or a changed file opens as if it were whole."""

from __future__ import annotations

import copy
import io
import os
import pickle
import shutil
import subprocess
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.errors import InputError, KeyRefusedError, StrongroomError
from strongroom.vault.age import (
    AgeReader,
    HeaderError,
    HybridIdentity,
    HybridRecipient,
    NoMatchError,
    PassphraseIdentity,
    PassphraseRecipient,
    X25519Identity,
    X25519Recipient,
    _bech32,
    decrypt,
    decrypt_stream,
    encrypt,
    encrypt_stream,
)
from strongroom.vault.age._source import Source

if TYPE_CHECKING:
    from pathlib import Path

CHUNK = 65_536
BORDERS = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1]
ME = X25519Identity.generate()


class Dribble(io.RawIOBase):
    """A pipe at its worst: three bytes at a time."""

    def __init__(self, data: bytes, step: int = 3) -> None:
        self._inner, self._step = io.BytesIO(data), step

    def read(self, size: int = -1, /) -> bytes:
        return self._inner.read(min(size, self._step) if size >= 0 else self._step)


@pytest.mark.parametrize("armor", [False, True])
@pytest.mark.parametrize("size", BORDERS)
def test_round_trip_at_chunk_borders(size: int, armor: bool) -> None:
    data = os.urandom(size)
    sealed = encrypt(data, [ME.recipient], armor=armor)
    assert sealed.isascii() == armor
    assert decrypt(sealed, [ME]) == data


@given(st.binary(max_size=300), st.booleans())
@settings(max_examples=50, deadline=None)
def test_round_trip(data: bytes, armor: bool) -> None:
    assert decrypt(encrypt(data, [ME.recipient], armor=armor), [ME]) == data


@pytest.mark.parametrize("size", [0, 1, 47, 48, 49, 96, CHUNK + 1])
@pytest.mark.parametrize("armor", [False, True])
def test_streams_that_hand_out_little(size: int, armor: bool) -> None:
    data, sealed, plain = os.urandom(size), io.BytesIO(), io.BytesIO()
    encrypt_stream(Dribble(data, 1000), sealed, [ME.recipient], armor=armor)  # type: ignore[arg-type]  # RawIOBase.read may return None; this one doesn't
    decrypt_stream(Dribble(sealed.getvalue(), 1000), plain, [ME])  # type: ignore[arg-type]  # same
    assert plain.getvalue() == data


@pytest.mark.parametrize("step", [1, 3, 7])
def test_lines_and_reads_from_a_dribbling_stream(step: int) -> None:
    source = Source(Dribble(b"one\ntwo\n" + b"x" * 50, step))
    assert source.peek(2) == b"on"
    assert source.readline(100) == b"one\n"
    assert source.readline(2) == b"tw"
    assert source.readline(100) == b"o\n"
    assert source.read(10) == b"x" * 10
    assert source.readline(1000) == b"x" * 40
    assert source.read(1) == b""


def test_every_recipient_opens_and_nobody_else() -> None:
    people = [X25519Identity.generate() for _ in range(3)]
    sealed = encrypt(b"for three", [p.recipient for p in people])
    assert all(decrypt(sealed, [p]) == b"for three" for p in people)
    with pytest.raises(NoMatchError):
        decrypt(sealed, [ME])


def test_nothing_repeats_between_two_files() -> None:
    one, two = (encrypt(b"same", [ME.recipient]) for _ in range(2))
    assert one[40:] != two[40:]
    assert one[-20:] != two[-20:]


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_flipped_bit_is_refused(data: st.DataObject) -> None:
    sealed = bytearray(SEALED)
    # Armor would allow changes of white space; a binary file allows none.
    place = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[place // 8] ^= 1 << place % 8
    with pytest.raises(StrongroomError):
        decrypt(bytes(sealed), [ME])


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_truncation_or_addition_is_refused(data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(SEALED) - 1))
    with pytest.raises(StrongroomError):
        decrypt(SEALED[:cut], [ME])
    with pytest.raises(StrongroomError):
        decrypt(SEALED + data.draw(st.binary(min_size=1, max_size=40)), [ME])


SEALED = encrypt(b"s" * 200, [ME.recipient])
LONG = encrypt(bytes(2 * CHUNK + 5), [ME.recipient])


@pytest.mark.parametrize("chunks", [1, 2])
def test_cutting_at_a_chunk_border_is_refused(chunks: int) -> None:
    start = len(LONG) - (2 * CHUNK + 5 + 3 * 16)
    with pytest.raises(StrongroomError):
        decrypt(LONG[: start + chunks * (CHUNK + 16)], [ME])


def test_swapped_chunks_are_refused() -> None:
    start = len(LONG) - (2 * CHUNK + 5 + 3 * 16)
    one, two = (LONG[start + i * (CHUNK + 16) : start + (i + 1) * (CHUNK + 16)] for i in (0, 1))
    with pytest.raises(StrongroomError):
        decrypt(LONG[:start] + two + one + LONG[start + 2 * (CHUNK + 16) :], [ME])


def test_random_reads_agree_with_the_whole() -> None:
    data = os.urandom(3 * CHUNK + 17)
    reader = AgeReader.of(encrypt(data, [ME.recipient]), [ME])
    assert reader.size == len(data)
    for offset, size in [(0, 1), (CHUNK - 1, 2), (CHUNK, CHUNK), (5, len(data)), (len(data), 3)]:
        assert reader.read_at(offset, size) == data[offset : offset + size]


def test_memory_stays_constant() -> None:
    class Zeros(io.RawIOBase):
        left = 24 << 20

        def read(self, size: int = -1, /) -> bytes:
            give = min(size, self.left)
            self.left -= give
            return bytes(give)

    class Nowhere(io.BytesIO):
        def write(self, _data: object, /) -> int:
            return 0

    tracemalloc.start()
    encrypt_stream(Zeros(), Nowhere(), [ME.recipient])  # type: ignore[arg-type]  # RawIOBase.read may return None; this one doesn't
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20


def test_passphrase_round_trip_and_refusals() -> None:
    sealed = encrypt(b"secret", [PassphraseRecipient("correct horse", work_factor=2)])
    assert decrypt(sealed, [PassphraseIdentity("correct horse")]) == b"secret"
    with pytest.raises(NoMatchError):
        decrypt(sealed, [PassphraseIdentity("wrong")])
    with pytest.raises(NoMatchError):
        decrypt(sealed, [ME])
    with pytest.raises(NoMatchError):
        decrypt(SEALED, [PassphraseIdentity("any")])
    with pytest.raises(HeaderError, match="work factor"):
        decrypt(sealed, [PassphraseIdentity("correct horse", max_work_factor=1)])
    with pytest.raises(InputError):
        PassphraseRecipient("")
    with pytest.raises(InputError):
        PassphraseRecipient("x", work_factor=31)


def test_hybrid_round_trip() -> None:
    you = HybridIdentity.generate()
    again = HybridIdentity.parse(you.reveal())
    sealed = encrypt(b"later", [HybridRecipient.parse(str(you.recipient))])
    assert decrypt(sealed, [again]) == b"later"
    with pytest.raises(NoMatchError):
        decrypt(sealed, [HybridIdentity.generate()])


def test_recipients_that_cannot_share_a_header() -> None:
    with pytest.raises(InputError):
        encrypt(b"", [])
    with pytest.raises(InputError, match="passphrase"):
        encrypt(b"", [PassphraseRecipient("p", 1), ME.recipient])
    with pytest.raises(InputError, match="post-quantum"):
        encrypt(b"", [HybridIdentity.generate().recipient, ME.recipient])


def test_keys_as_text() -> None:
    identity = X25519Identity.parse(ME.reveal())
    assert identity.recipient == ME.recipient
    assert len({ME.recipient, identity.recipient}) == 1
    assert X25519Recipient.parse(f" {ME.recipient}\n") == ME.recipient
    assert repr(ME.recipient).startswith("X25519Recipient('age1")
    assert "age1pq" in repr(HybridIdentity.generate().recipient)


@pytest.mark.parametrize(
    "text",
    ["", "age1", "age1qqqq", "AGE-SECRET-KEY-1", ME.reveal(), str(ME.recipient)[:-1], "age1ß"],
    ids=["empty", "prefix", "short", "secret-prefix", "secret", "cut", "not-ascii"],
)
def test_mistyped_recipients(text: str) -> None:
    with pytest.raises(KeyRefusedError):
        X25519Recipient.parse(text)
    with pytest.raises(KeyRefusedError):
        HybridRecipient.parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "AGE-SECRET-KEY-1", ME.reveal().lower(), str(ME.recipient)],
    ids=["empty", "prefix", "lower-case", "recipient"],
)
def test_mistyped_secret_keys(text: str) -> None:
    with pytest.raises(KeyRefusedError) as caught:
        X25519Identity.parse(text)
    assert not text or text not in str(caught.value)
    with pytest.raises(KeyRefusedError):
        HybridIdentity.parse(text)


def test_unusable_public_keys() -> None:
    low_order = X25519Recipient.parse(_bech32.encode("age", bytes(32)))
    with pytest.raises(KeyRefusedError):
        encrypt(b"", [low_order])
    with pytest.raises(KeyRefusedError):
        HybridRecipient.parse(_bech32.encode("age1pq", b"\xff" * 1216))


@given(st.binary(max_size=80))
def test_bech32_round_trip(data: bytes) -> None:
    text = _bech32.encode("age", data)
    assert _bech32.decode("age", text) == data
    assert _bech32.decode("age", text.upper()) == data
    assert _bech32.decode("other", text) is None


@pytest.mark.parametrize(
    ("text", "hrp"),
    # BIP 173's own valid strings whose data part is whole bytes.
    [("A12UEL5L", "a"), ("split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w", "split")],
)
def test_bech32_reference_strings(text: str, hrp: str) -> None:
    decoded = _bech32.decode(hrp, text)
    assert decoded is not None
    assert _bech32.encode(hrp, decoded) == text.lower()


@pytest.mark.parametrize(
    "secret",
    [ME, HybridIdentity.generate(), PassphraseIdentity("hush"), PassphraseRecipient("hush", 1)],
)
def test_secrets_stay_secret(secret: object) -> None:
    for text in (repr(secret), str(secret), f"{secret}"):
        assert "hush" not in text
        assert "SECRET" not in text
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.copy(secret)


AGE = shutil.which("age")


@pytest.mark.skipif(AGE is None, reason="the age program is not installed (apt-get install age)")
@pytest.mark.parametrize("armor", [False, True])
@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1])
def test_age_opens_ours_and_we_open_theirs(tmp_path: Path, size: int, armor: bool) -> None:
    data = os.urandom(size)
    key, ours = tmp_path / "key.txt", tmp_path / "ours.age"
    key.write_text(ME.reveal() + "\n")
    ours.write_bytes(encrypt(data, [ME.recipient], armor=armor))
    opened = subprocess.run(["age", "-d", "-i", key, ours], capture_output=True, check=True)
    assert opened.stdout == data
    flags = ["-a"] if armor else []
    theirs = subprocess.run(
        ["age", "-e", *flags, "-r", str(ME.recipient)], input=data, capture_output=True, check=True
    )
    assert decrypt(theirs.stdout, [ME]) == data
