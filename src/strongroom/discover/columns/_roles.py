"""From what a column holds and is called to its sort, the role that is suggested, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from strongroom.data import Role, image_column
from strongroom.discover._found import percent
from strongroom.discover.columns import _shapes as shapes
from strongroom.discover.columns._fits import anything, dated, sequence
from strongroom.discover.columns._headers import TAIL, WHOLE, is_key, is_person_key, said
from strongroom.discover.columns.sorts import SORTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from strongroom.discover.columns._profile import Profile
    from strongroom.discover.columns._sort import Sort


@dataclass(frozen=True)
class Verdict:
    """A role and the words for it.

    Attributes:
        role: suggested.
        looks_like: what the values are.
        reason: why, in words.
        sort: the name of what the column holds.
        entity: what the whole column is, where it is one entity that no recognizer counts.
        share: share of the values that look like `entity`.
        confidence: of that.
        free_text: redact what is found inside.
        measured: the reason is completed by how many rows the column singles out.
    """

    role: Role
    looks_like: str
    reason: str
    sort: str
    entity: str = ""
    share: float = 0.0
    confidence: float = 0.0
    free_text: bool = False
    measured: bool = False


# What a recognizer finds, the sort of a column of it, and what to call it.
_ENTITIES = {
    "EMAIL_ADDRESS": ("email", "e-mail address"),
    "PHONE_NUMBER": ("phone", "phone number"),
    "CREDIT_CARD": ("card_number", "payment card"),
    "IBAN_CODE": ("iban", "bank account (IBAN)"),
    "US_SSN": ("us_ssn", "US SSN"),
    "NATIONAL_ID": ("national_id", "national id"),
    "IP_ADDRESS": ("ip_address", "IP address"),
    "SECRET": ("secret", "secret"),
    "URL": ("url", "web address"),
    "DOMAIN_NAME": ("domain", "domain name"),
    "MAC_ADDRESS": ("device", "MAC address"),
    "DEVICE_ID": ("device", "device"),
    "VIN": ("vehicle", "vehicle (VIN)"),
    "LICENSE_PLATE": ("vehicle", "licence plate"),
    "CRYPTO": ("wallet", "crypto wallet"),
    "TAX_ID": ("national_id", "tax number"),
    "US_ITIN": ("national_id", "tax number"),
    "PASSPORT": ("national_id", "passport"),
    "DRIVER_LICENSE": ("national_id", "driving licence"),
    "LICENSE_NUMBER": ("national_id", "licence"),
    "US_BANK_NUMBER": ("iban", "bank account"),
    "US_MBI": ("medical_number", "Medicare number"),
    "US_NPI": ("medical_number", "number of a doctor"),
    "MEDICAL_LICENSE": ("medical_number", "licence of a doctor"),
    "MEDICAL_RECORD_NUMBER": ("medical_number", "medical record number"),
    "HEALTH_INSURANCE_ID": ("medical_number", "health insurance number"),
    "EMPLOYEE_ID": ("person_key", "key of a person"),
    "USERNAME": ("username", "account name"),
    "STREET_ADDRESS": ("street_address", "street address"),
}
IDENTIFYING = frozenset(_ENTITIES)
"""Entities that by themselves lead to one person."""
# A web page is one person's or everybody's: only many different ones point at people.
_PUBLIC = frozenset({"URL", "DOMAIN_NAME"})
_TARGET = re.compile(
    r"target|labels?|class|classification|outcome|y|churn(?:ed)?|default(?:ed)?|readmitted|"
    r"survived|response|income|approved|fraud|is fraud|two year recid|zielvariable|cible|objetivo"
)
_MOSTLY, _HALF, _SOME = 0.7, 0.5, 0.2
# Among so many values a few look like something by chance, where no checksum proves it.
_CHANCE = 0.01
_KEY_UNIQUE = 0.999
_PERSON_KEY_DISTINCT, _PERSON_KEY_SHARE = 50, 0.05
_MOST_CLASSES = 20
_FEW_VALUES = 60
_SURE, _NAMED, _SEEN = 0.9, 0.6, 0.7


def judge(profile: Profile) -> Verdict:
    """Suggest a role for one column by itself; target and measurement come later, in `scan`."""
    if not profile.present:
        return Verdict(Role.IGNORE, "empty", "no values", "empty")
    return next(filter(None, _rules(profile)))


def _rules(profile: Profile) -> Iterator[Verdict | None]:
    """Yield what each rule says, most telling first."""
    yield _by_image(profile)
    yield _by_entity(profile)
    direct = [s for s in SORTS if s.role is Role.DIRECT_IDENTIFIER]
    addresses = [s for s in direct if s.name == "street_address"]
    # Addresses have as many words as sentences have.
    yield _by_name(profile, addresses if profile.free_text else direct, WHOLE)
    yield _by_values(profile, addresses)
    yield _by_sentences(profile)
    yield _by_name(profile, SORTS, WHOLE)
    yield _by_key(profile)
    yield _by_name(profile, SORTS, TAIL)
    yield _by_sequence(profile)
    yield _by_values(profile, SORTS)
    yield _feature(profile)


def looks(profile: Profile) -> str:
    """Describe plain values in a word or two."""
    if profile.kind == "other":
        return str(profile.values.type)
    few = profile.distinct <= _FEW_VALUES or profile.distinct_share < _SOME
    said_ = (
        ("free text", profile.free_text),
        ("2 classes", profile.kind == "boolean" or profile.distinct == 2),  # noqa: PLR2004 - two
        ("number", profile.numbers is not None),
        ("date", dated(profile) >= _HALF),
        (f"category ({profile.distinct:,})", few),
    )
    return next((words for words, true in said_ if true), "text")


def _plain_sort(profile: Profile) -> str:
    return looks(profile).partition(" (")[0].replace("2 classes", "flag").replace(" ", "_")


def _unique(profile: Profile) -> str:
    return f"unique in {percent(profile.unique_share)} of rows"


def _by_image(profile: Profile) -> Verdict | None:
    if profile.kind != "other" or not pa.types.is_binary(profile.values.type):
        return None
    if image_column(pa.table({"image": profile.values[:1]})) is None:
        return None
    reason = "not looked into: what pixels show is not known here, what the files say is dropped"
    return Verdict(Role.FEATURE, "image", reason, "image")


def _by_entity(profile: Profile) -> Verdict | None:
    """Values that are nothing but an e-mail address, a card number and so on."""
    shares = {e: profile.whole_share(e) for e in profile.tallies if e in IDENTIFYING}
    if profile.free_text or sum(shares.values()) < _HALF:
        return None
    best = max(sorted(shares), key=lambda e: shares[e])
    if best in _PUBLIC and profile.distinct_share < _HALF:
        return None
    tally = profile.tallies[best]
    checked = "validated" if tally.validated >= _MOSTLY * tally.values else "shape and context"
    sort, label = _ENTITIES[best]
    if shares[best] < _HALF:
        label = " or ".join(_ENTITIES[e][1] for e in sorted(shares, key=lambda e: -shares[e])[:2])
    return Verdict(Role.DIRECT_IDENTIFIER, label, f"{checked}, {_unique(profile)}", sort)


def _by_name(profile: Profile, sorts: Sequence[Sort], least: float) -> Verdict | None:
    """What the column's name says, where the values don't contradict it."""
    for sort in sorts:
        called = sort.called(profile.header)
        if called < least:
            continue
        needed = sort.named if called == WHOLE else max(sort.named, _HALF)
        share = min(1.0, sort.fits(profile))
        alike = profile.distinct_share < sort.distinct or profile.distinct <= 2  # noqa: PLR2004 - yes and no
        if share < needed or (sort.distinct and alike):
            continue
        seen = share >= _HALF and sort.fits is not anything
        return _verdict(profile, sort, share, seen=seen, called=True)
    return None


def _by_sequence(profile: Profile) -> Verdict | None:
    if not said(profile.header).silent or not sequence(profile):
        return None
    reason = "whole numbers, different in every row"
    return Verdict(Role.DIRECT_IDENTIFIER, "row key", reason, "row_key", "ID", 1.0, _SEEN)


def _by_values(profile: Profile, sorts: Sequence[Sort]) -> Verdict | None:
    """What the values tell whatever the column is called."""
    silent = said(profile.header).silent
    for sort in sorts:
        if sort.alone <= 1 and (silent or not sort.blind):
            share = min(1.0, sort.fits(profile))
            if share >= sort.alone:
                return _verdict(profile, sort, share, seen=True, called=False)
    return None


def _verdict(profile: Profile, sort: Sort, share: float, *, seen: bool, called: bool) -> Verdict:
    if sort.reason:
        reason = sort.reason
    elif not called:
        reason = "what the values look like"
    else:
        reason = "the column's name, and values that look like it" if seen else "the name says so"
    if sort.role is Role.DIRECT_IDENTIFIER:
        reason = f"{reason}, {_unique(profile)}"
    confidence = (_SURE if seen else _NAMED) if called else _SEEN
    return Verdict(
        sort.role,
        _label(profile, sort),
        reason,
        sort.name,
        sort.entity,
        (share if seen else 1.0) if sort.entity else 0.0,
        confidence if sort.entity else 0.0,
        measured=sort.measured,
    )


def _label(profile: Profile, sort: Sort) -> str:
    if sort.name == "health" and profile.share(shapes.ICD_ANY) >= _MOSTLY:
        coded = profile.share(r"^[A-TV-Z]\d") >= _HALF
        return f"category (ICD-{10 if coded else 9})"
    return sort.label or looks(profile)


def _by_key(profile: Profile) -> Verdict | None:
    if profile.kind not in {"text", "integer"} or profile.distinct < 2:  # noqa: PLR2004 - a constant is no key
        return None
    uuid = profile.share(shapes.UUID) >= _MOSTLY
    header = profile.header
    if not (uuid or is_key(header)):
        return None
    if profile.kind == "text" and not uuid and profile.share(shapes.CODE) < _MOSTLY:
        return None
    if profile.distinct_share >= _KEY_UNIQUE:
        sort, label = ("uuid", "UUID") if uuid else ("row_key", "row key")
        reason = "a key, different in every row"
        return Verdict(Role.DIRECT_IDENTIFIER, label, reason, sort, "ID", 1.0, _SURE)
    many = profile.distinct >= _PERSON_KEY_DISTINCT or profile.distinct_share >= _HALF
    if many and is_person_key(header) and profile.distinct_share >= _PERSON_KEY_SHARE:
        reason = f"one value a person, up to {profile.most:,} rows each: it may be the subject"
        return Verdict(
            Role.DIRECT_IDENTIFIER, "key of a person", reason, "person_key", "ID", 1.0, _SURE
        )
    return None


def _by_sentences(profile: Profile) -> Verdict | None:
    if not profile.free_text:
        return None
    named = _by_name(profile, SORTS, WHOLE)
    if named is not None and named.role is not Role.DIRECT_IDENTIFIER:
        return replace(named, free_text=named.role is Role.SENSITIVE)
    inside = sorted(profile.tallies.items(), key=lambda t: (-t[1].spans, t[0]))
    if inside:
        held = ", ".join(f"{tally.spans:,} {entity}" for entity, tally in inside[:3])
        reason = f"people's sentences; holds {held}: redacted inside"
    else:
        reason = "people's sentences; nothing was found inside"
    return Verdict(Role.FEATURE, "free text", reason, "free_text", free_text=True)


def _feature(profile: Profile) -> Verdict:
    plain = Verdict(Role.FEATURE, looks(profile), "nothing personal seen", _plain_sort(profile))
    held = {
        e: t.values
        for e, t in profile.tallies.items()
        if e in IDENTIFYING and (t.validated or t.values >= _CHANCE * profile.present)
    }
    if held and profile.kind == "text":
        most = max(sorted(held), key=lambda e: held[e])
        share = percent(held[most] / profile.present)
        return replace(
            plain,
            reason=f"{_ENTITIES[most][1]} in {share} of rows: redacted inside",
            free_text=True,
        )
    if profile.kind in {"integer", "float", "text", "date"} and profile.unique_share >= _SOME:
        alone = percent(profile.unique_share)
        return replace(
            plain, reason=f"not known to others, but alone it singles out {alone} of rows"
        )
    return plain


def suggest_target(profiles: list[Profile], verdicts: list[Verdict]) -> int | None:
    """Return the column that is probably to be predicted: named so, or last with two values.

    Only the columns of the table itself count, with 2 to 20 classes and no identifier.
    """
    fit = [
        i
        for i, (p, v) in enumerate(zip(profiles, verdicts, strict=True))
        if p.aligned
        and p.name == p.source
        and 2 <= p.distinct <= _MOST_CLASSES  # noqa: PLR2004 - two classes at least
        and v.role not in {Role.DIRECT_IDENTIFIER, Role.IGNORE}
        and not v.free_text
    ]
    called = [i for i in fit if any(map(_TARGET.fullmatch, said(profiles[i].header).readings))]
    if called:
        return called[-1]
    last = len(profiles) - 1
    plain = {Role.FEATURE, Role.SENSITIVE}
    if last in fit and profiles[last].distinct == 2 and verdicts[last].role in plain:  # noqa: PLR2004 - two classes
        return last
    return None
