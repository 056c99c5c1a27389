"""What a site's records look like in bytes: values, rows as text, rows as numbers, hashes."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.federate.evidence._index import LEAST, Index, Needles
from strongroom.federate.evidence._views import SEPARATOR, squeeze
from strongroom.vault import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from strongroom.data import Dataset

PLANTED = "planted identifier"
_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")
SHARED = 10  # rows that hold a value: it is nobody's own
SHINGLE = 24  # bytes; of longer values each fragment of 2 · SHINGLE - 1 bytes is found
_WIDE = 64  # longer values are cut into shingles
_NEIGHBOURS = 3  # columns of a row side by side, as text
_NUMBERS = 4  # numbers of a row side by side
_DOWN = 8  # numbers of a column, one below the other
_ENCODED = 32  # positions of an encoded row
_FORMS = ("<f4", "<f8", "<i4", "<i8")
_TURNED = {"<f4": ">f4", "<f8": ">f8", "<i4": ">i4", "<i8": ">i8"}
_WORDS = {
    "f4": "float32",
    "f8": "float64",
    "i4": "int32",
    "i8": "int64",
    "u1": "bytes",
}
_OWN_DIGITS = 8  # of a number that is somebody's, such as one of an identity card
_APART = 3  # numbers that differ in a window


def needles_of(
    dataset: Dataset, inputs: NDArray[Any] | None = None, *, shared: int = SHARED
) -> Needles:
    """Return what is searched for of a dataset's rows.

    Args:
        dataset: a site's rows.
        inputs: [n, ...], the same rows as the model takes them.
        shared: what so many rows hold alike tells nobody apart and isn't searched for.
    """
    needles = Needles()
    table = dataset.table
    _add_values(needles, table, shared)
    _add_rows_as_text(needles, table, shared)
    _add_numbers(needles, table, shared)
    if inputs is not None:
        _add_inputs(needles, np.ascontiguousarray(inputs).reshape(len(inputs), -1), shared)
    return needles


def add_planted(needles: Needles, planted: Sequence[str]) -> None:
    """Add planted identifiers; `row` counts them."""
    rows = list(range(len(planted)))
    for encoding in _ENCODINGS:
        contents = [text.encode(encoding) for text in planted]
        needles.add(contents, rows, f"{PLANTED}, {encoding}")
    needles.add([squeeze(text.encode()) for text in planted], rows, f"{PLANTED}, as text")


def _add_values(needles: Needles, table: pa.Table, shared: int) -> None:
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_binary(column.type):
            _add_contents(needles, list(_own(column, shared)), "value, bytes", name, shared)
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            continue
        own = list(_own(column, shared))
        for encoding in _ENCODINGS:
            encoded = [(value.encode(encoding), row) for value, row in own]
            _add_contents(needles, encoded, f"value, {encoding}", name, shared)
        plain = [(squeeze(value.encode()), row) for value, row in own]
        _add_contents(needles, plain, "value, as text", name, shared)


def _own(column: pa.ChunkedArray, shared: int) -> Iterator[tuple[Any, int]]:
    """Yield values that few rows have, each with the first of them."""
    coded = column.combine_chunks().dictionary_encode()
    codes = np.asarray(pc.fill_null(coded.indices, -1))
    counts = np.bincount(codes[codes >= 0], minlength=len(coded.dictionary))
    firsts = np.full(len(counts), -1)
    present = np.flatnonzero(codes >= 0)
    firsts[codes[present[::-1]]] = present[::-1]
    for code in np.flatnonzero(counts < shared):
        value = coded.dictionary[int(code)].as_py()
        if value is not None:
            yield value, int(firsts[code])


def _add_contents(
    needles: Needles, contents: list[tuple[bytes, int]], form: str, column: str, shared: int
) -> None:
    short = [(content, row) for content, row in contents if len(content) < _WIDE]
    needles.add([c for c, _ in short], [row for _, row in short], form, column)
    # A part of a long value is as bad as all of it, if it is this value's own.
    side = 2 * SHINGLE if "utf-16" in form else SHINGLE
    parts: dict[bytes, list[int]] = {}
    for content, row in contents:
        if len(content) >= _WIDE:
            for at in range(0, len(content) - side + 1, side):
                parts.setdefault(content[at : at + side], []).append(row)
    own = [(p, rows[0]) for p, rows in parts.items() if len(rows) < shared and len(set(p)) > _APART]
    found = Needles()
    found.add([p for p, _ in own], [row for _, row in own], f"part of a {form}", column)
    needles.join(_without_phrases(found, [content for content, _ in contents], shared))


def _without_phrases(parts: Needles, contents: list[bytes], shared: int) -> Needles:
    """Leave out parts that many values hold, wherever: phrases that everybody uses."""
    index = Index.of(parts)
    common = {n for n, _, times in index.find(_array(b"\0".join(contents))) if times >= shared}
    kept = [n for n in range(len(index)) if n not in common]
    found = Needles()
    for form, column in index.kinds[:1]:  # one at most
        found.add([index.content(n) for n in kept], index.rows[kept].tolist(), form, column)
    return found


def _array(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8)


def _add_rows_as_text(needles: Needles, table: pa.Table, shared: int) -> None:
    """Add neighbouring columns as text, with and without their names, and hashes of whole rows."""
    columns = {
        name: column.to_pylist()
        for name, column in zip(table.column_names, table.columns, strict=True)
        if not pa.types.is_binary(column.type)
    }
    if not columns:
        return
    words = {name: [_word(v) for v in values] for name, values in columns.items()}
    names = list(columns)
    titles = [squeeze(name.encode()) for name in names]
    gap = bytes([SEPARATOR])
    side = min(_NEIGHBOURS, len(names))
    for start in range(len(names) - side + 1):
        chosen = names[start : start + side]
        bare = list(map(gap.join, zip(*(words[n] for n in chosen), strict=True)))
        _add_rare(needles, bare, "row, as text", shared)
        called = [
            [title + gap + word for word in words[name]]
            for name, title in zip(chosen, titles[start : start + side], strict=True)
        ]
        _add_rare(
            needles, map(gap.join, zip(*called, strict=True)), "row, as text with names", shared
        )
    for name, values in columns.items():
        if isinstance(next((v for v in values if v is not None), None), int | float):
            digits = [w if len(w) >= _OWN_DIGITS else b"" for w in words[name]]
            _add_rare(needles, digits, "value, as digits", shared, name)
    hashes: dict[str, tuple[list[bytes], list[int]]] = {"JSON": ([], []), "CSV": ([], [])}
    for row, values in enumerate(zip(*columns.values(), strict=True)):
        for form, content in _canonical(names, values):
            hashes[form][0].append(hashlib.sha256(content).digest())
            hashes[form][1].append(row)
    for form, (digests, rows) in hashes.items():
        needles.add(digests, rows, f"SHA-256 of a row as {form}")


def _word(value: object) -> bytes:
    return squeeze(str(value).encode())


def _add_rare(
    needles: Needles, contents: Iterable[bytes], form: str, shared: int, column: str = ""
) -> None:
    seen: dict[bytes, list[int]] = {}
    for row, content in enumerate(contents):
        entry = seen.setdefault(content, [row, 0])
        entry[1] += 1
    own = [
        (content, row)
        for content, (row, times) in seen.items()
        if times < shared and len(set(content)) > _APART
    ]
    needles.add([content for content, _ in own], [row for _, row in own], form, column)


def _canonical(names: list[str], values: tuple[Any, ...]) -> Iterator[tuple[str, bytes]]:
    plain = [v if isinstance(v, str | int | float | bool | None) else str(v) for v in values]
    with contextlib.suppress(TypeError, ValueError):  # NaN has no JSON
        yield "JSON", canonical_json(dict(zip(names, plain, strict=True)))
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(["" if v is None else v for v in plain])
    yield "CSV", out.getvalue().encode()


def _add_numbers(needles: Needles, table: pa.Table, shared: int) -> None:
    """Add numbers of a row side by side, and of a column one below the other."""
    columns = {
        name: _numbers(column)
        for name, column in zip(table.column_names, table.columns, strict=True)
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    }
    if not columns or not table.num_rows:
        return
    matrix = np.stack(list(columns.values()), axis=1)
    side = min(_NUMBERS, matrix.shape[1])
    if side > 1:
        for start in range(matrix.shape[1] - side + 1):
            window = matrix[:, start : start + side]
            _add_windows(needles, window, "numbers of a row", np.arange(len(matrix)), shared)
    whole = len(matrix) // _DOWN * _DOWN
    for name, numbers in columns.items():
        window = numbers[:whole].reshape(-1, _DOWN)
        _add_windows(
            needles, window, "numbers of a column", np.arange(0, whole, _DOWN), shared, name
        )


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    found: NDArray[np.float64] = pc.cast(column, pa.float64(), safe=False).to_numpy()
    return found


def _add_windows(
    needles: Needles,
    window: NDArray[np.float64],
    what: str,
    rows: NDArray[np.integer],
    shared: int,
    column: str = "",
) -> None:
    telling = np.isfinite(window).all(axis=1) & (_different(window) >= min(_APART, window.shape[1]))
    kept = np.flatnonzero(telling)
    kept = kept[_rare(np.ascontiguousarray(window[kept]).view(np.uint8), shared)]
    numbers = window[kept]
    limit = np.iinfo(np.int32).max
    whole = (numbers == np.round(numbers)).all(axis=1) & (np.abs(numbers) <= limit).all(axis=1)
    for form in _FORMS:
        fits = whole if "i" in form else np.ones(len(kept), np.bool_)
        for order in (form, _TURNED[form]):
            content = np.ascontiguousarray(numbers[fits].astype(order)).view(np.uint8)
            words = f"{what}, {_WORDS[form[1:]]}" + (", big-endian" if order[0] == ">" else "")
            needles.add_windows(content, rows[kept[fits]], words, column)


def _different(window: NDArray[Any]) -> NDArray[np.int64]:
    """Return how many different numbers other than 0 each window [n, k] has."""
    ordered = np.sort(window, axis=1)
    steps = (np.diff(ordered, axis=1) != 0).sum(axis=1) + 1
    found: NDArray[np.int64] = steps - (window == 0).any(axis=1)
    return found


def _rare(content: NDArray[np.uint8], shared: int) -> NDArray[np.bool_]:
    """Return which byte strings [n, length] fewer than `shared` of them are alike."""
    if not len(content):
        return np.zeros(0, np.bool_)
    # By a sum with random weights: two that differ have the same one once in 2^64.
    words = np.ascontiguousarray(content).view(np.uint32).astype(np.uint64)
    weights = np.random.default_rng(0).integers(0, 1 << 63, words.shape[1], np.uint64) * 2 + 1
    hashed = (words * weights).sum(axis=1)
    _, inverse, counts = np.unique(hashed, return_inverse=True, return_counts=True)
    found: NDArray[np.bool_] = counts[inverse.ravel()] < shared
    return found


def _add_inputs(needles: Needles, inputs: NDArray[Any], shared: int) -> None:
    """Add windows of rows as the model takes them; of rows without a window of their own, all.

    In other types than the model's, the first window of a row that is its own has to do.
    """
    width = inputs.shape[1]
    told = np.zeros(len(inputs), np.bool_)
    side = min(_ENCODED, width)
    starts = [*range(0, width - side + 1, side)]
    if starts[-1] + side < width:
        starts.append(width - side)
    for start in starts:
        window = inputs[:, start : start + side]
        telling = np.flatnonzero(_different(window) >= _APART)
        telling = telling[_rare(np.ascontiguousarray(window[telling]).view(np.uint8), shared)]
        _add_input(needles, window, telling, telling[~told[telling]])
        told[telling] = True
    left = np.flatnonzero(~told & (_different(inputs) >= 1))
    left = left[_rare(np.ascontiguousarray(inputs[left]).view(np.uint8), shared)]
    _add_input(needles, inputs, left, left)


def _add_input(
    needles: Needles,
    windows: NDArray[Any],
    rows: NDArray[np.integer],
    first: NDArray[np.integer],
) -> None:
    """Add the windows of `rows` in their own type, and of `first` in others."""
    own = windows.dtype.str[1:]
    forms = dict.fromkeys([own, "f4", "f8"])
    if windows.dtype.kind == "f" and (windows[rows] == windows[rows].astype(np.uint8)).all():
        forms["u1"] = None
    for form in forms:
        chosen = rows if form == own else first
        content = np.ascontiguousarray(windows[chosen].astype(form)).view(np.uint8)
        if content.shape[-1] >= 2 * LEAST:
            words = f"a row as the model takes it, {_WORDS.get(form, windows.dtype.name)}"
            needles.add_windows(content, chosen, words)
