"""How few columns single people out: group counts over the quasi-identifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_COLUMNS = 3
_ENOUGH = 0.9
_MOST_ROWS = 200_000


def singled_out(columns: Mapping[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], float]]:
    """Measure, for every column, which few columns together with it single rows out.

    A greedy search finds the (up to three) columns that together leave the most rows alone with
    their values; every other column is then measured beside the first two of them. On tables of
    more than 200,000 rows an even sample is measured, which overstates the share.

    Args:
        columns: integer codes, one array of the same length a column.

    Returns:
        Column to (the columns measured together, share of rows that they single out).
    """
    if not columns:
        return {}
    rows = len(next(iter(columns.values())))
    if rows > _MOST_ROWS:
        sample = np.linspace(0, rows - 1, _MOST_ROWS).astype(np.int64)
        columns = {name: codes[sample] for name, codes in columns.items()}
    dense = {name: _dense(codes.astype(np.int64)) for name, codes in columns.items()}
    chosen: list[str] = []
    key, share = np.zeros(min(rows, _MOST_ROWS), np.int64), 0.0
    while len(chosen) < min(_MOST_COLUMNS, len(dense)) and share < _ENOUGH:
        tried = {n: _unique_share(_joined(key, dense[n])) for n in dense if n not in chosen}
        best = max(tried, key=lambda n: (tried[n], -list(dense).index(n)))
        chosen.append(best)
        key, share = _dense(_joined(key, dense[best])), tried[best]
    found: dict[str, tuple[tuple[str, ...], float]] = {}
    for name, codes in dense.items():
        if name in chosen:
            found[name] = (tuple(chosen), share)
        else:
            beside = chosen[: _MOST_COLUMNS - 1]
            joined = codes
            for other in beside:
                joined = _dense(_joined(joined, dense[other]))
            found[name] = ((name, *beside), _unique_share(joined))
    return found


def _dense(codes: np.ndarray) -> np.ndarray:
    """Renumber codes from 0, so that joining two never overflows."""
    encoded = pa.array(codes).dictionary_encode().indices
    return np.asarray(encoded.to_numpy(zero_copy_only=False), np.int64)


def _joined(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    joined: np.ndarray = left * (int(right.max(initial=0)) + 1) + right
    return joined


def _unique_share(key: np.ndarray) -> float:
    counts = pc.value_counts(pa.array(key)).field("counts").to_numpy(zero_copy_only=False)
    return float((counts == 1).sum() / max(1, len(key)))
