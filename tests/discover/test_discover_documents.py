"""If this fails, what documents say of people beside their text is read and not recognised."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from strongroom.config import DiscoverSpec
from strongroom.data.sources import Document, Limits, open_sources
from strongroom.discover import find_hits

FILES = Path(__file__).parents[1] / "data" / "documents"
SPEC = DiscoverSpec(names=False)


def found(name: str) -> set[tuple[str, str]]:
    """Return (entity, text) of everything in one file and what lies in it."""
    hits = set()
    for document in open_sources([str(FILES / name)], Limits(ocr=False)):
        assert isinstance(document, Document)
        for batch in document.open():
            for column in batch.table.columns:
                texts = column.combine_chunks().cast(pa.large_string())
                for row, spans in find_hits(texts, SPEC).detections(texts).items():
                    said = texts[row].as_py()
                    hits |= {(span.entity, said[span.start : span.end]) for span in spans}
    return hits


def test_a_photo_gives_away_its_owner_its_camera_and_its_place() -> None:
    assert {
        ("PERSON", "Paula Photographer"),
        ("PERSON", "Oscar Owner"),
        ("PERSON", "Xavier Creator"),
        ("COORDINATES", "52.520008, 13.404953"),
        ("DEVICE_ID", "032021004567"),
        ("DEVICE_ID", "SN998877"),
    } <= found("photo.jpg")


def test_a_letter_gives_away_who_wrote_deleted_and_commented() -> None:
    hits = found("letter.docx")
    assert {
        ("PERSON", "Bob Editor"),
        ("PERSON", "Carla Reviewer"),
        ("PERSON", "Dan Comment"),
        ("CREDIT_CARD", "4111 1111 1111 1111"),
        ("EMAIL_ADDRESS", "clerk@hospital.example"),
        ("EMAIL_ADDRESS", "maria.gomez@mail.example"),
        ("US_SSN", "536-22-8726"),
    } <= hits
    # In the picture within it.
    assert ("COORDINATES", "52.520008, 13.404953") in hits


def test_a_contract_gives_away_what_stands_under_its_black_bar() -> None:
    pytest.importorskip("pypdfium2", reason="needs the extra documents")
    assert {
        ("IBAN_CODE", "GB29 NWBK 6016 1331 9268 19"),
        ("PHONE_NUMBER", "415-555-2671"),
        ("EMAIL_ADDRESS", "pedro@mail.example"),
        ("EMAIL_ADDRESS", "lucia@mail.example"),
        ("PERSON", "Petra Author"),
    } <= found("contract.pdf")
