"""If this fails, a network is audited in training mode, or its logits are taken for probabilities.

Or the audit ends where memory does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
import safetensors.torch
import torch
from tests.models.conformance import check_model
from torch import nn

from strongroom.data import Dataset, Kind, raw
from strongroom.errors import DataError, InputError
from strongroom.models import open_model
from strongroom.models.foreign import TorchModel

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def table(count: int = 24, seed: int = 0, classes: int = 2) -> Dataset:
    coins = np.random.default_rng(seed)
    columns = {name: coins.normal(size=count) for name in ("a", "b", "c")}
    return Dataset(pa.table({**columns, "y": coins.integers(0, classes, count)}))


def net(outputs: int = 2, *last: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, outputs), *last)


@pytest.mark.parametrize(
    ("module", "classes"),
    [
        (net(2), 2),
        (net(4), 4),
        (net(3, nn.Softmax(dim=1)), 3),
        (net(3, nn.LogSoftmax(dim=1)), 3),
        (net(1), 2),
        (net(1, nn.Sigmoid()), 2),
        (net(1, nn.Sigmoid(), nn.Flatten(0)), 2),
        (net(2).double(), 2),
        (net(2).bfloat16(), 2),
    ],
    ids=range(9),
)
def test_tables(module: nn.Module, classes: int) -> None:
    model: Any = open_model(module, target="y").model
    assert len(model.classes) == classes
    check_model(model, table(classes=classes), table(9, 1, classes))
    inputs, _ = model.read(table(classes=classes))
    kind = next(module.parameters()).dtype
    found = module(torch.from_numpy(inputs).to(kind)).detach().float()
    if isinstance(list(module.children())[-1], nn.Softmax):
        wanted = found
    elif classes == 2 and found.numel() == len(inputs):
        last = found.flatten() if "Sigmoid" in str(module) else found.flatten().sigmoid()
        wanted = torch.stack([1 - last, last], dim=1)
    else:
        wanted = found.softmax(dim=1)
    np.testing.assert_allclose(model.predict_proba(inputs), wanted.numpy(), atol=1e-6)


def test_probabilities_are_told_by_their_sums() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = net(3)

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"logits": self.inner(x).softmax(dim=1)}

    model: Any = open_model(Own(), target="y").model
    inputs, _ = model.read(table(classes=3))
    wanted = Own().inner(torch.from_numpy(inputs)).softmax(dim=1).detach().numpy()
    np.testing.assert_allclose(model.predict_proba(inputs), wanted, atol=1e-6)
    assert model.describe()["answers"] == "probabilities"


def test_the_gradient_is_that_of_each_rows_own_loss() -> None:
    model: Any = open_model(net(3).double(), target="y").model
    inputs, labels = model.read(table(classes=3))
    found = model.input_gradient(inputs[:4], labels[:4])
    step = 1e-5
    for row in range(4):
        for column in range(3):
            moved = np.repeat(inputs[row : row + 1], 2, 0).astype(np.float64)
            moved[:, column] += [-step, step]
            losses = nn.functional.cross_entropy(
                model.network(torch.from_numpy(moved)),
                torch.full((2,), int(labels[row])),
                reduction="none",
            )
            slope = float(losses[1] - losses[0]) / (2 * step)
            assert found[row, column] == pytest.approx(slope, abs=1e-5)


def test_dropout_is_at_rest() -> None:
    module = nn.Sequential(nn.Linear(3, 64), nn.Dropout(0.9), nn.Linear(64, 2)).train()
    model: Any = open_model(module, target="y").model
    inputs, _ = model.read(table())
    np.testing.assert_array_equal(model.predict_proba(inputs), model.predict_proba(inputs))
    assert not module.training


class Small(nn.Module):
    """Has memory for so many rows at a time."""

    def __init__(self, rows: int, error: type[Exception]) -> None:
        super().__init__()
        self.inner, self.rows, self.error = net(2), rows, error
        self.seen: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > self.rows:
            raise self.error("DefaultCPUAllocator: can't allocate memory: you tried 9 TB")
        self.seen.append(len(x))
        out: torch.Tensor = self.inner(x)
        return out


@pytest.mark.parametrize("error", [RuntimeError, torch.OutOfMemoryError, MemoryError])
def test_batches_become_smaller_where_memory_ends(error: type[Exception]) -> None:
    module = Small(5, error)
    model: Any = open_model(module, target="y").model
    inputs, labels = model.read(table())
    np.testing.assert_allclose(
        model.predict_proba(inputs),
        module.inner(torch.from_numpy(inputs)).softmax(dim=1).detach().numpy(),
        atol=1e-6,
    )
    assert max(module.seen) <= 5
    assert model.input_gradient(inputs, labels).shape == inputs.shape
    module.rows = 0
    with pytest.raises(InputError, match="too little memory for a single row"):
        model.predict_proba(inputs)


def test_errors_that_are_not_of_memory_are_said_at_once() -> None:
    module = Small(0, RuntimeError)
    module.forward = lambda _x: (_ for _ in ()).throw(RuntimeError("shape"))  # type: ignore[assignment, method-assign]
    with pytest.raises(DataError, match=r"cannot read these rows \(RuntimeError"):
        open_model(module, target="y").read(table())


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_images(layout: str) -> None:
    coins = np.random.default_rng(0)
    pixels = coins.integers(0, 256, (10, 6, 5, 3), np.uint8)
    dataset = Dataset(
        pa.table({"image": [raw(p) for p in pixels], "y": [0, 1] * 5}), kind=Kind.IMAGE
    )
    module = nn.Sequential(nn.Flatten(), nn.Linear(90, 2))
    about = {"layout": layout, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.2]}
    model: Any = open_model(module, target="y", mapping={"input": about}).model
    inputs, _ = model.read(dataset)
    wanted = (pixels / 255 - [0.5, 0.4, 0.3]) / 0.2
    if layout == "nchw":
        wanted = wanted.transpose(0, 3, 1, 2)
    np.testing.assert_allclose(inputs, wanted, atol=1e-5)
    check_model(model, dataset, dataset)


def test_what_the_mapping_says_of_inputs_is_checked() -> None:
    with pytest.raises(InputError, match='unknown key "layuot"'):
        open_model(net(), mapping={"input": {"layuot": "nchw"}})
    with pytest.raises(InputError, match="no layout of images"):
        open_model(net(), mapping={"input": {"layout": "cnhw"}})


def test_classes_are_given_where_they_cannot_be_told() -> None:
    class Bare(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[:, :2]

    with pytest.raises(InputError, match="can't be told how many classes"):
        open_model(Bare())
    model: Any = open_model(Bare(), classes=["no", "yes"], target="y").model
    with pytest.raises(DataError, match="a label that the model never saw"):
        model.read(table())


def test_a_recipe_that_python_gives() -> None:
    def learn(inputs: NDArray[Any], labels: NDArray[Any], seed: int) -> nn.Module:
        torch.manual_seed(seed)
        module = nn.Linear(3, 2)
        way = torch.optim.SGD(module.parameters(), 0.5)
        for _ in range(30):
            way.zero_grad()
            x = torch.from_numpy(np.asarray(inputs, np.float32))
            loss = nn.functional.cross_entropy(module(x), torch.from_numpy(labels))
            loss.backward()  # type: ignore[no-untyped-call]
            way.step()
        return module

    model = TorchModel(net(), target="y", fit=learn)
    check_model(model, table(), table(9, 1))
    assert open_model(model).model is model


def build() -> nn.Module:
    """Give what weights of a file are put into."""
    return net(2)


def test_a_function_builds_and_a_file_holds_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = net(2)
    with torch.no_grad():
        trained.get_parameter("0.bias").add_(1)
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(trained.state_dict(), path)
    (tmp_path / "ours_for_a_test.py").write_text(
        "from tests.models.test_models_foreign_torch import build, net\n"
        "def broken():\n    raise ValueError('secret value')\n",
        "utf-8",
    )
    monkeypatch.chdir(tmp_path)
    opened = open_model("ours_for_a_test:build", target="y", weights=path)
    model: Any = opened.model
    inputs, _ = model.read(table())
    wanted = trained(torch.from_numpy(inputs)).softmax(dim=1).detach().numpy()
    np.testing.assert_allclose(model.predict_proba(inputs), wanted, atol=1e-6)
    safetensors.torch.save_file(net(3).state_dict(), path)
    with pytest.raises(InputError, match="0 are missing, 0 have no place, 2 have another shape"):
        open_model("ours_for_a_test:build", weights=path)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="not a safetensors file"):
        open_model("ours_for_a_test:build", weights=path)
    with pytest.raises(InputError, match="has no bild"):
        open_model("ours_for_a_test:bild")
    with pytest.raises(InputError, match="ValueError in the function itself") as caught:
        open_model("ours_for_a_test:broken")
    assert "secret" not in str(caught.value)
    with pytest.raises(InputError, match="doesn't say of which network"):
        open_model(path)
