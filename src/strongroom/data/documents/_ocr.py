"""Text in pictures, by RapidOCR, whose models lie in its wheel: nothing leaves the machine.

The models read Latin letters without accents, digits and Chinese. They lose spaces between groups
of digits, without which no card number is found; these are put back where the picture is empty.
"""

from __future__ import annotations

import importlib.util
import io
import logging
import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MOST_PIXELS, _MOST_FRAMES, _MOST_SIDE = 50_000_000, 200, 2400
_TOO_LARGE = f"the picture has more than {MOST_PIXELS:,} pixels"
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP")
# Of the height of a line: a space is wider, the gap between two letters is not.
# Signs as Chinese is printed with.
_HALF_WIDTH = {0xFF00 + i: 0x20 + i for i in range(1, 95)}
_LEAST_SPACE, _STEP, _HAIR, _THIN = 0.17, 1.25, 0.02, 0.09
_INK, _SLANT = 0.35, 0.15


@dataclass(frozen=True)
class Line:
    """A line of text in a picture.

    Attributes:
        text: what was read.
        box: left, top, right, bottom in pixels.
        places: where the middle of each character lies, in pixels from the left; empty where the
            line isn't level.
    """

    text: str
    box: tuple[int, int, int, int]
    places: tuple[float, ...]

    def part(self, start: int, end: int) -> tuple[int, int, int, int]:
        """Return the box of some characters, a little wider; of all where places aren't known."""
        left, top, right, bottom = self.box
        if len(self.places) != len(self.text) or start >= end:
            return self.box
        wide = (right - left) / max(1, len(self.text))
        begins = self.places[start] - wide if start else left
        ends = self.places[end - 1] + wide if end < len(self.text) else right
        return max(left, int(begins)), top, min(right, int(ends) + 1), bottom


def can_read_pictures() -> bool:
    """Tell whether the extra `ocr` is installed."""
    return importlib.util.find_spec("rapidocr_onnxruntime") is not None


def read_lines(image: NDArray[np.uint8]) -> list[Line]:
    """Return the lines of text in a picture, from the top.

    Args:
        image: uint8 [height, width] or [height, width, 3].

    Raises:
        MissingExtraError: the extra `ocr` isn't installed.
    """
    grey = image if image.ndim == 2 else image.mean(axis=2).astype(np.uint8)  # noqa: PLR2004
    found, _ = _engine()(image, return_word_box=True)
    return [_line(grey, *line) for line in found or ()]


def read_page(image: NDArray[np.uint8]) -> str:
    """Return the text in a picture, a line of it a line; empty if there is none."""
    return "\n".join(line.text for line in read_lines(image))


def frames(content: bytes, path: str) -> Iterator[NDArray[np.uint8]]:
    """Yield the pixels of a picture, uint8 [height, width, 3], upright; each page of a TIFF.

    Raises:
        DataError: not a picture that is read here, damaged, or too large.
        MissingExtraError: Pillow isn't installed.
    """
    try:
        from PIL import Image, ImageOps, ImageSequence
    except ImportError as error:
        raise MissingExtraError("Pillow", "ocr") from error
    try:
        # What is wrong with a damaged file, Pillow says in many ways: it is one thing to a user.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
                for number, frame in enumerate(ImageSequence.Iterator(opened)):
                    _refuse_large(frame.width * frame.height, path)
                    if number == _MOST_FRAMES or (number and opened.format != "TIFF"):
                        return
                    upright = ImageOps.exif_transpose(frame).convert("RGBA")
                    white = Image.new("RGBA", upright.size, "white")
                    yield np.asarray(Image.alpha_composite(white, upright).convert("RGB"))
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(_TOO_LARGE, where=path) from error
    except Exception as error:
        raise DataError("not a picture that can be read, or a damaged one", where=path) from error


def _refuse_large(pixels: int, path: str) -> None:
    if pixels > MOST_PIXELS:
        raise DataError(_TOO_LARGE, where=path)


@cache
def _engine() -> Any:  # noqa: ANN401 - the library has no types
    try:
        from rapidocr_onnxruntime import RapidOCR
    except ImportError as error:
        raise MissingExtraError("rapidocr-onnxruntime", "ocr") from error
    engine = RapidOCR(max_side_len=_MOST_SIDE)
    for name in list(logging.Logger.manager.loggerDict):
        if "rapidocr" in name.lower():
            logging.getLogger(name).setLevel(logging.CRITICAL)
    return engine


def _line(
    grey: NDArray[np.uint8],
    corners: list[list[float]],
    text: str,
    _score: float,
    boxes: list[list[list[float]]],
    *_: object,
) -> Line:
    points = np.asarray(corners)
    text = text.translate(_HALF_WIDTH)
    left, top = np.floor(points.min(axis=0)).astype(int)
    right, bottom = np.ceil(points.max(axis=0)).astype(int)
    box = (int(left), int(top), int(right), int(bottom))
    level = abs(points[0][1] - points[1][1]) <= _SLANT * (bottom - top)
    if not level or len(boxes) != len(text):
        return Line(text, box, ())
    places = [float(np.mean([point[0] for point in corner])) for corner in boxes]
    return _spaced(grey, text, box, places)


def _spaced(
    grey: NDArray[np.uint8], text: str, box: tuple[int, int, int, int], places: list[float]
) -> Line:
    """Put back spaces where a line is empty between two characters."""
    left, top, right, bottom = box
    part = grey[max(0, top) : bottom, max(0, left) : right].astype(np.int16)
    if not part.size:
        return Line(text, box, tuple(places))
    paper = np.median(part)
    contrast = np.abs(part - paper)
    inked = (contrast > _INK * contrast.max()).any(axis=0)
    edges = np.flatnonzero(np.diff(np.concatenate([[1], inked, [1]]).astype(np.int8)))
    widths, middles = edges[1::2] - edges[::2], (edges[::2] + edges[1::2]) / 2 + left
    # Each gap lies between two characters, spaces that were read left out.
    solid = [(p, c) for p, c in zip(places, text, strict=True) if c != " "]
    at = np.searchsorted([place for place, _ in solid], middles)
    thin = np.array([0, *(character == "1" for _, character in solid), 0])
    spaced = np.flatnonzero([c == " " for c in text]) - np.arange(text.count(" "))
    widths = widths / (bottom - top) - _THIN * (thin[at] + thin[at + 1])
    wide = _wide(widths, np.isin(at, spaced))
    missing = {int(i): float(m) for i, m in zip(at[wide], middles[wide], strict=True)}
    characters: list[str] = []
    middle: list[float] = []
    seen = 0
    for character, place in zip(text, places, strict=True):
        if seen in missing and seen and " " not in {character, characters[-1]}:
            characters.append(" ")
            middle.append(missing[seen])
        characters.append(character)
        middle.append(place)
        seen += character != " "
    return Line("".join(characters), box, tuple(middle))


def _wide(widths: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which gaps of a line are as wide as a space.

    Args:
        widths: in heights of the line.
        known: a space was read there.
    """
    # Gaps between letters and those between words are two heaps: the widest step parts them.
    ordered = np.unique(widths[widths > _HAIR])
    steps = ordered[1:] / ordered[:-1]
    steps[(ordered[1:] < _LEAST_SPACE) | (ordered[1:] > widths[known].min(initial=1))] = 0
    if not steps.any() or steps.max() < _STEP:
        return known
    least: float = ordered[1:][int(np.argmax(steps))]
    return np.greater_equal(widths, least)
