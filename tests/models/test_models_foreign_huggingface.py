"""If this fails, a folder of Hugging Face is asked otherwise than transformers itself asks it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from tests.models.conformance import check_model

from strongroom.data import Dataset
from strongroom.errors import DataError, InputError
from strongroom.models import open_model

if TYPE_CHECKING:
    from pathlib import Path

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

WORDS = ["a", "fine", "and", "sunny", "day", "dark", "rainy", "night", "very", "quite"]
SMALL = {
    "vocab_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "hidden_size": 16,
    "intermediate_size": 32,
}


def save(folder: Path, network: Any) -> Path:  # noqa: ANN401 - transformers has no types
    vocabulary = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3}
    vocabulary |= {word: i + 4 for i, word in enumerate(WORDS)}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape) * 0.5)
    network.save_pretrained(folder)
    made.save(str(folder / "tokenizer.json"))
    return folder


def classifier(folder: Path, **about: Any) -> tuple[Path, Any]:  # noqa: ANN401
    torch.manual_seed(0)
    config = transformers.BertConfig(**SMALL, max_position_embeddings=64, **about)
    network = transformers.BertForSequenceClassification(config).eval()
    return save(folder, network), network


def texts(count: int = 12, names: tuple[str, ...] = ("0", "1"), seed: int = 0) -> Dataset:
    coins = np.random.default_rng(seed)
    said = [" ".join(coins.choice(WORDS, coins.integers(1, 9))) for _ in range(count)]
    return Dataset(pa.table({"said": [*said[:-1], ""], "mood": coins.choice(list(names), count)}))


def asked_by_transformers(folder: Path, network: Any, dataset: Dataset) -> np.ndarray:  # noqa: ANN401
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    found = []
    for text in dataset.table["said"].to_pylist():
        ids = torch.tensor([tokenizer.encode(text).ids])
        with torch.no_grad():
            found.append(network(input_ids=ids).logits.softmax(dim=1)[0].numpy())
    return np.stack(found)


def test_a_classifier_of_texts(tmp_path: Path) -> None:
    folder, network = classifier(tmp_path)
    opened = open_model(folder, target="mood")
    assert opened.kind == "huggingface"
    check_model(opened.model, texts(), texts(5, seed=1))
    model: Any = opened.model
    inputs, _ = opened.read(texts())
    wanted = asked_by_transformers(folder, network, texts())
    np.testing.assert_allclose(model.predict_proba(inputs), wanted, atol=1e-5)


def test_a_decoder_that_classifies(tmp_path: Path) -> None:
    """It has no token for filling, and refuses several texts at once unless they are told apart."""
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=32, n_layer=2, n_head=2, n_embd=16, n_positions=64, num_labels=3
    )
    network = transformers.GPT2ForSequenceClassification(config).eval()
    folder = save(tmp_path, network)
    names = ("0", "1", "2")
    model: Any = open_model(folder, target="mood").model
    check_model(model, texts(names=names), texts(5, names, 1))
    inputs, _ = model.read(texts(names=names))
    wanted = asked_by_transformers(folder, network, texts(names=names))
    np.testing.assert_allclose(model.predict_proba(inputs), wanted, atol=1e-5)


def test_the_configuration_names_the_classes(tmp_path: Path) -> None:
    folder, _ = classifier(tmp_path, id2label={0: "sad", 1: "glad", 2: "mad"})
    model: Any = open_model(folder, target="mood").model
    assert model.classes == ("sad", "glad", "mad")
    with pytest.raises(DataError, match="a label that the model never saw"):
        model.read(texts())


@pytest.mark.parametrize("problem", ["multi_label_classification", "regression"])
def test_what_does_not_choose_one_class(tmp_path: Path, problem: str) -> None:
    folder, _ = classifier(tmp_path, problem_type=problem)
    with pytest.raises(InputError, match="numbers, or several labels"):
        open_model(folder)


def test_a_model_that_writes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        **SMALL, num_key_value_heads=1, max_position_embeddings=32, bos_token_id=2, eos_token_id=3
    )
    network = transformers.LlamaForCausalLM(config).eval()
    opened = open_model(save(tmp_path, network))
    model: Any = opened.model
    with pytest.raises(DataError, match="reads one column of text, and these rows have 2"):
        open_model(tmp_path).read(texts())
    inputs, labels = opened.read(texts().with_table(texts().table.select(["said"])))
    with torch.no_grad():
        logits = network(input_ids=torch.from_numpy(inputs).long()).logits
    chances = logits.log_softmax(dim=-1).numpy()
    for row, wanted in enumerate(model.losses(inputs, labels)):
        real = labels[row] >= 0
        own = chances[row, np.flatnonzero(real), labels[row][real]]
        assert -own.mean() == pytest.approx(wanted, abs=1e-4)
    following = model.reading().following
    assert following.shape == (1, 32)
    np.testing.assert_allclose(np.exp(following).sum(), 1, atol=1e-4)
    assert model.digest() == open_model(tmp_path).model.digest()  # type: ignore[attr-defined]
    assert not callable(model.fit)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"architectures": ["BertForMaskedLM"]}, "neither classifies texts nor writes them"),
        ({"architectures": None}, "neither classifies texts nor writes them"),
        ({"auto_map": {"AutoModel": "evil.py"}}, 'asks for "auto_map"'),
        ({"num_labels": 5, "id2label": {str(i): str(i) for i in range(5)}}, "cannot be loaded"),
    ],
)
def test_folders_that_are_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    folder, _ = classifier(tmp_path)
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}), "utf-8")
    with pytest.raises(InputError, match=said):
        open_model(folder)


def test_several_columns_of_text(tmp_path: Path) -> None:
    folder, _ = classifier(tmp_path)
    rows = texts()
    both = rows.with_table(rows.table.append_column("other", rows.table["said"]))
    with pytest.raises(DataError, match="reads one column of text, and these rows have 2"):
        open_model(folder, target="mood").read(both)
    inputs, _ = open_model(folder, target="mood", columns=["said"]).read(both)
    assert len(inputs) == rows.rows
