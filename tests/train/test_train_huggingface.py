"""If this fails, a pre-trained model could run code when it is loaded, or come back as another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from strongroom.config import PrivacySpec, TextSpec, TrainSpec
from strongroom.data import Dataset, Kind, Role
from strongroom.errors import ConfigError, DataError, InputError, TamperedError
from strongroom.models import (
    HuggingFaceLanguageModel,
    HuggingFaceModel,
    model_from_parts,
    read_pretrained,
)
from strongroom.train import train_model

if TYPE_CHECKING:
    from pathlib import Path

transformers: Any = pytest.importorskip("transformers", reason="needs the extra huggingface")
tokenizers: Any = pytest.importorskip("tokenizers", reason="needs the extra huggingface")

GOOD, BAD = "a fine and sunny day", "a dark and rainy night"
WORDS = sorted({*GOOD.split(), *BAD.split(), "very", "quite"})


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tiny models with random weights, made here: nothing is downloaded."""
    torch.manual_seed(0)
    vocabulary = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3}
    vocabulary |= {word: i + 4 for i, word in enumerate(WORDS)}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    small = {"vocab_size": 32, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2, "hidden_size": 16, "intermediate_size": 32}
    bodies = {
        # A whole classifier: its own head is left out, and the prefix of its names taken away.
        "bert": transformers.BertForSequenceClassification(
            transformers.BertConfig(**small, **heads, max_position_embeddings=64)
        ),
        "gpt2": transformers.GPT2Model(
            transformers.GPT2Config(
                vocab_size=32,
                n_layer=2,
                n_head=2,
                n_embd=16,
                n_positions=64,
                bos_token_id=2,
                eos_token_id=3,
            )
        ),
        "llama": transformers.LlamaForCausalLM(
            transformers.LlamaConfig(**small, **heads, num_key_value_heads=1)
        ),
    }
    found = {}
    for name, body in bodies.items():
        found[name] = tmp_path_factory.mktemp(name)
        body.save_pretrained(found[name])
        made.save(str(found[name] / "tokenizer.json"))
    return found


def dataset(count: int = 48) -> Dataset:
    rng = np.random.default_rng(0)
    texts, labels = [], []
    for i in range(count):
        words = (GOOD if i % 2 else BAD).split()
        texts.append(" ".join([*rng.permutation(words), rng.choice(["very", "quite"])]))
        labels.append("good" if i % 2 else "bad")
    table = pa.table({"label": labels, "text": texts})
    return Dataset(table, roles={"label": Role.TARGET}, name="weather")


def spec(folder: Path, **changed: object) -> TrainSpec:
    settings: dict[str, object] = {
        "model": "huggingface",
        "epochs": 40,
        "learning_rate": 0.02,
        "optimizer": "adam",
        "average": False,
        "text": TextSpec(folder=str(folder), lora_rank=2),
        "privacy": PrivacySpec(epsilon=50.0, clip_norm=1.0),
    }
    return TrainSpec.model_validate(settings | changed)


@pytest.mark.parametrize("family", ["bert", "gpt2", "llama"])
def test_adapters_learn_privately_and_the_body_stays(folders: dict[str, Path], family: str) -> None:
    before = read_pretrained(folders[family]).weights
    result = train_model(dataset(), spec(folders[family]), test=dataset(20), rows=48)
    assert result.privacy is not None
    assert result.metrics["test"]["accuracy"] > 0.9
    model = result.model
    assert isinstance(model, HuggingFaceModel)
    after = model.tensors()
    frozen = {k for k in after if not any(part in k for part in (".down.", ".up.", "head."))}
    for name in frozen:
        original = before[name.removeprefix("body.").replace(".frozen.", ".")]
        assert np.array_equal(after[name], original.numpy()), name
    assert all(np.any(v) for k, v in after.items() if ".up." in k), "an adapter learnt nothing"


@pytest.mark.parametrize("family", ["bert", "gpt2", "llama"])
def test_a_model_comes_back_without_its_folder(folders: dict[str, Path], family: str) -> None:
    result = train_model(dataset(), spec(folders[family], epochs=2, privacy=None))
    meta = json.loads(json.dumps(result.model.meta()))
    again = model_from_parts(result.model.tensors(), meta)
    assert again.digest() == result.model.digest()
    inputs, _ = again.read(dataset())
    assert np.array_equal(again.predict_proba(inputs), result.model.predict_proba(inputs))


def test_the_rows_of_a_batch_do_not_see_each_other(folders: dict[str, Path]) -> None:
    model = train_model(dataset(), spec(folders["bert"], epochs=3, privacy=None)).model
    assert isinstance(model, HuggingFaceModel)
    together = model.predict_texts([GOOD, "day", "", "a dark day and a very sunny night"])
    alone = [model.predict_texts([t])[0] for t in (GOOD, "day", "")]
    assert np.allclose(together[:3], alone, atol=1e-6)


def test_an_adapter_adds_nothing_at_first(folders: dict[str, Path]) -> None:
    found = read_pretrained(folders["gpt2"])
    body = transformers.AutoModel.from_pretrained(folders["gpt2"], attn_implementation="eager")
    model = HuggingFaceModel(
        found.config, found.tokenizer, "text", ("a", "b"), target="y", length=8, rank=2,
        weights=found.weights,
    )  # fmt: skip
    for adapter in model.adapters.values():
        torch.nn.init.zeros_(adapter.up.weight)
    tokens = torch.randint(0, 32, (3, 8))
    with torch.no_grad():
        ours = model.network.body(input_ids=tokens).last_hidden_state
        theirs = body.eval()(input_ids=tokens).last_hidden_state
    assert torch.equal(ours, theirs)


def letters(count: int = 60) -> Dataset:
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice([GOOD, BAD], 3)) for _ in range(count)]
    return Dataset(pa.table({"text": [*texts, "", None]}), kind=Kind.TEXT, name="letters.txt")


@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_adapters_learn_to_write(folders: dict[str, Path], family: str, private: bool) -> None:
    before = read_pretrained(folders[family], causal=True).weights
    asked = spec(folders[family], epochs=30, learning_rate=0.05)
    asked = asked.model_copy(
        update={
            "text": asked.text.model_copy(update={"length": 10, "lora_rank": 4}),
            "privacy": asked.privacy if private else None,
        }
    )
    result = train_model(letters(), asked, test=letters(20), rows=120)
    model = result.model
    assert isinstance(model, HuggingFaceLanguageModel)
    fresh = HuggingFaceLanguageModel(
        model.config, model.meta()["tokenizer"], "text", length=10, rank=4, weights=before
    )
    for adapter in fresh.adapters.values():
        torch.nn.init.zeros_(adapter.up.weight)
    at_first = fresh.measure(*fresh.read(letters(20)))
    test = result.metrics["test"]
    assert test["perplexity"] < at_first["perplexity"]
    assert test["tokens"] == at_first["tokens"]
    for name, value in model.tensors().items():
        if ".down." not in name and ".up." not in name:
            original = before[name.removeprefix("body.").replace(".frozen.", ".")]
            assert np.array_equal(value, original.numpy()), name
    if private:
        assert result.privacy is not None
        assert any("one sequence of 10 tokens" in line for line in result.privacy.covered)
    again = model_from_parts(model.tensors(), json.loads(json.dumps(model.meta())))
    assert again.digest() == model.digest()


def test_a_writer_never_looks_ahead(folders: dict[str, Path]) -> None:
    found = read_pretrained(folders["gpt2"], causal=True)
    model = HuggingFaceLanguageModel(
        found.config, found.tokenizer, "text", length=8, rank=2, weights=found.weights
    )
    tokens = torch.randint(0, 32, (2, 8))
    changed = tokens.clone()
    changed[:, 5:] = 7
    with torch.no_grad():
        one, two = model.network(tokens), model.network(changed)
    assert torch.allclose(one[:, :5], two[:, :5], atol=1e-6)
    assert not torch.allclose(one[:, 5:], two[:, 5:], atol=1e-4)


def test_pickled_weights_are_not_opened(folders: dict[str, Path], tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((folders["bert"] / name).read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch /tmp/owned'\ntR.")
    with pytest.raises(DataError, match=r"pytorch_model\.bin, which could run code") as caught:
        read_pretrained(tmp_path)
    assert "safetensors" in (caught.value.hint or "")


@pytest.mark.parametrize("asked", ["auto_map", "quantization_config"])
def test_code_of_the_folder_is_refused(
    folders: dict[str, Path], tmp_path: Path, asked: str
) -> None:
    for path in folders["bert"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {asked: {"AutoModel": "evil.Evil"}}))
    with pytest.raises(InputError, match=asked):
        read_pretrained(tmp_path)


def test_what_is_missing_is_said(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no model to start from"):
        train_model(dataset(), spec(tmp_path, text=TextSpec()))
    with pytest.raises(DataError, match="no such folder"):
        read_pretrained(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"no config\.json"):
        read_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        read_pretrained(tmp_path)
    (tmp_path / "config.json").write_bytes((folders["bert"] / "config.json").read_bytes())
    with pytest.raises(DataError, match=r"no tokenizer\.json"):
        read_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes((folders["bert"] / "tokenizer.json").read_bytes())
    with pytest.raises(DataError, match=r"no .*safetensors"):
        read_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    with pytest.raises(DataError, match="weights"):
        read_pretrained(tmp_path)


def test_weights_are_never_made_up(tmp_path: Path) -> None:
    config = transformers.LlamaConfig(
        vocab_size=32, num_hidden_layers=1, num_attention_heads=2, hidden_size=16,
        intermediate_size=32,
    )  # fmt: skip
    transformers.LlamaModel(config).save_pretrained(tmp_path)
    tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0}, unk_token="a")).save(
        str(tmp_path / "tokenizer.json")
    )
    read_pretrained(tmp_path)
    with pytest.raises(DataError, match=r"lm_head\.weight"):
        read_pretrained(tmp_path, causal=True)


def test_another_models_tokeniser_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    for path in folders["gpt2"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"eos_token_id": 50_256}))
    with pytest.raises(InputError, match="up to token 50,256"):
        train_model(letters(), spec(tmp_path, epochs=1))
    tokenizer = json.loads((tmp_path / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"] |= {f"more{i}": 100 + i for i in range(40)}
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(InputError, match="the model knows 32"):
        train_model(dataset(), spec(tmp_path, epochs=1))


def test_tampered_parts_are_refused(folders: dict[str, Path]) -> None:
    model = train_model(dataset(), spec(folders["bert"], epochs=1, privacy=None)).model
    tensors, meta = model.tensors(), model.meta()
    with pytest.raises(TamperedError):
        model_from_parts({k: v for k, v in tensors.items() if k != "head.bias"}, meta)
    with pytest.raises(TamperedError):
        model_from_parts(tensors, meta | {"config": meta["config"] | {"auto_map": {"a": "b"}}})
    with pytest.raises(TamperedError):
        model_from_parts(tensors, meta | {"tokenizer": "{}"})
