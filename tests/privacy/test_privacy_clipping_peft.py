"""If this fails, a user who wraps a model with peft trains with gradients that aren't clipped."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from strongroom.privacy import ClippedGradient

transformers: Any = pytest.importorskip("transformers", reason="needs the extra huggingface")
peft: Any = pytest.importorskip("peft", reason="needs peft, which nothing of ours asks for")

SMALL = {"vocab_size": 30, "num_labels": 3, "pad_token_id": 0}
WIDE = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}


class Logits(nn.Module):
    """The wrapped model by position, giving logits."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, tokens: Tensor) -> Tensor:
        found: Tensor = self.body(input_ids=tokens).logits
        return found


def made(family: str) -> tuple[nn.Module, list[str]]:
    if family == "bert":
        config = transformers.BertConfig(**SMALL, **WIDE)
        return transformers.BertForSequenceClassification(config), ["query", "value"]
    if family == "llama":
        config = transformers.LlamaConfig(**SMALL, **WIDE, num_key_value_heads=1)
        return transformers.LlamaForSequenceClassification(config), ["q_proj", "v_proj"]
    config = transformers.GPT2Config(
        **SMALL, n_embd=16, n_layer=2, n_head=2, n_positions=32, bos_token_id=1, eos_token_id=2
    )
    return transformers.GPT2ForSequenceClassification(config), ["c_attn"]


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs, targets, reduction="none")


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("family", ["bert", "gpt2", "llama"])
def test_adapters_of_peft_are_clipped_exactly(family: str) -> None:
    torch.manual_seed(0)
    body, names = made(family)
    adapters = peft.LoraConfig(
        task_type="SEQ_CLS", r=4, lora_alpha=8, target_modules=names, lora_dropout=0.0
    )
    net = Logits(peft.get_peft_model(body, adapters).eval().double())
    for name, parameter in net.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter, std=0.1)
    learnt = {n: p for n, p in net.named_parameters() if p.requires_grad}
    assert 0 < len(learnt) < len(list(net.parameters())), "peft froze the rest"
    tokens, labels = torch.randint(1, 30, (5, 7)), torch.randint(0, 3, (5,))
    each = []
    for i in range(5):
        one = loss(net(tokens[i : i + 1]), labels[i : i + 1]).sum()
        each.append(
            torch.cat([g.flatten() for g in torch.autograd.grad(one, list(learnt.values()))])
        )
    wanted = torch.stack(each)
    norms = wanted.norm(dim=1)
    clip = 0.8 * float(norms.median())
    found = ClippedGradient(net, clip)((tokens,), labels, loss)
    assert list(found.total) == list(learnt)
    total = torch.cat([v.flatten() for v in found.total.values()])
    assert torch.allclose(found.norms, norms, rtol=1e-12, atol=0)
    assert torch.allclose(total, (wanted * (clip / norms).clamp_max(1)[:, None]).sum(0), atol=1e-14)
