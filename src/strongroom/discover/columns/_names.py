"""Names in a column without a telling name: what the name tier and its word lists say of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from strongroom.config import DiscoverSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

# The first lists that training/names/lexicon.py writes: a list's place is its bit.
KINDS = (
    "first_common", "first_rare", "last_common", "last_rare", "city_big", "city_small",
    "city_part", "country", "country_part", "region", "region_short",
)  # fmt: skip
_GIVEN = KINDS[:2]
_FAMILY = KINDS[2:4]
_CITY = KINDS[4:7]
_COVERS = 0.6
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Names:
    """Shares of the values of a column.

    Attributes:
        person, place, organization, profession: that the name tier takes for one, standing alone;
            it was made for sentences, so a third is many.
        given, family, city, region, region_short: with a word of such a list.
    """

    person: float = 0.0
    place: float = 0.0
    organization: float = 0.0
    profession: float = 0.0
    given: float = 0.0
    family: float = 0.0
    city: float = 0.0
    region: float = 0.0
    region_short: float = 0.0


def names_among(values: pa.Array) -> Names:
    """Look at strings, each of which counts the same."""
    if not len(values):
        return Names()
    told = _told(values)
    bits = np.array([_bits(_WORD.findall(v)) for v in values.to_pylist()], np.uint32)

    def listed(kinds: Sequence[str]) -> float:
        mask = np.uint32(sum(1 << KINDS.index(kind) for kind in kinds))
        return float(((bits & mask) != 0).mean())

    return Names(
        told.get("PERSON", 0.0),
        told.get("GPE", 0.0) + told.get("LOCATION", 0.0),
        told.get("ORGANIZATION", 0.0),
        told.get("PROFESSION", 0.0),
        listed(_GIVEN),
        listed(_FAMILY),
        listed(_CITY),
        listed(("region",)),
        listed(("region_short",)),
    )


def _told(values: pa.Array) -> dict[str, float]:
    """Return the share of values that are each entity, as a whole, to the name tier."""
    from strongroom.discover.names import find_names

    hits = find_names(values, DiscoverSpec())
    lengths = np.array([len(v.encode()) for v in values.to_pylist()])
    whole = hits.end - hits.start >= _COVERS * lengths[hits.row]
    counts = np.bincount(hits.entity[whole], minlength=len(hits.entities))
    return {e: float(n) / len(values) for e, n in zip(hits.entities, counts, strict=False)}


def _bits(words: Sequence[str]) -> int:
    """Return the lists that hold any of the words."""
    if not words:
        return 0
    from strongroom.discover.names._kernels_words import word_hashes
    from strongroom.discover.names._model import folding

    keys, lists = _lexicon()
    coded = [word.encode() for word in words]
    bounds = np.cumsum([0, *map(len, coded)]).astype(np.int64)
    data = np.frombuffer(b"".join(coded), np.uint8)
    found = word_hashes(data, bounds, folding(), True)  # noqa: FBT003 - a kernel takes no keywords
    at = np.minimum(np.searchsorted(keys, found), len(keys) - 1)
    return int(np.bitwise_or.reduce(np.where(keys[at] == found, lists[at], np.uint32(0))))


@cache
def _lexicon() -> tuple[np.ndarray, np.ndarray]:
    """Return the keys of known words, sorted, and the lists that each stands in."""
    from safetensors import safe_open

    from strongroom.discover.names._model import WEIGHTS

    with safe_open(WEIGHTS, "numpy") as file:
        return file.get_tensor("words"), file.get_tensor("lists")
