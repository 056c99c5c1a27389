"""If this fails, a site can't train images or text, or reads them in another way than a trainer."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from tests.federate.one_site import SGD, Asker, recipe, site

from strongroom.config import ImageSpec, TextSpec
from strongroom.data import Dataset, Kind, Role
from strongroom.federate import Kind as Asked
from strongroom.federate import SitePrivacySpec
from strongroom.federate._model import Blueprint
from strongroom.train import train_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from strongroom.config import TrainSpec

ROWS = 24
WORDS = ("fever and cough", "a broken leg", "cough", "the leg hurts")
PICTURE = ImageSpec(height=16, width=16, colours=1, centre=0)


def pictures() -> Dataset:
    """Squares that are bright on the left or on the right."""
    draw = np.random.default_rng(0)
    images, labels = [], []
    for number in range(ROWS):
        pixels = draw.integers(0, 100, (16, 16), dtype=np.uint8)
        pixels[:, 8 * (number % 2) : 8 * (number % 2) + 8] += 120
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "png")
        images.append(file.getvalue())
        labels.append(("left", "right")[number % 2])
    table = pa.table({"image": images, "y": labels})
    return Dataset(table, kind=Kind.IMAGE, roles={"y": Role.TARGET})


def texts() -> Dataset:
    """Complaints of two kinds."""
    table = pa.table(
        {
            "note": [WORDS[i % 4] for i in range(ROWS)],
            "y": [("chest", "leg")[i % 2] for i in range(ROWS)],
        }
    )
    return Dataset(table, roles={"y": Role.TARGET})


def spec(model: str, **more: Any) -> TrainSpec:  # noqa: ANN401 - fields
    return SGD.model_copy(update={"model": model, "image": PICTURE} | more)


SMALL = TextSpec(column="note", width=8, layers=1, heads=2, length=16, buckets=256)
CASES = [
    ("cnn", pictures, {}, {"image": "binary"}),
    ("scattering", pictures, {}, {"image": "binary"}),
    ("ngram", texts, {"text": SMALL}, {"note": "string"}),
    ("text-classifier", texts, {"text": SMALL}, {"note": "string"}),
    ("language-model", texts, {"text": SMALL}, {"note": "string"}),
]


@pytest.mark.parametrize(("model", "data", "more", "features"), CASES)
@pytest.mark.parametrize("private", [False, True])
def test_every_kind_of_model_trains_as_its_trainer_does(
    model: str,
    data: Callable[[], Dataset],
    more: dict[str, Any],
    features: dict[str, str],
    *,
    private: bool,
) -> None:
    rows, train = data(), spec(model, **more)
    central = train_model(rows, train.model_copy(update={"epochs": 2}), rows=ROWS).model
    job = recipe(
        train=train,
        model=json.loads(json.dumps(central.meta())),
        features=features,
        privacy=SitePrivacySpec(epsilon=4) if private else None,
    )
    asker = Asker(site(data=rows, test=rows, columns={}, rows=None), job)
    asker.propose()
    blueprint = Blueprint.of(job)
    first = blueprint.initial(b"first")
    one = asker.train(1, first).arrays["update"]
    two = asker.train(2, first + one).arrays["update"]
    assert np.abs(one).max() > 0
    found = asker.good(Asked.EVALUATE, 2, arrays={"parameters": first + one + two}).facts
    assert 0 <= found["right"] <= found["rows"]
    if private or model in {"cnn", "text-classifier", "language-model"}:
        return  # these begin from coins of their own
    whole = np.concatenate([p.numpy().ravel() for p in central.network.parameters()])
    np.testing.assert_allclose(first + one + two, whole, atol=1e-6)


def test_views_of_images_are_made_at_the_site() -> None:
    rows = pictures()
    plain, more = spec("scattering"), PICTURE.model_copy(update={"augment": 3})
    central = train_model(rows, plain.model_copy(update={"epochs": 1}), rows=ROWS).model
    updates = []
    for train in (plain, plain.model_copy(update={"image": more})):
        job = recipe(
            train=train,
            model=json.loads(json.dumps(central.meta())),
            features={"image": "binary"},
        )
        asker = Asker(site(data=rows, columns={}), job)
        asker.propose()
        updates.append(asker.train(1, Blueprint.of(job).initial(b"")).arrays["update"])
    assert not np.allclose(updates[0], updates[1])
