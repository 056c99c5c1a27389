"""If this fails, a hostile archive or array file is called safe, or an honest checkpoint isn't."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from _attacks import archive, call, named, npy, pickled, proto, text  # type: ignore[import-not-found]  # pytest puts this folder on the path
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.errors import DataError
from strongroom.vault import Verdict, inspect_bytes, inspect_file, pack_bundle
from strongroom.vault._zip import MalformedError, read_members, unpack

if TYPE_CHECKING:
    from pathlib import Path

EVIL = proto(call(named("os", "system"), text("true")))


# --- torch -------------------------------------------------------------------------------------


def storage(kind: str = "FloatStorage", key: str = "0", elements: int = 6) -> bytes:
    made: bytes = (
        b"(" + text("storage") + named("torch", kind) + text(key) + text("cpu")
        + b"K" + bytes([elements]) + b"tQ"
    )  # fmt: skip
    return made


def tensor(held: bytes, offset: int = 0, size: object = (2, 3), stride: object = (3, 1)) -> bytes:
    made: bytes = call(
        named("torch._utils", "_rebuild_tensor_v2"),
        held, b"K" + bytes([offset]), pickled(size), pickled(stride), b"\x89",
        call(named("collections", "OrderedDict")),
    )  # fmt: skip
    return made


def torch_zip(body: bytes, **more: bytes) -> bytes:
    files = {"m/data.pkl": proto(body), "m/version": b"3\n", "m/data/0": bytes(24)}
    made: bytes = archive(files | {f"m/{name.replace('__', '/')}": c for name, c in more.items()})
    return made


def torch_legacy(body: bytes, keys: object = ("0",), elements: int = 6, rest: bytes = b"") -> bytes:
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
    head = magic + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
    listed = pickle.dumps(list(keys) if isinstance(keys, tuple) else keys, 2)
    made: bytes = head + proto(body) + listed + struct.pack("<q", elements) + bytes(24) + rest
    return made


def test_hand_built_checkpoints_are_safe() -> None:
    for data, form in [
        (torch_zip(tensor(storage())), "torch"),
        (torch_legacy(tensor(storage())), "torch-legacy"),
    ]:
        found = inspect_bytes(data)
        assert found.reasons == ()
        assert (found.verdict, found.format) == (Verdict.SAFE, form)


def test_real_checkpoints_are_safe() -> None:
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.LSTM(3, 4)
    )
    adam = torch.optim.Adam(net.parameters())
    for parameter in net.parameters():
        parameter.grad = torch.zeros_like(parameter)
    adam.step()
    for value in (
        net.state_dict(),
        {"model": net.state_dict(), "optimizer": adam.state_dict(), "epoch": 3},
        [torch.nn.Parameter(torch.zeros(3)), torch.zeros(6)[1::2], torch.zeros(2, 0)],
        [torch.float32, torch.device("cpu"), torch.Size([1, 2])],
        [torch.zeros(3, dtype=torch.bfloat16), torch.zeros(3, dtype=torch.uint16)],
    ):
        for new in (True, False):
            sink = io.BytesIO()
            torch.save(value, sink, _use_new_zipfile_serialization=new)
            found = inspect_bytes(sink.getvalue())
            assert found.reasons == ()
            assert found.verdict == "safe"


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_real_torchscript_is_unsafe() -> None:
    torch = pytest.importorskip("torch")
    sink = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)), sink)
    found = inspect_bytes(sink.getvalue())
    assert (found.format, found.verdict) == ("torchscript", "unsafe")


TORCH_UNSAFE = {
    "a live payload": torch_zip(call(named("os", "system"), text("true"))),
    "code": torch_zip(tensor(storage()), code__model_py=b"x"),
    "script constants": archive({"m/data.pkl": proto(b"N"), "m/constants.pkl": proto(b")")}),
    "unknown storage": torch_zip(tensor(storage("QInt8Storage"))),
    "storage named like a path": torch_zip(tensor(storage(key="../0"))),
    "one storage of two sizes": torch_zip(
        tensor(storage()) + tensor(storage(elements=5)) + b"\x86"
    ),
    "beyond the storage": torch_zip(tensor(storage(), offset=1)),
    "strides beyond the storage": torch_zip(tensor(storage(), stride=(9, 1))),
    "sizes and strides differ": torch_zip(tensor(storage(), stride=(1,))),
    "negative stride": torch_zip(tensor(storage(), stride=(-3, 1))),
    "size of texts": torch_zip(tensor(storage(), size=("2", "3"))),
    "offset of another type": torch_zip(
        tensor(storage()).replace(b"K\x00", text("0"), 1)
    ),
    "items put into a tensor": torch_zip(tensor(storage()) + text("a") + b"Ns"),
    "state for a tensor": torch_zip(tensor(storage()) + b"}b"),
    "persistent id of another form": torch_zip(text("storage") + b"Q"),
    "hooks": torch_zip(
        call(
            named("torch._utils", "_rebuild_tensor_v2"),
            storage(), b"K\x00", pickled((2, 3)), pickled((3, 1)), b"\x89", b"}",
        )
    ),
    "tensor of no storage": torch_zip(call(named("torch._utils", "_rebuild_tensor_v2"), b"N")),
    "typed tensor of no type": torch_zip(
        call(named("torch._utils", "_rebuild_tensor_v3"), storage(), b"N")
    ),
    "parameter of a list": torch_zip(
        call(named("torch._utils", "_rebuild_parameter"), b"]", b"\x88",
             call(named("collections", "OrderedDict")))
    ),
    "parameter of too little": torch_zip(call(named("torch._utils", "_rebuild_parameter"), b"]")),
    "device of a command": torch_zip(call(named("torch", "device"), text("evil"))),
    "device of a number": torch_zip(call(named("torch", "device"), b"K\x01")),
    "legacy payload": torch_legacy(call(named("os", "system"), text("true"))),
    "legacy magic, then a payload": pickle.dumps(0x1950A86A20F9469CFC6C, 2) + EVIL,
}  # fmt: skip
TORCH_UNKNOWN = {
    "a file that torch never writes": torch_zip(tensor(storage()), extra=b"x"),
    "storage missing": archive({"m/data.pkl": proto(tensor(storage())), "m/version": b"3"}),
    "storage too small": torch_zip(tensor(storage("DoubleStorage"))),
    "two folders": archive({"m/data.pkl": proto(b"N"), "n/version": b"3"}),
    "bytes after the pickle": archive({"m/data.pkl": proto(b"N") + proto(b"N")}),
    "packed storage": archive({"m/data.pkl": proto(b"N"), "m/data/0": bytes(99)}, 8),
    "legacy keys of a dict": torch_legacy(tensor(storage()), keys={"a": 1}),
    "legacy keys missing": torch_legacy(tensor(storage()), keys=()),
    "legacy sizes differ": torch_legacy(tensor(storage()), elements=5),
    "legacy trailing bytes": torch_legacy(tensor(storage()), rest=b"PK"),
    "legacy cut short": torch_legacy(tensor(storage()))[:-1],
    "legacy cut early": torch_legacy(tensor(storage()))[:40],
}


@pytest.mark.parametrize("attack", TORCH_UNSAFE)
def test_hostile_checkpoints(attack: str) -> None:
    assert inspect_bytes(TORCH_UNSAFE[attack]).verdict == "unsafe"


@pytest.mark.parametrize("attack", TORCH_UNKNOWN)
def test_checkpoints_that_are_not_whole(attack: str) -> None:
    assert inspect_bytes(TORCH_UNKNOWN[attack]).verdict == "unknown"


# --- archives ----------------------------------------------------------------------------------

GOOD = archive({"a.npy": npy(np.arange(3)), "b.npy": npy(np.zeros(2))})
FIRST = GOOD.index(b"PK\x01\x02")


def patched(at: int, new: bytes, data: bytes = GOOD) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def doubled() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as out:
        out.writestr("a.npy", npy(np.arange(3)))
        with pytest.warns(UserWarning, match="Duplicate"):
            out.writestr("a.npy", npy(np.array([{}], dtype=object)))
    return sink.getvalue()


def linked() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as out:
        info = zipfile.ZipInfo("a.npy")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        out.writestr(info, "/etc/passwd")
    return sink.getvalue()


def commented() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as out:
        out.writestr("a.npy", npy(np.arange(3)))
        out.comment = b"hello"
    return sink.getvalue()


def shifted(data: bytes, prefix: bytes) -> bytes:
    """Put bytes before an archive and mend its offsets, as a self-extractor does."""
    moved = bytearray(prefix + data)
    at = FIRST + len(prefix)
    for start in (at, at + 46 + 5):
        offset = struct.unpack_from("<L", moved, start + 42)[0]
        struct.pack_into("<L", moved, start + 42, offset + len(prefix))
    directory = len(moved) - 6
    struct.pack_into("<L", moved, directory, FIRST + len(prefix))
    return bytes(moved)


HOSTILE = {
    "flag 0x1": patched(6, b"\x01", patched(FIRST + 8, b"\x01")),
    "flag 0x20": patched(6, b"\x20", patched(FIRST + 8, b"\x20")),
    "flag 0x40": patched(6, b"\x40", patched(FIRST + 8, b"\x40")),
    "flags differ": patched(6, b"\x08"),
    "names differ": patched(30, b"x.npy"),
    "methods differ": patched(8, b"\x08"),
    "sizes differ": patched(22, b"\x01"),
    "checksum wrong": patched(100, b"\xff"),
    "checksums differ": patched(14, b"\xff\xff"),
    "duplicate": doubled(),
    "case duplicate": archive({"a.npy": npy(np.arange(3)), "A.npy": npy(np.arange(3))}),
    "link": linked(),
    "traversal": archive({"../a.npy": b""}),
    "absolute": archive({"/a.npy": b""}),
    "drive": archive({"C:a.npy": b""}),
    "backslash": archive({"..\\a.npy": b""}),
    "prefix": shifted(GOOD, b"PK\x03\x04"),
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_archives_that_two_readers_read_differently(attack: str) -> None:
    assert inspect_bytes(HOSTILE[attack]).verdict == "unsafe"


def bomb() -> bytes:
    """A member that says that it is small."""
    data = bytearray(archive({"a.npy": bytes(1 << 20)}, zipfile.ZIP_DEFLATED))
    for at in (22, data.index(b"PK\x01\x02") + 24):
        struct.pack_into("<L", data, at, 100)
    return bytes(data)


ODD = {
    "trailing bytes": GOOD + b"x",
    "comment": commented(),
    "cut": GOOD[:-1],
    "no directory": GOOD[:40],
    "nested": archive({"inner.zip": GOOD}),
    "empty archive": archive({}),
    "a pickle in an archive": archive({"a.pkl": EVIL}),
    "folder member": archive({"a/": b""}),
    "uncommon packing": archive({"a.npy": npy(np.arange(3))}, zipfile.ZIP_LZMA),
    "not the array it says": archive({"a.npy": EVIL}),
    "keras": archive({"config.json": b"{}", "metadata.json": b"{}", "model.weights.h5": b""}),
    "empty": b"",
    "7z": b"7z\xbc\xaf\x27\x1c" + bytes(50),
    "gzip": b"\x1f\x8b" + bytes(50),
    "tar": bytes(257) + b"ustar" + bytes(50),
    "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(50),
    "gguf": b"GGUF" + bytes(50),
    "onnx": b"\x08\x07\x12\x07pytorch",
    "text": b"A model card. It can't be proved that this isn't a script.",
    "python": b"import os\nos.system('true')\n",
    "zeros": bytes(100),
    "archive behind an array": npy(np.frombuffer(GOOD, dtype=np.uint8)),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_not_proved_safe_is_not_safe(name: str) -> None:
    found = inspect_bytes(ODD[name])
    assert found.verdict == "unknown"
    assert found.reasons


def test_a_bomb_is_not_unpacked() -> None:
    assert inspect_bytes(bomb()).verdict == "unsafe"
    member = read_members(GOOD)[0]
    with pytest.raises(MalformedError, match="larger"):
        unpack(GOOD, member, 10)


def test_large_archives_and_streamed_ones() -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as out, out.open("a.npy", "w", force_zip64=True) as member:
        member.write(npy(np.arange(3)))
    assert inspect_bytes(sink.getvalue()).verdict == "safe"

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as out:
        out.writestr("a.npy", npy(np.arange(3)))
    assert inspect_bytes(pipe.getvalue()).verdict == "safe"


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_any_change_of_an_archive_gets_an_answer(data: st.DataObject) -> None:
    base = bytearray(torch_zip(tensor(storage())))
    for _ in range(data.draw(st.integers(1, 3))):
        base[data.draw(st.integers(0, len(base) - 1))] = data.draw(st.integers(0, 255))
    inspect_bytes(bytes(base))
    inspect_bytes(bytes(base[data.draw(st.integers(0, len(base))) :]))


# --- files, and what else lies beside a model ---------------------------------------------------


def test_json_is_data() -> None:
    assert inspect_bytes(b' {"a": [1]}').format == "json"
    assert inspect_bytes(b' {"a": [1]}').verdict == "safe"
    assert inspect_bytes(b'{"a": 1, "a": 2}').verdict == "unknown"
    assert inspect_bytes(b'{"auto_map": {"AutoModel": "m.M"}}').verdict == "unsafe"


def test_our_own_bundles_are_safe() -> None:
    data = pack_bundle({"w": np.zeros((2, 2))}, {"classes": ["a", "b"]}, "# Card")
    assert inspect_bytes(data) == inspect_bytes(data)
    found = inspect_bytes(data, "model")
    assert (found.path, found.format, found.verdict) == ("model", "strongroom-bundle", "safe")


@pytest.mark.parametrize(
    "change",
    [
        {"model.json": b"[1,"},
        {"model.safetensors": b"\x80\x04N."},
    ],
)
def test_bundles_with_something_else_inside(change: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(pack_bundle({}, {}, ""))) as source:
        files = {name: source.read(name) for name in source.namelist()}
    assert inspect_bytes(archive(files | change)).verdict == "unknown"


@pytest.mark.parametrize("name", ["model.safetensors", "model.bin", "model.txt", "model", "m.npy"])
def test_names_do_not_matter(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(EVIL)
    found = inspect_file(file)
    assert (found.path, found.verdict, found.format) == (str(file), "unsafe", "pickle")
    assert found.to_json() == {
        "path": str(file),
        "format": "pickle",
        "verdict": "unsafe",
        "reasons": list(found.reasons),
    }


def test_files_agree_with_bytes(tmp_path: Path) -> None:
    for number, data in enumerate(
        [b"", GOOD, EVIL, torch_legacy(tensor(storage())), npy(np.zeros(3))]
    ):
        file = tmp_path / str(number)
        file.write_bytes(data)
        assert inspect_file(file).reasons == inspect_bytes(data).reasons


def test_what_cannot_be_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "missing", tmp_path / "pipe"):
        with pytest.raises(DataError):
            inspect_file(path)
    assert inspect_file(tmp_path).verdict == "unknown"
