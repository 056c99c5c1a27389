"""`strongroom scan`: where personal data is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from strongroom.cli._options import Common, common
from strongroom.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.config import DiscoverSpec
    from strongroom.data import Dataset


@click.command("scan", help="Find personal data in files: columns with their roles, and free text.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--target", help="The column to predict, so that it isn't guessed.")
@click.option("--country", default="US", show_default=True, help="For local phone numbers and ids.")
@click.option("--spans", is_flag=True, help="JSON lines, one per find: path, row, field, offsets.")
@click.option("--reveal", is_flag=True, help="With --spans: print the values too. Careful.")
@common
def command(
    flags: Common,
    paths: tuple[str, ...],
    target: str | None,
    country: str,
    spans: bool,
    reveal: bool,
) -> int:
    """Look at each file; a file that can't be read is named and makes the exit code 2."""
    from strongroom.config import DiscoverSpec
    from strongroom.data import read_dataset
    from strongroom.discover import scan

    if len(country) != 2 or not country.isalpha():  # noqa: PLR2004 - ISO 3166 alpha-2
        raise InputError(f'"{country}" is not a country code', hint="two letters, such as US or DE")
    spec = DiscoverSpec(country=country.upper())
    files: list[dict[str, Any]] = []
    errors: list[DataError] = []
    for path in _files(paths):
        try:
            dataset = _stdin() if path == "-" else read_dataset(path)
            if spans:
                _print_spans(path, dataset, spec, reveal=reveal)
                continue
            with flags.console.bar(Path(path).name) as bar:
                found = scan(dataset, spec, target=target, progress=bar)
        except DataError as error:
            flags.console.error(error) if len(paths) > 1 and not flags.console.as_json else None
            errors.append(error)
            continue
        files.append({**found.to_json(), "path": path})
        flags.console.say(str(found))
        flags.console.say()
    if errors and not files and not spans and len(errors) == 1:
        raise errors[0]
    if not spans:
        problems = [{"what": e.what, "where": e.where, "hint": e.hint} for e in errors]
        flags.console.document("scan", {"files": files, "errors": problems})
    return 2 if errors else 0


def _files(paths: Sequence[str]) -> list[str]:
    """Expand folders into the files that can be read; a named file stays as it is."""
    from strongroom.data import readable

    found: list[str] = []
    for path in paths:
        folder = Path(path)
        if path != "-" and folder.is_dir():
            inside = sorted(str(p) for p in folder.rglob("*") if p.is_file() and readable(p))
            if not inside:
                raise DataError("no file here that can be read", where=path)
            found += inside
        else:
            found.append(path)
    return found


def _stdin() -> Dataset:
    from strongroom.data import read_content

    return read_content(sys.stdin.buffer.read(), "stdin")


def _print_spans(path: str, dataset: Dataset, spec: DiscoverSpec, *, reveal: bool) -> None:
    from strongroom.discover import find_dataset_spans

    for row, field, hit in find_dataset_spans(dataset, spec):
        line = {
            "path": path,
            "row": row,
            "field": field,
            "start": hit.start,
            "end": hit.end,
            "entity": hit.entity,
            "score": round(hit.score, 3),
        }
        if reveal and field in dataset.columns:
            text = str(dataset.table.column(field)[row].as_py())
            line["value"] = text[hit.start : hit.end]
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
