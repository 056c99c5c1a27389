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
_NO_DIGIT = re.compile(r"\D")
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
            digits = _NO_DIGIT.sub("", written)
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
            context = near(text, match.start(), match.end(), _CONTEXT)
            other = _OTHER.search(text, max(0, match.start() - 20), match.start()) is not None
            if len(written) > len(digits):
                return (0.95 if context else 0.4 if other else 0.8), True
            return (0.75 if context and not other else 0.2), True
        if not near(text, match.start(), match.end(), _CONTEXT):
            return 0.0, False
        if _OTHER.search(text, max(0, match.start() - 20), match.start()):
            return 0.3, False
        return 0.6, False


def _international(digits: str) -> bool:
    import phonenumbers

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
    import phonenumbers

    code = phonenumbers.country_code_for_region(country)
    # Countries that share a code, such as the United States and Canada, share their numbers too.
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, ())
    plans: list[Any] = [phonenumbers.PhoneMetadata.metadata_for_region(r, None) for r in regions]
    if not plans:
        return lambda _digits: False
    if plans[0].national_prefix_transform_rule:

        def parsed(digits: str) -> bool:
            try:
                return bool(phonenumbers.is_valid_number(phonenumbers.parse(digits, country)))
            except phonenumbers.NumberParseException:
                return False

        return parsed
    known = re.compile("|".join(_pattern(plan) for plan in plans))
    general = re.compile(plans[0].general_desc.national_number_pattern)
    prefix = re.compile(plans[0].national_prefix_for_parsing or r"(?!)")

    def valid(digits: str) -> bool:
        stripped = prefix.match(digits)
        if stripped and (
            general.fullmatch(digits) is None or general.fullmatch(digits, stripped.end())
        ):
            return known.fullmatch(digits, stripped.end()) is not None
        return known.fullmatch(digits) is not None

    return valid


def _pattern(plan: Any) -> str:  # noqa: ANN401 - phonenumbers is untyped
    """Write a plan as one pattern: the number's general form, and the form of one of its kinds."""
    kinds = []
    for kind in (
        plan.fixed_line, plan.mobile, plan.toll_free, plan.premium_rate, plan.shared_cost,
        plan.personal_number, plan.voip, plan.pager, plan.uan, plan.voicemail,
    ):  # fmt: skip
        if kind is not None and kind.national_number_pattern:
            lengths = kind.possible_length or plan.general_desc.possible_length
            sized = "|".join(rf"\d{{{length}}}" for length in lengths)
            kinds.append(rf"(?=(?:{sized})\Z)(?:{kind.national_number_pattern})")
    return rf"(?=(?:{plan.general_desc.national_number_pattern})\Z)(?:{'|'.join(kinds)})"
