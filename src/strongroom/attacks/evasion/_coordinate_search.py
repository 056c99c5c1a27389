"""Greedy best-first coordinate search: change one column at a time, always the most telling one.

The attacker sees probabilities only. In each round every value of every column that may still
change is tried on every row at once, and each row takes the change that brings it nearest to
another class. The answer is a lower bound on what a cleverer attacker could do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.attacks._intervals import clopper_pearson
from strongroom.attacks._results import EvasionResult, NotEvaluable
from strongroom.attacks.evasion._moves import (
    array_of,
    differing,
    moves_of,
    plain_table,
    valid_changes,
)
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strongroom.attacks._situation import Situation
    from strongroom.attacks.evasion._moves import Encoder, Moves
    from strongroom.models import Model

_FEWEST = 20
_AT_ONCE = 50_000  # rows shown to the model in one call
_KNOWLEDGE = "probabilities for any record asked for, and what values each column may take"


@dataclass
class _Search:
    """The state of one search: rows as changed so far."""

    model: Model
    encoder: Encoder
    labels: NDArray[np.integer]
    queries: int = 0
    moves: Sequence[Moves] = field(default_factory=tuple)

    def margin(self, table: pa.Table, labels: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return, per row, the true class's probability less the best other one's."""
        inputs = self.encoder.encode(table)
        self.queries += len(inputs)
        p = np.asarray(self.model.predict_proba(inputs), np.float64)
        index = np.asarray(labels)[:, None]
        own = np.take_along_axis(p, index, axis=1)[:, 0]
        np.put_along_axis(p, index, -np.inf, axis=1)
        margins: NDArray[np.float64] = own - p.max(axis=1)
        return margins

    def best_moves(
        self, table: pa.Table, labels: NDArray[np.integer], open_columns: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], list[pa.Array]]:
        """Return per row the lowest margin in reach, its column, and per column the best value.

        `open_columns` is bool [rows, moves]: which columns may still change.
        """
        rows = table.num_rows
        best = np.full(rows, np.inf)
        column = np.zeros(rows, np.int64)
        values: list[pa.Array] = []
        for j, move in enumerate(self.moves):
            candidates, usable = move.candidates(array_of(table, move.name))
            usable = usable & open_columns[:, [j]]
            width = usable.shape[1]
            margins = np.full(rows * width, np.inf)
            asked = np.flatnonzero(usable.ravel())
            for start in range(0, len(asked), _AT_ONCE):
                part = asked[start : start + _AT_ONCE]
                shown = table.take(pa.array(part // width))
                at = shown.column_names.index(move.name)
                shown = shown.set_column(at, move.name, candidates.take(pa.array(part)))
                margins[part] = self.margin(shown, labels[part // width])
            choice = margins.reshape(rows, width).argmin(axis=1)
            picked = np.arange(rows) * width + choice
            values.append(candidates.take(pa.array(picked)))
            better = margins[picked] < best
            best[better], column[better] = margins[picked][better], j
        return best, column, values


def coordinate_search(
    model: Model,
    encoder: Encoder,
    table: pa.Table,
    labels: NDArray[np.integer],
    *,
    max_changed: int = 2,
    max_change: float = 0.5,
    immutable: Sequence[str] = (),
    most_rows: int = 300,
    seed: int = 0,
    progress: Progress = SILENT,
) -> EvasionResult | NotEvaluable:
    """Look for small valid changes that flip right predictions.

    Args:
        model: gives probabilities for encoded rows.
        encoder: turns tables into inputs and says what each column may hold.
        table: rows as people know them; columns that the encoder doesn't read are left alone.
        labels: int [rows], the true classes.
        max_changed: columns that may change in one row.
        max_change: how far a number may go, in standard deviations of its column.
        immutable: columns that nobody can change.
        most_rows: rows tried, drawn at random from those rightly classified.
        seed: of that draw.
        progress: told after each round.
    """
    search = _Search(model, encoder, labels)
    plain = plain_table(table)
    right = np.flatnonzero(search.margin(plain, labels) > 0)
    if len(right) < _FEWEST:
        return NotEvaluable(
            f"{len(right)} rows are rightly classified, at least {_FEWEST} are needed"
        )
    if len(right) > most_rows:
        right = np.sort(np.random.default_rng(seed).choice(right, most_rows, replace=False))
    search.moves = moves_of(plain, encoder.columns, immutable, max_change)
    if not search.moves:
        return NotEvaluable("no column may change")
    before, truth = plain.take(pa.array(right)), labels[right]
    after, rounds = _walk(search, before, truth, max_changed, progress)
    valid = valid_changes(before, after, search.moves, max_changed)
    success = valid & (search.margin(after, truth) < 0) & (rounds > 0)
    adversarial = _choose(success, after, before)
    return _result(search, before, adversarial, success, rounds, max_changed, max_change, immutable)


def _walk(
    search: _Search,
    before: pa.Table,
    truth: NDArray[np.integer],
    max_changed: int,
    progress: Progress,
) -> tuple[pa.Table, NDArray[np.int64]]:
    """Return the rows as changed, and per row the round in which it flipped (0: never)."""
    current = before
    margin = search.margin(before, truth)
    open_columns = np.ones((len(truth), len(search.moves)), np.bool_)
    rounds = np.zeros(len(truth), np.int64)
    active = np.arange(len(truth))
    for k in range(1, max_changed + 1):
        part = current.take(pa.array(active))
        best, column, values = search.best_moves(part, truth[active], open_columns[active])
        moving = best < margin[active]
        for j, move in enumerate(search.moves):
            mask = np.zeros(len(truth), np.bool_)
            chosen = moving & (column == j)
            mask[active[chosen]] = True
            if chosen.any():
                cells = pc.replace_with_mask(
                    array_of(current, move.name), pa.array(mask), values[j].filter(pa.array(chosen))
                )
                at = current.column_names.index(move.name)
                current = current.set_column(at, move.name, cells)
            open_columns[mask, j] = False
        margin[active[moving]] = best[moving]
        rounds[active[moving & (best < 0)]] = k
        # A row that no single change brings nearer is given up.
        active = active[moving & (best >= 0)]
        progress.step(k, max_changed, f"{int((rounds > 0).sum())} of {len(truth)} flipped")
        if len(active) == 0:
            break
    return current, rounds


def _choose(mask: NDArray[np.bool_], if_true: pa.Table, if_false: pa.Table) -> pa.Table:
    flags = pa.array(mask)
    return pa.table(
        {
            name: pc.if_else(flags, array_of(if_true, name), array_of(if_false, name))
            for name in if_true.column_names
        }
    )


def _result(
    search: _Search,
    before: pa.Table,
    adversarial: pa.Table,
    success: NDArray[np.bool_],
    rounds: NDArray[np.int64],
    max_changed: int,
    max_change: float,
    immutable: Sequence[str],
) -> EvasionResult:
    rows = len(success)
    by_round = np.asarray([(success & (rounds <= k)).sum() for k in range(1, max_changed + 1)])
    low, high = clopper_pearson(by_round, rows)
    used = {
        m.name: int(differing(array_of(before, m.name), array_of(adversarial, m.name)).sum())
        for m in search.moves
    }
    return EvasionResult(
        rows=rows,
        flipped=int(success.sum()),
        low=float(low[-1]),
        high=float(high[-1]),
        curve=tuple(
            (k, float(n / rows), float(lo), float(hi))
            for k, (n, lo, hi) in enumerate(zip(by_round, low, high, strict=True), start=1)
        ),
        columns={name: n for name, n in sorted(used.items(), key=lambda i: -i[1]) if n},
        queries=search.queries,
        adversarial=adversarial,
        success=success,
        knowledge=_KNOWLEDGE,
        details={
            "max_changed_columns": max_changed,
            "max_change_in_deviations": max_change,
            "immutable": list(immutable),
        },
    )


class CoordinateSearch:
    """`coordinate_search` behind the attack seam."""

    name = "evasion.coordinate_search"
    kinds = ("table",)
    metrics = ("evasion.success_rate",)

    def run(self, situation: Situation) -> EvasionResult | NotEvaluable:
        """Attack a sample of the test table."""
        encoder = situation.encoder
        if encoder is None:
            # Of models that were made elsewhere, some say how a table becomes their inputs.
            made = getattr(situation.target, "as_encoder", None)
            encoder = made() if callable(made) else None
        if situation.table is None or situation.labels is None or encoder is None:
            return NotEvaluable("there is no test table with an encoder to search in")
        return coordinate_search(
            situation.target,
            encoder,
            situation.table,
            situation.labels,
            immutable=situation.immutable,
            most_rows=situation.most_evasion_rows,
            seed=situation.seed,
            progress=situation.progress,
        )
