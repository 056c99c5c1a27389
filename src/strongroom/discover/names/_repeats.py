"""What the full names in a text say of its other names.

Who was named in full, or with a title, is a person wherever the same text goes on with that name
or a part of it. And a text that introduces people seldom means one by a single word that belongs to
none of them: such a stranger needs a higher score.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.discover.names import _layout as at
from strongroom.discover.names._model import folding

if TYPE_CHECKING:
    from numpy.typing import NDArray

SURE = 0.9
"""Score of a full name that counts."""
SCORE = 0.85
"""Of a name that only the name elsewhere explains."""
STRANGER = 1 / 50
"""What the odds of a stranger are multiplied by: with it, persons are found more precisely and
hardly more seldom in every set of `benchmarks/discover_quality.py`, by which it was chosen."""
_PERSON = at.ENTITIES.index("PERSON")


def met_again(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    hits: NDArray[np.int64],
    scores: NDArray[np.float32],
    least: float = 0.0,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Compare what a model found with the full names in the same value.

    A part doesn't count beside other capitalised words ("Bobick Street"), nor if the text has it in
    small letters, too ("Ann Price … the price"). A surname that the model took for a place or a
    firm becomes a person, unless a firm bears it ("Bobick Ltd").

    Args:
        data: UTF-8 of all values.
        offsets: [values + 1].
        hits: [n, 4] row, first byte, end, entity; by row and place, without overlaps; changed.
        scores: [n].
        least: score below which nothing is added.

    Returns:
        Hits and scores, by row and place.
    """
    from strongroom.discover.names._kernels_repeats import repeats

    more = repeats(data, offsets, folding(), hits, scores, SURE, STRANGER)
    if least > SCORE:
        more = more[:0]
    persons = np.full((len(more), 1), _PERSON)
    every = np.concatenate([hits, np.concatenate([more, persons], 1)])
    said = np.concatenate([scores, np.full(len(more), SCORE, np.float32)])
    order = np.lexsort((every[:, 1], every[:, 0]))
    order = order[said[order] >= least]
    return every[order], said[order]
