"""Images: a folder with a subfolder per class, arrays, or a table with a column of files.

An image dataset is a table with one `binary` column in which every value is one whole image file:
PNG or JPEG as they came, or, for images that came as arrays, binary PGM or PPM (8 bits a sample,
header and pixels). Files of other kinds, and images of more than `MOST_PIXELS`, are refused before
anything is decoded.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from strongroom.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL.Image import Image

IMAGE, LABEL = "image", "label"
MOST_PIXELS = 50_000_000
_MOST_ARRAY_BYTES = 8 * 2**30
_SUFFIXES = (".png", ".jpg", ".jpeg")
_STARTS = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"P5\n": "PPM", b"P6\n": "PPM"}
_CHUNK_BYTES = 2**26
_HEADER = 64


def read_image_folder(folder: Path) -> pa.Table:
    """Read the PNG and JPEG files of each subfolder, whose name is their label, in sorted order.

    Files of other kinds in a subfolder are refused, hidden ones are passed over.

    Raises:
        DataError: no subfolder, no image, or a file that isn't one whole image; says which.
        MissingExtraError: Pillow isn't installed.
    """
    images: list[bytes] = []
    labels: list[str] = []
    for part in _visible(folder):
        if not part.is_dir():
            continue
        for file in _visible(part):
            if file.suffix.lower() not in _SUFFIXES or not file.is_file():
                raise DataError(
                    "not a PNG or JPEG file",
                    where=str(file),
                    hint="a folder of images holds one subfolder per class, and in it images alone",
                )
            content = file.read_bytes()
            pixels(content, where=str(file))
            images.append(content)
            labels.append(part.name)
    if not images:
        raise DataError(
            "this is a folder, and it holds no images",
            where=str(folder),
            hint="put the PNG or JPEG files of each class into a subfolder with its name",
        )
    return _table(images, pa.array(labels, pa.string()))


def read_image_arrays(content: bytes, path: Path) -> pa.Table:
    """Read a .npz with `x`, uint8 [n, h, w] or [n, h, w, 3], and `y`, a label [n] for each.

    `content` is the file's, `path` is for messages.

    Raises:
        DataError: not such a file.
    """
    found = _load(content, path)
    missing = [name for name in ("x", "y") if name not in found]
    if missing:
        raise DataError(
            f'the array "{missing[0]}" is missing',
            where=str(path),
            hint="x: uint8 pixels [n, height, width] or [n, height, width, 3]; y: labels [n]",
        )
    x, y = found["x"], found["y"]
    grey, colour = 3, 4
    if x.dtype != np.uint8 or not (x.ndim == grey or (x.ndim == colour and x.shape[3] in {1, 3})):
        raise DataError(
            f"x is {x.dtype} {list(x.shape)}, which isn't pixels",
            where=str(path),
            hint="x must be uint8 [n, height, width] or [n, height, width, 3]",
        )
    if not x.size:
        raise DataError("there are no pixels in x", where=str(path))
    if y.shape != (len(x),) or y.dtype.kind not in "iubU":
        raise DataError(
            f"y is {y.dtype} {list(y.shape)}, which isn't a label for each of {len(x):,} images",
            where=str(path),
            hint="y must be whole numbers or text [n]",
        )
    texts = y.dtype.kind == "U"
    labels = pa.array(y.tolist(), pa.string()) if texts else pa.array(y)
    return _table((raw(image) for image in x), labels)


def image_column(table: pa.Table) -> str | None:
    """Return the first column whose values are image files, by how they begin, if there is one."""
    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_binary(field.type) and len(column) and not column.null_count:
            first = column[0].as_py()
            if _form(first) is not None:
                return str(field.name)
    return None


def raw(image: NDArray[np.uint8]) -> bytes:
    """Return pixels [h, w], [h, w, 1] or [h, w, 3] as a binary PGM or PPM file."""
    kind = b"P6" if image.shape[2:] == (3,) else b"P5"
    head = b"%s\n%d %d\n255\n" % (kind, image.shape[1], image.shape[0])
    return head + np.ascontiguousarray(image).tobytes()


def pixels(content: bytes, *, where: str) -> NDArray[np.uint8]:
    """Return uint8 [h, w, 1] or [h, w, 3] of one image file, upright, transparency on black.

    Args:
        content: of the file.
        where: for messages.

    Raises:
        DataError: not an image of a known kind, damaged, or too large.
        MissingExtraError: it is PNG or JPEG, and Pillow isn't installed.
    """
    form = _form(content)
    if form is None:
        raise DataError("not a PNG or JPEG image", where=where)
    if form == "PPM":
        return _raw_pixels(content, where)
    try:
        from PIL import Image as Pillow
        from PIL import ImageOps
    except ImportError as error:
        raise MissingExtraError("Pillow", "image") from error
    try:
        # What is wrong with a damaged file, Pillow says in many ways: it is one thing to a user.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Pillow.open(io.BytesIO(content), formats=(form,)) as image:
                _refuse_large(image.width, image.height, where)
                image.load()
                return _plain(ImageOps.exif_transpose(image))
    except DataError:
        raise
    except Pillow.DecompressionBombError as error:
        raise _too_large(where) from error
    except Exception as error:
        raise DataError(f"not a {form} image, or a damaged one", where=where) from error


def without_metadata(column: pa.ChunkedArray, *, where: str) -> pa.ChunkedArray:
    """Return the same images as files that hold nothing but pixels (PNG, PGM, PPM).

    A photograph's file often says where, when and by which camera it was taken.

    Raises:
        DataError: a row holds something else than an image; says which.
        MissingExtraError: Pillow is needed and isn't installed.
    """

    def bare(row: int, content: bytes | None) -> bytes | None:
        if content is None:
            return None
        image = pixels(content, where=f"{where}, row {row}")
        return raw(image) if _form(content) == "PPM" else _png(image)

    return _chunked(bare(row, content) for row, content in enumerate(_values(column)))


def resized(image: NDArray[np.uint8], height: int, width: int, colours: int) -> NDArray[np.uint8]:
    """Return [h, w, c] pixels in another size (bilinear, whole image) and number of colours."""
    if image.shape == (height, width, colours):
        return image
    try:
        from PIL import Image as Pillow
    except ImportError as error:
        raise MissingExtraError("Pillow", "image") from error
    drawn = Pillow.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    drawn = drawn.convert("L" if colours == 1 else "RGB")
    if drawn.size != (width, height):
        drawn = drawn.resize((width, height), Pillow.Resampling.BILINEAR)
    return np.asarray(drawn).reshape(height, width, colours)


def decode_images(
    column: pa.ChunkedArray, size: tuple[int, int, int], *, where: str
) -> NDArray[np.uint8]:
    """Return uint8 [n, colours, height, width] of a column of image files.

    Args:
        column: binary, one image file a row.
        size: height, width, colours that every image is brought to.
        where: what the rows are, for messages.

    Raises:
        DataError: a row holds no image; says which.
    """
    height, width, colours = size
    found = np.empty((len(column), colours, height, width), dtype=np.uint8)
    for row, content in enumerate(_values(column)):
        place = f"{where}, row {row}"
        if content is None:
            raise DataError("there is no image in this row", where=place)
        image = resized(pixels(content, where=place), height, width, colours)
        found[row] = image.transpose(2, 0, 1)
    return found


def seen_sizes(column: pa.ChunkedArray, *, where: str) -> tuple[set[tuple[int, int]], int]:
    """Return every (height, width) there is, and colours: 3 if any image has 3, else 1.

    Raises:
        DataError: a row holds no image; says which.
    """
    sizes: set[tuple[int, int]] = set()
    colours = 1
    for row, content in enumerate(_values(column)):
        shape = pixels(content or b"", where=f"{where}, row {row}").shape
        sizes.add((shape[0], shape[1]))
        colours = max(colours, shape[2])
    return sizes, colours


def _values(column: pa.ChunkedArray) -> Iterator[bytes | None]:
    for chunk in column.chunks:
        for value in chunk:
            yield value.as_py()


def _table(images: Iterable[bytes], labels: pa.Array) -> pa.Table:
    return pa.table({IMAGE: _chunked(images), LABEL: labels})


def _chunked(images: Iterable[bytes | None]) -> pa.ChunkedArray:
    """Return a binary column in chunks far below the 2 GiB that one can hold."""
    chunks, part, size = [], [], 0
    for image in images:
        part.append(image)
        size += len(image or b"")
        if size > _CHUNK_BYTES:
            chunks.append(pa.array(part, pa.binary()))
            part, size = [], 0
    return pa.chunked_array([*chunks, pa.array(part, pa.binary())], pa.binary())


def _visible(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if not p.name.startswith("."))


def _png(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image as Pillow

    sink = io.BytesIO()
    drawn = Pillow.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    drawn.save(sink, "PNG", compress_level=1)
    return sink.getvalue()


def _form(content: bytes | None) -> str | None:
    starts = (form for start, form in _STARTS.items() if (content or b"").startswith(start))
    return next(starts, None)


def _raw_pixels(content: bytes, where: str) -> NDArray[np.uint8]:
    # "P5\n28 28\n255\n" and the pixels: only as `raw` writes them, without comments.
    parts = content[:_HEADER].split(b"\n", 3)
    try:
        width, height = (int(side) for side in parts[1].split())
        colours = 3 if parts[0] == b"P6" else 1
        begin = sum(len(part) + 1 for part in parts[:3])
        if parts[2] != b"255" or min(width, height) < 1:
            raise ValueError  # noqa: TRY301 - told below, with every other way to be wrong
        _refuse_large(width, height, where)
        values = np.frombuffer(content, dtype=np.uint8, offset=begin)
        return values.reshape(height, width, colours)
    except (ValueError, IndexError) as error:
        raise DataError("a damaged image: header and pixels don't agree", where=where) from error


def _refuse_large(width: int, height: int, where: str) -> None:
    if width * height > MOST_PIXELS:
        raise _too_large(where)


def _too_large(where: str) -> DataError:
    return DataError(
        f"the image has more than {MOST_PIXELS:,} pixels",
        where=where,
        hint="make it smaller first: models here read small images",
    )


def _plain(image: Image) -> NDArray[np.uint8]:
    if image.mode in {"1", "L", "LA", "I;16", "I", "F"}:
        return _grey(image)
    return np.asarray(_on_black(image, "RGBA").convert("RGB"))


def _grey(image: Image) -> NDArray[np.uint8]:
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float64)
        # 16 bits a sample is the only deep kind that PNG has.
        return (np.clip(values, 0, 65535) / 257).round().astype(np.uint8)[:, :, None]
    return np.asarray(_on_black(image, "LA").convert("L"))[:, :, None]


def _on_black(image: Image, transparent: str) -> Image:
    if image.mode != transparent and "transparency" not in image.info:
        return image
    from PIL import Image as Pillow

    with_alpha = image.convert("RGBA")
    black = Pillow.new("RGBA", image.size, (0, 0, 0, 255))
    return Pillow.alpha_composite(black, with_alpha)


def _load(content: bytes, path: Path) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            whole = sum(entry.file_size for entry in archive.infolist())
        if whole > _MOST_ARRAY_BYTES:
            raise DataError(
                f"the arrays would take {whole / 2**30:.1f} GiB, "
                f"more than {_MOST_ARRAY_BYTES / 2**30:.0f}",
                where=str(path),
            )
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: archive[name] for name in ("x", "y") if name in archive.files}
    except (ValueError, OSError, KeyError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise DataError(
            "not a .npz file of plain arrays, or a damaged one", where=str(path)
        ) from error
