"""If this fails, images are misread, a hostile file costs memory, or a photograph's place leaks."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from strongroom.data import (
    Dataset,
    Kind,
    decode_images,
    image_column,
    pixels,
    raw,
    read_dataset,
    seen_sizes,
    without_metadata,
    write_table,
)
from strongroom.errors import DataError

DIGITS = Path(__file__).parents[1] / "data" / "mnist_digits" / "digits.npz"


def drawn(mode: str = "RGB", size: tuple[int, int] = (9, 7), seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(values).convert(mode)


def encoded(image: Image.Image, form: str = "PNG", exif: Image.Exif | None = None) -> bytes:
    sink = io.BytesIO()
    image.save(sink, form, **({"exif": exif} if exif else {}))
    return sink.getvalue()


def folder(root: Path) -> Path:
    for label, count in (("cat", 3), ("dog", 2)):
        (root / label).mkdir(parents=True)
        for i in range(count):
            drawn(seed=i).save(root / label / f"{i}.{'png' if i else 'jpg'}")
    (root / ".cache").mkdir()
    return root


def test_a_folder_with_a_subfolder_per_class(tmp_path: Path) -> None:
    found = read_dataset(folder(tmp_path / "pets"))
    assert found.kind is Kind.IMAGE
    assert found.table["label"].to_pylist() == ["cat"] * 3 + ["dog"] * 2
    assert found.columns == ("image", "label")  # a file's name may be somebody's
    assert pixels(found.table["image"][1].as_py(), where="").shape == (7, 9, 3)


@pytest.mark.parametrize("name", ["notes.txt", "broken.png", "cut.jpg"])
def test_a_file_that_is_no_image_is_named(tmp_path: Path, name: str) -> None:
    root = folder(tmp_path / "pets")
    content = {
        "notes.txt": b"hello",
        "broken.png": b"\x89PNG\r\n\x1a\nnothing",
        "cut.jpg": encoded(drawn(), "JPEG")[:-200],
    }
    (root / "dog" / name).write_bytes(content[name])
    with pytest.raises(DataError) as caught:
        read_dataset(root)
    assert name in (caught.value.where or "")


def test_a_folder_without_images_says_what_one_looks_like(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no images") as caught:
        read_dataset(tmp_path)
    assert "subfolder" in (caught.value.hint or "")


def test_arrays(tmp_path: Path) -> None:
    found = read_dataset(DIGITS)
    arrays = np.load(DIGITS)
    assert found.kind is Kind.IMAGE
    assert found.table["label"].to_pylist() == arrays["y"].tolist()
    got = decode_images(found.table["image"], (28, 28, 1), where="digits")
    np.testing.assert_array_equal(got[:, 0], arrays["x"])
    assert seen_sizes(found.table["image"], where="") == ({(28, 28)}, 1)
    colour = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)
    np.savez(tmp_path / "c.npz", x=colour, y=np.array(["a", "b", "a", "b"]))
    found = read_dataset(tmp_path / "c.npz")
    got = decode_images(found.table["image"], (5, 6, 3), where="")
    np.testing.assert_array_equal(got.transpose(0, 2, 3, 1), colour)


@pytest.mark.parametrize(
    ("arrays", "what"),
    [
        ({"x": np.zeros((2, 4, 4), np.uint8)}, '"y" is missing'),
        ({"x": np.zeros((2, 4, 4)), "y": np.zeros(2, int)}, "which isn't pixels"),
        ({"x": np.zeros((2, 4, 4, 2), np.uint8), "y": np.zeros(2, int)}, "which isn't pixels"),
        ({"x": np.zeros((2, 4, 4), np.uint8), "y": np.zeros(3, int)}, "for each of 2 images"),
        ({"x": np.zeros((2, 4, 4), np.uint8), "y": np.array([{}, {}])}, "not a .npz file of plain"),
        ({"x": np.zeros((0, 4, 4), np.uint8), "y": np.zeros(0, int)}, "no pixels"),
    ],
)
def test_arrays_that_are_no_images(tmp_path: Path, arrays: dict[str, Any], what: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=what):
        read_dataset(tmp_path / "a.npz")


def test_arrays_larger_than_any_memory_are_refused_unread(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**4, 10**4)}
    )
    np.savez(tmp_path / "a.npz", y=np.zeros(1, int))
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("x.npy", header.getvalue())
    with pytest.raises(DataError, match="damaged one"):
        read_dataset(tmp_path / "a.npz")


def test_a_table_with_a_column_of_files(tmp_path: Path) -> None:
    files = [encoded(drawn(seed=i), "JPEG" if i else "PNG") for i in range(3)]
    table = pa.table({"id": [1, 2, 3], "photo": pa.array(files, pa.large_binary()), "y": [0, 1, 0]})
    write_table(table, tmp_path / "t.parquet")
    found = read_dataset(tmp_path / "t.parquet")
    assert found.kind is Kind.IMAGE
    assert image_column(found.table) == "photo"
    other = pa.table({"blob": [b"no image", b"at all"]})
    write_table(other, tmp_path / "o.parquet")
    assert read_dataset(tmp_path / "o.parquet").kind is Kind.TABLE


def test_a_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99))
    with pytest.raises(DataError, match="more than 50,000,000") as caught:
        pixels(bomb, where="t.parquet, row 3")
    assert caught.value.where == "t.parquet, row 3"


@pytest.mark.parametrize(
    "content", [b"", b"P5\n", b"P5\n2 2\n255\nabc", b"P5\n-1 -1\n255\na", b"GIF89a"]
)
def test_damaged_images_name_their_row(content: bytes) -> None:
    column = pa.chunked_array([[raw(np.zeros((2, 2), np.uint8)), content]], pa.binary())
    with pytest.raises(DataError) as caught:
        decode_images(column, (2, 2, 1), where="t")
    assert caught.value.where == "t, row 1"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_common_kind_of_pixel_becomes_bytes(mode: str) -> None:
    image = drawn("L" if mode == "I;16" else mode if mode != "CMYK" else "RGB")
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    form = "JPEG" if mode == "CMYK" else "PNG"
    got = pixels(encoded(image.convert("CMYK") if mode == "CMYK" else image, form), where="")
    assert got.dtype == np.uint8
    assert got.shape == (7, 9, 3 if mode in {"P", "RGB", "RGBA", "CMYK"} else 1)
    if mode in {"L", "I;16"}:
        np.testing.assert_array_equal(got[:, :, 0], np.asarray(drawn("L")))
    if mode == "RGB":
        np.testing.assert_array_equal(got, np.asarray(drawn()))


def test_what_is_transparent_is_black() -> None:
    image = drawn("RGBA")
    image.putalpha(0)
    assert not pixels(encoded(image), where="").any()


def test_where_and_when_a_photograph_was_taken_goes() -> None:
    about = Image.Exif()
    about[0x010F] = "SecretCamera"
    about[0x0112] = 6  # turned
    content = encoded(drawn(), "JPEG", exif=about)
    grey = raw(np.zeros((3, 3), np.uint8))
    column = pa.chunked_array([[content, grey, None]], pa.binary())
    bare = without_metadata(column, where="t").to_pylist()
    assert b"SecretCamera" in content
    assert b"SecretCamera" not in bare[0]
    np.testing.assert_array_equal(pixels(bare[0], where=""), pixels(content, where=""))
    assert pixels(bare[0], where="").shape == (9, 7, 3)  # upright, as people see it
    assert bare[1:] == [grey, None]


def test_the_fingerprint_of_images_is_that_of_their_values() -> None:
    found = read_dataset(DIGITS)
    again = Dataset(pa.concat_tables([found.table.slice(0, 7), found.table.slice(7)]), Kind.IMAGE)
    assert again.fingerprint == found.fingerprint
    assert found.with_table(found.table.slice(1)).fingerprint != found.fingerprint
