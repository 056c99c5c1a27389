"""Who wins where hits overlap, over a whole column: the compiled twin of `_detection.resolve`."""

from __future__ import annotations

import numpy as np

from strongroom.compiled import compiled


@compiled
def before(
    i: int,
    j: int,
    start: np.ndarray,
    end: np.ndarray,
    entity: np.ndarray,
    score: np.ndarray,
    recognizer: np.ndarray,
    validated: np.ndarray,
) -> bool:
    """Say whether hit i is chosen before hit j: validated, longer, surer; then place and names."""
    if validated[i] != validated[j]:
        return bool(validated[i])
    length, other = end[i] - start[i], end[j] - start[j]
    if length != other:
        return bool(length > other)
    if score[i] != score[j]:
        return bool(score[i] > score[j])
    if start[i] != start[j]:
        return bool(start[i] < start[j])
    if entity[i] != entity[j]:
        return bool(entity[i] < entity[j])
    return bool(recognizer[i] < recognizer[j])


@compiled
def rank(
    first: int,
    last: int,
    start: np.ndarray,
    end: np.ndarray,
    entity: np.ndarray,
    score: np.ndarray,
    recognizer: np.ndarray,
    validated: np.ndarray,
    order: np.ndarray,
    other: np.ndarray,
) -> None:
    """Write the hits `first` … `last` into `order` as they are chosen; `other` is scratch.

    A merge sort from the bottom up: a value may hold any number of hits.
    """
    for i in range(first, last):
        order[i] = i
    width = 1
    while width < last - first:
        for low in range(first, last, 2 * width):
            middle, high = min(low + width, last), min(low + 2 * width, last)
            left, right = low, middle
            for at in range(low, high):
                if right >= high or (
                    left < middle
                    and not before(
                        order[right], order[left],
                        start, end, entity, score, recognizer, validated,
                    )
                ):  # fmt: skip
                    other[at] = order[left]
                    left += 1
                else:
                    other[at] = order[right]
                    right += 1
        order[first:last] = other[first:last]
        width *= 2


@compiled
def choose(
    first: int,
    last: int,
    order: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    taken: np.ndarray,
    kept: np.ndarray,
) -> None:
    """Keep of the hits `first` … `last` of one value those whose bytes no better one has.

    Args:
        first: see above.
        last: see above.
        order: int64, places of hits, the best first.
        start: int64.
        end: int64.
        taken: bool, false before and after; as long as the last hit ends.
        kept: bool, written.
    """
    for at in range(first, last):
        i = order[at]
        free = end[i] > start[i]
        for byte in range(start[i], end[i]):
            if taken[byte]:
                free = False
                break
        kept[i] = free
        if free:
            taken[start[i] : end[i]] = True
    for i in range(first, last):
        if kept[i]:
            taken[start[i] : end[i]] = False


@compiled
def settle(
    row: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    entity: np.ndarray,
    score: np.ndarray,
    recognizer: np.ndarray,
    validated: np.ndarray,
    kept: np.ndarray,
) -> None:
    """Keep hits that don't overlap.

    Args:
        row: int64 [n], sorted.
        start: int64 [n], first byte of each within its value; sorted within a row.
        end: int64 [n], the byte after it.
        entity: int [n], in the order of their names.
        score: float [n].
        recognizer: int [n], in the order of their names.
        validated: bool [n].
        kept: bool [n], written.
    """
    taken = np.zeros(end.max() if len(end) else 0, np.bool_)
    order, other = np.empty(len(row), np.int64), np.empty(len(row), np.int64)
    first = 0
    while first < len(row):
        # Hits that hang together, and which of them is chosen first.
        best, last, reach = first, first + 1, end[first]
        while last < len(row) and row[last] == row[first] and start[last] < reach:
            reach = max(reach, end[last])
            ahead = end[last] - start[last] - (end[best] - start[best])
            if validated[last] == validated[best] and ahead == 0:
                if before(last, best, start, end, entity, score, recognizer, validated):
                    best = last
            elif validated[last] > validated[best] or (
                validated[last] == validated[best] and ahead > 0
            ):
                best = last
            last += 1
        alone = True
        for i in range(first, last):
            kept[i] = i == best and end[i] > start[i]
            alone = alone and start[i] < end[best] and end[i] > start[best]
        if not alone and last > first + 1:
            rank(first, last, start, end, entity, score, recognizer, validated, order, other)
            choose(first, last, order, start, end, taken, kept)
        first = last
