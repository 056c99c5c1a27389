"""Names of people, and what is said of them in a word: titles, sex, age, birth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.data import Role
from strongroom.discover.columns import _shapes as shapes
from strongroom.discover.columns._fits import (
    ages,
    being,
    birth_dates,
    both,
    dated,
    either,
    few,
    found,
    full_name,
    holding,
    named,
    number,
    only,
    people_alone,
    sexes,
    shaped,
    spread_like_ages,
    varied,
)
from strongroom.discover.columns._sort import Sort
from strongroom.discover.columns._words import (
    ETHNIC,
    ETHNIC_OR_COLOUR,
    HONORIFICS,
    LANGUAGES,
    MARITAL,
    nationalities,
)

if TYPE_CHECKING:
    from strongroom.discover.columns._profile import Profile

_DIRECT, _QUASI = Role.DIRECT_IDENTIFIER, Role.QUASI_IDENTIFIER
_KNOWN = "known to others"
_MOSTLY = 0.7


def _people(profile: Profile) -> float:
    """Fit values that are people's names, and not just any names."""
    varies = profile.distinct_share >= 0.5 or profile.distinct >= 50  # noqa: PLR2004
    people = profile.given_names >= 0.2 or full_name(profile) >= _MOSTLY  # noqa: PLR2004
    return named(profile) if varies and people else 0.0


def _ethnic(profile: Profile) -> float:
    sure = holding(ETHNIC - ETHNIC_OR_COLOUR)(profile) > 0
    return few(holding(ETHNIC))(profile) if sure else 0.0


def _nationality(profile: Profile) -> float:
    """Fit nationalities, of which some are no languages."""
    if being(LANGUAGES)(profile) >= 0.9:  # noqa: PLR2004
        return 0.0
    return few(being(nationalities()), 200)(profile)


PEOPLE = (
    Sort(
        "honorific",
        "form of address",
        _QUASI,
        r"""
        salutation|honorific|mr mrs|anrede|civilite|tratamiento|aanhef|courtesy title
        """,
        exactly="title|(?:name )?prefix|titel|titre|titulo|titolo",
        reason="tells the sex, and often marriage",
        entity="TITLE",
        fits=few(only(HONORIFICS)),
        alone=0.9,
    ),
    Sort(
        "given_name",
        "given name",
        _DIRECT,
        r"""
        (?:first|given|fore|christian|middle|preferred) ?names?|f ?name|forename|m ?name|
        vorname(?:n)?|rufname|prenoms?|(?:primer |segundo )?nombre(?: de pila)?|nombres|
        (?:primo )?nome|voornaam|voornamen|roepnaam|first nm|frst nm
        """,
        exactly="first|given",
        entity="PERSON",
        fits=named,
        named=_MOSTLY,
    ),
    Sort(
        "family_name",
        "family name",
        _DIRECT,
        r"""
        (?:last|family|sur|maiden|birth|second) ?names?|l ?name|surname|last nm|sur nm|
        (?:mother'?s? ?|father'?s? ?)?maiden(?: ?name)?|mothers? maiden(?: ?name)?|nachname|
        familienname|zuname|geburtsname|madchenname|nom de (?:famille|naissance|jeune fille)|
        apellidos?(?: (?:paterno|materno|de soltera))?|(?:primer|segundo) apellido|
        cognome(?: da nubile)?|achternaam|familienaam|meisjesnaam|geslachtsnaam
        """,
        exactly="last|nom",
        entity="PERSON",
        fits=named,
        named=_MOSTLY,
    ),
    Sort(
        "initials",
        "initials",
        _DIRECT,
        r"""
        (?:middle )?initials?|m ?i|middle init|initialen|initiales|iniciales|iniziali|voorletters
        """,
        reason="part of the name",
        entity="PERSON",
        fits=shaped(r"^\s*(?:[^\W\d_]\.?[ -]?){1,4}\s*$|^[^\x00-\x7f]$"),
        named=_MOSTLY,
    ),
    Sort(
        "full_name",
        "person's name",
        _DIRECT,
        r"""
        (?:full|complete|display|real|legal|patient|customer|client|employee|person|member|student|
        contact|user|mother|father|spouse|doctor|physician|teacher|owner|holder|card ?holder|
        account ?holder|guest|applicant|candidate|author|provider|parent|guardian|beneficiary|
        recipient|sender|passenger|defendant|plaintiff|manager|supervisor|emergency contact|
        next of kin|insured)(?:'?s)? ?names?|name (?:of )?(?:patient|customer|client|employee)|
        cardholder|next of kin|voller name|vollstandiger name|vor und nachname|patientenname|
        kundenname|ansprechpartner|nom complet|nom et prenom|nom prenom|nombre completo|
        nombre y apellidos?|nome completo|nome e cognome|nominativo|volledige naam|naam|intestatario
        """,
        exactly=r"""
        namen|titular|names?|nom|nombre|nome|patient|customer|client|employee|person|author|contact|
        owner|doctor|physician|applicant|holder|recipient|sender|beneficiary|guardian|kunde|kundin|
        patientin|cliente|paciente|empleado|medecin|medico|arzt|paziente|dipendente|klant|werknemer|
        arts
        """,
        entity="PERSON",
        fits=_people,
        named=_MOSTLY,
    ),
    Sort(
        "full_name",
        "person's name",
        _DIRECT,
        entity="PERSON",
        fits=varied(both(full_name, lambda profile: profile.given_names), 4),
        alone=0.5,
    ),
    Sort(
        "full_name",
        "person's name",
        _DIRECT,
        entity="PERSON",
        fits=lambda profile: people_alone(profile, words=2),
        alone=1.0,
        blind=True,
    ),
    Sort(
        "given_name",
        "given name",
        _DIRECT,
        entity="PERSON",
        fits=lambda profile: people_alone(profile, words=1),
        alone=1.0,
        blind=True,
    ),
    Sort(
        "family_name",
        "family name",
        _DIRECT,
        entity="PERSON",
        fits=lambda profile: people_alone(profile, words=1, given=False),
        alone=1.0,
        blind=True,
    ),
    Sort(
        "initials",
        "initials",
        _DIRECT,
        reason="single letters of most of the alphabet",
        entity="PERSON",
        fits=varied(shaped(r"^\s*(?:[A-Z]|[^\x00-\x7f])\.?\s*$"), 14),
        alone=0.98,
        blind=True,
    ),
    Sort(
        "date_of_birth",
        "date of birth",
        _QUASI,
        r"""
        d ?o ?b|(?:date|day) of birth|birth ?(?:date|day|dt)|birth|born(?: on)?|b ?day|
        geburts ?(?:datum|tag)|geb ?dat(?:um)?|geboren(?: am)?|date (?:de )?naissance|ne e? le|
        (?:fecha (?:de )?)?nacimiento|fec ?nac|data (?:di )?nascita|nato il|geboorte ?datum|
        cumpleanos
        """,
        reason=_KNOWN,
        entity="DATE_OF_BIRTH",
        fits=dated,
    ),
    Sort(
        "date_of_birth",
        "date of birth",
        _QUASI,
        reason=_KNOWN + "; spread over decades, as birthdays are",
        entity="DATE_OF_BIRTH",
        fits=birth_dates,
        alone=0.9,
        blind=True,
    ),
    Sort(
        "date_of_birth",
        "date of birth",
        _QUASI,
        reason=_KNOWN,
        entity="DATE_OF_BIRTH",
        fits=found("DATE_OF_BIRTH"),
        alone=0.5,
    ),
    Sort(
        "birth_year",
        "year of birth",
        _QUASI,
        r"""
        (?:birth ?year|year ?(?:of )?birth|yob|born year|year born|geburtsjahr|jahrgang|
        annee (?:de )?naissance|ano (?:de )?nacimiento|anno (?:di )?nascita|geboortejaar)
        """,
        reason=_KNOWN,
        entity="DATE_OF_BIRTH",
        fits=number(1880, 2035),
    ),
    Sort(
        "age",
        "age",
        _QUASI,
        r"""
        ages?(?: (?:in )?(?:years?|yrs?|group|band|range|bracket|cat(?:egory)?|class|months))*|
        alter|(?:alters ?)(?:gruppe|klasse)|lebensalter|edad|(?:grupo de )edad|eta|
        (?:fascia di )eta|(?:tranche d )?age|leeftijd(?:sgroep)?|years old|(?:patient|respondent|
        customer) age|age yrs
        """,
        reason=_KNOWN,
        entity="AGE",
        fits=ages,
    ),
    Sort(
        "age",
        "age",
        _QUASI,
        reason=_KNOWN + "; spread as ages are",
        entity="AGE",
        fits=either(spread_like_ages, both(ages, few(shaped(shapes.AGE_RANGE)))),
        alone=0.9,
        blind=True,
    ),
    Sort(
        "sex",
        "sex",
        _QUASI,
        r"""
        sex(?: ?(?:code|at birth|assigned))?|gender(?: ?(?:identity|code))?|geschlecht|sexe|genre|
        sexo|genero|sesso|genere|geslacht|male female|m f|is ?(?:male|female)|(?:fe)?male
        """,
        reason=_KNOWN,
        entity="GENDER",
        fits=lambda profile: float(profile.distinct <= 20),  # noqa: PLR2004
    ),
    Sort("sex", "sex", _QUASI, reason=_KNOWN, entity="GENDER", fits=sexes, alone=0.9),
    Sort(
        "marital_status",
        "marital status",
        _QUASI,
        r"""
        marital(?: ?(?:status|state))?|marriage ?(?:status)?|civil ?(?:status|state)|married|
        personal status(?: (?:and )?sex)?|familienstand|etat civil|situation (?:matrimoniale|
        familiale)|estado civil|stato civile|burgerlijke staat|relationship status
        """,
        reason=_KNOWN,
        fits=lambda profile: float(profile.distinct <= 40),  # noqa: PLR2004
    ),
    Sort(
        "marital_status",
        "marital status",
        _QUASI,
        reason=_KNOWN,
        fits=few(holding(MARITAL)),
        alone=0.9,
    ),
    Sort(
        "ethnic_origin",
        "",
        _QUASI,
        r"""
        race(?: ?(?:ethnicity|eth|group|code))?|ethnic(?:ity)?(?: ?(?:group|origin|background|
        code))?|hispanic(?: origin)?|latino|hautfarbe|skin colou?r|tribe|caste|ancestry|
        (?:ethnische )?(?:herkunft|zugehorigkeit)|ethnie|origine ethnique|(?:grupo )?(?:etnia|
        etnico)|raza|razza|origine etnica|etniciteit|etnische afkomst|indigenous(?: status)?
        """,
        reason="ethnic origin (special category, GDPR Art. 9)",
        entity="NRP",
    ),
    Sort(
        "ethnic_origin",
        "ethnic origin",
        _QUASI,
        reason="ethnic origin (special category, GDPR Art. 9)",
        entity="NRP",
        fits=_ethnic,
        alone=0.9,
    ),
    Sort(
        "nationality",
        "nationality",
        _QUASI,
        r"""
        nationalit(?:y|ies|e|at)|citizenship|citizen of|name ?set|staatsangehorigkeit|
        staatsburgerschaft|nationalitat|citoyennete|nacionalidad|ciudadania|nazionalita|
        cittadinanza|nationaliteit|foreign(?: ?(?:worker|er|born))?|immigra(?:nt|tion)(?: status)?|
        visa(?: ?(?:status|type))?|residency status|migrationshintergrund
        """,
        exactly="migrant",
        reason=_KNOWN,
        entity="NRP",
    ),
    Sort(
        "nationality",
        "nationality",
        _QUASI,
        reason=_KNOWN,
        entity="NRP",
        fits=_nationality,
        alone=0.9,
    ),
)
