"""Texts with marks from templates: letters, tickets, notes, logs, and much that holds no name.

Everything here was written for this project; values come from open lists and from chance. Entities
are those of the name tier; addresses of mail, numbers and the like are left unmarked, since
patterns find them.
"""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from training.names import addresses, words
from training.names.coined import coined
from training.names.filling import Catalogue, Pieces, fill, quoted, recased
from training.names.people import Person, make_person, pick, pool, written
from training.names.things import job, organisation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.names.sentence import Sentence

LANGUAGES = ("en", "de", "fr", "es", "it", "nl")
_FOLDER = Path(__file__).parent / "catalogue"
_PERSON = frozenset(
    [
        "full",
        "first",
        "last",
        "any",
        "plain",
        "titled",
        "formal",
        "sorted",
        "initial",
        "upper",
        "lastupper",
        "uppersorted",
        "doctor",
        "plus",
        "handle",
        "mail",
    ]
)
_LOWER, _UPPER, _QUOTED = 0.03, 0.02, 0.015


def generate(count: int, seed: int, language: str = "en") -> Iterator[Sentence]:
    """Make texts up.

    Args:
        count: how many.
        seed: the same seed makes the same texts.
        language: one of `LANGUAGES`.
    """
    rng = random.Random(f"{seed} {language}")
    chosen = catalogues(language)
    weights = [c.variety**0.7 for c in chosen]
    for _ in range(count):
        catalogue = rng.choices(chosen, weights)[0]
        text = catalogue.expand(pick(rng, catalogue.templates), rng)
        made = fill(text, TextValues(rng, language), rng, language, f"template {catalogue.name}")
        yield _varied(made, rng)


@cache
def catalogues(language: str) -> tuple[Catalogue, ...]:
    """Read the templates of a language."""
    return tuple(Catalogue.read(path) for path in sorted((_FOLDER / language).glob("*.txt")))


def _varied(sentence: Sentence, rng: random.Random) -> Sentence:
    roll = rng.random()
    if roll < _LOWER:
        return recased(sentence, "lower")
    if roll < _LOWER + _UPPER:
        return recased(sentence, "upper")
    if roll < _LOWER + _UPPER + _QUOTED:
        return quoted(sentence, pick(rng, ("> ", ">", ">> ", "  ", "\t", "# ", "// ")))
    return sentence


class TextValues:
    """The values of one text: the same key gives the same value."""

    def __init__(self, rng: random.Random, language: str) -> None:
        self._rng, self._language = rng, language
        self._people: dict[str, Person] = {}
        self._kept: dict[tuple[str, str], Pieces] = {}

    def piece(self, kind: str, key: str) -> Pieces:
        """Return a value; see `filling.Values`."""
        if kind in _PERSON:
            person = self._people.get(key) or make_person(self._rng, self._language)
            if key:
                self._people[key] = person
            return written(person, kind, self._rng)
        if key and (kind, key) in self._kept:
            return self._kept[kind, key]
        made = self._make(kind)
        if key:
            self._kept[kind, key] = made
        return made

    def _make(self, kind: str) -> Pieces:
        if kind in words.LOOKALIKES:
            return [(words.lookalike(self._rng, kind), "")]
        made: Pieces = getattr(self, f"_{kind}")()
        return made

    # Places.
    def _city(self) -> Pieces:
        town = addresses.town_of(self._rng, self._language)
        return [(town, "GPE")]

    def _country(self) -> Pieces:
        if self._language != "en" and self._rng.random() < 0.8:
            return [(words.choose(self._rng, words.LANDS[self._language]), "GPE")]
        short = ("USA", "the US", "UK", "U.S.", "England", "Scotland", "Wales", "EU", "America")
        country = pick(self._rng, short if self._rng.random() < 0.2 else addresses.countries())
        return (
            [("the ", ""), (country[4:], "GPE")]
            if country.startswith("the ")
            else [(country, "GPE")]
        )

    def _state(self) -> Pieces:
        return [(addresses.american_town(self._rng)[1], "GPE")]

    def _statecode(self) -> Pieces:
        return [(addresses.american_town(self._rng)[2], "GPE")]

    def _region(self) -> Pieces:
        region = pick(self._rng, words.REGIONS[self._language])
        first, _, rest = region.partition(" ")
        if first in {"the", "la", "le", "les", "el", "los", "il", "gli", "de", "het"}:
            return [(f"{first} ", ""), (rest, "LOCATION")]
        return [(region, "LOCATION")]

    def _site(self) -> Pieces:
        """A place that is called after somebody."""
        forms = ("Camp {}", "{} Field", "{} River", "Lake {}", "Mount {}", "Fort {}", "{} Stadium",
                 "{} Park", "{} Island", "{} Airport", "{} Creek", "{} County", "{} Valley",
                 "Point {}", "{} Bridge", "Port {}", "{} Hall")  # fmt: skip
        return [(pick(self._rng, forms).format(self._name("last_name")), "LOCATION")]

    def _firm(self) -> Pieces:
        """An organisation that is called after somebody."""
        forms = ("{} Railroad", "{} Records", "{} High School", "{} Brothers", "{} Institute",
                 "{} Rovers", "{} Press", "{} Motors", "{} Society", "{} Trio", "{}'s Division",
                 "{} Theatre Company", "{} Pictures", "{} Commission", "{} Clinic")  # fmt: skip
        return [(pick(self._rng, forms).format(self._name("last_name")), "ORGANIZATION")]

    def _surname(self) -> Pieces:
        """A name that stands for something else than a person."""
        return [(self._name("last_name"), "")]

    def _thing(self) -> Pieces:
        """What bears a name of one word and is neither a person, nor a place, nor a firm."""
        return [(self._word(), "")]

    def _brand(self) -> Pieces:
        """An organisation of one word, which might be anything's name."""
        return [(self._word(), "ORGANIZATION")]

    def _hamlet(self) -> Pieces:
        """A place whose name might be a person's."""
        return [(self._word(), "GPE")]

    def _word(self) -> str:
        roll = self._rng.random()
        if roll < 0.55:
            return coined(self._rng, pick(self._rng, ("first", "last", "town")))
        if roll < 0.7:
            return addresses.town_of(self._rng, self._language).split()[0].strip(",")
        person = make_person(self._rng, self._language)
        return (person.first if roll < 0.8 else person.last).split()[0]

    def _given(self) -> Pieces:
        """The same with a first name."""
        return [(self._name("first_name_female"), "")]

    def _name(self, what: str) -> str:
        return pick(self._rng, pool(pick(self._rng, ("en_US", "en_GB", "de_DE", "fr_FR")), what))

    def _town(self) -> Pieces:
        """A town and its state or country."""
        town, state, code = addresses.american_town(self._rng)
        if self._language == "en" and self._rng.random() < 0.6:
            return [(town, "GPE"), (", ", ""), (code if self._rng.random() < 0.7 else state, "GPE")]
        return [*self._city(), (", ", ""), *[p for p in self._country() if p[1]]]

    def _towncode(self) -> Pieces:
        """A town with its postal code, without a street."""
        if self._language == "en":
            town, _, code = addresses.american_town(self._rng)
            number = "".join(str(self._rng.randrange(10)) for _ in range(5))
            return [(town, "GPE"), (", ", ""), (code, "GPE"), (" ", ""), (number, "ZIP_CODE")]
        return [*self._zip(), (" ", ""), *self._city()]

    def _zip(self) -> Pieces:
        home = {"en": ("en_US", "en_US", "en_GB", "fr_CA", "en_AU"), "de": ("de_DE", "de_AT"),
                "fr": ("fr_FR",), "es": ("es_ES",), "it": ("it_IT",), "nl": ("nl_NL", "nl_BE")}  # fmt: skip
        return [(addresses.postal(self._rng, pick(self._rng, home[self._language])), "ZIP_CODE")]

    def _address(self) -> Pieces:
        made = addresses.make_address(self._rng, self._language)
        if self._rng.random() < 0.3:
            return [
                (addresses.block(made, self._rng, pick(self._rng, ("", "", " "))), "STREET_ADDRESS")
            ]
        return [(addresses.one_line(made, self._rng), "STREET_ADDRESS")]

    def _line(self) -> Pieces:
        """An address on one line."""
        made = addresses.make_address(self._rng, self._language)
        return [(addresses.one_line(made, self._rng), "STREET_ADDRESS")]

    def _block(self) -> Pieces:
        """An address on several lines."""
        made = addresses.make_address(self._rng, self._language)
        return [(addresses.block(made, self._rng), "STREET_ADDRESS")]

    def _street(self) -> Pieces:
        """A street with its number, without a town."""
        made = addresses.make_address(self._rng, self._language)
        unit = f"{pick(self._rng, (', ', ' '))}{made.unit}" if made.unit else ""
        return [(made.street + unit, "STREET_ADDRESS")]

    def _road(self) -> Pieces:
        """A street without a number."""
        return [(addresses.street_name(self._rng, self._language), "STREET_ADDRESS")]

    def _corner(self) -> Pieces:
        """Where two streets meet."""
        one, other = (addresses.street_name(self._rng, self._language) for _ in range(2))
        return [(f"{one} {pick(self._rng, ('and', '&'))} {other}", "STREET_ADDRESS")]

    # Organisations, jobs, peoples, ages, dates.
    def _org(self) -> Pieces:
        town = addresses.town_of(self._rng, self._language)
        return [(organisation(self._rng, self._language, town), "ORGANIZATION")]

    def _job(self) -> Pieces:
        return [(job(self._rng, self._language), "PROFESSION")]

    def _honorific(self) -> Pieces:
        return [(make_person(self._rng, self._language).common_title, "TITLE")]

    def _nat(self) -> Pieces:
        return [(words.choose(self._rng, words.PEOPLES[self._language]), "NRP")]

    def _nats(self) -> Pieces:
        nation = words.choose(self._rng, words.PEOPLES["en"])
        plural = nation if nation.endswith(("ese", "sh", "ch", "ss")) else f"{nation}s"
        return [(plural, "NRP")]

    def _creed(self) -> Pieces:
        return [(words.choose(self._rng, words.CREEDS[self._language]), "NRP")]

    def _age(self) -> Pieces:
        return [(str(1 + int(self._rng.random() * 98)), "AGE")]

    def _date(self) -> Pieces:
        return [(words.date(self._rng, self._language), "DATE_TIME")]

    def _numdate(self) -> Pieces:
        return [(words.date(self._rng, self._language, worded=0.0), "DATE_TIME")]

    def _stamp(self) -> Pieces:
        day = words.date(self._rng, "en", worded=0.0)
        hour, minute = self._rng.randrange(24), self._rng.randrange(60)
        return [(f"{day} {hour:02}:{minute:02}", "DATE_TIME")]

    def _iso(self) -> Pieces:
        r = self._rng.randrange
        stamp = f"20{r(10, 27)}-{r(1, 13):02}-{r(1, 29):02}T{r(24):02}:{r(60):02}:{r(60):02}Z"
        return [(stamp, "DATE_TIME")]

    def _day(self) -> Pieces:
        return [(words.choose(self._rng, words.DAYS[self._language]), "DATE_TIME")]

    def _month(self) -> Pieces:
        return [(words.choose(self._rng, words.MONTHS[self._language]), "DATE_TIME")]

    def _year(self) -> Pieces:
        return [(str(1900 + self._rng.randrange(130)), "DATE_TIME")]

    # What patterns find, and what nobody should: unmarked.
    def _phone(self) -> Pieces:
        form = pick(self._rng, ("(###) ###-####", "###-###-####", "+1 (###) ###-####", "###.###.####",
                                "+44 20 #### ####", "0### #######", "+49 ### #######", "0# ## ## ## ##",
                                "+1-###-###-####x####", "### ### ###", "06 ########", "+34 ### ### ###"))  # fmt: skip
        return [(addresses.digits(form, self._rng), "")]

    def _ip(self) -> Pieces:
        return [(".".join(str(self._rng.randrange(256)) for _ in range(4)), "")]

    def _url(self) -> Pieces:
        host = pick(self._rng, pool("en_US", "last_name")).lower()
        end = pick(
            self._rng,
            (".com", ".org/about", ".net", ".io/login", ".co.uk", "-group.com/en/contact"),
        )
        return [(f"https://www.{host}{end}", "")]

    def _ssn(self) -> Pieces:
        return [(addresses.digits("###-##-####", self._rng), "")]

    def _card(self) -> Pieces:
        form = pick(self._rng, ("4### #### #### ####", "5###############", "3##############"))
        return [(addresses.digits(form, self._rng), "")]

    def _iban(self) -> Pieces:
        form = pick(self._rng, ("GB## WEST #### #### #### ##", "DE####################",
                                "FR## #### #### #### #### #### ###", "NL##ABNA##########"))  # fmt: skip
        return [(addresses.digits(form, self._rng), "")]

    def _money(self) -> Pieces:
        amount = f"{self._rng.randrange(1, 99000):,}"
        return [
            (pick(self._rng, (f"${amount}", f"€{amount}", f"{amount} USD", f"£{amount}.00")), "")
        ]

    def _int(self) -> Pieces:
        return [(str(self._rng.randrange(1, 200)), "")]

    def _hash(self) -> Pieces:
        size = pick(self._rng, ("8", "16", "32"))
        return [("".join(self._rng.choice("0123456789abcdef") for _ in range(int(size))), "")]

    def _token(self) -> Pieces:
        letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
        return [("".join(self._rng.choice(letters) for _ in range(self._rng.randrange(8, 33))), "")]

    def _time(self) -> Pieces:
        hour, minute = self._rng.randrange(1, 13), self._rng.randrange(60)
        return [(f"{hour}:{minute:02}{pick(self._rng, (' am', ' pm', 'pm', ' AM', ''))}", "")]
