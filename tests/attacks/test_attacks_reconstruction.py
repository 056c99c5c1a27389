"""If this fails, an audit says that updates and models give no row away when they do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from strongroom.attacks import Measured, NotEvaluable, Rows, Situation, Value, load_attack
from strongroom.attacks._likeness import psnr, ssim
from strongroom.attacks.reconstruction import (
    Columns,
    GradientInversion,
    LinearModel,
    LinearReconstruction,
    Protection,
    first_linear,
    gradients_of_update,
    invert_gradients,
    labels_of,
    missing_rows,
    send_update,
    several_rows,
    token_recall,
    tokens_of,
)
from strongroom.config import TrainSpec
from strongroom.errors import InputError
from strongroom.models import ImageModel, ImageShape, TableEncoder, TextModel, TextShape
from strongroom.privacy import PrivacyStatement, Relation, Unit

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tests.attacks.conftest import MakeTable

DIGITS = Path(__file__).parents[1] / "data" / "mnist_digits" / "digits.npz"
MLP = TrainSpec(model="mlp", hidden=(64,), epochs=10, batch_size=64, learning_rate=0.003)


def digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    with np.load(DIGITS) as found:
        return found["x"][:, None].astype(np.float32), found["y"].astype(np.int64)


def private(noise: float, clip: float = 1.0) -> PrivacyStatement:
    return PrivacyStatement(
        unit=Unit.EXAMPLE,
        relation=Relation.ADD_OR_REMOVE_ONE,
        epsilon=8.0,
        delta=1e-5,
        accountant="pld",
        sampling="poisson",
        sampling_rate=0.1,
        noise_multiplier=noise,
        clip_norm=clip,
        steps=100,
        noise_source="test",
        events=(),
    )


def mlp(seed: int = 0, hidden: int = 64) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, hidden), nn.ReLU(), nn.Linear(hidden, 10))


def patients(count: int, seed: int) -> pa.Table:
    coins = np.random.default_rng(seed)
    return pa.table(
        {
            "age": coins.integers(18, 90, count),
            "stay": coins.integers(0, 30, count),
            "ward": coins.choice(["north", "south", "east", "west"], count),
            "diagnosis": coins.choice(["a", "b", "c", "d", "e", "f"], count),
        }
    )


def hospital(table_model: MakeTable, spec: TrainSpec = MLP, **more: Any) -> Situation:  # noqa: ANN401
    inside, outside = patients(400, 1), patients(400, 2)
    encoder = TableEncoder.from_specs(inside.schema, inside.column_names)
    labels = (np.asarray(inside["age"]) > 50).astype(np.int64)
    others = (np.asarray(outside["age"]) > 50).astype(np.int64)
    return Situation(
        target=table_model(inside, encoder, labels, spec),
        members=Rows(encoder.encode(inside), labels),
        nonmembers=Rows(encoder.encode(outside), others),
        encoder=encoder,
        **more,
    )


def value(result: Any) -> Value:  # noqa: ANN401 - a result
    assert isinstance(result, Measured)
    (only,) = result.values
    return only


# Single rows


def test_a_row_and_its_label_are_read_off_a_linear_layer() -> None:
    x, y = digits()
    network = mlp()
    for i in range(0, 100, 5):
        update = send_update(network, x[i : i + 1] / 255, y[i : i + 1])
        found = invert_gradients(network, update, (1, 28, 28))
        assert found.way == "linear"
        assert psnr(found.inputs, x[i : i + 1] / 255, 1.0)[0] > 60
        assert found.labels is not None
        assert found.labels.tolist() == [y[i]]


def test_constant_scaling_before_the_layer_is_undone() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Hardtanh(-1e9, 1e9), nn.Linear(6, 4))
    layer = first_linear(network, (2, 3))
    assert layer is not None
    assert layer.name == "2"

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(6, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.head(x.flatten(1) / 127.5 - 1)
            return found

    pixels = np.random.default_rng(0).integers(0, 256, (1, 2, 3)).astype(np.float32)
    model = Scaled()
    found = invert_gradients(
        model, send_update(model, pixels, np.array([2])), (2, 3), bounds=(0, 255)
    )
    assert np.allclose(found.inputs, pixels, atol=0.01)


def test_a_network_that_bends_its_input_first_has_no_such_layer() -> None:
    assert first_linear(nn.Sequential(nn.Tanh(), nn.Linear(6, 3)), (6,)) is None
    assert first_linear(nn.Sequential(nn.Embedding(6, 3)), (6,)) is None


def test_weights_that_were_sent_say_the_same() -> None:
    x, y = digits()
    network = mlp()
    before = {n: p.detach().numpy().copy() for n, p in network.named_parameters()}
    update = send_update(network, x[:1] / 255, y[:1])
    after = {n: before[n] - 0.1 * update[n] for n in before}
    found = invert_gradients(network, gradients_of_update(before, after, 0.1), (1, 28, 28))
    assert psnr(found.inputs, x[:1] / 255, 1.0)[0] > 40


# Batches


@pytest.mark.parametrize("batch", [2, 4, 8])
def test_small_batches_are_read_off_a_layer_before_a_relu(batch: int) -> None:
    # SPEAR (Dimitrov et al. 2024) reports exact recovery of nearly all small batches on layers that
    # are wide enough.
    x, y = digits()
    network, coins, right = mlp(hidden=256), np.random.default_rng(0), 0
    for _ in range(10):
        rows = coins.choice(len(x), batch, replace=False)
        update = send_update(network, x[rows] / 255, y[rows])
        found = invert_gradients(network, update, (1, 28, 28), batch=batch)
        for truth in x[rows] / 255:
            each = psnr(found.inputs, np.broadcast_to(truth, found.inputs.shape), 1.0)
            right += bool(each.max(initial=0) > 30)
    assert right >= 0.9 * 10 * batch


def test_batches_without_relu_give_no_rows() -> None:
    coins = np.random.default_rng(0)
    mixed = coins.normal(size=(32, 4)) @ coins.normal(size=(4, 20))
    found = several_rows(mixed, coins.normal(size=32), 4, coins)
    assert len(found) < 4
    assert several_rows(np.zeros((5, 3)), np.zeros(5), 2, coins).shape == (0, 3)


def test_labels_of_a_batch_are_counted() -> None:
    x, y = digits()
    coins, right = np.random.default_rng(0), 0
    for _ in range(20):
        rows = coins.choice(len(x), 8, replace=False)
        found = labels_of(mlp(), send_update(mlp(), x[rows] / 255, y[rows]), 8)
        assert found is not None
        counts = np.bincount(found, minlength=10), np.bincount(y[rows], minlength=10)
        right += int(np.minimum(*counts).sum())
    assert right >= 0.9 * 160


# Searches


def tanh_net() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, padding=2, stride=2), nn.Tanh(), nn.Conv2d(8, 8, 3, padding=1),
        nn.Tanh(), nn.Flatten(), nn.Linear(8 * 64, 10),
    )  # fmt: skip


def small(count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    x, y = digits()
    shrunk = x[:, :, 2:26, 2:26].reshape(-1, 1, 12, 2, 12, 2).mean((3, 5)) / 255
    padded = np.pad(shrunk, ((0, 0), (0, 0), (2, 2), (2, 2)))
    return padded[::37][:count].astype(np.float32), y[::37][:count]


@pytest.mark.parametrize(("distance", "steps"), [("cosine", 150), ("euclidean", 60)])
def test_gradients_are_matched(distance: Any, steps: int) -> None:  # noqa: ANN401 - a name
    x, y = small(2)
    network = tanh_net()
    for i in range(2):
        found = invert_gradients(
            network, send_update(network, x[i : i + 1], y[i : i + 1]), (1, 16, 16),
            way="matching", distance=distance, steps=steps,
        )  # fmt: skip
        assert psnr(found.inputs, x[i : i + 1], 1.0)[0] > 20
        assert found.distance is not None
        assert found.distance < 0.01


def test_features_lead_back_to_the_image() -> None:
    x, y = small(4)
    network = tanh_net()
    for i in range(4):
        found = invert_gradients(
            network, send_update(network, x[i : i + 1], y[i : i + 1]), (1, 16, 16)
        )
        assert found.way == "features"
        assert psnr(found.inputs, x[i : i + 1], 1.0)[0] > 25
        assert ssim(found.inputs, x[i : i + 1], 1.0)[0] > 0.9


def test_what_cannot_be_read_is_refused() -> None:
    x, y = small(1)
    network = tanh_net()
    update = send_update(network, x, y)
    with pytest.raises(InputError, match="no embedding"):
        invert_gradients(network, update, (1, 16, 16), way="tokens")
    with pytest.raises(InputError, match="doesn't begin with a linear layer"):
        invert_gradients(network, update, (1, 16, 16), way="linear")
    with pytest.raises(InputError, match="one row"):
        invert_gradients(network, update, (1, 16, 16), batch=2, way="features")
    with pytest.raises(InputError, match="NaN"):
        invert_gradients(network, {"4.weight": np.array([np.nan])}, (1, 16, 16))
    with pytest.raises(InputError, match="labels"):
        invert_gradients(
            nn.Conv2d(1, 1, 3), {"weight": np.ones((1, 1, 3, 3))}, (1, 9, 9), way="matching"
        )


# Tokens


@pytest.mark.parametrize("kind", ["ngram", "text-classifier"])
def test_tokens_are_read_off_the_embedding(kind: Any) -> None:  # noqa: ANN401 - a kind
    torch.manual_seed(0)
    shape = TextShape(kind, buckets=512, length=16, width=16, layers=1)
    model = TextModel(shape, "text", ("no", "yes"), target="label")
    for parameter in model.network.parameters():
        nn.init.normal_(parameter, std=0.1)
    rows = shape.tokens(["the patient was sent home", "she came back on a cold night in may"])
    found = tokens_of(model.network, send_update(model.network, rows[:1], np.array([1])))
    assert found is not None
    assert token_recall(found.ranked, rows[0]) == 1.0
    both = tokens_of(model.network, send_update(model.network, rows, np.array([1, 0])))
    assert both is not None
    assert token_recall(both.ranked, rows) == 1.0
    assert token_recall(np.arange(400, 512), rows[0]) < 0.5


# The attack


def test_a_server_reads_an_unprotected_mlp(table_model: MakeTable) -> None:
    found = value(GradientInversion().run(hospital(table_model)))
    assert found.value >= 0.8
    assert found.details["baseline"] <= 0.1
    assert found.details["batch_of_8"] > found.details["baseline"]


def test_a_server_reads_nothing_where_owners_clip_and_noise(table_model: MakeTable) -> None:
    # 0.6 is less noise than any recipe of ours has at ε = 8.
    found = value(
        GradientInversion().run(hospital(table_model, statement=private(0.6), effort="quick"))
    )
    assert found.details["unprotected"] >= 0.8
    assert found.value <= found.details["baseline"] + 0.05
    assert found.details["columns_right"] <= found.details["baseline_columns_right"] + 0.1
    assert found.details["batch_of_8"] <= found.details["baseline"] + 0.05


def test_updates_of_other_rows_give_no_member_in_100_repeats(table_model: MakeTable) -> None:
    # What can't leak: each member is held against the update of somebody else.
    situation = hospital(table_model)
    network: Any = situation.target.network  # type: ignore[attr-defined]
    rows, labels = situation.members.inputs, situation.members.labels
    criterion = Columns.of(situation.encoder, rows)
    coins, found = np.random.default_rng(0), 0
    for _ in range(100):
        here, there = coins.choice(len(rows), 2, replace=False)
        update = send_update(network, rows[there][None], labels[there][None])
        guess = invert_gradients(network, update, rows.shape[1:])
        found += int(criterion.enough(criterion.quality(guess.inputs, rows[here][None]))[0])
    assert found <= 2


def test_the_attack_reads_images_and_texts() -> None:
    x, y = digits()
    torch.manual_seed(0)
    model = ImageModel(ImageShape("cnn", 28, 28, 1), "image", tuple("0123456789"))
    for parameter in model.network.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_uniform_(parameter, a=5**0.5)
    pixels = x.astype(np.uint8)
    situation = Situation(
        target=model,
        members=Rows(pixels[::2], y[::2]),
        nonmembers=Rows(pixels[1::2], y[1::2]),
        kind="image",
        effort="quick",
    )
    found = value(GradientInversion().run(situation))
    assert found.details["way"] == "features"
    assert found.value >= 0.8
    assert found.details["ssim"] > 0.6


def test_the_attack_reads_texts() -> None:
    torch.manual_seed(0)
    coins = np.random.default_rng(0)
    words = ["".join(chr(97 + d) for d in coins.integers(0, 26, 6)) for _ in range(400)]
    shape = TextShape("ngram", buckets=4096, length=128)
    model = TextModel(shape, "text", ("no", "yes"), target="label")
    texts = [" ".join(coins.choice(words, 8)) for _ in range(120)]
    # The halves are read apart, each as wide as its longest text.
    inside, outside = shape.tokens(texts[:60]), shape.tokens(texts[60:])
    labels = coins.integers(0, 2, 60)
    base: dict[str, Any] = {
        "target": model,
        "members": Rows(inside, labels),
        "nonmembers": Rows(outside, labels),
    }
    bare = value(GradientInversion().run(Situation(**base, kind="text")))
    assert bare.value >= 0.95
    assert bare.details["baseline"] <= 0.1
    noised = value(GradientInversion().run(Situation(**base, kind="text", statement=private(1.0))))
    assert noised.value <= bare.details["baseline"] + 0.05
    assert noised.details["token_recall"] <= noised.details["baseline_token_recall"] + 0.1


def test_a_frozen_embedding_is_not_evaluable() -> None:
    shape = TextShape("text-classifier", buckets=64, length=8, width=8, layers=1, heads=2)

    class Adapter(TextModel):
        def trainable(self) -> Any:  # noqa: ANN401 - parameters
            head: Any = self.network.head
            return head.parameters()

    rows = Rows(np.ones((30, 8), np.int32), np.zeros(30, np.int64))
    target = Adapter(shape, "text", ("no", "yes"), target="label")
    found = GradientInversion().run(
        Situation(target=target, members=rows, nonmembers=rows, kind="text")
    )
    assert isinstance(found, NotEvaluable)
    assert "embedding" in found.reason


def test_what_is_no_network_is_not_evaluable() -> None:
    rows = Rows(np.ones((30, 8), np.float32), np.zeros(30, np.int64))

    class Table:
        classes = ("no", "yes")

        def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
            return np.full((len(batch), 2), 0.5, np.float32)

    situation = Situation(target=Table(), members=rows, nonmembers=rows)
    for attack in (GradientInversion(), LinearReconstruction()):
        assert isinstance(attack.run(situation), NotEvaluable)
    few = Situation(target=Table(), members=rows.take(np.arange(3)), nonmembers=rows)
    few = Situation(target=_Fitted(None, mlp()), members=few.members, nonmembers=rows, kind="table")
    found = GradientInversion().run(few)
    assert isinstance(found, NotEvaluable)
    assert "3 members" in found.reason


def test_one_output_for_two_classes_is_read_too() -> None:
    torch.manual_seed(0)
    for last in ([], [nn.Sigmoid()]):
        network = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 1), *last)
        coins = np.random.default_rng(0)
        rows = Rows(coins.normal(size=(60, 10)).astype(np.float32), coins.integers(0, 2, 60))
        situation = Situation(
            target=_Fitted(None, network), members=rows, nonmembers=rows, effort="quick"
        )
        assert value(GradientInversion().run(situation)).value >= 0.9


def test_the_same_seed_gives_the_same_numbers(table_model: MakeTable) -> None:
    situation = hospital(table_model, statement=private(1.0), effort="quick")
    assert GradientInversion().run(situation) == GradientInversion().run(situation)


# Linear models


class _Fitted:
    """A target around an estimator or a network."""

    classes = ("no", "yes")

    def __init__(self, estimator: Any, network: Any = None) -> None:  # noqa: ANN401
        if estimator is not None:
            self.estimator = estimator
        if network is not None:
            self.network = network

    def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """See `Model`."""
        found: NDArray[np.float32] = self.estimator.predict_proba(batch).astype(np.float32)
        return found


def numbers(count: int, seed: int, classes: int = 2) -> Rows:
    coins = np.random.default_rng(seed)
    x = coins.normal(size=(count, 12))
    scores = x @ coins.normal(size=(12, classes)) + coins.gumbel(size=(count, classes))
    return Rows(x, scores.argmax(axis=1))


def exact(**more: Any) -> LogisticRegression:  # noqa: ANN401 - settings
    return LogisticRegression(**{"tol": 1e-12, "max_iter": 10_000, **more})


@pytest.mark.parametrize(
    ("classes", "model"),
    [
        (2, exact()),
        (2, exact(C=0.01, solver="newton-cholesky")),
        (2, exact(solver="liblinear")),
        (3, exact(C=10.0)),
        (2, make_pipeline(StandardScaler(), exact())),
    ],
)
def test_who_knows_all_rows_but_one_computes_it(classes: int, model: Any) -> None:  # noqa: ANN401
    rows = numbers(300, 0, classes)
    model.fit(rows.inputs, rows.labels)
    situation = Situation(target=_Fitted(model), members=rows, nonmembers=numbers(300, 1, classes))
    found = value(LinearReconstruction().run(situation))
    assert found.value >= 0.95  # Balle et al.: in closed form, exactly
    assert found.details["labels_right"] == 1.0
    assert found.details["baseline"] == 0.0


def test_a_linear_network_at_its_optimum_gives_rows_away(table_model: MakeTable) -> None:
    spec = TrainSpec(
        model="logistic", epochs=4_000, optimizer="sgd", learning_rate=1.0, weight_decay=0.02,
        average=False,
    )  # fmt: skip
    found = value(LinearReconstruction().run(hospital(table_model, spec, train_spec=spec)))
    assert found.value >= 0.95


def test_a_model_of_other_rows_gives_none_away_in_100_repeats() -> None:
    known = numbers(200, 0)
    criterion = Columns.of(None, known.inputs)
    found = 0
    for seed in range(1, 101):
        others = numbers(200, seed)
        fitted = exact().fit(others.inputs, others.labels)
        model = LinearModel(fitted.coef_, fitted.intercept_, (1.0, 0.0))
        by_weight, by_bias = model.left_over(known.inputs, known.labels)
        own = model.slopes(known.inputs[:1], known.labels[:1])
        row, _ = missing_rows(own[:, :, None] * known.inputs[:1, None] - by_weight, own - by_bias)
        found += int(criterion.enough(criterion.quality(row, known.inputs[:1]))[0])
    assert found <= 1
    situation = Situation(target=_Fitted(fitted), members=known, nonmembers=others)
    result = LinearReconstruction().run(situation)
    assert isinstance(result, NotEvaluable)
    assert "optimum" in result.reason


def test_noise_on_the_parameters_hides_the_row() -> None:
    # Output perturbation (Chaudhuri et al. 2011) with its noise at ε = 8: 2 / (n λ ε).
    rows = numbers(300, 0)
    fitted = exact().fit(rows.inputs, rows.labels)
    coins = np.random.default_rng(0)
    fitted.coef_ = fitted.coef_ + coins.normal(size=fitted.coef_.shape) * 2 / 8
    situation = Situation(
        target=_Fitted(fitted), members=rows, nonmembers=rows, statement=private(1.0)
    )
    assert value(LinearReconstruction().run(situation)).value == 0.0


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"class_weight": "balanced"}, "class weights"),
        ({"fit_intercept": False}, "constant"),
        ({"l1_ratio": 1.0, "solver": "saga", "max_iter": 5}, "L1"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_other_recipes_say_why_not(settings: dict[str, Any], why: str) -> None:
    rows = numbers(60, 0)
    model = exact(**settings).fit(rows.inputs, rows.labels)
    found = LinearReconstruction().run(
        Situation(target=_Fitted(model), members=rows, nonmembers=rows)
    )
    assert isinstance(found, NotEvaluable)
    assert why in found.reason


def test_both_are_registered() -> None:
    assert isinstance(load_attack("reconstruction.gradient"), GradientInversion)
    assert isinstance(load_attack("reconstruction.linear"), LinearReconstruction)


def test_protection_clips_and_noises() -> None:
    network = mlp()
    x, y = digits()
    clean = send_update(network, x[:1], y[:1], protection=Protection(0.5, 0.0))
    size = np.sqrt(sum(float(np.square(g).sum()) for g in clean.values()))
    assert size == pytest.approx(0.5, rel=1e-4)
    coins = np.random.default_rng(0)
    noised = send_update(network, x[:4], y[:4], protection=Protection(0.5, 2.0), coins=coins)
    still = send_update(network, x[:4], y[:4], protection=Protection(0.5, 0.0))
    apart = np.concatenate([(noised[n] - still[n]).ravel() for n in still])
    assert apart.std() == pytest.approx(0.5 * 2 / 4, rel=0.02)
