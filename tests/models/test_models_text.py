"""If this fails, a text could change how another is read, or a kept model come back as another."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.data import Dataset, Kind
from strongroom.errors import DataError, InputError, TamperedError
from strongroom.models import (
    NO_TARGET,
    LanguageModel,
    TextModel,
    TextShape,
    byte_sequences,
    model_from_parts,
    text_of,
)
from strongroom.models._tokens import EDGE, NOTHING, gram_tokens, word_tokens

TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=60)), min_size=1, max_size=8)
SMALL = {"width": 16, "layers": 1, "heads": 2}


def random_model(kind: str, seed: int = 0) -> TextModel | LanguageModel:
    model: TextModel | LanguageModel
    if kind == "language-model":
        model = LanguageModel(TextShape("language-model", 0, 16, **SMALL), "text")
    else:
        shape = TextShape(kind, 512, 32, **SMALL)  # type: ignore[arg-type]
        model = TextModel(shape, "text", ("ham", "spam"), target="label")
    torch.manual_seed(seed)
    for parameter in model.network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


@given(TEXTS, st.integers(2, 40))
def test_sequences_hold_every_byte_once(texts: list[str | None], length: int) -> None:
    inputs, labels, sources = byte_sequences(texts, length)
    assert inputs.shape == labels.shape == (len(sources), length)
    for number, text in enumerate(texts):
        rows = labels[sources == number].ravel()
        kept = rows[rows != NO_TARGET]
        wanted = [*text.encode(), EDGE] if text and text.strip() else []
        assert kept.tolist() == wanted
    # What is read is what was to be predicted one place before, and an edge at first.
    assert (inputs[:, 0] == EDGE).all()
    seen = np.where(labels[:, :-1] == NO_TARGET, EDGE, labels[:, :-1])
    assert np.array_equal(inputs[:, 1:], seen)


@given(TEXTS, st.sampled_from([gram_tokens, word_tokens]))
def test_a_text_is_read_alone(texts: list[str | None], read: object) -> None:
    assert callable(read)
    together = read(texts, 256, 40)
    assert together.dtype == np.int32
    assert together.shape[1] <= 40
    assert ((together >= NOTHING) & (together < 256)).all()
    for row, text in zip(together, texts, strict=True):
        alone = read([text], 256, 40)[0]
        assert row[row != NOTHING].tolist() == alone[alone != NOTHING].tolist()


@given(st.text(max_size=200))
def test_grams_do_not_repeat(text: str) -> None:
    row = gram_tokens([text], 128, 64)[0]
    kept = row[row != NOTHING]
    assert len(set(kept.tolist())) == len(kept)


def test_buckets_are_public_and_lasting() -> None:
    # Saved models rest on this very hash: it must not change.
    bucket = 1 + zlib.crc32(b"free") % 999
    assert word_tokens(["FREE"], 1000, 4).tolist() == [[bucket]]
    assert (
        word_tokens(["call 0871"], 1000, 4).tolist() == word_tokens(["Call 0999"], 1000, 4).tolist()
    )
    assert word_tokens(["\ud800"], 1000, 4).shape == (1, 1)


def test_an_ngram_row_has_length_one() -> None:
    model = random_model("ngram")
    tokens = model.shape.tokens(["win a prize now", "", "ok"])
    weight = model.network.get_parameter("bag.weight")
    found: torch.Tensor = model.network(torch.from_numpy(tokens))
    for row, logits in zip(tokens, found.unbind(), strict=True):
        kept = row[row != NOTHING]
        wanted = weight[kept].sum(0) / max(len(kept), 1) ** 0.5
        assert torch.allclose(logits, wanted, atol=1e-6)


@pytest.mark.parametrize("kind", ["ngram", "text-classifier"])
def test_rows_do_not_see_each_other(kind: str) -> None:
    model = random_model(kind)
    assert isinstance(model, TextModel)
    texts = ["a long message with many words in it, more than the others", "hi", "", None]
    together = model.predict_texts(texts)
    assert np.isfinite(together).all()
    assert np.allclose(together, [model.predict_texts([t])[0] for t in texts], atol=1e-6)


def test_a_language_model_never_looks_ahead() -> None:
    model = random_model("language-model")
    inputs, _, _ = byte_sequences(["the quick brown"], 16)
    changed = inputs.copy()
    changed[0, 9:] = ord("z")
    with torch.no_grad():
        one, two = (model.network(torch.from_numpy(x)) for x in (inputs, changed))
    assert torch.allclose(one[0, :9], two[0, :9], atol=1e-6)
    assert not torch.allclose(one[0, 9], two[0, 9], atol=1e-3)


def test_perplexity_is_what_the_probabilities_say() -> None:
    model = random_model("language-model")
    assert isinstance(model, LanguageModel)
    texts = ["strong", "room", "é"]
    inputs, labels, _ = byte_sequences(texts, 16)
    nats, tokens = 0.0, 0
    for text in texts:
        wanted = [*text.encode(), EDGE]
        for i, token in enumerate(wanted):
            before = np.array([[EDGE, *wanted[:i]]], np.int32)
            nats -= float(np.log(model.predict_proba(before)[0, token]))
            tokens += 1
    measured = model.measure(inputs, labels)
    size = sum(len(t.encode()) for t in texts)
    assert measured["tokens"] == tokens
    assert measured["bytes"] == size
    assert measured["perplexity"] == pytest.approx(np.exp(nats / tokens), rel=1e-4)
    assert measured["bits_per_byte"] == pytest.approx(nats / np.log(2) / size, rel=1e-4)
    assert model.perplexity(texts) == measured["perplexity"]
    assert model.losses(inputs, labels).shape == (3,)
    assert json.loads(json.dumps(measured)) == measured


def test_an_untrained_head_knows_nothing() -> None:
    model = random_model("language-model")
    assert isinstance(model, LanguageModel)
    for parameter in model.network.get_submodule("head").parameters():
        torch.nn.init.zeros_(parameter)
    assert model.perplexity(["anything"]) == pytest.approx(257, rel=1e-5)


@given(st.text(max_size=40), st.integers(0, 30))
@settings(max_examples=20)
def test_writing_is_repeatable_and_stays_text(prompt: str, count: int) -> None:
    model = random_model("language-model")
    assert isinstance(model, LanguageModel)
    written = model.generate(prompt, count, seed=3)
    assert written == model.generate(prompt, count, seed=3)
    assert len(written.encode("utf-8", "replace")) <= 3 * count


def test_writing_follows_what_was_learnt() -> None:
    model = random_model("language-model")
    assert isinstance(model, LanguageModel)
    for parameter in model.network.parameters():
        torch.nn.init.zeros_(parameter)
    bias = model.network.get_parameter("head.bias")
    bias[ord("a")] = 50.0
    assert model.generate("", 5) == "aaaaa"
    bias[EDGE] = 100.0
    assert model.generate("", 5) == ""
    with pytest.raises(InputError):
        model.generate("", 5, temperature=0)


@pytest.mark.parametrize("kind", ["ngram", "text-classifier", "language-model"])
def test_a_kept_model_comes_back(kind: str) -> None:
    model = random_model(kind)
    meta = json.loads(json.dumps(model.meta()))
    again = model_from_parts(model.tensors(), meta)
    assert type(again) is type(model)
    assert again.digest() == model.digest()
    table = pa.table({"text": ["win now", "see you"], "label": ["spam", "ham"]})
    inputs, labels = again.read(Dataset(table))
    assert len(inputs) == len(labels) == 2
    assert np.array_equal(again.predict_proba(inputs), model.predict_proba(inputs))
    assert json.loads(json.dumps(model.describe())) == model.describe()


@pytest.mark.parametrize("kind", ["ngram", "language-model"])
def test_parts_that_do_not_fit_are_refused(kind: str) -> None:
    model = random_model(kind)
    tensors, meta = model.tensors(), model.meta()
    name = next(iter(tensors))
    with pytest.raises(TamperedError):
        model_from_parts({}, meta)
    with pytest.raises(TamperedError):
        model_from_parts({**tensors, name: tensors[name] * np.nan}, meta)
    other = "strongroom/language-model/1" if kind == "ngram" else "strongroom/text-model/1"
    with pytest.raises(TamperedError):
        model_from_parts(tensors, {**meta, "format": other})


def test_text_is_a_column_of_text() -> None:
    table = Dataset(pa.table({"text": ["a", None], "n": [1, 2]}), kind=Kind.TABLE)
    assert text_of(table, "text") == ["a", None]
    with pytest.raises(DataError, match="int64, not text"):
        text_of(table, "n")
    with pytest.raises(DataError, match="no column"):
        text_of(table, "body")
