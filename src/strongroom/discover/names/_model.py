"""The weights of the name model and what a process keeps of the words that it met."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.discover.names import _layout as at
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

WEIGHTS = Path(__file__).parent / "weights" / "names.safetensors"
KEPT = 1 << 15
"""Words of which the first layer's part is kept (42 MB)."""
ONE = 1024.0
"""What stands for 1 in the first layer's whole numbers, which are hardly ever above 10."""
_LINE = 64  # bytes of the processor's cache

_HINT = "install strongroom again, or train the model anew (training/names/train.py)"


@cache
def folding() -> NDArray[np.int64]:
    """Return the small letter of each code point below 0x800, itself where there is none."""
    small = [chr(c).lower() for c in range(0x800)]
    return np.array(
        [ord(s) if len(s) == 1 and ord(s) < len(small) else c for c, s in enumerate(small)],
        np.int64,
    )


def word_table(words: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return an open table of the keys of words (see `find_word`)."""
    from strongroom.discover.names._kernels_words import fill_table

    size = 1 << int(2 * len(words) + 1).bit_length()
    keys, places = np.full(size, -1, np.int64), np.zeros(size, np.int32)
    fill_table(words, keys, places)
    return keys, places


class NameModel:
    """A trained model, ready to run; safe to share between threads, which take turns.

    Args:
        arrays: the tensors of its file, by name.
    """

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        _check(arrays)
        part = (2 * at.REACH + 1) * at.WIDE
        kept = _empty(KEPT * part, np.int16)
        kept[:part] = 0  # stands for no word, before the first and after the last
        self._given: tuple[Any, ...] = (
            folding(), *word_table(arrays["words"]),
            *(arrays[name] for name in ("lists", "clusters", "paths", "rates", "numbers")),
            *_layers(arrays),
            np.zeros(2 * KEPT, np.int64), np.zeros(2 * KEPT, np.int32), kept, np.ones(1, np.int64),
            _empty(at.ROOM * at.WIDE, np.int16), _empty(at.SIDE * at.DEEP, np.float32),
            _empty(at.ROOM * at.OUT, np.float32),
        )  # fmt: skip
        self._lock = threading.Lock()

    def find(
        self, data: NDArray[np.uint8], offsets: NDArray[np.int64], least: float = 0.0
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Find names in strings as Arrow holds them; see `label`."""
        from strongroom.discover.names._kernels_labels import label

        given: tuple[Any, ...] = (data, offsets, *self._given, least)
        with self._lock:
            found: tuple[NDArray[np.int64], NDArray[np.float32]] = label(*given)
            return found


def _empty(size: int, kind: type) -> NDArray[Any]:
    """Return an array that begins where a line of the cache does, as its rows then do, too."""
    room = np.empty(size * np.dtype(kind).itemsize + _LINE, np.uint8)
    start = -room.ctypes.data % _LINE
    return room[start : len(room) - _LINE + start].view(kind)


def _lined_up(array: NDArray[Any]) -> NDArray[Any]:
    """Return a flat copy of an array, at such a place."""
    made = _empty(array.size, array.dtype.type)
    made[:] = array.ravel()
    return made


def _layers(arrays: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the layers as the kernels read them: flat, the first one in whole numbers.

    A word's part of the first layer, the flags and what they add up to are multiples of 1 / `ONE`:
    figures of `benchmarks/discover_quality.py` stay within 0.0002 of those of the layer as trained.
    """
    most = np.iinfo(np.int16).max
    third = np.zeros((at.DEEP, at.OUT), np.float32)
    third[:, : at.LABELS] = arrays["third"]
    third_bias = np.full(at.OUT, -np.inf, np.float32)
    third_bias[: at.LABELS] = arrays["third_bias"]
    return (
        arrays["embed"], arrays["scale"],
        _lined_up(arrays["first"] * np.float32(ONE)),
        _lined_up(np.clip(np.rint(arrays["flags"] * ONE), -most, most).astype(np.int16)),
        _lined_up(arrays["gate"]),
        -float(arrays["gate_bias"][0]) * ONE,
        _lined_up(arrays["second"] / np.float32(ONE)), arrays["second_bias"],
        _lined_up(third), third_bias,
    )  # fmt: skip


def _check(arrays: Mapping[str, Any]) -> None:
    """See that tensors fit each other and the kernels, which look at no bounds."""
    words, rows = len(arrays["words"]), len(arrays["embed"])
    word, wide, deep = arrays["embed"].shape[1], at.WIDE, at.DEEP
    window, taps = 2 * at.REACH + 1, 2 * at.TAPS + 1
    expected = {
        "words": (np.uint32, (words,)),
        "lists": (np.uint32, (words,)),
        "clusters": (np.uint16, (words,)),
        "rates": (np.uint8, (words,)),
        "numbers": (np.uint16, (words,)),
        "paths": (np.uint8, arrays["paths"].shape),
        "embed": (np.int8, (rows, word)),
        "scale": (np.float32, (rows,)),
        "first": (np.float32, (word, window * wide)),
        "flags": (np.float32, (at.FLAGS, wide)),
        "gate": (np.float32, (wide,)),
        "gate_bias": (np.float32, (1,)),
        "second": (np.float32, (taps, wide, deep)),
        "second_bias": (np.float32, (deep,)),
        "third": (np.float32, (deep, at.LABELS)),
        "third_bias": (np.float32, (at.LABELS,)),
    }
    for name, (kind, shape) in expected.items():
        if arrays[name].dtype != kind or arrays[name].shape != shape:
            raise DataError(f"tensor {name} of the name model has another shape", hint=_HINT)
    highest = at.VOCABULARY + int(arrays["numbers"].max(initial=0))
    if highest > rows or int(arrays["clusters"].max(initial=0)) >= len(arrays["paths"]):
        raise DataError("the tensors of the name model don't fit each other", hint=_HINT)


@cache
def load_model(path: Path = WEIGHTS) -> NameModel:
    """Read a model from a safetensors file; nothing in it can run."""
    from safetensors.numpy import load_file

    return NameModel(load_file(path))
