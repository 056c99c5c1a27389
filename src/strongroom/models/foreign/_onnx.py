"""An ONNX file, run by onnxruntime: classifiers of scikit-learn, networks of torch and others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from strongroom.errors import DataError, InputError, MissingExtraError
from strongroom.models.foreign._base import ForeignModel, guarded, in_batches, need_classes, one_hot
from strongroom.models.foreign._codecs import AutoCodec, TextCodec, image_codec
from strongroom.models.foreign._onnx_graph import MalformedError, OnnxGraph, read_onnx
from strongroom.models.foreign._table_codec import TableCodec
from strongroom.vault import Inspection, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from strongroom.models.foreign._onnx_graph import OnnxValue
    from strongroom.models.foreign._reference import Options, Reference

# The standard's own operators, and those that are part of onnxruntime: no library is loaded.
_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}
_LARGEST = 2 << 30
_CLASSIFIERS = ("ZipMap", "TreeEnsembleClassifier", "LinearClassifier", "SVMClassifier")
_CLOSE = 1e-3
_IMAGE, _COLOURS = 4, {1, 3}
_LAYOUT_CHANNELS = 3


class OnnxModel(ForeignModel):
    """A classifier from one input [n, …], or from one input [n, 1] per column.

    Its answer is the output of probabilities (`label` beside it is left alone), or the only one.
    Logits are told from probabilities by whether every row sums to 1.

    Args:
        path: of the file.
        classes: names in the order of the outputs; the file's own by default, else "0", "1", …
        target: the column that is predicted.
        columns: the columns that a table's model takes, in order.
        images: how pixels become inputs; see `ImageCodec`.
        outputs: logits or probabilities, where it can't be told.

    Raises:
        InputError: not an ONNX file, operators of a library's own, or data outside of its folder.
        MissingExtraError: onnxruntime isn't installed.
    """

    kind: ClassVar[str] = "onnx"
    tries: ClassVar[int] = 1_000  # by so many rows, probabilities are told from logits

    def __init__(
        self,
        path: Path,
        *,
        classes: Sequence[Any] | None = None,
        target: str | None = None,
        columns: Sequence[str] | None = None,
        images: Mapping[str, Any] | None = None,
        outputs: str | None = None,
    ) -> None:
        data = _read(path)
        self.graph = _checked_graph(path, data)
        self._session = _session(path, data, self.graph)
        self._output, self._form = _chosen_output(self.graph)
        self._fixed_rows = _rows(self.graph)
        self._per_column = len(self.graph.inputs) > 1
        codec = _codec(self.graph, columns, images or {})
        own, count = _classes(self.graph), self._count()
        if own is None and count is None and classes is None:
            raise InputError(
                "it can't be told how many classes the model has",
                where=str(path),
                hint="name them in the order of its outputs (classes)",
            )
        known = count if count is not None else len(own if own is not None else classes or ())
        names = need_classes(classes if classes is not None else own, known)
        super().__init__(codec, names, target)
        self.inspection = Inspection(str(path), "onnx", Verdict.SAFE, ())
        self._own = own
        self.soft = self._form != "labels"
        self._outputs = outputs or _by_node(self.graph, self._output)
        self.logits = self._logits if self._outputs == "logits" else None

    def __repr__(self) -> str:
        return f"OnnxModel({len(self.graph.nodes)} nodes, {len(self.classes)} classes)"

    def _answer(self, inputs: Any) -> NDArray[Any]:  # noqa: ANN401
        found = self._run(inputs)
        if self._form == "labels":
            return self._labels(found)
        if self._outputs is None:
            self._outputs = "probabilities" if _probable(found) else "logits"
            self.logits = self._logits if self._outputs == "logits" else None
        if self._outputs == "probabilities":
            return found[:, 0] if found.shape[1] == 1 else found
        scores = _two(found)
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        answer: NDArray[Any] = raised / raised.sum(axis=1, keepdims=True)
        return answer

    def _logits(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 [n, classes] whose softmax are the probabilities."""
        found = in_batches(
            batch, lambda part: guarded(self, lambda: _two(self._run(self.codec.decode(part))))
        )
        self.queries += len(batch)
        return found.astype(np.float32)

    def _run(self, inputs: Any) -> NDArray[Any]:  # noqa: ANN401
        """Return what the chosen output says, float64 [n, k], or labels [n]."""
        feeds = self._feeds(inputs)
        rows = len(next(iter(feeds.values())))
        step = self._fixed_rows or max(rows, 1)
        parts = []
        for start in range(0, max(rows, 1), step):
            part = {name: value[start : start + step] for name, value in feeds.items()}
            real = len(next(iter(part.values())))
            if self._fixed_rows and real < step:
                part = {
                    n: np.concatenate([v, v[-1:].repeat(step - real, 0)]) for n, v in part.items()
                }
            parts.append(self._values(_ask(self._session, self._output, part))[:real])
        return np.concatenate(parts)

    def _feeds(self, inputs: Any) -> dict[str, NDArray[Any]]:  # noqa: ANN401
        if isinstance(inputs, list):
            return {self.graph.inputs[0].name: np.array(inputs, object)[:, None]}
        if not self._per_column:
            (only,) = self.graph.inputs
            return {only.name: _cast(np.asarray(inputs), only)}
        columns = np.asarray(inputs, object)
        return {
            value.name: _cast(columns[:, [place]], value)
            for place, value in enumerate(self.graph.inputs)
        }

    def _values(self, answer: Any) -> NDArray[Any]:  # noqa: ANN401 - a tensor, or a list of maps
        if self._form == "maps":
            keys = list(answer[0]) if answer else []
            return np.array([[row[k] for k in keys] for row in answer], np.float64)
        found = np.asarray(answer)
        if self._form == "labels":
            return found.reshape(-1)
        return found.astype(np.float64).reshape(len(found), -1)

    def _labels(self, found: NDArray[Any]) -> NDArray[np.float32]:
        own = self._own if self._own is not None else range(len(self.classes))
        places = {c: i for i, c in enumerate(own)}
        try:
            return one_hot(np.array([places[v] for v in found.tolist()]), len(self.classes))
        except KeyError as error:
            raise DataError(
                "the model predicts a class that it doesn't list",
                hint="name all its classes (classes)",
            ) from error

    def _count(self) -> int | None:
        """Return how many classes there are, by what the file says or by asking about zeros."""
        if self._form == "labels":
            return None
        own = _classes(self.graph)
        if own is not None:
            return len(own)
        output = next(o for o in self.graph.outputs if o.name == self._output)
        wide = output.shape[1] if len(output.shape) == 2 else None  # noqa: PLR2004 - [n, k]
        zeros = _zeros(self.graph)
        if wide is None and zeros is not None:
            wide = int(self._values(_ask(self._session, self._output, zeros)).shape[1])
        return None if wide is None else max(2, wide)

    def _content(self) -> Any:  # noqa: ANN401
        nodes = [
            {"op": n.op, "in": n.inputs, "out": n.outputs, "attributes": dict(n.attributes)}
            for n in self.graph.nodes
        ]
        arrays = {f"{i}.{name}": array for i, (name, array) in enumerate(self.graph.arrays())}
        return {"classes": self.classes, "nodes": nodes, "arrays": arrays}

    def describe(self) -> dict[str, Any]:
        """See `ForeignModel.describe`."""
        answers = "labels" if self._form == "labels" else self._outputs or "unknown"
        return {
            **super().describe(),
            "estimator": "ONNX: " + ", ".join(sorted({n.op for n in self.graph.nodes})[:12]),
            "answers": answers,
        }


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError("an ONNX file of more than 2 GiB can't be read", where=str(path))
        return path.read_bytes()
    except OSError as error:
        raise InputError("the file can't be read", where=str(path)) from error


def _checked_graph(path: Path, data: bytes) -> OnnxGraph:
    try:
        graph = read_onnx(data)
    except MalformedError as error:
        raise InputError("not an ONNX file, or a damaged one", where=str(path)) from error
    strange = sorted(graph.domains - _DOMAINS)
    if strange:
        raise InputError(
            f'the model uses operators of "{strange[0]}", which are code of a library of its own',
            where=str(path),
            hint="export it with standard operators only: no library is ever loaded for a model",
        )
    folder = path.resolve().parent
    for outside in graph.outside():
        place = (folder / outside).resolve()
        if not outside or not place.is_relative_to(folder) or not place.is_file():
            raise InputError(
                "the model's data lie outside of its folder, or are missing",
                where=str(path),
                hint="put its data files beside it, without links, or save it as one file",
            )
    if not graph.inputs or not graph.outputs:
        raise InputError("the model has no input or no output", where=str(path))
    return graph


def _session(path: Path, data: bytes, graph: OnnxGraph) -> Any:  # noqa: ANN401 - untyped
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("onnxruntime", "audit") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if any(node.op.startswith("TreeEnsemble") for node in graph.nodes):
        # With more threads, trees are summed in another order for few rows than for many, and a
        # row's answer would hang on the rows beside it.
        options.intra_op_num_threads = 1
    try:
        # What was checked is what is run; a path only where data lie beside the file.
        source: Any = str(path) if graph.outside() else data
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library raises its own, of many kinds
        raise InputError(
            f"onnxruntime cannot run the model ({type(error).__name__})",
            where=str(path),
            hint="onnx.checker.check_model says what is wrong; a newer onnxruntime may know it",
        ) from error


def _ask(session: Any, output: str, feeds: Mapping[str, NDArray[Any]]) -> Any:  # noqa: ANN401
    try:
        return session.run([output], dict(feeds))[0]
    except Exception as error:
        if "alloc" in str(error).lower():
            raise MemoryError from error
        raise


def _chosen_output(graph: OnnxGraph) -> tuple[str, str]:
    """Return (name, form) of the output that says most: maps, tensor or labels."""
    tensors = [o for o in graph.outputs if o.kind == "tensor" and o.element.startswith("float")]
    named = [o for o in tensors if "prob" in o.name.lower()]
    for output in (*named, *reversed(tensors)):
        return output.name, "tensor"
    for output in graph.outputs:
        if output.kind == "sequence":
            return output.name, "maps"
    for output in graph.outputs:
        if output.element in {"int64", "int32", "str"}:
            return output.name, "labels"
    raise InputError("the model gives neither probabilities nor labels")


def _classes(graph: OnnxGraph) -> list[Any] | None:
    for op in _CLASSIFIERS:
        for node in graph.nodes:
            if node.op != op:
                continue
            for name in ("classlabels_strings", "classlabels_int64s", "classlabels_ints"):
                found = node.attributes.get(name)
                if found is not None and len(found):
                    return [v.item() if isinstance(v, np.generic) else v for v in found]
    if any(o.element == "str" for o in graph.outputs):
        # Nearest neighbours and the like look their labels up in a constant.
        texts = [
            t.values for t in graph.tensors if t.values is not None and t.values.dtype.kind == "U"
        ]
        if len(texts) == 1 and texts[0].size > 1:
            return [str(v) for v in texts[0].ravel()]
    return None


def _rows(graph: OnnxGraph) -> int | None:
    """Return how many rows it takes at a time, where that is fixed."""
    shapes = [value.shape for value in graph.inputs if value.shape]
    return next((s[0] for s in shapes if s[0] is not None), None)


def _by_node(graph: OnnxGraph, output: str) -> str | None:
    """Return what an output is, where the node that makes it says so."""
    makers = {name: node for node in graph.nodes for name in node.outputs}
    seen: set[str] = set()
    while output in makers and output not in seen:
        seen.add(output)
        node = makers[output]
        if node.op in {"Softmax", "Sigmoid", "Normalizer", "ZipMap"}:
            return "probabilities"
        if node.op == "LogSoftmax":
            return "logits"
        if node.op not in {"Cast", "Identity", "Reshape", "Flatten", "Squeeze"} or not node.inputs:
            return None
        output = node.inputs[0]
    return None


def _codec(
    graph: OnnxGraph, columns: Sequence[str] | None, images: Mapping[str, Any]
) -> AutoCodec | TextCodec | TableCodec:
    if len(graph.inputs) > 1:
        names = [*(columns or [value.name for value in graph.inputs])]
        texts = [t for node in graph.nodes for t in node.attributes.get("cats_strings", ())]
        return TableCodec(names, known=dict.fromkeys(names, texts))
    (only,) = graph.inputs
    shape = only.shape
    wide = shape[1] if len(shape) == 2 else None  # noqa: PLR2004 - [n, d]
    if only.element == "str" and wide in {None, 1}:
        return TextCodec(columns[0] if columns else None)
    about = dict(images)
    layout = "nchw"
    if len(shape) == _IMAGE:
        if shape[3] in _COLOURS and shape[1] not in _COLOURS:
            layout = "nhwc"
        high, broad, colours = (1, 2, 3) if layout == "nhwc" else (2, 3, 1)
        size = (shape[high], shape[broad], shape[colours])
        if None not in size:
            about.setdefault("size", size)
    elif len(shape) == _LAYOUT_CHANNELS:
        layout = "nhw"
    elif wide is not None:
        layout = "flat"
    table = TableCodec(columns, width=wide, rounded=only.element != "float64")
    return AutoCodec(table, image_codec(about, layout))


def _cast(values: NDArray[Any], value: OnnxValue) -> NDArray[Any]:
    if value.element == "str":
        return np.array([[v if isinstance(v, str) else "" for v in r] for r in values])
    if value.element.startswith(("int", "uint")) and values.dtype.kind == "f":
        values = np.rint(values)
    return np.ascontiguousarray(values.astype(value.element or "float32"))


def _zeros(graph: OnnxGraph) -> dict[str, NDArray[Any]] | None:
    """Return a row of zeros; None where an input's shape is open."""
    feeds = {}
    for value in graph.inputs:
        shape = (value.shape[0] or 1, *value.shape[1:]) if value.shape else ()
        if not shape or None in shape:
            return None
        whole = [int(n) for n in shape if n is not None]
        feeds[value.name] = (
            np.full(whole, "") if value.element == "str" else np.zeros(whole, value.element)
        )
    return feeds


def _two(scores: NDArray[Any]) -> NDArray[np.float64]:
    """Return one score of two classes as two; more as they are."""
    found = np.asarray(scores, np.float64)
    return np.concatenate([np.zeros_like(found), found], 1) if found.shape[1] == 1 else found


def _probable(found: NDArray[Any]) -> bool:
    if len(found) == 0 or found.min() < -_CLOSE or found.max() > 1 + _CLOSE:
        return False
    return found.shape[1] == 1 or bool(np.abs(found.sum(axis=1) - 1).max() < _CLOSE)


class OnnxAdapter:
    """Files of ONNX."""

    name = "onnx"

    def recognises(self, reference: Reference) -> bool:
        """Tell whether the file ends in .onnx, or its bytes begin like one."""
        return bool(reference.head) and (
            reference.suffix == ".onnx" or _begins_like_onnx(reference.head)
        )

    def open(self, reference: Reference, options: Options) -> OnnxModel:
        """See `Adapter.open`."""
        assert reference.path is not None  # noqa: S101 - see `recognises`
        return OnnxModel(
            Path(reference.path),
            classes=options.classes,
            target=options.target,
            columns=options.columns,
            images=options.mapping.get("input"),
            outputs=options.mapping.get("outputs"),
        )


def _begins_like_onnx(head: bytes) -> bool:
    """Tell by the IR version in front, and the producer's name or the graph after it."""
    return head[:1] == b"\x08" and head[1:2] < b"\x20" and head[2:3] in {b"\x12", b"\x3a", b"\x42"}
