"""Exact recovery by solving equations: the log-odds of a logistic model are linear in its inputs.

Tramèr et al. 2016 ("Stealing Machine Learning Models via Prediction APIs", section 4.1): d + 1
answers are d + 1 equations in as many unknowns. They are easiest to solve when each changes one
thing: a row of which the model is unsure, and the same row with one column changed. A column with
few values is tried with each of them, so that whatever is additive over columns is recovered, too:
categories, steps, stumps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._positions import FEW_VALUES, few_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks.stealing._thief import Asking

_LOOKED_AT = 50  # rows of which the least certain is the base
_SMALLEST = 1e-30  # below it a float32 probability holds no log-odds any more
_CERTAIN = 1e-3  # probabilities below it lose digits
_MOST_CODES = 4_096
_STRAIGHT = 1e-4  # how far the effects of values may lie from a line, in log-odds


@dataclass(frozen=True, eq=False)
class Additive:
    """Log-odds as a constant and one function per column.

    Attributes:
        constant: float [classes].
        values: per column the values that were tried, rising; what is missing (NaN) is the last.
        effects: per column float [values, classes], 0 at the base.
        slopes: per column float [classes], where the effects lie on a line; else None.
        bases: float [d].
        queries: answers that it was solved from.
    """

    constant: NDArray[np.float64]
    values: tuple[NDArray[np.float64], ...]
    effects: tuple[NDArray[np.float64], ...]
    slopes: tuple[NDArray[np.float64] | None, ...]
    bases: NDArray[np.float64]
    queries: int

    def log_odds(self, inputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return log p of every class less that of the first, float [n, classes]."""
        rows = inputs.astype(np.float64)
        out = np.tile(self.constant, (len(rows), 1))
        for place, (values, effects, slope) in enumerate(
            zip(self.values, self.effects, self.slopes, strict=True)
        ):
            column = rows[:, place]
            missing = np.isnan(column)
            if slope is not None:
                out += np.where(missing, 0.0, column - self.bases[place])[:, None] * slope
                if np.isnan(values[-1]):
                    out[missing] += effects[-1]
            else:
                known = values[~np.isnan(values)]
                nearest = np.abs(np.where(missing, 0.0, column)[:, None] - known).argmin(axis=1)
                out += effects[np.where(missing, len(values) - 1, nearest)]
        return out

    def predict_proba(self, inputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return probabilities [n, classes]."""
        scores = self.log_odds(inputs)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        found: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return found


def solve(
    ask: Asking, own: NDArray[Any], budget: int, codes: frozenset[int] = frozenset()
) -> Additive | str:
    """Ask for as many answers as there are unknowns.

    Args:
        ask: the model.
        own: rows [n, d] that the thief has.
        budget: queries, at most.
        codes: columns whose numbers stand for texts: no line goes through them.

    Returns:
        The solution, right or wrong: it is for the caller to hold it against fresh answers. Or why
        there is none, in words.
    """
    begun = ask.queries
    tried = [_values(own[:, c], coded=c in codes) for c in range(own.shape[1])]
    needed = _LOOKED_AT + sum(map(len, tried))
    if needed > budget:
        return f"the unknowns take {needed:,} queries; the budget is {budget:,}"
    looked = own[:_LOOKED_AT]
    answers = ask(looked)
    place = int(answers.min(axis=1).argmax())
    base, start = looked[place].copy(), answers[place]
    if start.min() < _SMALLEST:
        return "the model is certain of everything: its answers hold no log-odds"
    columns = np.repeat(np.arange(own.shape[1]), list(map(len, tried)))
    rows = np.repeat(base[None], len(columns), axis=0)
    rows[np.arange(len(columns)), columns] = np.concatenate(tried).astype(own.dtype)
    found = ask(rows)
    constant = np.log(start) - np.log(start[0])
    effects = _log_odds(found) - constant
    lost = found.min(axis=1) < _CERTAIN
    values, parts, slopes = [], [], []
    ends = np.cumsum(list(map(len, tried)))
    for column, end in enumerate(ends):
        part = slice(end - len(tried[column]), end)
        own_values = rows[part, column].astype(np.float64)
        slope = None
        if column not in codes:
            slope = _line(own_values - float(base[column]), effects[part], lost[part])
        values.append(own_values)
        parts.append(effects[part])
        slopes.append(slope)
    return Additive(
        constant,
        tuple(values),
        tuple(parts),
        tuple(slopes),
        base.astype(np.float64),
        ask.queries - begun,
    )


def _values(column: NDArray[Any], *, coded: bool) -> NDArray[np.float64]:
    """Return what a column is tried with: each of a few values, or two of a number's."""
    values = few_values(column, _MOST_CODES if coded else FEW_VALUES)
    if values is None:
        known = column[np.isfinite(column)].astype(np.float64)
        ends = np.quantile(known, [0.25, 0.75])
        ends[1] += ends[0] == ends[1]
        missing = [np.nan] if len(known) < len(column) else []
        return np.array([*ends, *missing])
    if len(values) == 1 and np.isfinite(values[0]) and not coded:
        return np.array([values[0], values[0] + 1])
    return values


def _log_odds(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    logs = np.log(np.maximum(chances, _SMALLEST))
    return logs - logs[:, :1]


def _line(
    steps: NDArray[np.float64], effects: NDArray[np.float64], lost: NDArray[np.bool_]
) -> NDArray[np.float64] | None:
    """Return the slope of the effects through the base, or None where they lie on no line."""
    known = np.isfinite(steps) & (steps != 0)
    # The farthest step gives the most digits, among those that leave the model unsure.
    sure = known & ~lost
    usable = sure if sure.any() else known
    if not usable.any():
        return None
    farthest = int(np.where(usable, np.abs(steps), -1.0).argmax())
    slope: NDArray[np.float64] = effects[farthest] / steps[farthest]
    off = np.abs(effects[usable] - steps[usable, None] * slope).max()
    return slope if off <= _STRAIGHT * (1 + np.abs(effects[usable]).max()) else None
