"""If this fails, a model that was saved is not the model that was trained."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
import torch

import strongroom.models
from strongroom.errors import TamperedError
from strongroom.models import TableEncoder, TableModel, build_network

TABLE = pa.table({"x": [1.0, -5.0, None], "c": ["a", "b", None]})
ENCODER = TableEncoder.from_specs(TABLE.schema, ["x", "c"])


def model(hidden: tuple[int, ...] = (4,), classes: tuple[str, ...] = ("no", "yes")) -> TableModel:
    torch.manual_seed(1)
    return TableModel(ENCODER, hidden, classes, target="y")


@pytest.mark.parametrize("hidden", [(), (4,), (5, 3)])
def test_tensors_and_json_make_the_same_model_again(hidden: tuple[int, ...]) -> None:
    before = model(hidden, ("a", "b", "c"))
    meta = json.loads(json.dumps(before.meta()))
    after = TableModel.from_parts(before.tensors(), meta)
    np.testing.assert_array_equal(after.predict_table(TABLE), before.predict_table(TABLE))
    assert after.digest() == before.digest()
    assert (after.classes, after.target, after.hidden) == (("a", "b", "c"), "y", hidden)


def test_the_digest_sees_every_number() -> None:
    before = model()
    tensors = before.tensors()
    tensors["2.bias"][1] += 1e-3
    assert TableModel.from_parts(tensors, before.meta()).digest() != before.digest()


def test_probabilities_are_the_softmax_of_the_logits() -> None:
    made, batch = model(), ENCODER.encode(TABLE)
    proba, logits = made.predict_proba(batch), made.logits(batch)
    assert proba.dtype == np.float32
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)
    odds = np.log(proba[:, 1] / proba[:, 0])
    np.testing.assert_allclose(odds, logits[:, 1] - logits[:, 0], atol=1e-5)


def test_long_batches_are_cut_and_empty_ones_are_fine() -> None:
    made = model()
    batch = np.tile(ENCODER.encode(TABLE), (6000, 1))
    np.testing.assert_allclose(made.logits(batch)[-3:], made.logits(batch[:3]), rtol=1e-5)
    assert made.predict_proba(batch[:0]).shape == (0, 2)


def test_the_input_gradient_is_the_slope_of_the_loss() -> None:
    made, batch = model(), ENCODER.encode(TABLE)
    labels = np.array([0, 1, 1])

    def loss(rows: np.ndarray) -> np.ndarray:
        picked: np.ndarray = -np.log(made.predict_proba(rows)[np.arange(3), labels])
        return picked

    gradient = made.input_gradient(batch, labels)
    for place in (0, 33, ENCODER.width - 1):
        moved = batch.copy()
        moved[:, place] += 1e-2
        slope = (loss(moved) - loss(batch)) / 1e-2
        np.testing.assert_allclose(slope, gradient[:, place], atol=5e-3)


def test_parts_that_do_not_fit_are_refused() -> None:
    made = model()
    tensors, meta = made.tensors(), made.meta()
    with pytest.raises(TamperedError, match="format"):
        TableModel.from_parts(tensors, {**meta, "format": "other"})
    with pytest.raises(TamperedError, match="do not fit"):
        TableModel.from_parts({**tensors, "extra": tensors["0.bias"]}, meta)
    with pytest.raises(TamperedError, match="do not fit"):
        TableModel.from_parts(tensors, {**meta, "hidden": [5]})
    tensors["0.bias"][0] = np.nan
    with pytest.raises(TamperedError, match="NaN"):
        TableModel.from_parts(tensors, meta)


def test_no_hidden_layer_is_one_linear_layer() -> None:
    assert [type(m).__name__ for m in build_network(3, (), 2)] == ["Linear"]
    assert repr(model((), ("a", "b"))).startswith(f"TableModel({ENCODER.width} → 2")


def test_encoders_and_metrics_come_without_torch() -> None:
    code = (
        "import sys, strongroom.models as m; m.TableEncoder, m.metrics; "
        "assert 'torch' not in sys.modules; m.TableModel; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError):
        strongroom.models.nothing  # noqa: B018 - the access is the test


def test_without_torch_the_message_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from strongroom.errors import MissingExtraError\n"
        "import strongroom.models as m\n"
        "try: m.TableModel\n"
        "except MissingExtraError as error: assert 'strongroom[train]' in str(error)\n"
        "else: raise SystemExit(1)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
