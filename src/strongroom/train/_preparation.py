"""From a dataset with roles to numbers, and to the list of what that took as public."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.data import Role
from strongroom.errors import DataError
from strongroom.models import ColumnKind, TableEncoder, encodable, encode_labels, find_classes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.config import ColumnSpec
    from strongroom.data import Dataset
    from strongroom.privacy import SecretStream

_FREE_TEXT = 40
FEATURE_ROLES = (Role.FEATURE, Role.QUASI_IDENTIFIER, Role.SENSITIVE)


@dataclass(frozen=True)
class Layout:
    """How a table is read: fixed before any row shapes a number.

    Attributes:
        target: column to predict.
        classes: its values.
        encoder: of the features.
        skipped: columns left out, with the reason.
        covered: texts for the statement: what is data-independent, and why.
        not_covered: texts for the statement: what is taken as public.
    """

    target: str
    classes: tuple[str, ...]
    encoder: TableEncoder
    skipped: Mapping[str, str]
    covered: tuple[str, ...]
    not_covered: tuple[str, ...]

    def read(self, table: pa.Table) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return the encoded rows float32[n, width] and the labels int64[n].

        Raises:
            DataError: values that can't be used, or a target that is missing or has unknown values.
        """
        if self.target not in table.column_names:
            raise DataError(f'the target column "{self.target}" is not in these rows')
        labels = encode_labels(table.column(self.target), self.classes)
        return self.encoder.encode(table), labels


def lay_out(
    dataset: Dataset, columns: Mapping[str, ColumnSpec], *, measured: bool = False
) -> Layout:
    """Choose features, classes and encoding.

    Args:
        dataset: rows with roles.
        columns: public declarations.
        measured: numbers without a declared range will get private knots: no fixed rule.

    Raises:
        DataError: no target, a target of one class, no feature.
    """
    target, classes, about_classes = target_classes(dataset, columns)
    features, skipped, free_text = _features(dataset, columns)
    if free_text and not features:
        raise DataError(
            "only free text is left to learn from, which a model of tables doesn't read: "
            + ", ".join(free_text),
            where=dataset.name,
            hint='set model = "ngram" under [train], or "text-classifier"',
        )
    encoder = TableEncoder.from_specs(dataset.table.schema, features, columns)
    about = encoder.describe()
    numbers = {c.name for c in encoder.columns if c.kind is ColumnKind.NUMBER}
    fixed = [n for n in about["fixed"] if not (measured and n in numbers)]
    covered = []
    if about["declared"]:
        covered.append(
            "encoding by declared ranges, knots and categories, row by row: "
            + ", ".join(about["declared"])
        )
    if fixed:
        covered.append(
            "encoding by fixed rules that no value shapes, row by row: " + ", ".join(fixed)
        )
    not_covered = [
        "the table's column names and types, and which of them are features: public",
        *about_classes,
    ]
    if free_text:
        not_covered.append(
            "that these columns hold long text (and were left out) was seen by looking at lengths: "
            + ", ".join(free_text)
        )
    return Layout(target, classes, encoder, skipped, tuple(covered), tuple(not_covered))


def target_classes(
    dataset: Dataset, columns: Mapping[str, ColumnSpec]
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Return the target, its classes, and what the statement must say is not covered.

    Raises:
        DataError: no target, or one class.
    """
    target = dataset.target
    if target is None:
        raise DataError(
            "no column has the role target",
            where=dataset.name,
            hint='name the column to predict: target = "…" under [data]; where there is none, '
            "strongroom run --until seal",
        )
    declared = columns[target].categories if target in columns else ()
    found = find_classes(dataset.table.column(target))
    if len(found) < 2:  # noqa: PLR2004 - two make a choice
        raise DataError(
            f'the target "{target}" has only one class in these rows: nothing can be learnt',
            where=dataset.name,
            hint="choose another target, or check how the rows were selected",
        )
    if declared:
        return target, declared, ()
    taken_as_public = (
        f'the set of classes of "{target}" was read from the rows and is treated as public; '
        f"declare it under [data.columns.{target}] to close this"
    )
    return target, found, (taken_as_public,)


def _features(
    dataset: Dataset, columns: Mapping[str, ColumnSpec]
) -> tuple[list[str], dict[str, str], list[str]]:
    features, skipped, free_text = [], {}, []
    for name in dataset.columns:
        role = dataset.roles.get(name, Role.FEATURE)
        kind = dataset.table.schema.field(name).type
        if name == dataset.subject:
            skipped[name] = "says which person a row belongs to"
        elif role not in FEATURE_ROLES:
            if role is not Role.TARGET:
                skipped[name] = role.value.replace("_", " ")
        elif not encodable(kind):
            skipped[name] = f"type {kind} cannot be a feature"
        elif not (name in columns and columns[name].categories) and is_free_text(
            dataset.table.column(name)
        ):
            skipped[name] = "free text"
            free_text.append(name)
        else:
            features.append(name)
    return features, skipped, free_text


def is_free_text(column: pa.ChunkedArray) -> bool:
    """Tell whether a column holds texts of more than 40 characters on average."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return False
    mean = pc.mean(pc.utf8_length(column)).as_py()
    return mean is not None and mean > _FREE_TEXT


def subject_codes(dataset: Dataset) -> NDArray[np.int64] | None:
    """Return int64[rows], a number per subject from 0, or None where no subject is named.

    Raises:
        DataError: a row names no subject.
    """
    if dataset.subject is None:
        return None
    subjects = dataset.table.column(dataset.subject).combine_chunks()
    if subjects.null_count:
        raise DataError(
            f'{subjects.null_count:,} rows have no "{dataset.subject}", so it is unknown whose '
            "they are",
            hint="drop those rows, or remove [data].subject",
        )
    plain = subjects.dictionary_decode() if pa.types.is_dictionary(subjects.type) else subjects
    codes: NDArray[np.int64] = plain.dictionary_encode().indices.to_numpy().astype(np.int64)
    return codes


def one_row_each(codes: NDArray[np.int64], stream: SecretStream) -> NDArray[np.intp]:
    """Return the numbers of the rows that are kept: one of every subject, by secret coins."""
    order = np.lexsort((stream.words("subject-row", 0, len(codes)), codes))
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = codes[order][1:] != codes[order][:-1]
    return np.sort(order[first])


def rows_each(
    codes: NDArray[np.int64], most: int, stream: SecretStream
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return up to `most` rows of every subject, by secret coins, and which of them are real.

    Returns:
        Row numbers int[subjects, most], a subject's own rows first and then its first one again;
        and bool[subjects, most], False where it is only there to fill up.
    """
    order = np.lexsort((stream.words("subject-row", 0, len(codes)), codes))
    _, starts, counts = np.unique(codes[order], return_index=True, return_counts=True)
    places = np.arange(most)
    real = places < counts[:, None]
    return order[starts[:, None] + np.where(real, places, 0)], real


def rounded(rows: int) -> int:
    """Return a count rounded to two significant digits: published where none is declared."""
    if rows < 100:  # noqa: PLR2004 - two digits already
        return max(rows, 1)
    unit = int(10 ** (int(math.log10(rows)) - 1))
    return round(rows / unit) * unit
