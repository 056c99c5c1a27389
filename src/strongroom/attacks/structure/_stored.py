"""Training rows that stand in the model as they are: support vectors, neighbours, constants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._intervals import special_functions
from strongroom.attacks._results import Measured, NotEvaluable, Value
from strongroom.attacks.structure._inside import NOT_OPEN, arrays_of, inner_rows, is_open

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from strongroom.attacks._situation import Situation
    from strongroom.models import Model

_KNOWLEDGE = "the model itself: its file, or the object"
_CHANCE = 1e-9  # how likely an array that has nothing to do with the rows may look as if it had
_FEWEST = 3  # rows of an array that must be found, whatever chance says
_NAMED = 20
_ROUNDING = 1e-5  # of a column's spread: what scaling in float32 may change
_NEIGHBOURS = 64
_MOST_NUMBERS = 8_000_000  # of either side: 64 MB, of which a few copies are made
_MISSING = 1.2345e6  # stands for what is missing: the same here and there
# Where scikit-learn's neighbours, support vector machines and Gaussian processes keep rows, and the
# operators of ONNX for support vectors.
_KEEPERS = {"_fit_X", "support_vectors_", "X_train_", "support_vectors"}


class StoredRows:
    """Looks for the members' rows in every array that the model holds.

    A row counts where an array holds it, number for number but for rounding, as the last estimator
    sees it. Rows of few, coarse columns may stand in an array by chance; so an array counts only if
    it holds more of the members than of the non-members, by an exact test, or if it is known to be
    where an estimator keeps its rows.
    """

    name = "structure.stored"
    kinds = ("table", "image", "text")
    metrics = ("structure.stored_points",)

    def run(self, situation: Situation) -> Measured | NotEvaluable:
        """Compare all rows with all arrays."""
        model = situation.target
        if not is_open(model):
            return NotEvaluable(NOT_OPEN)
        try:
            sides = tuple(
                rows.sample(_most(rows.inputs), situation.seed)
                for rows in (situation.members, situation.nonmembers)
            )
            members, others = (_seen(model, rows.inputs) for rows in sides)
        except (ValueError, TypeError):
            return NotEvaluable("the rows can't be written as the numbers that the model sees")
        if not members.size or not others.size:
            return NotEvaluable("there are no rows to look for")
        spread = members.std(axis=0)
        spread[spread == 0] = 1
        stored = np.zeros(len(members), np.bool_)
        where: list[dict[str, Any]] = []
        for name, array in arrays_of(model):
            for rows in _as_rows(array, members.shape[1]):
                kept = _distinct(rows)
                found, control = (_stands_in(asked, kept, spread) for asked in (members, others))
                known = name.rpartition(".")[2] in _KEEPERS and found.any()
                if not known and _by_chance(found, control):
                    continue
                stored |= found
                where.append(
                    {
                        "array": name,
                        "rows": len(rows),
                        "members": int(found.sum()),
                        "others": int(control.sum()),
                    }
                )
        numbers = sides[0].numbers[stored]
        value = Value(
            self.metrics[0],
            float(stored.sum()),
            details={
                "members": len(situation.members),
                "looked_for": len(members),
                "stored_share": float(stored.mean()),
                "arrays": where[:_NAMED],
                "rows": [int(n) for n in numbers[:_NAMED]],
            },
        )
        return Measured((value,), knowledge=_KNOWLEDGE)


def _most(inputs: NDArray[Any]) -> int:
    """Return how many rows are looked for: wide ones, such as images, fewer."""
    return max(2_000, _MOST_NUMBERS // max(1, int(np.prod(inputs.shape[1:]))))


def _seen(model: Model, inputs: NDArray[Any]) -> NDArray[np.float64]:
    rows = inner_rows(model, inputs)
    graph = getattr(model, "graph", None)
    for node in graph.nodes if graph is not None else ():
        offset, scale = node.attributes.get("offset"), node.attributes.get("scale")
        if node.op == "Scaler" and offset is not None and scale is not None:
            rows = (rows.astype(np.float32) - offset) * scale
    return np.nan_to_num(rows.astype(np.float64), nan=_MISSING)


def _distinct(rows: NDArray[Any]) -> NDArray[np.float64]:
    plain = np.ascontiguousarray(rows, np.float32) + np.float32(0)  # no negative nought
    whole = plain.view(np.dtype((np.void, 4 * plain.shape[1]))).ravel()
    _, first = np.unique(whole, return_index=True)
    return np.nan_to_num(plain[first].astype(np.float64), nan=_MISSING)


def _stands_in(
    asked: NDArray[np.float64], kept: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return for each row [n, d] whether one of the rows kept [m, d] is it, but for rounding.

    Rows are laid on a line in a fixed, random direction; only neighbours on it are compared.
    """
    a, b = asked / spread, kept / spread
    direction = np.random.default_rng(0).normal(size=a.shape[1])
    on_line, others = a @ direction, b @ direction
    order = np.argsort(others)
    others, b = others[order], b[order]
    reach = _ROUNDING * np.abs(direction).sum() * (1 + np.abs(a).max(axis=1))
    first = np.searchsorted(others, on_line - reach)
    found = np.zeros(len(a), np.bool_)
    waiting = np.arange(len(a))
    for step in range(_NEIGHBOURS):
        place = first[waiting] + step
        near = place < len(b)
        near[near] = others[place[near]] <= on_line[waiting[near]] + reach[waiting[near]]
        waiting, place = waiting[near], place[near]
        if not len(waiting):
            break
        gap = np.abs(a[waiting] - b[place])
        same = (gap <= _ROUNDING * (1 + np.abs(a[waiting]))).all(axis=1)
        found[waiting[same]] = True
        waiting = waiting[~same]
    return found


def _as_rows(array: NDArray[Any], width: int) -> Iterator[NDArray[Any]]:
    """Give an array as rows of that width, if it can be one: as it stands, and on its side."""
    if array.dtype.names is not None or array.dtype.kind not in "fiu" or array.size < width:
        return
    if array.ndim == 1:
        if array.size % width == 0:
            yield array.reshape(-1, width)  # as ONNX keeps support vectors
        return
    if array.shape[-1] == width or int(np.prod(array.shape[1:])) == width:
        yield array.reshape(-1, width)
    if array.ndim == 2 and array.shape[0] == width != array.shape[1]:  # noqa: PLR2004 - a matrix
        yield array.T


def _by_chance(found: NDArray[np.bool_], control: NDArray[np.bool_]) -> bool:
    """Tell whether as many members could be found if they were no likelier than others.

    Fisher's exact test, one-sided: members found, given how many of both were found.
    """
    hits, both = int(found.sum()), int(found.sum() + control.sum())
    if hits < _FEWEST:
        return True
    special = special_functions()
    n, m = len(found), len(control)
    counts = np.arange(hits, min(both, n) + 1)

    def choose(top: Any, part: Any) -> Any:  # noqa: ANN401 - numbers or arrays
        return (
            special.gammaln(top + 1) - special.gammaln(part + 1) - special.gammaln(top - part + 1)
        )

    logs = choose(n, counts) + choose(m, both - counts) - choose(n + m, both)
    return bool(np.exp(logs).sum() > _CHANCE)
