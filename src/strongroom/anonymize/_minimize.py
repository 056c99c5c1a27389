"""Minimising: what can be taken out of each row by looking at that row alone.

Direct identifiers are dropped or pseudonymised, free text is redacted, image files are cut to their
pixels. No row's result depends on another row, so a private training that reads the result needs to
pay nothing for it. *Which* columns are treated how is decided before, by declaration or by
discover, and is public.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from strongroom.anonymize._pseudonyms import Pseudonymiser
from strongroom.anonymize._redaction import is_text, redact
from strongroom.config import DiscoverSpec
from strongroom.data import Kind, Role, image_column, without_metadata
from strongroom.discover import scan
from strongroom.errors import DataError
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from strongroom.config import AnonymizeSpec, ColumnSpec
    from strongroom.data import Dataset

DROPPED, PSEUDONYMISED, GENERALISED, KEPT = "dropped", "pseudonymised", "generalised", "kept"
BARE = "kept, without what the image files say beside their pixels"
LEFT_OUT, NESTED = "left out (ignored)", "left out (lists can't be looked into)"

# Roles under which the subject column is an identifier like any other; a subject that is declared
# a quasi-identifier, sensitive or the target stays what it was declared.
_SUBJECT_IDENTIFIES = {Role.DIRECT_IDENTIFIER, Role.IGNORE, Role.FEATURE}


@dataclass(frozen=True)
class Minimized:
    """A dataset without direct identifiers.

    Attributes:
        dataset: the rows, as many and in the same order as before. A pseudonymised column has the
            role `ignore`; the subject column is there, pseudonymised, as the privacy unit.
        actions: column to what was done with it. Ignored columns and lists are left out.
        redacted: entity to how many stretches of text were replaced.
    """

    dataset: Dataset
    actions: dict[str, str]
    redacted: dict[str, int] = field(default_factory=dict)


def minimize(
    dataset: Dataset,
    spec: AnonymizeSpec,
    pseudonym_key: bytes,
    discover_spec: DiscoverSpec | None = None,
    *,
    columns: Mapping[str, ColumnSpec] | None = None,
    text_columns: Sequence[str] | None = None,
    progress: Progress = SILENT,
) -> Minimized:
    """Take direct identifiers and personal data in free text out of every row.

    Args:
        dataset: a table or a text corpus. Columns without a role get the one discover suggests.
        spec: what happens to direct identifiers and to text.
        pseudonym_key: at least 16 secret bytes.
        discover_spec: what counts as personal data in text.
        columns: declarations; their roles override the dataset's.
        text_columns: which columns are free text; by default what discover says.
        progress: told while discover looks.

    Raises:
        DataError: a column that is named doesn't exist.
        InputError: the key is too short.
    """
    discover_spec = discover_spec or DiscoverSpec()
    dataset, texts = decide(dataset, columns or {}, discover_spec, text_columns, progress)
    identifiers = [c for c in dataset.columns if _identifies(dataset, c)]
    for name in spec.pseudonymise:
        dataset.require(name)
    direct = [*identifiers, *(c for c in spec.pseudonymise if c not in identifiers)]
    texts = tuple(c for c in texts if c not in direct)
    # What nobody uses need not be there, and what can't be looked into can't be vouched for.
    unused = {
        c: LEFT_OUT if dataset.roles.get(c) is Role.IGNORE else NESTED
        for c in dataset.columns
        if c not in direct
        and (dataset.roles.get(c) is Role.IGNORE or pa.types.is_nested(dataset.table[c].type))
    }
    own = {
        c: dataset.table[c] for c in identifiers if not pa.types.is_nested(dataset.table[c].type)
    }
    redacted = redact(dataset, spec.text, pseudonym_key, discover_spec, texts, own)
    pseudonymiser = Pseudonymiser(pseudonym_key)
    table, roles = redacted.dataset.table, dict(dataset.roles)
    actions = dict.fromkeys(dataset.columns, KEPT)
    actions.update(dict.fromkeys(texts, f"redacted ({spec.text})"))
    actions.update(unused)
    table = table.drop_columns(list(unused))
    for name in table.column_names:
        if name not in direct and image_column(table.select([name])):
            at = table.column_names.index(name)
            bare = without_metadata(table[name], where=f"{dataset.name}, {name}")
            table, actions[name] = table.set_column(at, name, bare), BARE
    for name in direct:
        at = table.column_names.index(name)
        if name == dataset.subject or asked_to_pseudonymise(spec, name):
            _require_text_form(table[name].type, name)
            table = table.set_column(at, name, pseudonymiser.tokens(table[name], name))
            roles[name], actions[name] = Role.IGNORE, PSEUDONYMISED
        else:
            table = table.remove_column(at)
            actions[name] = DROPPED
    return Minimized(dataset.with_roles(roles).with_table(table), actions, redacted.counts)


def decide(
    dataset: Dataset,
    columns: Mapping[str, ColumnSpec],
    discover_spec: DiscoverSpec,
    text_columns: Sequence[str] | None,
    progress: Progress,
) -> tuple[Dataset, tuple[str, ...]]:
    """Give every column a role, and say which hold free text.

    What is declared wins; what isn't comes from discover, so that an e-mail column that nobody
    named is not released as a plain feature.
    """
    for name in (*columns, *(text_columns or ())):
        dataset.require(name)
    of_text = tuple(c for c in dataset.columns if is_text(dataset.table[c].type))
    if dataset.kind is Kind.TEXT:
        return dataset, of_text
    declared = {c: Role(s.role) for c, s in columns.items() if s.role}
    roles = {**dataset.roles, **declared}
    if text_columns is None or set(dataset.columns) - set(roles):
        found = scan(dataset, discover_spec, dataset.with_roles(roles).target, progress)
        roles = {**found.roles, **roles}
        if text_columns is None:
            text_columns = found.free_text
    return dataset.with_roles(roles), tuple(c for c in of_text if c in set(text_columns))


def asked_to_pseudonymise(spec: AnonymizeSpec, column: str) -> bool:
    """Whether the user wants this identifier to stay as a pseudonym."""
    return spec.direct == "pseudonymise" or column in spec.pseudonymise


def _identifies(dataset: Dataset, column: str) -> bool:
    role = dataset.roles.get(column, Role.FEATURE)
    subject = column == dataset.subject and role in _SUBJECT_IDENTIFIES
    return role is Role.DIRECT_IDENTIFIER or subject


def _require_text_form(kind: pa.DataType, name: str) -> None:
    if pa.types.is_nested(kind):
        raise DataError(
            f'column "{name}" holds {kind} values, which cannot be pseudonymised',
            where=name,
            hint='drop it: direct = "drop"',
        )
