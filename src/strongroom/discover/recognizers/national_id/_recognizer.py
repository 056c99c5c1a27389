"""Personal numbers of some 40 countries, checked by python-stdnum.

A token is looked up by its *shape* (`999.999.999-99`), so that a text is read once and not once a
country. Bare digits fit many countries' check digits by chance: they count only where the words
around, or the name of the column, say which number it is.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from strongroom.discover._detection import Detection
from strongroom.discover.recognizers._context import near, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from strongroom.config import DiscoverSpec


@dataclass(frozen=True)
class _Number:
    """One kind of number: its country, its module in stdnum, and the words that name it."""

    country: str
    module: str
    words: re.Pattern[str]

    def valid(self, token: str) -> bool:
        """Ask stdnum."""
        return _checker(self.module)(token)


_BARE, _WRITTEN, _LETTERED, _STRONG = 0.1, 0.4, 0.7, 0.8
_TABLE: tuple[tuple[str, str, str, dict[str, float]], ...] = (
    ("at", "at.vnr", r"svnr|vsnr|sozialversicherung\w*|versicherungsnummer",
     {"9999999999": _BARE, "9999 999999": _WRITTEN}),
    ("be", "be.nn", r"rijksregister\w*|registre national|niss|insz|rrn|national number",
     {"99999999999": _BARE, "99.99.99-999.99": _STRONG}),
    ("bg", "bg.egn", r"egn|егн", {"9999999999": _BARE}),
    ("br", "br.cpf", r"cpf|cadastro de pessoas f[ií]sicas",
     {"99999999999": _BARE, "999.999.999-99": _STRONG}),
    ("ca", "ca.sin", r"sin|social insurance|assurance sociale",
     {"999999999": _BARE, "999-999-999": _WRITTEN, "999 999 999": _BARE}),
    ("ch", "ch.ssn", r"ahv\w*|avs|navs|sozialversicherung\w*",
     {"9999999999999": _WRITTEN, "999.9999.9999.99": _STRONG}),
    ("cl", "cl.rut", r"rut|run",
     {"99999999-9": _WRITTEN, "99999999-A": _WRITTEN, "99.999.999-9": _STRONG,
      "99.999.999-A": _STRONG}),
    ("cn", "cn.ric", r"resident identity|id card|身份证\w*",
     {"999999999999999999": _STRONG, "99999999999999999A": _STRONG}),
    ("cz", "cz.rc", r"rodn[eé] [cč][ií]slo|birth number",
     {"9999999999": _BARE, "999999/9999": _STRONG}),
    ("de", "de.idnr", r"steuer-?id\w*|steuerliche identifikationsnummer|idnr|tax id",
     {"99999999999": _BARE, "99 999 999 999": _WRITTEN}),
    ("dk", "dk.cpr", r"cpr|personnummer", {"9999999999": _BARE, "999999-9999": _WRITTEN}),
    ("ee", "ee.ik", r"isikukood", {"99999999999": _BARE}),
    ("es", "es.dni", r"dni|nif|documento nacional",
     {"99999999A": _WRITTEN, "99999999-A": _LETTERED}),
    ("es", "es.nie", r"nie|extranjero",
     {"A9999999A": _WRITTEN, "A-9999999A": _LETTERED, "A-9999999-A": _STRONG}),
    ("fi", "fi.hetu", r"hetu|henkil[oö]tunnus",
     {"999999-999A": _STRONG, "999999-9999": _WRITTEN, "999999A999A": _STRONG,
      "999999A9999": _WRITTEN, "999999+999A": _STRONG}),
    ("fr", "fr.nir", r"nir|s[eé]curit[eé] sociale|num[eé]ro de s[eé]cu\w*|insee",
     {"999999999999999": _WRITTEN, "9 99 99 99 999 999 99": _STRONG}),
    ("gb", "gb.nhs", r"nhs", {"9999999999": _BARE, "999 999 9999": _BARE, "999-999-9999": _BARE}),
    ("gr", "gr.amka", r"amka|αμκα", {"99999999999": _BARE}),
    ("hr", "hr.oib", r"oib", {"99999999999": _BARE}),
    ("ie", "ie.pps", r"pps[n]?", {"9999999A": _WRITTEN, "9999999AA": _WRITTEN}),
    ("il", "il.idnr", r"teudat zehut|mispar zehut|תעודת זהות",
     {"999999999": _BARE, "99999999-9": _BARE, "9999999-9": _BARE}),
    ("in", "in_.aadhaar", r"aadhaar|aadhar|uidai",
     {"999999999999": _BARE, "9999 9999 9999": _WRITTEN, "9999-9999-9999": _WRITTEN}),
    ("in", "in_.pan", r"pan|permanent account", {"AAAAA9999A": _WRITTEN}),
    ("is", "is_.kennitala", r"kennitala", {"9999999999": _BARE, "999999-9999": _WRITTEN}),
    ("it", "it.codicefiscale", r"codice fiscale|c\.?f\.?", {"AAAAAA99A99A999A": _STRONG}),
    ("kr", "kr.rrn", r"rrn|주민등록번호", {"9999999999999": _BARE, "999999-9999999": _STRONG}),
    ("lt", "lt.asmens", r"asmens kodas", {"99999999999": _BARE}),
    ("mx", "mx.curp", r"curp", {"AAAA999999AAAAAA99": _STRONG, "AAAA999999AAAAAAA9": _STRONG}),
    ("my", "my.nric", r"nric|mykad", {"999999999999": _BARE, "999999-99-9999": _STRONG}),
    ("nl", "nl.bsn", r"bsn|burgerservicenummer|sofi-?nummer", {"999999999": _BARE}),
    ("no", "no.fodselsnummer", r"f[oø]dselsnummer|personnummer|fnr",
     {"99999999999": _BARE, "999999 99999": _STRONG}),
    ("pl", "pl.pesel", r"pesel", {"99999999999": _BARE}),
    ("pt", "pt.cc", r"cart[aã]o de cidad[aã]o|cc", {"999999999AA9": _STRONG}),
    ("ro", "ro.cnp", r"cnp|cod numeric personal", {"9999999999999": _BARE}),
    ("se", "se.personnummer", r"personnummer|pnr",
     {"9999999999": _BARE, "999999-9999": _WRITTEN, "99999999-9999": _STRONG}),
    ("si", "si.emso", r"em[sš]o|jmbg", {"9999999999999": _BARE}),
    ("sk", "sk.rc", r"rodn[eé] [cč][ií]slo", {"9999999999": _BARE, "999999/9999": _STRONG}),
    ("th", "th.pin", r"เลขประจำตัวประชาชน|thai id",
     {"9999999999999": _BARE, "9-9999-99999-99-9": _STRONG}),
    ("tr", "tr.tckimlik", r"t\.?c\.? ?kimlik\w*|kimlik no", {"99999999999": _BARE}),
    ("us", "us.itin", r"itin|taxpayer", {"999999999": _BARE, "999-99-9999": _LETTERED}),
    ("za", "za.idnr", r"south african id|rsa id|id number", {"9999999999999": _BARE}),
)  # fmt: skip
# Said of the number of any country: the specified country's comes first, then the table's order.
_ANY = words(
    r"national (?:id|identity|identification|insurance)\w*", r"personal (?:id|code|number)",
    r"id(?:entity)?[ -]?(?:card|number|no|nr)", r"social security",
    r"citizen(?:ship)? (?:id|number)",
    r"ssn", r"tax (?:id|number)", r"ausweis\w*", r"personalnummer",
)  # fmt: skip
_TOKEN = re.compile(r"(?<![\w.+-])[0-9A-Za-z]+(?:[.\-/+][0-9A-Za-z]+){0,5}")
_SHORTEST, _LONGEST = 8, 21
_SHAPE = {
    **dict.fromkeys(map(ord, "0123456789"), "9"),
    **dict.fromkeys(map(ord, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"), "A"),
}
_ALONE = 0.5
# Tells most numbers of these shapes apart before any context is read: 999-99-9999 is an SSN's too.
_BEGINS = {"us.itin": "9", "ch.ssn": "7"}


class NationalIdRecognizer:
    """Finds `NATIONAL_ID`; the country stands in the recognizer's name (`national_id.pl`)."""

    name = "national_id"
    entities = ("NATIONAL_ID",)
    trigger = r"\d(?:[ .\-/+]?\d){5}|[A-Za-z]{5}\d{4}[A-Za-z]|[A-Za-z]{6}\d\d[A-Za-z]"

    def __init__(self, spec: DiscoverSpec) -> None:
        """Remember the country that comes first where several fit."""
        self._country = spec.country.lower()

    def find(self, text: str) -> Iterator[Detection]:
        """Yield the tokens that a country could have issued, best country only."""
        for pattern in (_TOKEN, _spaced()):
            for match in pattern.finditer(text):
                token = match.group()
                if not _SHORTEST <= len(token) <= _LONGEST:
                    continue
                kinds = [
                    (number, alone)
                    for number, alone in _by_shape().get(token.translate(_SHAPE), ())
                    if token.startswith(_BEGINS.get(number.module, ""))
                ]
                if kinds:
                    best = self._best(text, match.start(), match.end(), token, kinds)
                    if best:
                        yield best

    def _best(
        self, text: str, start: int, end: int, token: str, kinds: list[tuple[_Number, float]]
    ) -> Detection | None:
        anything = near(text, start, end, _ANY)
        ranked = []
        for place, (number, alone) in enumerate(kinds):
            if near(text, start, end, number.words):
                score = 0.95
            elif anything:
                score = max(alone, 0.6)
            elif alone >= _ALONE or (number.country == self._country and alone >= _WRITTEN):
                score = max(alone, _ALONE)
            else:
                continue
            ranked.append((-score, number.country != self._country, place, number))
        for negative, _, _, number in sorted(ranked, key=lambda r: r[:3]):
            if number.valid(token):
                name = f"{self.name}.{number.country}"
                return Detection("NATIONAL_ID", start, end, -negative, name, validated=True)
        return None


@cache
def _by_shape() -> dict[str, list[tuple[_Number, float]]]:
    found: dict[str, list[tuple[_Number, float]]] = {}
    for country, module, named, shapes in _TABLE:
        number = _Number(country, module, words(named))
        for shape, alone in shapes.items():
            found.setdefault(shape, []).append((number, alone))
    return found


@cache
def _spaced() -> re.Pattern[str]:
    """Match the shapes that are written with spaces, which `_TOKEN` can't see."""
    shapes = sorted((s for s in _by_shape() if " " in s), key=len, reverse=True)
    body = "|".join(s.replace("9", r"\d").replace("A", "[A-Za-z]") for s in shapes)
    return re.compile(rf"(?<![\w.+-])(?:{body})(?![\w-])")


@cache
def _checker(module: str) -> Callable[[str], bool]:
    checker: Callable[[str], bool] = importlib.import_module(f"stdnum.{module}").is_valid
    return checker
