"""What stands for a value while a pickle is looked at: enough to check, never the thing itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias


@dataclass(frozen=True)
class Const:
    """A number, text, short bytes, True, False or None."""

    value: object


@dataclass(frozen=True)
class Data:
    """Bytes too long to be worth keeping."""

    length: int


@dataclass(frozen=True)
class Name:
    """A global, found by import when the pickle is loaded: `module.name`."""

    path: str


@dataclass(eq=False)
class Items:
    """A container. A dict holds its keys and values by turns; nothing more fits in a frozen one."""

    kind: Literal["tuple", "list", "dict", "set", "frozenset"]
    items: list[Value] = field(default_factory=list)
    frozen: bool = False


@dataclass(eq=False)
class Made:
    """What a call to the global `path` with `args` gives; `state` is what BUILD gave it.

    `element` is, for a NumPy type, its size in bytes and whether it holds objects; a frozen type
    is in use and mustn't change any more.
    """

    path: str
    args: tuple[Value, ...] = ()
    state: Value | None = None
    filled: bool = False
    frozen: bool = False
    element: tuple[int, bool] | None = None


@dataclass(frozen=True)
class Persistent:
    """A reference out of the pickle, such as a torch storage; `elements` of `item_size` bytes."""

    key: str
    elements: int
    item_size: int


@dataclass(frozen=True)
class Opaque:
    """Something that was already complained about."""


Value: TypeAlias = Const | Data | Name | Items | Made | Persistent | Opaque


def is_int(value: Value, low: int = 0, high: int = (1 << 63) - 1) -> bool:
    """Say whether it is an integer constant between `low` and `high`."""
    return isinstance(value, Const) and type(value.value) is int and low <= value.value <= high


def ints_of(value: Value) -> list[int] | None:
    """Return the numbers of a tuple of natural numbers (or torch.Size of one), else None."""
    if isinstance(value, Made) and value.path == "torch.Size" and len(value.args) == 1:
        return ints_of(value.args[0])
    if not isinstance(value, Items) or value.kind != "tuple":
        return None
    numbers = [v.value for v in value.items if isinstance(v, Const) and is_int(v)]
    return numbers if len(numbers) == len(value.items) else None  # type: ignore[return-value]  # is_int has said so


def is_const(value: Value, *allowed: object) -> bool:
    """Say whether it is one of these constants, of the same type."""
    return isinstance(value, Const) and any(
        type(value.value) is type(a) and value.value == a for a in allowed
    )


FLAG = (False, True)
_BYTES = frozenset(
    {"_codecs.encode"}
    | {f"{m}.{n}" for m in ("builtins", "__builtin__") for n in ("bytes", "bytearray")}
)


def is_bytes(value: Value) -> bool:
    """Say whether it is bytes, in either of the ways that pickles have."""
    match value:
        case Data() | Const(value=bytes() | bytearray()):
            return True
        case Made(path=path) if path in _BYTES:
            return True
        case _:
            return False


def is_empty_call(value: Value, *paths: str) -> bool:
    """Say whether it is a fresh object of one of these classes, with nothing in it."""
    return (
        isinstance(value, Made)
        and value.path in paths
        and not (value.args or value.state or value.filled)
    )
