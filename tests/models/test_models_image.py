"""If this fails, a model of images can't be made again, or reads other images than shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from strongroom.data import Dataset, Kind, Role, raw, read_dataset
from strongroom.errors import DataError, InputError, TamperedError
from strongroom.models import ImageModel, ImageShape, model_from_parts

DIGITS = read_dataset(Path(__file__).parents[1] / "data" / "mnist_digits" / "digits.npz")
CLASSES = tuple("0123456789")
SHAPES = [
    ImageShape("scattering", 28, 28, 1),
    ImageShape("cnn", 28, 28, 1),
    ImageShape("cnn", 64, 50, 3),
    ImageShape("scattering", 17, 40, 3, scales=1, angles=4, groups=3),
]


def digits(count: int = 12) -> Dataset:
    return DIGITS.with_table(DIGITS.table.slice(0, count)).with_roles({"label": Role.TARGET})


def trained(shape: ImageShape) -> ImageModel:
    model = ImageModel(shape, "image", CLASSES, target="label")
    coins = np.random.default_rng(0)
    for value in model.network.state_dict().values():
        value.copy_(torch.from_numpy(coins.normal(0, 0.1, value.shape)))
    return model


@pytest.mark.parametrize("shape", SHAPES)
def test_a_model_is_made_again_from_its_parts(shape: ImageShape) -> None:
    model = trained(shape)
    again = model_from_parts(model.tensors(), model.meta())
    inputs, labels = again.read(digits())
    assert isinstance(again, ImageModel)
    assert again.digest() == model.digest()
    assert labels.tolist() == [int(v) for v in digits().table["label"].to_pylist()]
    proba = again.predict_proba(inputs)
    assert proba.shape == (12, 10)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(proba, model.predict_proba(inputs))
    assert model.predict_proba(inputs[:0]).shape == (0, 10)


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_an_image_means_the_same_in_any_company(shape: ImageShape) -> None:
    model = trained(shape)
    inputs, _ = model.read(digits())
    alone, _ = model.read(digits().with_table(digits().table.slice(5, 1)))
    np.testing.assert_array_equal(inputs[5:6], alone)
    np.testing.assert_allclose(
        model.predict_proba(inputs)[5:6], model.predict_proba(alone), rtol=1e-4
    )


def test_features_have_a_bound_that_one_image_can_not_pass() -> None:
    # The noise on their mean is made for √features.
    shape = ImageShape("scattering", 28, 28, 1)
    wild = np.random.default_rng(0).integers(0, 256, (20, 1, 28, 28), dtype=np.uint8)
    wild[0], wild[1], wild[2, :, ::2] = 0, 255, 255
    features = shape.inputs(wild)
    assert features.dtype == np.float16
    norms = np.linalg.norm(features.astype(np.float64), axis=1)
    assert (norms <= (81 * 49) ** 0.5 * (1 + 1e-3)).all()
    assert np.isfinite(norms).all()


def test_groups_that_do_not_part_the_channels_are_refused_with_those_that_do() -> None:
    with pytest.raises(InputError, match="81 scattering channels") as caught:
        ImageShape("scattering", 28, 28, 1, groups=10)
    assert "27" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "change",
    [
        {"format": "strongroom/image-model/9"},
        {"classes": ["0", "1"]},
        {"shape": {"kind": "cnn", "height": 28, "width": 28}},
        {"shape": {"kind": "cnn", "height": 28, "width": 28, "colours": 3}},
        {"shape": {"kind": "scattering", "height": 4, "width": 28, "colours": 1}},
    ],
)
def test_parts_that_do_not_fit_are_tampered_with(change: dict[str, Any]) -> None:
    model = trained(SHAPES[1])
    with pytest.raises(TamperedError):
        model_from_parts(model.tensors(), {**model.meta(), **change})


def test_a_tensor_with_nan_is_refused() -> None:
    model = trained(SHAPES[1])
    tensors = model.tensors()
    next(iter(tensors.values())).flat[0] = np.nan
    with pytest.raises(TamperedError, match="NaN"):
        ImageModel.from_parts(tensors, model.meta())


def test_other_sizes_are_brought_to_the_models() -> None:
    small = np.full((10, 12), 200, dtype=np.uint8)
    table = pa.table({"image": [raw(small)], "label": ["3"]})
    model = trained(SHAPES[2])
    pixels = model.pixels(Dataset(table, Kind.IMAGE))
    assert pixels.shape == (1, 3, 64, 50)
    assert (pixels == 200).all()


def test_columns_without_images_and_unknown_labels_are_refused() -> None:
    model = trained(SHAPES[1])
    with pytest.raises(DataError, match="no column"):
        model.read(Dataset(pa.table({"label": ["1"]})))
    with pytest.raises(DataError, match="holds no images"):
        model.read(Dataset(pa.table({"image": ["text"], "label": ["1"]})))
    with pytest.raises(DataError, match="none of the 10 classes"):
        model.read(
            Dataset(pa.table({"image": [raw(np.zeros((28, 28), np.uint8))], "label": ["x"]}))
        )
