"""What the values of one column look like, in counts and shares. Never leaves this room."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.discover._spans import spans_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.config import DiscoverSpec
    from strongroom.discover._detection import Recognizer
    from strongroom.discover.columns._leaves import Leaf

# A detection that covers this much of a value is the value; less is a mention inside it.
_COVERS = 0.6
# No card, phone or personal number is smaller.
_SMALLEST_NUMBER = 1_000_000
_FREE_TOKENS = 5.0
_FREE_DISTINCT_SHARE, _FREE_DISTINCT = 0.3, 500
_EXACT_FLOAT = 2**53
# Numbers hold no sentences: when this many different ones show nothing, the others are not read.
_PROBED = 5_000


@dataclass
class Tally:
    """How often one entity was seen in a column.

    Attributes:
        spans: detections, over all rows.
        values: values with at least one.
        whole: values that are nothing else.
        validated: values with one that was validated.
        score: sum of the best score of each such value.
    """

    spans: int = 0
    values: int = 0
    whole: int = 0
    validated: int = 0
    score: float = 0.0


@dataclass
class Profile:
    """One leaf, looked at.

    Attributes:
        leaf: the values.
        kind: text | integer | float | boolean | date | other.
        texts: the distinct values as strings, or None where reading them makes no sense.
        counts: how often each distinct value stands in the column.
        tallies: what the recognizers found.
    """

    leaf: Leaf
    kind: str
    texts: pa.Array | None
    counts: np.ndarray
    tallies: dict[str, Tally] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The dotted path of the column."""
        return self.leaf.name

    @property
    def distinct(self) -> int:
        """How many different values there are."""
        return len(self.counts)

    @cached_property
    def present(self) -> int:
        """How many values there are."""
        return int(self.counts.sum())

    @cached_property
    def missing(self) -> int:
        """Rows without a value."""
        if self.leaf.owners is None:
            return self.leaf.rows - self.present
        codes = self.leaf.encoded[1]
        return self.leaf.rows - len(np.unique(self.leaf.owners[codes >= 0]))

    @cached_property
    def unique_share(self) -> float:
        """Share of the values that no other row has."""
        return float((self.counts == 1).sum() / self.present) if self.present else 0.0

    @property
    def distinct_share(self) -> float:
        """Distinct values to values."""
        return self.distinct / self.present if self.present else 0.0

    def share(self, pattern: str) -> float:
        """Return the share of values that match an RE2 pattern."""
        if self.texts is None or not self.present:
            return 0.0
        hit = pc.match_substring_regex(self.texts, pattern).to_numpy(zero_copy_only=False)
        return float(self.counts[hit.astype(bool)].sum() / self.present)

    def whole_share(self, entity: str) -> float:
        """Return the share of values that are nothing but this entity."""
        tally = self.tallies.get(entity)
        return tally.whole / self.present if tally and self.present else 0.0

    @cached_property
    def tokens(self) -> float:
        """The mean number of words of the values."""
        if self.texts is None or not self.present:
            return 0.0
        words = pc.count_substring_regex(self.texts, r"[^\s]+").to_numpy(zero_copy_only=False)
        return float((words * self.counts).sum() / self.present)

    @cached_property
    def free_text(self) -> bool:
        """Whether people wrote sentences here: many words, and rarely the same twice."""
        return (
            self.kind == "text"
            and self.tokens >= _FREE_TOKENS
            and (self.distinct_share >= _FREE_DISTINCT_SHARE or self.distinct >= _FREE_DISTINCT)
        )

    @cached_property
    def given_names(self) -> float:
        """Share of values with a common given name as the first or the second word."""
        if self.texts is None or not self.present:
            return 0.0
        known = _given_names()
        words = pc.split_pattern_regex(pc.utf8_lower(self.texts), r"[\s,.]+", max_splits=2)
        hit = np.fromiter(
            (any(w in known for w in said[:2]) for said in words.to_pylist()), bool, len(self.texts)
        )
        return float(self.counts[hit].sum() / self.present)

    def values_within(self, known: frozenset[str], most: int) -> bool:
        """Say whether all distinct values, few of them, are in a list in small letters."""
        if self.texts is None or not 1 < self.distinct <= most:
            return False
        said = pc.utf8_trim_whitespace(pc.utf8_lower(self.texts)).to_pylist()
        return known.issuperset(said)


def look(leaf: Leaf, spec: DiscoverSpec, recognizers: Sequence[Recognizer] | None) -> Profile:
    """Count the values of a leaf and let the recognizers read the distinct ones."""
    kind = _kind(leaf.values.type)
    values, codes = leaf.encoded
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    texts: pa.Array | None = None
    if kind == "text":
        blank = pc.match_substring_regex(values, r"^\s*$").to_numpy(zero_copy_only=False)
        keep = ~blank.astype(bool)
        texts, counts = values.filter(pa.array(keep)), counts[keep]
    elif kind in {"integer", "float"}:
        texts = _digits(values)
    profile = Profile(leaf, kind, texts, counts)
    if texts is not None and len(texts) and _worth_reading(profile, spec, recognizers):
        _tally(profile, spec, recognizers)
    return profile


def _worth_reading(
    profile: Profile, spec: DiscoverSpec, recognizers: Sequence[Recognizer] | None
) -> bool:
    texts = profile.texts
    if texts is None or profile.kind == "text" or len(texts) <= _PROBED:
        return True
    evenly = pa.array(np.linspace(0, len(texts) - 1, _PROBED).astype(np.int64))
    sample = texts.take(evenly)
    return bool(spans_of(sample, spec, recognizers, header=profile.leaf.header))


def _tally(profile: Profile, spec: DiscoverSpec, recognizers: Sequence[Recognizer] | None) -> None:
    texts = profile.texts
    found = spans_of(texts, spec, recognizers, header=profile.leaf.header)
    lengths = pc.utf8_length(pc.utf8_trim_whitespace(texts)).to_numpy(zero_copy_only=False)
    for place, detections in found.items():
        count, length = int(profile.counts[place]), int(lengths[place])
        best: dict[str, tuple[float, bool, int]] = {}
        for one in detections:
            tally = profile.tallies.setdefault(one.entity, Tally())
            tally.spans += count
            score, validated, longest = best.get(one.entity, (0.0, False, 0))
            best[one.entity] = (
                max(score, one.score),
                validated or one.validated,
                max(longest, one.end - one.start),
            )
        for entity, (score, validated, longest) in best.items():
            tally = profile.tallies[entity]
            tally.values += count
            tally.whole += count * (longest >= _COVERS * length)
            tally.validated += count * validated
            tally.score += count * score


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_large_string(kind):
        return "text"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "float"
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return "date"
    return "other"


def _digits(values: pa.Array) -> pa.Array | None:
    """Write large whole numbers as digits; None where the column holds others.

    pandas makes floats of whole numbers as soon as one is missing.
    """
    if not len(values) or pa.types.is_decimal(values.type):
        return None
    numbers = values.to_numpy(zero_copy_only=False)
    if pa.types.is_floating(values.type):
        if not (np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all()):
            return None
        if np.abs(numbers).max() > _EXACT_FLOAT:
            return None
        numbers = numbers.astype(np.int64)
    if numbers.max() < _SMALLEST_NUMBER:
        return None
    return pa.array(numbers).cast(pa.large_string())


@cache
def _given_names() -> frozenset[str]:
    listed = resources.files("strongroom.discover").joinpath("names/given_names.txt")
    return frozenset(listed.read_text("utf-8").split())
