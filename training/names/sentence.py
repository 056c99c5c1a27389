"""What the name model learns from and is measured on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sentence:
    """A text with what stands in it.

    Attributes:
        text: a sentence or a short document.
        spans: (start, end, entity), in code points, without overlaps, in order.
        language: ISO 639-1.
        source: which corpus or which template.
    """

    text: str
    spans: tuple[tuple[int, int, str], ...]
    language: str = "en"
    source: str = ""
