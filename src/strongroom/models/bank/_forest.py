"""A bank of random forests: grown as scikit-learn grows them, on values that are coded once.

Breiman's forests as in `RandomForestClassifier`: bootstrap samples, the best Gini cut among some
columns in each node, leaves' class shares averaged. Every value is replaced by its place among its
column's values, which all forests share, so that a cut is found by counting instead of sorting.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from strongroom.models.bank._plan import side_by_side, threads
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

_MOST_VALUES = 2**16
_ENDLESS = 2**31 - 1
# What other settings of a forest must be for these to be the same forests.
_PLAIN: Mapping[str, Any] = {
    "criterion": "gini",
    "class_weight": None,
    "max_leaf_nodes": None,
    "min_impurity_decrease": 0.0,
    "min_weight_fraction_leaf": 0.0,
    "ccp_alpha": 0.0,
    "max_samples": None,
    "monotonic_cst": None,
}


@dataclass(frozen=True)
class ForestSpec:
    """What decides how a forest grows.

    Attributes:
        trees: how many.
        bootstrap: whether each tree learns from a sample drawn with replacement.
        features: columns tried for a cut: "sqrt", "log2", a number, a share, or None for all.
        deepest: levels below the root, or None.
        smallest_split, smallest_leaf: rows of a node that is cut, and on either side of the cut.
    """

    trees: int = 100
    bootstrap: bool = True
    features: str | float | None = "sqrt"
    deepest: int | None = None
    smallest_split: int = 2
    smallest_leaf: int = 1

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> ForestSpec | None:
        """Return that of a `RandomForestClassifier`; None: it has settings that these lack."""
        if any(settings.get(name, value) != value for name, value in _PLAIN.items()):
            return None
        whole = all(isinstance(settings[n], int) for n in ("min_samples_split", "min_samples_leaf"))
        if not whole:
            return None
        return cls(
            int(settings["n_estimators"]),
            bool(settings["bootstrap"]),
            settings["max_features"],
            settings["max_depth"],
            settings["min_samples_split"],
            settings["min_samples_leaf"],
        )

    def tried(self, width: int) -> int:
        """Return how many of `width` columns are tried."""
        match self.features:
            case None:
                return width
            case "sqrt":
                return max(1, int(math.sqrt(width)))
            case "log2":
                return max(1, int(math.log2(width)))
            case int():
                return min(width, self.features)
            case share:
                return max(1, int(float(share) * width))


def forest_probabilities(
    spec: ForestSpec,
    inputs: NDArray[np.float32],
    labels: NDArray[np.integer],
    classes: int,
    membership: NDArray[np.bool_],
    asked: NDArray[np.float32],
    *,
    seeds: Sequence[int],
    progress: Progress = SILENT,
) -> NDArray[np.float32]:
    """Grow one forest per row of `membership` and return what it says, float32 [M, q, classes].

    Args:
        spec: how.
        inputs: float32 [N, d], finite.
        labels: int [N], each below `classes`.
        classes: how many there are.
        membership: bool [M, N]: which rows each learns from, at least one.
        asked: float32 [q, d]; may be `inputs` itself.
        seeds: M of them.
        progress: told of forests.

    Raises:
        ValueError: a column has more than 65,536 values.
    """
    from strongroom.models.bank._trees import grow_and_ask

    columns, questions, values, starts = _coded(inputs, asked)
    truth = np.ascontiguousarray(labels, np.int32)
    out = np.empty((len(membership), len(asked), classes), np.float32)

    def work(m: int) -> None:
        grow_and_ask(
            columns,
            questions,
            values,
            starts,
            truth,
            np.flatnonzero(membership[m]).astype(np.int32),
            classes,
            spec.trees,
            spec.bootstrap,
            spec.tried(inputs.shape[1]),
            _ENDLESS if spec.deepest is None else spec.deepest,
            spec.smallest_split,
            spec.smallest_leaf,
            seeds[m],
            out[m],
        )

    models = len(membership)
    side_by_side(work, models, threads(), lambda done: progress.step(done, models))
    return out


def _coded(
    inputs: NDArray[np.float32], asked: NDArray[np.float32]
) -> tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.float32], NDArray[np.int64]]:
    """Return codes [d, N] of what is learnt from, [d, q] of what is asked, and the values."""
    x = np.ascontiguousarray(inputs, np.float32)
    others = x if asked is inputs else np.ascontiguousarray(asked, np.float32)
    width = x.shape[1]
    columns = np.empty((width, len(x)), np.uint16)
    questions = np.empty((width, len(others)), np.uint16)
    values, starts = [], [0]
    for c in range(width):
        both = x[:, c] if others is x else np.concatenate([x[:, c], others[:, c]])
        own, codes = np.unique(both, return_inverse=True)
        if len(own) > _MOST_VALUES:
            raise ValueError(f"a column of a forest has {len(own):,} values")
        columns[c] = codes[: len(x)]
        questions[c] = codes[len(both) - len(others) :]
        values.append(own)
        starts.append(starts[-1] + len(own))
    return columns, questions, np.concatenate(values), np.array(starts, np.int64)
