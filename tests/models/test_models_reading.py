"""If this fails, a language model answers otherwise when it is asked bit by bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from strongroom.errors import InputError
from strongroom.models import HuggingFaceLanguageModel, LanguageModel, TextShape, read_pretrained

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LENGTH = 20


def byte_model() -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(
        TextShape("language-model", length=LENGTH, width=16, layers=2, heads=2), "text"
    )


def hugging_face(folder: Path, family: str) -> HuggingFaceLanguageModel:
    transformers: Any = pytest.importorskip("transformers", reason="needs the extra huggingface")
    tokenizers: Any = pytest.importorskip("tokenizers", reason="needs the extra huggingface")
    torch.manual_seed(0)
    small = {
        "vocab_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "hidden_size": 16,
        "intermediate_size": 32,
    }
    if family == "gpt2":
        config = transformers.GPT2Config(
            vocab_size=32, n_layer=2, n_head=2, n_embd=16, n_positions=64,
            bos_token_id=2, eos_token_id=3,
        )  # fmt: skip
        body = transformers.GPT2LMHeadModel(config)
    elif family == "mamba":
        config = transformers.MambaConfig(
            vocab_size=32, hidden_size=16, num_hidden_layers=2, state_size=4
        )
        body = transformers.MambaForCausalLM(config)
    else:
        config = transformers.MistralConfig(**small, num_key_value_heads=1, sliding_window=6)
        body = transformers.MistralForCausalLM(config)
    body.save_pretrained(folder)
    letters = {chr(ord("a") + i): i for i in range(26)} | {"[UNK]": 26}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(letters, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(folder / "tokenizer.json"))
    found = read_pretrained(folder, causal=True)
    return HuggingFaceLanguageModel(
        found.config, found.tokenizer, "text", length=LENGTH, rank=0, weights=found.weights
    )


def at_once(
    model: LanguageModel | HuggingFaceLanguageModel, tokens: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Return each token's log-probability by one pass over everything."""
    inputs = np.full(tokens.shape, model.begin, np.int32)
    inputs[:, 1:] = tokens[:, :-1]
    with torch.no_grad():
        expected = model.network(torch.from_numpy(inputs)).log_softmax(dim=-1).numpy()
    found: NDArray[np.float32] = np.take_along_axis(expected, tokens[:, :, None], axis=2)[:, :, 0]
    return found


@pytest.mark.parametrize("family", ["bytes", "gpt2", "mistral", "mamba"])
def test_reading_in_parts_is_reading_at_once(family: str, tmp_path: Path) -> None:
    model = byte_model() if family == "bytes" else hugging_face(tmp_path, family)
    if isinstance(model, HuggingFaceLanguageModel):
        # What a body keeps is used only where it is keys and values.
        assert model._keeps == (family != "mamba")
    tokens = np.random.default_rng(0).integers(0, 32, (3, LENGTH))
    reading = model.reading(3)
    parts = []
    for begin, end in ((0, 7), (7, 8), (8, 9), (9, LENGTH)):
        expected = reading.following
        chances, reading = reading.on(tokens[:, begin:end])
        assert np.allclose(
            chances[:, 0], np.take_along_axis(expected, tokens[:, begin : begin + 1], 1)[:, 0]
        )
        parts.append(chances)
    assert np.allclose(np.concatenate(parts, axis=1), at_once(model, tokens), atol=1e-5)
    assert reading.room == 0


def test_many_go_on_from_one_beginning() -> None:
    model, coins = byte_model(), np.random.default_rng(1)
    beginning, ends = coins.integers(0, 256, (2, 5)), coins.integers(0, 256, (6, 4))
    which = np.array([0, 0, 1, 0, 1, 1])
    _, common = model.reading(2).on(beginning)
    again, _ = common.take(which).on(ends)
    whole = np.concatenate([beginning[which], ends], axis=1)
    assert np.allclose(again, at_once(model, whole)[:, 5:], atol=1e-5)
    # The beginning is still where it was.
    once_more, _ = common.take(which).on(ends)
    assert np.array_equal(again, once_more)


def test_there_is_an_end_to_what_is_read() -> None:
    model = byte_model()
    _, reading = model.reading(1).on(np.zeros((1, LENGTH - 1), np.int64))
    _, full = reading.on(np.zeros((1, 1), np.int64))
    with pytest.raises(InputError, match="at most 20"):
        reading.on(np.zeros((1, 2), np.int64))
    with pytest.raises(InputError, match="at most 20"):
        _ = full.following


def test_text_becomes_bytes_and_back() -> None:
    model = byte_model()
    assert model.decode(np.array([[*"Zoë".encode(), model.end, 65]])) == ["Zoë"]
    assert model.encode(["Zoë"]) == [list("Zoë".encode())]
