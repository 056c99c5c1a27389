r"""The one thing that crosses between a site and the coordinator: a typed message, strictly read.

    b"SRMSG1\n" | header length, uint32 little-endian | header, canonical JSON | arrays, in order

The header is `{"kind", "job", "round", "nonce", "facts", "arrays": [{"name", "type", "shape"}]}`.
Arrays are little-endian and C-contiguous. Nothing here can carry code or objects, and what doesn't
fit the description to the byte is refused.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from strongroom.errors import InputError
from strongroom.vault import canonical_json, strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MAGIC = b"SRMSG1\n"
_LENGTH = struct.Struct("<I")
_MOST_HEADER = 1 << 22
_MOST_ARRAYS = 1024
_MOST_AXES = 8
_KEYS = {"kind", "job", "round", "nonce", "facts", "arrays"}
# The types that may cross, by the name that stands in the header.
TYPES: Mapping[str, np.dtype[Any]] = {
    name: np.dtype(code)
    for name, code in {
        "float32": "<f4",
        "float64": "<f8",
        "uint8": "|u1",
        "uint32": "<u4",
        "uint64": "<u8",
        "int64": "<i8",
    }.items()
}
_NAMES = {dtype: name for name, dtype in TYPES.items()}


class Kind(StrEnum):
    """What a message is. A request and its answer have the same kind, unless it is refused."""

    DESCRIBE = "describe"
    PROPOSE = "propose"
    ANALYSE = "analyse"
    TRAIN = "train"
    KEYS = "keys"
    SHARES = "shares"
    SUBMIT = "submit"
    CONFIRM = "confirm"
    UNMASK = "unmask"
    EVALUATE = "evaluate"
    GROW = "grow"
    FINISH = "finish"
    STOP = "stop"
    REFUSED = "refused"


class MessageError(InputError):
    """Bytes that are no message, or a message that isn't the one that was asked for."""


@dataclass(frozen=True)
class Message:
    """One request or one answer.

    Attributes:
        kind: what it is.
        job: the run that it belongs to, hex.
        round: from 1; 0 before and after the rounds.
        nonce: made by who asks, repeated by who answers: an old answer isn't taken for a new one.
        facts: JSON values.
        arrays: by name; float arrays hold finite numbers.
    """

    kind: Kind
    job: str = ""
    round: int = 0
    nonce: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return the bytes that `decode` reads.

        Raises:
            MessageError: facts that aren't JSON, an array of a type that may not cross, NaN.
        """
        header = self._header()
        arrays = []
        for name, array in self.arrays.items():
            _check_finite(name, array)
            arrays.append(np.ascontiguousarray(array, _little(array)).tobytes())
        return b"".join([MAGIC, _LENGTH.pack(len(header)), header, *arrays])

    @property
    def size(self) -> int:
        """How many bytes `encode` gives, without making them.

        Raises:
            MessageError: as there, but for NaN.
        """
        bodies = sum(array.nbytes for array in self.arrays.values())
        return len(MAGIC) + _LENGTH.size + len(self._header()) + bodies

    def _header(self) -> bytes:
        told = []
        for name, array in self.arrays.items():
            dtype = _little(array)
            if dtype not in _NAMES:
                raise MessageError(f'"{name}": arrays of {array.dtype} may not leave')
            told.append({"name": name, "type": _NAMES[dtype], "shape": list(array.shape)})
        head = {
            "kind": self.kind.value,
            "job": self.job,
            "round": self.round,
            "nonce": self.nonce,
            "facts": dict(self.facts),
            "arrays": told,
        }
        try:
            return canonical_json(head)
        except (TypeError, ValueError) as error:
            raise MessageError(f"facts that aren't JSON: {error}") from error

    @classmethod
    def decode(cls, data: bytes, *, most: int = 1 << 30) -> Self:
        """Read a message, or refuse.

        Args:
            data: all of it.
            most: bytes that it may have.

        Raises:
            MessageError: anything else than a whole message; says what.
        """
        if len(data) > most:
            raise MessageError(f"a message of {len(data):,} bytes, where {most:,} are allowed")
        start = len(MAGIC) + _LENGTH.size
        if data[: len(MAGIC)] != MAGIC or len(data) < start:
            raise MessageError("not a message of this version")
        (length,) = _LENGTH.unpack_from(data, len(MAGIC))
        if length > min(_MOST_HEADER, len(data) - start):
            raise MessageError("a message that is cut off")
        try:
            head = strict_json(data[start : start + length])
        except ValueError as error:
            raise MessageError(f"a header that can't be read: {error}") from error
        return cls(
            **_checked(head), arrays=_arrays(head["arrays"], memoryview(data)[start + length :])
        )

    def answer(
        self,
        facts: Mapping[str, Any] | None = None,
        arrays: Mapping[str, NDArray[Any]] | None = None,
        *,
        kind: Kind | None = None,
    ) -> Message:
        """Return an answer to this request."""
        return Message(
            kind or self.kind, self.job, self.round, self.nonce, facts or {}, arrays or {}
        )

    def refuse(self, why: str, hint: str = "") -> Message:
        """Return the answer that says no, and why."""
        return self.answer({"why": why, "hint": hint}, kind=Kind.REFUSED)

    def answers(self, request: Message) -> bool:
        """Tell whether this is an answer to that request, and no other."""
        same = (self.job, self.round, self.nonce) == (request.job, request.round, request.nonce)
        return same and self.kind in {request.kind, Kind.REFUSED}

    def read_answer(self, data: bytes) -> Message:
        """Read what came back for this request; what is no answer to it becomes a refusal."""
        try:
            answer = Message.decode(data)
        except MessageError as error:
            return self.refuse(f"the answer can't be read: {error.what}")
        if not answer.answers(self):
            return self.refuse("the answer is to another request")
        return answer

    def require(self, name: str, kind: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """Return an array of the type and shape that it must have; None stands for any length.

        Raises:
            MessageError: it isn't there or is another.
        """
        if name not in self.arrays:
            raise MessageError(f'a {self.kind} without "{name}"')
        found = self.arrays[name]
        fits = len(found.shape) == len(shape) and all(
            want is None or want == have for want, have in zip(shape, found.shape, strict=True)
        )
        if found.dtype != TYPES[kind] or not fits:
            want = "×".join("any" if n is None else str(n) for n in shape)
            have = "×".join(map(str, found.shape))
            raise MessageError(
                f'"{name}" of a {self.kind} is {found.dtype} {have}, not {kind} {want}'
            )
        return found


def _little(array: NDArray[Any]) -> np.dtype[Any]:
    return array.dtype.newbyteorder("<") if array.dtype.itemsize > 1 else array.dtype


def _checked(head: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    if not isinstance(head, dict) or set(head) != _KEYS:
        raise MessageError("a header with other fields than it must have")
    kind, job, number, nonce = (head[k] for k in ("kind", "job", "round", "nonce"))
    if kind not in set(Kind):
        raise MessageError("a message of an unknown kind")
    texts = isinstance(job, str) and isinstance(nonce, str)
    counted = isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 1 << 31
    if not texts or not counted or not isinstance(head["facts"], dict):
        raise MessageError("a header with fields of other types than they must have")
    return {
        "kind": Kind(kind), "job": job, "round": number, "nonce": nonce, "facts": head["facts"],
    }  # fmt: skip


def _arrays(told: Any, body: memoryview) -> dict[str, NDArray[Any]]:  # noqa: ANN401 - JSON
    if not isinstance(told, list) or len(told) > _MOST_ARRAYS:
        raise MessageError("a list of arrays that can't be read")
    arrays: dict[str, NDArray[Any]] = {}
    at = 0
    for one in told:
        name, dtype, shape = _described(one)
        size = math.prod(shape) * dtype.itemsize
        if name in arrays or at + size > len(body):
            raise MessageError(f'the array "{name}" stands twice or is cut off')
        arrays[name] = np.frombuffer(body[at : at + size], dtype).reshape(shape)
        _check_finite(name, arrays[name])
        at += size
    if at != len(body):
        raise MessageError("bytes after the last array")
    return arrays


def _described(one: Any) -> tuple[str, np.dtype[Any], tuple[int, ...]]:  # noqa: ANN401 - JSON
    if not isinstance(one, dict) or set(one) != {"name", "type", "shape"}:
        raise MessageError("an array without name, type and shape")
    name, kind, shape = one["name"], one["type"], one["shape"]
    if not isinstance(name, str) or not isinstance(kind, str) or kind not in TYPES:
        raise MessageError("an array of an unknown type")
    if not isinstance(shape, list) or len(shape) > _MOST_AXES:
        raise MessageError(f'the shape of "{name}" can\'t be read')
    if any(not isinstance(n, int) or isinstance(n, bool) or not 0 <= n < 1 << 40 for n in shape):
        raise MessageError(f'the shape of "{name}" can\'t be read')
    return name, TYPES[kind], tuple(shape)


def _check_finite(name: str, array: NDArray[Any]) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise MessageError(f'"{name}" holds numbers that aren\'t finite')
