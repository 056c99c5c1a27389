"""If this fails, an array file that lies about itself is called safe: its bytes become pointers."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import struct
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from _attacks import archive, call, fire, named, npy, pickled, proto, text  # type: ignore[import-not-found]  # pytest puts this folder on the path

from strongroom.vault import inspect_bytes

if TYPE_CHECKING:
    from pathlib import Path

# --- arrays in pickles --------------------------------------------------------------------------

DTYPE = named("numpy", "dtype")


def dtype(code: str, state: object = None) -> bytes:
    made: bytes = call(DTYPE, text(code), b"\x89", b"\x88")
    return made if state is None else made + bytes(pickled(state)) + b"b"


def array(kind: bytes, data: object, shape: tuple[int, ...] = (1,)) -> bytes:
    made: bytes = call(
        named("numpy.core.multiarray", "_reconstruct"),
        named("numpy", "ndarray"),
        pickled((0,)),
        b"C\x01b",
    )
    return made + b"(K\x01" + bytes(pickled(shape)) + kind + b"\x89" + data_of(data) + b"tb"


def data_of(data: object) -> bytes:
    made: bytes = pickled(data)
    return b"C" + bytes([len(data)]) + data if isinstance(data, bytes) else made


PLAIN = (3, "<", None, None, None, -1, -1, 0)
OBJECTS = (3, "|", None, None, None, -1, -1, 63)


def struct_of(inner: bytes, offset: int, size: int, flags: int, names: bytes = b"") -> bytes:
    field = b"}" + text("a") + inner + b"K" + bytes([offset]) + b"\x86s"
    state: bytes = b"(K\x03" + text("|") + b"N" + (names or text("a") + b"\x85") + field
    return dtype("V8") + state + b"K" + bytes([size]) + b"K\x01K" + bytes([flags]) + b"tb"


LIES = {
    "objects called numbers": array(dtype("O8", PLAIN), b"A" * 8),
    "objects as bytes": array(dtype("O8", OBJECTS), b"A" * 8),
    "numbers as a list": array(dtype("f8", PLAIN), [1.0]),
    "numbers called objects": array(dtype("i8", OBJECTS), [1]),
    "struct hides its objects": array(struct_of(dtype("O8", OBJECTS), 0, 8, 0), b"A" * 8),
    "struct without fields' flags": array(struct_of(dtype("O8"), 0, 8, 0), b"A" * 8),
    "field outside the struct": array(struct_of(dtype("f8", PLAIN), 4, 8, 0), b"A" * 8),
    "field that is longer than its code says": array(
        struct_of(dtype("O"), 7, 8, 1), [1]
    ),
    "number that is longer than its code says": array(
        struct_of(dtype("i"), 7, 8, 0), b"A" * 8
    ),
    "field of no type": array(struct_of(b"N", 0, 8, 0), b"A" * 8),
    "fields without names": array(struct_of(dtype("f8", PLAIN), 0, 8, 0, b")"), b"A" * 8),
    "size of another type": array(dtype("f8", (3, "<", None, None, None, 800, 8, 0)), b"A" * 8),
    "subarray hides objects": array(
        dtype("V8") + b"(K\x03" + text("|") + dtype("O8", OBJECTS) + pickled((1,))
        + b"\x86NNK\x08K\x01K\x00tb", b"A" * 8
    ),
    "subarray of another size": array(
        dtype("V8") + b"(K\x03" + text("|") + dtype("f8", PLAIN) + pickled((9,))
        + b"\x86NNK\x08K\x01K\x00tb", b"A" * 8
    ),
    "changed after use": dtype("V8") + b"q\x09" + b"0" + array(b"h\x09", b"A" * 8)
    + b"0h\x09(K\x03" + text("|") + b"N" + text("a") + b"\x85}" + text("a") + dtype("O8", OBJECTS)
    + b"K\x00\x86sK\x08K\x01K\x1btb",
    "state twice": dtype("f8", PLAIN) + pickled(OBJECTS) + b"b",
    "array state twice": array(dtype("f8", PLAIN), b"A" * 8)
    + b"(K\x01" + pickled((1,)) + dtype("O8", OBJECTS) + b"\x89" + pickled([1]) + b"tb",
    "an unknown code": dtype("q8"),
    "a code from a struct": dtype("f8,O8"),
    "flags beyond": dtype("f8", (3, "<", None, None, None, -1, -1, 4096)),
    "state of a wrong shape": dtype("f8", (3, "<")),
    "metadata with a function": dtype("M8")
    + b"(K\x04" + text("<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00"
    + named("_codecs", "encode") + b"tb",
    "array of another class": call(
        named("numpy.core.multiarray", "_reconstruct"),
        named("builtins", "list"), pickled((0,)), b"C\x01b",
    ),
    "scalar of objects": call(
        named("numpy.core.multiarray", "scalar"), dtype("O8", OBJECTS), b"C\x01b"
    ),
    "buffer of objects": call(
        named("numpy.core.numeric", "_frombuffer"),
        b"C\x08AAAAAAAA", dtype("O8", OBJECTS), pickled((1,)), text("C"),
    ),
    "array state that isn't one": call(
        named("numpy.core.multiarray", "_reconstruct"),
        named("numpy", "ndarray"), pickled((0,)), b"C\x01b",
    ) + b"}b",
}  # fmt: skip


@pytest.mark.parametrize("attack", LIES)
def test_arrays_that_lie_about_themselves(attack: str) -> None:
    # Loading these would make NumPy take bytes for pointers: so they aren't loaded here.
    assert inspect_bytes(proto(LIES[attack])).verdict == "unsafe"


def test_the_same_arrays_without_lies_are_safe() -> None:
    for honest in (
        array(dtype("O8", OBJECTS), [None]),
        array(dtype("f8", PLAIN), b"A" * 8),
        array(struct_of(dtype("f8", PLAIN), 0, 8, 16), b"A" * 8),
        array(struct_of(dtype("O8", OBJECTS), 0, 8, 27), [(1,)]),
    ):
        data = proto(honest)
        assert inspect_bytes(data).verdict == "safe"
        pickle.loads(data)  # noqa: S301 - it was just proved safe


# --- array files --------------------------------------------------------------------------------


def npy_of(header: str | bytes, content: bytes = b"", version: bytes = b"\x01\0") -> bytes:
    raw = header.encode() if isinstance(header, str) else header
    return b"\x93NUMPY" + version + struct.pack("<H", len(raw)) + raw + content


STRUCT = np.zeros(3, dtype=[("a", "i4"), ("b", "f8", (2,)), ("c", "U3")])


@pytest.mark.parametrize(
    "value",
    [np.arange(3), np.arange(6.0).reshape(2, 3).T, np.zeros((0, 2)), np.array(1), STRUCT,
     np.array(["2020-01-01"], dtype="M8[ns]"), np.array([1, None, "x"], dtype=object),
     np.array([(1, "x")], dtype=[("a", "i4"), ("b", object)]), np.array(["ab"]), np.array([b"a"])],
)  # fmt: skip
def test_honest_arrays(value: np.ndarray) -> None:
    for data, form in (
        (npy(value), "npy"),
        (archive({"x.npy": npy(value)}), "npz"),
        (archive({"x.npy": npy(value)}, zipfile.ZIP_DEFLATED), "npz"),
    ):
        found = inspect_bytes(data)
        assert found.reasons == ()
        assert (found.verdict, found.format) == ("safe", form)


OBJECT = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"


def test_object_arrays_hold_pickles(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    data = npy_of(OBJECT, proto(fire(marker)))
    with contextlib.suppress(AttributeError, ValueError):  # numpy wanted an array
        np.load(io.BytesIO(data), allow_pickle=True)
    assert marker.exists()
    marker.unlink()
    for file in (data, archive({"x.npy": data})):
        assert inspect_bytes(file).verdict == "unsafe"
    assert not marker.exists()


@pytest.mark.parametrize(
    "data",
    [
        npy_of(OBJECT, proto(pickled([1])) + b"x"),
        npy_of("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", bytes(9)),
        npy_of("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }", bytes(8)),
        npy_of("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'x': 1}", bytes(8)),
        npy_of("{'descr': '<q8', 'fortran_order': False, 'shape': (1,), }", bytes(8)),
        npy_of("{'descr': [], 'fortran_order': False, 'shape': (1,), }"),
        npy_of("{'descr': [('a', '<f8', 3)], 'fortran_order': False, 'shape': (1,), }"),
        npy_of("{'descr': [('a', 7)], 'fortran_order': False, 'shape': (1,), }"),
        npy_of("{'descr': [3], 'fortran_order': False, 'shape': (1,), }"),
        npy_of("{'descr': 3, 'fortran_order': False, 'shape': (1,), }"),
        npy_of("[" * 5000),
        npy_of("__import__('os').system('true')"),
        npy_of("{}"),
        npy_of("3"),
        npy_of(b"\xff\xff"),
        npy_of(" " * 20_000),
        npy_of("{}", version=b"\x04\0"),
        b"\x93NUMPY",
        npy(np.arange(3))[:-1],
    ],
)
def test_malformed_arrays(data: bytes) -> None:
    assert inspect_bytes(data).verdict == "unknown"


# --- safetensors -------------------------------------------------------------------------------


def tensors(header: object, content: bytes = bytes(8)) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + content


def one(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes}


@pytest.mark.parametrize(
    "data",
    [
        tensors(one()),
        tensors({"__metadata__": {"format": "pt"}, **one()}),
        tensors({}, b""),
        tensors(one(shape=[], data_offsets=[0, 8], dtype="F64")),
        tensors(
            {**one(data_offsets=[4, 8], shape=[1]), "b": one(shape=[1], data_offsets=[0, 4])["a"]}
        ),
        tensors({**one(), "b": one(shape=[0], data_offsets=[8, 8])["a"]}),
        tensors(one(dtype="F4", shape=[16])),
    ],
)  # fmt: skip
def test_honest_safetensors(data: bytes) -> None:
    found = inspect_bytes(data)
    assert found.reasons == ()
    assert (found.verdict, found.format) == ("safe", "safetensors")


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<Q", 1 << 63) + b"{}",
        struct.pack("<Q", 1000) + b"{}",
        struct.pack("<Q", 100_000_001) + b"{}",
        struct.pack("<Q", 0) + b"{}",
        tensors(b"{not json", b""),
        tensors(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
                b'"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'),
        tensors(b"{" + b'"a":{' * 50_000, b""),
        tensors(one(dtype="F99")),
        tensors(one(shape=[3])),
        tensors(one(shape=[-2])),
        tensors(one(shape=[True, 2])),
        tensors(one(shape=[2.0])),
        tensors(one(shape="2")),
        tensors(one(data_offsets=[8, 0])),
        tensors(one(data_offsets=[0, 4], shape=[1])),
        tensors(one(data_offsets=[4, 12]), bytes(12)),
        tensors(one(data_offsets=[0, 1 << 62], shape=[1 << 60])),
        tensors(one(data_offsets=[-8, 0])),
        tensors(one(extra=1)),
        tensors({"a": 3}),
        tensors({**one(), "b": one()["a"]}),
        tensors({"__metadata__": {"a": 3}, **one()}),
        tensors({"__metadata__": [], **one()}),
        tensors({"__metadata__": {"a": "x" * 2_000_000}, **one()}),
        tensors(one(), bytes(7)),
        tensors(one(), bytes(9)),
    ],
)  # fmt: skip
def test_malformed_safetensors(data: bytes) -> None:
    assert inspect_bytes(data).verdict == "unknown"


def test_safetensors_that_are_a_pickle_as_well(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    # "U" takes a short text of the length that follows: it reaches to the payload, which stands
    # in a metadata text. A new line would have to be escaped there, so it names its global by
    # STACK_GLOBAL's cousin of protocol 4, whose operands need none.
    head = b'{"__metadata__":{"x":"'
    skip = 6 + len(head)
    body = b"0" + b"".join(b"U" + bytes([len(t)]) + t for t in (b"io", b"open"))
    assert b"\n" not in body
    raw = head + body
    length = skip << 8 | ord("U")
    file = struct.pack("<Q", length) + raw + b"\x93" + b"U\x01w\x85R."
    found = inspect_bytes(file)
    assert found.verdict == "unsafe"
    assert "names io.open" in found.reasons
    assert not marker.exists()
