"""The one way out of a site: a table of what each kind of answer may carry, and a count.

It fails closed: a kind, a fact or an array that isn't in the table, or is of another type, length
or shape than stands there, doesn't leave, whoever made it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from strongroom.config import ColumnSpec
from strongroom.errors import RefusedError
from strongroom.federate._message import TYPES, Kind, MessageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from strongroom.federate._message import Message

    Check = Callable[[Any], bool]

_WORDS = 2000
_NAME = 500
_COLUMNS = 10_000
_CATEGORIES, _CATEGORY = 4096, 200
_STATEMENT = 4_000_000
_ROW = 256  # bytes of one entry of a secure sum's tables: shares and signatures, never numbers


class LeakError(RefusedError):
    """An answer that may not leave. A bug at the site, if it ever happens."""


@dataclass(frozen=True)
class Passes:
    """What an answer of one kind may carry.

    Attributes:
        facts: by name, what tells whether a value may.
        arrays: by name, the types and the axes; "d" stands for the parameters of the job's model,
            or the numbers that a query asks for, "d+1" for one more, an integer for the most.
    """

    facts: Mapping[str, Check] = field(default_factory=dict)
    arrays: Mapping[str, tuple[tuple[str, ...], tuple[int | str, ...]]] = field(
        default_factory=dict
    )


def text(most: int = _WORDS) -> Check:
    """Texts up to a length."""
    return lambda value: isinstance(value, str) and len(value) <= most


def _hexes(digits: int) -> Check:
    pattern = re.compile(f"[0-9a-f]{{{digits}}}")
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _count(value: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53


def _number(value: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(value, float) and math.isfinite(value)


def _true(value: Any) -> bool:  # noqa: ANN401 - JSON
    return value is True


def _by_column(each: Check) -> Check:
    name = text(_NAME)

    def check(value: Any) -> bool:  # noqa: ANN401 - JSON
        return (
            isinstance(value, dict)
            and len(value) <= _COLUMNS
            and all(name(key) and each(one) for key, one in value.items())
        )

    return check


def _names(value: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(value, list) and len(value) <= _COLUMNS and all(map(text(_NAME), value))


def _categories(value: Any) -> bool:  # noqa: ANN401 - JSON
    short = text(_CATEGORY)
    return isinstance(value, list) and len(value) <= _CATEGORIES and all(map(short, value))


def _declaration(value: Any) -> bool:  # noqa: ANN401 - JSON
    try:
        ColumnSpec.model_validate(value)
    except ValidationError:
        return False
    return True


def _envelope(value: Any) -> bool:  # noqa: ANN401 - JSON
    return (
        isinstance(value, dict)
        and set(value) == {"payload", "payloadType", "signatures"}
        and text(_STATEMENT)(value["payload"])
        and text(_NAME)(value["payloadType"])
        and isinstance(value["signatures"], list)
        and len(value["signatures"]) == 1
        and set(value["signatures"][0]) == {"keyid", "sig"}
        and all(map(text(_NAME), value["signatures"][0].values()))
    )


_TABLE = (("uint8",), (_COLUMNS, _ROW))
_SIGNATURE = (("uint8",), (64,))

EXITS: Mapping[Kind, Passes] = {
    Kind.DESCRIBE: Passes(
        {
            "site": text(40),
            "version": text(40),
            "key": text(100),
            "columns": _by_column(text(200)),
            "features": _names,
            "target": lambda value: value is None or text(_NAME)(value),
            "declarations": _by_column(_declaration),
            "rows": _count,
        }
    ),
    Kind.PROPOSE: Passes(
        {"digest": _hexes(64), "weight": _count, "key": text(100), "signature": _hexes(128)}
    ),
    Kind.TRAIN: Passes(
        {"weight": _count, "ready": _true},
        {"update": (("float32",), ("d",)), "control": (("float32",), ("d",))},
    ),
    Kind.GROW: Passes(
        {"weight": _count, "ready": _true},
        {"update": (("float32",), ("d",))},
    ),
    Kind.KEYS: Passes(arrays={"keys": (("uint8",), (_ROW,))}),
    Kind.SHARES: Passes(arrays={"shares": _TABLE}),
    Kind.SUBMIT: Passes(
        arrays={"masked": (("uint32", "uint64"), ("d+1",)), "signature": _SIGNATURE}
    ),
    Kind.CONFIRM: Passes(arrays={"signature": _SIGNATURE}),
    Kind.UNMASK: Passes(arrays={"shares": _TABLE}),
    Kind.EVALUATE: Passes({"rows": _count, "right": _count, "log_loss": _number}),
    # Names that passed a noisy threshold; their number isn't seen in the shape of the values.
    Kind.ANALYSE: Passes({"names": _by_column(_categories)}, {"values": (("float64",), ("d",))}),
    Kind.FINISH: Passes({"statement": _envelope}),
    Kind.STOP: Passes(),
    Kind.REFUSED: Passes({"why": text(), "hint": text(), "pending": _true, "about": text(40)}),
}
"""What may leave a site, by the kind of the answer. Nothing else does."""


@dataclass
class Traffic:
    """How much went through one job's door.

    Attributes:
        sent, received: kind to [messages, bytes].
    """

    sent: dict[str, list[int]] = field(default_factory=dict)
    received: dict[str, list[int]] = field(default_factory=dict)

    def count(self, request: Message, answer: Message) -> None:
        """Count both."""
        for table, message in ((self.received, request), (self.sent, answer)):
            entry = table.setdefault(message.kind.value, [0, 0])
            entry[0] += 1
            entry[1] += _size(message)

    @property
    def bytes_sent(self) -> int:
        """All that left."""
        return sum(size for _, size in self.sent.values())

    def to_json(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return plain JSON values."""
        return {
            way: {
                kind: {"messages": messages, "bytes": size}
                for kind, (messages, size) in sorted(table.items())
            }
            for way, table in (("sent", self.sent), ("received", self.received))
        }


def _size(message: Message) -> int:
    try:
        return message.size
    except MessageError:  # it never came over a wire
        return 0


def check_leaving(answer: Message, size: int) -> None:
    """Hold an answer against the table.

    Args:
        answer: what is about to leave.
        size: parameters of the job's model, or numbers of the query; 0 outside of a job.

    Raises:
        LeakError: it may not.
    """
    passes = EXITS.get(answer.kind)
    if passes is None:
        raise LeakError(f"nothing of the kind {answer.kind} leaves this site")
    for name, value in answer.facts.items():
        if name not in passes.facts or not passes.facts[name](value):
            raise LeakError(f'the fact "{name}" of a {answer.kind} may not leave like that')
    for name, array in answer.arrays.items():
        types, axes = passes.arrays.get(name, ((), ()))
        kinds = {TYPES[kind] for kind in types}
        if (
            array.dtype not in kinds
            or len(array.shape) != len(axes)
            or not all(
                _fits(have, axis, size) for have, axis in zip(array.shape, axes, strict=True)
            )
        ):
            raise LeakError(f'the array "{name}" of a {answer.kind} may not leave like that')
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise LeakError(f'the array "{name}" of a {answer.kind} holds numbers not finite')


def _fits(have: int, axis: int | str, size: int) -> bool:
    if isinstance(axis, int):
        return have <= axis
    return size > 0 and have == size + (axis == "d+1")
