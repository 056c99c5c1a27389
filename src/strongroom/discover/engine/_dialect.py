r"""Reads the patterns of rules: a dialect of regular expressions that is regular indeed.

Literals, `.`, classes, `\d \w \s` and their complements, `(?:…)`, `(?i:…)`, `|`, `*`, `+`, `?` and
`{m,n}`. Whatever would take more than one look at a byte is refused, so that time stays linear.
A pattern describes the bytes of UTF-8: what isn't ASCII stands in it as a sequence of bytes, `\w`
and complements take any byte beyond ASCII, and a complement's repetitions count bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_REPEATS = 1_000
"""A larger upper bound of a repetition is refused: it would need a state for every turn."""

MOST_NESTED = 50


@dataclass(frozen=True, slots=True)
class Bytes:
    """One byte out of a set; bit i of `mask` is byte i."""

    mask: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts one after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part between `least` and `most` times; None is any number."""

    part: Node
    least: int
    most: int | None


Node: TypeAlias = Bytes | Sequence | Choice | Repeat

EMPTY = Sequence(())
ALL = (1 << 256) - 1
_BEYOND = ALL ^ ((1 << 128) - 1)


def _mask(test: Callable[[int], bool]) -> int:
    return sum(1 << byte for byte in range(128) if test(byte))


_CLASSES = {
    "d": _mask(lambda b: chr(b).isdigit()),
    "s": _mask(lambda b: chr(b) in " \t\n\r\f\v"),
    "w": _mask(lambda b: chr(b).isalnum() or b == ord("_")) | _BEYOND,
}
_CLASSES |= {name.upper(): ALL ^ mask for name, mask in _CLASSES.items()}
WORD = _CLASSES["w"]
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_COUNT = re.compile(r"\{(\d{0,6})(,?)(\d{0,6})\}")


def parse(pattern: str) -> Node:
    """Read a pattern.

    Raises:
        InputError: it isn't of the dialect; the message says what and at which place.
    """
    reader = _Reader(pattern)
    node = reader.choice(fold=False)
    if reader.at < len(pattern):
        raise reader.wrong("there is a parenthesis too many")
    return node


class _Reader:
    """A pattern, and how far it has been read."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0

    def wrong(self, what: str) -> InputError:
        return InputError(
            f"this pattern can't be used: {what}",
            where=f"character {self.at + 1} of the pattern",
            hint=r"literals, classes, \d \w \s, (?:…), (?i:…), | * + ? and {m,n} are understood",
        )

    def looking_at(self, text: str) -> bool:
        return self.pattern.startswith(text, self.at)

    def take(self) -> str:
        if self.at >= len(self.pattern):
            raise self.wrong("it ends too early")
        self.at += 1
        return self.pattern[self.at - 1]

    def choice(self, *, fold: bool, depth: int = 0) -> Node:
        if depth > MOST_NESTED:
            raise self.wrong(f"parentheses go {MOST_NESTED} deep")
        parts = [self.sequence(fold=fold, depth=depth)]
        while self.looking_at("|"):
            self.at += 1
            parts.append(self.sequence(fold=fold, depth=depth))
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def sequence(self, *, fold: bool, depth: int) -> Node:
        parts: list[Node] = []
        while self.at < len(self.pattern) and not (self.looking_at("|") or self.looking_at(")")):
            parts.append(self.repeated(self.atom(fold=fold, depth=depth)))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def repeated(self, part: Node) -> Node:
        counted = _COUNT.match(self.pattern, self.at)
        if self.at < len(self.pattern) and self.pattern[self.at] in "*+?":
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[self.take()]
        elif counted and (counted[1] or counted[3]):
            self.at = counted.end()
            least = int(counted[1] or 0)
            most = int(counted[3]) if counted[3] else None if counted[2] else least
            if (
                least > MOST_REPEATS
                or (most or 0) > MOST_REPEATS
                or (most is not None and most < least)
            ):
                raise self.wrong(f"repetitions go up to {MOST_REPEATS}, from less to more")
        else:
            return part
        if self.at < len(self.pattern) and self.pattern[self.at] in "?+*":
            raise self.wrong("a repetition can't be lazy, possessive or repeated itself")
        return Repeat(part, least, most)

    def atom(self, *, fold: bool, depth: int) -> Node:  # noqa: C901 - one branch per kind of atom
        char = self.take()
        if char == "(":
            if self.looking_at("?:"):
                self.at += 2
            elif self.looking_at("?i:"):
                self.at, fold = self.at + 3, True
            elif self.looking_at("?"):
                raise self.wrong("it looks around, refers back or sets a flag")
            inside = self.choice(fold=fold, depth=depth + 1)
            if not self.looking_at(")"):
                raise self.wrong("a parenthesis isn't closed")
            self.at += 1
            return inside
        if char == "[":
            return self.bracket(fold=fold)
        if char == ".":
            return Bytes(ALL ^ (1 << ord("\n")))
        if char in "*+?":
            raise self.wrong("nothing stands before the repetition")
        if char in "^$":
            raise self.wrong("it can't be tied to the beginning or the end of a text")
        if char == "\\":
            named, char = self.escape()
            if named:
                return Bytes(named)
        return _literal(char, fold=fold)

    def escape(self) -> tuple[int, str]:
        """Read what follows a backslash: a named class as a mask, or one character."""
        char = self.take()
        if char in _CLASSES:
            return _CLASSES[char], ""
        if char == "x":
            try:
                value = int(self.take() + self.take(), 16)
            except ValueError:
                raise self.wrong(r"\x needs two hexadecimal digits") from None
            return 0, chr(value)
        if char in _ESCAPES:
            return 0, _ESCAPES[char]
        if char.isalnum():
            raise self.wrong(f"\\{char} isn't understood")
        return 0, char

    def bracket(self, *, fold: bool) -> Node:
        negated = self.looking_at("^")
        self.at += negated
        mask, beyond, first = 0, [], True
        while first or not self.looking_at("]"):
            first = False
            named, low = self.member()
            if named:
                mask |= named
                continue
            high = low
            if self.looking_at("-") and not self.looking_at("-]"):
                self.at += 1
                named, high = self.member()
                if named or high < low:
                    raise self.wrong("a range of a class runs from less to more")
            if high < "\x80":
                mask |= sum(1 << b for b in range(ord(low), ord(high) + 1))
            elif low == high:
                beyond.append(low)
            else:
                raise self.wrong("a range of a class stays within ASCII")
        self.at += 1
        if fold:
            mask = _folded(mask)
        if negated:
            return Bytes((ALL ^ mask) | _BEYOND)
        others = [_literal(char, fold=fold) for char in beyond]
        return Choice((*([Bytes(mask)] if mask else ()), *others)) if others else Bytes(mask)

    def member(self) -> tuple[int, str]:
        char = self.take()
        return self.escape() if char == "\\" else (0, char)


def _literal(char: str, *, fold: bool) -> Node:
    variants = {char, char.lower(), char.upper()} if fold else {char}
    coded = sorted({v.encode() for v in variants})
    if all(len(code) == 1 for code in coded):
        return Bytes(sum(1 << code[0] for code in coded))
    return Choice(tuple(Sequence(tuple(Bytes(1 << b) for b in code)) for code in coded))


def _folded(mask: int) -> int:
    capitals = (mask >> ord("A")) & ((1 << 26) - 1)
    small = (mask >> ord("a")) & ((1 << 26) - 1)
    return mask | small << ord("A") | capitals << ord("a")
