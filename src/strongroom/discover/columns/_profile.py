"""What the values of one column look like, in counts and shares. Never leaves this room."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.discover.columns._names import Names, names_among
from strongroom.discover.columns._words import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable

_FREE_TOKENS = 5.0
_FREE_DISTINCT_SHARE, _FREE_DISTINCT = 0.3, 500
_WORD = re.compile(r"[^\W_](?:[^\W_]|'(?=[^\W_]))*\+?")
_LETTERS = str.maketrans(
    {"-": " ", "_": " ", "ß": "ss", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "’": "'"}
)
# Values whose words are held against lists.
_LISTED = 2_000
# Values that the name tier is asked about.
_NAMED = 500
_NUMBER = r"^\s*[-+]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?\s*$"


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


@dataclass(frozen=True)
class Profile:
    """One column, looked at.

    Counts are of the whole column; shares of shapes are of a sample where it is long.

    Attributes:
        name: dotted path of it.
        header: its own name, without the path to it.
        source: the column of the table that it is part of.
        aligned: whether each row of the table has one value of it.
        kind: text | integer | float | boolean | date | other.
        values: different values of the sample, none missing.
        weights: how often each of them stands in the sample.
        present: how many values there are.
        missing: rows without a value.
        distinct: how many different values.
        unique_share: share of the values that no other row has.
        most: how often the most frequent value stands there.
        tallies: what the recognizers found.
        sampled: hashes of the values in the sampled rows, 0 where missing; empty if not aligned.
    """

    name: str
    header: str
    source: str
    aligned: bool
    kind: str
    values: pa.Array
    weights: np.ndarray
    present: int
    missing: int
    distinct: int
    unique_share: float
    most: int
    tallies: dict[str, Tally] = field(default_factory=dict)
    sampled: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))

    @property
    def distinct_share(self) -> float:
        """Distinct values to values."""
        return self.distinct / self.present if self.present else 0.0

    @cached_property
    def texts(self) -> pa.Array | None:
        """The values of the sample, where they are strings."""
        return self.values if pa.types.is_large_string(self.values.type) else None

    @cached_property
    def numbers(self) -> np.ndarray | None:
        """The values of the sample as float64, where all are numbers."""
        if not len(self.values):
            return None
        if self.texts is not None:
            if not pc.all(pc.match_substring_regex(self.texts, _NUMBER)).as_py():
                return None
            return _floats(pc.utf8_trim_whitespace(self.texts))
        return _floats(self.values) if self.kind in {"integer", "float"} else None

    @cached_property
    def whole_numbers(self) -> bool:
        """Whether all values of the sample are whole numbers, however they are written."""
        numbers = self.numbers
        return numbers is not None and bool((numbers == np.floor(numbers)).all())

    def share(self, pattern: str) -> float:
        """Return the share of values that match an RE2 pattern."""
        if self.texts is None or not len(self.weights):
            return 0.0
        hit = pc.match_substring_regex(self.texts, pattern).to_numpy(zero_copy_only=False)
        return self.share_of(hit.astype(bool))

    def share_of(self, hit: np.ndarray) -> float:
        """Return the share of values for which `hit`, one bool a value of the sample, is true."""
        return float(self.weights[hit].sum() / self.weights.sum()) if len(self.weights) else 0.0

    def whole_share(self, entity: str) -> float:
        """Return the share of values that are nothing but this entity."""
        tally = self.tallies.get(entity)
        return tally.whole / self.present if tally and self.present else 0.0

    @cached_property
    def tokens(self) -> float:
        """The mean number of words of the values."""
        if self.texts is None or not len(self.weights):
            return 0.0
        words = pc.count_substring_regex(self.texts, r"[^\s]+").to_numpy(zero_copy_only=False)
        return float((words * self.weights).sum() / self.weights.sum())

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
        known = _given_names()
        return self.said(lambda _, words: any(w in known for w in words[:2]))

    @cached_property
    def names(self) -> Names:
        """What its values are as names."""
        if self.texts is None:
            return Names()
        return names_among(self.texts.slice(0, _NAMED))

    @cached_property
    def _listed(self) -> tuple[list[str], list[list[str]], np.ndarray]:
        """Frequent values in small letters without accents, their words, and their weights."""
        if self.texts is None or not len(self.weights):
            return [], [], np.empty(0)
        order = np.argsort(-self.weights, kind="stable")[:_LISTED]
        values = folded(self.texts.take(pa.array(order)))
        known = [i for i, value in enumerate(values) if value not in UNKNOWN]
        values, weights = [values[i] for i in known], self.weights[order[known]]
        return values, [_WORD.findall(value) for value in values], weights

    @property
    def whole_values(self) -> list[str]:
        """The most frequent values, in small letters without accents."""
        return self._listed[0]

    def said(self, fits: Callable[[str, list[str]], bool]) -> float:
        """Return the share of values that fit, of those that say something.

        Args:
            fits: is given a value and its words, in small letters without accents.
        """
        values, words, weights = self._listed
        hit = np.fromiter(map(fits, values, words), bool, len(values))
        return float(weights[hit].sum() / weights.sum()) if len(values) else 0.0


def folded(texts: pa.Array) -> list[str]:
    """Return strings in small letters, without accents, hyphens and space around."""
    plain = pc.replace_substring_regex(pc.utf8_normalize(texts, "NFKD"), r"\p{Mn}", "")
    return [t.translate(_LETTERS).strip() for t in pc.utf8_lower(plain).to_pylist()]


def _floats(values: pa.Array) -> np.ndarray | None:
    numbers = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return numbers if np.isfinite(numbers).all() else None


@cache
def _given_names() -> frozenset[str]:
    listed = resources.files("strongroom.discover").joinpath("names/given_names.txt")
    return frozenset(folded(pa.array(listed.read_text("utf-8").split())))
