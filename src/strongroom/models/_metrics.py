"""How well a model does, always with a 95 % interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_Z95 = 1.959963984540054
_TINY = 1e-12


def encode_labels(column: pa.ChunkedArray | pa.Array, classes: Sequence[str]) -> NDArray[np.int64]:
    """Return int64[rows]: each value's place in `classes`, compared as text.

    Raises:
        DataError: a value is missing or isn't among the classes; says how many, never which.
    """
    texts = _as_text(column)
    places = pc.index_in(texts, pa.array(list(classes), pa.string()))
    unknown = places.null_count
    if unknown:
        raise DataError(
            f"{unknown:,} row{'' if unknown == 1 else 's'} of the target "
            f"{'is' if unknown == 1 else 'are'} empty or none of the {len(classes)} classes",
            hint="drop those rows, or declare all classes under [data.columns.TARGET]",
        )
    labels: NDArray[np.int64] = places.to_numpy().astype(np.int64)
    return labels


def find_classes(column: pa.ChunkedArray | pa.Array) -> tuple[str, ...]:
    """Return the distinct values of a target as text, sorted, without the missing."""
    return tuple(sorted(pc.unique(_as_text(column)).drop_null().to_pylist()))


def metrics(proba: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]]) -> dict[str, Any]:
    """Measure class probabilities [n, classes] against labels [n].

    Returns:
        `accuracy` with a Wilson interval (1927); `auc` with DeLong's interval (1988; of the second
        class for two classes, else the mean of one-against-the-rest, without interval); both None
        where a class is absent; `log_loss` in nats; `rows`.
    """
    rows = len(labels)
    correct = int(np.count_nonzero(proba.argmax(axis=1) == labels))
    picked = proba[np.arange(rows), labels].astype(np.float64)
    area, interval = _auc(proba, labels)
    return {
        "accuracy": correct / rows,
        "accuracy_interval": list(wilson(correct, rows)),
        "auc": area,
        "auc_interval": interval,
        "log_loss": float(-np.log(np.maximum(picked, _TINY)).mean()),
        "rows": rows,
    }


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a proportion."""
    share, z2 = successes / trials, _Z95**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = (
        _Z95
        / (1 + z2 / trials)
        * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    )
    return max(0.0, centre - half), min(1.0, centre + half)


def _auc(
    proba: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]]
) -> tuple[float | None, list[float] | None]:
    count = proba.shape[1]
    if len(np.unique(labels)) < count:
        return None, None
    if count == 2:  # noqa: PLR2004 - two classes: one score says it all
        area, low, high = delong(proba[:, 1], labels == 1)
        return area, [low, high]
    return float(np.mean([delong(proba[:, k], labels == k)[0] for k in range(count)])), None


def delong(
    scores: NDArray[np.floating[Any]], positive: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Return the area under the ROC and its 95 % interval by DeLong's variance.

    By midranks (Sun & Xu 2014), so ties count one half.
    """
    high, low = scores[positive], scores[~positive]
    both = np.concatenate([high, low])
    ranks = _midranks(both)
    above = (ranks[: len(high)] - _midranks(high)) / len(low)
    below = 1.0 - (ranks[len(high) :] - _midranks(low)) / len(high)
    area = float(above.mean())
    variance = _variance(above) / len(high) + _variance(below) / len(low)
    half = _Z95 * math.sqrt(variance)
    return area, max(0.0, area - half), min(1.0, area + half)


def _variance(values: NDArray[np.float64]) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0


def _midranks(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle: NDArray[np.float64] = (last - (counts - 1) / 2.0)[inverse]
    return middle


def _as_text(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(pa.string())
