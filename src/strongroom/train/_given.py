"""Models that are given: what a trainer would choose from rows is there already.

Nothing here looks at a row before it is encoded: the model says which columns it reads and how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strongroom.errors import DataError, InputError
from strongroom.models import ImageModel, LanguageModel, TableModel, TextModel, metrics
from strongroom.train._gradient import Prepared
from strongroom.train._image import initialise_image, prepare_images
from strongroom.train._loop import MICRO_BATCH, initialise
from strongroom.train._preparation import subject_codes
from strongroom.train._text import (
    REDACTED,
    initialise_text,
    measure_classes,
    micro_batch,
    sequence_loss,
    units_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from strongroom.config import TrainSpec
    from strongroom.data import Dataset
    from strongroom.models import TrainedModel
    from strongroom.privacy import SecretStream


def initialise_model(model: TrainedModel, stream: SecretStream) -> None:
    """Set a model's parameters from coins, as its trainer does.

    Raises:
        InputError: no federation trains a model of this kind.
    """
    kinds: dict[type, Callable[[Any, SecretStream], None]] = {
        TableModel: initialise,
        ImageModel: initialise_image,
        TextModel: initialise_text,
        LanguageModel: initialise_text,
    }
    if type(model) not in kinds:
        raise InputError(f"a {type(model).__name__} is not trained in a federation")
    kinds[type(model)](model.network, stream)


def prepare_rows(model: TrainedModel, spec: TrainSpec, dataset: Dataset) -> Prepared:
    """Return rows as numbers for a model whose encoding is given: no row decides anything.

    Raises:
        DataError: no rows, or rows that the model can't read.
        InputError: no federation trains a model of this kind.
    """
    if not dataset.rows:
        raise DataError("there are no rows to learn from", where=dataset.name)
    if isinstance(model, LanguageModel):
        inputs, labels = model.read(dataset)
        if not len(labels):
            raise DataError("there is no text to learn from", where=dataset.name)
        subjects, unit = units_of(
            dataset, spec.text, model.sources(dataset), f"{model.shape.length} bytes"
        )
        return Prepared(
            model,
            inputs,
            labels,
            subjects=subjects,
            loss=sequence_loss,
            initialise=initialise_text,
            measure=lambda made, read, wanted: made.measure(read, wanted),
            micro_batch=micro_batch(inputs),
            covered=(f"text is read as bytes, row by row; {unit}", REDACTED),
        )
    subjects = subject_codes(dataset)
    if isinstance(model, TextModel):
        inputs, labels = model.read(dataset)
        return Prepared(
            model,
            inputs,
            labels,
            subjects=subjects,
            initialise=initialise_text,
            measure=measure_classes,
            covered=("words are hashed, text by text: no vocabulary is learnt", REDACTED),
            micro_batch=MICRO_BATCH if model.shape.kind == "ngram" else micro_batch(inputs),
        )
    if isinstance(model, ImageModel):
        return prepare_images(model, spec.image, dataset)
    if not isinstance(model, TableModel):
        raise InputError(f"a {type(model).__name__} is not trained in a federation")
    rows, labels = model.read(dataset)
    return Prepared(
        model,
        rows,
        labels,
        subjects=subjects,
        covered=("encoding by the recipe's own table of columns, row by row",),
    )


def measure_rows(model: TrainedModel, dataset: Dataset) -> dict[str, Any]:
    """Return `models.metrics` of a model on rows: exact, not noised.

    Raises:
        DataError: no rows, or rows that the model can't read.
    """
    inputs, labels = model.read(dataset)
    if not len(labels):
        raise DataError("there are no rows to measure on", where=dataset.name)
    if isinstance(model, LanguageModel):
        return model.measure(inputs, labels)
    return metrics(model.predict_proba(inputs), labels)
