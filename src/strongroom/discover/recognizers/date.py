"""Dates, and dates of birth where the words around say so."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

from strongroom.discover._rule import Rule
from strongroom.discover.recognizers._write import any_of

# English, German, French, Spanish, Italian, Dutch and Portuguese names, by the days they have.
_MONTHS_OF = {
    31: "jan january januar janvier januari janeiro jän jänner enero ene gennaio gen mar march "
        "mars marzo março märz mär mrz maart mrt may mai mei mayo maggio mag maio jul july juli "
        "julio "
        "julho juillet juil luglio lug aug august augustus août aout ago agosto oct october "
        "octobre octubre "
        "okt oktober ottobre ott outubro out dec december dez dezember dezembro déc "
        "décembre dic diciembre dicembre",
    30: "apr april aprile avr avril abr abril jun june juni junio junho juin giugno giu sep sept "
        "september septembre septiembre setiembre set settembre setembro nov november novembre "
        "noviembre novembro",
    29: "feb february februar febrero febbraio februari fév février fev fevrier fevereiro",
}  # fmt: skip
_DAYS = {31: r"(?:0?[1-9]|[12]\d|3[01])", 30: r"(?:0?[1-9]|[12]\d|30)", 29: r"(?:0?[1-9]|[12]\d)"}
_NUMBERS = {31: "(?:0?[13578]|1[02])", 30: "(?:0?[469]|11)", 29: "0?2"}
_TIME = (
    r"(?:(?:T| |, )(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-6]\d(?:[.,]\d{1,9})?)?(?: ?[AaPp]\.?[Mm]\.?)?"
    r"(?: ?Z|[+-]\d{2}:?\d{2}| UTC| GMT)?)?"
)
_ANY_YEAR, _LONG, _SHORT = r"[12]\d{3}", "long", r"\d{2}"
_OLDEST = 120
_BIRTH = ("born", "birth", "births", "birthday", "birthdate", "bday", "dob", "geb", "geboren",
          "geburtsdatum", "geburtstag", "né", "née", "naissance", "nacimiento", "nacido", "nacida",
          "nascita", "nato", "nata", "nascimento", "geboorte", "geboortedatum")  # fmt: skip


def _years() -> str:
    """Write the years in which somebody alive today may have been born."""
    now = datetime.now(tz=UTC).year
    decades: dict[int, list[int]] = {}
    for year in range(now - _OLDEST, now + 1):
        decades.setdefault(year // 10, []).append(year % 10)
    return any_of(f"{d}[{last[0]}-{last[-1]}]" for d, last in decades.items())


_YEARS = _years()


def _numeric(year: str, separators: str, *, first: str) -> str:
    """Write dates in digits, with the same separator twice."""
    ways = []
    for separator, length in product(separators, _DAYS):
        s, day, month = f"[{separator}]", _DAYS[length], _NUMBERS[length]
        order = {"year": (year, month, day), "day": (day, month, year), "month": (month, day, year)}
        ways.append(s.join(order[first]))
    return any_of(ways)


def _worded(year: str, *, day_first: bool) -> str:
    """Write dates with the name of the month."""
    ways = []
    for length, names in _MONTHS_OF.items():
        written = {w for n in names.split() for w in (n, n.capitalize(), n.upper())}
        month = rf"{any_of(sorted(written))}\.?"
        day = rf"{_DAYS[length]}(?:st|nd|rd|th|er|\.|º|°)?"
        if day_first:
            ways.append(
                rf"{day}(?: |-|\. ?)(?:of |de |di )?{month},?(?: |-)(?:de |del |of )?{year}"
            )
        else:
            ways.append(rf"{month}(?: |-){day},?(?: |-){year}")
    return any_of(ways)


def _date(
    pattern: str,
    score: float,
    birth: str = "",
    examples: tuple[str, ...] = (),
    lookalikes: tuple[str, ...] = (),
) -> tuple[Rule, ...]:
    """Make a rule of dates, and one of births of those whose year somebody alive may be born in."""
    rules = []
    if score:
        rules.append(Rule("date", "DATE_TIME", pattern + _TIME, score, apart=".-/:", validated=True,
                          examples=examples, lookalikes=lookalikes))  # fmt: skip
    if birth:
        rules.append(Rule("date.birth", "DATE_OF_BIRTH", birth, 0.0, apart=".-/:", validated=True,
                          context=_BIRTH, context_score=0.9))  # fmt: skip
    return tuple(rules)


_BOTH = ("day", "month")
RULES = (
    *_date(_numeric(_ANY_YEAR, "-/.", first="year"), 0.7,
           _numeric(_YEARS, "-/.", first="year") + _TIME,
           ("seen on 2021-02-28T10:11:12Z",), ("2021-02-30", "2021-13-01", "2021-1-1-1")),
    *_date(any_of(_numeric(_ANY_YEAR, "-/.", first=f) for f in _BOTH), 0.7,
           any_of(_numeric(_YEARS, "-/.", first=f) for f in _BOTH) + _TIME,
           ("on 28.02.2021", "12/31/1999 11:15 pm"), ("31.02.2020 99/99/2020",)),
    *_date(any_of(_numeric(_SHORT, "/", first=f) for f in _BOTH), 0.55,
           any_of(_numeric(_SHORT, "-/.", first=f) for f in _BOTH),
           ("on 12/31/99",), ("99/99/20",)),
    *_date(any_of(_numeric(_SHORT, "-.", first=f) for f in _BOTH), 0.4),
    *_date(
        _worded(_ANY_YEAR, day_first=False), 0.7, _worded(_YEARS, day_first=False),
        ("on March 3rd, 2020 we met",), ("February 30, 2020", "Mark 3, 2020"),
    ),
    *_date(
        _worded(_ANY_YEAR, day_first=True), 0.7, _worded(_YEARS, day_first=True),
        ("le 3 février 2020", "am 12. März 1980", "3 de mayo de 2021"), ("3 maybe 2020",),
    ),
    *_date("", 0.0, _YEARS + any_of((r"(?:0[13578]|1[02])(?:0[1-9]|[12]\d|3[01])",
                                     r"(?:0[469]|11)(?:0[1-9]|[12]\d|30)",
                                     r"02(?:0[1-9]|[12]\d)"))),
)  # fmt: skip
