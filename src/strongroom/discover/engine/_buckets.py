"""Which rules are walked together: those that the same beginnings call for.

Of every bucket the pass knows which bytes may stand at each of the first eight places. Walking many
rules as one automaton costs what walking one does, but a bucket of rules that begin differently is
walked in vain. Buckets are merged as long as that lowers the walks that are to be expected of
ordinary text (greedy agglomeration), and further until there are few enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.discover.engine._automaton import positions
from strongroom.discover.engine._words import flags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strongroom.discover.engine._dialect import Node

PLACES = 8
# How often bytes stand at the beginning of words of texts in which numbers are frequent, and behind
# it: letters by their rank in English, the rest in rough shares.
_RANKED = "etaoinsrhldcumfpgwybvkxjqz"
_SHARES = (("0123456789", 0.10, 0.12), (" ", 0.0, 0.16), (".,-:/@'\"()_+=", 0.02, 0.06))


def frequencies() -> NDArray[np.float64]:
    """Return float64 [8, 256], the share of each byte at each place."""
    found = np.full((PLACES, 256), 1e-4)
    for rank, letter in enumerate(_RANKED):
        share = 2.0 / (rank + 3) / len(_RANKED) * 3
        found[:, ord(letter)] = share
        found[0, ord(letter.upper())] = share / 4
        found[1:, ord(letter.upper())] = share / 20
    for characters, first, later in _SHARES:
        for character in characters:
            found[0, ord(character)] += first / len(characters)
            found[1:, ord(character)] += later / len(characters)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def gate(node: Node) -> NDArray[np.bool_]:
    """Return bool [8, 256]: which bytes may stand at the first places of what a pattern matches.

    Any byte may where the pattern may have ended.
    """
    numbered, masks = positions(node), []
    state, ended = set(numbered.first), numbered.nullable
    for _ in range(PLACES):
        mask = 0
        for position in state:
            mask |= numbered.masks[position]
        masks.append((1 << 256) - 1 if ended or not state else mask)
        ended = ended or not state.isdisjoint(numbered.last)
        state = set().union(*(numbered.follow[position] for position in state))
    return np.stack([flags(mask) for mask in masks]).astype(np.bool_)


def buckets(gates: Sequence[NDArray[np.bool_]], most: int) -> list[list[int]]:
    """Part rules into at most `most` buckets, by their gates."""
    share = frequencies()
    members = [[i] for i in range(len(gates))]
    open_ = np.array(gates).reshape(-1, PLACES, 256)
    cost = (open_ * share).sum(axis=2).prod(axis=1)
    gain = np.full((len(gates), len(gates)), np.inf)
    for i in range(len(gates)):
        gain[i, :i] = _together(open_[i], open_[:i], share) - cost[i] - cost[:i]
    alive = len(gates)
    while alive > 1:
        i, j = (int(place) for place in np.unravel_index(int(gain.argmin()), gain.shape))
        if gain[i, j] > 0 and alive <= most:
            break
        open_[j] |= open_[i]
        members[j] += members[i]
        members[i] = []
        cost[j] = (open_[j] * share).sum(axis=1).prod()
        gain[i], gain[:, i] = np.inf, np.inf
        left = np.array([k for k, m in enumerate(members) if m and k != j], np.intp)
        both = _together(open_[j], open_[left], share) - cost[j] - cost[left]
        for k, value in zip(left, both, strict=True):
            gain[max(j, k), min(j, k)] = value
        alive -= 1
    return [sorted(m) for m in members if m]


def _together(
    one: NDArray[np.bool_], others: NDArray[np.bool_], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the walks that are to be expected of one rule with each of the others."""
    return np.asarray(((one | others) * share).sum(axis=2).prod(axis=1))
