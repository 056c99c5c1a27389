"""Phone numbers, checked against the numbering plans of the phonenumbers library.

The plans of all regions become patterns of the digits alone, so that the engine decides what the
library would, without asking it number by number.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from strongroom.discover._rule import Rule
from strongroom.discover.recognizers._write import any_of

if TYPE_CHECKING:
    from strongroom.config import DiscoverSpec

_CONTEXT = ("phone", "phones", "telephone", "tel", "mobile", "mob", "cell", "cellphone", "call",
            "calls", "calling", "called", "fax", "sms", "text", "texts", "dial", "whatsapp",
            "office", "desk", "landline", "hotline", "answering", "reach", "reached", "message",
            "messages", "contact", "ring", "telefon", "telefonnummer", "handy", "handynummer",
            "mobil", "rufnummer", "teléfono", "telefono", "móvil", "téléphone", "portable", "gsm",
            "telefoon", "cellulare")  # fmt: skip
# Numbers of things, not of people: without a plan that knows them they stay what they are.
_OTHER = ("order", "invoice", "ref", "reference", "ticket", "case", "part", "serial", "zip",
          "postcode", "box", "card", "iban", "ssn", "account", "id", "isbn", "model", "code",
          "social", "security", "passport", "license", "licence")  # fmt: skip
_APART = " .-/,:+"
_BETWEEN = "(?:[ .()/-]|–){0,3}"
_EXTENSION = r"(?:,? ?(?i:x|ext\.?) ?\d{1,6})?"
_EXTENDED = r"(?:(?:EXT|X)\d{1,6})?"
_NATIONAL = rf"\(?\d(?:{_BETWEEN}\d){{5,16}}{_EXTENSION}"
# Dots part decimals, versions and OIDs too, so within a country they must part as in phones.
_GAP = "(?:[ ()/-]|–){0,3}"
_DOTTED = rf"\d{{2,4}}(?:\.\d{{2,4}}){{2,4}}{_EXTENSION}"
_CODED = rf"\(\d{{1,6}}\)(?:{_BETWEEN}\d){{4,14}}{_EXTENSION}"
_LOCAL = any_of([rf"\d(?:{_GAP}\d){{5,16}}{_EXTENSION}", _DOTTED, _CODED])
# Two long numbers with a dash between are a span, as in 10000-10090, unless more parts follow.
_PARTED = any_of([
    rf"\d{{1,4}}(?:[ ()/-]|–)(?:{_GAP}\d){{4,16}}{_EXTENSION}",
    rf"\d{{5,6}}[ ()/](?:{_GAP}\d){{4,16}}{_EXTENSION}",
    rf"\d{{5,6}}(?:-|–)(?:\d{{6,11}}|\d{{1,5}}(?:[ ()/-]|–)(?:{_GAP}\d){{2,12}}){_EXTENSION}",
    _DOTTED,
    _CODED,
])  # fmt: skip
_KINDS = ("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number",
          "voip", "pager", "uan", "voicemail")  # fmt: skip
# Where the library rewrites a national number before it looks at it, this says what it accepts.
_PREFIXES = {"BR": "(?:0|90)(?:1[245]|2[1-35]|31|4[13]|[56]5|99)?"}
_REWRITTEN = {"AR": r"0?(?:1115\d{8}|[23]\d\d15\d{7}|[23]\d{3}15\d{6})"}


@cache
def national_plan(country: str) -> str:
    """Write the numbers that are dialled within a country, as digits; "" for an unknown one.

    Countries that share a code, such as the United States and Canada, share their numbers too.
    """
    import phonenumbers

    code = phonenumbers.country_code_for_region(country)
    return _plan(code, country) if code else ""


@cache
def international_plan() -> str:
    """Write the numbers of all countries behind "+" or "00", as digits."""
    import phonenumbers

    codes = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
    return any_of(f"{code}{_plan(code)}" for code in codes)


def _plan(code: int, country: str = "") -> str:
    import phonenumbers

    metadata = phonenumbers.PhoneMetadata
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
    world = "001"
    plans: list[Any] = [
        metadata.metadata_for_nongeo_region(code, None) if r == world
        else metadata.metadata_for_region(r, None)
        for r in regions
    ]  # fmt: skip
    kinds = [getattr(plan, kind) for plan in plans for kind in _KINDS]
    known = dict.fromkeys(
        k.national_number_pattern for k in kinds if k and k.national_number_pattern
    )
    main = next((p for r, p in zip(regions, plans, strict=True) if r == country), plans[0])
    prefix = _PREFIXES.get(main.id) or main.national_prefix_for_parsing or ""
    if main.national_prefix_transform_rule and main.id not in _PREFIXES:
        prefix = main.national_prefix or ""
    ways = [f"(?:{prefix})?{any_of(known)}" if prefix else any_of(known)]
    return any_of([*ways, *filter(None, [_REWRITTEN.get(main.id)])])


def rules_for(spec: DiscoverSpec) -> tuple[Rule, ...]:
    """Return the rules: international numbers, those of the chosen countries, those by context."""
    plans = [national_plan(c) for c in (spec.country, *spec.countries)]
    national = f"{any_of(filter(None, plans))}{_EXTENDED}" if any(plans) else ""
    return (
        _rule(rf"\+ ?{_NATIONAL}|\(\+ ?{_NATIONAL}", 0.95, international_plan() + _EXTENDED,
              validated=True, examples=("from abroad +44 7700 900123 x12", "(+49) 30 901820")),
        # Operators open blocks faster than lists are updated, and test numbers are in none.
        _rule(rf"\+ ?{_NATIONAL}", 0.8, rf"[1-9]\d{{6,14}}{_EXTENDED}",
              examples=("+1 555 010 9999 12",)),
        _rule(rf"00{_BETWEEN}{_NATIONAL}", 0.9, f"00{international_plan()}{_EXTENDED}",
              validated=True, examples=("0044 20 7946 0018",)),
        *(_national(national) if national else ()),
        # Any number, where words say that it is one; years and spans of years are not.
        _rule(_LOCAL, 0.0, rf"(?:[03-9]\d|1[0-8]|2[1-9])\d{{5,13}}{_EXTENDED}",
              context=_CONTEXT, context_score=0.6, against=_OTHER,
              examples=("fax: 03.93.92.16.85",), lookalikes=("03.93.92.16.85", "call 2019-2020")),
    )  # fmt: skip


def _national(plan: str) -> tuple[Rule, ...]:
    return (
        _rule(_PARTED, 0.8, plan, validated=True, context=_CONTEXT, context_score=0.95,
              against=_OTHER, against_score=0.5),
        _rule(_LOCAL, 0.2, plan, validated=True, context=_CONTEXT, context_score=0.75,
              against=_OTHER, against_score=0.1),
    )  # fmt: skip


def _rule(pattern: str, score: float, compact: str, **more: Any) -> Rule:  # noqa: ANN401 - Rule's own
    return Rule("phone", "PHONE_NUMBER", pattern, score, compact=compact, apart=_APART, **more)
