"""Shapes (RE2) that tell what the values of a column are."""

from __future__ import annotations

# Unicode's own classes take RE2 milliseconds to compile, each time: beyond ASCII all are letters.
_L = r"a-zA-Z\x{aa}-\x{10ffff}"
_UPPER = r"A-Z\x{c0}-\x{de}\x{100}-\x{10ffff}"
NAME_SHAPE = rf"^\s*[{_L}][{_L}'.-]*(?:[ ,]+[{_L}][{_L}'.-]*){{0,4}}\s*$"
FULL_NAME = rf"^\s*[{_UPPER}][{_L}'.-]*(?:[ ,]+[{_UPPER}][{_L}'.-]*){{1,4}}\s*$"
ADDRESS = (
    r"(?i)^\s*\d+[a-z]?[ ,/-].{0,60}\b"
    r"(?:street|st|avenue|ave|av|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|way|place|pl|square|sq|terrace|ter|highway|hwy|parkway|pkwy|circle|cir|trail|"
    r"crescent|close|grove|alley|plaza|row|walk|mews)\b"
    r"|(?:straße|strasse|str\.|gasse|weg|platz|allee|ufer|ring)\s*\d+"
    r"|^\s*(?:\d+[a-z]?,?\s+)?"
    r"(?:rue|avenue|boulevard|via|calle|avenida|av\.|rua|plaza|piazza|p\.? ?o\.? ?box)\s"
)
ADDRESSED = rf"[{_L}].*\d|\d.*[{_L}]"
UUID = r"(?i)^\s*\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?\s*$"
ICD10 = r"^[A-TV-Z]\d[0-9A-Z]\.[0-9A-Z]{1,4}$"
ICD_ANY = (
    r"^(?:[A-TV-Z]\d[0-9A-Z](?:\.?[0-9A-Z]{1,4})?|\d{3}(?:\.\d{1,2})?|[VE]\d{2,3}(?:\.\d{1,2})?)$"
)
CODE = r"^[\w.:/#-]+$"
DATE = (
    r"^\s*(?:born )?(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})|"
    r"(?:19|20)\d{2}(?:0\d|1[0-2])[0-3]\d|\d{1,2}\.? ?(?:de )?[^\d\s.,/-]{3,10}\.?,? (?:de )?\d{4}|"
    r"[^\d\s.,/-]{3,10}\.? \d{1,2},? \d{4}|\d{1,2}-[a-zA-Z]{3}-\d{2,4})(?:[T ]\d{1,2}:\d{2}.*)?\s*$"
)
YEAR = r"(?:^|[^0-9])(?P<year>(?:19|20)[0-9]{2})(?:$|[^0-9])"
EXPIRY = (
    r"^\s*(?:(?:0?[1-9]|1[0-2])[/.-](?:20)?\d{2}|(?:20)\d{2}[/.-](?:0[1-9]|1[0-2])|"
    r"(?:0[1-9]|1[0-2])\d{2}|[^\d\s.,/-]{3,9}\.?[- /](?:20)?\d{2}|\d{1,2}|20\d{2}|"
    r"\d{4}-\d{2}-\d{2})\s*$"
)
AGE_BAND = (
    r"\d|(?i)^\s*(?:child|infant|baby|teen|adolescent|adult|senior|elderly|young|old|middle|kind|"
    r"enfant|adulte|nino|adulto|bambino)"
)
AGE_RANGE = (
    r"^\s*(?:[\[(<>]?\s*\d{1,3}\s*(?:-|–|to|bis|,)\s*\d{1,3}\s*[)\]]?|[<>]=?\s*\d{1,3}|"
    r"\d{2,3}\s*\+|"
    r"(?i:greater|less|more|under|over|older|younger|above|below)(?: than)? \d{1,3})\s*$"
)
DOMAIN = r"(?i)^\s*(?:[^\s@/:.,;()]+\.)+[a-z]{2,24}\.?\s*$"
# Anatomical group, therapeutic group, then as far as it goes (WHO Collaborating Centre, ATC).
ATC = r"^\s*[ABCDGHJLMNPRSV](?:0[1-9]|1[0-9]|2[0-9])[A-Z][A-Z](?:\d\d)?\s*$"
ZIP = (
    r"^\s*(?:(?:[A-Z]{1,2}-?)?\d{3,5}(?:[ -]\d{2,4})?(?: ?[A-Z]{2})?|[A-Z]\d[A-Z] ?\d[A-Z]\d|"
    r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})\s*$"
)
