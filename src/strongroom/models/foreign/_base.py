"""What every adapter shares: reading rows, checking answers, saying what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from strongroom.errors import DataError, InputError, StrongroomError
from strongroom.models.foreign._codecs import AutoCodec
from strongroom.models.foreign._labels import class_names, find_target, read_labels
from strongroom.models.foreign._table_codec import TableCodec, TableEncoding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from strongroom.data import Dataset
    from strongroom.models.foreign._codecs import Codec
    from strongroom.vault import Inspection

_SUMS_TO_ONE = 1e-2
_ROWS_AT_ONCE = 16_384


class ForeignModel:
    """A `Model` that Strongroom didn't train.

    A class beneath gives `_answer`: what the model says to inputs as it knows them.

    Args:
        codec: between datasets, arrays and the model's own inputs.
        classes: names in the order of the outputs.
        target: the column that is predicted, if it is known.

    Attributes:
        soft: False where it only says which class, so that probabilities are 0 and 1.
        fixed: True where it can't be asked about anything but the rows it came with.
        deterministic: False where it was seen to change its answer to the same row.
        queries: rows that it was asked for so far.
        inspection: of the file it came from, where the adapter knows more than the vault's.
        recipe: what decides how `fit` trains, as JSON values: the key of caches.
    """

    kind: ClassVar[str]
    tries: ClassVar[int] = 2

    def __init__(self, codec: Codec, classes: Sequence[Any], target: str | None = None) -> None:
        self.codec = codec
        self.classes = class_names(classes)
        self.target = target or ""
        self.soft, self.fixed, self.deterministic = True, False, True
        self.queries = 0
        self.inspection: Inspection | None = None
        self.recipe: Mapping[str, Any] = {}

    @property
    def takes(self) -> str | None:
        """What kind of rows it reads, where it can be told: table, image or text."""
        return getattr(self.codec, "takes", None)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.classes)} classes)"

    def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 [n, classes] for rows as `read` gives them; rows sum to 1.

        Raises:
            DataError: the model can't read such rows, or answers in another shape.
        """
        if not len(batch):
            return np.zeros((0, len(self.classes)), np.float32)
        found = in_batches(batch, lambda part: self.checked(self._guarded_answer(part), len(part)))
        self.queries += len(batch)
        return found

    def _guarded_answer(self, part: NDArray[Any]) -> NDArray[Any]:
        answer: NDArray[Any] = guarded(self, lambda: self._answer(self.codec.decode(part)))
        return answer

    def _answer(self, inputs: Any) -> NDArray[Any]:  # noqa: ANN401 - what the model takes
        raise NotImplementedError

    def checked(self, answer: Any, rows: int) -> NDArray[np.float32]:  # noqa: ANN401 - a model's own
        """Return an answer as float32 [rows, classes].

        Raises:
            DataError: it has another shape, isn't finite, or its rows don't sum to 1.
        """
        found = np.asarray(answer, np.float64)
        if found.ndim == 1 and len(self.classes) == 2:  # noqa: PLR2004 - one number says both
            found = np.stack([1 - found, found], axis=1)
        if found.shape != (rows, len(self.classes)):
            raise DataError(
                f"the model answers {list(found.shape)} to {rows:,} rows, where "
                f"[{rows:,}, {len(self.classes)}] was expected",
                hint="name all its classes in the order of its outputs (classes)",
            )
        if not np.isfinite(found).all():
            raise DataError("the model's answers hold NaN or infinite values")
        total = found.sum(axis=1, keepdims=True)
        if rows and (np.abs(total - 1).max() > _SUMS_TO_ONE or found.min() < -_SUMS_TO_ONE):
            raise DataError(
                "the model's answers are no probabilities: a row of them doesn't sum to 1",
                hint="give a model whose outputs are probabilities, or logits where the adapter "
                "takes them",
            )
        return np.maximum(found, 0).astype(np.float32)

    def read(self, dataset: Dataset) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return the inputs of `predict_proba` and the labels for the rows of a dataset.

        Raises:
            DataError: the dataset doesn't fit the model; says which column, shape or rows.
        """
        target = find_target(dataset, self.target)
        self.target = target
        labels = read_labels(dataset, target, self.classes)
        inputs = self.codec.encode(dataset, target)
        self._try(inputs[: self.tries], dataset)
        return inputs, labels

    def _try(self, inputs: NDArray[Any], dataset: Dataset) -> None:
        """Ask about the first rows, so that what doesn't fit is said before hours are spent."""
        asked = self.queries
        try:
            self.predict_proba(inputs)
        except DataError as error:
            raise DataError(error.what, where=dataset.name, hint=error.hint) from error
        self.queries = asked

    def as_encoder(self) -> TableEncoding | None:
        """Return how a table becomes inputs, and what its columns may hold; None of no table.

        For those who change a person's values. A dataset must have been read before.
        """
        codec = self.codec.table if isinstance(self.codec, AutoCodec) else self.codec
        known = isinstance(codec, TableCodec) and codec.columns
        return TableEncoding(codec) if known and isinstance(codec, TableCodec) else None

    def digest(self) -> str:
        """Return SHA-256, hex, of what the model is."""
        from strongroom.models.foreign._walk import digest_object

        return digest_object(self._content())

    def _content(self) -> Any:  # noqa: ANN401 - whatever it is made of
        return {"classes": self.classes, "kind": self.kind}

    def describe(self) -> dict[str, Any]:
        """Return what reports say of it, as plain JSON values."""
        columns = getattr(self.codec, "columns", ())
        return {
            "kind": self.kind,
            "classes": list(self.classes),
            "target": self.target,
            "columns": [getattr(c, "name", str(c)) for c in columns],
            "soft": self.soft,
            "fixed": self.fixed,
            "retrainable": callable(getattr(self, "fit", None)),
        }


def in_batches(
    batch: NDArray[Any], ask: Callable[[NDArray[Any]], NDArray[Any]], step: int = _ROWS_AT_ONCE
) -> NDArray[Any]:
    """Return what `ask` says to every row, in as many batches as memory asks for.

    Raises:
        InputError: there is too little memory for a single row.
    """
    parts: list[NDArray[Any]] = []
    start = 0
    while start < len(batch) or not parts:
        try:
            parts.append(ask(batch[start : start + step]))
        except MemoryError as error:
            if step <= 1:
                raise InputError("there is too little memory for a single row") from error
            step = max(1, min(step, len(batch)) // 2)
            continue
        start += step
    return np.concatenate(parts)


def guarded(model: ForeignModel, ask: Any) -> Any:  # noqa: ANN401 - a call of foreign code
    """Return what foreign code returns; whatever it raises becomes a `DataError`.

    Its own words aren't repeated: such errors quote values of the data.
    """
    try:
        return ask()
    except (StrongroomError, KeyboardInterrupt, MemoryError):
        raise
    except Exception as error:
        columns = getattr(model.codec, "columns", ())
        texts = [c.name for c in columns if getattr(c, "kind", "") == "text"]
        raise DataError(
            f"the model cannot read these rows ({type(error).__name__} in its own code)",
            hint=f"columns of text: {', '.join(texts[:8])}; give them as they were when it was "
            "fitted"
            if texts
            else "give the rows as they were when it was fitted, with its columns in their order",
        ) from error


def one_hot(places: NDArray[np.integer[Any]], classes: int) -> NDArray[np.float32]:
    """Return float32 [n, classes] with a 1 at each row's place."""
    found = np.zeros((len(places), classes), np.float32)
    found[np.arange(len(places)), places] = 1.0
    return found


def need_classes(classes: Sequence[Any] | None, outputs: int) -> Sequence[Any]:
    """Return the classes, numbered where they have no names.

    Raises:
        InputError: there are more or fewer names than outputs.
    """
    if classes is None:
        return range(outputs)
    if len(classes) != outputs:
        raise InputError(
            f"{len(classes)} classes were named, and the model has {outputs}",
            hint="name all of them in the order of its outputs",
        )
    return classes
