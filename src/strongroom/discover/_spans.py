"""Personal data in texts: one text, or a column of them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.config import DiscoverSpec
from strongroom.discover._across import find_across, rows_belong_together
from strongroom.discover._custom import custom, without_allowed
from strongroom.discover._detection import Detection, Recognizer
from strongroom.discover._hits import Hits
from strongroom.discover._marks import parted
from strongroom.discover._spoken import Spoken, without_code
from strongroom.discover._written import Written, written
from strongroom.discover.engine import Engine
from strongroom.discover.recognizers import load_recognizers, load_rules, street_address

if TYPE_CHECKING:
    from collections.abc import Sequence

_DEFAULT = DiscoverSpec()


def find_spans(
    text: str,
    spec: DiscoverSpec = _DEFAULT,
    recognizers: Sequence[Recognizer] | None = None,
) -> list[Detection]:
    """Find the personal data in one text.

    Args:
        text: anything; offsets are code points of it.
        spec: country and lowest score.
        recognizers: instead of the installed ones.

    Returns:
        Detections that don't overlap, in the order of the text.
    """
    texts = pa.array([text], pa.large_string())
    return find_hits(texts, spec, recognizers).detections(texts).get(0, [])


def find_column_spans(
    values: pa.ChunkedArray | pa.Array,
    spec: DiscoverSpec = _DEFAULT,
    recognizers: Sequence[Recognizer] | None = None,
    *,
    header: str = "",
    said: Spoken | None = None,
) -> list[tuple[int, Detection]]:
    """Find the personal data in every value of a column of strings.

    Distinct values are looked at once, and only by the recognizers whose trigger they hold.

    Args:
        values: strings, or dictionary-encoded strings; nulls are passed over.
        spec: country and lowest score.
        recognizers: instead of the installed ones.
        header: the name of the column, which counts as words before each value.
        said: reads lines of source code, so that names are looked for in comments and strings.

    Returns:
        (row, detection), by row and place; offsets are code points of the row's value.
    """
    texts, (order, bounds) = _read_once(values, in_order=said is not None)
    hits = find_hits(texts, spec, recognizers, header=header, said=said)
    found = hits.detections(texts)
    flat = [
        (int(row), detection)
        for i, detections in found.items()
        for row in order[bounds[i] : bounds[i + 1]]
        for detection in detections
    ]
    flat.sort(key=lambda f: (f[0], f[1].start))
    return flat


def _read_once(
    values: pa.ChunkedArray | pa.Array, *, in_order: bool
) -> tuple[pa.Array, tuple[np.ndarray, np.ndarray]]:
    """Return the strings of a column that are read, and where each stands.

    Returns:
        The distinct strings, or all where a key or a sentence lies over several rows; and (rows,
        bounds): string i stands in `rows[bounds[i]:bounds[i + 1]]`.
    """
    column = values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    texts = column.cast(pa.large_string()).combine_chunks()
    if in_order or rows_belong_together(texts):
        return texts, (np.arange(len(texts)), np.arange(len(texts) + 1))
    encoded = texts.dictionary_encode()
    codes = np.asarray(
        encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)
    )
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(encoded.dictionary) + 1))
    return encoded.dictionary, (order, bounds)


def find_hits(
    texts: pa.Array,
    spec: DiscoverSpec = _DEFAULT,
    recognizers: Sequence[Recognizer] | None = None,
    *,
    header: str = "",
    overlaps: bool = False,
    said: Spoken | None = None,
) -> Hits:
    """Let every tier look at a column of strings.

    Args:
        texts: large strings; nulls are passed over.
        spec: countries, lowest score, and which tiers look.
        recognizers: instead of all tiers.
        header: the name of the column, which counts as words before each value.
        overlaps: leave everything in that any tier found, for those who compare thresholds.
        said: reads lines of source code; names are looked for in what it leaves of them.

    Returns:
        Hits by row and place; without overlaps, unless these were asked for, and without the terms
        that the specification allows.
    """
    words = header_words(header) if header else ""
    lines = header in {"", "text"}  # rows of a text are its lines
    parts = []
    if recognizers is None:
        seen = written(texts)
        plain = parted(seen.texts)
        parts += [engine.find(one, words) for engine in engines_of(spec) for one in plain]
        if spec.names:
            parts += [_addresses(spec).find(one) for one in plain]
        parts = [seen.back(part) for part in parts]
        if spec.names:
            named = _names(seen, spec, said, lines=lines)
            # A password that looks like a firm's name is a password.
            for part in parts:
                named = named.clear_of(part, "SECRET")
            parts.append(named)
        parts += [find_across(texts)] if spec.names or lines else []
        recognizers = load_recognizers(spec)
    parts += [_one_by_one(texts, spec, recognizers, words)] if recognizers else []
    held = [part for part in parts if len(part)]
    found = Hits.together(held) if overlaps else Hits.merged(held)
    return without_allowed(found.named(), texts, spec)


def _names(seen: Written, spec: DiscoverSpec, said: Spoken | None, *, lines: bool) -> Hits:
    # The model is loaded by those alone who ask for names.
    from strongroom.discover.names import find_names

    if said is None:
        return seen.back(find_names(seen.texts, spec, lines=lines))
    spoken = written(said(seen.plain))
    named = spoken.back(find_names(spoken.texts, spec, lines=lines))
    return named if said.data else without_code(named, seen.plain)


@lru_cache(maxsize=8)
def _addresses(spec: DiscoverSpec) -> Engine:
    """Return the rules of street addresses, which stand beside the model of names.

    Many of them begin with any capital: among the other rules they would slow all of these.
    """
    return Engine(street_address.RULES, spec)


def entities_of(spec: DiscoverSpec = _DEFAULT) -> tuple[str, ...]:
    """Return what may be found at all, in the order of the alphabet."""
    found = {rule.entity for rule in (*load_rules(spec), *custom(spec).rules)} - {""}
    found.update(entity for one in load_recognizers(spec) for entity in one.entities)
    if spec.names:
        from strongroom.discover.names import ENTITIES

        found.update(ENTITIES)
    return tuple(sorted(found))


@lru_cache(maxsize=8)
def engines_of(spec: DiscoverSpec) -> tuple[Engine, ...]:
    """Return the compiled rules for a specification, its own apart from ours.

    Ours take seconds to compile, and are the same whatever else the specification says.
    """
    ours = _built_in(spec.country, spec.countries, spec.min_score)
    own = custom(spec).rules
    return (ours, Engine(own, spec)) if own else (ours,)


@lru_cache(maxsize=8)
def _built_in(country: str, countries: tuple[str, ...], min_score: float) -> Engine:
    spec = DiscoverSpec(country=country, countries=countries, min_score=min_score)
    return Engine(load_rules(spec), spec)


def _one_by_one(
    texts: pa.Array, spec: DiscoverSpec, recognizers: Sequence[Recognizer], header: str
) -> Hits:
    """Ask recognizers that read one text at a time."""
    prefix = f"{header}: " if header else ""
    shift = len(prefix)
    raw: dict[int, list[Detection]] = {}
    for recognizer in recognizers:
        trigger = getattr(recognizer, "trigger", "")
        where = _matching(texts, trigger)
        for i, text in zip(where.tolist(), texts.take(pa.array(where)).to_pylist(), strict=True):
            for found in recognizer.find(prefix + text) if text else ():
                if found.score >= spec.min_score and found.start >= shift:
                    raw.setdefault(i, []).append(_moved(found, shift) if shift else found)
    return Hits.of_detections(texts, raw)


def header_words(header: str) -> str:
    """Write the name of a column as words: `homePhone_2` becomes `home phone 2`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", header)
    return " ".join(re.findall(r"[^\W_]+", parted.lower()))


def _matching(texts: pa.Array, trigger: str) -> np.ndarray:
    if not trigger:
        return np.arange(len(texts))
    hit = pc.match_substring_regex(texts, trigger)
    return np.flatnonzero(pc.fill_null(hit, fill_value=False).to_numpy(zero_copy_only=False))


def _moved(found: Detection, shift: int) -> Detection:
    return Detection(
        found.entity,
        found.start - shift,
        found.end - shift,
        found.score,
        found.recognizer,
        found.validated,
    )
