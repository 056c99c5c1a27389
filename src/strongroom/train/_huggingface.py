"""Train adapters and a last layer on a Hugging Face model from a local folder.

Nothing is fetched, no code of the folder is run and no pickle is read: the weights must be in
safetensors files. The pre-trained weights count as public.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from strongroom.errors import ConfigError, DataError
from strongroom.models import HuggingFaceLanguageModel, HuggingFaceModel, read_pretrained, text_of
from strongroom.train._gradient import Prepared, train_network
from strongroom.train._preparation import subject_codes, target_classes
from strongroom.train._text import (
    REDACTED,
    measure_classes,
    micro_batch,
    sequence_loss,
    text_column,
    units_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from strongroom.config import ColumnSpec, TrainSpec
    from strongroom.data import Dataset
    from strongroom.privacy import SecretStream
    from strongroom.train._guard import Surroundings
    from strongroom.train._result import TrainResult

_LENGTH = 128
_PUBLIC = "the pre-trained model and its tokeniser: public, taken as made without these rows"


def train_huggingface(
    dataset: Dataset,
    spec: TrainSpec,
    test: Dataset | None,
    columns: Mapping[str, ColumnSpec],
    around: Surroundings,
) -> TrainResult:
    """Train "huggingface" on one column of text: a classifier, or a writer where no target is.

    Raises:
        ConfigError: no folder is named.
        DataError: the folder isn't a model that can be loaded; no text, no target, one class.
        MissingExtraError: transformers isn't installed.
        BudgetExceededError: the budget doesn't cover the guarantee; nothing was trained.
    """
    text = spec.text
    if text.folder is None:
        raise ConfigError(
            "no model to start from is named",
            where="[train.text]",
            hint='folder = "…", a folder with config.json, tokenizer.json and *.safetensors',
        )
    prepare = _language if dataset.target is None else _classifier
    return train_network(prepare(dataset, spec, test, columns, Path(text.folder)), spec, around)


def _classifier(
    dataset: Dataset,
    spec: TrainSpec,
    test: Dataset | None,
    columns: Mapping[str, ColumnSpec],
    folder: Path,
) -> Prepared:
    target, classes, about_classes = target_classes(dataset, columns)
    column = text_column(dataset, spec.text)
    found = read_pretrained(folder)
    model = HuggingFaceModel(
        found.config,
        found.tokenizer,
        column.name,
        classes,
        target=target,
        length=min(spec.text.length or _LENGTH, found.positions),
        rank=spec.text.lora_rank,
        weights=found.weights,
    )
    inputs, labels = model.read(dataset)
    return Prepared(
        model=model,
        inputs=inputs,
        labels=labels,
        held_out=model.read(test) if test is not None else None,
        subjects=subject_codes(dataset),
        initialise=lambda _, stream: initialise_adapters(model, stream),
        measure=measure_classes,
        micro_batch=micro_batch(inputs),
        skipped=column.skipped,
        covered=(
            f"adapters of rank {model.rank} and the last layer are learnt; all else stays frozen",
            REDACTED,
        ),
        not_covered=(*column.not_covered, *about_classes, _PUBLIC),
    )


def _language(
    dataset: Dataset,
    spec: TrainSpec,
    test: Dataset | None,
    columns: Mapping[str, ColumnSpec],
    folder: Path,
) -> Prepared:
    del columns
    column = text_column(dataset, spec.text)
    found = read_pretrained(folder, causal=True)
    model = HuggingFaceLanguageModel(
        found.config,
        found.tokenizer,
        column.name,
        length=min(spec.text.length or _LENGTH, found.positions),
        rank=spec.text.lora_rank,
        weights=found.weights,
    )
    inputs, labels, sources = model.sequences(text_of(dataset, column.name))
    if not len(labels):
        raise DataError(
            f'the column "{column.name}" holds no text to learn from', where=dataset.name
        )
    subjects, unit = units_of(dataset, spec.text, sources, f"{model.length} tokens")
    held_out = model.read(test) if test is not None else None
    return Prepared(
        model=model,
        inputs=inputs,
        labels=labels,
        held_out=held_out if held_out is not None and len(held_out[1]) else None,
        subjects=subjects,
        loss=sequence_loss,
        initialise=lambda _, stream: initialise_adapters(model, stream),
        measure=lambda made, read, wanted: made.measure(read, wanted),
        micro_batch=micro_batch(inputs),
        skipped=column.skipped,
        covered=(
            f"adapters of rank {model.rank} are learnt; all else stays frozen; {unit}",
            REDACTED,
        ),
        not_covered=(*column.not_covered, _PUBLIC),
    )


def initialise_adapters(
    model: HuggingFaceModel | HuggingFaceLanguageModel, stream: SecretStream
) -> None:
    """Set what is learnt: adapters add nothing at first, and a classifier's last layer is zero."""
    with torch.no_grad():
        for name, adapter in model.adapters.items():
            _uniform(adapter.down, stream, f"initial-{name}")
            adapter.up.weight.zero_()
        if isinstance(model, HuggingFaceModel):
            for parameter in model.network.head.parameters():
                parameter.zero_()


def _uniform(layer: nn.Linear, stream: SecretStream, label: str) -> None:
    coins = stream.uniform(label, 0, layer.weight.numel())
    values = ((2 * coins - 1) * layer.in_features**-0.5).astype(np.float32)
    layer.weight.copy_(torch.from_numpy(values).view_as(layer.weight))
