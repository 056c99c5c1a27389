"""Plant made-up people into UCI Adult, and write down where, so that finding them can be checked.

    python plant.py adult.data adult.test

The two arguments are the UCI files as published (or the same, gzipped). Beside this script appear
`adult.csv.gz`, `adult_test.csv.gz` and `planted.jsonl.gz`, the gold. Nobody in them exists: names
are drawn from the short lists in `words.toml`, numbers from ranges that are kept for examples.
Only `random()` of Python's generator is used, the one method whose values are promised never to
change, so that every Python makes the same rows.
"""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import hmac
import io
import json
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

T = TypeVar("T")

SEED = "strongroom adult 1"
FILES = ("adult.csv.gz", "adult_test.csv.gz")
GOLD = "planted.jsonl.gz"
UCI = (
    "age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation",
    "relationship", "race", "sex", "capital-gain", "capital-loss", "hours-per-week",
    "native-country", "income",
)  # fmt: skip
PLANTED = {
    "person_id": "ID",
    "name": "PERSON",
    "email": "EMAIL_ADDRESS",
    "ssn": "US_SSN",
    "phone": "PHONE_NUMBER",
    "address": "STREET_ADDRESS",
}
HEADER = (*PLANTED, *UCI, "note")
CENSUS_YEAR = 1994

ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
BASE_32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

SHARE_WITH_NOTE = 0.1
SHARE_WITH_PHONE = 0.96

WORDS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("words.toml").read_text("utf-8"))
WOMEN, MEN, FAMILIES, STREETS = (
    WORDS[kind].split() for kind in ("women", "men", "families", "streets")
)
PHONES = ("({}) {}-{}", "{}-{}-{}", "{}.{}.{}", "+1 {} {} {}", "+1-{}-{}-{}")


class Span(NamedTuple):
    """Where one identifier stands in a text, in code points."""

    start: int
    end: int
    entity: str


@dataclass(frozen=True)
class Person:
    """One made-up person."""

    number: str
    name: str
    email: str
    ssn: str
    phone: str
    address: str
    born: tuple[int, int, int]

    @property
    def columns(self) -> tuple[str, ...]:
        """The values of the planted columns, in the order of `PLANTED`."""
        return (self.number, self.name, self.email, self.ssn, self.phone, self.address)


class Coins:
    """Draws that come out the same on every Python."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)
        self._seen: set[str] = set()

    def below(self, limit: int) -> int:
        """An integer from 0 to `limit` - 1."""
        return int(self._random.random() * limit)

    def chance(self, share: float) -> bool:
        """True in `share` of all calls."""
        return self._random.random() < share

    def pick(self, things: Sequence[T]) -> T:
        """One of `things`."""
        return things[self.below(len(things))]

    def digits(self, count: int) -> str:
        """`count` decimal digits."""
        return f"{self.below(10**count):0{count}d}"

    def letters(self, count: int) -> str:
        """`count` letters and digits."""
        return "".join(self.pick(ALPHANUMERIC) for _ in range(count))

    def is_new(self, value: str) -> bool:
        """Whether `value` is asked about for the first time."""
        if value in self._seen:
            return False
        self._seen.add(value)
        return True


def ascii_name(name: str) -> str:
    """The name as it stands in an e-mail address."""
    plain = name.translate(str.maketrans("ëéí", "eei"))
    return re.sub(r"[^a-z]", "", plain.lower())


def make_email(coins: Coins, given: str, family: str) -> str:
    """An address that nobody else has."""
    first, last = ascii_name(given), ascii_name(family)
    while True:
        local = coins.pick((f"{first}.{last}", f"{first}.{last}", f"{first[0]}{last}", first))
        email = f"{local}{coins.below(1_000)}@{coins.pick(WORDS['mail_hosts'])}"
        if coins.is_new(email):
            return email


def make_ssn(coins: Coins) -> str:
    """A well-formed number from the areas that had not been given out when the census was taken."""
    while True:
        area, group, serial = 773 + coins.below(127), 1 + coins.below(99), 1 + coins.below(9999)
        ssn = f"{area}-{group:02d}-{serial:04d}"
        if coins.is_new(ssn):
            return ssn


def make_phone(coins: Coins, shapes: Sequence[str] = PHONES[:1]) -> str:
    """A number from the range kept for fiction."""
    return coins.pick(shapes).format(coins.pick(WORDS["area_codes"]), 555, f"01{coins.digits(2)}")


def make_address(coins: Coins) -> str:
    """A street address; the post code is the first of its city."""
    city, state, code = coins.pick(WORDS["places"])
    house = 1 + coins.below(400)
    street = f"{house} {coins.pick(STREETS)} {coins.pick(WORDS['street_kinds'])}"
    flat = f" Apt {1 + coins.below(40)}" if coins.chance(0.1) else ""
    return f"{street}{flat}, {city}, {state} {code}"


def make_person(coins: Coins, age: int, sex: str) -> Person:
    """A person whose name and birthday agree with the census row."""
    given, family = coins.pick(WOMEN if sex == "Female" else MEN), coins.pick(FAMILIES)
    initial = f" {coins.pick(ALPHANUMERIC[:26])}." if coins.chance(0.1) else ""
    number = f"P{coins.digits(6)}"
    while not coins.is_new(number):
        number = f"P{coins.digits(6)}"
    return Person(
        number=number,
        name=f"{given}{initial} {family}",
        email=make_email(coins, given, family),
        ssn=make_ssn(coins),
        phone=make_phone(coins) if coins.chance(SHARE_WITH_PHONE) else "",
        address=make_address(coins),
        born=(CENSUS_YEAR - age, 1 + coins.below(12), 1 + coins.below(28)),
    )


def make_iban(coins: Coins) -> str:
    """An IBAN with right check digits (ISO 13616: mod 97) at a bank that isn't one."""
    country, account = coins.pick(
        (
            ("GB", f"WEST{coins.digits(14)}"),
            ("DE", f"12345678{coins.digits(10)}"),
            ("NL", f"TEST{coins.digits(10)}"),
        )
    )
    as_number = "".join(str(int(c, 36)) for c in f"{account}{country}00")
    iban = f"{country}{98 - int(as_number) % 97:02d}{account}"
    return " ".join(re.findall(".{1,4}", iban)) if coins.chance(0.5) else iban


def make_card(coins: Coins) -> str:
    """A published test number, in one of the ways in which people write it."""
    number = coins.pick(WORDS["cards"])
    groups = "(.{4})(.{6})(.{5})" if len(number) == 15 else "(.{4})(.{4})(.{4})(.{4})"  # noqa: PLR2004 - American Express
    return coins.pick(("", " ", "-")).join(re.findall(groups, number)[0])


def make_ip(coins: Coins) -> str:
    """An address from the ranges kept for documentation (RFC 5737, RFC 3849)."""
    if coins.chance(0.1):
        return f"2001:db8::{coins.below(65536):x}:{1 + coins.below(65535):x}"
    return f"{coins.pick(('192.0.2', '198.51.100', '203.0.113'))}.{1 + coins.below(254)}"


def make_url(coins: Coins) -> str:
    """A link to a host kept for examples."""
    shape = coins.pick(
        (
            "https://portal.example.org/case/{}",
            "https://www.example.com/forms/upload?id={}",
            "http://files.example.net/scan_{}.pdf",
            "https://example.org/~{}/",
            "www.example.com/offices/{}",
        )
    )
    return shape.format(10_000 + coins.below(90_000))


def make_birth(coins: Coins, born: tuple[int, int, int]) -> str:
    """A birthday in one of the usual ways to write it."""
    year, month, day = born
    name = WORDS["months"][month - 1]
    return coins.pick(
        (
            f"{month:02d}/{day:02d}/{year}",
            f"{year}-{month:02d}-{day:02d}",
            f"{name} {day}, {year}",
            f"{day} {name[:3]} {year}",
        )
    )


def make_secret(coins: Coins) -> str:
    """Something shaped like a key, that opens nothing."""
    shape = coins.below(4)
    if shape == 0:
        return "AKIA" + "".join(coins.pick(BASE_32) for _ in range(16))
    if shape == 1:
        return f"AIza{coins.letters(35)}"
    if shape == 2:  # noqa: PLR2004 - the third of four
        return f"ghp_{coins.letters(36)}"
    claims = json.dumps({"sub": coins.digits(8), "name": "example"}).encode()
    signed = ".".join(_base64(part) for part in (b'{"alg":"HS256","typ":"JWT"}', claims))
    return f"{signed}.{_base64(hmac.digest(b'not a secret', signed.encode(), hashlib.sha256))}"


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def make_value(coins: Coins, slot: str, person: Person) -> tuple[str, str]:
    """The text and the entity that a template's slot stands for."""
    ways: dict[str, tuple[str, Callable[[], str]]] = {
        "name": ("PERSON", lambda: person.name),
        "birth": ("DATE_OF_BIRTH", lambda: make_birth(coins, person.born)),
        "email": ("EMAIL_ADDRESS", lambda: person.email),
        "other_email": (
            "EMAIL_ADDRESS",
            lambda: make_email(coins, coins.pick(WOMEN), coins.pick(FAMILIES)),
        ),
        "phone": ("PHONE_NUMBER", lambda: person.phone or make_phone(coins, PHONES)),
        "other_phone": ("PHONE_NUMBER", lambda: make_phone(coins, PHONES)),
        "ssn": ("US_SSN", lambda: person.ssn),
        "other_ssn": ("US_SSN", lambda: make_ssn(coins)),
        "card": ("CREDIT_CARD", lambda: make_card(coins)),
        "iban": ("IBAN_CODE", lambda: make_iban(coins)),
        "ip": ("IP_ADDRESS", lambda: make_ip(coins)),
        "url": ("URL", lambda: make_url(coins)),
        "secret": ("SECRET", lambda: make_secret(coins)),
    }
    entity, make = ways[slot]
    return make(), entity


def make_note(coins: Coins, person: Person) -> tuple[str, list[Span]]:
    """An office note and the identifiers in it; half of all notes hold some."""
    if not coins.chance(SHARE_WITH_NOTE):
        return "", []
    sentences = [coins.pick(WORDS["telling" if coins.chance(0.5) else "plain"])]
    another = coins.pick(WORDS["plain"])
    if coins.chance(0.3) and another not in sentences:
        sentences.insert(coins.below(2), another)
    text, spans = "", []
    for part in re.split(r"(\{\w+\})", " ".join(sentences)):
        if part.startswith("{"):
            value, entity = make_value(coins, part[1:-1], person)
            spans.append(Span(len(text), len(text) + len(value), entity))
            text += value
        else:
            text += part
    return text, spans


def read_uci(path: Path) -> Iterator[list[str]]:
    """The rows of a UCI file: stripped, missing values empty, no full stop after the label."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("ascii")
    for line in text.splitlines():
        if line.strip() and not line.startswith("|"):
            row = [field.strip() for field in line.split(",")]
            yield ["" if f == "?" else f for f in (*row[:-1], row[-1].rstrip("."))]


def plant(rows: Iterable[Sequence[str]], coins: Coins) -> Iterator[tuple[list[str], list[Span]]]:
    """Give every UCI row its person and its note."""
    for row in rows:
        person = make_person(coins, int(row[UCI.index("age")]), row[UCI.index("sex")])
        note, spans = make_note(coins, person)
        yield [*person.columns, *row, note], spans


def build(sources: Sequence[Iterable[Sequence[str]]]) -> dict[str, str]:
    """Build the texts of all three files, by name, from the rows of the two UCI files."""
    coins = Coins(SEED)
    texts, gold = {}, io.StringIO()
    for name, rows in zip(FILES, sources, strict=True):
        for column, entity in PLANTED.items():
            print(json.dumps({"file": name, "column": column, "entity": entity}), file=gold)
        sink = io.StringIO()
        writer = csv.writer(sink, lineterminator="\n")
        writer.writerow(HEADER)
        for number, (row, spans) in enumerate(plant(rows, coins)):
            writer.writerow(row)
            for span in spans:
                where = {"file": name, "row": number, "field": "note"}
                print(json.dumps(where | span._asdict()), file=gold)
        texts[name] = sink.getvalue()
    return texts | {GOLD: gold.getvalue()}


def main(arguments: Sequence[str]) -> int:
    """Write the three files beside this script."""
    if len(arguments) != len(FILES):
        print("usage: plant.py adult.data adult.test", file=sys.stderr)
        return 2
    for name, text in build([read_uci(Path(a)) for a in arguments]).items():
        # No time stamp: the same input gives the same file.
        packed = gzip.compress(text.encode("utf-8"), compresslevel=9, mtime=0)
        Path(__file__).with_name(name).write_bytes(packed)
        print(f"{name}: {len(text.splitlines()):,} lines, {len(packed):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
