"""The user's own files: read anew by each stage that needs them, known by their digest."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from strongroom.data import Dataset, Role, read_dataset, split
from strongroom.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pathlib import Path

    from strongroom.stages._stage import Way


def digests(way: Way) -> dict[str, str]:
    """SHA-256 of each source file, by its name in the configuration.

    Raises:
        DataError: one is missing.
    """
    data = way.config.data
    return {name: digest(way.path(name)) for name in (data.source, data.test) if name}


def declared_roles(way: Way) -> dict[str, str]:
    """The roles that the configuration names."""
    data = way.config.data
    roles: dict[str, str] = {name: spec.role for name, spec in data.columns.items() if spec.role}
    if data.target:
        roles[data.target] = Role.TARGET.value
    return roles


def read(way: Way) -> tuple[Dataset, Dataset]:
    """Read the rows to train on and the rows to test on, without roles.

    Raises:
        DataError: a file can't be read, or the two don't have the same columns.
        ConfigError: the configuration names a column that isn't there.
    """
    data = way.config.data
    source = read_dataset(way.path(data.source))
    _check_columns(way, source)
    source = Dataset.of(source, subject=data.subject)
    if data.test is None:
        return split(source, data.test_fraction, way.workspace.keyring.subkey("split"))
    test = read_dataset(way.path(data.test))
    missing = [c for c in source.columns if c not in test.columns]
    if missing:
        raise DataError(
            f'the test file has no column "{missing[0]}"',
            where=str(way.path(data.test)),
            hint=f"both files need the columns of {data.source}",
        )
    return source, Dataset.of(test, subject=data.subject)


def read_like(way: Way, path: Path, like: Dataset) -> Dataset:
    """Read rows that are nobody's secret, with the columns and roles of the private ones.

    Raises:
        DataError: the file can't be read, or a column is missing.
    """
    public = read_dataset(path)
    missing = [c for c in like.columns if c not in public.columns]
    if missing:
        raise DataError(
            f'the public rows have no column "{missing[0]}"',
            where=str(path),
            hint=f"they need the columns of {way.config.data.source}",
        )
    return public.with_table(public.table.select(list(like.columns))).with_roles(like.roles)


def with_roles(way: Way, dataset: Dataset) -> Dataset:
    """Give a dataset the roles that discover suggested and the configuration decided."""
    roles: dict[str, Any] = way.docs["discover"]["roles"]
    return dataset.with_roles({c: Role(roles[c]) for c in dataset.columns if c in roles})


def named_columns(way: Way) -> list[tuple[str, str]]:
    """The columns that the configuration names, each with the place that names it."""
    data = way.config.data
    named = [(c, f"[data.columns.{c}]") for c in data.columns]
    named += [(data.target or "", "[data] target"), (data.subject or "", "[data] subject")]
    named += [(c, "[anonymize] pseudonymise") for c in way.config.anonymize.pseudonymise]
    named += [(c, "[audit] immutable") for c in way.config.audit.immutable]
    return [(column, place) for column, place in named if column]


def _check_columns(way: Way, dataset: Dataset) -> None:
    for column, place in named_columns(way):
        try:
            dataset.require(column)
        except DataError as error:
            raise ConfigError(
                f"{place}: {error.what}", where=way.config.data.source, hint=error.hint
            ) from error


def digest(path: Path) -> str:
    """SHA-256 of a file, or of a folder: of the names and contents of everything in it.

    Raises:
        DataError: it is missing.
    """
    if path.is_dir():
        found = hashlib.sha256()
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            found.update(f"{file.relative_to(path).as_posix()}\0{digest(file)}\0".encode())
        return found.hexdigest()
    if not path.is_file():
        raise DataError(
            "no such file", where=str(path), hint="check [data] source and test in strongroom.toml"
        )
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
