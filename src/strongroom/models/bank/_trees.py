"""One random forest of a bank: its trees are grown, asked about rows, and forgotten."""

# ruff: noqa: C901, PLR0912, PLR0915, PLR0917, PLR1714, PLR2004, D417 - compiled loops: no calls that could be spared

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[np.uint16]
    Numbers = NDArray[np.int64]
    Rows = NDArray[np.int32]

_SORTED = 64  # values more than samples: beyond it these are sorted instead of counted
_SHIFTS = (np.uint64(12), np.uint64(25), np.uint64(27))
_SPREAD = np.uint64(0x2545F4914F6CDD1D)
_HIGH = np.uint64(33)


@compiled
def _draw(state: NDArray[np.uint64], below: int) -> int:
    """Return a whole number from 0 to below - 1 (Marsaglia's xorshift64*, Vigna 2016)."""
    x = state[0]
    x ^= x >> _SHIFTS[0]
    x ^= x << _SHIFTS[1]
    x ^= x >> _SHIFTS[2]
    state[0] = x
    return int((x * _SPREAD) >> _HIGH) % below


@compiled
def _gain(
    inside: NDArray[np.float64], whole: NDArray[np.float64], weight: float, total: float
) -> float:
    """Return what Gini impurity is least where it is greatest: squares over weights, both sides."""
    left = right = 0.0
    for k in range(len(whole)):
        left += inside[k] * inside[k]
        right += (whole[k] - inside[k]) * (whole[k] - inside[k])
    return left / weight + right / (total - weight)


@compiled
def _best_cut(
    column: Codes,
    samples: NDArray[np.int32],
    weights: NDArray[np.float64],
    labels: NDArray[np.int32],
    whole: NDArray[np.float64],
    total: float,
    smallest_leaf: int,
    codes: NDArray[np.int32],
    counts: NDArray[np.float64],
    numbers: NDArray[np.int32],
    inside: NDArray[np.float64],
) -> tuple[bool, float, int, int]:
    """Look for the cut of one column with the least Gini impurity.

    Args:
        column: codes of all rows.
        samples: the rows of the node.
        weights, labels: of those rows.
        whole: weight of each class in the node.
        total: their sum.
        smallest_leaf: rows that a side must have.
        codes, counts, numbers, inside: scratch: values met, their classes' weights, their rows.

    Returns:
        Whether there is more than one value; the gain (-1: no cut); the codes around the cut.
    """
    n, classes = len(samples), len(whole)
    low = high = int(column[samples[0]])
    for i in range(n):
        code = int(column[samples[i]])
        codes[i] = code
        low, high = min(low, code), max(high, code)
    if low == high:
        return False, -1.0, 0, 0
    best, left_code, right_code = -1.0, 0, 0
    span = high - low + 1
    if span > n + _SORTED:
        # Far apart: the values met are sorted, and counted by their place.
        order = np.argsort(codes[:n], kind="mergesort")
        passed, weight = 0, 0.0
        inside[:] = 0.0
        for i in range(n):
            at = int(order[i])
            code = int(codes[at])
            before = int(codes[order[i - 1]]) if i else code
            if code != before and i >= smallest_leaf and n - i >= smallest_leaf:
                gain = _gain(inside, whole, weight, total)
                if gain > best:
                    best, left_code, right_code = gain, before, code
            inside[labels[at]] += weights[at]
            weight += weights[at]
        return True, best, left_code, right_code
    numbers[:span] = 0
    counts[: span * classes] = 0.0
    for i in range(n):
        at = int(codes[i]) - low
        numbers[at] += 1
        counts[at * classes + labels[i]] += weights[i]
    passed, weight, previous = 0, 0.0, -1
    inside[:] = 0.0
    for at in range(span):
        if numbers[at] == 0:
            continue
        if previous >= 0 and passed >= smallest_leaf and n - passed >= smallest_leaf:
            gain = _gain(inside, whole, weight, total)
            if gain > best:
                best, left_code, right_code = gain, low + previous, low + at
        passed += numbers[at]
        for k in range(classes):
            inside[k] += counts[at * classes + k]
            weight += counts[at * classes + k]
        previous = at
    return True, best, left_code, right_code


@compiled
def _part(column: Codes, code: int, rows: Rows, aside: Rows) -> int:
    """Bring the rows with values up to `code` to the front, in order; return how many they are."""
    left = right = 0
    for i in range(len(rows)):
        # Without a branch: which way a row goes can't be foreseen.
        row = rows[i]
        beyond = int(column[row] > code)
        aside[right] = row
        rows[left] = row
        right += beyond
        left += 1 - beyond
    for i in range(right):
        rows[left + i] = aside[i]
    return left


@compiled
def grow_and_ask(
    columns: Codes,
    asked: Codes,
    values: NDArray[np.float32],
    starts: Numbers,
    labels: Rows,
    learns: Rows,
    classes: int,
    trees: int,
    bootstrap: bool,  # noqa: FBT001 - kernels are called by position
    tried: int,
    deepest: int,
    smallest_split: int,
    smallest_leaf: int,
    seed: int,
    out: NDArray[np.float32],
) -> None:
    """Set out[r] to the mean over the trees of the class shares in the leaf of row r.

    Args:
        columns: [d, N], each value's place among the column's values.
        asked: [d, q], the same of the rows that are asked about.
        values: of all columns, in order; a column's begin at `starts`, int64[d + 1].
        labels: int32[N].
        learns: int32[n], the rows that are learnt from.
        classes: how many there are.
        trees: how many are grown.
        bootstrap: whether each learns from as many rows, drawn with replacement.
        tried: columns that are looked at for a cut.
        deepest: levels below the root, at most.
        smallest_split, smallest_leaf: rows in a node that is cut, and on either side.
        seed: of the forest.
        out: float32[q, classes].
    """
    width, rows = columns.shape
    questions, count = asked.shape[1], len(learns)
    most = 2 * count + 1  # nodes
    span = count + _SORTED + 1
    codes, numbers = np.empty(count, np.int32), np.empty(span, np.int32)
    counts = np.empty(span * classes)
    weight, truth = np.empty(count), np.empty(count, np.int32)
    weight_whole, weight_second = np.empty(count, np.int64), np.empty(count, np.int64)
    part, whole = np.zeros(classes), np.zeros(classes)
    begins, ends = np.empty(most, np.int32), np.empty(most, np.int32)
    first_asked, last_asked = np.empty(most, np.int32), np.empty(most, np.int32)
    depth = np.empty(most, np.int32)
    times = np.zeros(rows, np.int32)
    samples, people = np.empty(count, np.int32), np.empty(questions, np.int32)
    aside = np.empty(max(count, questions) + 1, np.int32)
    order = np.arange(width).astype(np.int32)
    state = np.empty(1, np.uint64)
    out[:] = np.float32(0)
    for tree in range(trees):
        state[0] = np.uint64(seed) * np.uint64(1_000_003) + np.uint64(tree + 1)
        for _ in range(8):
            _draw(state, 2)
        times[:] = 0 if bootstrap else 1
        if bootstrap:
            for _ in range(count):
                times[learns[_draw(state, count)]] += 1
        n = 0
        for i in range(count):
            if times[learns[i]]:
                samples[n] = learns[i]
                n += 1
        for r in range(questions):
            people[r] = r
        nodes, at = 1, 0
        begins[0], ends[0], depth[0] = 0, n, 0
        first_asked[0], last_asked[0] = 0, questions
        while at < nodes:
            inside = samples[begins[at] : ends[at]]
            here = people[first_asked[at] : last_asked[at]]
            n = len(inside)
            whole[:] = 0.0
            for i in range(n):
                weight_whole[i], truth[i] = times[inside[i]], labels[inside[i]]
                weight[i] = weight_whole[i]
                weight_second[i] = weight_whole[i] * truth[i]
                whole[truth[i]] += weight[i]
            total, present = 0.0, 0
            for k in range(classes):
                total += whole[k]
                present += whole[k] > 0
            best, chosen, low, high = -1.0, -1, 0, 0
            done = present < 2 or n < smallest_split or n < 2 * smallest_leaf
            done = done or depth[at] >= deepest or len(here) == 0
            visited = constant = 0
            while not done and visited < width and (visited < tried or visited == constant):
                drawn = visited + _draw(state, width - visited)
                order[visited], order[drawn] = order[drawn], order[visited]
                c = order[visited]
                visited += 1
                column = columns[c]
                if starts[c + 1] - starts[c] <= 2 and classes == 2:
                    # Of two values and two classes three sums say all.
                    above = heavy = second = np.int64(0)
                    for i in range(n):
                        code = np.int64(column[inside[i]])
                        above += code
                        heavy += code * weight_whole[i]
                        second += code * weight_second[i]
                    if above == 0 or above == n:
                        constant += 1
                    elif above >= smallest_leaf and n - above >= smallest_leaf:
                        part[0], part[1] = float(heavy - second), float(second)
                        gain = _gain(part, whole, float(heavy), total)
                        if gain > best:
                            best, chosen, low, high = gain, c, 0, 1
                    continue
                varies, gain, left, right = _best_cut(
                    column, inside, weight, truth, whole, total, smallest_leaf, codes, counts,
                    numbers, part,
                )  # fmt: skip
                if not varies:
                    constant += 1
                elif gain > best:
                    best, chosen, low, high = gain, c, left, right
            if chosen >= 0:
                # Half-way between the two values, among all that the column has.
                first, last = int(starts[chosen]), int(starts[chosen + 1])
                middle = (values[first + low] + values[first + high]) / np.float32(2)
                cut = int(low)
                while first + cut + 1 < last and values[first + cut + 1] <= middle:
                    cut += 1
                cut = min(cut, int(high) - 1)
                left = _part(columns[chosen], cut, inside, aside)
                asked_left = _part(asked[chosen], cut, here, aside)
                begins[nodes], ends[nodes] = begins[at], begins[at] + left
                begins[nodes + 1], ends[nodes + 1] = begins[at] + left, ends[at]
                first_asked[nodes] = first_asked[at]
                last_asked[nodes] = first_asked[nodes + 1] = first_asked[at] + asked_left
                last_asked[nodes + 1] = last_asked[at]
                depth[nodes] = depth[nodes + 1] = depth[at] + 1
                nodes += 2
            else:
                for i in range(len(here)):
                    for k in range(classes):
                        out[here[i], k] += np.float32(whole[k] / total)
            at += 1
    out /= np.float32(trees)
