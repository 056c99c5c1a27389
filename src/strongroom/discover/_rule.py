"""The Rule noun: one shape of one entity, as data that the engine compiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from strongroom.discover.checks import Check


@dataclass(frozen=True, slots=True)
class Rule:
    r"""What something personal looks like, and what proves it.

    Patterns are in a dialect that Python's `re` and the engine's automata read alike: literals,
    classes, `\d \w \s`, groups `(?:…)`, `|`, `*`, `+`, `?`, `{m,n}` and `(?i:…)`; no look-around,
    no references back, nothing lazy. Classes are ASCII; `\w` and negated classes also take what
    is beyond it, byte by byte of its UTF-8. Where several ends are possible, the longest span
    that also satisfies everything else wins; a lead may begin anywhere, and of several the longest
    counts. Time is linear in the text.

    Attributes:
        name: who says so, such as `national_id.pl`.
        entity: what it finds; Presidio's name where it has one. Empty for a whole that holds
            nothing personal: where it wins, what lies in it is hidden.
        pattern: what the span covers.
        score: 0 to 1, how sure it is without a word of context.
        lead: stands right before the span and isn't part of it.
        follow: stands right after the span and isn't part of it.
        bounded: no letter, digit or underscore may touch the span; with a lead, what stands left of
            it is the lead's own business.
        apart: where a digit, one of these characters and a digit meet at an edge of the span, it
            is part of a longer number, and no hit.
        compact: what must be left of the span, as a whole, when everything but its ASCII letters
            and digits is taken out and letters are made capitals; a pattern of the same dialect.
            The automaton of `pattern` stays small when it says where separators may stand, and
            this one says which digits.
        greedy: once something has the shape, nothing else is looked for from places inside of it,
            but secrets and what begins with a certain word; for long and unmistakable shapes.
        keywords: literals in any case, one of which lead and span together hold; texts without
            one are never looked at closely.
        check: a checksum over the span.
        entropy: least Shannon entropy of the span, bits per character.
        verify: the last word on a candidate that passed everything else; for rare kinds.
        validated: check, verify or grammar prove it.
        context: words, in small letters, that make it likelier when near. Of these and those that
            speak against it the nearest decides; words before it are nearer than words after it.
        context_score: the score then; unchanged if None.
        against: words, in small letters, that speak against it when near.
        against_score: the score then.
        countries: ISO 3166 codes it belongs to; empty means everywhere. Outside of the chosen
            countries it counts only beside a word of its context.
        examples: texts that hold one.
        lookalikes: texts that hold none.
    """

    name: str
    entity: str
    pattern: str
    score: float
    lead: str = ""
    follow: str = ""
    bounded: bool = True
    apart: str = ".-/"
    compact: str = ""
    greedy: bool = False
    keywords: tuple[str, ...] = ()
    check: Check | None = None
    entropy: float = 0.0
    verify: Callable[[str], bool] | None = None
    validated: bool = False
    context: tuple[str, ...] = ()
    context_score: float | None = None
    against: tuple[str, ...] = ()
    against_score: float = 0.0
    countries: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    lookalikes: tuple[str, ...] = ()
