"""What the name of a column says: about people, and which kind of fact.

Patterns are held against the name as words ("homePhone_2" is read "home phone 2").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from strongroom.discover._spans import header_words


class Meaning(StrEnum):
    """What a name of a column may mean."""

    PERSON = "person's name"
    NAME = "name"
    ADDRESS = "postal address"
    IDENTIFIER = "identifier"
    KEY = "key"
    BIRTH = "date of birth"
    ZIP = "postal code"
    QUASI = "quasi-identifier"
    SENSITIVE = "sensitive"
    TARGET = "target"


@dataclass(frozen=True)
class Named:
    """A meaning, what the column then looks like, its entity if it has one, and the reason.

    Attributes:
        meaning: the kind of fact.
        label: what to call it.
        entity: of identifiers.
        reason: why the role is suggested, without the measured part.
    """

    meaning: Meaning
    label: str
    entity: str = ""
    reason: str = ""


# A pattern may be broken anywhere: ends of lines and the spaces that begin one don't count.
# What comes first is tried first: names of people, where they live, numbers that stand for one
# person, targets, facts that others may know, and what harms when it comes out.
_TABLE: tuple[tuple[str, Named], ...] = (
    (
        r"""
        (?:first|given|fore|middle|last|family|sur|sir|maiden|full|birth|nick|patient|
        customer|client|employee|person|member|student|contact|user|legal|mother|father|
        spouse|doctor|physician|teacher|owner|holder|cardholder|guest|applicant|
        candidate)(?:'?s)? ?(?:name|maiden)|(?:fore|sur|last|first|full)names?|fname|lname|
        vorname|nachname|familienname|pr[eé]nom|nom de famille|apellidos?|nombre completo|
        cognome|mothers maiden
        """,
        Named(Meaning.PERSON, "person's name", entity="PERSON"),
    ),
    (
        r"""
        name|names|nom|nombre|patient|customer|client|employee|person|author|contact|owner|
        doctor|physician|applicant|holder|recipient|sender|beneficiary|guardian|kunde
        """,
        Named(Meaning.NAME, "person's name", entity="PERSON"),
    ),
    (
        r"""
        (?:street|home|postal|mailing|billing|shipping|residential|delivery|
        work)? ?addr(?:ess)?(?: ?(?:line)? ?\d)?|street(?: name)?|stra(?:ss|ß)e|adresse|
        anschrift|direcci[oó]n|indirizzo|rue|calle
        """,
        Named(Meaning.ADDRESS, "street address", entity="STREET_ADDRESS"),
    ),
    (
        r"""
        e ?mail(?: address)?s?|mail address|correo(?: electr[oó]nico)?
        """,
        Named(Meaning.IDENTIFIER, "e-mail address", entity="EMAIL_ADDRESS"),
    ),
    (
        r"""
        (?:tele)?phone(?: (?:number|no|nr))?|mobile(?: (?:number|no))?|cell(?:phone)?|fax|
        tel|telefon|telefono|teléfono|handy
        """,
        Named(Meaning.IDENTIFIER, "phone number", entity="PHONE_NUMBER"),
    ),
    (
        r"""
        ssn|social security(?: (?:number|no|num))?
        """,
        Named(Meaning.IDENTIFIER, "US SSN", entity="US_SSN"),
    ),
    (
        r"""
        iban|(?:bank )?account (?:number|no|nr|num)|bank account|kontonummer|routing number
        """,
        Named(Meaning.IDENTIFIER, "bank account", entity="IBAN_CODE"),
    ),
    (
        r"""
        (?:credit|debit|payment) ?card(?: (?:number|no|num))?|card (?:number|no|num)|
        cc ?(?:number|num|no)|pan
        """,
        Named(Meaning.IDENTIFIER, "payment card", entity="CREDIT_CARD"),
    ),
    (
        r"""
        national id(?:entity)?(?: number)?|national insurance(?: number)?|nino|
        passport(?: (?:number|no))?|driver'?s? licen[cs]e(?: (?:number|no))?|
        licen[cs]e (?:number|no|plate)|number plate|tax (?:id|number)|tin|personal number|
        personnummer|cpf|pesel|bsn|nhs(?: number)?|aadhaar|identity (?:card|number)|
        id (?:card|number)
        """,
        Named(Meaning.IDENTIFIER, "national id", entity="NATIONAL_ID"),
    ),
    (
        r"""
        mrn|medical record(?: (?:number|no))?|health plan(?: (?:number|no|id))?|
        insurance (?:number|no|id)|policy (?:number|no)|beneficiary (?:number|id)|
        device (?:id|serial|identifier)|serial (?:number|no)|imei|imsi|mac address|vin|
        vehicle id|advertising id|idfa|gaid
        """,
        Named(Meaning.IDENTIFIER, "identifying number", entity="ID"),
    ),
    (
        r"""
        user ?name|login|screen name|handle|twitter|instagram|facebook|linkedin|skype
        """,
        Named(Meaning.IDENTIFIER, "account name", entity="USERNAME"),
    ),
    (
        r"""
        ip(?: ?v[46])?(?: addr(?:ess)?)?
        """,
        Named(Meaning.IDENTIFIER, "IP address", entity="IP_ADDRESS"),
    ),
    (
        r"""
        pass ?words?|passwd|pwd|secret|api key|access token|private key
        """,
        Named(Meaning.IDENTIFIER, "secret", entity="SECRET"),
    ),
    (
        r"""
        target|labels?|class|classification|outcome|y|churn(?:ed)?|default(?:ed)?|
        readmitted|survived|response|income|approved|fraud|is fraud
        """,
        Named(Meaning.TARGET, ""),
    ),
    (
        r"""
        dob|(?:date|day) of birth|birth ?(?:date|day)|birth|geburtsdatum|
        fecha de nacimiento|date de naissance|data di nascita
        """,
        Named(Meaning.BIRTH, "date of birth", entity="DATE_OF_BIRTH"),
    ),
    (
        r"""
        zip(?: ?code)?|post(?:al)? ?code|plz|postleitzahl|code postal|c[oó]digo postal|cap
        """,
        Named(Meaning.ZIP, "postal code", entity="ZIP_CODE"),
    ),
    (
        r"""
        race|ethnic(?:ity)?|ethnic (?:group|origin)|hautfarbe|skin colou?r|tribe|caste
        """,
        Named(Meaning.QUASI, "", reason="ethnic origin (special category, GDPR Art. 9)"),
    ),
    (
        r"""
        age|ages|age (?:years|group|band|range|cat(?:egory)?)|alter|edad|[âa]ge|years old|
        birth year|year of birth|yob
        """,
        Named(Meaning.QUASI, "age", entity="AGE"),
    ),
    (
        r"""
        sex|gender|geschlecht|sexo|genre|sesso|personal status(?: sex)?
        """,
        Named(Meaning.QUASI, "sex"),
    ),
    (
        r"""
        education(?: (?:num|years|level))?|degree|schooling|school|qualification|university|
        marital(?: status)?|civil status|familienstand|relationship|household(?: size)?|
        (?:number of |num )?(?:children|dependents|dependants)|family size|occupation|
        profession|job(?: title)?|beruf|work ?class|employment(?: (?:status|since))?|
        present employment(?: since)?|employer|industry|sector|title|military|veteran
        """,
        Named(Meaning.QUASI, ""),
    ),
    (
        r"""
        (?:native |home |birth )?country(?: of (?:birth|origin))?|nationality|citizenship|
        foreign(?: ?worker)?|immigrant|place of birth|birth ?place|languages?|mother tongue|
        city|town|village|municipality|county|district|province|region|state(?: full)?|
        neighbou?rhood|borough|residence(?: since)?|housing|location|lat(?:itude)?|
        lon(?:gitude)?|lng|height(?: cm)?|weight(?: kg)?|(?:admission|discharge|visit|death|
        hire|joining) date|date of (?:admission|discharge|death|hire)
        """,
        Named(Meaning.QUASI, ""),
    ),
    (
        r"""
        diag(?:nos[ei]s|nostic)?(?: \d| code)?|icd ?(?:9|10)?(?: code)?|disease|illness|
        symptoms?|condition|comorbidit(?:y|ies)|treatment|therapy|medications?|drugs?|
        prescriptions?|medical (?:condition|history|specialty)|health(?: status)?|
        hiv(?: status)?|disab(?:ility|led)|pregnan(?:t|cy)|bmi|blood (?:type|group|pressure|
        sugar)|glucose|max glu serum|a1 ?c(?:result)?|hba1c|cholesterol|allerg(?:y|ies)|
        mental health|smok(?:er|ing)|alcohol|insulin|diabetes(?: ?med)?|cancer|stroke|
        heart disease|hypertension|lab (?:result|test)|test results?|pathology|krankheit|
        diagnose|maladie|enfermedad
        """,
        Named(Meaning.SENSITIVE, "", reason="health (GDPR Art. 9)"),
    ),
    (
        r"""
        religion|religious(?: belief| affiliation)?|faith|church|denomination|konfession|
        caste
        """,
        Named(
            Meaning.SENSITIVE, "religion", entity="NRP", reason="religion or belief (GDPR Art. 9)"
        ),
    ),
    (
        r"""
        politic(?:al|s)(?: (?:party|opinion|view|affiliation|leaning))?|party affiliation|
        vot(?:e|ed|ing)|party
        """,
        Named(
            Meaning.SENSITIVE,
            "political opinion",
            entity="NRP",
            reason="political opinion (GDPR Art. 9)",
        ),
    ),
    (
        r"""
        sexual (?:orientation|preference)|orientation|sex life|lgbtq?
        """,
        Named(Meaning.SENSITIVE, "sexual orientation", reason="sexual orientation (GDPR Art. 9)"),
    ),
    (
        r"""
        (?:trade |labou?r )?union(?: member(?:ship)?)?|gewerkschaft
        """,
        Named(Meaning.SENSITIVE, "trade union", reason="trade union membership (GDPR Art. 9)"),
    ),
    (
        r"""
        genotype|genome|genetic(?:s| data| marker)?|dna|snp|mutation|biometric(?:s)?|
        fingerprint|face ?(?:print|id|embedding)|retina|voice ?print
        """,
        Named(Meaning.SENSITIVE, "", reason="genetic or biometric (GDPR Art. 9)"),
    ),
    (
        r"""
        (?:criminal|arrest)(?: (?:record|history))?|arrests?|convict(?:ed|ion)s?|
        offen[cs]es?|felony|recidivism|is recid|crime
        """,
        Named(Meaning.SENSITIVE, "", reason="criminal record (GDPR Art. 10)"),
    ),
    (
        r"""
        (?:annual |monthly |yearly |gross |net |base |total )?(?:salary|wages?|income|pay|
        earnings|compensation|bonus)|net worth|wealth|gehalt|einkommen|salaire|salario|
        credit ?(?:score|rating|history|amount)|debts?|savings(?: status)?|
        checking(?: account)?(?: status)?|loan amount|(?:account )?balance
        """,
        Named(Meaning.SENSITIVE, "", reason="income or wealth, harmful when it comes out"),
    ),
)
_PATTERNS = tuple((re.compile(re.sub(r"\n\s*", "", lines)), named) for lines, named in _TABLE)
# "user_id" is a person's key; "row_id" and "uuid" are keys of whatever the rows are.
_PERSON_WORDS = frozenset({
    "patient", "customer", "client", "user", "person", "member", "employee", "subject",
    "account", "student", "citizen", "household", "individual", "participant", "respondent",
    "applicant", "guest", "policyholder", "driver", "visitor", "encounter",
})  # fmt: skip
_KEY_WORDS = frozenset({
    "id", "ids", "nr", "nbr", "no", "num", "number", "key", "uuid", "guid", "code",
    "identifier", "pk", "ref",
})  # fmt: skip
# Around the words that carry the meaning, these change nothing.
_AROUND = re.compile(
    r"^(?:(?:the|customer|client|patient|user|employee|person|member|student|my|home|work|primary|"
    r"secondary|main|billing|shipping|contact|alternate|emergency|personal|current|applicant|raw|"
    r"src|dst|source|destination|remote|last|other|login) )+|(?: (?:\d+|number|no|num|value|code|"
    r"raw|full|text|status|type|name|hash))+$"
)


@lru_cache(maxsize=4096)
def meanings(header: str) -> tuple[Named, ...]:
    """Return what the name of a column may mean, most telling first.

    A dotted path that says nothing as a whole is taken by its end: `contact.email`.
    """
    found = _meanings(header)
    return found or (_meanings(header.rpartition(".")[2]) if "." in header else ())


def _meanings(header: str) -> tuple[Named, ...]:
    full = header_words(header)
    bare = _AROUND.sub("", full)
    found = [
        named
        for pattern, named in _PATTERNS
        if pattern.fullmatch(full) or (bare and pattern.fullmatch(bare))
    ]
    if is_key(full):
        found.append(Named(Meaning.KEY, "key", "ID"))
    return tuple(found)


def is_key(header: str) -> bool:
    """Say whether the name ends like the name of a key: `id`, `patient_nbr`, `customerKey`."""
    said = header_words(header).split()
    return bool(said) and (
        said[-1] in _KEY_WORDS or said[0] in {"id", "uuid", "guid", "index"} or said[-1] == "index"
    )


def is_person_key(header: str) -> bool:
    """Say whether the key is named for a person: one person may then have many rows."""
    said = header_words(header).split()
    return is_key(header) and bool(_PERSON_WORDS.intersection(said))
