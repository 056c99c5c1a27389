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
"""Words of which the first layer's part is kept (63 MB)."""
SEGMENT = 2048
"""Tokens looked at together; longer values are cut there."""

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
        self._arrays = arrays
        self._keys, self._places = word_table(arrays["words"])
        width = len(arrays["gate"])
        self._kept = np.empty((KEPT, 2 * at.REACH + 1, width), np.float32)
        self._kept_keys = np.zeros(2 * KEPT, np.int64)
        self._kept_slots = np.zeros(2 * KEPT, np.int32)
        self._kept[0] = 0  # stands for no word, before the first and after the last
        self._used = np.ones(1, np.int64)
        self._lock = threading.Lock()

    def find(
        self, data: NDArray[np.uint8], offsets: NDArray[np.int64], least: float = 0.0
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Find names in strings as Arrow holds them; see `label`."""
        from strongroom.discover.names._kernels_labels import label

        a = self._arrays
        with self._lock:
            return label(
                data, offsets, folding(), self._keys, self._places,
                a["lists"], a["clusters"], a["paths"], a["rates"], a["numbers"],
                a["embed"], a["scale"], a["first"], a["flags"],
                a["gate"], float(a["gate_bias"][0]), a["second"], a["second_bias"],
                a["third"], a["third_bias"],
                self._kept_keys, self._kept_slots, self._kept, self._used, SEGMENT, least,
            )  # fmt: skip


def _check(arrays: Mapping[str, Any]) -> None:
    """See that tensors fit each other and the kernels, which look at no bounds."""
    words, rows = len(arrays["words"]), len(arrays["embed"])
    word, wide, deep = arrays["embed"].shape[1], len(arrays["gate"]), len(arrays["second_bias"])
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
    if wide % 8 or highest > rows or int(arrays["clusters"].max(initial=0)) >= len(arrays["paths"]):
        raise DataError("the tensors of the name model don't fit each other", hint=_HINT)


@cache
def load_model(path: Path = WEIGHTS) -> NameModel:
    """Read a model from a safetensors file; nothing in it can run."""
    from safetensors.numpy import load_file

    return NameModel(load_file(path))
