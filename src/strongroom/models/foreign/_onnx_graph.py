"""What an ONNX file says, read from its bytes: nodes, tensors, inputs, outputs; nothing is run.

The wire format is Protocol Buffers (field numbers after onnx.proto, ONNX 1.18, IR version 11). Only
what an audit needs is kept; fields that aren't known are passed over, as the format asks.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DEEPEST = 32  # graphs within graphs
_TYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    8: "str",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
}


class MalformedError(ValueError):
    """Not the bytes of an ONNX model."""


@dataclass(frozen=True)
class OnnxTensor:
    """A constant of a graph.

    Attributes:
        name: its own, or the attribute's.
        shape: as it says.
        outside: where its numbers lie, if not in the file.
        values: the numbers, None where they lie outside or are of a kind that isn't read.
    """

    name: str
    shape: tuple[int, ...]
    outside: str | None
    values: NDArray[Any] | None


@dataclass(frozen=True)
class OnnxNode:
    """One operation: attributes are numbers, texts, lists, tensors; graphs in it stand apart."""

    op: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class OnnxValue:
    """An input or an output.

    Attributes:
        name: its own.
        kind: tensor, sequence or other.
        element: of a tensor, such as float32.
        shape: a number, or None where it is open; empty if nothing is said.
    """

    name: str
    kind: str
    element: str
    shape: tuple[int | None, ...]


@dataclass
class OnnxGraph:
    """A whole model, the graphs within its nodes and its own functions included.

    Attributes:
        domains: of the operators, those that its own functions define left out.
        nodes, tensors: all of them.
        inputs, outputs: of the outermost graph; inputs that have a value of their own left out.
    """

    domains: set[str] = field(default_factory=set)
    nodes: list[OnnxNode] = field(default_factory=list)
    tensors: list[OnnxTensor] = field(default_factory=list)
    inputs: tuple[OnnxValue, ...] = ()
    outputs: tuple[OnnxValue, ...] = ()

    def outside(self) -> tuple[str, ...]:
        """Return where tensors lie that aren't in the file."""
        return tuple(sorted({t.outside for t in self.tensors if t.outside is not None}))

    def arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Give (name, array) of every constant, lists of numbers in attributes included."""
        for tensor in self.tensors:
            if tensor.values is not None:
                yield tensor.name, tensor.values
        for node in self.nodes:
            for name, value in node.attributes.items():
                if isinstance(value, np.ndarray):
                    yield f"{node.op}.{name}", value


def read_onnx(data: bytes) -> OnnxGraph:
    """Read a model.

    Raises:
        MalformedError: the bytes are none.
    """
    graph = OnnxGraph()
    found = False
    own: set[str] = set()
    try:
        for number, value in _fields(memoryview(data)):
            if number == 7 and isinstance(value, memoryview):  # noqa: PLR2004 - ModelProto.graph
                _graph(value, graph, 0, outermost=True)
                found = True
            elif number == 25 and isinstance(value, memoryview):  # noqa: PLR2004 - functions
                own.add(_function(value, graph))
    except (struct.error, LookupError, OverflowError, ValueError) as error:
        raise MalformedError(str(error)) from error
    if not found:
        raise MalformedError("there is no graph in it")
    graph.domains -= own
    return graph


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Give (field number, value) of a message: a number, or bytes (fixed ones included)."""
    place, end = 0, len(data)
    while place < end:
        tag, place = _varint(data, place)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise MalformedError("field number 0")
        if wire == _VARINT:
            value, place = _varint(data, place)
            yield number, value
            continue
        if wire == _BYTES:
            size, place = _varint(data, place)
        elif wire in {_FIXED32, _FIXED64}:
            size = 4 if wire == _FIXED32 else 8
        else:
            raise MalformedError(f"wire type {wire}")
        if place + size > end:
            raise MalformedError("a field ends beyond the file")
        yield number, data[place : place + size]
        place += size


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:  # noqa: PLR2004 - the last byte of a number
            return value, place
        shift += 7
        if shift > 63:  # noqa: PLR2004 - 64 bits at most
            raise MalformedError("a number without end")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _text(value: int | memoryview) -> str:
    return bytes(_message(value)).decode("utf-8")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise MalformedError("a number where a message was expected")
    return value


def _graph(data: memoryview, into: OnnxGraph, depth: int, *, outermost: bool = False) -> None:
    if depth > _DEEPEST:
        raise MalformedError("graphs within graphs without end")
    inputs, outputs, named = [], [], set()
    for number, value in _fields(data):
        match number:
            case 1:
                _node(_message(value), into, depth)
            case 5:
                tensor = _tensor(_message(value))
                named.add(tensor.name)
                into.tensors.append(tensor)
            case 11:
                inputs.append(_value(_message(value)))
            case 12:
                outputs.append(_value(_message(value)))
            case 15:
                # Sparse: its values and indices are tensors.
                into.tensors += [_tensor(_message(v)) for n, v in _fields(_message(value)) if n < 3]  # noqa: PLR2004
            case _:
                pass
    if outermost:
        into.inputs = tuple(v for v in inputs if v.name not in named)
        into.outputs = tuple(outputs)


def _function(data: memoryview, into: OnnxGraph) -> str:
    domain = ""
    for number, value in _fields(data):
        if number == 7:  # noqa: PLR2004 - FunctionProto.node
            _node(_message(value), into, 0)
        elif number == 10:  # noqa: PLR2004 - FunctionProto.domain
            domain = _text(value)
    return domain


def _gathered(data: memoryview) -> dict[int, list[int | memoryview]]:
    """Return the values of a message by field number."""
    found: dict[int, list[int | memoryview]] = {}
    for number, value in _fields(data):
        found.setdefault(number, []).append(value)
    return found


def _node(data: memoryview, into: OnnxGraph, depth: int) -> None:
    said = _gathered(data)
    op, domain = (_text((said.get(n) or [memoryview(b"")])[-1]) for n in (4, 7))
    inputs, outputs = (tuple(map(_text, said.get(n, []))) for n in (1, 2))
    attributes = dict(_attribute(_message(v), into, depth) for v in said.get(5, []))
    into.domains.add(domain)
    into.nodes.append(OnnxNode(op, domain, inputs, outputs, attributes))


def _attribute(data: memoryview, into: OnnxGraph, depth: int) -> tuple[str, Any]:
    """Return (name, value): a number, a text, an array or a tuple of texts; graphs go `into`."""
    said = _gathered(data)
    name = _text(said[1][-1])
    for graph in (*said.get(6, []), *said.get(11, [])):
        _graph(_message(graph), into, depth + 1)
    tensors = [_tensor(_message(v)) for v in (*said.get(5, []), *said.get(10, []))]
    into.tensors += tensors
    whole = [n for number in (3, 8) for v in said.get(number, []) for n in _numbers(v)]
    texts = tuple(_loose_text(v) for number in (4, 9) for v in said.get(number, []))
    floats = b"".join(_message(v) for number in (2, 7) for v in said.get(number, []))
    found: Any = tensors[0].values if tensors else None
    if floats:
        found = np.frombuffer(floats, "<f4") if 7 in said else struct.unpack("<f", floats)[0]  # noqa: PLR2004
    elif whole:
        found = np.array(whole, np.int64) if 8 in said else whole[0]  # noqa: PLR2004
    elif texts:
        found = texts if 9 in said else texts[0]  # noqa: PLR2004
    return name, found


def _loose_text(value: int | memoryview) -> str:
    return bytes(_message(value)).decode("utf-8", "replace")  # it may be bytes of any kind


def _numbers(value: int | memoryview) -> list[int]:
    """Return whole numbers, packed or one alone."""
    if isinstance(value, int):
        return [_signed(value)]
    found, place = [], 0
    while place < len(value):
        number, place = _varint(value, place)
        found.append(_signed(number))
    return found


def _tensor(data: memoryview) -> OnnxTensor:
    said = _gathered(data)
    name = _text((said.get(8) or [memoryview(b"")])[-1])
    shape = tuple(n for v in said.get(1, []) for n in _numbers(v))
    for entry in said.get(13, []):
        pair = _gathered(_message(entry))
        if _text(pair[1][-1]) == "location":
            return OnnxTensor(name, shape, _text(pair[2][-1]) if 2 in pair else "", None)  # noqa: PLR2004
    if said.get(14, [0])[-1] == 1:
        return OnnxTensor(name, shape, "", None)
    kind = said.get(2, [0])[-1]
    return OnnxTensor(name, shape, None, _values(kind, shape, said))


def _values(
    kind: int | memoryview, shape: tuple[int, ...], said: Mapping[int, list[int | memoryview]]
) -> NDArray[Any] | None:
    """Return a tensor's numbers: raw, or in the list of their kind (4 float, 10 double, else)."""
    dtype = _TYPES.get(kind) if isinstance(kind, int) else None
    if dtype is None:
        return None
    if dtype == "str":
        return np.array([_loose_text(v) for v in said.get(6, [])])
    raw = b"".join(map(_message, said.get(9, [])))
    if raw:
        found = np.frombuffer(raw, np.dtype(dtype).newbyteorder("<"))
    elif 4 in said or 10 in said:  # noqa: PLR2004
        wide, number = ("<f4", 4) if 4 in said else ("<f8", 10)  # noqa: PLR2004
        found = np.frombuffer(b"".join(map(_message, said[number])), wide)
    else:
        whole = [n for number in (5, 7, 11) for v in said.get(number, []) for n in _numbers(v)]
        if dtype == "float16":
            found = np.array(whole, np.uint16).view(np.float16)
        else:
            found = np.array(whole, np.int64).astype(dtype)
    size = int(np.prod(shape, dtype=np.int64))
    return found.reshape(shape) if found.size == size else found


def _value(data: memoryview) -> OnnxValue:
    name, kind, element = "", "other", ""
    shape: tuple[int | None, ...] = ()
    for number, value in _fields(data):
        if number == 1:
            name = _text(value)
        elif number == 2:  # noqa: PLR2004 - ValueInfoProto.type
            for which, inner in _fields(_message(value)):
                if which == 1:
                    kind = "tensor"
                    element, shape = _tensor_type(_message(inner))
                elif which == 4:  # noqa: PLR2004 - TypeProto.sequence_type
                    kind = "sequence"
    return OnnxValue(name, kind, element, shape)


def _tensor_type(data: memoryview) -> tuple[str, tuple[int | None, ...]]:
    said = _gathered(data)
    element = said.get(1, [0])[-1]
    shape: list[int | None] = []
    for dimension in _gathered(_message(said[2][-1])).get(1, []) if 2 in said else []:  # noqa: PLR2004
        size = _gathered(_message(dimension)).get(1, [0])[-1]
        shape.append(size if isinstance(size, int) and 0 < size < 1 << 40 else None)
    return _TYPES.get(element, "") if isinstance(element, int) else "", tuple(shape)
