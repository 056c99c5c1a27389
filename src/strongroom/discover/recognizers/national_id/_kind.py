"""How a country's number becomes rules: its shapes, the words that name it, its check digits."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from strongroom.discover._rule import Rule
from strongroom.discover.checks import CHECKS

if TYPE_CHECKING:
    from collections.abc import Mapping

ENTITY = "NATIONAL_ID"
# How sure a shape is alone, once its check digits are right. What is below the least score of a
# scan counts only beside a word of its context.
BARE, AT_HOME, LETTERED, STRONG = 0.1, 0.5, 0.7, 0.8
NAMED = 0.95
# Said of the number of any country.
GENERIC = (
    "national", "identity", "identification", "citizen", "citizenship", "resident", "ausweis",
    "nationality", "taxpayer", "tax", "nid",
)  # fmt: skip
_CLASSES = {"9": r"\d", "A": "[A-Za-z]", "X": "[0-9A-Za-z]"}
_GENERIC_FROM = 10


def kind(
    name: str,
    words: str,
    shapes: Mapping[str, float],
    *,
    check: str | None = None,
    examples: tuple[str, ...] = (),
    entity: str = ENTITY,
    validated: bool | None = None,
) -> tuple[Rule, ...]:
    """Return the rules of one kind of number, one for every sureness of its shapes.

    Args:
        name: country and kind, "pl.pesel"; the check digits of that name prove it.
        words: what it is called, separated by blanks, in small letters.
        shapes: how it is written to how sure that is alone. 9 stands for a digit, A for a letter,
            X for either, everything else for itself.
        check: another name of check digits.
        examples: valid numbers.
        entity: another entity.
        validated: False if the check digits prove too little.
    """
    country = name.split(".", maxsplit=1)[0].upper()
    proof = CHECKS.get(check or name)
    own = tuple(words.split())
    rules = []
    ranked = sorted(shapes, key=lambda s: (shapes[s], s))
    for score, group in groupby(ranked, key=lambda s: shapes[s]):
        written = tuple(group)
        least = min(sum(c in _CLASSES for c in shape) for shape in written)
        rules.append(
            Rule(
                name=f"national_id.{name}",
                entity=entity,
                pattern="|".join(map(pattern_of, written)),
                score=score,
                check=proof,
                validated=proof is not None if validated is None else validated,
                context=own + (GENERIC if least >= _GENERIC_FROM else ()),
                context_score=NAMED,
                countries=(country,) if score <= AT_HOME else (),
                examples=tuple(f"{own[0]} {e}" for e in examples if _fits(e, written)),
            )
        )
    return tuple(rules)


def pattern_of(shape: str) -> str:
    r"""Return the regular expression of a shape: `999-AA` becomes `\d{3}\-[A-Za-z]{2}`."""
    parts: list[str] = []
    for letter, run in groupby(shape):
        many = len(list(run))
        one = _CLASSES.get(letter) or re.escape(letter)
        if not parts and many > 1:
            # Small letters at the start would make every word of a text worth a look.
            one = one.replace("a-z", "")
        parts.append(one if many == 1 else f"{one}{{{many}}}")
    return "".join(parts)


def _fits(example: str, shapes: tuple[str, ...]) -> bool:
    return any(re.fullmatch(pattern_of(shape), example) for shape in shapes)
