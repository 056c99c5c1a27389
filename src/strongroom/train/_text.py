"""Train a model of text: hashed n-grams, a small transformer, a language model.

How a text becomes numbers is public and works on one text at a time; see `models._tokens`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn

from strongroom.data import Kind, Role
from strongroom.errors import DataError
from strongroom.models import (
    NO_TARGET,
    LanguageModel,
    TextModel,
    TextShape,
    byte_sequences,
    metrics,
    text_of,
)
from strongroom.train._gradient import Prepared, train_network
from strongroom.train._loop import MICRO_BATCH
from strongroom.train._preparation import (
    FEATURE_ROLES,
    is_free_text,
    subject_codes,
    target_classes,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.config import ColumnSpec, TextSpec, TrainSpec
    from strongroom.data import Dataset
    from strongroom.models import TextKind
    from strongroom.privacy import SecretStream
    from strongroom.train._guard import Surroundings
    from strongroom.train._result import TrainResult

# Per kind of model: buckets and length where [train.text] names none.
_DEFAULTS = {"ngram": (2**16, 512), "text-classifier": (5_000, 64), "language-model": (0, 128)}
_HASHED = {"ngram": "words, word pairs, character n-grams and shapes", "text-classifier": "words"}
_TOKENS_AT_ONCE = 8_192
_SMALL = 0.05
REDACTED = (
    "the text is read as it stands in these rows, each by itself; what the pipeline redacted in a "
    "row, training never sees"
)


@dataclass(frozen=True)
class TextColumn:
    """Where the text stands, and what choosing it took as public."""

    name: str
    skipped: Mapping[str, str]
    not_covered: tuple[str, ...]


def train_text(
    dataset: Dataset,
    spec: TrainSpec,
    test: Dataset | None,
    columns: Mapping[str, ColumnSpec],
    around: Surroundings,
) -> TrainResult:
    """Train "ngram", "text-classifier" or "language-model".

    One column of text is read, and the target, if the model has one; no other column is. Where the
    dataset has a subject, one row (for a language model, one sequence) of each subject is kept,
    chosen by secret coins, and the guarantee is per subject.

    Raises:
        DataError: no text, no target, one class, or values that can't be used.
        BudgetExceededError: the budget doesn't cover the guarantee; nothing was trained.
    """
    prepare = _language if spec.model == "language-model" else _classifier
    return train_network(prepare(dataset, spec, test, columns), spec, around)


def text_shape(spec: TrainSpec) -> TextShape:
    """Return the shape that a specification asks for."""
    buckets, length = _DEFAULTS[spec.model]
    text = spec.text
    return TextShape(
        kind=cast("TextKind", spec.model),
        buckets=text.buckets or buckets,
        length=text.length or length,
        width=text.width,
        layers=text.layers,
        heads=text.heads,
    )


def text_column(dataset: Dataset, text: TextSpec) -> TextColumn:
    """Choose the column of text: the one that is named, else the only one of free text.

    Raises:
        DataError: there is none, there are several, or the one that is named can't be read.
    """
    readable = [
        name
        for name in dataset.columns
        if name != dataset.subject
        and dataset.roles.get(name, Role.FEATURE) in FEATURE_ROLES
        and pa.types.is_string(dataset.table.schema.field(name).type)
    ]
    if text.column is not None:
        dataset.require(text.column)
        if text.column not in readable:
            role = dataset.roles.get(text.column, Role.FEATURE).value.replace("_", " ")
            raise DataError(
                f'the column "{text.column}" cannot be the text to learn from',
                where=dataset.name,
                hint=f"its role is {role} and its type is "
                f"{dataset.table.schema.field(text.column).type}; text of a feature is read",
            )
        return _chosen(dataset, text.column, ())
    if dataset.kind is Kind.TEXT and readable:
        return _chosen(dataset, readable[0], ())
    long = [name for name in readable if is_free_text(dataset.table.column(name))] or readable
    if len(long) != 1:
        names = ", ".join(f'"{name}"' for name in long)
        raise DataError(
            f"there are {len(long)} columns of text: {names}" if long else "no column holds text",
            where=dataset.name,
            hint='name the one to learn from: column = "…" under [train.text]',
        )
    seen = (
        f'that "{long[0]}" is the text was seen by looking at lengths; name it in '
        "[train.text] column to close this"
    )
    return _chosen(dataset, long[0], (seen,) if len(readable) > 1 else ())


def _chosen(dataset: Dataset, name: str, not_covered: tuple[str, ...]) -> TextColumn:
    skipped = {}
    for other in dataset.columns:
        role = dataset.roles.get(other, Role.FEATURE)
        if other == dataset.subject:
            skipped[other] = "says which person a row belongs to"
        elif other != name and role is not Role.TARGET:
            unread = role in FEATURE_ROLES
            skipped[other] = "only the text is read" if unread else role.value.replace("_", " ")
    public = "the table's column names and types, and which one is the text: public"
    return TextColumn(name, skipped, (public, *not_covered))


def _classifier(
    dataset: Dataset, spec: TrainSpec, test: Dataset | None, columns: Mapping[str, ColumnSpec]
) -> Prepared:
    target, classes, about_classes = target_classes(dataset, columns)
    column = text_column(dataset, spec.text)
    shape = text_shape(spec)
    model = TextModel(shape, column.name, classes, target=target)
    inputs, labels = model.read(dataset)
    hashed = (
        f"{_HASHED[spec.model]} are hashed into {shape.buckets:,} buckets, text by text, at most "
        f"{shape.length:,} of each: no vocabulary is learnt from the rows"
    )
    return Prepared(
        model=model,
        inputs=inputs,
        labels=labels,
        held_out=model.read(test) if test is not None else None,
        subjects=subject_codes(dataset),
        initialise=initialise_text,
        measure=measure_classes,
        micro_batch=MICRO_BATCH if spec.model == "ngram" else micro_batch(inputs),
        skipped=column.skipped,
        covered=(
            hashed,
            REDACTED,
        ),
        not_covered=(*column.not_covered, *about_classes),
    )


def _language(
    dataset: Dataset, spec: TrainSpec, test: Dataset | None, columns: Mapping[str, ColumnSpec]
) -> Prepared:
    del columns
    column = text_column(dataset, spec.text)
    shape = text_shape(spec)
    model = LanguageModel(shape, column.name)
    inputs, labels, sources = byte_sequences(text_of(dataset, column.name), shape.length)
    if not len(labels):
        raise DataError(
            f'the column "{column.name}" holds no text to learn from', where=dataset.name
        )
    held_out = model.read(test) if test is not None else None
    subjects, unit = units_of(dataset, spec.text, sources, f"{shape.length} bytes")
    return Prepared(
        model=model,
        inputs=inputs,
        labels=labels,
        # Nothing but empty rows is no test.
        held_out=held_out if held_out is not None and len(held_out[1]) else None,
        subjects=subjects,
        loss=sequence_loss,
        initialise=initialise_text,
        measure=lambda made, read, wanted: made.measure(read, wanted),
        micro_batch=micro_batch(inputs),
        skipped=column.skipped,
        covered=(
            f"text is read as bytes, row by row: no vocabulary is learnt from the rows; {unit}",
            REDACTED,
        ),
        not_covered=column.not_covered,
    )


def units_of(
    dataset: Dataset, text: TextSpec, sources: NDArray[np.int64], size: str
) -> tuple[NDArray[np.int64] | None, str]:
    """Return whose each sequence is, or None where each is its own, and that in words.

    Args:
        dataset: the rows.
        text: names the unit.
        sources: int64 [sequences], the row that each is from.
        size: of a sequence, in words.
    """
    people = subject_codes(dataset)
    if people is not None:
        return _packed(people[sources]), f"one sequence of {size} of each subject is read"
    if text.unit == "row":
        return _packed(sources), f"a subject is one row, of which one sequence of {size} is read"
    return None, (
        f"an example is one sequence of {size}: a long row gives several, and each is hidden by "
        "itself, not the whole row"
    )


def sequence_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return [n]: the sum of a sequence's log losses, over the length of any sequence."""
    losses = nn.functional.cross_entropy(
        outputs.flatten(0, 1), targets.flatten(), reduction="none", ignore_index=NO_TARGET
    )
    return losses.view(targets.shape).sum(dim=1) / targets.shape[1]


def measure_classes(
    model: Any,  # noqa: ANN401 - any classifier of ours
    inputs: NDArray[Any],
    labels: NDArray[np.int64],
) -> dict[str, Any]:
    """Return `models.metrics`, and `balanced_accuracy`: the mean of the classes' own accuracies."""
    proba = model.predict_proba(inputs)
    right = proba.argmax(axis=1) == labels
    shares = [float(right[labels == k].mean()) for k in np.unique(labels)]
    return {**metrics(proba, labels), "balanced_accuracy": float(np.mean(shares))}


def micro_batch(inputs: NDArray[Any]) -> int:
    """Return how many rows go through a transformer at once."""
    return max(1, _TOKENS_AT_ONCE // int(inputs.shape[1]))


def initialise_text(network: nn.Module, stream: SecretStream) -> None:
    """Set parameters from coins: the last layer and bags to zero, norms to identity.

    Other linear layers are uniform in ±1/√inputs with zero biases, embeddings in ±0.05·√3. With a
    last layer of zeros the first predictions are even, whatever the coins.
    """
    head = getattr(network, "head", None)
    with torch.no_grad():
        for name, layer in network.named_modules():
            if isinstance(layer, nn.LayerNorm):
                layer.reset_parameters()
            elif isinstance(layer, nn.EmbeddingBag):
                layer.weight.zero_()
            elif isinstance(layer, (nn.Linear, nn.Embedding)):
                bound = _SMALL * 3**0.5
                if isinstance(layer, nn.Linear):
                    bound = 0.0 if layer is head else layer.in_features**-0.5
                coins = stream.uniform(f"initial-{name}", 0, layer.weight.numel())
                values = ((2 * coins - 1) * bound).astype(np.float32)
                layer.weight.copy_(torch.from_numpy(values).view_as(layer.weight))
                if isinstance(layer, nn.Linear):
                    layer.bias.zero_()


def _packed(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the codes renumbered from 0 without gaps: who gave no sequence isn't counted."""
    packed: NDArray[np.int64] = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    return packed
