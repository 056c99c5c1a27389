"""Looking into a model: its last estimator, rows as that one sees them, its arrays and trees."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.models.foreign import arrays_in, last_step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from strongroom.models import Model

NOT_OPEN = (
    "the model can only be asked: its structure isn't known; audit its file, or the object itself"
)
_LARGEST = 1 << 28  # numbers of rows that are written out where an estimator takes sparse ones


@dataclass(frozen=True)
class Tree:
    """One decision tree.

    Attributes:
        inner: nodes that ask something.
        leaves: nodes that answer.
        rows: int64 [leaves], training rows in each leaf as the tree itself counts them, or None.
        answers: free numbers in a leaf.
    """

    inner: int
    leaves: int
    rows: NDArray[np.int64] | None
    answers: int


def estimator_of(model: Model) -> Any:  # noqa: ANN401 - an estimator, a booster, or None
    """Return the estimator that predicts, of pipelines the last; None where there is none."""
    found = getattr(model, "estimator", None)
    return None if found is None else last_step(found)


def is_open(model: Model) -> bool:
    """Tell whether there is anything to look into."""
    return any(getattr(model, part, None) is not None for part in ("estimator", "network", "graph"))


def arrays_of(model: Model) -> Iterator[tuple[str, NDArray[Any]]]:
    """Give (name, array) of every array that a model holds."""
    graph = getattr(model, "graph", None)
    if graph is not None:
        yield from graph.arrays()
        return
    whole = getattr(model, "estimator", None)
    yield from arrays_in(getattr(model, "network", None) if whole is None else whole)


def inner_rows(model: Model, inputs: NDArray[Any]) -> NDArray[Any]:
    """Return rows as the last estimator sees them, float64 [n, d]: encoded, scaled, selected.

    Raises:
        ValueError: they can't be written as one array of numbers.
    """
    codec, estimator = getattr(model, "codec", None), getattr(model, "estimator", None)
    rows: Any = inputs if codec is None or estimator is None else codec.decode(inputs)
    for _ in range(10):  # searches and pipelines within each other
        best, steps = getattr(estimator, "best_estimator_", None), getattr(estimator, "steps", None)
        if best is not None:
            estimator = best
        elif isinstance(steps, list) and steps:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for _, step in steps[:-1]:
                    rows = rows if step in {None, "passthrough"} else step.transform(rows)
            estimator = steps[-1][1]
        else:
            break
    if hasattr(rows, "iloc") and not all(kind.kind in "fiub" for kind in rows.dtypes):
        rows = inputs  # a frame with categories goes in as it is: their codes are as good
    if hasattr(rows, "toarray"):
        if rows.shape[0] * rows.shape[1] > _LARGEST:
            raise ValueError("too many numbers")
        rows = rows.toarray()
    found = np.asarray(rows)
    if found.dtype.kind not in "fiub":
        found = found.astype(np.float64)
    return found.reshape(len(found), -1)


def trees_of(model: Model) -> list[Tree]:
    """Return every decision tree in a model: of scikit-learn, LightGBM, XGBoost or ONNX."""
    graph, estimator = getattr(model, "graph", None), estimator_of(model)
    if graph is not None:
        return [tree for node in graph.nodes for tree in _onnx(node)]
    for name in ("model_to_string", "save_raw"):
        booster = _booster(estimator, name)
        if booster is not None:
            return _lightgbm(booster) if name == "model_to_string" else _xgboost(booster)
    return [] if estimator is None else _sklearn(estimator)


def _booster(estimator: Any, method: str) -> Any:  # noqa: ANN401
    """Return what has such a method: the estimator itself, or the booster within it."""
    for found in (estimator, getattr(estimator, "_Booster", None)):
        if callable(getattr(found, method, None)):
            return found
    return None


def _sklearn(estimator: Any) -> list[Tree]:  # noqa: ANN401
    """Find the nodes of trees wherever they are: in forests, votes, calibrations."""
    found: dict[str, dict[str, NDArray[Any]]] = {}
    for path, array in arrays_in(estimator):
        place, _, name = path.rpartition(".")
        if name in {"nodes", "values"}:
            found.setdefault(place, {})[name] = array
    trees = []
    for parts in found.values():
        nodes = parts.get("nodes")
        fields = () if nodes is None else nodes.dtype.names or ()
        if nodes is None:
            continue
        if "left_child" in fields:
            leaf = nodes["left_child"] == -1
            values = parts.get("values")
            wide = 1 if values is None or values.ndim < 2 else int(values.shape[-1])  # noqa: PLR2004
            trees.append(_tree(leaf, nodes["n_node_samples"], max(1, wide - 1)))
        elif "is_leaf" in fields and "count" in fields:
            trees.append(_tree(nodes["is_leaf"] == 1, nodes["count"], 1))
    return trees


def _tree(leaf: NDArray[np.bool_], rows: NDArray[Any], answers: int) -> Tree:
    return Tree(int((~leaf).sum()), int(leaf.sum()), rows[leaf].astype(np.int64), answers)


def _lightgbm(booster: Any) -> list[Tree]:  # noqa: ANN401
    trees = []
    for part in str(booster.model_to_string()).split("\nTree=")[1:]:
        leaves = int(re.search(r"^num_leaves=(\d+)", part, re.MULTILINE)[1])  # type: ignore[index]
        counts = re.search(r"^leaf_count=([\d ]+)$", part, re.MULTILINE)
        rows = None if counts is None else np.array(counts[1].split(), np.int64)
        trees.append(Tree(leaves - 1, leaves, rows, 1))
    return trees


def _xgboost(booster: Any) -> list[Tree]:  # noqa: ANN401
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    trees = []
    for told in learner["gradient_booster"].get("model", {}).get("trees", []):
        leaf = np.array(told["left_children"]) == -1
        trees.append(Tree(int((~leaf).sum()), int(leaf.sum()), None, 1))
    return trees


def _onnx(node: Any) -> list[Tree]:  # noqa: ANN401 - an OnnxNode
    if not node.op.startswith("TreeEnsemble") or "nodes_treeids" not in node.attributes:
        return []
    ids = node.attributes["nodes_treeids"]
    leaf = np.array([mode == "LEAF" for mode in node.attributes["nodes_modes"]])
    return [
        Tree(int((~leaf[ids == i]).sum()), int(leaf[ids == i].sum()), None, 1)
        for i in np.unique(ids)
    ]


def leaves_reached(model: Model, inputs: NDArray[Any]) -> NDArray[np.int64] | None:
    """Return the leaf that each row falls into, int64 [n, trees]; None where it can't be told."""
    graph, estimator = getattr(model, "graph", None), estimator_of(model)
    if graph is not None:
        return _onnx_leaves(graph, inputs)
    try:
        rows = inner_rows(model, inputs)
        for name in ("model_to_string", "save_raw"):
            booster = _booster(estimator, name)
            if booster is not None:
                return _booster_leaves(model, booster, name, inputs, rows)
        apply = getattr(estimator, "apply", None)
        return np.asarray(apply(rows), np.int64).reshape(len(rows), -1) if callable(apply) else None
    except (ValueError, TypeError):
        return None


def _booster_leaves(
    model: Model,
    booster: Any,  # noqa: ANN401
    kind: str,
    inputs: NDArray[Any],
    rows: NDArray[Any],
) -> NDArray[np.int64]:
    if kind == "model_to_string":
        codec: Any = getattr(model, "codec", None)
        given = codec.decode(inputs) if getattr(codec, "frame", False) else rows
        return np.asarray(booster.predict(given, pred_leaf=True), np.int64).reshape(len(rows), -1)
    import xgboost

    matrix = xgboost.DMatrix(
        rows, feature_names=booster.feature_names, feature_types=booster.feature_types
    )
    return np.asarray(booster.predict(matrix, pred_leaf=True), np.int64).reshape(len(rows), -1)


_ASKS = {
    "BRANCH_LEQ": np.less_equal,
    "BRANCH_LT": np.less,
    "BRANCH_GTE": np.greater_equal,
    "BRANCH_GT": np.greater,
    "BRANCH_EQ": np.equal,
    "BRANCH_NEQ": np.not_equal,
}
_PASSED = {"Cast", "Identity"}


def _onnx_leaves(graph: Any, inputs: NDArray[Any]) -> NDArray[np.int64] | None:  # noqa: ANN401
    """Follow the rows through the trees of a graph whose first step they are."""
    ensembles = [n for n in graph.nodes if "nodes_treeids" in n.attributes]
    names = {value.name for value in graph.inputs}
    for node in graph.nodes:
        if node.op in _PASSED and node.inputs and node.inputs[0] in names:
            names |= set(node.outputs)
    if len(graph.inputs) != 1 or len(ensembles) != 1 or inputs.ndim != 2:  # noqa: PLR2004 - rows
        return None
    (node,) = ensembles
    if node.inputs[0] not in names or set(node.attributes["nodes_modes"]) - {*_ASKS, "LEAF"}:
        return None
    told, rows = node.attributes, inputs.astype(np.float32)
    ids = told["nodes_treeids"]
    return np.stack([_walk(told, np.flatnonzero(ids == i), rows) for i in np.unique(ids)], axis=1)


def _walk(told: Any, nodes: NDArray[Any], rows: NDArray[np.float32]) -> NDArray[np.int64]:  # noqa: ANN401
    place = {int(told["nodes_nodeids"][n]): n for n in nodes}
    found = np.full(len(rows), place[min(place)], np.int64)
    modes = np.array(told["nodes_modes"])
    for _ in range(len(nodes)):
        moving = np.flatnonzero(modes[found] != "LEAF")
        if not len(moving):
            break
        for node in np.unique(found[moving]):
            own = moving[found[moving] == node]
            value = rows[own, told["nodes_featureids"][node]]
            yes = _ASKS[str(modes[node])](value, told["nodes_values"][node])
            tracks = told.get("nodes_missing_value_tracks_true")
            if tracks is not None and len(tracks):
                yes |= np.isnan(value) & bool(tracks[node])
            true, false = told["nodes_truenodeids"][node], told["nodes_falsenodeids"][node]
            found[own] = np.where(yes, place[int(true)], place[int(false)])
    return found
