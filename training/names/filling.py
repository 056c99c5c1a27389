r"""The small language that templates are written in, and how one becomes a sentence with marks.

A template is text with
    [a|b|c]       one of these, chosen at random; they nest, and one may be empty; without `|`
                  brackets are brackets
    {kind}        a value, such as {city}; {kind:x} is the same value wherever `x` stands again
    {##-??}       digits and capital letters
    <name>        one of the lines below `= name` in the same file
    \n            a line break, inside a choice or a line of alternatives
Files hold templates between lines of `--`, and alternatives as `= name`, a line each, up to an
empty line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from training.names.sentence import Sentence

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

Pieces = list[tuple[str, str]]
"""Stretches of text, each with its entity or ""."""

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{([^{}]+)\}")
_PART = re.compile(r"<([a-z_]+)>")
_MOST_PARTS = 200
_JOINED = ("PERSON", "DATE_TIME")  # first and last name, month and year


class Values(Protocol):
    """Where values come from."""

    def piece(self, kind: str, key: str) -> Pieces:
        """Return a value of a kind; the same for the same key within one text."""
        ...


@dataclass(frozen=True)
class Catalogue:
    """The templates of one file and the alternatives that they use."""

    name: str
    templates: tuple[str, ...]
    parts: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Catalogue:
        """Read a file of templates."""
        templates, parts = [], {}
        for block in re.split(r"(?m)^--\s*$\n?", path.read_text(encoding="utf-8")):
            left = block
            while match := re.match(r"\s*= (\w+)\n((?:.+\n?)+?)(?:\n|\Z)", left):
                parts[match[1]] = tuple(line for line in match[2].splitlines() if line)
                left = left[match.end() :]
            if left.strip():
                templates.append(left.strip("\n"))
        return cls(path.stem, tuple(templates), parts)

    @property
    def variety(self) -> float:
        """How much there is to choose from: a template counts as much as ten lines."""
        return len(self.templates) + sum(map(len, self.parts.values())) / 10

    def expand(self, template: str, rng: Random) -> str:
        """Make all choices; slots are left."""
        text = template
        for _ in range(_MOST_PARTS):
            if match := _CHOICE.search(text):
                options = match[1].split("|")
                chosen = options[int(rng.random() * len(options))]
                if len(options) == 1:
                    chosen = f"\x02{chosen}\x03"
            elif match := self._part(text):
                lines = self.parts[match[1]]
                chosen = lines[int(rng.random() * len(lines))]
            else:
                break
            text = text[: match.start()] + chosen + text[match.end() :]
        return text.replace("\x02", "[").replace("\x03", "]").replace("\\n", "\n")

    def _part(self, text: str) -> re.Match[str] | None:
        return next((m for m in _PART.finditer(text) if m[1] in self.parts), None)


def fill(text: str, values: Values, rng: Random, language: str, source: str) -> Sentence:
    """Put values into the slots of a text whose choices are made."""
    made, spans, at = "", list[tuple[int, int, str]](), 0
    for match in _SLOT.finditer(text):
        made += text[at : match.start()]
        for piece, entity in _pieces(match[1], values, rng):
            joins = spans and made.endswith(" ") and spans[-1][1] == len(made) - 1
            if joins and entity in _JOINED and spans[-1][2] == entity:
                spans[-1] = (spans[-1][0], len(made) + len(piece), entity)
            elif entity:
                spans.append((len(made), len(made) + len(piece), entity))
            made += piece
        at = match.end()
    return Sentence(made + text[at:], tuple(spans), language, source)


def _pieces(slot: str, values: Values, rng: Random) -> Pieces:
    if "#" in slot or "?" in slot:
        letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
        return [(re.sub("[#?]", lambda m: _symbol(m[0], letters, rng), slot), "")]
    kind, _, key = slot.partition(":")
    return values.piece(kind, key)


def _symbol(mark: str, letters: str, rng: Random) -> str:
    return str(int(rng.random() * 10)) if mark == "#" else letters[int(rng.random() * len(letters))]


def recased(sentence: Sentence, how: str) -> Sentence:
    """Return a sentence in small letters or in capitals, where that keeps its length."""
    text = sentence.text.lower() if how == "lower" else sentence.text.upper()
    if len(text) != len(sentence.text):
        return sentence
    return Sentence(text, sentence.spans, sentence.language, sentence.source)


def quoted(sentence: Sentence, mark: str) -> Sentence:
    """Return a sentence whose lines begin with a mark, as mails quote one another.

    A span over several lines stays one span, marks and all.
    """
    moved = [0] * (len(sentence.text) + 1)
    made = mark
    for i, letter in enumerate(sentence.text):
        moved[i] = len(made)
        made += letter
        if letter == "\n":
            made += mark
    moved[len(sentence.text)] = len(made)
    spans = tuple((moved[s], moved[e - 1] + 1, kind) for s, e, kind in sentence.spans)
    return Sentence(made, spans, sentence.language, sentence.source)
