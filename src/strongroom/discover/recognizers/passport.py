"""Passports and driving licences, by the word before them, and by their machine-readable lines."""

from __future__ import annotations

from itertools import cycle

from strongroom.discover._rule import Rule
from strongroom.discover.checks import CHECKS
from strongroom.discover.recognizers._label import label, literals

_PASSPORT = ("passport", "passeport", "pasaporte", "passaporto", "paspoort", "reisepass",
             "passaporte", "паспорт", "paszport")  # fmt: skip
_LICENSE = (
    "driver's license", "drivers license", "driver license", "driver’s license",
    "driver's licence", "drivers licence", "driving licence", "driving license", "dl no",
    "dl number", "permis de conduire", "führerschein", "führerscheinnummer", "rijbewijs",
    "carnet de conducir", "patente di guida",
)  # fmt: skip
_LINE = r"[A-Z0-9<]{9}[0-9<][A-Z<]{3}\d{6}\d[MFX<]\d{6}\d[A-Z0-9<]{14}[0-9<]\d"


def is_machine_readable(line: str) -> bool:
    """Check the digits of a passport's second line (ICAO 9303, parts 3 and 4: weights 7, 3, 1)."""
    return all(
        _digit(line[first:last]) == (0 if line[at] == "<" else int(line[at]))
        for first, last, at in ((0, 9, 9), (13, 19, 19), (21, 27, 27), (28, 42, 42))
    ) and _digit(line[:10] + line[13:20] + line[21:43]) == int(line[43])


def _digit(field: str) -> int:
    values = (0 if c == "<" else int(c, 36) for c in field)
    return sum(v * weight for v, weight in zip(values, cycle((7, 3, 1)), strict=False)) % 10


RULES = (
    Rule("passport.mrz", "PASSPORT", _LINE, 0.99, verify=is_machine_readable, validated=True,
         examples=("L898902C36UTO7408122F1204159ZE184226B<<<<<10",),
         lookalikes=("L898902C36UTO7408122F1204159ZE184226B<<<<<11",)),
    Rule("passport.labelled", "PASSPORT", r"[A-Za-z]{0,2}\d[0-9A-Za-z]{5,8}", 0.8,
         lead=label(*_PASSPORT), keywords=literals(*_PASSPORT),
         examples=("Passport: G12345678", "passport no. 533380006", "Reisepass C01X00T47"),
         lookalikes=("passport to 1234567",)),
    Rule("passport.near", "PASSPORT", r"[A-Z]\d{8}|[A-Z]{2}\d{7}|[A-Z]\d[0-9A-Z]\d{6}|\d{9}",
         0.1, context=_PASSPORT, context_score=0.7, examples=("passport of the bearer: P1X125581",),
         lookalikes=("P1X125581",)),
    Rule("passport.pl", "PASSPORT", r"[A-Z]{2}\d{7}", 0.1, check=CHECKS["pl.passport"],
         validated=True, context=("paszport", "paszportu", "passport"), context_score=0.9,
         examples=("paszport AA0000000",)),
    Rule("driver_license.labelled", "DRIVER_LICENSE",
         r"[A-Za-z]{0,3}-?\d[0-9A-Za-z]{2,14}(?:-[0-9A-Za-z]{1,8}){0,3}", 0.8,
         lead=label(*_LICENSE), keywords=literals(*_LICENSE),
         examples=("my driver's license number is 2270-66-1551",
                   "My driver's license number is U62928788557186", "driving licence: 5130634"),
         lookalikes=("a driver's license at 16",)),
    Rule("driver_license.marked", "DRIVER_LICENSE", r"DL[-:]\s?[A-Z]?\d{4,12}(?:-\d{2,5})?", 0.7,
         keywords=("dl-", "dl:"), examples=("DL-R12345-67",)),
    # DVLA: five letters of the name, the decade, the month (50 more for women), the day, the year.
    Rule("driver_license.gb", "DRIVER_LICENSE",
         r"(?:[A-Z]{5}|[A-Z]{4}9|[A-Z]{3}99|[A-Z]{2}999)\d(?:[05][1-9]|[16][0-2])"
         r"(?:0[1-9]|[12]\d|3[01])\d[A-Z9]{2}\d[A-Z]{2}", 0.8,
         context=("licence", "license", "driving", "driver", "dvla"), context_score=0.95,
         examples=("MORGA753116SM9IJ",), lookalikes=("MORGA793116SM9IJ",)),
    # Germany: the office, its running number, a check character and how often it was replaced.
    Rule("driver_license.de", "DRIVER_LICENSE", r"[A-Z]\d{2}[0-9A-Z]{6}\d[0-9A-Z]", 0.1,
         context=("führerschein", "führerscheinnummer", "fahrerlaubnis"), context_score=0.85,
         examples=("Führerschein B072RRE2I55",)),
    Rule("driver_license.it", "DRIVER_LICENSE", r"[A-Z]{2}\d{7}[A-Z]|U1[0-9A-Z]{7}[A-Z]", 0.1,
         context=("patente", "guida"), context_score=0.85, examples=("patente AA0123456B",)),
)  # fmt: skip
