"""If this fails, an image counts for more than one, or a model learns from what it must not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from strongroom.config import ImageSpec, PrivacySpec, TrainSpec
from strongroom.data import Dataset, Kind, Role, raw, read_dataset
from strongroom.errors import DataError, InputError
from strongroom.models import CentredLinear, ImageShape
from strongroom.privacy import ClippedGradient, MemoryLedger, SecretStream, Unit
from strongroom.train import train_model
from strongroom.train._image import Centre, Kept, Views, initialise_image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

DIGITS = read_dataset(Path(__file__).parents[1] / "data" / "mnist_digits" / "digits.npz")
SCATTERING = TrainSpec(
    model="scattering",
    epochs=30,
    batch_size=100,
    optimizer="momentum",
    learning_rate=4.0,
    privacy=PrivacySpec(epsilon=8.0, delta=1e-4, clip_norm=0.1),
)
CNN = TrainSpec(
    model="cnn",
    epochs=12,
    batch_size=40,
    optimizer="momentum",
    learning_rate=0.3,
    average=False,
    privacy=PrivacySpec(epsilon=8.0, delta=1e-3),
)
WIDE = ImageShape("scattering", 28, 28, 1)


def parts(classes: int = 10) -> tuple[Dataset, Dataset]:
    """Return rows to train and to test on, three to one."""
    table = DIGITS.table.filter(pa.array(np.array(DIGITS.table["label"].to_pylist()) < classes))
    digits = DIGITS.with_table(table).with_roles({"label": Role.TARGET})
    held = np.arange(table.num_rows) % 4 == 0
    return (
        digits.with_table(table.filter(pa.array(~held))),
        digits.with_table(table.filter(pa.array(held))),
    )


def test_scattering_learns_digits_privately() -> None:
    train, test = parts()
    seeded = SCATTERING.model_copy(update={"seed": 1})
    result = train_model(train, seeded, test=test, rows=300)
    assert result.metrics["test"]["accuracy"] > 0.6  # by chance 0.1
    assert result.privacy is not None
    assert result.privacy.epsilon <= 8.0
    kinds = [event["type"] for event in result.privacy.events]
    assert kinds == ["gaussian", "poisson_gaussian"]  # the mean, then the steps
    assert any("mean of all features" in text for text in result.privacy.covered)


def test_the_mean_is_paid_for() -> None:
    train, _ = parts()
    ledger = MemoryLedger()
    train_model(train, SCATTERING, rows=300, ledger=ledger, account="digits")
    (entry,) = ledger.entries("digits")
    assert [event["type"] for event in entry.spend.events] == ["gaussian", "poisson_gaussian"]
    without = SCATTERING.model_copy(update={"image": ImageSpec(centre=0)})
    result = train_model(train, without, rows=300)
    assert result.privacy is not None
    assert [event["type"] for event in result.privacy.events] == ["poisson_gaussian"]
    assert not result.model.tensors()["centre"].any()


@pytest.mark.parametrize("views", [1, 3])
def test_one_image_moves_the_mean_no_further_than_its_noise_is_made_for(views: int) -> None:
    coins = np.random.default_rng(0)
    features = (100 * coins.normal(size=(6, views, 3969))).astype(np.float16)
    inputs = features[:, 0] if views == 1 else features

    def total(rows: NDArray[Any]) -> NDArray[np.float64]:
        network = CentredLinear(3969, 2)
        Centre(8.0, WIDE)(network, rows, None, 1)
        return network.centre.double().numpy()

    for i in range(6):
        moved = np.linalg.norm(total(inputs) - total(np.delete(inputs, i, axis=0)))
        assert moved <= 3969**0.5 * (1 + 1e-6)


def test_the_noise_on_the_mean_is_what_was_promised() -> None:
    network = CentredLinear(3969, 2)
    Centre(8.0, WIDE)(network, np.zeros((5, 3969), np.float16), SecretStream(b"s" * 32), 1000)
    expected = 8.0 * 3969**0.5 / 1000
    # 3,969 draws: their deviation is off by more than 5 % once in 10^5 runs. The seed is fixed.
    assert float(network.centre.std()) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("model", ["scattering", "cnn"])
def test_views_of_an_image_together_are_clipped_as_one(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, _ = parts(3)
    seen: list[tuple[int, int]] = []
    call = ClippedGradient.__call__

    def watched(engine: Any, inputs: Any, targets: Any, loss: Any, into: Any = None) -> Any:  # noqa: ANN401
        found = call(engine, inputs, targets, loss, into)
        seen.append((len(inputs[0]), len(found.norms)))
        return found

    monkeypatch.setattr(ClippedGradient, "__call__", watched)
    spec = (SCATTERING if model == "scattering" else CNN).model_copy(
        update={"epochs": 2.0, "image": ImageSpec(augment=3)}
    )
    result = train_model(train, spec, rows=90)
    assert seen
    assert all(rows == 3 * units for rows, units in seen)
    assert result.privacy is not None
    assert any("3 views of each image count as one" in text for text in result.privacy.covered)
    assert result.metrics["train"]["rows"] == train.rows


def test_a_convolutional_network_learns_privately_and_without() -> None:
    train, test = parts(3)
    for spec in (CNN, CNN.model_copy(update={"privacy": None, "learning_rate": 0.05})):
        seeded = spec.model_copy(update={"seed": 1})
        found = train_model(train, seeded, test=test, rows=90).metrics["test"]["accuracy"]
        assert found > 0.5, spec.privacy  # by chance 0.33


def test_views_are_the_image_then_moves_of_it() -> None:
    rows = np.random.default_rng(0).integers(0, 256, (4, 3, 9, 11), dtype=np.uint8)
    views = Views(5, 2, flip=True)
    stream = SecretStream(b"v" * 32)
    found = views(rows, stream, 3, 0).reshape(4, 5, 3, 9, 11)
    np.testing.assert_array_equal(found[:, 0], rows)
    possible = {
        np.roll(np.pad(image, ((0, 0), (2, 2), (2, 2)), mode="edge"), (y, x), (1, 2))[
            :, 2:-2, 2:-2
        ].tobytes()
        for row in rows
        for image in (row, row[:, :, ::-1])
        for y in range(-2, 3)
        for x in range(-2, 3)
    }
    assert all(view.tobytes() in possible for view in found.reshape(-1, 3, 9, 11))
    np.testing.assert_array_equal(views(rows, stream, 3, 0).ravel(), found.ravel())
    assert (views(rows, stream, 4, 0).reshape(found.shape) != found).any()
    assert (views(rows, stream, 3, 4).reshape(found.shape) != found).any()


def test_kept_views_stand_together() -> None:
    rows = np.arange(12).reshape(2, 3, 2)
    assert Kept(3)(rows, SecretStream(b"k" * 32), 0, 0)[:, 0].tolist() == [0, 2, 4, 6, 8, 10]


def test_the_first_predictions_are_even() -> None:
    network = ImageShape("cnn", 28, 28, 1).network(4)
    initialise_image(network, SecretStream(b"i" * 32))
    found = network(torch.zeros(2, 1, 28, 28, dtype=torch.uint8))
    assert not found.any()
    weights = [v for k, v in network.state_dict().items() if v.ndim == 4]
    assert all(bool(w.any()) for w in weights)


def test_sizes_that_differ_need_a_declaration() -> None:
    images = [raw(np.full((20 + i % 2, 24), 9 * i, np.uint8)) for i in range(20)]
    table = pa.table({"scan": images, "who": [f"p{i // 2}" for i in range(20)], "y": [0, 1] * 10})
    scans = Dataset(table, Kind.IMAGE, {"y": Role.TARGET}, "who", "scans")
    spec = SCATTERING.model_copy(update={"epochs": 1.0})
    with pytest.raises(DataError, match="2 different sizes") as caught:
        train_model(scans, spec)
    assert "[train.image]" in (caught.value.hint or "")
    declared = ImageSpec(height=16, width=20, colours=1)
    result = train_model(scans, spec.model_copy(update={"image": declared}), rows=10)
    assert result.privacy is not None
    assert result.privacy.unit is Unit.SUBJECT
    assert result.skipped == {"who": "says which person a row belongs to"}
    assert not any("size and colours" in text for text in result.privacy.not_covered)


@pytest.mark.parametrize(
    ("image", "what"),
    [
        ({"column": "label"}, "role target"),
        ({"column": "nothing"}, "no column"),
        ({"groups": 5}, "can't be parted"),
        ({"augment": 64, "height": 512, "width": 512}, "64 views of each image take"),
        ({"height": 8, "width": 8, "scales": 3}, "too small"),
    ],
)
def test_what_can_not_be_is_refused_before_anything_is_spent(
    image: Mapping[str, Any], what: str
) -> None:
    train, _ = parts(3)
    ledger = MemoryLedger()
    spec = SCATTERING.model_copy(update={"image": ImageSpec(**image)})
    with pytest.raises(InputError, match=what):
        train_model(train, spec, ledger=ledger, account="digits")
    assert not ledger.entries("digits")


def test_a_table_without_images_says_what_one_looks_like() -> None:
    table = Dataset(pa.table({"x": [1, 2], "y": [0, 1]}), roles={"y": Role.TARGET})
    with pytest.raises(DataError, match="no column holds images") as caught:
        train_model(table, SCATTERING)
    assert "folder" in (caught.value.hint or "")


class Plug:
    """A `Checkpointer` that keeps everything, and a `Progress` that pulls the plug at a step."""

    def __init__(self, at: int) -> None:
        self._at = at
        self.kept: tuple[dict[str, NDArray[Any]], int] | None = None

    def save(self, state: Mapping[str, NDArray[Any]], step: int) -> None:
        self.kept = ({k: v.copy() for k, v in state.items()}, step)

    def load(self) -> tuple[dict[str, NDArray[Any]], int] | None:
        return self.kept

    def clear(self) -> None:
        self.kept = None

    def step(self, done: float, total: float, note: str = "") -> None:
        del total, note
        if done == self._at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("model", ["scattering", "cnn"])
def test_a_run_that_was_killed_ends_in_the_same_bits(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("strongroom.train._loop.CHECKPOINT_SECONDS", 0.0)
    train, _ = parts(3)
    spec = (SCATTERING if model == "scattering" else CNN).model_copy(
        update={"epochs": 3.0, "batch_size": 40, "seed": 5, "image": ImageSpec(augment=2)}
    )
    whole = train_model(train, spec, rows=90)
    plug = Plug(4)
    with pytest.raises(KeyboardInterrupt):
        train_model(train, spec, rows=90, checkpointer=plug, progress=plug)
    assert plug.kept is not None
    again = train_model(train, spec, rows=90, checkpointer=plug)
    assert again.model.digest() == whole.model.digest()
