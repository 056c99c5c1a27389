"""If this fails, only tables can be trained together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.federate.sites import site

from strongroom.config import ColumnSpec
from strongroom.data import Dataset, Role, read_dataset
from strongroom.errors import ConfigError
from strongroom.federate import LoopbackChannel, Settings, simulate
from strongroom.federate.coordinator import plan_recipe

DIGITS = read_dataset(Path(__file__).parents[1] / "data" / "mnist_digits" / "digits.npz")
LABELS = {
    "label": ColumnSpec(role="target", categories=("0", "1", "2")),
    "mood": ColumnSpec(role="target", categories=("bad", "good")),
}


def job(train: dict[str, Any], **more: Any) -> Settings:  # noqa: ANN401 - fields of a job
    return Settings.model_validate(
        {"project": {"name": "kinds"}, "train": train, "job": {"min_sites": 2, **more}}
    )


def digits() -> tuple[dict[str, Dataset], Dataset]:
    """Two sites with different digits, and others to measure on."""
    labels = np.array(DIGITS.table["label"].to_pylist())
    data = DIGITS.with_roles({"label": Role.TARGET})
    held = np.arange(len(labels)) % 4 == 0
    parts = {"low": (labels < 2) & ~held, "high": np.isin(labels, (1, 2)) & ~held}
    test = data.with_table(DIGITS.table.filter(pa.array((labels < 3) & held)))
    return {n: data.with_table(DIGITS.table.filter(pa.array(m))) for n, m in parts.items()}, test


def notes(rows: int, seed: int) -> Dataset:
    """Made-up notes, of which one word tells the mood."""
    draw = np.random.default_rng(seed)
    words = ["bed", "tea", "walk", "window", "doctor", "garden"]
    good = draw.random(rows) < 0.5
    texts = [
        " ".join([*draw.choice(words, 4), "pleasant" if g else "awful", *draw.choice(words, 3)])
        for g in good
    ]
    table = pa.table({"note": texts, "mood": np.where(good, "good", "bad")})
    return Dataset(table, roles={"mood": Role.TARGET})


@pytest.mark.parametrize("model", ["cnn", "scattering"])
def test_images_are_learnt_from_sites_that_each_lack_a_digit(model: str) -> None:
    sites, test = digits()
    train = {
        "model": model,
        "image": {"height": 16, "width": 16, "colours": 1},
        "batch_size": 32,
        "optimizer": "sgd" if model == "cnn" else "adam",
        "learning_rate": 0.2 if model == "cnn" else 0.01,
        "average": False,
    }
    found = simulate(
        job(train, rounds=12, local_epochs=2), sites, tests={"low": test}, columns=LABELS
    )
    # Neither site alone could be right about more than two of the three.
    assert found.metrics["test"]["accuracy"] > 0.8


def test_text_is_learnt_and_a_language_model_is_trained() -> None:
    sites = {"a": notes(80, 1), "b": notes(60, 2)}
    train = {
        "model": "ngram",
        "text": {"column": "note", "buckets": 1024, "length": 64},
        "learning_rate": 0.05,
    }
    found = simulate(job(train, rounds=5), sites, tests={"a": notes(50, 3)}, columns=LABELS)
    assert found.metrics["test"]["accuracy"] > 0.95
    words = {
        "model": "language-model",
        "text": {"column": "note", "length": 32, "width": 16, "layers": 1, "heads": 2},
        "batch_size": 32,
        "learning_rate": 0.01,
    }
    found = simulate(
        job(words, rounds=3), sites, tests={n: notes(20, 9) for n in sites}, columns=LABELS
    )
    assert found.curve[-1][1] < found.curve[0][1]
    assert found.model.target == ""


def test_sizes_of_images_must_be_declared_and_a_pretrained_folder_stays_at_home() -> None:
    sites, _ = digits()
    channel = LoopbackChannel([site(n, d, columns=LABELS) for n, d in sites.items()])
    with pytest.raises(ConfigError, match="size and colours of images must be declared"):
        plan_recipe(channel, job({"model": "cnn"}))
    texts = LoopbackChannel([site(n, notes(20, 1), columns=LABELS) for n in ("a", "b")])
    with pytest.raises(ConfigError, match="pre-trained model isn't trained in a federation"):
        plan_recipe(texts, job({"model": "huggingface"}))
