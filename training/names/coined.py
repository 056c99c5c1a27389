"""Names that nobody bears yet, spelt as known ones are: their sentence alone can tell what they are.

A chain of letters (Markov 1913) over names of a kind draws each letter after the three before it.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING

from training.names.people import ABROAD, HOME, pool

if TYPE_CHECKING:
    from random import Random

_ORDER = 3
_SHORTEST, _LONGEST = 3, 12
_TRIES = 20
_KINDS = {"first": ("first_name_female", "first_name_male"), "last": ("last_name",), "town": ()}


def coined(rng: Random, kind: str) -> str:
    """Coin a name of one word.

    Args:
        rng: decides.
        kind: `first`, `last` or `town`.
    """
    chain = _chain(kind)
    made = ""
    for _ in range(_TRIES):
        made = ""
        while len(made) <= _LONGEST:
            letter = rng.choice(chain[f"{'^' * _ORDER}{made}"[-_ORDER:]])
            if letter == "$":
                break
            made += letter
        if _SHORTEST <= len(made) <= _LONGEST:
            break
    return made.capitalize()


@cache
def _chain(kind: str) -> dict[str, str]:
    """Return the letters that follow each three, as often as they do."""
    following: dict[str, list[str]] = defaultdict(list)
    for name in _known(kind):
        marked = f"{'^' * _ORDER}{name.lower()}$"
        for i in range(_ORDER, len(marked)):
            following[marked[i - _ORDER : i]].append(marked[i])
    return {before: "".join(letters) for before, letters in following.items()}


def _known(kind: str) -> list[str]:
    from training.names.addresses import big_towns, towns

    if kind == "town":
        found = [t for home in ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "pl_PL", "tr_TR",
                                "id_ID", "sv_SE") for t in towns(home)]  # fmt: skip
        found += list(big_towns())
    else:
        locales = [home for homes in HOME.values() for home, _ in homes] + list(ABROAD)
        found = [n for locale in locales for what in _KINDS[kind] for n in pool(locale, what)]
    # In small letters a dotted capital I leaves its dot behind.
    return sorted({n for n in found if n.istitle() and n.lower().isalpha()})
