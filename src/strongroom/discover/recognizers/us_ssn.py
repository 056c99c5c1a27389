"""US social security numbers: areas, groups and serials that the SSA has issued."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from strongroom.discover._detection import Detection
from strongroom.discover.recognizers._context import before, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.config import DiscoverSpec

_WRITTEN = re.compile(r"(?<![\w.+-])(\d{3})([- ]?)(\d{2})\2(\d{4})(?![\w-])(?!\.\d)")
_CONTEXT = words(r"ssns?", r"ss ?#", r"social", r"social security(?: (?:number|no))?", r"sozial\w*")
# 900-999 are taxpayer numbers, 000 and 666 were never issued.
_NEVER = ("000", "666")
# Numbers that were printed in advertisements and withdrawn.
_WITHDRAWN = frozenset({"078051120", "219099999", "457555462"})


class UsSsnRecognizer:
    """Finds `US_SSN`; nine bare digits count only where the words around say what they are."""

    name = "us_ssn"
    entities = ("US_SSN",)
    trigger = r"\d{3}[- ]?\d{2}[- ]?\d{4}"

    def __init__(self, _spec: DiscoverSpec) -> None:
        """Nothing depends on the specification."""

    def find(self, text: str) -> Iterator[Detection]:
        """Yield the numbers that may have been issued."""
        for match in _WRITTEN.finditer(text):
            area, separator, group, serial = match.groups()
            if not is_ssn(area + group + serial):
                continue
            score = {"-": 0.85, " ": 0.4, "": 0.1}[separator]
            if before(text, match.start(), _CONTEXT):
                score = 0.95
            yield Detection("US_SSN", *match.span(), score, self.name, validated=True)


def is_ssn(digits: str) -> bool:
    """Say whether nine digits have an area, a group and a serial that can be issued."""
    return (
        digits[:3] not in _NEVER
        and digits[0] != "9"
        and digits[3:5] != "00"
        and digits[5:] != "0000"
        and digits not in _WITHDRAWN
    )
