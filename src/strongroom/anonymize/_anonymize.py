"""Anonymising: a minimised table whose rows also hide among k others."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

import numpy as np

from strongroom.anonymize._columns import Coded, encode, group
from strongroom.anonymize._generalise import generalise
from strongroom.anonymize._loss import Loss, loss
from strongroom.anonymize._minimize import (
    DROPPED,
    GENERALISED,
    PSEUDONYMISED,
    Minimized,
    asked_to_pseudonymise,
    minimize,
)
from strongroom.anonymize._mondrian import Distinct, partition
from strongroom.anonymize._result import Anonymized
from strongroom.anonymize._risk import Risk, measure, risk
from strongroom.config import AnonymizeSpec, DiscoverSpec
from strongroom.data import Dataset, Kind, Role
from strongroom.errors import DataError, RefusedError
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from strongroom.config import ColumnSpec


def anonymize(
    dataset: Dataset,
    spec: AnonymizeSpec | None = None,
    *,
    columns: Mapping[str, ColumnSpec] | None = None,
    pseudonym_key: bytes | None = None,
    discover_spec: DiscoverSpec | None = None,
    text_columns: Sequence[str] | None = None,
    progress: Progress = SILENT,
) -> Anonymized:
    """Take personal data out of a dataset, and measure what risk and what use are left.

    A table is minimised (see `minimize`), then its quasi-identifiers are generalised by Mondrian
    until every combination is shared by at least k rows (by rows of at least k persons where the
    dataset has a subject column) and every such class holds at least l distinct values of each
    sensitive column. Mondrian finds a place for every row whose person is known; rows without a
    subject can't be counted and are left out. A text corpus is redacted, and that is all.

    Without quasi-identifiers there is nothing to hide behind: the result equals the minimised
    table, and its risk says that it isn't evaluable.

    Args:
        dataset: a table or a text corpus. Columns without a role get the one discover suggests.
        spec: k, l, the limit on suppression, and what happens to identifiers and text.
        columns: declarations: roles, and hierarchies of categories.
        pseudonym_key: at least 16 secret bytes; without one a key is made and forgotten, so
            pseudonyms and surrogates fit together within this result only.
        discover_spec: what counts as personal data in text.
        text_columns: which columns are free text; by default what discover says.
        progress: told how many rows have found their group.

    Raises:
        DataError: k or l is more than the table has, or a quasi-identifier or sensitive column
            holds NaN, infinite or nested values.
        RefusedError: more rows than the limit would have to be suppressed.
    """
    began = time.perf_counter()
    spec, columns = spec or AnonymizeSpec(), columns or {}
    minimized = minimize(
        dataset,
        spec,
        pseudonym_key or secrets.token_bytes(32),
        discover_spec,
        columns=columns,
        text_columns=text_columns,
        progress=progress,
    )
    clean = minimized.dataset
    quasi = clean.columns_with(Role.QUASI_IDENTIFIER)
    if not quasi:
        return _only_minimized(minimized, spec, began)
    sensitive = clean.columns_with(Role.SENSITIVE)
    before = risk(clean, quasi, sensitive, subject=clean.subject)
    placeable = _placeable(clean, spec)
    suppressed = clean.rows - placeable.rows
    table = placeable.table
    private = [encode(table[c], c) for c in sensitive]
    persons = encode(table[clean.subject], clean.subject) if clean.subject else None
    demands = _demands(placeable, spec, private, persons)
    coded = [encode(table[c], c, columns[c].hierarchy if c in columns else None) for c in quasi]
    group_of, groups = partition(coded, spec.k, demands, progress)
    released = {c.name: generalise(c, group_of, groups) for c in coded}
    for name, column in released.items():
        table = table.set_column(table.column_names.index(name), name, column.values)
    # Two groups that are released alike are one class to whoever reads the release.
    classes, count = group([encode(table[c], c) for c in quasi], table.num_rows)
    target = clean.target
    return Anonymized(
        dataset=_without_subject(placeable.with_table(table), minimized, spec),
        minimized=clean,
        before=before,
        after=measure(classes, count, private, persons=persons, suppressed=suppressed),
        suppressed=suppressed,
        generalization={name: float(column.loss.mean()) for name, column in released.items()},
        loss=loss(
            [column.loss for column in released.values()],
            classes,
            count,
            suppressed,
            encode(table[target], target) if target else None,
        ),
        redacted=minimized.redacted,
        actions={**_released_actions(minimized, spec), **dict.fromkeys(quasi, GENERALISED)},
        seconds=time.perf_counter() - began,
    )


def _only_minimized(minimized: Minimized, spec: AnonymizeSpec, began: float) -> Anonymized:
    clean = minimized.dataset
    corpus = clean.kind is Kind.TEXT
    reason = "text has no quasi-identifiers" if corpus else "there are no quasi-identifiers"
    nothing = Risk(rows=clean.rows, reason=reason)
    return Anonymized(
        dataset=_without_subject(clean, minimized, spec),
        minimized=clean,
        before=nothing,
        after=nothing,
        suppressed=0,
        generalization={},
        loss=Loss(ncp=0.0),
        redacted=minimized.redacted,
        actions=_released_actions(minimized, spec),
        seconds=time.perf_counter() - began,
    )


def _placeable(clean: Dataset, spec: AnonymizeSpec) -> Dataset:
    """Leave out the rows of which nobody knows whose they are."""
    if clean.subject is None or not clean.table[clean.subject].null_count:
        return clean
    missing = clean.table[clean.subject].null_count
    share = missing / clean.rows
    if share > spec.suppression_limit:
        raise RefusedError(
            f"{missing:,} of {clean.rows:,} rows ({share:.1%}) have no subject and would have to "
            f"be suppressed, the limit is {spec.suppression_limit:.1%}",
            where=clean.subject,
            hint="fill in whose rows they are, or raise [anonymize].suppression_limit",
        )
    return clean.with_table(clean.table.filter(clean.table[clean.subject].is_valid()))


def _demands(
    placeable: Dataset, spec: AnonymizeSpec, private: Sequence[Coded], persons: Coded | None
) -> list[Distinct]:
    """Return what every class must hold beside k rows, having checked that the table does."""
    if placeable.rows < spec.k:
        raise DataError(
            f"k = {spec.k} is larger than the table, which has {placeable.rows:,} rows",
            where=placeable.name,
            hint="lower k, or give more rows",
        )
    if persons is not None and len(persons.distinct) < spec.k:
        raise DataError(
            f"k = {spec.k} is larger than the number of persons, {len(persons.distinct):,}",
            where=persons.name,
            hint="lower k, or give rows of more persons",
        )
    if spec.l > 1 and not private:
        raise DataError(
            f"l = {spec.l} asked, and no column is sensitive",
            where=placeable.name,
            hint='give the column that nobody shall learn the role "sensitive", or set l = 1',
        )
    for column in private:
        held = len(np.unique(column.codes))
        if held < spec.l:
            raise DataError(
                f'l = {spec.l} is more than the {held} distinct values of column "{column.name}"',
                where=column.name,
                hint="lower l, or don't call this column sensitive",
            )
    demands = [Distinct(column, spec.l) for column in private if spec.l > 1]
    several = persons is not None and len(persons.distinct) < placeable.rows
    return [*([Distinct(persons, spec.k)] if persons is not None and several else []), *demands]


def _without_subject(released: Dataset, minimized: Minimized, spec: AnonymizeSpec) -> Dataset:
    """Drop the subject's pseudonym, which only training needs, unless the user wants it."""
    if not _hidden_subject(minimized, spec):
        return released
    return released.with_table(released.table.drop_columns([released.subject]))


def _hidden_subject(minimized: Minimized, spec: AnonymizeSpec) -> bool:
    subject = minimized.dataset.subject
    return (
        subject is not None
        and minimized.actions[subject] == PSEUDONYMISED
        and not asked_to_pseudonymise(spec, subject)
    )


def _released_actions(minimized: Minimized, spec: AnonymizeSpec) -> dict[str, str]:
    actions = dict(minimized.actions)
    if minimized.dataset.subject and _hidden_subject(minimized, spec):
        actions[minimized.dataset.subject] = DROPPED
    return actions
