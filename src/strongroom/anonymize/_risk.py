"""Re-identification risk of a table, from its equivalence classes.

Prosecutor, journalist and marketer risk follow El Emam and Dankar (2008, "Protecting privacy using
k-anonymity"); k: Samarati and Sweeney (1998); distinct l: Machanavajjhala et al. (2007);
t-closeness with its two distances: Li, Li and Venkatasubramanian (2007).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from strongroom.anonymize._columns import Coded, distinct_per_group, encode, group
from strongroom.data import Dataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

THRESHOLD = 0.2
ITSELF = "the data set itself"


@dataclass(frozen=True)
class Attacker:
    """How likely one kind of attacker is right about a row.

    Attributes:
        max: the worst row's probability.
        mean: the average row's.
        share_above: the share of rows whose probability lies above the threshold.
    """

    max: float
    mean: float
    share_above: float


@dataclass(frozen=True)
class Risk:
    """What the quasi-identifiers of a table give away.

    Attributes:
        rows: how many rows were examined.
        classes: how many equivalence classes they form.
        k: the smallest class, counted in `unit`.
        l: the fewest distinct values of any sensitive column in any class; None without one.
        t: the largest distance of a class from the table in any sensitive column; None without.
        prosecutor: the attacker knows that the person is in the data.
        journalist: the attacker picks from a population.
        marketer: the share of rows that an attacker who matches them all gets right.
        uniques: rows that nobody shares.
        suppressed: rows that were left out before.
        threshold: what `share_above` is held against.
        histogram: (class size, rows in classes of this size), by size.
        unit: what class sizes count: "rows", or "subjects" where rows belong to persons.
        population: what the journalist picks from.
        reason: why nothing could be evaluated; empty when it was.
    """

    rows: int
    classes: int = 0
    k: int | None = None
    l: int | None = None  # noqa: E741 - the measure's own letter
    t: float | None = None
    prosecutor: Attacker | None = None
    journalist: Attacker | None = None
    marketer: float | None = None
    uniques: int | None = None
    suppressed: int = 0
    threshold: float = THRESHOLD
    histogram: tuple[tuple[int, int], ...] = ()
    unit: str = "rows"
    population: str = ITSELF
    reason: str = ""

    @property
    def evaluable(self) -> bool:
        """Whether there was anything to evaluate."""
        return not self.reason

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        document = asdict(self)
        document["histogram"] = [list(pair) for pair in self.histogram]
        return document

    def __str__(self) -> str:
        if self.k is None or self.prosecutor is None or self.marketer is None:
            return f"risk not evaluable: {self.reason}"
        worst, average = _one_in(self.prosecutor.max), _one_in(self.marketer)
        parts = [
            f"{self.rows:,} rows in {self.classes:,} classes",
            f"k = {self.k}",
            *([] if self.l is None else [f"l = {self.l}"]),
            *([] if self.t is None else [f"t = {self.t:.2f}"]),
            f"re-identified {worst} at worst, {average} on average",
            f"{self.prosecutor.share_above:.1%} of rows above {self.threshold:g}",
            f"{self.uniques:,} unique",
        ]
        return " · ".join(parts)


def _one_in(probability: float) -> str:
    return f"1 in {1 / probability:,.1f}".removesuffix(".0")


def risk(
    data: Any,  # noqa: ANN401 - any Arrow speaker
    quasi: Sequence[str],
    sensitive: Sequence[str] = (),
    threshold: float = THRESHOLD,
    *,
    subject: str | None = None,
    population: Any = None,  # noqa: ANN401 - any Arrow speaker
    suppressed: int = 0,
) -> Risk:
    """Measure the risk of a table, exactly.

    Args:
        data: a Dataset, Arrow table, pandas or polars frame.
        quasi: columns that an attacker may know of a person.
        sensitive: columns that shall not be learnt of a person.
        threshold: above which probability a row is at risk.
        subject: the column that says whose row it is; class sizes then count persons, so that five
            rows of one person are not five to hide among. Missing subjects count as one person.
        population: a larger table with the same quasi-identifiers that the journalist picks from;
            without one it is the data set itself, and the result says so.
        suppressed: rows that were left out of `data` before, to be told along.

    Raises:
        DataError: a column is not there, or can't be grouped (NaN, infinity, nested values).
    """
    dataset = Dataset.of(data)
    for name in (*quasi, *sensitive, *([subject] if subject else [])):
        dataset.require(name)
    table = dataset.table
    if not quasi:
        return _nothing(dataset.rows, suppressed, threshold, "there are no quasi-identifiers")
    if not dataset.rows:
        return _nothing(0, suppressed, threshold, "there are no rows")
    if population is None:
        seen = [encode(table[name], name) for name in quasi]
        classes, count = group(seen, dataset.rows)
        known = None
    else:
        classes, count, known = _within(table, Dataset.of(population), quasi)
    return measure(
        classes,
        count,
        [encode(table[name], name) for name in sensitive],
        persons=encode(table[subject], subject) if subject else None,
        known=known,
        threshold=threshold,
        suppressed=suppressed,
    )


def _nothing(rows: int, suppressed: int, threshold: float, reason: str) -> Risk:
    return Risk(rows=rows, suppressed=suppressed, threshold=threshold, reason=reason)


def _within(table: pa.Table, population: Dataset, quasi: Sequence[str]) -> tuple[Ints, int, Ints]:
    """Group the rows of `table`; also count each class in `population` (int64[classes])."""
    for name in quasi:
        population.require(name)
    together = [
        pa.chunked_array([*table[n].chunks, *population.table[n].cast(table[n].type).chunks])
        for n in quasi
    ]
    coded = [encode(column, name) for column, name in zip(together, quasi, strict=True)]
    both, _ = group(coded, table.num_rows + population.rows)
    distinct, classes = np.unique(both[: table.num_rows], return_inverse=True)
    outside = np.bincount(both[table.num_rows :], minlength=int(both.max()) + 1)
    return classes.astype(np.int64), len(distinct), outside[distinct]


def measure(
    classes: Ints,
    count: int,
    sensitive: Sequence[Coded],
    *,
    persons: Coded | None = None,
    known: Ints | None = None,
    threshold: float = THRESHOLD,
    suppressed: int = 0,
) -> Risk:
    """Measure rows that are grouped already; see `risk`.

    Args:
        classes: int64[rows], 0…count-1.
        count: how many classes.
        sensitive: the sensitive columns.
        persons: whose row it is.
        known: int64[count], the size of each class in a population.
        threshold: above which probability a row is at risk.
        suppressed: told along.
    """
    rows = len(classes)
    held = np.bincount(classes, minlength=count)
    sizes = held
    if persons is not None:
        sizes = distinct_per_group(classes, count, persons.codes, persons.cardinality)
    # A population that lacks some of our people can't make a class smaller than we see it.
    pool = sizes if known is None else np.maximum(sizes, known)
    distinct_sizes, at = np.unique(sizes, return_inverse=True)
    rows_by_size = np.bincount(at, weights=held).astype(np.int64)
    diverse = [distinct_per_group(classes, count, c.codes, c.cardinality).min() for c in sensitive]
    close = [closeness(classes, count, column) for column in sensitive]
    return Risk(
        rows=rows,
        classes=count,
        k=int(sizes.min()),
        l=int(min(diverse)) if diverse else None,
        t=max(close) if close else None,
        prosecutor=_attacker(held, sizes, threshold),
        journalist=_attacker(held, pool, threshold, floor=count / float(pool.sum())),
        marketer=float((held / pool).sum() / rows),
        uniques=int(held[sizes == 1].sum()),
        suppressed=suppressed,
        threshold=threshold,
        histogram=tuple(zip(distinct_sizes.tolist(), rows_by_size.tolist(), strict=True)),
        unit="rows" if persons is None else "subjects",
        population=ITSELF if known is None else "the population given",
    )


def _attacker(held: Ints, pool: Ints, threshold: float, floor: float = 0.0) -> Attacker:
    rows = float(held.sum())
    return Attacker(
        max=1 / float(pool.min()),
        mean=max(float((held / pool).sum() / rows), floor),
        # 1 / size > threshold, without the rounding of the division at the threshold itself.
        share_above=float(held[pool * threshold < 1 - 1e-12].sum() / rows),
    )


def closeness(classes: Ints, count: int, column: Coded) -> float:
    """Return the largest earth mover's distance of a class from the whole table.

    Numbers and dates: ordered distance, steps of equal length between neighbouring distinct values;
    missing counts as one further value after the largest. Categories: equal distance.
    """
    codes = column.codes
    if column.ordered:
        codes = np.where(codes == 0, column.cardinality, codes) - 1
    values, codes = np.unique(codes, return_inverse=True)
    kinds, rows = len(values), len(codes)
    whole = np.bincount(codes, minlength=kinds) / rows
    pairs, times = np.unique(classes * kinds + codes, return_counts=True)
    of_class, value = pairs // kinds, pairs % kinds
    share = times / np.bincount(classes, minlength=count)[of_class]
    if not column.ordered:
        unseen = 1 - np.bincount(of_class, weights=whole[value], minlength=count)
        seen = np.bincount(of_class, weights=np.abs(share - whole[value]), minlength=count)
        return float(np.max(unseen + seen) / 2)
    if kinds == 1:
        return 0.0
    return float(_ordered(of_class, value, share, whole, count).max() / (kinds - 1))


def _ordered(of_class: Ints, value: Ints, share: Floats, whole: Floats, count: int) -> Floats:
    """Sum |P_i - Q_i| of the cumulated shares for every class: float64[count].

    P is a staircase that only rises at the values the class holds, so each step is summed in closed
    form over the prefix sums of Q: work grows with the distinct pairs, not with classes x values.
    """
    kinds = len(whole)
    total = np.minimum(np.cumsum(whole), 1.0)
    prefix = np.concatenate([[0.0], np.cumsum(total)])
    first = np.concatenate([[True], of_class[1:] != of_class[:-1]])
    last = np.concatenate([first[1:], [True]])
    running = np.cumsum(share)
    height = running - (running - share)[first][np.cumsum(first) - 1]
    height[last] = 1.0
    start = value
    stop = np.where(last, kinds, np.concatenate([value[1:], [kinds]]))
    turn = np.clip(np.searchsorted(total, height), start, stop)
    below = height * (turn - start) - (prefix[turn] - prefix[start])
    above = (prefix[stop] - prefix[turn]) - height * (stop - turn)
    moved = np.bincount(of_class, weights=below + above, minlength=count)
    # Before a class's first value its staircase stands at zero.
    return np.asarray(moved + prefix[value[first]], np.float64)
