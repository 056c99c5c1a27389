"""What the rows of a group say together: the format of released values.

Every released quasi-identifier is text (or null), in one of these forms:

- `39`, `Private`: one value, exactly as it was, because the whole group shares it;
- `[17-28]`: a number or date from 17 to 28, both ends included and both seen in the group; the ends
  are joined by `..` where one holds a `-` itself: `[-3..4]`, `[2024-01-05..2024-03-01]`;
- `{Divorced, Separated}`: one of these categories, without a hierarchy; a category that holds a
  comma, a brace or a quote is written as a JSON string;
- `Higher education`: the nearest common ancestor, with a hierarchy;
- `*`: anything, missing included;
- null: missing in the whole group.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from strongroom.anonymize._columns import ANY, distinct_per_group
from strongroom.anonymize._mondrian import extremes, span

if TYPE_CHECKING:
    import numpy.typing as npt

    from strongroom.anonymize._columns import Coded

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

_NEEDS_QUOTES = re.compile(r'[,{}"]')


@dataclass(frozen=True)
class Generalised:
    """One column as it is released.

    Attributes:
        values: text, one per row.
        loss: float64[rows]: the share of the column's domain that the released value leaves open,
            0 exact, 1 all of it (the normalised certainty penalty of the cell).
    """

    values: pa.Array
    loss: Floats


def generalise(column: Coded, group_of: Ints, groups: int) -> Generalised:
    """Replace every value by what its group has in common.

    Args:
        column: a quasi-identifier.
        group_of: int64[rows], 0…groups-1, every group with at least one row.
        groups: how many.
    """
    order = np.argsort(group_of, kind="stable")
    sizes = np.bincount(group_of, minlength=groups)
    low, high, mixed = extremes(column.codes[order], np.cumsum(sizes) - sizes)
    loss = span(column, low, high, mixed)
    if column.tree is None and not column.ordered:
        held = distinct_per_group(group_of, groups, column.codes, column.cardinality)
        loss = np.where(mixed, 1.0, np.where(held > 1, held / max(len(column.distinct), 1), 0.0))
        names = _sets(column, group_of, groups)
    else:
        names = [_between(column, int(a), int(b)) for a, b in zip(low, high, strict=True)]
    released = [ANY if m else name for name, m in zip(names, mixed.tolist(), strict=True)]
    return Generalised(pa.array(released, pa.string()).take(pa.array(group_of)), loss[group_of])


def _between(column: Coded, low: int, high: int) -> str | None:
    if high == 0:
        return None
    first, last = column.labels[low - 1], column.labels[high - 1]
    if low == high:
        return first
    if column.tree is not None:
        depth = column.tree.nearest_common(np.array([low]), np.array([high]))[0]
        return column.tree.names[int(column.tree.ancestors[low - 1, depth])]
    return f"[{first}{'..' if '-' in first + last else '-'}{last}]"


def _sets(column: Coded, group_of: Ints, groups: int) -> list[str | None]:
    pairs = np.unique(group_of * column.cardinality + column.codes)
    codes = pairs % column.cardinality
    ends = np.cumsum(np.bincount(pairs // column.cardinality, minlength=groups))[:-1]
    return [_set(column, members) for members in np.split(codes, ends)]


def _set(column: Coded, codes: Ints) -> str | None:
    if codes[-1] == 0:
        return None
    if len(codes) == 1:
        return column.labels[int(codes[0]) - 1]
    if codes[0] == 0 or len(codes) == column.cardinality - 1:
        # Missing among them, or every category there is: the list would only be long.
        return ANY
    names = [column.labels[code - 1] for code in codes.tolist()]
    return f"{{{', '.join(_quoted(name) for name in sorted(names))}}}"


def _quoted(label: str) -> str:
    return json.dumps(label, ensure_ascii=False) if _NEEDS_QUOTES.search(label) else label
