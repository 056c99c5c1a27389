"""Every array inside an object, whatever made it; and a digest of it without a pickle."""

from __future__ import annotations

import hashlib
import types
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

_DEEPEST = 40
_OPAQUE = (
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    type,
    np.random.RandomState,
    np.random.Generator,
)
_PLAIN = (str, bytes, int, float, complex, bool, type(None), np.generic)


def arrays_in(thing: Any) -> Iterator[tuple[str, np.ndarray]]:  # noqa: ANN401 - any object
    """Give (path, array) of every array inside an object: attributes, states, containers.

    Sparse matrices come dense if they are small, else as their values. Functions and modules are
    passed over; nothing is called but `__getstate__`.
    """
    for path, found in _walk(thing, "", {}, 0):
        if isinstance(found, np.ndarray):
            yield path, found


def digest_object(thing: Any) -> str:  # noqa: ANN401 - any object
    """Return SHA-256, hex, of an object's arrays and plain values in a fixed order.

    It tells models apart; it is no fingerprint of a file.
    """
    found = hashlib.sha256()
    for path, value in _walk(thing, "", {}, 0):
        found.update(path.encode("utf-8", "replace") + b"\0")
        if isinstance(value, np.ndarray):
            found.update(f"{value.dtype}{value.shape}\0".encode())
            if value.dtype.names is not None:
                for name in value.dtype.names:  # without what lies between the fields
                    found.update(np.ascontiguousarray(value[name]).tobytes())
            elif value.dtype.hasobject:
                found.update(repr(value.tolist()).encode("utf-8", "replace"))
            else:
                found.update(np.ascontiguousarray(value).tobytes())
        elif isinstance(value, bytes):
            found.update(value)
        else:
            found.update(repr(value).encode("utf-8", "replace"))
    return found.hexdigest()


def _walk(thing: Any, path: str, seen: dict[int, Any], depth: int) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    if isinstance(thing, _PLAIN):
        yield path, thing
        return
    if isinstance(thing, _OPAQUE):
        yield path, getattr(thing, "__qualname__", type(thing).__qualname__)
        return
    if id(thing) in seen or depth > _DEEPEST:
        return
    seen[id(thing)] = thing  # kept: a number of something gone would be given anew
    if isinstance(thing, np.ndarray):
        if thing.dtype == object and thing.size and not isinstance(thing.flat[0], _PLAIN):
            yield from _children(enumerate(thing.flat), path, seen, depth)
        else:
            yield path, thing
        return
    dense = _dense(thing)
    if dense is not None:
        yield path, dense
        return
    yield from _children(parts_of(thing), path, seen, depth)


def _children(parts: Any, path: str, seen: dict[int, Any], depth: int) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    for name, part in parts:
        yield from _walk(part, f"{path}.{name}" if path else str(name), seen, depth + 1)


_LARGEST = 1 << 27  # numbers in a sparse matrix that are worth writing out


def _dense(thing: Any) -> np.ndarray | None:  # noqa: ANN401
    """Return sparse matrices, tensors and frames as arrays, None for anything else."""
    if hasattr(thing, "toarray") and hasattr(thing, "nnz"):
        rows, columns = thing.shape
        small = rows * columns <= _LARGEST
        return np.asarray(thing.toarray() if small else thing.data)
    if hasattr(thing, "detach") and hasattr(thing, "numpy"):
        return np.asarray(thing.detach().cpu().float().numpy())
    if hasattr(thing, "to_numpy") and hasattr(thing, "iloc"):
        return np.asarray(thing.to_numpy())
    return None


def parts_of(thing: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Give (name, part) of what an object is made of."""
    if isinstance(thing, Mapping):
        yield from ((str(k), v) for k, v in thing.items())
        return
    if isinstance(thing, list | tuple):
        yield from ((str(i), v) for i, v in enumerate(thing))
        return
    if isinstance(thing, set | frozenset):
        yield from ((str(i), v) for i, v in enumerate(sorted(thing, key=repr)))
        return
    for name in ("save_raw", "model_to_string"):  # XGBoost's booster, LightGBM's
        whole = getattr(thing, name, None)
        if callable(whole):
            yield "model", _bytes_of(whole())
            return
    if hasattr(thing, "state_dict") and hasattr(thing, "named_modules"):
        yield from sorted(thing.state_dict().items())
        return
    yield "class", f"{type(thing).__module__}.{type(thing).__qualname__}"
    state = getattr(thing, "__dict__", None)
    if state:
        yield from sorted(state.items(), key=lambda item: str(item[0]))
        return
    # What is written in C (scikit-learn's trees, its index of neighbours) tells by its state.
    ask = getattr(thing, "__getstate__", None)
    try:
        told = ask() if callable(ask) else None
    except Exception:  # noqa: BLE001 - foreign code; what says nothing holds nothing for us
        told = None
    if told is not None:
        yield "state", told


def _bytes_of(found: str | bytes | bytearray) -> bytes:
    return found.encode() if isinstance(found, str) else bytes(found)
