"""Personal data that is seen in a picture: in its text, and by detectors that others bring.

A detector (of faces, say) is an object with `name` and `find(image)`, named under the entry-point
group `strongroom.picture_detectors` of a package; none is built in.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol

from strongroom.config import DiscoverSpec
from strongroom.data.documents import read_lines
from strongroom.discover._spans import find_spans
from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from strongroom.data.documents import Line

GROUP = "strongroom.picture_detectors"
_DEFAULT = DiscoverSpec()


@dataclass(frozen=True, slots=True)
class Seen:
    """A part of a picture that is personal data.

    Attributes:
        entity: what it is, such as `EMAIL_ADDRESS` or `FACE`.
        box: left, top, right, bottom in pixels; right and bottom are outside.
        score: 0 to 1, how sure whoever found it is.
        recognizer: who said so.
    """

    entity: str
    box: tuple[int, int, int, int]
    score: float
    recognizer: str


class PictureDetector(Protocol):
    """Finds one kind of thing in pictures."""

    @property
    def name(self) -> str:
        """Who says so."""
        ...

    def find(self, image: NDArray) -> Iterable[Seen]:  # type: ignore[type-arg]  # uint8
        """Return what is in the picture, uint8 [height, width, 3]; never raises."""
        ...


def find_in_picture(
    image: NDArray,  # type: ignore[type-arg]  # uint8
    spec: DiscoverSpec = _DEFAULT,
    detectors: Sequence[PictureDetector] | None = None,
) -> list[Seen]:
    """Find the personal data in the text of a picture, and what detectors find.

    Args:
        image: uint8 [height, width, 3].
        spec: country, lowest score, and what else counts for texts.
        detectors: instead of the installed ones.

    Raises:
        MissingExtraError: the extra `ocr` isn't installed.
        InputError: an installed package offers a detector that doesn't load.
    """
    lines = read_lines(image)
    found = list(_in_text(lines, spec))
    for detector in load_detectors() if detectors is None else detectors:
        found += detector.find(image)
    return sorted(found, key=lambda seen: (seen.box[1], seen.box[0], seen.entity))


def load_detectors() -> list[PictureDetector]:
    """Return the detectors of installed packages.

    Raises:
        InputError: one doesn't load.
    """
    found = []
    for entry in sorted(entry_points(group=GROUP), key=lambda e: (e.name, e.value)):
        try:
            found.append(entry.load()())
        except Exception as error:
            raise InputError(
                f'the detector "{entry.name}" of an installed package does not load: {error}',
                where=entry.value,
                hint="update or uninstall that package",
            ) from error
    return found


def _in_text(lines: list[Line], spec: DiscoverSpec) -> Iterator[Seen]:
    """Yield the boxes of what is found in all lines as one text, one for each line it is on."""
    text = "\n".join(line.text for line in lines)
    begins, at = [], 0
    for line in lines:
        begins.append(at)
        at += len(line.text) + 1
    for hit in find_spans(text, spec):
        for begin, line in zip(begins, lines, strict=True):
            start, end = max(hit.start - begin, 0), min(hit.end - begin, len(line.text))
            if start < end:
                yield Seen(hit.entity, line.part(start, end), hit.score, hit.recognizer)
