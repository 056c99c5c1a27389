"""Looks at a pickle opcode by opcode, without running one: an abstract unpickler.

It keeps the stack and the memo that a real unpickler would have, of stand-ins for values, so names
that are fetched, shuffled or memoized before use are seen as what they are. It fails closed: what
it doesn't understand, what two unpicklers read differently, and what never comes from an honest
pickler is a reason against the file.
"""

from __future__ import annotations

import pickletools
import re
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from strongroom.vault.inspection._rules import RECONSTRUCTORS, RULES
from strongroom.vault.inspection._values import (
    Const,
    Data,
    Items,
    Made,
    Name,
    Opaque,
    Persistent,
    Value,
    is_const,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from strongroom.vault.inspection._result import Report

_MOST_WORK = 2_000_000
_LONGEST_CONSTANT = 4096
_NEWEST_PROTOCOL = 5
_DOTTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_SHOWN = 120


class BrokenPickleError(ValueError):
    """The stream can't be followed further; the text says why."""


class _Mark:
    """Where a group of stack items begins."""


@dataclass
class Walk:
    """What was seen in one or more pickles.

    Attributes:
        report: the reasons against the file.
        result: what the pickle would give, when it was followed to its end.
        globals: the names that aren't allowed.
        storages: the torch storages it refers to, by key.
    """

    report: Report
    result: Value | None = None
    globals: list[str] = field(default_factory=list)
    storages: dict[str, Persistent] = field(default_factory=dict)


def walk(
    stream: BinaryIO,
    found: Walk,
    persistent: Callable[[Value], Persistent | None] | None = None,
) -> None:
    """Follow one pickle from the stream's position to just after its STOP.

    Args:
        stream: seekable.
        found: what is seen is added to it.
        persistent: reads persistent ids, where the format has them.
    """
    found.result = None
    machine = _Machine(found, persistent)
    try:
        with warnings.catch_warnings():
            # pickletools decodes escapes, and Python warns of odd ones with a piece of the file.
            warnings.simplefilter("ignore")
            machine.run(stream)
    except BrokenPickleError as error:
        found.report.doubt(f"the pickle is broken or unusual: {error}")
    except (ValueError, OverflowError, MemoryError, RecursionError):
        # pickletools' own complaints quote the file: leave them out of the reasons.
        found.report.doubt("the pickle is broken: an opcode or its argument can't be read")


class _Machine:
    def __init__(
        self, found: Walk, persistent: Callable[[Value], Persistent | None] | None
    ) -> None:
        self._found = found
        self._persistent = persistent
        self._stack: list[Value | _Mark] = []
        self._memo: dict[int, Value] = {}
        self._work = 0

    def run(self, stream: BinaryIO) -> None:
        start, frame_end = stream.tell(), 0
        for opcode, argument, at in pickletools.genops(stream):
            position, end = at or 0, stream.tell()
            if position < frame_end < end:
                # Unpicklers in C and in Python differ on what comes next.
                self._doubt("a frame ends inside an opcode")
            if opcode.name == "FRAME":
                if position < frame_end:
                    self._doubt("a frame inside a frame")
                frame_end = end + _index(argument)
            elif opcode.name == "PROTO":
                if position != start or _index(argument) > _NEWEST_PROTOCOL:
                    self._doubt("a protocol number in a wrong place, or too new")
            elif opcode.name == "STOP":
                if end < frame_end:
                    self._doubt("the last frame is longer than the pickle")
                self._stop()
                return
            else:
                self._spend(1)
                self._step(opcode.name, argument, end - position)
        raise BrokenPickleError("it doesn't end")

    def _stop(self) -> None:
        result = self._pop()
        if self._stack:
            raise BrokenPickleError("it leaves something behind")
        self._found.result = result

    def _spend(self, work: int) -> None:
        self._work += work
        if self._work > _MOST_WORK:
            raise BrokenPickleError("it takes too much work to load")

    def _step(self, name: str, argument: object, length: int) -> None:  # noqa: C901 - one case per group of opcodes
        match name:
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                value = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[name]
                self._stack.append(Const(value))
            case (
                "INT" | "BININT" | "BININT1" | "BININT2" | "LONG" | "LONG1" | "LONG4"
                | "FLOAT" | "BINFLOAT" | "STRING" | "BINSTRING" | "SHORT_BINSTRING"
                | "UNICODE" | "BINUNICODE" | "SHORT_BINUNICODE" | "BINUNICODE8"
                | "BINBYTES" | "SHORT_BINBYTES" | "BINBYTES8" | "BYTEARRAY8"
            ):  # fmt: skip
                self._stack.append(_constant(argument))
            case "EMPTY_LIST" | "EMPTY_DICT" | "EMPTY_TUPLE" | "EMPTY_SET":
                self._stack.append(_container(name.removeprefix("EMPTY_")))
            case "LIST" | "DICT" | "TUPLE" | "FROZENSET":
                self._stack.append(_container(name, self._to_mark(pairs=name == "DICT")))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                items = [self._pop() for _ in range(int(name[-1]))][::-1]
                self._stack.append(_container("TUPLE", items))
            case "MARK":
                self._stack.append(_Mark())
            case "POP" | "POP_MARK":
                self._discard(whole_group=name == "POP_MARK")
            case "DUP":
                self._stack.append(self._top())
            case "MEMOIZE" | "PUT" | "BINPUT" | "LONG_BINPUT":
                index = len(self._memo) if name == "MEMOIZE" else _index(argument)
                self._memo[index] = self._top()
            case "GET" | "BINGET" | "LONG_BINGET":
                if (index := _index(argument)) not in self._memo:
                    raise BrokenPickleError("it fetches what was never stored")
                self._stack.append(self._memo[index])
            case _:
                self._act(name, argument, length)

    def _act(self, name: str, argument: object, length: int) -> None:  # noqa: C901, PLR0912 - same
        match name:
            case "APPEND" | "SETITEM":
                items = [self._pop() for _ in range(1 if name == "APPEND" else 2)][::-1]
                self._fill("list" if name == "APPEND" else "dict", items)
            case "APPENDS" | "SETITEMS" | "ADDITEMS":
                kind = {"APPENDS": "list", "SETITEMS": "dict", "ADDITEMS": "set"}[name]
                self._fill(kind, self._to_mark(pairs=kind == "dict"))
            case "GLOBAL":
                self._stack.append(self._written_name(argument, length))
            case "STACK_GLOBAL":
                attribute, module = self._pop(), self._pop()
                self._stack.append(self._stacked_name(module, attribute))
            case "INST":
                arguments = self._to_mark()
                self._stack.append(self._call(self._written_name(argument, length), arguments))
            case "OBJ":
                if not (group := self._to_mark()):
                    raise BrokenPickleError("an object without a class")
                self._stack.append(self._call(group[0], group[1:]))
            case "REDUCE":
                arguments = self._arguments(self._pop())
                self._stack.append(self._call(self._pop(), arguments))
            case "NEWOBJ":
                arguments = self._arguments(self._pop())
                self._stack.append(self._new(self._pop(), arguments))
            case "NEWOBJ_EX":
                keywords, arguments = self._pop(), self._arguments(self._pop())
                if not isinstance(keywords, Items) or keywords.kind != "dict" or keywords.items:
                    arguments = [*arguments, Opaque()]
                self._stack.append(self._new(self._pop(), arguments))
            case "BUILD":
                self._build(self._pop(), self._top())
            case "PERSID" | "BINPERSID":
                identity = _constant(argument) if name == "PERSID" else self._pop()
                self._stack.append(self._fetch(identity))
            case "EXT1" | "EXT2" | "EXT4":
                self._unsafe("names something by a number in the loader's own registry")
                self._stack.append(Opaque())
            case _:
                raise BrokenPickleError(f"the opcode {name} isn't supported")

    def _pop(self) -> Value:
        value = self._top()
        self._stack.pop()
        return value

    def _top(self) -> Value:
        if not self._stack or isinstance(value := self._stack[-1], _Mark):
            raise BrokenPickleError("it takes more than there is")
        return value

    def _to_mark(self, *, pairs: bool = False) -> list[Value]:
        group: list[Value] = []
        while self._stack:
            value = self._stack.pop()
            if isinstance(value, _Mark):
                if pairs and len(group) % 2:
                    raise BrokenPickleError("a key without a value")
                self._spend(len(group))
                return group[::-1]
            group.append(value)
        raise BrokenPickleError("a group without a beginning")

    def _discard(self, *, whole_group: bool) -> None:
        if whole_group:
            self._to_mark()
        elif self._stack:
            self._stack.pop()
        else:
            raise BrokenPickleError("it takes more than there is")

    def _arguments(self, value: Value) -> list[Value]:
        if isinstance(value, Items) and value.kind == "tuple":
            self._spend(sum(len(v.items) for v in value.items if isinstance(v, Items)))
            return value.items
        return [Opaque()]

    def _written_name(self, argument: object, length: int) -> Value:
        """GLOBAL and INST: module and name on two lines of their own."""
        text = str(argument)
        module, _, name = text.partition(" ")
        # pickletools undoes backslash escapes, an unpickler doesn't: then the lengths differ.
        if len(text.encode()) + 2 != length:
            return self._odd_name()
        return self._name(module, name)

    def _stacked_name(self, module: Value, name: Value) -> Value:
        match module, name:
            case Const(value=str(left)), Const(value=str(right)):
                return self._name(left, right)
            case _:
                return self._odd_name()

    def _odd_name(self) -> Value:
        self._unsafe("names something in a way that hides what it is")
        return Opaque()

    def _name(self, module: str, name: str) -> Value:
        if not _DOTTED.fullmatch(module) or not _DOTTED.fullmatch(name):
            return self._odd_name()
        # A dotted name with a shorter module is another way to the same place: not on the list.
        if "." in name or f"{module}.{name}" not in RULES:
            self._found.globals.append(f"{module}.{name}"[:_SHOWN])
            self._unsafe(f"names {module}.{name}"[:_SHOWN])
            return Opaque()
        return Name(f"{module}.{name}")

    def _call(self, callee: Value, arguments: list[Value]) -> Value:
        if not isinstance(callee, Name):
            self._unsafe("calls something that isn't a plain, allowed name")
            return Opaque()
        if callee.path in RECONSTRUCTORS:
            return self._reconstruct(arguments)
        rule = RULES[callee.path]
        if rule.call is None or not rule.call(arguments):
            self._unsafe(f"calls {callee.path} in a way that no honest writer does")
            return Opaque()
        return Made(callee.path, tuple(arguments))

    def _reconstruct(self, arguments: list[Value]) -> Value:
        """`copyreg._reconstructor(cls, object, None)`: how protocols 0 and 1 make objects."""
        match arguments:
            case [Name() as made, Name(path="builtins.object" | "__builtin__.object"), nothing]:
                if is_const(nothing, None):
                    return self._new(made, [])
        self._unsafe("rebuilds an object in a way that no honest writer does")
        return Opaque()

    def _new(self, made: Value, arguments: list[Value]) -> Value:
        if isinstance(made, Name) and RULES[made.path].new and not arguments:
            return Made(made.path)
        self._unsafe("makes an object of a class that isn't allowed, or with unusual arguments")
        return Opaque()

    def _build(self, state: Value, target: Value) -> None:
        rule = RULES[target.path] if isinstance(target, Made) else None
        if rule is None or rule.state is None or not isinstance(target, Made):
            self._unsafe("changes the state of something that has none to change")
        elif not rule.state(target, state):
            self._unsafe(f"gives {target.path} a state that no honest writer gives it")
        else:
            target.state = state

    def _fill(self, kind: str, items: list[Value]) -> None:
        target = self._top()
        if isinstance(target, Items) and target.kind == kind and not target.frozen:
            target.items += items
        elif isinstance(target, Made) and RULES[target.path].fill == kind:
            target.filled = target.filled or bool(items)
        else:
            self._unsafe(f"fills something that isn't a {kind}")

    def _fetch(self, identity: Value) -> Value:
        fetched = self._persistent(identity) if self._persistent else None
        if fetched is None:
            self._unsafe("refers out of the pickle in a way that its format doesn't have")
            return Opaque()
        if self._found.storages.setdefault(fetched.key, fetched) != fetched:
            self._unsafe("refers to one storage in two ways")
        return fetched

    def _doubt(self, reason: str) -> None:
        self._found.report.doubt(f"the pickle is broken or unusual: {reason}")

    def _unsafe(self, reason: str) -> None:
        self._found.report.danger(reason)


def _constant(argument: object) -> Value:
    if isinstance(argument, bytes | bytearray) and len(argument) > _LONGEST_CONSTANT:
        return Data(len(argument))
    return Const(argument)


def _container(kind: str, items: list[Value] | None = None) -> Items:
    return Items(kind.lower(), items or [])  # type: ignore[arg-type]  # the opcodes are named after the kinds


def _index(argument: object) -> int:
    assert isinstance(argument, int)  # noqa: S101 - pickletools has read it as a number
    return argument
