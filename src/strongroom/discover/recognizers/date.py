"""Dates, and dates of birth where the words around say so."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from strongroom.discover._detection import Detection
from strongroom.discover.recognizers._context import before, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.config import DiscoverSpec

_TIME = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?[AaPp][Mm])?(?:Z|[+-]\d{2}:?\d{2})?)?"
_ISO = re.compile(
    rf"(?<![\w.:/-])(?P<y>\d{{4}})(?P<s>[-/.])(?P<m>\d{{1,2}})(?P=s)(?P<d>\d{{1,2}}){_TIME}(?![\w/-])"
)
_NUMERIC = re.compile(
    rf"(?<![\w.:/-])(?P<a>\d{{1,2}})(?P<s>[-/.])(?P<b>\d{{1,2}})(?P=s)(?P<y>\d{{4}}|\d{{2}}){_TIME}"
    r"(?![\w/-])(?!\.\d)"
)
_COMPACT = re.compile(r"(?<![\w.:/-])(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})(?![\w/-])")
# The first three letters tell the months of English, German, French and Spanish apart enough.
_MONTHS = {
    **dict.fromkeys(("jan", "jän", "ene"), 1),
    **dict.fromkeys(("feb", "fév", "fev"), 2),
    **dict.fromkeys(("mar", "mär", "mrz"), 3),
    **dict.fromkeys(("apr", "avr", "abr"), 4),
    **dict.fromkeys(("may", "mai", "mei"), 5),
    **dict.fromkeys(("jun", "juin"), 6),
    **dict.fromkeys(("jul", "juil"), 7),
    **dict.fromkeys(("aug", "aoû", "aou", "ago"), 8),
    **dict.fromkeys(("sep", "set"), 9),
    **dict.fromkeys(("oct", "okt"), 10),
    "nov": 11,
    **dict.fromkeys(("dec", "dez", "déc", "dic"), 12),
}
_MONTH = (
    r"(?P<m>(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|jän|fév|fev|mär|mrz|avr|mai|juin|"
    r"juil|aoû|aou|okt|dez|déc|ene|abr|ago|set|dic)[^\W\d_]{0,7})\.?"
)
_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th|\.|er)?"
_DAY_MONTH = re.compile(
    rf"(?<![\w.:/-]){_DAY}[ -](?:of |de )?{_MONTH},?[ -](?:de )?(?P<y>\d{{4}})(?!\w)", re.IGNORECASE
)
_MONTH_DAY = re.compile(rf"(?<!\w){_MONTH} {_DAY},? (?P<y>\d{{4}})(?!\w)", re.IGNORECASE)
_BIRTH = words(
    r"born(?: on)?", r"births?", r"birth ?(?:day|date)s?", r"dob", r"d\.o\.b\.?", r"b-?day",
    r"geb(?:\.|oren|urtsdatum|urtstag)?", r"née?", r"naissance", r"nacimiento", r"nacid[oa]",
    r"nascita", r"nascimento", r"geboorte(?:datum)?",
)  # fmt: skip
_CENTURY = 100
_OLDEST = 120
_MONTHS_IN_YEAR = 12


class DateRecognizer:
    """Finds `DATE_OF_BIRTH` and `DATE_TIME`."""

    name = "date"
    entities = ("DATE_OF_BIRTH", "DATE_TIME")
    trigger = (
        r"\d[-/.]\d{1,2}[-/.]\d{2}|(?:19|20)\d{6}|\d\D{0,4}[ -]\D{3,20}\d{4}"
        r"|\pL{3}\D{0,8} \d{1,2}\D{1,4}\d{4}"
    )

    def __init__(self, _spec: DiscoverSpec) -> None:
        """Nothing depends on the specification."""

    def find(self, text: str) -> Iterator[Detection]:
        """Yield the days of the calendar; eight bare digits count only as a date of birth."""
        for pattern in (_ISO, _NUMERIC, _DAY_MONTH, _MONTH_DAY, _COMPACT):
            for match in pattern.finditer(text):
                day = _read(match)
                if day is None:
                    continue
                birth = before(text, match.start(), _BIRTH) and _alive(day)
                if birth:
                    yield Detection("DATE_OF_BIRTH", *match.span(), 0.9, self.name, validated=True)
                elif pattern is not _COMPACT:
                    long = len(match.group("y")) > 2 and day.year >= 1000  # noqa: PLR2004 - four digits
                    score = 0.7 if long else 0.55 if match.groupdict().get("s") == "/" else 0.4
                    yield Detection("DATE_TIME", *match.span(), score, self.name, validated=True)


def _read(match: re.Match[str]) -> date | None:
    """Read a match as a day of the calendar, day first or month first; None where there is none."""
    parts = match.groupdict()
    year = int(parts["y"])
    if year < _CENTURY:
        year += 1900 if year > _today().year % _CENTURY else 2000
    if "a" in parts:
        first, second = int(parts["a"]), int(parts["b"])
        month, day = (second, first) if first > _MONTHS_IN_YEAR else (first, second)
        if parts["s"] == "." and second <= _MONTHS_IN_YEAR:
            month, day = second, first
    else:
        written = parts["m"].lower()
        month = (
            int(written)
            if written.isdecimal()
            else _MONTHS.get(written[:4]) or _MONTHS.get(written[:3], 0)
        )
        day = int(parts["d"])
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _alive(day: date) -> bool:
    return 0 <= _today().year - day.year <= _OLDEST


def _today() -> date:
    return datetime.now(tz=UTC).date()
