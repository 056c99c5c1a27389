"""If this fails, a picture that was called clean still shows or says who is in it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from strongroom.anonymize import mask_picture
from strongroom.data.documents import can_read_pictures
from strongroom.data.documents._metadata import picture_fields
from strongroom.discover import Seen
from strongroom.errors import DataError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.conftest import Project

FILES = Path(__file__).parents[1] / "data" / "documents"
SCAN = (FILES / "scan.png").read_bytes()
pytestmark = pytest.mark.skipif(not can_read_pictures(), reason="needs the extra ocr")


@dataclass
class Corner:
    """Finds a face in the lower right corner of every picture where it isn't black."""

    name: str = "corner"

    def find(self, image: Any) -> Iterable[Seen]:  # noqa: ANN401 - uint8
        height, width = image.shape[:2]
        if image[-1, -1].any():
            yield Seen("FACE", (width - 8, height - 8, width, height), 0.9, self.name)


def pixels(content: bytes) -> Any:  # noqa: ANN401 - uint8
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("L"))


def test_what_is_found_is_painted_over_and_the_rest_is_left() -> None:
    masked = mask_picture(SCAN, where="scan.png")
    assert {"CREDIT_CARD", "EMAIL_ADDRESS"} <= masked.counts.keys()
    before, after = pixels(SCAN), pixels(masked.content)
    assert (masked.height, masked.width) == before.shape == after.shape
    # The card's number and the address are one black bar each, to their last pixel.
    assert not after[240:280, 150:430].any()
    assert not after[150:190, 160:540].any()
    assert (after[330:] == before[330:]).all()


def test_the_file_says_nothing_any_more() -> None:
    photo = (FILES / "photo.jpg").read_bytes()
    assert list(picture_fields(photo))
    masked = mask_picture(photo, where="photo.jpg")
    assert list(picture_fields(masked.content)) == []
    assert masked.content.startswith(b"\x89PNG")
    assert masked.counts == {}


def test_detectors_of_others_are_asked_too() -> None:
    masked = mask_picture((FILES / "photo.jpg").read_bytes(), detectors=[Corner()], where="p")
    assert masked.counts == {"FACE": 1}
    assert not pixels(masked.content)[-8:, -8:].any()


def test_what_cannot_be_painted_over_is_refused() -> None:
    class Ghost(Corner):
        def find(self, image: Any) -> Iterable[Seen]:  # noqa: ANN401, ARG002 - always there
            yield Seen("FACE", (0, 0, 4, 4), 0.9, "ghost")

    with pytest.raises(RefusedError, match="still seen"):
        mask_picture((FILES / "photo.jpg").read_bytes(), detectors=[Ghost()], where="p")


def test_what_is_no_single_picture_is_refused() -> None:
    with pytest.raises(DataError, match="not a picture"):
        mask_picture(b"GIF89a", where="p")
    out = io.BytesIO()
    page = Image.new("L", (9, 9))
    page.save(out, "TIFF", save_all=True, append_images=[page])
    with pytest.raises(DataError, match="several pages"):
        mask_picture(out.getvalue(), where="p")


def test_from_the_command_line(project: Project) -> None:
    (project.folder / "scan.png").write_bytes(SCAN)
    done = project("anonymize", "scan.png", "-o", "clean.png", "--all-text", "--json")
    assert done.code == 0, done.err
    assert done.json["masked"]["TEXT"] >= 4
    assert "maria" not in done.out.lower()
    clean = project.folder / "clean.png"
    assert clean.stat().st_mode & 0o077 == 0
    assert not pixels(clean.read_bytes())[70:90, 70:380].any()
    refused = project("anonymize", "scan.png", "-o", "clean.jpg")
    assert refused.code == 2
    assert "PNG" in refused.err
