"""If these fail, what cameras write of people and places goes unseen, or text in pictures does."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from tests.data_room.documents import FILES, notes, records

from strongroom.data.documents._metadata import picture_fields
from strongroom.data.documents._ocr import Line, can_read_pictures, frames, read_lines
from strongroom.data.sources import Limits
from strongroom.errors import DataError

PHOTO = (FILES / "photo.jpg").read_bytes()
EXIF = [
    "Camera make: Canon",
    "Camera model: EOS R5",
    "Artist: Paula Photographer",
    "Copyright: (c) 2024 Paula Photographer",
    "Date and time taken: 2024:05:04 03:02:01",
    "Camera owner name: Oscar Owner",
    "Camera body serial number: 032021004567",
    "GPS position: 52.520008, 13.404953",
]


def test_a_photo_says_who_where_and_with_what() -> None:
    assert records("picture", PHOTO) == [
        *EXIF,
        "Serial Number: SN998877",
        "creator: Xavier Creator",
        "Comment: taken by Cora",
    ]
    assert notes("picture", PHOTO) == ["text in the picture was not read"]


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "JPEG"])
def test_the_same_in_every_format(form: str) -> None:
    with Image.open(io.BytesIO(PHOTO)) as photo:
        out = io.BytesIO()
        photo.save(out, form, exif=photo.getexif())
    assert [r for r in records("picture", out.getvalue()) if r in EXIF] == EXIF


def test_text_chunks_and_comments() -> None:
    told = PngImagePlugin.PngInfo()
    told.add_text("Author", "Pia Painter")
    told.add_text("Zipped", "Zoë " * 50, zip=True)
    told.add_itxt("Description", "Größe", zip=True)
    png, gif = io.BytesIO(), io.BytesIO()
    drawn = Image.new("RGB", (4, 4))
    drawn.save(png, "PNG", pnginfo=told)
    drawn.save(gif, "GIF", comment=b"by Gina")
    assert set(picture_fields(png.getvalue())) == {
        ("Author", "Pia Painter"),
        ("Zipped", "Zoë " * 50),
        ("Description", "Größe"),
    }
    assert list(picture_fields(gif.getvalue())) == [("Comment", "by Gina")]


def test_iptc_and_windows_fields() -> None:
    records_of_iptc = b"".join(
        b"\x1c\x02" + bytes([kind]) + struct.pack(">H", len(value)) + value
        for kind, value in ((80, b"Ian Iptc"), (90, "Köln".encode()), (0, b"\0\2"))
    )
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">L", len(records_of_iptc)) + records_of_iptc
    block = b"Photoshop 3.0\0" + resource
    jpeg = b"\xff\xd8\xff\xed" + struct.pack(">H", len(block) + 2) + block + b"\xff\xd9"
    assert list(picture_fields(jpeg)) == [("Author", "Ian Iptc"), ("City", "Köln")]
    author = "Wanda\0".encode("utf-16-le")
    exif = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHLL", 0x9C9D, 1, len(author), 26) + bytes(4)
    assert list(picture_fields(exif + author)) == [("Author", "Wanda")]


def test_a_comment_whose_type_is_bytes() -> None:
    picture, out = Image.new("L", (8, 8)), io.BytesIO()
    exif = picture.getexif()
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0call Ann"
    picture.save(out, "JPEG", exif=exif)
    assert ("User comment", "call Ann") in picture_fields(out.getvalue())


def test_directories_that_lead_in_circles_end() -> None:
    circle = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHLL", 0x8769, 4, 1, 8) + struct.pack("<L", 8)
    assert list(picture_fields(circle)) == []
    # A thousand entries that all say the same large value.
    entry = struct.pack("<HHLL", 0x013B, 2, 200_000, 26)
    many = b"II*\0\x08\0\0\0" + struct.pack("<H", 1000) + entry * 1000
    assert sum(len(v) for _, v in picture_fields(many + b"x" * 300_000)) < 1 << 19


def test_packed_text_is_not_unfolded_without_end() -> None:
    bomb = b"a\0\0" + zlib.compress(bytes(4 << 20), 9)
    chunk = struct.pack(">L", len(bomb)) + b"zTXt" + bomb + bytes(4)
    fields = list(picture_fields(b"\x89PNG\r\n\x1a\n" + chunk * 100))
    assert sum(len(value) for _, value in fields) <= 18 << 20


@settings(max_examples=300)
@given(st.binary(max_size=200), st.integers(0, 1400))
def test_damaged_photos_say_what_they_still_can(damage: bytes, at: int) -> None:
    list(picture_fields(PHOTO[:at] + damage + PHOTO[at + len(damage) :]))


@given(st.binary(max_size=400), st.sampled_from([b"II*\0", b"MM\0*", b"GIF89a", b"RIFF0000WEBP"]))
def test_any_bytes_behind_any_beginning(content: bytes, begins: bytes) -> None:
    list(picture_fields(begins + content))


def test_too_many_pixels_are_refused_before_they_are_drawn() -> None:
    out = io.BytesIO()
    Image.new("1", (8000, 8000)).save(out, "PNG")
    with pytest.raises(DataError, match="pixels"):
        list(frames(out.getvalue(), "a file"))
    with pytest.raises(DataError, match="not a picture"):
        list(frames(b"\x89PNG\r\n\x1a\n nothing", "a file"))


def test_a_part_of_a_line_has_a_part_of_its_box() -> None:
    line = Line("call Bob", (0, 10, 80, 30), tuple(float(5 + 10 * i) for i in range(8)))
    left, top, right, bottom = line.part(5, 8)
    assert (top, bottom) == (10, 30)
    assert 40 <= left <= 50
    assert right == 80
    assert Line("call Bob", (0, 10, 80, 30), ()).part(5, 8) == (0, 10, 80, 30)


@pytest.mark.skipif(not can_read_pictures(), reason="needs the extra ocr")
def test_text_in_pictures_is_read() -> None:
    scan = (FILES / "scan.png").read_bytes()
    (found,) = records("picture", scan, Limits())
    assert found.splitlines() == [
        "Invoice for Maria Gomez",
        "e-mail maria.gomez@mail.example",
        "Card 4111 1111 1111 1111",
        "Thank you for your order.",
    ]
    (image,) = frames(scan, "a file")
    line = read_lines(image)[2]
    left, top, right, bottom = line.part(5, 24)
    # The number lies right of its word, and is the only dark thing there.
    assert 120 < left < 160
    assert 230 < top < bottom < 290
    assert image[top:bottom, left:right].min() < 60
    assert image[top:bottom, right + 4 :].min() > 200
