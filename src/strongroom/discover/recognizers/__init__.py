"""One file per family of recognizers, the list of them, and the door for strangers.

A recognizer of your own: one class with `name`, `entities` and `find` (see
`strongroom.discover.Recognizer`) whose constructor takes the `DiscoverSpec`, named under the
entry-point group `strongroom.recognizers` of your package.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from strongroom.discover._custom import custom
from strongroom.discover._detection import Recognizer
from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from strongroom.config import DiscoverSpec
    from strongroom.discover._rule import Rule

GROUP = "strongroom.recognizers"

BUILT_IN: tuple[Callable[[DiscoverSpec], Recognizer], ...] = ()
"""Recognizers of our own that read one text at a time: none; everything is rules."""

FAMILIES: tuple[ModuleType, ...] = tuple(
    import_module(f"{__name__}.{name}")
    for name in (
        "age",
        "bic",
        "coordinates",
        "credit_card",
        "crypto",
        "date",
        "device",
        "document_field",
        "email",
        "iban",
        "identifiers",
        "ip_address",
        "national_id",
        "passport",
        "phone",
        "secrets",
        "url",
        "us_numbers",
        "us_ssn",
        "vehicle",
        "whole",
        "zip_code",
    )
)
"""Files of rules: each has `RULES`, or `rules_for(spec)` where they depend on the specification."""


def load_rules(spec: DiscoverSpec) -> tuple[Rule, ...]:
    """Return the rules of all families."""
    found: list[Rule] = []
    for family in FAMILIES:
        found += family.rules_for(spec) if hasattr(family, "rules_for") else family.RULES
    return tuple(found)


@lru_cache(maxsize=16)
def load_recognizers(spec: DiscoverSpec) -> tuple[Recognizer, ...]:
    """Return the recognizers of installed packages and of the specification, made for it.

    Raises:
        ConfigError: a file of recognizers can't be used.
        InputError: an installed package offers something that isn't a recognizer.
    """
    found = [*(make(spec) for make in BUILT_IN), *custom(spec).recognizers]
    for entry in sorted(entry_points(group=GROUP), key=lambda e: (e.name, e.value)):
        try:
            one = entry.load()(spec)
        except Exception as error:
            raise InputError(
                f'the recognizer "{entry.name}" of an installed package does not load: {error}',
                where=entry.value,
                hint="update or uninstall that package",
            ) from error
        if not isinstance(one, Recognizer):
            raise InputError(
                f'"{entry.name}" is offered as a recognizer and is none',
                where=entry.value,
                hint="a recognizer has name, entities and find(text)",
            )
        found.append(one)
    return tuple(found)
