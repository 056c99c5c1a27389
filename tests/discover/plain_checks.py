"""The plain twin of the check-digit kernel: the same programs, run step by step on lists."""

from __future__ import annotations

from datetime import date

from strongroom.discover.checks import _instructions as op
from strongroom.discover.checks._kernels import ROOM

D5 = [[int(c) for c in row] for row in (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210")]  # fmt: skip
STEP = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
DAMM = [[int(c) for c in row] for row in (
    "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790")]  # fmt: skip


class Fails(Exception):  # noqa: N818 - a step of the way, no error
    """A demand isn't met."""


def read(text: str) -> list[int]:
    return [int(c, 36) for c in text if c.isascii() and c.isalnum()]


def passes(text: str, program: tuple[int, ...]) -> bool:
    """Say whether a text satisfies a program."""
    return 0 < len(read(text)) <= ROOM and _Run(text, program).result()


class _Run:
    def __init__(self, text: str, program: tuple[int, ...]) -> None:
        self.bytes, self.program = text.encode(), program
        self.text, self.symbols = text, read(text)
        self.at, self.value = 0, 0
        self.rescue: int | None = None
        self.kept = [0, 0, 0]

    def take(self, many: int = 1) -> list[int]:
        self.at += many
        return list(self.program[self.at - many : self.at])

    def result(self) -> bool:
        while True:
            try:
                if self.step():
                    return True
            except Fails:
                if self.rescue is None:
                    return False
                self.at, self.rescue = self.rescue, None

    def demand(self, met: object) -> None:
        if not met:
            raise Fails

    def place(self, at: int) -> int:
        at += len(self.symbols) if at < 0 else 0
        self.demand(0 <= at < len(self.symbols))
        return at

    def stretch(self) -> tuple[int, int]:
        first, many = self.take(2)
        first += len(self.symbols) if first < 0 else 0
        many += len(self.symbols) - first if many <= 0 else 0
        return first, many

    def step(self) -> bool:  # noqa: C901, PLR0912, PLR0915 - one branch per instruction
        (code,) = self.take()
        s = self.symbols
        if code == op.END:
            return True
        if code <= op.LAST_WITH_PLACE:
            first, many = self.stretch()
            operands = {op.PURE: 2, op.MAP: 2}.get(code, 0)
            more = self.take(operands)
            if code in {op.WEIGHTED, op.DIGITS_WEIGHTED}:
                more = self.take(self.program[self.at - 1])
            if code == op.MAP:
                more = [more[0], *self.take(more[1])]
            self.demand(first >= 0 and many >= 0 and first + many <= len(s))
            part = s[first : first + many]
            if code == op.NUMBER:
                self.demand(all(v < 10 for v in part))
                self.value = int("".join(map(str, part)) or "0") % 10**18
            elif code == op.WEIGHTED:
                self.value = sum(w * v for w, v in zip(more, part, strict=True))
            elif code == op.DIGITS_WEIGHTED:
                products = [w * v for w, v in zip(more, part, strict=True)]
                self.value = sum(p // 10 + p % 10 for p in products)
            elif code == op.PURE:
                radix, modulus = more
                if radix == 10:
                    self.value = int("".join(map(str, part)) or "0") % modulus
                else:
                    self.value = sum(
                        v * radix**i for i, v in enumerate(reversed(part))
                    ) % modulus  # fmt: skip
            elif code == op.MAP:
                step, *entries = more
                for i in range(first, first + many, step):
                    self.demand(s[i] < len(entries) and entries[s[i]] >= 0)
                    s[i] = entries[s[i]]
            elif code == op.REPEATS:
                self.value = 100 * len(set(part)) + max((part.count(v) for v in part), default=0)
            else:
                self.demand_group(code, part)
        elif code == op.EQUALS:
            self.demand(s[self.place(self.take()[0])] == self.value)
        elif code == op.SYMBOL:
            self.value = s[self.place(self.take()[0])]
        elif code == op.PUT:
            s[self.place(self.take()[0])] = self.value
        elif code == op.LENGTH:
            least, most = self.take(2)
            self.demand(least <= len(s) <= most)
        elif code == op.MODULO:
            self.value %= self.take()[0]
        elif code == op.AFFINE:
            factor, addend = self.take(2)
            self.value = factor * self.value + addend
        elif code == op.DIVIDE:
            self.value //= self.take()[0]
        elif code == op.TABLE:
            entries = self.take(self.take()[0])
            self.demand(0 <= self.value < len(entries) and entries[self.value] >= 0)
            self.value = entries[self.value]
        elif code == op.WITHIN:
            least, most = self.take(2)
            self.demand(least <= self.value <= most)
        elif code == op.AMONG:
            self.demand(self.value in self.take(self.take()[0]))
        elif code == op.STORE:
            self.kept[self.take()[0]] = self.value
        elif code == op.ADD:
            self.value += self.kept[self.take()[0]]
        elif code == op.RECALL:
            self.value = self.kept[self.take()[0]]
        elif code == op.DATE:
            try:
                date(*self.kept)
            except ValueError:
                raise Fails from None
        elif code == op.HYBRID:
            (modulus,) = self.take()
            check = modulus
            for v in s[:-1]:
                check = ((check + v) % modulus or modulus) * 2 % (modulus + 1)
            self.value = (check + s[-1]) % modulus
        elif code == op.ROTATE:
            (many,) = self.take()
            self.symbols = s[many:] + s[:many]
        elif code == op.BYTE:
            (at,) = self.take()
            self.demand(-len(self.bytes) <= at < len(self.bytes))
            self.value = self.bytes[at]
        elif code == op.COUNT:
            self.value = len(s)
        elif code == op.UNLESS:
            least, most, jump = self.take(3)
            self.at += 0 if least <= self.value <= most else jump
        elif code == op.SKIP:
            (jump,) = self.take()
            self.at += jump
        elif code == op.TRY:
            (jump,) = self.take()
            self.rescue = self.at + jump if jump else None
        else:
            assert code == op.RELOAD
            self.symbols = read(self.text)
        return False

    def demand_group(self, code: int, part: list[int]) -> None:
        if any(v >= 10 for v in part):
            self.value = -1
        elif code == op.LUHN:
            doubled = [sum(divmod(2 * v, 10)) if i % 2 else v for i, v in enumerate(part[::-1])]
            self.value = sum(doubled) % 10
        elif code == op.VERHOEFF:
            self.value = 0
            for i, v in enumerate(part[::-1]):
                for _ in range(i % 8):
                    v = STEP[v]  # noqa: PLW2901 - the permutation, i times
                self.value = D5[self.value][v]
        else:
            self.value = 0
            for v in part:
                self.value = DAMM[self.value][v]
