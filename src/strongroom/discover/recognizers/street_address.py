"""Street addresses that their own words give away.

In English, German, French, Spanish, Italian, Dutch and a few more languages; what has no such
words is left to the name model. The words for streets, units and boxes are those that postal
services print in their guides (USPS Publication 28, Royal Mail, Canada Post and their like).
"""

from __future__ import annotations

from strongroom.discover._rule import Rule

# Words for streets that are little else, and those that also mean something ("5 Easy Way"). A full
# stop belongs to what is short.
_SURE = (
    r"(?:Street|Avenue|Road|Boulevard|Lane|Drive|Highway|Parkway|Terrace|Crescent|Expressway|"
    r"Turnpike|(?:St|Ave|Rd|Blvd|Ln|Dr|Hwy|Pkwy)\.?)"
)
_ALSO = (
    r"(?:Court|Place|Way|Circle|Square|Trail|Loop|Close|Row|Walk|Pike|Alley|Path|Run|Ridge|"
    r"Crossing|Plaza|Point|Mews|Gardens|Grove|Hill|Park|View|Green|Rise|Bend|Cove|Landing|Wharf|"
    r"Quay|Broadway|(?:Ct|Pl|Cir|Sq|Trl|Pt|Ter)\.?)"
)
_NUMBER = r"\d{1,5}(?:-\d{1,5})?[A-Za-z]?(?: 1/2)?"
_AIR = r"(?:(?:N|S|E|W|NE|NW|SE|SW)\.?|North|South|East|West)"
_NAME = r"(?:[A-Z][\w'’.-]*|\d{1,3}(?:st|nd|rd|th))"
_NAMES = rf"(?:{_AIR} )?{_NAME}(?: {_NAME}){{0,2}}"
_UNIT = (
    r"(?:[,.]? ?[ \n](?:# ?\w{1,5}|\d{1,2}(?:st|nd|rd|th) Floor|"
    r"(?:Ap(?:artmen)?t|Suite|Ste|Unit|Flat|Room|Rm|Floor|Bldg|Lot)\.? ?#?\w{1,5}))"
)
# A state or province, spelt out or not: after a street and a town its form is enough.
_STATE = r"(?:[A-Z]{2,3}|[A-Z]\.[A-Z]\.|[A-Z][a-z]+(?: [A-Z][a-z]+)?)"
# A full stop belongs to what is short ("St. Louis"); behind other words it ends a sentence.
_SHORTENED = r"(?:St|Ste|Mt|Ft|Apt|Str|Av|Ave|Avda|Rd|Dr|Blvd|No|Nr|Bldg|Rm|Fl|ul|[A-Za-z])\."
_WORD = rf"(?:[A-Z][\w'’-]*|{_SHORTENED})"
_TOWN = rf"{_WORD}(?: {_WORD}){{0,2}}"
_ZIP = r"\d{5}(?:-\d{4})?"
_BRITISH = r"[A-Z]{1,2}\d[0-9A-Z]? ?\d[A-Z]{2}"
_CANADIAN = r"[A-Z]\d[A-Z] ?\d[A-Z]\d"
_LAND = (
    r"(?:,? ?[ \n](?:USA|U\.S\.A\.|United States(?: of America)?|UK|United Kingdom|Canada|"
    r"Australia))?"
)
_TAIL = (
    rf"(?:,? ?\n ?|, ?){_TOWN},?[ \n]"
    rf"(?:{_STATE},? (?:{_ZIP}|{_CANADIAN}|\d{{4}})|{_BRITISH}){_LAND}"
)
_WHOLE = rf"{_NUMBER} (?:{_NAMES} (?:{_SURE}|{_ALSO})(?: {_AIR})?|Broadway){_UNIT}?{_TAIL}"
_SHORT = rf"{_NUMBER} {_NAMES} {_SURE}(?: {_AIR})?{_UNIT}?"
# All of it on one line without a comma.
_BARE = rf"{_NUMBER} {_NAMES} {_SURE}{_UNIT}? {_TOWN} [A-Z]{{2}} {_ZIP}"
_BOX = rf"(?:P\.? ?O\.? ?|Post Office )Box \d{{1,6}}(?:{_TAIL})?"
_FORCES = (
    r"(?:PSC|CMR|Unit) \d{1,5},? ?Box \d{1,5}"
    r"(?:,? ?[ \n](?:APO|FPO|DPO),? A[AEP] \d{5}(?:-\d{4})?)?"
)
# Whatever the street is called: a number, names, a town, a state or land, a code. Lines may break
# at any comma, as they do in text that was copied out of a page.
_CAPITAL = "(?:[A-Z]|É|È|Á|À|Í|Ó|Ú|Ñ|Ö|Ü|Ä|Å|Ø|Š|Ž|Č|Þ|Ł|Ś|Î|Ş|İ|Ç)"
_PART = (
    rf"(?:{_CAPITAL}[\w'’/-]*|{_SHORTENED}|\d[\w/-]*\.?|#\d+|"
    r"(?:de|du|des|del|della|la|le|les|los|las|el|al|di|da|do|dos|van|der|den|von|of|y|u|i|a|v|z|w|"
    r"na|nad|pod|pri|ob|im|am|bei|sur|sous|lès|aux?|en|og|och)\.?)"
)
_PLACE = rf"{_CAPITAL}[\w'’-]*(?: {_PART}){{0,4}}"
_COMMA = r"(?: ?,(?: ?\n)? ?| ?\n ?,? ?)"
_TAILED = (
    rf"{_NUMBER}(?: {_PART}){{1,8}}{_COMMA}{_PLACE}{_COMMA}"
    rf"(?:[A-Z]{{2}}(?: ?\n ?{_CAPITAL}[\w'’.-]*(?: {_CAPITAL}[\w'’.-]*)?)?|"
    rf"{_CAPITAL}[a-z]\w*(?: {_CAPITAL}\w*)?) ?\n? ?{_ZIP}"
)
_CORNER = (
    rf"(?:[Tt]he )?[Cc]orner of {_PART}(?: {_PART}){{0,5}} (?:and|&) {_PART}(?: {_PART}){{0,3}}"
)
_CARE = (
    "address", "addr", "street", "located", "lives", "live", "living", "resides", "residence", "at",
    "mail", "ship", "deliver", "delivery", "shipping", "billing", "moved", "home",
)  # fmt: skip

# Where the number stands behind the street, the code and the town follow; where before, too.
_CODED = rf"(?:, ?| ?\n| )(?:[A-Z]{{1,2}}-)?\d{{4,5}} {_TOWN}"
_GERMAN = (
    r"(?:[A-Z]\w+(?:straße|strasse|str\.|gasse|weg|platz|allee|ufer|damm)|(?:[A-Z][\w.-]+[ -]){1,3}"
    r"(?:Straße|Strasse|Str\.|Gasse|Weg|Platz|Allee|Ring|Ufer|Damm)) "
    rf"\d{{1,4}}(?: ?[a-z])?(?:/\d{{1,3}}){{0,2}}(?:{_CODED})?"
)
_BY = "Am|An der|Im|In der|Zum|Zur|Auf der|Unter den"
_FIELD = rf"(?:{_BY}) {_CAPITAL}\w+ \d{{1,4}}(?: ?[a-z])?{_CODED}"
_OF = (
    r"(?:de |du |des |del |della |dei |delle |de la |de los |de las |d['’]|l['’]|de l['’]|da |do |"
    r"dos |van |van de |van der )?"
)
_ROMAN = rf"(?: {_OF}(?:{_CAPITAL}[\w'’-]*|{_SHORTENED})){{1,4}}"
_LOOSE = rf"(?: {_OF}(?:[\w'’-]+|{_SHORTENED})){{1,4}}"
_FRENCH = (
    r"\d{1,4}(?: ?(?:bis|ter|[A-D]))?,? "
    rf"(?:(?:rue|boulevard|bd|impasse|allée|chemin|Rue){_LOOSE}|"
    rf"(?:avenue|av\.|place|quai|route|cours|passage|Avenue|Boulevard|Place|Chemin){_ROMAN})"
    rf"(?:{_CODED})?"
)
_SOUTHERN = (
    r"(?:Calle|C/|Avenida|Av\.|Avda\.|Paseo|Plaza|Camino|Carrer|Ronda|Glorieta|Rua|Travessa|"
    r"Alameda|Via|Viale|Piazza|Corso|Largo|Vicolo|Piazzale|Borgo|Strada|Calea)"
    rf"{_ROMAN},? (?:n[º°.]{{1,2}} ?|nr\. )?\d{{1,5}}(?:/?[A-Za-z])?"
    rf"(?:, \d{{1,2}}[º°] ?[A-Za-z]{{0,3}})?(?:{_CODED})?"
)
_NORTHERN = (
    r"[A-Z]\w+(?:straat|laan|gracht|kade|dijk|singel|steeg|gatan|vägen|gränd|gade|vej|gata|veien|"
    r"vegen|katu|tie|kuja|utca|tér)\.? \d{1,4}(?: ?[A-Za-z])?\.?"
    rf"(?:,? ?[ \n]\d{{4}} ?[A-Z]{{2}} [A-Z][\w'’-]+|{_CODED})?"
)


def _rule(
    name: str, pattern: str, score: float, examples: tuple[str, ...], lookalikes: tuple[str, ...],
    **more: object,
) -> Rule:  # fmt: skip
    return Rule(f"street_address.{name}", "STREET_ADDRESS", pattern, score, apart="",
                examples=examples, lookalikes=lookalikes, **more)  # type: ignore[arg-type] # fmt: skip


RULES = (
    _rule(
        "whole", _WHOLE, 0.95,
        ("lives at 12 Elm St, Springfield, IL 62704.", "14 High Street, Leeds LS1 4AP",
         "1204 N. Old Mill Road Apt. 4B\nFairview, Texas 75069-1234, USA",
         "88 43rd Ave NE, Calgary, AB T2E 1B2", "500 Broadway, New York, NY 10012"),
        ("the 12 Elm trees in Springfield, IL 62704",),
    ),
    _rule(
        "short", _SHORT, 0.7,
        ("12 Elm St", "he left 1204 North Oak Avenue, Suite 200 at noon"),
        ("12 elms stood there", "In 2010 he moved on", "3 Gold Medals"),
        context=_CARE, context_score=0.85,
    ),
    _rule(
        "tailed", _TAILED, 0.85,
        ("lives at 6750 Koskikatu 25 Apt. 864\nSalem, OR 64677 now",
         "12 Calle de la Luz 3, Mora de Rubielos, Spain 16200",
         "5 Gengatan Suite 12\nUmeå\n, SE\n Sweden 90325"),
        ("At 3 pm we left. Salem, OR 97301 is far", "12 eggs, Salt, Pepper 12345"),
    ),
    _rule(
        "corner", _CORNER, 0.7,
        ("at the corner of Main Street and 5th Avenue at noon", "corner of Via Nuova 8 & Via Roma"),
        ("the corner of the room and the hall",), keywords=("corner of",),
    ),
    _rule(
        "bare", _BARE, 0.9,
        ("to 12 Elm St Springfield IL 62704 by Friday", "9 N 5th Ave Apt 3 New York NY 10012-0001"),
        ("12 Elm St is in Illinois 62704 now",),
    ),
    _rule(
        "box", _BOX, 0.85, ("write to P.O. Box 255, Salem, OR 97301", "PO Box 12"),
        ("Po boxes", "mail box 12"), keywords=("box",),
    ),
    _rule(
        "forces", _FORCES, 0.9, ("PSC 3294, Box 9168\nAPO AA 61487", "Unit 12 Box 34"),
        ("Unit 12",), keywords=("box",),
    ),
    _rule(
        "german", _GERMAN, 0.85,
        ("wohnhaft Lindenstraße 12a, 10969 Berlin", "Villacher Strasse 89", "Karl-May-Allee 53"),
        ("der Weg 12",),
    ),
    _rule(
        "german_field", _FIELD, 0.85, ("An der Mühle 3\n8010 Graz", "Am Anger 7a, 99084 Erfurt"),
        ("Am Montag 12 Uhr", "Am Montag, 12 Stimmen"),
    ),
    _rule(
        "french", _FRENCH, 0.85,
        ("au 77, rue Coulon, 04955 Le Sage", "12 bis avenue de la République 75011 Paris"),
        ("la rue Coulon", "12 place settings", "88 square kilometres"),
    ),
    _rule(
        "southern", _SOUTHERN, 0.85,
        ("en Calle de Alcalá, 45, 28014 Madrid", "Via Roma 12, 00184 Roma", "Piazza Rezzonico 35",
         "Avenida Noruega 42"),
        ("Via Roma", "Via e-mail 12"),
    ),
    _rule(
        "northern", _NORTHERN, 0.8,
        ("Keizersgracht 123, 1015 CJ Amsterdam", "Stenvej 117\n8690 Jordrup", "Kiannonkatu 98"),
        ("Dorpsstraat", "Friday 12"),
    ),
)  # fmt: skip
