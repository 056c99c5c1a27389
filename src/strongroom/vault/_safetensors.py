"""A strict reader of safetensors headers: every byte of the file must be accounted for.

Layout: the header's length (8 bytes, little-endian), a JSON header, then the tensors without gaps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol, overload

from strongroom.vault._json import strict_json

LENGTH_BYTES = 8
LONGEST_HEADER = 100_000_000  # the format's own limit
_LONGEST_METADATA = 1 << 20
# Bits per element, by the name that the header gives.
_BITS = {
    **dict.fromkeys(("F4",), 4),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"), 8),
    **dict.fromkeys(("F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
}


class Bytes(Protocol):
    """What `bytes`, `mmap` and `memoryview` have in common for us."""

    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int, /) -> int: ...
    @overload
    def __getitem__(self, index: slice, /) -> bytes: ...


class MalformedError(ValueError):
    """The file isn't a safetensors file to the letter; the text says why."""


@dataclass(frozen=True)
class Tensor:
    """One tensor's place: `data[start:end]` counted from the end of the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def looks_like_safetensors(data: Bytes) -> bool:
    """Say whether the file starts with a plausible length and the brace of a JSON header."""
    return len(data) > LENGTH_BYTES and data[LENGTH_BYTES : LENGTH_BYTES + 1] == b"{"


def header_fits(data: Bytes) -> bool:
    """Say whether the length in front lets any reader of the format go on to the header."""
    length = int.from_bytes(data[:LENGTH_BYTES], "little")
    return length <= min(LONGEST_HEADER, len(data) - LENGTH_BYTES)


def parse_header(data: Bytes) -> tuple[Tensor, ...]:
    """Check the whole structure and return the tensors in the order of their bytes.

    Raises:
        MalformedError: anything is missing, doubled, overlapping or left over.
    """
    if len(data) < LENGTH_BYTES:
        raise MalformedError("too short for a header")
    length = int.from_bytes(data[:LENGTH_BYTES], "little")
    if length > LONGEST_HEADER or length > len(data) - LENGTH_BYTES:
        raise MalformedError("the header claims to be longer than the file or the format allows")
    raw = data[LENGTH_BYTES : LENGTH_BYTES + length]
    if raw[:1] != b"{":
        raise MalformedError("the header is not a JSON object")
    try:
        header = strict_json(raw)
    except ValueError as error:
        raise MalformedError("the header is not strict JSON") from error
    _check_metadata(header.pop("__metadata__", {}))
    tensors = sorted((_tensor(n, entry) for n, entry in header.items()), key=_place)
    position = 0
    for tensor in tensors:
        if tensor.start != position:
            raise MalformedError("tensors overlap or leave a gap")
        position = tensor.end
    if LENGTH_BYTES + length + position != len(data):
        raise MalformedError("bytes are missing or left over at the end")
    return tuple(tensors)


def _place(tensor: Tensor) -> tuple[int, int]:
    return tensor.start, tensor.end


def _check_metadata(metadata: object) -> None:
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise MalformedError("__metadata__ is not a table of texts")
    if sum(len(k) + len(v) for k, v in metadata.items()) > _LONGEST_METADATA:
        raise MalformedError("__metadata__ is larger than 1 MiB")


def _tensor(name: str, entry: Any) -> Tensor:  # noqa: ANN401 - JSON from outside
    match entry:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [start, end], **rest}:
            if rest or dtype not in _BITS or not all(map(_natural, (*shape, start, end))):
                raise MalformedError("a tensor has an unknown field, type, shape or place")
        case _:
            raise MalformedError("a tensor lacks its type, shape or place")
    bits = math.prod(shape) * _BITS[dtype]
    if end < start or bits != (end - start) * 8:
        raise MalformedError("a tensor's place doesn't fit its shape and type")
    return Tensor(name, dtype, tuple(shape), start, end)


def _natural(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 63
