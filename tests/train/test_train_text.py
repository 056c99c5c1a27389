"""If this fails, a model of text reads what it must not, or hides another unit than it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from strongroom.config import PrivacySpec, TextSpec, TrainSpec
from strongroom.data import Dataset, Kind, Role
from strongroom.errors import DataError
from strongroom.models import LanguageModel, byte_sequences
from strongroom.privacy import Unit
from strongroom.train import train_model
from strongroom.train._text import sequence_loss, text_column, text_shape

if TYPE_CHECKING:
    from collections.abc import Mapping


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


HAM = words("see you at home tonight love then we eat lunch together ok thanks sorry im late")
SPAM = words("WIN a FREE prize now call 0900 urgent claim cash reward txt STOP offer 1000")
SMALL = TextSpec(buckets=2**12, length=64, width=16, layers=1, heads=2)
SURE = PrivacySpec(epsilon=8.0, delta=1e-4, clip_norm=0.5)


def messages(count: int = 400, seed: int = 0, **more: list[Any]) -> Dataset:
    rng = np.random.default_rng(seed)
    spam = rng.random(count) < 0.3
    texts = [" ".join(rng.choice(SPAM if s else HAM, rng.integers(6, 14))) for s in spam]
    table = pa.table({"label": ["spam" if s else "ham" for s in spam], "body": texts, **more})
    return Dataset(table, roles={"label": Role.TARGET}, name="messages")


def corpus(count: int = 60, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    lines = [" ".join(rng.choice(HAM, rng.integers(1, 12))) for _ in range(count)]
    return Dataset(pa.table({"text": ["", *lines]}), kind=Kind.TEXT, name="corpus.txt")


def spec(model: str, **changed: Any) -> TrainSpec:  # noqa: ANN401 - any field
    settings: dict[str, Any] = {
        "model": model,
        "epochs": 20,
        "batch_size": "full",
        "optimizer": "momentum" if model == "ngram" else "adam",
        "learning_rate": 5.0 if model == "ngram" else 0.02,
        "average": False,
        "text": SMALL,
        "privacy": SURE,
    }
    return TrainSpec.model_validate(settings | changed)


@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("model", ["ngram", "text-classifier"])
def test_classifiers_learn(model: str, private: bool) -> None:
    asked = spec(model) if private else spec(model, privacy=None)
    result = train_model(messages(), asked, test=messages(seed=1), rows=400)
    test = result.metrics["test"]
    assert test["accuracy"] > 0.9
    assert test["balanced_accuracy"] > 0.9
    assert (result.privacy is not None) == private
    if result.privacy is not None:
        assert result.privacy.epsilon <= SURE.epsilon
        assert result.privacy.unit is Unit.EXAMPLE
        assert any("no vocabulary is learnt" in line for line in result.privacy.covered)


@pytest.mark.parametrize("private", [True, False])
def test_a_language_model_learns(private: bool) -> None:
    asked = spec("language-model", epochs=25, text=SMALL.model_copy(update={"length": 32}))
    asked = asked if private else asked.model_copy(update={"privacy": None})
    result = train_model(corpus(400), asked, test=corpus(40, seed=1), rows=900)
    test = result.metrics["test"]
    # 257 is knowing nothing; these texts' bytes alone, without their order, come to about 16.
    assert test["perplexity"] < 25
    assert test["bytes"] == sum(len(t) for t in corpus(40, seed=1).table["text"].to_pylist())
    assert "perplexity" in str(result)
    assert result._repr_html_()


def test_the_text_is_the_only_thing_read() -> None:
    plain = messages(60)
    more = messages(60, age=list(range(60)), city=["x"] * 60)
    asked = spec("ngram", epochs=2, seed=1)
    one, two = (train_model(d, asked, rows=60) for d in (plain, more))
    assert one.model.digest() == two.model.digest()
    assert set((two.skipped or {}).values()) == {"only the text is read"}


@pytest.mark.parametrize(
    ("unit", "subject"), [("sequence", None), ("row", None), ("sequence", "who"), ("row", "who")]
)
def test_the_unit_is_what_the_statement_says(unit: str, subject: str | None) -> None:
    long = ["one two three four five six seven eight nine ten" * 4, "short", "", None]
    table = pa.table({"text": long * 3, "who": ["ann", "bob", "cy", "dan"] * 3})
    data = Dataset(table, subject=subject, name="notes")
    text = SMALL.model_copy(update={"length": 16, "unit": unit, "column": "text"})
    result = train_model(data, spec("language-model", epochs=1, text=text), rows=10)
    statement = result.privacy
    assert statement is not None
    said = " ".join(statement.covered)
    _, labels, sources = byte_sequences(table["text"].to_pylist(), 16)
    if subject:
        # Who wrote nothing gives nothing: two of four people are left, one sequence of each.
        assert result.metrics["train"]["rows"] == 2
        assert statement.unit is Unit.SUBJECT
        assert "of each subject" in said
    elif unit == "row":
        assert result.metrics["train"]["rows"] == len(set(sources.tolist())) == 6
        assert statement.unit is Unit.SUBJECT
        assert "a subject is one row" in said
    else:
        assert result.metrics["train"]["rows"] == len(labels) > 6
        assert statement.unit is Unit.EXAMPLE
        assert "an example is one sequence of 16 bytes" in said


def test_a_sequence_weighs_no_more_than_its_length() -> None:
    outputs = torch.randn(2, 8, 257)
    labels = torch.randint(0, 257, (2, 8))
    labels[1, 2:] = -100
    losses = sequence_loss(outputs, labels)
    each = torch.nn.functional.cross_entropy(outputs.mT, labels.clamp_min(0), reduction="none")
    assert losses[0] == pytest.approx(float(each[0].mean()))
    assert losses[1] == pytest.approx(float(each[1, :2].sum()) / 8)


@pytest.mark.parametrize("model", ["ngram", "text-classifier", "language-model"])
def test_canaries_ride_with_text(model: str) -> None:
    data = corpus(30) if model == "language-model" else messages(30)
    privacy = PrivacySpec(epsilon=8.0, clip_norm=0.5, canaries=40)
    result = train_model(data, spec(model, epochs=2, privacy=privacy), rows=30)
    assert result.canaries is not None
    assert np.isfinite(result.canaries.scores).all()
    assert len(result.canaries.scores) == 40


def chosen(table: Mapping[str, list[Any]], name: str | None = None, **about: Any) -> str:  # noqa: ANN401
    return text_column(Dataset(pa.table(dict(table)), **about), TextSpec(column=name)).name


LONG = ["a sentence that somebody wrote, and not a short one"] * 3


def test_the_column_of_text_is_found() -> None:
    assert chosen({"text": ["a"], "n": [1]}) == "text"
    assert chosen({"city": ["x"] * 3, "note": LONG}) == "note"
    assert chosen({"city": ["x"] * 3, "note": LONG}, "city") == "city"
    assert chosen({"text": ["a"]}, kind=Kind.TEXT) == "text"
    seen = text_column(Dataset(pa.table({"city": ["x"] * 3, "note": LONG})), TextSpec())
    assert any("looking at lengths" in line for line in seen.not_covered)


def test_a_column_that_cannot_be_the_text_is_refused() -> None:
    with pytest.raises(DataError, match="2 columns of text"):
        chosen({"a": LONG, "b": LONG})
    with pytest.raises(DataError, match="no column holds text"):
        chosen({"a": [1]})
    with pytest.raises(DataError, match="no column"):
        chosen({"a": LONG}, "b")
    with pytest.raises(DataError, match="cannot be the text"):
        chosen({"a": LONG, "n": [1, 2, 3]}, "n")
    with pytest.raises(DataError, match="cannot be the text"):
        chosen({"a": LONG, "b": LONG}, "b", roles={"b": Role.DIRECT_IDENTIFIER})


def test_bad_data_is_said() -> None:
    with pytest.raises(DataError, match="no column has the role target"):
        train_model(messages().with_roles({}), spec("ngram"))
    same = pa.table({"label": ["ham"] * 3, "body": LONG})
    with pytest.raises(DataError, match="only one class"):
        train_model(Dataset(same, roles={"label": Role.TARGET}), spec("ngram"))
    with pytest.raises(DataError, match="no text to learn from"):
        train_model(Dataset(pa.table({"text": ["", None]}), kind=Kind.TEXT), spec("language-model"))


def test_defaults_fit_the_kind() -> None:
    assert text_shape(TrainSpec(model="ngram")).buckets == 2**16
    assert text_shape(TrainSpec(model="language-model")).length == 128
    assert (
        LanguageModel(text_shape(TrainSpec(model="language-model")), "text").classes[256] == "edge"
    )
