"""Where people live, work and were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.data import Role
from strongroom.discover.columns import _shapes as shapes
from strongroom.discover.columns._fits import (
    being,
    both,
    either,
    few,
    holding,
    number,
    regions,
    shaped,
    towns,
    varied,
)
from strongroom.discover.columns._sort import Sort
from strongroom.discover.columns._words import (
    REGIONS,
    STATES,
    STREET_ENDINGS,
    STREETS,
    countries,
    country_codes,
)

if TYPE_CHECKING:
    from strongroom.discover.columns._profile import Profile

_DIRECT, _QUASI = Role.DIRECT_IDENTIFIER, Role.QUASI_IDENTIFIER
_KNOWN = "known to others"


def _addressed(profile: Profile) -> float:
    """Fit values with letters and digits, or all different ones."""
    if profile.kind != "text":
        return 0.0
    return max(profile.share(shapes.ADDRESSED), profile.distinct_share)


def _street(_value: str, parts: list[str]) -> bool:
    """Say whether a house number and a word for street stand where they do in an address."""
    if len(parts) < 2:  # noqa: PLR2004 - a street and a number
        return False
    if parts[0][0].isdigit():
        return any(w in STREETS for w in parts[1:])
    street = any(w in STREETS or w.endswith(STREET_ENDINGS) for w in parts)
    return street and any(w[0].isdigit() for w in parts[1:])


PLACES = (
    Sort(
        "street_address",
        "street address",
        _DIRECT,
        r"""
        (?:street|home|postal|mailing|billing|shipping|residential|delivery|work|full|permanent|
        physical|current|house)? ?addr(?:ess)?(?: ?(?:line)? ?\d)?|addr(?:ess)? ?(?:line|ln|
        street)(?: ?\d)?|street(?: ?(?:name|1|2|line))?|str(?:asse)?|
        strasse(?: und)?(?: hausnummer| nr)?|(?:post|wohn)?adresse(?: (?:postale|complete))?|
        anschrift|wohnort adresse|rue|voie|direccion(?: postal)?|domicilio|calle|
        indirizzo(?: di residenza)?|via|(?:straat|woon|post)?adres|straat(?: ?naam)?|
        residence address
        """,
        entity="STREET_ADDRESS",
        fits=_addressed,
    ),
    Sort(
        "street_address",
        "street address",
        _DIRECT,
        reason="house number and street",
        entity="STREET_ADDRESS",
        fits=either(shaped(shapes.ADDRESS), lambda profile: profile.said(_street)),
        alone=0.5,
    ),
    Sort(
        "postal_code",
        "postal code",
        _QUASI,
        r"""
        zip ?(?:code|5|4|cd)?|post(?:al)? ?(?:code|cd)|pin ?code|p ?code|eircode|plz|postleitzahl|
        (?:code|cp) postal|cp|(?:codigo|cod) postal|cap|codice (?:di avviamento )?postale|postcode|
        post ?nummer|zip ?3
        """,
        reason=_KNOWN,
        entity="ZIP_CODE",
        fits=either(shaped(r"\d"), number(100, 1e9), shaped(r"^\s*[A-Z0-9 -]{3,10}\s*$")),
    ),
    Sort(
        "latitude",
        "coordinates",
        _QUASI,
        r"""
        lat(?:itude)?|latitud|latitudine|breitengrad|breedtegraad|lon(?:g|gitude)?|lng|longitud|
        longitudine|langengrad|lengtegraad|(?:geo ?)?coord(?:inate)?s?|geo ?(?:location|point|hash)|
        gps|gps position|koordinaten|coordenadas|coordinate|lat ?(?:lon|lng|long)
        """,
        reason="a place to some metres",
        entity="COORDINATES",
        fits=either(
            number(-180, 180, whole=False), shaped(r"-?\d{1,3}[.,°]\d"), shaped(r"^[0-9a-z]{4,12}$")
        ),
    ),
    Sort(
        "country",
        "country",
        _QUASI,
        r"""
        (?:native |home |birth |residence |origin )?countr(?:y|ies)(?: ?(?:full|name|code|
        of (?:birth|origin|residence)|iso ?\d?))*|pays(?: de (?:naissance|residence))?|geburtsland|
        herkunftsland|wohnsitzland|pais(?: de (?:nacimiento|origen|residencia))?|
        paese(?: di (?:nascita|residenza))?|nazione|land van herkomst|geboorteland
        """,
        exactly="nation|land|staat",
        reason=_KNOWN,
        entity="GPE",
        fits=either(
            being(countries()), being(country_codes()), holding(countries()), number(0, 999)
        ),
    ),
    Sort(
        "country",
        "country",
        _QUASI,
        reason=_KNOWN,
        entity="GPE",
        fits=few(being(countries()), 250),
        alone=0.9,
    ),
    Sort(
        "region",
        "region",
        _QUASI,
        r"""
        states?(?: ?(?:full|name|code|province|abbr|cd))*|provinc(?:e|es|ia|ie)|regi(?:on|one|ao)s?|
        count(?:y|ies)(?: name)?|district|prefecture|canton|governorate|territory|landkreis|bezirk|
        kanton|departement|comarca|comunidad(?: autonoma)?|provincie|gewest|fips(?: code)?|
        census tract|block group|nuts ?\d?|msa
        """,
        exactly="department|(?:bundes)?land|kreis",
        reason=_KNOWN,
        entity="GPE",
        fits=lambda profile: float(profile.distinct > 2 and profile.kind in {"text", "integer"}),  # noqa: PLR2004
    ),
    Sort(
        "region",
        "US state",
        _QUASI,
        reason=_KNOWN,
        entity="GPE",
        fits=few(being(STATES), 60),
        alone=0.9,
    ),
    Sort(
        "country",
        "country code",
        _QUASI,
        reason=_KNOWN,
        entity="GPE",
        fits=both(
            few(both(being(country_codes()), shaped(r"^\s*[A-Z]{2,3}\s*$")), 250),
            lambda profile: float(profile.distinct >= 8),  # noqa: PLR2004 - fewer are anything
        ),
        alone=0.95,
    ),
    Sort(
        "region",
        "region",
        _QUASI,
        reason=_KNOWN,
        entity="GPE",
        fits=few(holding(REGIONS), 400),
        alone=0.9,
    ),
    Sort(
        "city",
        "place",
        _QUASI,
        r"""
        cit(?:y|ies)(?: ?name)?|towns?|town ?city|villages?|municipalit(?:y|e)|localit(?:y|e)|
        birth ?(?:place|city)|(?:home|birth) ?town|neighbou?rhood|borough|parish|stadt|wohnort|
        gemeinde|geburtsort|ortsteil|ville|commune|lieu(?: de (?:naissance|residence))?|ciudad|
        municipio|localidad|poblacion|citta|comune|luogo(?: di (?:nascita|residenza))?|localita|
        stad|plaats|woonplaats|geboorteplaats|gemeente
        """,
        exactly=r"""
        suburb|place(?: of (?:birth|residence))?|ward|location|residence|ort|
        lugar(?: de (?:nacimiento|residencia))?
        """,
        reason=_KNOWN,
        entity="GPE",
        fits=lambda profile: float(profile.kind == "text" and profile.distinct > 1),
    ),
    Sort(
        "region",
        "region",
        _QUASI,
        reason=_KNOWN,
        entity="GPE",
        fits=regions,
        alone=1.0,
        blind=True,
    ),
    Sort(
        "city",
        "place",
        _QUASI,
        reason=_KNOWN,
        entity="GPE",
        fits=towns,
        alone=1.0,
        blind=True,
    ),
    Sort(
        "postal_code",
        "postal code",
        _QUASI,
        reason=_KNOWN,
        entity="ZIP_CODE",
        fits=varied(
            lambda profile: 0.0 if profile.numbers is not None else profile.share(shapes.ZIP), 50
        ),
        alone=0.95,
        blind=True,
    ),
    Sort(
        "housing",
        "",
        _QUASI,
        r"""
        residence since|present residence(?: since)?|(?:years|time) at (?:current )?(?:address|
        residence)|housing(?: ?(?:type|status))?|home ?owner(?:ship)?(?: status)?|own or rent|
        dwelling(?: type)?|wohnsituation|vivienda|abitazione|woning|property type
        """,
        exactly="wohnung|logement",
        reason=_KNOWN,
    ),
)
