"""From what a column holds and is called to the role that is suggested, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from strongroom.data import Role, image_column
from strongroom.discover._found import percent
from strongroom.discover.columns import _shapes as shapes
from strongroom.discover.columns._headers import Meaning, Named, is_key, is_person_key, meanings

if TYPE_CHECKING:
    from collections.abc import Callable

    from strongroom.discover.columns._profile import Profile


@dataclass(frozen=True)
class Verdict:
    """A role and the words for it.

    Attributes:
        role: suggested.
        looks_like: what the values are.
        reason: why, in words.
        entity: what the whole column is, where it is one entity that no recognizer counts.
        share: share of the values that look like `entity`.
        confidence: of that.
        free_text: redact what is found inside.
        measured: the reason is completed by how many rows the column singles out.
    """

    role: Role
    looks_like: str
    reason: str
    entity: str = ""
    share: float = 0.0
    confidence: float = 0.0
    free_text: bool = False
    measured: bool = False


_LABELS = {
    "EMAIL_ADDRESS": "e-mail address",
    "PHONE_NUMBER": "phone number",
    "CREDIT_CARD": "payment card",
    "IBAN_CODE": "bank account (IBAN)",
    "US_SSN": "US SSN",
    "NATIONAL_ID": "national id",
    "IP_ADDRESS": "IP address",
    "SECRET": "secret",
    "URL": "web address",
    "DOMAIN_NAME": "domain name",
}
IDENTIFYING = frozenset(_LABELS)
"""Entities that by themselves lead to one person."""
# A web page is one person's or everybody's: only many different ones point at people.
_PUBLIC = frozenset({"URL", "DOMAIN_NAME"})
_MOSTLY, _HALF, _SOME = 0.7, 0.5, 0.2
_KEY_UNIQUE = 0.999
_PERSON_KEY_DISTINCT, _PERSON_KEY_SHARE = 50, 0.05
_MOST_CLASSES = 20
_FEW_VALUES = 60


def judge(profile: Profile) -> Verdict:
    """Suggest a role for one column by itself; target and measurement come later, in `scan`."""
    if not profile.present:
        return Verdict(Role.IGNORE, "empty", "no values")
    named = meanings(profile.header)
    rules = (
        _by_image,
        _by_values,
        _by_name_of_person,
        _by_address,
        _by_key,
        _by_sentences,
        _by_knowledge,
        _by_listed_values,
    )
    return next(filter(None, (rule(profile, named) for rule in rules)), None) or _feature(profile)


def looks(profile: Profile) -> str:
    """Describe plain values in a word or two."""
    if profile.free_text:
        return "free text"
    if profile.kind == "boolean" or profile.distinct == 2:  # noqa: PLR2004 - yes and no
        return "2 classes"
    if profile.kind in {"integer", "float", "other"}:
        return "number" if profile.kind != "other" else str(profile.values.type)
    if profile.kind == "date" or profile.whole_share("DATE_TIME") >= _HALF:
        return "date"
    if profile.distinct <= _FEW_VALUES or profile.distinct_share < _SOME:
        return f"category ({profile.distinct:,})"
    return "text"


def _unique(profile: Profile) -> str:
    return f"unique in {percent(profile.unique_share)} of rows"


def _by_image(profile: Profile, _named: tuple[Named, ...]) -> Verdict | None:
    if profile.kind != "other" or not pa.types.is_binary(profile.values.type):
        return None
    if image_column(pa.table({"image": profile.values[:1]})) is None:
        return None
    reason = "not looked into: what pixels show is not known here, what the files say is dropped"
    return Verdict(Role.FEATURE, "image", reason)


def _by_values(profile: Profile, named: tuple[Named, ...]) -> Verdict | None:
    """Values that are nothing but an e-mail address, a card number and so on."""
    if profile.free_text:
        return None
    shares = {e: profile.whole_share(e) for e in profile.tallies if e in IDENTIFYING}
    together = sum(shares.values())
    if together < _HALF:
        # A column that says what it holds needs fewer values that a recognizer can read.
        said = [n for n in named if n.meaning is Meaning.IDENTIFIER]
        if said and profile.distinct_share >= _HALF and profile.distinct > 2:  # noqa: PLR2004 - yes and no
            reason = f"the name says so, {_unique(profile)}"
            entity, sure = said[0].entity, 0.6
            return Verdict(
                Role.DIRECT_IDENTIFIER, said[0].label, reason, entity, profile.distinct_share, sure
            )
        return None
    best = max(sorted(shares), key=lambda e: shares[e])
    if best in _PUBLIC and profile.distinct_share < _HALF:
        return None
    tally = profile.tallies[best]
    checked = "validated" if tally.validated >= _MOSTLY * tally.values else "shape and context"
    label = _LABELS[best]
    if shares[best] < _HALF:
        label = " or ".join(_LABELS[e] for e in sorted(shares, key=lambda e: -shares[e])[:2])
    return Verdict(Role.DIRECT_IDENTIFIER, label, f"{checked}, {_unique(profile)}")


def _by_name_of_person(profile: Profile, named: tuple[Named, ...]) -> Verdict | None:
    if profile.kind != "text" or profile.free_text or profile.distinct < 2:  # noqa: PLR2004 - a constant names nobody
        return None
    shaped = profile.share(shapes.NAME_SHAPE)
    if shaped < _MOSTLY:
        return None
    said = {n.meaning for n in named}
    known = profile.given_names
    full = profile.share(shapes.FULL_NAME)
    varied = profile.distinct_share >= _HALF or profile.distinct >= _PERSON_KEY_DISTINCT
    if Meaning.PERSON in said:
        sure, why = 0.9, "the column's name, and values that look like names"
    elif Meaning.NAME in said and varied and (known >= _SOME or full >= _MOSTLY):
        sure, why = 0.8, "the column's name, and values that look like people's names"
    elif varied and known >= _HALF and full >= _HALF:
        sure, why = 0.7, f"{percent(known)} hold a common given name"
    else:
        return None
    reason = f"{why}, {_unique(profile)}"
    return Verdict(Role.DIRECT_IDENTIFIER, "person's name", reason, "PERSON", shaped, sure)


def _by_address(profile: Profile, named: tuple[Named, ...]) -> Verdict | None:
    if profile.kind != "text":
        return None
    shaped = profile.share(shapes.ADDRESS)
    said = any(n.meaning is Meaning.ADDRESS for n in named)
    if shaped >= _HALF:
        why = "house number and street"
    elif said and (profile.share(shapes.ADDRESSED) >= _HALF or profile.distinct_share >= _HALF):
        why, shaped = "the column's name", max(shaped, profile.share(shapes.ADDRESSED))
    else:
        return None
    reason = f"{why}, {_unique(profile)}"
    return Verdict(Role.DIRECT_IDENTIFIER, "street address", reason, "STREET_ADDRESS", shaped, 0.8)


def _by_key(profile: Profile, named: tuple[Named, ...]) -> Verdict | None:
    if profile.kind not in {"text", "integer"} or profile.distinct < 2:  # noqa: PLR2004 - a constant is no key
        return None
    uuid = profile.share(shapes.UUID) >= _MOSTLY
    header = profile.header
    if not (uuid or any(n.meaning is Meaning.KEY for n in named)):
        return None
    if profile.kind == "text" and not uuid and profile.share(shapes.CODE) < _MOSTLY:
        return None
    if profile.distinct_share >= _KEY_UNIQUE:
        label = "UUID" if uuid else "row key"
        return Verdict(
            Role.DIRECT_IDENTIFIER, label, "a key, different in every row", "ID", 1.0, 0.8
        )
    many = profile.distinct >= _PERSON_KEY_DISTINCT or profile.distinct_share >= _HALF
    if (
        is_key(header)
        and is_person_key(header)
        and many
        and profile.distinct_share >= _PERSON_KEY_SHARE
    ):
        most = profile.most
        reason = f"one value a person, up to {most:,} rows each: it may be the subject"
        return Verdict(Role.DIRECT_IDENTIFIER, "key of a person", reason, "ID", 1.0, 0.8)
    return None


def _by_sentences(profile: Profile, _named: tuple[Named, ...]) -> Verdict | None:
    if not profile.free_text:
        return None
    inside = sorted(profile.tallies.items(), key=lambda t: (-t[1].spans, t[0]))
    if inside:
        said = ", ".join(f"{tally.spans:,} {entity}" for entity, tally in inside[:3])
        reason = f"people's sentences; holds {said}: redacted inside"
    else:
        reason = "people's sentences; names inside aren't found without a model"
    return Verdict(Role.FEATURE, "free text", reason, free_text=True)


def _by_knowledge(profile: Profile, named: tuple[Named, ...]) -> Verdict | None:
    """Dates of birth, postal codes, known quasi-identifiers, sensitive facts."""
    for known in named:
        handler = _KNOWN.get(known.meaning)
        verdict = handler(profile, known) if handler else None
        if verdict:
            return verdict
    if profile.whole_share("DATE_OF_BIRTH") >= _HALF:
        return Verdict(Role.QUASI_IDENTIFIER, "date of birth", "known to others", measured=True)
    return None


def _birth(profile: Profile, known: Named) -> Verdict | None:
    dated = profile.kind == "date" or max(
        profile.whole_share("DATE_OF_BIRTH"), profile.whole_share("DATE_TIME")
    )
    if not dated:
        return None
    return Verdict(
        Role.QUASI_IDENTIFIER, known.label, "known to others", known.entity, 1.0, 0.9, measured=True
    )


def _zip(_profile: Profile, known: Named) -> Verdict:
    return Verdict(
        Role.QUASI_IDENTIFIER, known.label, "known to others", known.entity, 1.0, 0.8, measured=True
    )


def _quasi(profile: Profile, known: Named) -> Verdict:
    reason = known.reason or "known to others"
    entity = ("AGE", 1.0, 0.8) if known.entity == "AGE" else ("", 0.0, 0.0)
    label = known.label if known.label and known.label != "sex" else looks(profile)
    return Verdict(Role.QUASI_IDENTIFIER, label, reason, *entity, measured=True)


def _sensitive(profile: Profile, known: Named) -> Verdict:
    label = known.label or looks(profile)
    if known.reason.startswith("health") and profile.share(shapes.ICD_ANY) >= _MOSTLY:
        coded = profile.share(r"^[A-TV-Z]\d") >= _HALF
        label = f"category (ICD-{10 if coded else 9})"
    return Verdict(Role.SENSITIVE, label, known.reason)


_KNOWN: dict[Meaning, Callable[[Profile, Named], Verdict | None]] = {
    Meaning.BIRTH: _birth,
    Meaning.ZIP: _zip,
    Meaning.QUASI: _quasi,
    Meaning.SENSITIVE: _sensitive,
}


def _by_listed_values(profile: Profile, _named: tuple[Named, ...]) -> Verdict | None:
    """Values that tell what they are whatever the column is called."""
    if profile.share(shapes.ICD10) >= _HALF:
        return Verdict(Role.SENSITIVE, "category (ICD-10)", "health (GDPR Art. 9)")
    for known, label, reason in (
        (shapes.SEXES, "sex", "known to others"),
        (shapes.RACES, "ethnic origin", "ethnic origin (special category, GDPR Art. 9)"),
        (shapes.MARITAL, "marital status", "known to others"),
        (shapes.STATES, "US state", "known to others"),
    ):
        if profile.values_within(known, _FEW_VALUES):
            return Verdict(Role.QUASI_IDENTIFIER, label, reason, measured=True)
    return None


def _feature(profile: Profile) -> Verdict:
    plain = Verdict(Role.FEATURE, looks(profile), "nothing personal seen")
    held = {e: t.values for e, t in profile.tallies.items() if e in IDENTIFYING}
    if held and profile.kind == "text":
        most = max(sorted(held), key=lambda e: held[e])
        share = percent(held[most] / profile.present)
        return replace(
            plain, reason=f"{_LABELS[most]} in {share} of rows: redacted inside", free_text=True
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
    called = [
        i for i in fit if any(n.meaning is Meaning.TARGET for n in meanings(profiles[i].header))
    ]
    if called:
        return called[-1]
    last = len(profiles) - 1
    if last in fit and profiles[last].distinct == 2 and verdicts[last].role is Role.FEATURE:  # noqa: PLR2004 - two classes
        return last
    return None
