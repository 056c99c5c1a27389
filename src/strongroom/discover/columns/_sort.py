"""The Sort noun: one thing that a column may hold, how it is called, and what its values are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from strongroom.data import Role
from strongroom.discover.columns._fits import anything
from strongroom.discover.columns._headers import TAIL, WHOLE, said

if TYPE_CHECKING:
    from strongroom.discover.columns._fits import Fit


@dataclass(frozen=True)
class Sort:
    """One thing that a column may hold.

    Attributes:
        name: of the sort, such as `given_name`; stands in the JSON of a scan.
        label: what to call it; empty says what the values are.
        role: which it should have.
        reason: why, where the sort alone tells.
        entity: what each value is, where that has a name.
        headers: names of such columns: a regular expression over words in small letters without
            accents, in English, German, French, Spanish, Italian and Dutch. It may be broken
            anywhere: ends of lines and the spaces that begin one don't count.
        exactly: further names, of so many meanings that they count only as a whole.
        fits: the share of values that look like it.
        named: the least such share when the column's name says so.
        alone: the least such share when nothing else says so; above 1 is never.
        blind: the values alone tell only where the column has no telling name.
        distinct: the least share of different values when only the name tells.
    """

    name: str
    label: str
    role: Role
    headers: str = ""
    exactly: str = ""
    reason: str = ""
    entity: str = ""
    fits: Fit = anything
    named: float = 0.5
    alone: float = 2.0
    blind: bool = False
    distinct: float = 0.0

    @property
    def measured(self) -> bool:
        """Whether it matters how many people it singles out."""
        return self.role is Role.QUASI_IDENTIFIER

    def called(self, header: str) -> float:
        """Return how clearly a column's name says this: 1 as a whole, less as its last words."""
        if not (self.headers or self.exactly):
            return 0.0
        return _called(self.headers, self.exactly, header)


@lru_cache(maxsize=1 << 16)
def _called(headers: str, exactly: str, header: str) -> float:
    whole, tail, head = _patterns(headers, exactly)
    words = said(header)
    if any(whole.fullmatch(w) for w in words.readings):
        return WHOLE
    if headers and not words.counted and (tail.search(words.full) or head.match(words.full)):
        return TAIL
    return 0.0


@lru_cache(maxsize=1024)
def _patterns(headers: str, exactly: str) -> tuple[re.Pattern[str], ...]:
    anywhere, alone = (re.sub(r"\n\s*", "", pattern) for pattern in (headers, exactly))
    return (
        re.compile("|".join(filter(None, (anywhere, alone)))),
        re.compile(rf"(?:^| )(?:{anywhere})$"),
        # "numero de telefono del cliente", "date de naissance du patient"
        re.compile(rf"(?:{anywhere}) (?:d|de|du|des|del|della|di|van|von|der|of|for)(?: |$)"),
    )
