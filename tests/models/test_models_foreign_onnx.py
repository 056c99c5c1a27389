"""If this fails, ONNX files are asked wrongly, or one that loads code or reads elsewhere is run."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from tests.models.conformance import check_model
from torch import nn

from strongroom.data import Dataset, Kind, raw
from strongroom.errors import DataError, InputError
from strongroom.models import open_model
from strongroom.models.foreign._onnx_graph import MalformedError, read_onnx
from strongroom.vault import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

onnx = pytest.importorskip("onnx")
skl2onnx = pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from skl2onnx.common.data_types import (  # noqa: E402
    DoubleTensorType,
    FloatTensorType,
    StringTensorType,
)
from sklearn.compose import ColumnTransformer  # noqa: E402
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.neighbors import KNeighborsClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder  # noqa: E402
from sklearn.svm import LinearSVC  # noqa: E402

COLUMNS = ["a", "b", "c"]


def table(count: int = 60, seed: int = 0, names: Sequence[str] = ("no", "yes")) -> Dataset:
    coins = np.random.default_rng(seed)
    columns: dict[str, Any] = {
        name: coins.normal(size=count).astype(np.float32) for name in COLUMNS
    }
    return Dataset(pa.table({**columns, "y": coins.choice(list(names), count)}))


def numbers(dataset: Dataset) -> np.ndarray:
    return np.stack([dataset.table[c].to_numpy() for c in COLUMNS], axis=1)


@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(5, random_state=0),
        GradientBoostingClassifier(n_estimators=4),
        LogisticRegression(),
        KNeighborsClassifier(3),
    ],
    ids=lambda e: type(e).__name__,
)
def test_classifiers_of_scikit_learn(tmp_path: Path, estimator: Any, zipmap: bool) -> None:  # noqa: ANN401
    dataset = table(names=["n", "o", "p"])
    estimator.fit(numbers(dataset), dataset.table["y"].to_pylist())
    path = tmp_path / "model.onnx"
    options = {} if zipmap else {"zipmap": False}
    made = skl2onnx.to_onnx(estimator, numbers(dataset)[:1], options=options)
    path.write_bytes(made.SerializeToString())
    opened = open_model(path, target="y")
    model: Any = opened.model
    assert opened.kind == "onnx"
    assert model.classes == ("n", "o", "p")
    assert opened.inspection is not None
    assert opened.inspection.verdict is Verdict.SAFE
    check_model(model, dataset, table(20, 1, ["n", "o", "p"]))
    inputs, _ = opened.read(dataset)
    wanted = estimator.predict_proba(numbers(dataset))
    np.testing.assert_allclose(model.predict_proba(inputs), wanted, atol=1e-5)


def test_one_input_per_column(tmp_path: Path) -> None:
    dataset = table()
    wards = np.random.default_rng(2).choice(["north", "south"], dataset.rows)
    dataset = dataset.with_table(dataset.table.add_column(1, "ward", pa.array(wards)))
    frame = dataset.table.to_pandas()[["ward", *COLUMNS]]
    estimator = make_pipeline(
        ColumnTransformer([("ward", OneHotEncoder(), ["ward"])], remainder="passthrough"),
        LogisticRegression(),
    ).fit(frame, dataset.table["y"].to_pylist())
    kinds = [("ward", StringTensorType([None, 1]))]
    kinds += [(name, FloatTensorType([None, 1])) for name in COLUMNS]
    path = tmp_path / "model.onnx"
    path.write_bytes(skl2onnx.to_onnx(estimator, initial_types=kinds).SerializeToString())
    model: Any = open_model(path, target="y").model
    check_model(model, dataset, dataset)
    inputs, _ = model.read(dataset)
    np.testing.assert_allclose(
        model.predict_proba(inputs), estimator.predict_proba(frame), atol=1e-5
    )
    with pytest.raises(DataError, match='takes the column "ward"'):
        open_model(path, target="y").read(table())


def test_labels_alone(tmp_path: Path) -> None:
    """A classifier whose only output that anybody kept is the label."""
    dataset = table()
    estimator = LinearSVC().fit(numbers(dataset), dataset.table["y"].to_pylist())
    made = skl2onnx.to_onnx(estimator, numbers(dataset)[:1])
    while len(made.graph.output) > 1:
        made.graph.output.pop()
    path = tmp_path / "model.onnx"
    path.write_bytes(made.SerializeToString())
    model: Any = open_model(path, target="y").model
    assert not model.soft
    check_model(model, dataset, dataset)
    inputs, _ = model.read(dataset)
    said = np.array(model.classes)[model.predict_proba(inputs).argmax(axis=1)]
    np.testing.assert_array_equal(said, estimator.predict(numbers(dataset)))


def network(
    weights: np.ndarray,
    *,
    last: str = "",
    rows: int | str = "n",
    element: int = TensorProto.FLOAT,
    domain: str = "",
) -> Any:  # noqa: ANN401 - an onnx.ModelProto
    wide, high = weights.shape
    nodes = [helper.make_node("MatMul", ["x", "w"], ["z"], domain=domain)]
    if last:
        nodes.append(helper.make_node(last, ["z"], ["out"]))
    kind = np.float64 if element == TensorProto.DOUBLE else np.float32
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", element, [rows, wide])],
        [helper.make_tensor_value_info("out" if last else "z", element, [rows, high])],
        [numpy_helper.from_array(weights.astype(kind), "w")],
    )
    versions = [helper.make_opsetid("", 17)] + [helper.make_opsetid(domain, 1)] * bool(domain)
    return helper.make_model(graph, opset_imports=versions, ir_version=8)


@pytest.mark.parametrize("rows", ["n", 8, 1])
@pytest.mark.parametrize("last", ["", "Softmax", "LogSoftmax"])
@pytest.mark.parametrize("element", [TensorProto.FLOAT, TensorProto.DOUBLE])
def test_networks(tmp_path: Path, last: str, rows: int | str, element: int) -> None:
    weights = np.random.default_rng(0).normal(size=(3, 4))
    path = tmp_path / "net.onnx"
    path.write_bytes(network(weights, last=last, rows=rows, element=element).SerializeToString())
    model: Any = open_model(path, target="y").model
    dataset = table(30, names=["0", "1", "2", "3"])
    check_model(model, dataset, table(9, 1, ["0", "3"]))
    raised = np.exp(numbers(dataset) @ weights)
    wanted = raised / raised.sum(axis=1, keepdims=True)
    inputs, _ = model.read(dataset)
    np.testing.assert_allclose(model.predict_proba(inputs), wanted, atol=1e-5)
    assert model.describe()["answers"] == ("probabilities" if last == "Softmax" else "logits")
    assert callable(model.logits) is (last != "Softmax")


@pytest.mark.parametrize("last", ["", "Sigmoid"])
def test_one_output_of_two_classes(tmp_path: Path, last: str) -> None:
    weights = np.random.default_rng(0).normal(size=(3, 1)) * 3
    path = tmp_path / "net.onnx"
    path.write_bytes(network(weights, last=last).SerializeToString())
    model: Any = open_model(path, target="y", classes=["no", "yes"]).model
    check_model(model, table(), table(9, 1))
    wanted = 1 / (1 + np.exp(-numbers(table()) @ weights))
    np.testing.assert_allclose(
        model.predict_proba(model.read(table())[0])[:, 1:], wanted, atol=1e-5
    )


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_images(tmp_path: Path, layout: str) -> None:
    coins = np.random.default_rng(0)
    shape: list[int | str | None] = ["n", 3, 4, 5] if layout == "nchw" else ["n", 4, 5, 3]
    weights = coins.normal(size=(60, 2)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["f"]),
            helper.make_node("MatMul", ["f", "w"], ["z"]),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(weights, "w")],
    )
    path = tmp_path / "net.onnx"
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(made.SerializeToString())
    pixels = coins.integers(0, 256, (10, 8, 10, 3), np.uint8)
    dataset = Dataset(
        pa.table({"image": [raw(p) for p in pixels], "y": ["0", "1"] * 5}), kind=Kind.IMAGE
    )
    model: Any = open_model(path, target="y").model
    check_model(model, dataset, dataset)
    assert list(model.read(dataset)[0].shape) == [10, *shape[1:]]


def test_what_torch_exports(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 2)).eval()
    path = tmp_path / "net.onnx"
    torch.onnx.export(
        module,
        (torch.zeros(2, 3),),
        path,
        dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
        external_data=False,
    )
    model: Any = open_model(path, target="y", classes=["no", "yes"]).model
    check_model(model, table(), table(9, 1))


def test_operators_of_a_library_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(network(np.ones((3, 2)), domain="evil.example").SerializeToString())
    with pytest.raises(InputError, match=r'operators of "evil\.example"'):
        open_model(path)


def test_operators_hidden_in_a_branch_are_refused(tmp_path: Path) -> None:
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])
    branch = helper.make_graph(
        [helper.make_node("Mine", ["x"], ["y"], domain="evil.example")], "inner", [], [output]
    )
    graph = helper.make_graph(
        [
            helper.make_node("If", ["c"], ["z"], then_branch=branch, else_branch=branch),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(np.array(True), "c")],
    )
    path = tmp_path / "net.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(InputError, match=r"evil\.example"):
        open_model(path)


@pytest.mark.parametrize("place", ["weights.bin", "../weights.bin", "/etc/hostname", "link.bin"])
def test_data_outside_of_the_folder_are_refused(tmp_path: Path, place: str) -> None:
    weights = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)
    folder = tmp_path / "model"
    folder.mkdir()
    for where in (tmp_path, folder):
        (where / "weights.bin").write_bytes(weights.tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "weights.bin")
    made = network(weights)
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", place
    path = folder / "net.onnx"
    path.write_bytes(made.SerializeToString())
    if place == "weights.bin":
        model: Any = open_model(path, target="y", classes=["no", "yes"]).model
        raised = np.exp(numbers(table()) @ weights)
        np.testing.assert_allclose(
            model.predict_proba(model.read(table())[0]),
            raised / raised.sum(axis=1, keepdims=True),
            atol=1e-5,
        )
        return
    with pytest.raises(InputError, match="outside of its folder"):
        open_model(path)


def test_shapes_and_classes_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(network(np.ones((2, 3))).SerializeToString())
    with pytest.raises(DataError, match='takes 2 columns, and these rows have 3 beside "y"'):
        open_model(path, target="y").read(table(names=["0", "1"]))
    with pytest.raises(InputError, match="2 classes were named, and the model has 3"):
        open_model(path, classes=["a", "b"])
    shutil.copy(path, tmp_path / "other")
    assert open_model(tmp_path / "other").kind == "onnx", "told by content"


def test_damaged_files_are_refused_and_never_crash(tmp_path: Path) -> None:
    whole = network(np.random.default_rng(0).normal(size=(3, 2)), last="Softmax")
    data = whole.SerializeToString()
    path = tmp_path / "net.onnx"
    coins = np.random.default_rng(1)
    refused = 0
    for _ in range(150):
        damaged = bytearray(data[: coins.integers(1, len(data))] if coins.random() < 0.5 else data)
        for place in coins.integers(0, len(damaged), 3):
            damaged[place] = coins.integers(0, 256)
        try:
            read_onnx(bytes(damaged))
        except MalformedError:
            refused += 1
    assert refused > 30
    path.write_bytes(data[:50])
    with pytest.raises(InputError):
        open_model(path)


def test_the_reader_agrees_with_the_librarys_own() -> None:
    dataset = table(names=["n", "o", "p"])
    estimator = RandomForestClassifier(3, random_state=0)
    estimator.fit(numbers(dataset), dataset.table["y"].to_pylist())
    made = skl2onnx.to_onnx(estimator, initial_types=[("x", DoubleTensorType([None, 3]))])
    found = read_onnx(made.SerializeToString())
    assert [n.op for n in found.nodes] == [n.op_type for n in made.graph.node]
    assert found.domains == {n.domain for n in made.graph.node}
    for ours, theirs in zip(found.nodes, made.graph.node, strict=True):
        for attribute in theirs.attribute:
            wanted = helper.get_attribute_value(attribute)
            got = ours.attributes[attribute.name]
            if isinstance(wanted, bytes):
                assert got == wanted.decode()
            elif wanted and isinstance(wanted[0], bytes):
                assert got == tuple(w.decode() for w in wanted)
            else:
                np.testing.assert_array_equal(got, wanted)
    for kind in (np.float32, np.float64, np.float16, np.int64, np.int8, np.uint8, np.bool_):
        values = np.array([[0, 1, 1], [1, 0, 1]]).astype(kind)
        for tensor in (
            numpy_helper.from_array(values, "t"),
            helper.make_tensor(
                "t", helper.np_dtype_to_tensor_dtype(values.dtype), [2, 3], values.ravel().tolist()
            ),
        ):
            graph = helper.make_graph([], "g", [], [], [tensor])
            (read,) = read_onnx(helper.make_model(graph).SerializeToString()).tensors
            assert read.values is not None
            np.testing.assert_array_equal(read.values, values)
            assert read.values.dtype == kind


def test_a_rows_answer_does_not_hang_on_the_rows_beside_it(tmp_path: Path) -> None:
    """Sums of many trees come in one order, to the last bit, alone and among a thousand."""
    dataset = table(1_000)
    estimator = RandomForestClassifier(100, random_state=0)
    estimator.fit(numbers(dataset), dataset.table["y"].to_pylist())
    path = tmp_path / "model.onnx"
    path.write_bytes(skl2onnx.to_onnx(estimator, numbers(dataset)[:1]).SerializeToString())
    model: Any = open_model(path, target="y").model
    inputs, _ = model.read(dataset)
    whole = model.predict_proba(inputs)
    for count in (1, 7, 60):
        np.testing.assert_array_equal(model.predict_proba(inputs[:count]), whole[:count])
