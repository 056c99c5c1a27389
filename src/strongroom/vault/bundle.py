"""A model on disk, without pickle: safetensors, JSON, and a card for people.

Two forms with the same three files: one archive (`pack_bundle`: what the store seals; the same
model gives the same bytes) and a folder (`write_bundle`) whose `manifest.json` is a signed list of
the files' SHA-256 digests, an in-toto statement in a DSSE envelope.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors.numpy

from strongroom.errors import DataError, InputError, TamperedError
from strongroom.files import user_errors, write_bytes
from strongroom.vault._json import canonical_json, strict_json
from strongroom.vault._safetensors import MalformedError, parse_header
from strongroom.vault._zip import MalformedError as MalformedZipError
from strongroom.vault._zip import read_members, unpack
from strongroom.vault.signing import IN_TOTO, dsse_payload, dsse_sign, dsse_verify

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from strongroom.vault.signing import SigningKey, VerifyKey

TENSORS, META, CARD, MANIFEST = "model.safetensors", "model.json", "MODEL_CARD.md", "manifest.json"
PREDICATE = "urn:strongroom:model-bundle:1"
_STATEMENT = "https://in-toto.io/Statement/v1"
# The most that is read into memory of each file: a stranger's bundle can't ask for more.
_LIMITS = {TENSORS: 64 << 30, META: 64 << 20, CARD: 4 << 20}
_LONGEST_MANIFEST = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
# What NumPy and safetensors both have, so that reading gives back exactly what was written.
_DTYPES = frozenset({"bool", *(f"{k}{b}" for k in ("int", "uint") for b in (8, 16, 32, 64))}) | {
    "float16",
    "float32",
    "float64",
}


@dataclass(frozen=True)
class Bundle:
    """A model: its arrays by name, its description, and its card in Markdown."""

    tensors: Mapping[str, np.ndarray]
    meta: Mapping[str, Any]
    card: str


def pack_bundle(
    tensors: Mapping[str, np.ndarray], meta: Mapping[str, Any], card: str = ""
) -> bytes:
    """Return the model as one archive; equal models give equal bytes.

    Raises:
        InputError: an array or a description that the formats can't hold exactly.
    """
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for name, content in _encode(tensors, meta, card).items():
            member = zipfile.ZipInfo(name, _EPOCH)
            member.create_system = 3  # the same bytes on every system
            archive.writestr(member, content)
    return sink.getvalue()


def unpack_bundle(data: bytes) -> Bundle:
    """Read what `pack_bundle` wrote, and nothing else.

    Raises:
        DataError: it isn't exactly that.
    """
    try:
        members = {m.name: m for m in read_members(data)}
        if members.keys() != _LIMITS.keys():
            raise DataError("the archive isn't a model bundle: it has other files in it")
        files = {name: unpack(data, members[name], limit) for name, limit in _LIMITS.items()}
    except MalformedZipError as error:
        raise DataError(f"the model bundle is malformed: {error}") from error
    return _decode(files)


def write_bundle(
    folder: Path,
    tensors: Mapping[str, np.ndarray],
    meta: Mapping[str, Any],
    card: str,
    signing_key: SigningKey,
) -> None:
    """Write the model to `folder`, the signed manifest last: without it nothing counts.

    Raises:
        InputError: as `pack_bundle`.
        WorkspaceError: it can't be written.
    """
    files = _encode(tensors, meta, card)
    statement = {
        "_type": _STATEMENT,
        "subject": [
            {"name": name, "digest": {"sha256": hashlib.sha256(content).hexdigest()}}
            for name, content in files.items()
        ],
        "predicateType": PREDICATE,
        "predicate": {},
    }
    envelope = dsse_sign(canonical_json(statement), IN_TOTO, signing_key)
    with user_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, content in (files | {MANIFEST: canonical_json(envelope)}).items():
        write_bytes(folder / name, content, mode=0o600)


def read_bundle(folder: Path, verify_key: VerifyKey | None = None) -> Bundle:
    """Read a model folder; every file must be the one that its manifest lists.

    Args:
        folder: what `write_bundle` wrote.
        verify_key: whose signature the manifest must carry. Without it, damage is noticed but
            a forger, who would write a manifest of his own, is not.

    Raises:
        DataError: the folder isn't a model bundle.
        TamperedError: a file or the signature doesn't fit.
    """
    manifest = folder / MANIFEST
    digests = _digests(_read(manifest, _LONGEST_MANIFEST), verify_key, manifest)
    files = {}
    for name, limit in _LIMITS.items():
        content = _read(folder / name, limit)
        if hashlib.sha256(content).hexdigest() != digests[name]:
            raise TamperedError("the file isn't the one that was signed", where=str(folder / name))
        files[name] = content
    return _decode(files)


def _encode(
    tensors: Mapping[str, np.ndarray], meta: Mapping[str, Any], card: str
) -> dict[str, bytes]:
    plain = {}
    for name, array in tensors.items():
        if array.dtype.name not in _DTYPES or name == "__metadata__":
            raise InputError(f"an array of type {array.dtype} named {name!r} can't be stored")
        # safetensors writes the memory as it lies: it must lie in C order, little-endian.
        plain[name] = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    try:
        description = canonical_json(meta)
    except (TypeError, ValueError) as error:
        raise InputError(f"the model's description can't be stored as JSON: {error}") from error
    return {TENSORS: safetensors.numpy.save(plain), META: description, CARD: card.encode()}


def _decode(files: Mapping[str, bytes]) -> Bundle:
    try:
        header = parse_header(files[TENSORS])
    except MalformedError as error:
        raise DataError(f"the model's arrays are malformed: {error}") from error
    try:
        tensors = safetensors.numpy.load(files[TENSORS])
    except KeyError as error:  # a type that NumPy doesn't have
        raise DataError("the model's arrays have a type that can't be read here") from error
    if len(tensors) != len(header):
        raise DataError("the model's arrays are malformed: some can't be read")
    try:
        return Bundle(tensors, _object(files[META]), files[CARD].decode())
    except UnicodeDecodeError as error:
        raise DataError("the model card is not UTF-8") from error


def _digests(content: bytes, key: VerifyKey | None, where: Path) -> dict[str, str]:
    try:
        envelope = _object(content)
        payload = dsse_verify(envelope, key) if key else dsse_payload(envelope)
        statement = _object(payload)
    except (DataError, TamperedError) as error:
        raise TamperedError(error.what, where=str(where), hint=error.hint) from error
    digests = {}
    if (statement.get("_type"), statement.get("predicateType")) == (_STATEMENT, PREDICATE):
        for subject in statement.get("subject") or ():
            match subject:
                case {"name": str(name), "digest": {"sha256": str(digest)}} if name not in digests:
                    digests[name] = digest
                case _:
                    break
    if digests.keys() != _LIMITS.keys():
        raise TamperedError("the manifest isn't a model bundle's", where=str(where))
    return digests


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = strict_json(content)
    except ValueError as error:
        raise DataError("not strict JSON") from error
    if not isinstance(value, dict):
        raise DataError("not a JSON object")
    return value


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as stream:
            if os.fstat(stream.fileno()).st_size > limit:
                raise DataError("the file is larger than a model bundle's may be", where=str(path))
            return stream.read()
    except OSError as error:
        raise DataError(
            "not a model folder, or a part of it is missing", where=str(path)
        ) from error
