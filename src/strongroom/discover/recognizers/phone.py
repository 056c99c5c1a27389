"""Phone numbers, checked against the numbering plans of the phonenumbers library."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from strongroom.discover._detection import Detection
from strongroom.discover.recognizers._context import near, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from strongroom.config import DiscoverSpec

_NUMBER = re.compile(
    r"(?<![\w.,:/+-])(?<![\d)] )"
    r"(?P<number>(?:\+ ?|\()?\d(?:[ .()/–-]{0,3}\d){5,16})"
    r"(?P<ext>,? ?(?:x|ext\.?) ?\d{1,6})?(?![\w/])(?![-.,]\d)",
    re.IGNORECASE,
)
_CONTEXT = words(
    r"(?:tele)?phones?(?: (?:number|no))?", r"tel", r"mobile", r"mob", r"cell(?:phone)?",
    r"call(?:ing|ed)?", r"fax", r"sms", r"texts?", r"dial", r"whatsapp", r"office", r"desk",
    r"landline", r"hotline", r"answering at", r"reach(?:ed)?", r"messages? to", r"registered",
    r"contact(?: number)?", r"telefon\w*", r"handy", r"rufnummer", r"teléfono", r"telefono",
    r"móvil", r"téléphone", r"portable", r"gsm",
)  # fmt: skip
# Numbers of things, not of people: without a plan that knows them they stay what they are.
_OTHER = words(
    r"order", r"invoice", r"ref(?:erence)?", r"ticket", r"case", r"part", r"serial", r"zip",
    r"postcode", r"box", r"card", r"iban", r"ssn", r"account", r"id", r"isbn", r"model", r"code",
    r"social", r"security", r"passport", r"licen[cs]e",
)  # fmt: skip
_DATE = re.compile(
    r"\(?(?:(?:\d{1,2}[./-]\d{1,2}[./-])?(?:19|20)\d{2}(?!\d)|(?:19|20)\d{2}[./-]\d{1,2}[./-]\d{1,2}"
    r"|\d{1,2}([./-])\d{1,2}\1\d{2}(?![\d./-]))"
)
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_FEWEST, _MOST = 7, 15


class PhoneRecognizer:
    """Finds `PHONE_NUMBER`: international, national of the specified country, or by context."""

    name = "phone"
    entities = ("PHONE_NUMBER",)
    trigger = r"\d(?:[ .()/–-]{0,3}\d){6}"

    def __init__(self, spec: DiscoverSpec) -> None:
        """Remember the country whose national form is understood."""
        self._country = spec.country

    def find(self, text: str) -> Iterator[Detection]:
        """Yield numbers of seven digits or more; bare digits count only in context."""
        for match in _NUMBER.finditer(text):
            written = match.group("number")
            if _DATE.match(written) or _IPV4.fullmatch(written):
                continue
            digits = "".join(c for c in written if c.isdecimal())
            if not (digits.isascii() and _FEWEST <= len(digits) <= _MOST):
                continue
            score, validated = self._judge(text, match, written, digits)
            if score:
                yield Detection(
                    "PHONE_NUMBER", match.start(), match.end(), score, self.name, validated
                )

    def _judge(
        self, text: str, match: re.Match[str], written: str, digits: str
    ) -> tuple[float, bool]:
        """Return how sure it is, and whether a numbering plan knows the number."""
        if written.startswith("+") or digits.startswith("00"):
            if _international(digits.removeprefix("00")):
                return 0.95, True
        elif _national(self._country)(digits):
            if len(written) > len(digits):
                good = 0.8 if not _OTHER.search(text, max(0, match.start() - 20), match.start()) else 0.4
            else:
                good = 0.2
            return (0.95 if near(text, match.start(), match.end(), _CONTEXT) else good), True
        if not near(text, match.start(), match.end(), _CONTEXT):
            return 0.0, False
        if _OTHER.search(text, max(0, match.start() - 20), match.start()):
            return 0.3, False
        return 0.6, False


def _international(digits: str) -> bool:
    import phonenumbers  # noqa: PLC0415 - 70 ms, only where there are numbers

    try:
        number = phonenumbers.parse("+" + digits, None)
    except phonenumbers.NumberParseException:
        return False
    # A plan that knows the length is enough: operators open blocks faster than lists are updated.
    return bool(phonenumbers.is_possible_number(number))


@cache
def _national(country: str) -> Callable[[str], bool]:
    """Return a check of the digits of a national number against the plan of `country`.

    phonenumbers' own parser takes 70 µs a number; a column has 50,000. Where the plan rewrites no
    digits its patterns are applied directly, with the same answers (a test compares them).
    """
    import phonenumbers  # noqa: PLC0415 - 70 ms, only where there are numbers

    plan: Any = phonenumbers.PhoneMetadata.metadata_for_region(country, None)
    if plan is None:
        return lambda _digits: False
    if plan.national_prefix_transform_rule:

        def parsed(digits: str) -> bool:
            try:
                number = phonenumbers.parse(digits, country)
            except phonenumbers.NumberParseException:
                return False
            return bool(phonenumbers.is_valid_number_for_region(number, country))

        return parsed
    general = re.compile(plan.general_desc.national_number_pattern)
    kinds = [
        (re.compile(kind.national_number_pattern), frozenset(kind.possible_length))
        for kind in (
            plan.fixed_line, plan.mobile, plan.toll_free, plan.premium_rate, plan.shared_cost,
            plan.personal_number, plan.voip, plan.pager, plan.uan, plan.voicemail,
        )
        if kind is not None and kind.national_number_pattern
    ]  # fmt: skip
    lengths = frozenset(plan.general_desc.possible_length)
    prefix = re.compile(plan.national_prefix_for_parsing or r"(?!)")

    def valid(digits: str) -> bool:
        number = digits
        stripped = prefix.match(digits)
        if stripped and (
            general.fullmatch(digits) is None or general.fullmatch(digits, stripped.end())
        ):
            number = digits[stripped.end() :]
        if general.fullmatch(number) is None:
            return False
        return any(
            len(number) in (possible or lengths) and kind.fullmatch(number)
            for kind, possible in kinds
        )

    return valid
