"""The name tier: persons, places, organisations, addresses, jobs, ages, worded dates.

In: a column of strings. Out: hits, by a small sequence model that ships with the package and was
trained by `training/names/train.py`. Nothing is loaded from the network, and nothing in the file
of weights can run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.discover._hits import Hits
from strongroom.discover._wrapped import Paragraphs
from strongroom.discover.names._layout import ENTITIES
from strongroom.discover.names._model import load_model
from strongroom.discover.names._numbers import lived, numbers_apart
from strongroom.discover.names._repeats import met_again

if TYPE_CHECKING:
    import pyarrow as pa

    from strongroom.config import DiscoverSpec
    from strongroom.discover.names._model import NameModel

__all__ = ["ENTITIES", "RECOGNIZER", "find_names"]

RECOGNIZER = "names"
"""Who says so."""


def find_names(
    values: pa.Array, spec: DiscoverSpec, model: NameModel | None = None, *, lines: bool = False
) -> Hits:
    """Find what a model knows to be names.

    Args:
        values: large strings; nulls are passed over.
        spec: lowest score.
        model: instead of the one that ships.
        lines: the values may be lines of a text, in their order: sentences may go on from one to
            the next, and what lies in several gives a hit in each.

    Returns:
        Hits without overlaps, by row and place; none of them is validated.

    Raises:
        MissingExtraError: numba isn't installed.
    """
    paragraphs = Paragraphs.of(values) if lines else None
    if paragraphs is not None:
        return paragraphs.in_rows(find_names(paragraphs.texts, spec, model))
    chosen = model or load_model()
    texts = values.fill_null("") if values.null_count else values
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None:
        return Hits.empty()
    bounds = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    content = np.frombuffer(data, np.uint8)
    found, scores = met_again(
        content, bounds, *chosen.find(content, bounds, spec.min_score), spec.min_score
    )
    hits = Hits(
        found[:, 0],
        found[:, 1],
        found[:, 2],
        found[:, 3].astype(np.int16),
        scores,
        np.zeros(len(found), np.int16),
        np.zeros(len(found), np.bool_),
        ENTITIES,
        (RECOGNIZER,),
    )
    return numbers_apart(lived(hits, texts), texts)
