"""Files that hold other things: NumPy arrays, archives of them, torch checkpoints, bundles."""

from __future__ import annotations

import ast
import io
import math
import re
from typing import TYPE_CHECKING, BinaryIO, TypeGuard

from strongroom.vault import _zip
from strongroom.vault._json import strict_json
from strongroom.vault._safetensors import MalformedError, parse_header
from strongroom.vault.inspection._pickle import Walk, walk
from strongroom.vault.inspection._torch_rules import storage
from strongroom.vault.inspection._values import Const, Items, Persistent

if TYPE_CHECKING:
    from strongroom.vault._safetensors import Bytes
    from strongroom.vault.inspection._result import Report

NPY_MAGIC = b"\x93NUMPY"
_BUNDLE = {"model.safetensors", "model.json", "MODEL_CARD.md"}
_LONGEST_NPY_HEADER = 10_000  # NumPy's own limit for files that aren't trusted
_DESCR = re.compile(r"[<>|=]?(?:[?bBiufcSVU][0-9]{0,9}|O8?|[mM]8(?:\[[0-9a-zA-Z/]{1,20}\])?)")
_OBJECT = re.compile(r"[<>|=]?O8?")
_UNPACK_LIMIT = 2 << 30
_PICKLE_LIMIT = 256 << 20
# Beside data/*, all that torch.save writes into its archive.
_TORCH_MEMBERS = re.compile(
    r"data/[0-9]+|data\.pkl|version|byteorder|\.format_version|\.storage_alignment"
    r"|\.data/serialization_id"
)
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
_TORCH_PROTOCOL = 1001


def inspect_safetensors(data: Bytes, report: Report) -> None:
    """Check the header to the letter; there is no code in a safetensors file."""
    report.format = "safetensors"
    try:
        parse_header(data)
    except MalformedError as error:
        report.doubt(f"malformed: {error}")


def inspect_pickles(stream: BinaryIO, size: int, report: Report) -> Walk:
    """Look at a pickle file: one pickle and nothing after it, or a torch checkpoint of old."""
    report.format = "pickle"
    found = Walk(report)
    walk(stream, found)
    if found.result == Const(_TORCH_MAGIC):
        report.format = "torch-legacy"
        _legacy_torch(stream, size, report)
    elif found.result is not None and stream.tell() < size:
        report.doubt("bytes follow the pickle")
        # What follows can't make it safe any more; names in it make it worse.
        walk(stream, found)
    return found


def _legacy_torch(stream: BinaryIO, size: int, report: Report) -> None:
    """Magic, protocol, system, contents, list of storages; then the storages, raw."""
    found = Walk(report)
    parts = []
    for part in range(4):
        walk(stream, found, storage if part == 2 else None)  # noqa: PLR2004 - the contents
        if found.result is None:
            return
        parts.append(found.result)
    protocol, system, _, listed = parts
    keys = listed.items if isinstance(listed, Items) and listed.kind == "list" else None
    if protocol != Const(_TORCH_PROTOCOL) or not isinstance(system, Items) or keys is None:
        report.doubt("the checkpoint isn't built as torch builds it")
        return
    named = [k.value for k in keys if isinstance(k, Const) and isinstance(k.value, str)]
    if len(named) != len(keys) or sorted(named) != sorted(found.storages):
        report.doubt("the checkpoint's list of storages doesn't fit its contents")
        return
    for key in named:
        held = found.storages[key]
        count = int.from_bytes(stream.read(8), "little", signed=True)
        if count != held.elements:
            report.doubt("a storage has another size than the contents say")
            return
        stream.seek(count * held.item_size, io.SEEK_CUR)
    if stream.tell() != size:
        report.doubt("bytes are missing or left over at the end")


def inspect_npy(data: Bytes, report: Report) -> None:
    """Check a NumPy array file; one with objects holds a pickle."""
    report.format = "npy"
    parsed = _npy_header(data)
    if parsed is None:
        report.doubt("malformed: the header isn't one that NumPy writes")
        return
    start, size, holds_objects = parsed
    if holds_objects:
        stream = io.BytesIO(data[start:])
        found = Walk(report)
        walk(stream, found)
        if found.result is not None and stream.tell() != len(data) - start:
            report.doubt("bytes follow the pickle")
    elif start + size != len(data):
        report.doubt("malformed: bytes are missing or left over")


def _npy_header(data: Bytes) -> tuple[int, int, bool] | None:
    """Return (where the data begins, its length in bytes, whether it is a pickle)."""
    width = {b"\x01\0": 2, b"\x02\0": 4, b"\x03\0": 4}.get(data[6:8])
    if width is None:
        return None
    length = int.from_bytes(data[8 : 8 + width], "little")
    start = 8 + width + length
    if length > _LONGEST_NPY_HEADER or start > len(data):
        return None
    try:
        header = ast.literal_eval(data[8 + width : start].decode("utf-8"))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    match header:
        case {"descr": descr, "fortran_order": bool(), "shape": shape, **rest} if not rest:
            element = _element(descr)
            if element and _is_shape(shape):
                return start, math.prod(shape) * element[0], element[1]
    return None


def _element(descr: object) -> tuple[int, bool] | None:
    """Return (bytes, holds objects) of a type as a NumPy header describes it."""
    match descr:
        case str() if _DESCR.fullmatch(descr):
            if _OBJECT.fullmatch(descr):
                return 8, True
            code = descr.lstrip("<>|=").partition("[")[0]
            return int(code[1:] or 1) * (4 if code[0] == "U" else 1), False
        case [_, *_] if isinstance(descr, list):
            fields = [_field(entry) for entry in descr]
            whole = [f for f in fields if f is not None]
            if len(whole) == len(fields):
                return sum(size for size, _ in whole), any(objects for _, objects in whole)
    return None


def _field(entry: object) -> tuple[int, bool] | None:
    """Return the same of a struct's field: `(name, type)` or `(name, type, shape)`."""
    match entry:
        case (str() | (str(), str()), inner, *rest) if len(rest) <= 1:
            element, shape = _element(inner), rest[0] if rest else ()
            if element and _is_shape(shape):
                return element[0] * math.prod(shape), element[1]
    return None


def _is_shape(value: object) -> TypeGuard[tuple[int, ...]]:
    return isinstance(value, tuple) and all(type(n) is int and n >= 0 for n in value)


def inspect_zip(data: Bytes, report: Report) -> None:
    """Check an archive and whatever is known to come in archives."""
    report.format = "zip"
    try:
        members = {m.name: m for m in _zip.read_members(data)}
        if members.keys() == _BUNDLE:
            _bundle(data, members, report)
        elif members and all(n.endswith(".npy") for n in members):
            _npz(data, members, report)
        elif any(n.partition("/")[2] == "data.pkl" for n in members):
            _torch(data, members, report)
        elif members.keys() & {"config.json", "metadata.json", "model.weights.h5"}:
            report.format = "keras"
            report.doubt("Keras archives can name code to import; they aren't examined further")
        else:
            report.doubt("an archive of a kind that isn't known")
    except _zip.MalformedError as error:
        (report.danger if error.hostile else report.doubt)(f"malformed archive: {error}")


def _bundle(data: Bytes, members: dict[str, _zip.Member], report: Report) -> None:
    report.format = "strongroom-bundle"
    inspect_safetensors(_zip.unpack(data, members["model.safetensors"], _UNPACK_LIMIT), report)
    report.format = "strongroom-bundle"
    try:
        strict_json(_zip.unpack(data, members["model.json"], _PICKLE_LIMIT))
    except ValueError as error:
        if isinstance(error, _zip.MalformedError):
            raise
        report.doubt("the model's description is not strict JSON")
    _zip.check(data, members["MODEL_CARD.md"])


def _npz(data: Bytes, members: dict[str, _zip.Member], report: Report) -> None:
    for member in members.values():
        content = _zip.unpack(data, member, _UNPACK_LIMIT)
        if content.startswith(NPY_MAGIC):
            inspect_npy(content, report)
        else:
            report.doubt("a member isn't the array that its name says")
    report.format = "npz"


def _torch(data: Bytes, members: dict[str, _zip.Member], report: Report) -> None:
    report.format = "torch"
    folders = {name.partition("/")[0] for name in members}
    inner = {name.partition("/")[2]: member for name, member in members.items()}
    if len(folders) != 1 or len(inner) != len(members):
        report.doubt("an archive of a kind that isn't known")
        return
    if any(name == "constants.pkl" or name.startswith("code/") for name in inner):
        report.format = "torchscript"
        report.danger("holds TorchScript code, which runs when it is loaded")
    for name, member in inner.items():
        if not _TORCH_MEMBERS.fullmatch(name) and report.format == "torch":
            report.doubt("holds a file that torch.save never writes")
        if name != "data.pkl":
            _zip.check(data, member)
    pickled = _zip.unpack(data, inner["data.pkl"], _PICKLE_LIMIT)
    found = Walk(report)
    stream = io.BytesIO(pickled)
    walk(stream, found, storage)
    if found.result is not None and stream.tell() != len(pickled):
        report.doubt("bytes follow the pickle")
    if not all(_stored(inner, held) for held in found.storages.values()):
        report.doubt("a storage is missing or has another size than the contents say")


def _stored(inner: dict[str, _zip.Member], held: Persistent) -> bool:
    member = inner.get(f"data/{held.key}")
    return member is not None and member.size == held.elements * held.item_size
