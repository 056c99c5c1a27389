"""Pictures: what is found in them is painted over, and their files say nothing any more."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from strongroom.config import DiscoverSpec
from strongroom.data.documents import frames, read_lines
from strongroom.discover import Seen, find_in_picture
from strongroom.errors import DataError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from strongroom.discover import PictureDetector

_DEFAULT = DiscoverSpec()
_MARGIN = 0.15
_ROUNDS = 3


@dataclass(frozen=True)
class Masked:
    """A picture without the personal data that was found in it.

    Attributes:
        content: a PNG file that holds pixels and nothing else.
        counts: entity to how many places were painted over.
        width, height: in pixels.
        rounds: how often it was read, until nothing more was found.
    """

    content: bytes
    counts: dict[str, int]
    width: int
    height: int
    rounds: int

    def to_json(self) -> dict[str, object]:
        """Return plain JSON values; not the picture."""
        size = {"width": self.width, "height": self.height}
        return {"masked": dict(self.counts), **size, "rounds": self.rounds}


def mask_picture(
    content: bytes,
    spec: DiscoverSpec = _DEFAULT,
    detectors: Sequence[PictureDetector] | None = None,
    *,
    where: str,
    all_text: bool = False,
) -> Masked:
    """Paint over the personal data that is seen in a picture, and drop what its file says.

    What is left is read again, and painted over again, until nothing more is found.

    Args:
        content: of a PNG, JPEG, WebP, TIFF, GIF or BMP file.
        spec: country, lowest score, and what else counts for texts.
        detectors: of faces and the like, instead of the installed ones.
        where: for messages.
        all_text: paint over every line of text, whether it is known to be personal or not.

    Raises:
        DataError: not a picture, or a TIFF of more than one page.
        RefusedError: something is still found after several rounds.
        MissingExtraError: the extra `ocr` isn't installed.
    """
    pages = list(islice(frames(content, where), 2))
    if len(pages) != 1:
        raise DataError(
            "a picture of several pages", where=where, hint="split it into its pages first"
        )
    image = pages[0].copy()
    counts: Counter[str] = Counter()
    for rounds in range(1, _ROUNDS + 1):
        found = find_in_picture(image, spec, detectors)
        if all_text:
            found += [Seen("TEXT", line.box, 1.0, "ocr") for line in read_lines(image)]
        if not found:
            height, width = image.shape[:2]
            return Masked(_png(image), dict(sorted(counts.items())), width, height, rounds)
        for seen in found:
            _paint(image, seen.box)
        counts.update(seen.entity for seen in found)
    raise RefusedError(
        f"personal data is still seen in the picture after {_ROUNDS} rounds of painting over",
        where=where,
        hint="paint over it by hand, or mask all text",
    )


def _paint(image: NDArray[np.uint8], box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    margin = max(2, round(_MARGIN * (bottom - top)))
    image[max(0, top - margin) : bottom + margin, max(0, left - margin) : right + margin] = 0


def _png(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    sink = io.BytesIO()
    Image.fromarray(image).save(sink, "PNG")
    return sink.getvalue()
