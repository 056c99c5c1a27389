"""Canaries: made-up secrets put into the rows before training, to see whether they come out.

After Carlini, Liu, Erlingsson, Kos and Song, "The Secret Sharer", USENIX Security 2019. Each canary
is a sentence with a secret drawn evenly from a known space, so chance is known exactly. The secrets
must stay secret until the audit: whoever plants seals the record.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa

from strongroom.errors import DataError, InputError, TamperedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from strongroom.data import Dataset

SCHEMA = "strongroom/plant/1"
DIGITS = "0123456789"
_STARTS = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z")
_VOWELS = ("a", "e", "i", "o", "u")


@dataclass(frozen=True)
class Template:
    """A sentence with a place for a secret.

    Attributes:
        before: the text before the secret.
        after: the text behind it.
        alphabet: the letters of a secret.
        length: how many of them it has.
    """

    before: str
    after: str = ""
    alphabet: str = DIGITS
    length: int = 6

    def __post_init__(self) -> None:
        if len(set(self.alphabet)) != len(self.alphabet) or len(self.alphabet) < 2:  # noqa: PLR2004 - one letter is no secret
            raise InputError("a canary's alphabet needs two or more letters, each once")
        if self.length < 1:
            raise InputError("a canary's secret needs a letter or more")

    @property
    def space(self) -> int:
        """How many secrets there could be."""
        return int(len(self.alphabet) ** self.length)

    def number(self, secret: str) -> int:
        """Return a secret's place among all of them, from 0."""
        found = 0
        for letter in secret:
            found = found * len(self.alphabet) + self.alphabet.index(letter)
        return found

    def secret(self, number: int) -> str:
        """Return the secret of a place."""
        letters = []
        for _ in range(self.length):
            number, letter = divmod(number, len(self.alphabet))
            letters.append(self.alphabet[letter])
        return "".join(reversed(letters))


@dataclass(frozen=True)
class Canary:
    """A sentence that was planted.

    Attributes:
        template: the sentence around the secret.
        secret: what stood in it.
        times: in how many rows.
        controls: secrets drawn alongside, for the same sentence, that were planted nowhere.
    """

    template: Template
    secret: str
    times: int
    controls: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What was planted."""
        return f"{self.template.before}{self.secret}{self.template.after}"

    def __repr__(self) -> str:
        return f"Canary({self.template.space:,} possible secrets, {self.times} times)"


@dataclass(frozen=True)
class Plant:
    """The record of what was planted; whoever holds it knows the secrets.

    Attributes:
        canaries: the sentences.
        column: where they stand.
        rows: how many rows there were before.
    """

    canaries: tuple[Canary, ...]
    column: str
    rows: int

    def __repr__(self) -> str:
        return f"Plant({len(self.canaries)} canaries among {self.rows:,} rows)"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, secrets included: to be sealed."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Plant:
        """Return what `to_json` gave.

        Raises:
            TamperedError: it isn't that.
        """
        if not isinstance(found, dict) or found.get("schema") != SCHEMA:
            raise TamperedError(f"not a record of planted canaries of format {SCHEMA}")
        try:
            canaries = tuple(
                Canary(
                    Template(**c["template"]), c["secret"], int(c["times"]), tuple(c["controls"])
                )
                for c in found["canaries"]
            )
            made = cls(canaries, str(found["column"]), int(found["rows"]))
        except (KeyError, TypeError, ValueError, InputError) as error:
            raise TamperedError("the record of planted canaries is damaged") from error
        for canary in canaries:
            for secret in (canary.secret, *canary.controls):
                fits = len(secret) == canary.template.length
                if not fits or not set(secret) <= set(canary.template.alphabet):
                    raise TamperedError("a secret of the record doesn't fit its canary")
        return made


class Coins(Protocol):
    """Where the secrets come from: `random.Random` with a seed, or the system's own coins."""

    def randrange(self, start: int, /) -> int:
        """Return a whole number from 0 and below `start`, each as likely."""


def plant(
    dataset: Dataset,
    times: Sequence[int] = (1, 1, 1, 1, 4, 4, 4, 4, 16, 16, 16, 16),
    *,
    column: str | None = None,
    templates: Sequence[Template] | None = None,
    length: int = 6,
    controls: int = 8,
    coins: Coins | None = None,
) -> tuple[Dataset, Plant]:
    """Put canaries into a dataset: as rows of their own, at random places.

    A row's other columns are those of a row drawn at random. If rows belong to people, a canary is
    one person, whom the data don't know, with all of its rows.

    Args:
        dataset: what will be learnt from.
        times: in how many rows each canary stands.
        column: of the text; by default the only column of text.
        templates: the sentences, one a canary; by default each is about a made-up name.
        length: of the secrets of the default sentences, in digits.
        controls: secrets a canary that are drawn too and planted nowhere.
        coins: by default the system's own; others only for tests.

    Raises:
        DataError: there is no such column of text, or there are no rows.
        InputError: a canary is planted less than once, or templates and times don't fit.
    """
    if not times or min(times) < 1:
        raise InputError("every canary is planted once or more; controls are drawn by themselves")
    if templates is not None and len(templates) != len(times):
        raise InputError(f"there are {len(templates)} templates for {len(times)} canaries")
    if not dataset.rows:
        raise DataError("there are no rows to hide canaries among", where=dataset.name)
    chosen = _column(dataset, column)
    draw: Coins = secrets.SystemRandom() if coins is None else coins
    sentences = templates or _sentences(len(times), length, draw)
    canaries = []
    for template, count in zip(sentences, times, strict=True):
        most = min(controls + 1, template.space)
        numbers = _distinct(most, template.space, draw)
        own, *others = (template.secret(n) for n in numbers)
        canaries.append(Canary(template, own, count, tuple(others)))
    record = Plant(tuple(canaries), chosen, dataset.rows)
    return _mixed(dataset, record, draw), record


def _column(dataset: Dataset, column: str | None) -> str:
    texts = [
        field.name
        for field in dataset.table.schema
        if pa.types.is_string(field.type) and field.name != dataset.subject
    ]
    if column is not None:
        dataset.require(column)
        texts = [name for name in texts if name == column]
    if len(texts) != 1:
        raise DataError(
            f"there are {len(texts)} columns of text to plant canaries in",
            where=dataset.name,
            hint="name the one that the model learns from: column=…",
        )
    return str(texts[0])


def _sentences(count: int, length: int, draw: Coins) -> list[Template]:
    names: set[str] = set()
    while len(names) < count:
        parts = [_STARTS[draw.randrange(len(_STARTS))] + _VOWELS[draw.randrange(5)] for _ in "123"]
        names.add("".join(parts).capitalize())
    return [Template(f"The code of {name} is ", length=length) for name in sorted(names)]


def _distinct(count: int, space: int, draw: Coins) -> list[int]:
    found: dict[int, None] = {}
    while len(found) < count:
        found[draw.randrange(space)] = None
    return list(found)


def _mixed(dataset: Dataset, record: Plant, draw: Coins) -> Dataset:
    """Return the rows with the canaries at random places among them."""
    texts, owners = [], []
    for number, canary in enumerate(record.canaries):
        texts += [canary.text] * canary.times
        owners += [number] * canary.times
    table = dataset.table
    copied = table.take(pa.array([draw.randrange(table.num_rows) for _ in texts], pa.int64()))
    copied = _with(copied, record.column, pa.array(texts, pa.string()))
    if dataset.subject is not None:
        kind = table.schema.field(dataset.subject).type
        people = _strangers(table.column(dataset.subject), len(record.canaries), kind)
        copied = _with(copied, dataset.subject, pa.array([people[o] for o in owners], kind))
    whole = pa.concat_tables([table, copied]).combine_chunks()
    order = np.arange(whole.num_rows)
    for kept in range(table.num_rows, whole.num_rows):
        other = draw.randrange(kept + 1)
        order[[kept, other]] = order[[other, kept]]
    return dataset.with_table(whole.take(pa.array(order)))


def _with(table: pa.Table, column: str, values: pa.Array) -> pa.Table:
    place = table.schema.get_field_index(column)
    return table.set_column(place, table.schema.field(column), values)


def _strangers(known: pa.ChunkedArray, count: int, kind: pa.DataType) -> list[Any]:
    """Return names of people that the data don't know."""
    taken = set(known.to_pylist())
    if pa.types.is_integer(kind):
        first = max((k for k in taken if k is not None), default=0) + 1
        return list(range(first, first + count))
    if pa.types.is_string(kind):
        made = (f"planted-{i}" for i in range(len(taken) + count))
        return [name for name in made if name not in taken][:count]
    raise DataError(f"people are named by {kind}: canaries can be planted beside text or numbers")
