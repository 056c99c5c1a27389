"""If this fails, opening a model runs somebody's code, or a file is audited as what it isn't."""

from __future__ import annotations

import json
import pickle
import zipfile
from importlib.metadata import EntryPoint, EntryPoints
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from tests.models.conformance import check_model

from strongroom.attacks import NotEvaluable, Rows
from strongroom.attacks.membership import loss_threshold
from strongroom.data import Dataset, read_dataset, write_table
from strongroom.errors import DataError, InputError
from strongroom.models import open_model
from strongroom.models.foreign import (
    CallableModel,
    adapter_names,
    load_adapter,
    split_members,
)
from strongroom.models.foreign._open import BUILTIN
from strongroom.vault import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from strongroom.models.foreign import Options, Reference

ROWS = 80


def table(count: int = ROWS, seed: int = 0, names: tuple[str, ...] = ("no", "yes")) -> Dataset:
    coins = np.random.default_rng(seed)
    columns: dict[str, Any] = {n: coins.normal(size=count).round(3) for n in ("a", "b")}
    labels = np.array(names)[(columns["a"] + columns["b"] > 0).astype(int)]
    labels[::7] = coins.choice(list(names), len(labels[::7]))
    return Dataset(pa.table({**columns, "y": labels}))


def numbers(dataset: Dataset) -> np.ndarray:
    return np.stack([dataset.table[c].to_numpy() for c in ("a", "b")], axis=1)


class Boom:
    """Runs when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("code of a file was run",))


def _pickles(folder: Path) -> list[Path]:
    estimator = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    (folder / "a.pkl").write_bytes(pickle.dumps(Boom()))
    (folder / "no_ending").write_bytes(pickle.dumps(Boom()))
    (folder / "named.onnx").write_bytes(pickle.dumps(Boom()))
    (folder / "named.csv").write_bytes(pickle.dumps(Boom()))
    joblib.dump(estimator, folder / "b.joblib")
    joblib.dump(estimator, folder / "packed.joblib", compress=3)
    torch.save({"w": torch.zeros(2)}, folder / "c.pt")
    torch.save(torch.nn.Linear(2, 2), folder / "d.pth")
    torch.save({"w": torch.zeros(2)}, folder / "old.pt", _use_new_zipfile_serialization=False)
    return sorted(folder.iterdir())


def test_pickles_are_refused_unread(tmp_path: Path) -> None:
    for path in _pickles(tmp_path):
        with pytest.raises(InputError) as caught:
            open_model(path)
        said = str(caught.value)
        assert "never read" in said, path.name
        assert "inspection: " in said
        assert caught.value.hint
        assert ("convert" in caught.value.hint) or ("safetensors" in caught.value.hint)


def test_what_torch_exports_or_scripts_is_refused(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(2, 2))
    program = torch.export.export(module, (torch.zeros(3, 2),))
    torch.export.save(program, tmp_path / "m.pt2")
    with pytest.raises(InputError, match=r"\.pt2|never read") as caught:
        open_model(tmp_path / "m.pt2")
    assert "ONNX" in str(caught.value.hint) or "onnx" in str(caught.value.hint)
    scripted = torch.jit.trace(module, torch.zeros(3, 2))  # type: ignore[no-untyped-call]
    scripted.save(str(tmp_path / "s.pt"))
    with pytest.raises(InputError, match="TorchScript, which is code"):
        open_model(tmp_path / "s.pt")


def test_a_hugging_face_folder_of_pickles_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    config = {"model_type": "bert", "architectures": ["BertForSequenceClassification"]}
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    (tmp_path / "tokenizer.json").write_text("{}", "utf-8")
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Boom()))
    with pytest.raises(DataError, match=r"weights are in pytorch_model\.bin, which could run code"):
        open_model(tmp_path)


def test_skops_files(tmp_path: Path) -> None:
    skops = pytest.importorskip("skops.io")
    dataset = table()
    estimator = make_pipeline(StandardScaler(), RandomForestClassifier(4, random_state=0))
    estimator.fit(dataset.table.to_pandas()[["a", "b"]], dataset.table["y"].to_pylist())
    path = tmp_path / "model.skops"
    skops.dump(estimator, path)
    opened = open_model(path, target="y")
    assert opened.kind == "skops"
    assert opened.inspection is not None
    assert opened.inspection.verdict is Verdict.SAFE
    check_model(opened.model, dataset, table(9, 1))
    skops.dump(Unknown(), path)
    with pytest.raises(InputError, match=r"1 type that .* not known to be harmless.*Unknown"):
        open_model(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", "{}")
    with pytest.raises(InputError, match="not a skops file"):
        open_model(path)


@pytest.mark.parametrize("encoded", [False, True])
def test_trees_of_skops_that_lead_astray(tmp_path: Path, encoded: bool) -> None:
    skops = pytest.importorskip("skops.io")
    inputs, labels = numbers(table()), table().table["y"].to_pylist()
    tree = DecisionTreeClassifier(random_state=0)
    # Behind an encoding a tree has more columns than the pipeline.
    estimator: Any = make_pipeline(PolynomialFeatures(4), tree) if encoded else tree
    estimator.fit(inputs, labels)
    path = tmp_path / "model.skops"
    skops.dump(estimator, path)
    np.testing.assert_allclose(
        open_model(path).model.predict_proba(inputs), estimator.predict_proba(inputs), atol=1e-6
    )
    state = tree.tree_.__getstate__()
    for field, value in (("left_child", 0), ("right_child", 10_000), ("feature", 99)):
        nodes = state["nodes"].copy()
        nodes[field][1 if nodes["left_child"][1] > 0 else 0] = value
        damaged = tree.tree_.__reduce__()[0](*tree.tree_.__reduce__()[1])
        damaged.__setstate__({**state, "nodes": nodes})
        broken = DecisionTreeClassifier()
        broken.__dict__.update({**tree.__dict__, "tree_": damaged})
        steps: Any = make_pipeline(estimator[0], broken) if encoded else broken
        skops.dump(steps, path)
        with pytest.raises(InputError, match="a tree in the file is damaged"):
            open_model(path)


class Unknown(LogisticRegression):  # type: ignore[misc]
    """A type that nobody vouches for."""


@pytest.mark.parametrize("names", [("no", "yes"), ("n", "o", "p")])
def test_text_files_of_lightgbm(tmp_path: Path, names: tuple[str, ...]) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    dataset = table(names=names[:2])
    if len(names) > 2:
        labels = np.array(names)[np.arange(ROWS) % 3]
        dataset = dataset.with_table(dataset.table.set_column(2, "y", pa.array(labels)))
    frame = dataset.table.to_pandas()[["a", "b"]].rename(columns={"a": "a", "b": "b"})
    estimator = lightgbm.LGBMClassifier(
        n_estimators=7, num_leaves=5, learning_rate=0.3, min_child_samples=4, verbose=-1, n_jobs=1
    )
    estimator.fit(frame, dataset.table["y"].to_pylist())
    path = tmp_path / "model.txt"
    estimator.booster_.save_model(path)
    opened = open_model(path, target="y", classes=names)
    model: Any = opened.model
    assert opened.kind == "lightgbm"
    assert opened.inspection is not None
    assert opened.inspection.verdict is Verdict.SAFE
    check_model(model, dataset, dataset)
    inputs, codes = model.read(dataset)
    np.testing.assert_allclose(
        model.predict_proba(inputs), estimator.predict_proba(frame), atol=1e-6
    )
    again = model.fit(inputs, codes, 0)
    assert again.estimator.current_iteration() == 7
    np.testing.assert_allclose(again.predict_proba(inputs), model.predict_proba(inputs), atol=1e-6)
    path.write_text("tree\nversion=v4\nnonsense\n", "utf-8")
    with pytest.raises(InputError, match="LightGBM model, or a damaged one"):
        open_model(path)


def test_a_regression_of_lightgbm_is_no_classifier(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    estimator = lightgbm.LGBMRegressor(n_estimators=2, verbose=-1, n_jobs=1)
    estimator.fit(numbers(table()), numbers(table())[:, 0])
    estimator.booster_.save_model(tmp_path / "model.txt")
    with pytest.raises(InputError, match="something else than classes"):
        open_model(tmp_path / "model.txt")


@pytest.mark.parametrize("ending", ["json", "ubj"])
@pytest.mark.parametrize("count", [2, 3])
def test_files_of_xgboost(tmp_path: Path, ending: str, count: int) -> None:
    xgboost = pytest.importorskip("xgboost")
    dataset = table()
    codes = np.arange(ROWS) % count
    dataset = dataset.with_table(dataset.table.set_column(2, "y", pa.array(codes)))
    estimator = xgboost.XGBClassifier(n_estimators=5, max_depth=3, learning_rate=0.4, n_jobs=1)
    estimator.fit(dataset.table.to_pandas()[["a", "b"]], codes)
    path = tmp_path / f"model.{ending}"
    estimator.save_model(path)
    opened = open_model(path, target="y")
    model: Any = opened.model
    assert opened.kind == "xgboost"
    check_model(model, dataset, dataset)
    inputs, _ = model.read(dataset)
    wanted = estimator.predict_proba(dataset.table.to_pandas()[["a", "b"]])
    np.testing.assert_allclose(model.predict_proba(inputs), wanted, atol=1e-6)
    assert not callable(model.fit), "the file keeps neither learning rate nor any other setting"
    path.write_bytes(b'{"learner": {}}' if ending == "json" else b"{L\0\0\0\0\0\0\0\7learner{}")
    with pytest.raises(InputError):
        open_model(path)


def _predictions(count: int = 40, seed: int = 0) -> Dataset:
    coins = np.random.default_rng(seed)
    chance = coins.random(count).round(4)
    labels = np.where(coins.random(count) < chance, "yes", "no")
    return Dataset(pa.table({"p_no": 1 - chance, "p_yes": chance, "label": labels}))


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_probabilities_alone(tmp_path: Path, form: str) -> None:
    dataset = _predictions()
    path = tmp_path / f"members.{form}"
    if form == "parquet":
        pq.write_table(dataset.table, path)
    else:
        write_table(dataset.table, path)
    opened = open_model(path)
    model: Any = opened.model
    assert opened.kind == "predictions"
    inside, labels = opened.read(read_dataset(path))
    outside, others = opened.read(_predictions(30, 1))
    assert model.classes == ("no", "yes")
    both = np.concatenate([inside, outside])
    wanted = np.concatenate([d.table["p_yes"].to_numpy() for d in (dataset, _predictions(30, 1))])
    np.testing.assert_allclose(model.predict_proba(both)[:, 1], wanted, atol=1e-6)
    assert model.fixed
    order = np.argsort(both[:, 0])
    among = np.flatnonzero(order < len(inside))  # names say nothing of who is a member
    assert len(np.unique(both)) == len(both)
    assert 0.3 < among.mean() / len(both) < 0.7
    assert not callable(getattr(model, "fit", None))
    with pytest.raises(InputError, match="no other row can be asked about"):
        model.predict_proba(np.array([[70]]))
    with pytest.raises(InputError, match="no other row can be asked about"):
        model.predict_proba(np.array([[0.5]]))
    result = loss_threshold(model, Rows(inside, labels), Rows(outside, others))
    assert not isinstance(result, NotEvaluable)


def test_the_probability_of_the_true_class_alone() -> None:
    chance = np.array([0.9, 0.2, 0.7])
    dataset = Dataset(pa.table({"p_true": chance, "label": ["a", "b", "c"]}))
    from strongroom.models.foreign import Predictions

    made = Predictions()
    inputs, labels = made.read(dataset)
    np.testing.assert_allclose(made.predict_proba(inputs)[range(3), labels], chance, atol=1e-6)
    assert made.own_only


def test_members_and_others_in_one_file() -> None:
    whole = _predictions()
    flags = pa.array([i < 25 for i in range(40)])
    both = split_members(whole.with_table(whole.table.append_column("member", flags)))
    assert both is not None
    assert [d.rows for d in both] == [25, 15]
    assert "member" not in both[0].columns
    assert split_members(whole) is None
    same = whole.with_table(whole.table.append_column("member", pa.array(["yes"] * 40)))
    with pytest.raises(DataError, match="says the same of every row"):
        split_members(same)
    strange = whole.with_table(whole.table.append_column("member", pa.array(["maybe"] * 40)))
    with pytest.raises(DataError, match="neither yes nor no in row 0"):
        split_members(strange)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"p_no": [0.5], "p_yes": [0.9], "label": ["no"]}, "don't sum to 1"),
        ({"p_no": [-0.5], "p_yes": [1.5], "label": ["no"]}, "no probability between 0 and 1"),
        (
            {"p_no": [None, 0.5], "p_yes": [0.5, 0.5], "label": ["no", "yes"]},
            "no probability between 0 and 1",
        ),
        ({"p_no": [0.5], "p_yes": [0.5]}, "which column does the model predict"),
        ({"p_no": [1.0], "label": ["no"]}, "no probabilities per class"),
        ({"p_no": [0.5], "p_yes": [0.5], "label": ["maybe"]}, "a label that the model never saw"),
    ],
)
def test_tables_that_hold_no_predictions(columns: dict[str, list[Any]], said: str) -> None:
    from strongroom.models.foreign import Predictions

    with pytest.raises(DataError, match=said):
        Predictions().read(Dataset(pa.table(columns)))


def test_a_released_folder_is_known(tmp_path: Path) -> None:
    from strongroom.models import TableEncoder, TableModel
    from strongroom.vault import SigningKey, write_bundle

    dataset = table()
    encoder = TableEncoder.from_specs(dataset.table.schema, ["a", "b"])
    model = TableModel(encoder, (), ("no", "yes"), target="y")
    write_bundle(
        tmp_path / "m", model.tensors(), model.meta(), "card", SigningKey(bytes(range(32)))
    )
    opened = open_model(tmp_path / "m")
    assert opened.kind == "strongroom"
    check_model(opened.model, dataset, dataset)


def test_functions() -> None:
    dataset = table()

    def ask(inputs: np.ndarray) -> np.ndarray:
        chance = 1 / (1 + np.exp(-inputs.sum(axis=1)))
        return np.stack([1 - chance, chance], axis=1)

    def learn(inputs: np.ndarray, labels: np.ndarray, seed: int) -> Any:  # noqa: ANN401
        return RandomForestClassifier(3, random_state=seed).fit(inputs, labels).predict_proba

    check_model(open_model(ask, classes=["no", "yes"], target="y").model, dataset, table(9, 1))
    check_model(CallableModel(ask, ["no", "yes"], fit=learn, target="y"), dataset, table(9, 1))
    labels: Any = open_model(
        lambda x: (x.sum(axis=1) > 0).astype(int), classes=["no", "yes"], target="y"
    ).model
    check_model(labels, dataset, dataset)
    assert not labels.soft
    with pytest.raises(InputError, match="doesn't say which classes"):
        open_model(ask)
    wrong = open_model(lambda x: x[:, :1], classes=["no", "yes"], target="y")
    with pytest.raises(DataError, match=r"answers \[2, 1\] to 2 rows"):
        wrong.read(dataset)
    with pytest.raises(DataError, match="doesn't sum to 1"):
        open_model(lambda x: np.ones((len(x), 2)), classes=[0, 1], target="y").read(
            table(names=("0", "1"))
        )
    with pytest.raises(DataError, match="NaN or infinite"):
        open_model(lambda x: np.full((len(x), 2), np.nan), classes=[0, 1], target="y").read(
            table(names=("0", "1"))
        )


class Coin:
    """A stranger's adapter: half and half."""

    name = "coin"

    def recognises(self, reference: Reference) -> bool:
        return reference.suffix == ".coin"

    def open(self, reference: Reference, options: Options) -> Any:  # noqa: ANN401
        del reference
        return CallableModel(
            lambda x: np.full((len(x), 2), 0.5), ["no", "yes"], target=options.target
        )


def test_a_stranger_adds_a_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("coin", f"{__name__}:Coin", "strongroom.models")
    monkeypatch.setattr(
        "strongroom.models.foreign._open.entry_points",
        lambda group: EntryPoints([point] * bool(group)),
    )
    assert adapter_names()[-1] == "coin"
    path = tmp_path / "a.coin"
    path.write_text("heads", "utf-8")
    opened = open_model(path, target="y")
    assert opened.kind == "coin"
    check_model(opened.model, table(), table(9, 1))


def test_every_adapter_has_its_name_and_knows_nothing_of_nothing() -> None:
    from strongroom.models.foreign import Reference

    for name in BUILTIN:
        adapter = load_adapter(name)
        assert adapter.name == name
        assert not adapter.recognises(Reference())
    with pytest.raises(KeyError):
        load_adapter("nothing")


@pytest.mark.parametrize("given", ["no/such/file", "", "a\0b", "~"])
def test_what_is_not_there(given: str) -> None:
    with pytest.raises(InputError):
        open_model(given)


def test_files_of_no_kind(tmp_path: Path) -> None:
    for name, content in (("a.bin", b"\1\2\3"), ("b", b""), ("c.json", b"{}"), ("d.h5", b"x")):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError):
            open_model(path)
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(InputError, match="no adapter knows this kind of model"):
        open_model(folder)
