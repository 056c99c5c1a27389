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
    from collections.abc import Iterator

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
          "social", "security", "passport", "license", "licence", "bug", "issue", "commit",
          "revision", "cve", "doi", "issuecomment")  # fmt: skip
_APART = " .-/,:+"
_EXTENSION = r"(?:,? ?(?i:x|ext\.?) ?\d{1,6})?"
_EXTENDED = r"(?:(?:EXT|X)\d{1,6})?"
_DASH = "(?:-|–)"
_JOIN = f"(?: |{_DASH}| {_DASH} | ?/ ?)"
_LINK = f"(?:[ ./]|{_DASH}| {_DASH} )"
_DIGITS = rf"\d(?:{_JOIN}?\d)"
# A pair of parentheses holds an area, or the zero that isn't dialled from abroad: no year, as in
# references to volumes and pages.
_AREA = r"\((?:0\d{0,5}|0\d \d{1,4}|\d{1,3}|(?:1[0-8]|2[1-9]|[3-9]\d)\d\d|[1-9]\d{4})\)"
# Dots part decimals, versions and OIDs too: there is none, or several, or one behind the code.
_DOTS = rf"\d{{2,4}}(?:\.\d{{2,4}}){{2,4}}{_EXTENSION}"
_BEHIND_AREA = rf"{_AREA}{_LINK}?\d(?:{_LINK}?\d){{3,13}}{_EXTENSION}"
_CODE = r"\+(?:\d{1,3}|\(\d{1,3}\))|\(\+\d{1,3}\)"
_ABROAD = any_of([
    rf"{_JOIN}?(?:\(\d{{1,5}}\){_JOIN}?)?{_DIGITS}{{3,14}}",
    r"\.\d{4,14}", r"(?:\.\d{1,6}){2,6}",
    rf"(?: |{_DASH}| ?\(\d{{1,5}}\)[ -]?)\d{{1,6}}(?:\.\d{{2,6}}){{1,5}}",
]) + _EXTENSION  # fmt: skip
# "+ 49": in sums, what follows a sign and a blank is seldom parted.
_SPACED = rf"\+ (?:\d{{1,3}}(?: |{_DASH})|\d{{1,3}} ?\(\d{{1,5}}\) ?){_DIGITS}{{3,14}}{_EXTENSION}"
_INTERNATIONAL = rf"(?:{_CODE}){_ABROAD}|{_SPACED}"
_PREFIXED = rf"00{_JOIN}?\d{{1,3}}{_ABROAD}"
# North America writes 3-3-4.
_AMERICAN = any_of([
    rf"(?:1[ -]{{0,2}})?\(\d{{3}}\){_LINK}{{0,2}}\d{{3}}(?:{_LINK})?\d{{4}}",
    rf"(?:1[ -]{{1,2}})?\d{{3}}(?:[ /]|{_DASH}| {_DASH} )\d{{3}}(?: |{_DASH}| {_DASH} )\d{{4}}",
    r"(?:1[ .-])?\d{3}\.\d{3}\.\d{4}",
]) + _EXTENSION  # fmt: skip
_AMERICAN_BARE = rf"{_AMERICAN}|1?\d{{10}}{_EXTENSION}"
# Elsewhere groups differ. Without the zero of the trunk, one dash between two numbers is a span of
# pages or ports, and one slash a fraction.
_TIGHT = f"(?: |{_DASH})"
_NO_YEAR = r"(?:[1-9]\d{0,2}|(?:1[0-8]|2[1-9]|[3-9]\d)\d\d)"
_PARTED = any_of([
    rf"0\d{{0,5}}{_JOIN}(?:\d{{1,2}}/)?\d(?:(?: |{_DASH})?\d){{3,14}}{_EXTENSION}",
    rf"{_NO_YEAR}(?:{_TIGHT}\d{{2,6}}){{2,6}}(?:-\d)?{_EXTENSION}",
    rf"[1-9]\d{{1,3}}{_TIGHT}\d{{6,8}}{_EXTENSION}",
    rf"[1-9]\d{{3}}{_TIGHT}\d{{4}}{_EXTENSION}",
    rf"[1-9]\d{{4,5}}(?: \d{{4,8}}|{_DASH}\d{{6,11}}){_EXTENSION}",
    rf"[1-9]\d{{0,2}}/\d{{3}}{_TIGHT}?\d{{2}}{_TIGHT}?\d{{1,4}}{_EXTENSION}",
    _DOTS,
    rf"(?:[018](?: |{_DASH}))?{_BEHIND_AREA}",
])  # fmt: skip
# Where a word says so, groups may be any.
_LOCAL = any_of([
    rf"{_DIGITS}{{5,16}}{_EXTENSION}", _DOTS, rf"(?:[018](?: |{_DASH}))?{_BEHIND_AREA}"
])  # fmt: skip
_NORTH_AMERICA = 1
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
    return (
        _rule(_INTERNATIONAL, 0.95, international_plan() + _EXTENDED, validated=True,
              examples=("from abroad +44 20 7946 0018 x12", "(+49) 30 901820", "+1.7148568779",
                        "+ 49 (0) 30 901820", "+1 (714) 856.8779"),
              lookalikes=("6.332362889 + 45.92828268", "x + 278326125*y", "+49793.0000000000",
                          "C++14 20.8.2.3")),
        # Operators open blocks faster than lists are updated, and test numbers are in none.
        _rule(f"(?:{_CODE}){_ABROAD}", 0.8, rf"[1-9]\d{{8,14}}{_EXTENDED}",
              examples=("+1 555 010 9999 12", "+44 7700 900123"),
              lookalikes=("a + 14916195*uk_59", "'+3.140000'", "(+3600000)")),
        _rule(_PREFIXED, 0.9, f"00{international_plan()}{_EXTENDED}", validated=True,
              examples=("0044 20 7946 0018",)),
        *_national(spec),
        # Any number, where words say that it is one; years and spans of years are not.
        _rule(_LOCAL, 0.0, rf"(?:[03-9]\d|1[0-8]|2[1-9])\d{{5,13}}{_EXTENDED}",
              context=_CONTEXT, context_score=0.6, against=_OTHER,
              examples=("fax: 03.93.92.16.85",),
              lookalikes=("03.93.92.16.85", "call 2019-2020", "text [Bug 1882495]")),
    )  # fmt: skip


def _national(spec: DiscoverSpec) -> Iterator[Rule]:
    """Yield the rules of numbers that are dialled within the chosen countries."""
    import phonenumbers

    plans: dict[tuple[str, str], list[str]] = {}
    for country in dict.fromkeys((spec.country, *spec.countries)):
        plan = national_plan(country)
        if plan:
            american = phonenumbers.country_code_for_region(country) == _NORTH_AMERICA
            ways = (_AMERICAN, _AMERICAN_BARE) if american else (_PARTED, _LOCAL)
            plans.setdefault(ways, []).append(plan)
    for (parted, any_way), known in plans.items():
        plan = any_of(known) + _EXTENDED
        yield _rule(parted, 0.8, plan, validated=True, context=_CONTEXT, context_score=0.95,
                    against=_OTHER, against_score=0.5)  # fmt: skip
        yield _rule(any_way, 0.2, plan, validated=True, context=_CONTEXT, context_score=0.75,
                    against=_OTHER, against_score=0.1)  # fmt: skip


def _rule(pattern: str, score: float, compact: str, **more: Any) -> Rule:  # noqa: ANN401 - Rule's own
    return Rule("phone", "PHONE_NUMBER", pattern, score, compact=compact, apart=_APART, **more)
