"""Exact recovery of a decision tree by following its paths.

Tramèr et al. 2016, section 4.2: an answer names a leaf, and a leaf is a box: an interval of every
number and a set of values of every category. From one row in it, every side of the box is found by
halving, down to neighbouring float32 numbers; what lies beyond a side is a row of another leaf.
Where several leaves give the same answer, the box that was found may hold rows of others: then it
is cut between the row it began from and such a row, until random rows of it all agree.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._positions import few_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks.stealing._thief import Asking

    Answered = tuple[NDArray[np.float32], NDArray[np.float64]]

_INSIDE = 24  # random rows of a box that must give its answer
_CUTS = 60  # of one box, at most
_ROUNDS = 34  # halvings between two float32 numbers
_ASKED_FIRST = 500
_MOST_CODES = 4_096
_TRIED = 15  # boxes after which it is asked whether this leads anywhere
_HOLDS_OTHERS = 0.5  # rows, beside the one it began from, that a box must hold on average


@dataclass(eq=False)
class Box:
    """Where a tree gives one answer.

    Attributes:
        answer: probabilities float [classes].
        low, high: float32 [d], both within.
        sets: bool [values of the column] of columns with few values; True where they are within.
    """

    answer: NDArray[np.float64]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    sets: dict[int, NDArray[np.bool_]]


@dataclass(eq=False)
class Tree:
    """What was found of a tree."""

    values: dict[int, NDArray[np.float32]]
    boxes: list[Box] = field(default_factory=list)
    finished: bool = False

    def inside(self, box: Box, rows: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Tell which rows float32 [n, d] lie in a box."""
        # A column with few values has no bounds, and may hold NaN, which is within none.
        free = np.isinf(box.low) & np.isinf(box.high)
        held: NDArray[np.bool_] = np.all((rows >= box.low) & (rows <= box.high) | free, axis=1)
        for column, allowed in box.sets.items():
            held[held] = allowed[_nearest(rows[held, column], self.values[column])]
        return held

    def predict_proba(self, inputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return probabilities [n, classes]; NaN where no box was found."""
        rows = _flat(inputs)
        out = np.full((len(rows), len(self.boxes[0].answer)), np.nan)
        for box in reversed(self.boxes):
            out[self.inside(box, rows)] = box.answer
        return out


def follow(
    ask: Asking,
    own: NDArray[Any],
    budget: int,
    coins: np.random.Generator,
    codes: frozenset[int] = frozenset(),
) -> Tree | str:
    """Follow the paths of a tree from rows that the thief has.

    Args:
        ask: the model.
        own: rows [n, d].
        budget: queries, at most.
        coins: of the random rows.
        codes: columns whose numbers stand for texts: nothing lies between them.

    Returns:
        What was found within the budget; it is for the caller to hold it against fresh answers.
        Or why it is no tree, in words.
    """
    begun, flat = ask.queries, _flat(own)
    values = {
        c: v.astype(np.float32)
        for c in range(flat.shape[1])
        if (v := few_values(flat[:, c], _MOST_CODES if c in codes else 2)) is not None
    }
    numbers = np.setdiff1d(np.arange(flat.shape[1]), list(values)).astype(np.intp)
    # Halving goes between numbers: rows where one is missing are left out.
    flat = flat[np.isfinite(flat[:, numbers]).all(axis=1)]
    first = flat[:_ASKED_FIRST]
    if len(first) < _TRIED:
        return "hardly a row has all of its numbers"
    tree = Tree(values)
    search = _Search(ask, own, flat, tree, numbers, coins)
    if search.cost + len(first) > budget:
        return f"one leaf takes about {search.cost:,} queries; the budget is {budget:,}"
    answers = search.answers(first)
    different = len(np.unique(answers, axis=0))
    if different > len(first) // 2 or different == 1:
        return f"{len(first):,} rows get {different:,} different answers: no single tree"
    waiting = deque(zip(first, answers, strict=True))
    while waiting:
        row, answer = waiting.popleft()
        if any(tree.inside(b, row[None])[0] for b in tree.boxes if (b.answer == answer).all()):
            continue
        if ask.queries - begun + search.cost > budget:
            return tree if tree.boxes else "the budget ended before the first leaf was found"
        box, beyond = search.box(row, answer)
        waiting.extend(beyond)
        tree.boxes.append(box)
        if len(tree.boxes) == _TRIED:
            held = sum(int(tree.inside(b, first).sum()) for b in tree.boxes)
            if held < (1 + _HOLDS_OTHERS) * _TRIED:
                return (
                    f"{_TRIED} regions of one answer each hold {held} of {len(first)} rows: no "
                    "tree, or one with too many leaves"
                )
    tree.finished = True
    return tree


@dataclass(eq=False)
class _Search:
    """Finds boxes; `cost` is about what one takes."""

    ask: Asking
    own: NDArray[Any]
    flat: NDArray[np.float32]
    tree: Tree
    numbers: NDArray[np.intp]
    coins: np.random.Generator

    def __post_init__(self) -> None:
        values = self.tree.values
        self.low = np.full(self.flat.shape[1], -np.inf, np.float32)
        self.high = np.full(self.flat.shape[1], np.inf, np.float32)
        self.low[self.numbers] = self.flat[:, self.numbers].min(axis=0)
        self.high[self.numbers] = self.flat[:, self.numbers].max(axis=0)
        self.cost = sum(map(len, values.values())) + 2 * len(self.numbers) * _ROUNDS + _INSIDE

    def answers(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Ask about rows float32 [n, d]."""
        shaped = rows.reshape(len(rows), *self.own.shape[1:]).astype(self.own.dtype)
        return self.ask(shaped)

    def box(
        self, row: NDArray[np.float32], answer: NDArray[np.float64]
    ) -> tuple[Box, list[Answered]]:
        """Return the box around a row that has its answer, and rows beyond its sides."""
        box = Box(answer, self.low.copy(), self.high.copy(), {})
        beyond = self._few(row, box)
        for ends, bounds in ((self.low, box.low), (self.high, box.high)):
            inside, outside = self._halve(row, answer, self.numbers, ends[self.numbers])
            bounds[self.numbers] = inside
            beyond += outside
        for _ in range(_CUTS):
            rows = self._draw(box)
            found = self.answers(rows)
            wrong = np.flatnonzero((found != answer).any(axis=1))
            if not len(wrong):
                break
            beyond += self._cut(box, row, rows[wrong[0]])
        # Beyond what occurs nothing is known: the outermost boxes reach to the end.
        box.low[box.low <= self.low] = -np.inf
        box.high[box.high >= self.high] = np.inf
        return box, beyond

    def _few(self, row: NDArray[np.float32], box: Box) -> list[Answered]:
        """Try every value of every column that has few of them."""
        values = self.tree.values
        if not values:
            return []
        sizes = [len(v) for v in values.values()]
        columns = np.repeat(list(values), sizes)
        rows = np.repeat(row[None], len(columns), axis=0)
        rows[np.arange(len(rows)), columns] = np.concatenate(list(values.values()))
        found = self.answers(rows)
        same = (found == box.answer).all(axis=1)
        for column, part in zip(values, np.split(same, np.cumsum(sizes)[:-1]), strict=True):
            box.sets[column] = part
        return list(zip(rows[~same], found[~same], strict=True))

    def _halve(
        self,
        row: NDArray[np.float32],
        answer: NDArray[np.float64],
        at: NDArray[np.intp],
        ends: NDArray[np.float32],
    ) -> tuple[NDArray[np.float32], list[Answered]]:
        """Halve between the row and an end of each of its numbers `at`, all of them at once.

        Returns:
            The last value within, float32 [numbers]; and rows just beyond, where there are any.
        """
        if not len(at):
            return row[at], []
        inner, outer = _order(row[at]), _order(ends)
        rows = np.repeat(row[None], len(at), axis=0)
        rows[np.arange(len(at)), at] = ends
        found = self.answers(rows)
        whole = (found == answer).all(axis=1)
        inner = np.where(whole, outer, inner)
        while len(todo := np.flatnonzero(np.abs(outer - inner) > 1)):
            middle = (inner[todo] + outer[todo]) // 2
            rows = np.repeat(row[None], len(todo), axis=0)
            rows[np.arange(len(todo)), at[todo]] = _number(middle)
            halfway = self.answers(rows)
            same = (halfway == answer).all(axis=1)
            inner[todo] = np.where(same, middle, inner[todo])
            outer[todo] = np.where(same, outer[todo], middle)
            found[todo[~same]] = halfway[~same]
        closed = np.flatnonzero(~whole)
        beyond = np.repeat(row[None], len(closed), axis=0)
        beyond[np.arange(len(closed)), at[closed]] = _number(outer[closed])
        return _number(inner), list(zip(beyond, found[closed], strict=True))

    def _draw(self, box: Box) -> NDArray[np.float32]:
        """Return random rows of a box: rows that occur, moved into it where they lie outside."""
        rows = self.flat[self.coins.integers(0, len(self.flat), _INSIDE)].copy()
        for column, allowed in box.sets.items():
            held = allowed[_nearest(rows[:, column], self.tree.values[column])]
            drawn = self.coins.choice(self.tree.values[column][allowed], _INSIDE)
            rows[:, column] = np.where(held, rows[:, column], drawn)
        for column in self.numbers:
            low, high = box.low[column], box.high[column]
            drawn = self.coins.uniform(low, high, _INSIDE).astype(np.float32)
            held = (rows[:, column] >= low) & (rows[:, column] <= high)
            rows[:, column] = np.clip(np.where(held, rows[:, column], drawn), low, high)
        return rows

    def _cut(
        self, box: Box, row: NDArray[np.float32], other: NDArray[np.float32]
    ) -> list[Answered]:
        """Cut the box between its row and another of its rows that has another answer."""
        differ = (row != other) & ~(np.isnan(row) & np.isnan(other))
        order = self.coins.permutation(np.flatnonzero(differ))
        path = np.repeat(row[None], len(order), axis=0)
        for place, column in enumerate(order):
            path[place:, column] = other[column]
        found = self.answers(path)
        same = (found == box.answer).all(axis=1)
        if same.all():  # some models round otherwise among other rows
            return []
        place = int(np.flatnonzero(~same)[0])
        column = int(order[place])
        if column in box.sets:
            code = int(_nearest(other[column : column + 1], self.tree.values[column])[0])
            box.sets[column] = box.sets[column] & (np.arange(len(box.sets[column])) != code)
            return [(path[place], found[place])]
        before = path[place].copy()
        before[column] = row[column]
        at = np.array([column])
        inside, beyond = self._halve(before, box.answer, at, other[at])
        if other[column] > row[column]:
            box.high[column] = inside[0]
        else:
            box.low[column] = inside[0]
        return beyond


def _order(numbers: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return whole numbers in the same order, neighbours for neighbouring float32 numbers."""
    bits = np.ascontiguousarray(numbers, np.float32).view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)


def _number(order: NDArray[np.int64]) -> NDArray[np.float32]:
    bits = np.where(order < 0, (-order) | 0x80000000, order).astype(np.uint32)
    return bits.view(np.float32)


def _nearest(column: NDArray[np.float32], values: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the place of the nearest value; what is missing (NaN) is the last, if it occurs."""
    known = values[~np.isnan(values)]
    if not len(known):
        return np.zeros(len(column), np.intp)
    middles = (known[1:].astype(np.float64) + known[:-1]) / 2
    places = np.searchsorted(middles, column)
    found: NDArray[np.intp] = np.where(np.isnan(column), len(values) - 1, places)
    return found


def _flat(inputs: NDArray[Any]) -> NDArray[np.float32]:
    flat: NDArray[np.float32] = inputs.reshape(len(inputs), -1).astype(np.float32)
    return flat
