"""Look at a dataset: what each column is, the role it should have, and why."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from strongroom.config import DiscoverSpec
from strongroom.data import Dataset, Kind, Role, image_column
from strongroom.discover._found import ColumnFound, EntityShare, Found, percent
from strongroom.discover._spans import find_column_spans
from strongroom.discover.columns._leaves import leaves
from strongroom.discover.columns._profile import Profile, look
from strongroom.discover.columns._quasi import singled_out
from strongroom.discover.columns._roles import Verdict, judge, looks, suggest_target
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from strongroom.discover._detection import Detection, Recognizer

_DEFAULT = DiscoverSpec()


def scan(
    dataset: Dataset,
    spec: DiscoverSpec = _DEFAULT,
    target: str | None = None,
    progress: Progress = SILENT,
    recognizers: Sequence[Recognizer] | None = None,
) -> Found:
    """Find where a dataset holds personal data and suggest a role for every column.

    Args:
        dataset: a table or a text corpus.
        spec: country, lowest score, and how many rows to look at.
        target: the column to predict; without it one may be suggested.
        progress: told after every column.
        recognizers: instead of the installed ones.

    Raises:
        DataError: there is no column `target`.
    """
    began = time.perf_counter()
    if target is not None:
        dataset.require(target)
    table = _sample(dataset.table, spec.max_rows)
    parts = list(leaves(table))
    profiles = []
    for i, leaf in enumerate(parts):
        progress.step(i, len(parts), leaf.name)
        profiles.append(look(leaf, spec, recognizers))
    progress.step(len(parts), max(1, len(parts)), "roles")
    if dataset.kind is Kind.TEXT:
        verdicts = [_corpus(p) for p in profiles]
    else:
        verdicts = _measured(profiles, _with_target(profiles, [judge(p) for p in profiles], target))
        verdicts = _images(table, profiles, verdicts)
    columns = tuple(_column(p, v) for p, v in zip(profiles, verdicts, strict=True))
    entities: dict[str, int] = {}
    for profile, verdict in zip(profiles, verdicts, strict=True):
        for entity, tally in profile.tallies.items():
            entities[entity] = entities.get(entity, 0) + tally.spans
        if verdict.entity and verdict.entity not in profile.tallies:
            whole = round(verdict.share * profile.present)
            entities[verdict.entity] = entities.get(verdict.entity, 0) + whole
    return Found(
        name=dataset.name,
        kind=dataset.kind,
        rows=dataset.rows,
        looked_at=table.num_rows,
        columns=columns,
        entities=dict(sorted(entities.items())),
        seconds=time.perf_counter() - began,
    )


def find_dataset_spans(
    dataset: Dataset,
    spec: DiscoverSpec = _DEFAULT,
    recognizers: Sequence[Recognizer] | None = None,
) -> Iterator[tuple[int, str, Detection]]:
    """Yield (row, field, detection) over every column of strings, nested ones by dotted path.

    Offsets are code points of that field. In a list of strings the field is the element's.
    """
    for leaf in leaves(dataset.table):
        if pa.types.is_large_string(leaf.values.type):
            header = "" if dataset.kind is Kind.TEXT else leaf.header
            for place, found in find_column_spans(leaf.values, spec, recognizers, header=header):
                yield leaf.row_of(place), leaf.name, found


def _sample(table: pa.Table, most: int) -> pa.Table:
    """Take `most` rows, evenly spread; the same ones every time."""
    if not 0 < most < table.num_rows:
        return table
    return table.take(pa.array(np.linspace(0, table.num_rows - 1, most).astype(np.int64)))


def _images(
    table: pa.Table, profiles: Sequence[Profile], verdicts: Sequence[Verdict]
) -> list[Verdict]:
    """Say of columns of images that nobody looked into them."""
    reason = "not looked into: what pixels show is not known here, what the files say is dropped"
    image = Verdict(Role.FEATURE, "image", reason)
    return [
        image
        if p.leaf.name in table.column_names and image_column(table.select([p.leaf.name]))
        else v
        for p, v in zip(profiles, verdicts, strict=True)
    ]


def _corpus(profile: Profile) -> Verdict:
    held = sum(t.spans for t in profile.tallies.values())
    reason = f"personal data in {held:,} places: redacted inside" if held else "nothing found"
    return Verdict(Role.FEATURE, "free text", reason, free_text=True)


def _with_target(
    profiles: list[Profile], verdicts: list[Verdict], target: str | None
) -> list[Verdict]:
    if target is not None:
        why = "you named it"
        place = next((i for i, p in enumerate(profiles) if p.name == target), None)
    else:
        why, place = "suggested by its name or place", suggest_target(profiles, verdicts)
    if place is None:
        return verdicts
    distinct = profiles[place].distinct
    classes = f"{distinct} classes" if profiles[place].kind != "float" else looks(profiles[place])
    changed = list(verdicts)
    changed[place] = Verdict(Role.TARGET, classes, why)
    return changed


def _measured(profiles: list[Profile], verdicts: list[Verdict]) -> list[Verdict]:
    """Complete the reason of every quasi-identifier by how many rows it helps to single out."""
    codes = {
        p.name: p.leaf.encoded[1]
        for p, v in zip(profiles, verdicts, strict=True)
        if v.measured and p.leaf.owners is None
    }
    measured = singled_out(codes)
    completed = []
    for profile, verdict in zip(profiles, verdicts, strict=True):
        if verdict.measured and profile.name in measured:
            together, share = measured[profile.name]
            verb = "single" if len(together) > 1 else "singles"
            said = f"{' + '.join(together)} {verb} out {percent(share)} of rows"
            completed.append(replace(verdict, reason=f"{verdict.reason}; {said}"))
        else:
            completed.append(verdict)
    return completed


def _column(profile: Profile, verdict: Verdict) -> ColumnFound:
    shares = [
        EntityShare(
            entity,
            round(tally.values / profile.present, 4),
            round(tally.score / tally.values, 3),
        )
        for entity, tally in profile.tallies.items()
    ]
    if verdict.entity:
        # What the whole column is comes first, and replaces a chance reading of the same values.
        shares = [s for s in shares if s.entity != verdict.entity]
    shares.sort(key=lambda s: (-s.share, s.entity))
    if verdict.entity:
        shares.insert(0, EntityShare(verdict.entity, round(verdict.share, 4), verdict.confidence))
    return ColumnFound(
        name=profile.name,
        role=verdict.role,
        looks_like=verdict.looks_like,
        reason=verdict.reason,
        entities=tuple(shares),
        distinct=profile.distinct,
        missing=profile.missing,
        free_text=verdict.free_text,
        column=profile.leaf.source,
    )
