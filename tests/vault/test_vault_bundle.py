"""If this fails, a model comes back different, or a changed or hostile one is taken for ours."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from strongroom.errors import DataError, InputError, TamperedError, WorkspaceError
from strongroom.vault import (
    SigningKey,
    canonical_json,
    dsse_sign,
    inspect_bytes,
    inspect_file,
    pack_bundle,
    read_bundle,
    strict_json,
    unpack_bundle,
    write_bundle,
)
from strongroom.vault.signing import IN_TOTO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = SigningKey(bytes(range(32)))
TENSORS = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "turned": np.arange(6.0).reshape(2, 3).T,
    "scalar": np.array(7, dtype=np.int64),
    "empty": np.zeros((0, 4), dtype=np.float16),
    "flag": np.array([True, False]),
    "big endian": np.arange(3, dtype=">i4"),
}
META = {"classes": ["no", "ja"], "width": 3, "nested": {"ε": 1.5}}


def equal(a: Any, b: Any) -> bool:  # noqa: ANN401 - two mappings of arrays
    return a.keys() == b.keys() and all(
        np.array_equal(a[n], b[n]) and a[n].shape == b[n].shape for n in a
    )


def test_round_trip_in_both_forms(tmp_path: Path) -> None:
    packed = unpack_bundle(pack_bundle(TENSORS, META, "# Card ε"))
    write_bundle(tmp_path / "model", TENSORS, META, "# Card ε", KEY)
    for bundle in (
        packed,
        read_bundle(tmp_path / "model", KEY.public),
        read_bundle(tmp_path / "model"),
    ):
        assert equal(dict(bundle.tensors), TENSORS)
        assert bundle.meta == META
        assert bundle.card == "# Card ε"
    assert {p.stat().st_mode & 0o777 for p in (tmp_path / "model").iterdir()} == {0o600}


NUMBERS = hnp.arrays(
    dtype=st.sampled_from([np.float32, np.float64, np.int8, np.uint64, np.bool_]),
    shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    elements={"allow_nan": False, "allow_infinity": False},
)


@given(st.dictionaries(st.text(max_size=5), NUMBERS, max_size=4))
@settings(max_examples=40, deadline=None)
def test_any_arrays(tensors: dict[str, np.ndarray]) -> None:
    packed = pack_bundle(tensors, {})
    assert equal(dict(unpack_bundle(packed).tensors), tensors)
    assert inspect_bytes(packed).verdict == "safe"


def test_equal_models_give_equal_bytes() -> None:
    backwards = dict(reversed(TENSORS.items()))
    meta = dict(reversed(META.items()))
    assert pack_bundle(TENSORS, META, "x") == pack_bundle(backwards, meta, "x")
    assert pack_bundle(TENSORS, META, "x") != pack_bundle(TENSORS, META, "y")


@pytest.mark.parametrize(
    ("tensors", "meta"),
    [
        ({"o": np.array([{}], dtype=object)}, {}),
        ({"c": np.zeros(1, dtype=np.complex128)}, {}),
        ({"__metadata__": np.zeros(1)}, {}),
        ({}, {"nan": float("nan")}),
        ({}, {"set": {1}}),
    ],
)
def test_what_cannot_be_stored_exactly_is_refused(tensors: Any, meta: Any) -> None:  # noqa: ANN401 - wrong on purpose
    with pytest.raises(InputError):
        pack_bundle(tensors, meta)


def repacked(change: Callable[[dict[str, bytes]], object], **options: Any) -> bytes:  # noqa: ANN401
    with zipfile.ZipFile(io.BytesIO(pack_bundle(TENSORS, META, "c"))) as archive:
        files = {n: archive.read(n) for n in archive.namelist()}
    change(files)
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return sink.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no archive",
        repacked(lambda f: f.pop("model.json")),
        repacked(lambda f: f.update({"../evil": b""})),
        repacked(lambda f: f.update({"more.txt": b""})),
        repacked(lambda f: f.update({"model.json": b"[]"})),
        repacked(lambda f: f.update({"model.json": b'{"a":1,"a":2}'})),
        repacked(lambda f: f.update({"model.json": b"[" * 100_000})),
        repacked(lambda f: f.update({"model.json": b'{"a":NaN}'})),
        repacked(lambda f: f.update({"MODEL_CARD.md": b"\xff"})),
        repacked(lambda f: f.update({"MODEL_CARD.md": bytes(5 << 20)}), compression=8),
        repacked(lambda f: f.update({"model.safetensors": f["model.safetensors"] + b"x"})),
        repacked(
            lambda f: f.update(
                {
                    "model.safetensors": struct.pack("<Q", 55)
                    + b'{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}'
                    + b"xx"
                }
            )
        ),
        pack_bundle(TENSORS, META) + b"x",
        b"x" + pack_bundle(TENSORS, META),
    ],
)
def test_archives_that_are_not_ours(data: bytes) -> None:
    with pytest.raises(DataError):
        unpack_bundle(data)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_change_of_an_archive_gives_another_exception(data: st.DataObject) -> None:
    packed = bytearray(pack_bundle({"a": np.arange(3)}, META, "card"))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    try:
        unpack_bundle(bytes(packed))
    except DataError:
        return
    # What passes differs in a date or version that carries no content.
    assert inspect_bytes(bytes(packed)).verdict == "safe"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_bundle(tmp_path / "m", TENSORS, META, "card", KEY)
    return tmp_path / "m"


@pytest.mark.parametrize("name", ["model.safetensors", "model.json", "MODEL_CARD.md"])
def test_every_file_is_covered_by_the_signature(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(TamperedError) as caught:
        read_bundle(folder, KEY.public)
    assert caught.value.where == str(folder / name)
    assert inspect_file(folder).verdict == "unknown"
    (folder / name).unlink()
    with pytest.raises(DataError):
        read_bundle(folder, KEY.public)


def test_another_signer_is_refused(folder: Path) -> None:
    with pytest.raises(TamperedError):
        read_bundle(folder, SigningKey(bytes(32)).public)


@pytest.mark.parametrize(
    "statement",
    [
        {},
        {"_type": "https://in-toto.io/Statement/v1", "predicateType": "other", "subject": []},
        {
            "_type": "https://in-toto.io/Statement/v1",
            "predicateType": "urn:strongroom:model-bundle:1",
            "subject": [{"name": "model.json", "digest": {"sha256": "x"}}, 3],
        },
        [],
    ],
)
def test_other_signed_statements_are_refused(folder: Path, statement: object) -> None:
    envelope = dsse_sign(canonical_json(statement), IN_TOTO, KEY)
    (folder / "manifest.json").write_text(json.dumps(envelope))
    with pytest.raises(TamperedError):
        read_bundle(folder, KEY.public)


def test_a_huge_manifest_is_not_read(folder: Path) -> None:
    with (folder / "manifest.json").open("wb") as stream:
        stream.truncate(1 << 30)
    with pytest.raises(DataError, match="larger"):
        read_bundle(folder)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkspaceError):
        write_bundle(tmp_path / "file" / "model", TENSORS, META, "", KEY)


def test_released_folder_inspects_as_safe(folder: Path) -> None:
    assert inspect_file(folder).verdict == "safe"
    (folder / "more.py").touch()
    assert inspect_file(folder).verdict == "unknown"


def test_canonical_json() -> None:
    assert canonical_json({"b": 1, "a": ["ε", None]}) == '{"a":["ε",null],"b":1}'.encode()
    assert strict_json(b'{"a": [1.5, true]}') == {"a": [1.5, True]}
    for bad in (b'{"a":1,"a":1}', b"[Infinity]", b"\xff", b"{", b"[" * 200_000):
        with pytest.raises(ValueError):  # noqa: PT011 - any of them
            strict_json(bad)
