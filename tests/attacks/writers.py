"""Small models of bytes that have learnt some texts by heart, for the attacks on them."""

from __future__ import annotations

import json
import random
import re
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch

from strongroom.attacks import Measured, Rows, Situation
from strongroom.models import LanguageModel, TextShape, byte_sequences

if TYPE_CHECKING:
    from strongroom.attacks import Result

WORDS = re.findall(
    r"\w+",
    "river stone lamp winter garden letter quiet silver morning bread window ocean paper candle "
    "forest market",
)
LENGTH = 80


def letters(count: int, seed: int) -> list[str]:
    """Return made-up lines; every fourth ends in a made-up address."""
    draw = random.Random(seed)

    def line(i: int) -> str:
        words = [draw.choice(WORDS) for _ in range(10 if i % 4 else 7)]
        address = f"mail {draw.choice(WORDS)}{draw.randrange(10_000)}@example.com"
        return " ".join([str(draw.randrange(10_000)), *words, *([] if i % 4 else [address])])

    return [line(i) for i in range(count)]


def by_heart(texts: list[str], steps: int, *, width: int = 64) -> LanguageModel:
    """Return a model that learnt the texts by so many steps without any privacy."""
    torch.manual_seed(0)
    model = LanguageModel(TextShape("language-model", length=LENGTH, width=width, layers=1), "text")
    inputs, labels, _ = byte_sequences(texts, LENGTH)
    network = model.network.requires_grad_(requires_grad=True)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    coins = torch.Generator().manual_seed(0)
    for step in range(steps):
        rows = torch.randperm(len(labels), generator=coins)[:32]
        optimizer.param_groups[0]["lr"] = 0.01 * min(1.0, 2 * (1 - step / steps))
        outputs = network(torch.from_numpy(inputs)[rows])
        wanted = torch.from_numpy(labels)[rows]
        loss = torch.nn.functional.cross_entropy(outputs.flatten(0, 1), wanted.flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    network.requires_grad_(requires_grad=False)
    return model


def rows_of(texts: list[str]) -> Rows:
    """Return texts as a model of bytes takes them."""
    inputs, labels, sources = byte_sequences(texts, LENGTH)
    return Rows(inputs, labels, sources)


def situation(model: object, members: list[str], others: list[str], **more: object) -> Situation:
    """Return a situation of a language model."""
    about = {"target": model, "members": rows_of(members), "nonmembers": rows_of(others)}
    return Situation(**{"kind": "language", **about, **more})  # type: ignore[arg-type]


def measured(result: Result) -> Measured:
    """Return a result that must be one, and prove that it is JSON."""
    assert isinstance(result, Measured), result
    json.dumps(asdict(result))
    return result


def told(result: Result) -> str:
    """Return everything that a result says."""
    return json.dumps(asdict(result))
