"""The Detection noun, the Recognizer seam, and who wins where two detections overlap."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Detection:
    """One stretch of a text that is personal data or a secret.

    Attributes:
        entity: what it is; Presidio's name where it has one (`EMAIL_ADDRESS`).
        start, end: half-open range of code points in the text.
        score: 0 to 1, how sure the recognizer is.
        recognizer: who said so, such as `national_id.pl`.
        validated: a checksum, a numbering plan or a grammar was checked, not only a shape.
    """

    entity: str
    start: int
    end: int
    score: float
    recognizer: str
    validated: bool = False


@runtime_checkable
class Recognizer(Protocol):
    """Finds one family of entities in a text.

    A recognizer may also carry `trigger`, a regular expression in RE2's syntax that every text
    with a hit matches: columns are filtered by it before `find` is called. The name of a column
    stands before its values ("ssn: 123456789"), so words of context work for columns too.
    """

    @property
    def name(self) -> str:
        """Who says so; `family` or `family.kind`."""
        ...

    @property
    def entities(self) -> tuple[str, ...]:
        """What it may find."""
        ...

    def find(self, text: str) -> Iterable[Detection]:
        """Return the hits in `text`, in any order; never raises, in time linear in the text."""
        ...


def resolve(detections: Iterable[Detection]) -> list[Detection]:
    """Keep detections that don't overlap, in the order of the text.

    What was validated beats what wasn't, then the longer beats the shorter, then the higher score
    wins; names break the last ties so that the answer never depends on the order of arrival.
    """
    found = list(detections)
    if len(found) < 2:  # noqa: PLR2004 - one overlaps nothing; most texts hold one
        return found
    ranked = sorted(
        found,
        key=lambda d: (
            not d.validated,
            d.start - d.end,
            -d.score,
            d.start,
            d.entity,
            d.recognizer,
        ),
    )
    starts: list[int] = []
    kept: dict[int, Detection] = {}
    for one in ranked:
        at = bisect_left(starts, one.start)
        if at < len(starts) and starts[at] < one.end:
            continue
        if at and kept[starts[at - 1]].end > one.start:
            continue
        insort(starts, one.start)
        kept[one.start] = one
    return [kept[s] for s in starts]
