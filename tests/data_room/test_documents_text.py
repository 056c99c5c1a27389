"""If these fail, text is misread: names in the wrong letters, lines lost, rows miscounted."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data_room.documents import Forward, notes, records

from strongroom.data import _encodings
from strongroom.data._encodings import encoding_of, utf8
from strongroom.data.documents import READERS
from strongroom.data.sources import Limits
from strongroom.errors import DataError

LINES = st.lists(
    st.text(st.characters(exclude_characters="\n\r\ufeff", exclude_categories=["Cs", "Cc"])),
    min_size=1,
    max_size=30,
)
FRENCH = "Bonjour, je m'appelle François Lefèvre, né à Orléans.\n"
GERMAN = "Jürgen Müller wohnt in der Straße der Jugend in Köln.\n"
CZECH = "Ahoj, jmenuji se Jiří Dvořák a bydlím v Plzni. Děkuji.\n"
POLISH = "Nazywam się Łukasz Wiśniewski i mieszkam w Łodzi.\n"
RUSSIAN = "Меня зовут Иван Петров. ВАЖНО: телефон для справок.\n"
GREEK = "Καλημέρα κόσμε, ονομάζομαι Γιώργος.\n"
TURKISH = "Merhaba, benim adım Çağrı Yıldız, İstanbul'da yaşıyorum.\n"
HEBREW = "שלום, שמי דוד כהן ואני גר בתל אביב.\n"
ARABIC = "مرحبا، اسمي أحمد محمود وأعيش في القاهرة.\n"
JAPANESE = "私の名前は田中太郎です。東京に住んでいます。\n"
CHINESE = "我叫王小明，住在北京市朝阳区。\n"
KOREAN = "안녕하세요 저는 김철수입니다. 서울에 살고 있습니다.\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (FRENCH, "cp1252"),
        (FRENCH, "mac_roman"),
        (FRENCH, "cp850"),
        (GERMAN, "latin-1"),
        (GERMAN, "utf-8-sig"),
        (GERMAN, "utf-16"),
        (GERMAN, "utf-16-le"),
        (GERMAN, "utf-16-be"),
        (GERMAN, "utf-32"),
        (GERMAN, "utf-32-be"),
        (CZECH, "cp1250"),
        (POLISH, "cp1250"),
        (POLISH, "iso8859-2"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (RUSSIAN, "cp866"),
        (RUSSIAN, "utf-16-be"),
        (GREEK, "cp1253"),
        (TURKISH, "cp1254"),
        (HEBREW, "cp1255"),
        (ARABIC, "cp1256"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
        (JAPANESE, "utf-16-le"),
        (CHINESE, "gb18030"),
        (KOREAN, "cp949"),
        ("naïve café, £20", "cp1252"),
        ("plain", "ascii"),
    ],
)
@pytest.mark.parametrize("times", [1, 40])
def test_reads_what_people_write_in_the_encodings_they_write_it_in(
    text: str, encoding: str, times: int
) -> None:
    assert "\n".join(records("text", (text * times).encode(encoding))) == (text * times).rstrip(
        "\n"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"name,email\nJo\0e,ann@b.example\nBob,\0bob@c.example\n",
        b"before a crash\n" + bytes(4000) + b"after it\n",
        b"Ann\0\0\0\0\0ann@b.example\0\0\0Bob\0\0\0\0\0bob@c.example\0\0\0" * 20,
    ],
)
def test_zeros_among_letters_are_neither_binary_nor_wide(content: bytes) -> None:
    assert "\n".join(records("text", content)) == content.decode().rstrip("\n")


@pytest.mark.parametrize(
    "text", ["Привет мир", "नमस्ते दुनिया", "ひらがなのみ", "你好世界", "สวัสดี", "Γειά"]
)
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_few_wide_letters_without_a_mark(text: str, encoding: str) -> None:
    assert records("text", f"{text}\n".encode(encoding)) == [text]


@given(LINES, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]), st.booleans())
def test_gives_back_every_line(lines: list[str], encoding: str, windows: bool) -> None:
    end = "\r\n" if windows else "\n"
    content = (end.join(lines) + end).encode(encoding)
    assert records("text", content) == lines


@given(st.text(st.sampled_from("ab é\U0001f600\n"), max_size=400), st.integers(8, 40))
def test_long_lines_are_cut_and_can_be_put_together(text: str, most: int) -> None:
    assert records("text", text.encode(), Limits(record_bytes=most)) == (
        text.removesuffix("\n").split("\n") if text else []
    )


@given(st.binary(max_size=300), st.integers(1, 50))
def test_pieces_of_any_size_make_the_same_text(content: bytes, size: int) -> None:
    def read(chunk: int) -> tuple[bytes, list[str]]:
        told: list[str] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_encodings, "_CHUNK_BYTES", chunk)
            stream = io.BytesIO(b"text " * (_encodings.HEAD_BYTES // 5) + b"12345 " + content)
            return b"".join(utf8(stream, "a file", told)), told

    assert read(size) == read(1 << 20)


def test_broken_bytes_are_read_as_windows_has_them_and_counted() -> None:
    content = "Zoë Müller\n".encode() * 20 + "Jürgen\n".encode("cp1252") + "Łukasz\n".encode()
    assert records("text", content)[-2:] == ["Jürgen", "Łukasz"]
    assert notes("text", content) == ["1 bytes are not UTF-8: read as Windows-1252"]


def test_broken_utf16_is_counted() -> None:
    content = "\ufeffJane Doe\n".encode("utf-16-le") + b"\x00\xd8" + "x\n".encode("utf-16-le")
    assert records("text", content) == ["Jane Doe", "\ufffdx"]
    assert notes("text", content) == ["1 characters are broken in utf-16-le: replaced"]


@pytest.mark.parametrize("content", [b"\x7fELF\x02\x01\x01" + bytes(50), bytes(range(256)) * 4])
def test_binary_is_no_text(content: bytes) -> None:
    assert encoding_of(content) is None
    with pytest.raises(DataError, match="no text"):
        records("text", content)


def test_a_declared_encoding_that_is_no_text_is_not_used() -> None:
    for declared in ("zip", "bz2", "rot13", "unicode_escape", "no such", "idna", "utf-7", "\0"):
        assert (
            b"".join(utf8(io.BytesIO(b"caf\xe9"), "a file", [], encoding=declared))
            == "café".encode()
        )


def test_one_line_without_end_takes_little_memory() -> None:
    class Endless(Forward):
        left = 200

        def read(self, size: int | None = -1) -> bytes:
            self.left -= 1
            return b"word " * (min(size or 0, 1 << 20) // 5) if self.left > 0 else b""

    largest, length = 0, 0
    for batch in READERS["text"](Endless(), "a file", Limits(record_bytes=1 << 20)):
        assert batch.first_row == 0
        assert batch.offset == length
        length += len(batch.table["text"][0].as_py())
        largest = max(largest, batch.table.nbytes)
    assert length > 190 << 18
    assert largest < 3 << 20
