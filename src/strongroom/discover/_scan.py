"""Look at a dataset: what each column is, the role it should have, and why."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from strongroom.config import DiscoverSpec
from strongroom.data import Dataset, Kind, Role
from strongroom.discover._found import ART_9, ColumnFound, EntityShare, Found, Key, percent
from strongroom.discover._spans import find_column_spans, find_hits
from strongroom.discover._spoken import Spoken
from strongroom.discover.columns._leaves import leaves
from strongroom.discover.columns._roles import Verdict, judge, looks, suggest_target
from strongroom.discover.recognizers import load_recognizers
from strongroom.errors import DataError
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from strongroom.data.sources import Batch
    from strongroom.discover._detection import Detection, Recognizer
    from strongroom.discover._hits import Hits
    from strongroom.discover._languages import Language
    from strongroom.discover.columns._look import Look
    from strongroom.discover.columns._profile import Profile

_DEFAULT = DiscoverSpec()
# Rows of a dataset in memory that are looked at together.
_STEP = 1 << 17
_MOST_THREADS = 4


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
        progress: told the rows that were looked at.
        recognizers: instead of the installed ones.

    Raises:
        DataError: there is no column `target`.
    """
    began = time.perf_counter()
    if target is not None:
        dataset.require(target)
    table = _sample(dataset.table, spec.max_rows)
    look = look_with(spec, recognizers, prose=dataset.kind is Kind.TEXT)
    for row in range(0, max(1, table.num_rows), _STEP):
        progress.step(row, max(1, table.num_rows), "values")
        look.add(table.slice(row, _STEP))
    progress.step(table.num_rows, max(1, table.num_rows), "roles")
    found = judged(look, dataset.name, dataset.kind, target)
    return replace(found, rows=dataset.rows, seconds=time.perf_counter() - began)


def scan_batches(
    batches: Iterable[Batch],
    name: str,
    kind: Kind,
    spec: DiscoverSpec = _DEFAULT,
    target: str | None = None,
    recognizers: Sequence[Recognizer] | None = None,
    *,
    language: Language | None = None,
) -> Found:
    """Do as `scan` does with records that arrive in batches, in constant memory.

    All batches are looked at: what to leave out (`spec.max_rows`) is up to who gives them.

    Args:
        batches: tables; they may differ in columns and types.
        name: of what is looked at.
        kind: table or text.
        spec: country and lowest score.
        target: the column to predict; without it one may be suggested.
        recognizers: instead of the installed ones.
        language: of source code, whose lines come in their order.

    Raises:
        DataError: there is no column `target`, or the batches can't be read.
    """
    began = time.perf_counter()
    look = look_with(spec, recognizers, prose=kind is Kind.TEXT, language=language)
    rows, notes = 0, dict[str, None]()
    for batch in batches:
        look.add(batch.table)
        rows = max(rows, batch.first_row + batch.table.num_rows)
        notes |= dict.fromkeys(batch.notes)
    found = judged(look, name, kind, target)
    return replace(found, rows=rows, notes=tuple(notes), seconds=time.perf_counter() - began)


def look_with(
    spec: DiscoverSpec = _DEFAULT,
    recognizers: Sequence[Recognizer] | None = None,
    *,
    prose: bool = False,
    language: Language | None = None,
) -> Look:
    """Begin a look in which all tiers read; add batches to it, then have it `judged`.

    Args:
        spec: country and lowest score.
        recognizers: instead of the installed ones.
        prose: all strings are sentences, as in a text.
        language: of source code: strings are its lines.
    """
    from strongroom.discover.columns._look import Look

    said, text = Spoken(language) if language else None, prose

    # In columns that hold one thing each, who is named is told by the column as a whole.
    patterns = spec.model_copy(update={"names": False})

    def read(values: pa.Array, header: str, *, prose: bool) -> Hits:
        chosen = spec if prose else patterns
        # What the lines of a text are called is ours, and says nothing of what stands in them.
        named = "" if text else header
        return find_hits(values, chosen, recognizers, header=named, said=said)

    # Rules may be asked by several threads at once; of a stranger's recognizer nobody knows.
    alone = recognizers is not None or bool(load_recognizers(spec))
    threads = 1 if alone else min(os.cpu_count() or 1, _MOST_THREADS)
    return Look(read, prose=prose, in_order=said is not None, threads=threads)


def judged(look: Look, name: str, kind: Kind, target: str | None = None) -> Found:
    """Say what was seen.

    Args:
        look: what has been added up.
        name: of what was looked at.
        kind: table or text.
        target: the column to predict; without it one may be suggested.

    Raises:
        DataError: there is no column `target`.
    """
    profiles = look.profiles()
    if target is not None and all(p.source != target for p in profiles):
        raise DataError(f'no column "{target}" in {name}', where=name)
    keys: tuple[Key, ...] = ()
    if kind is Kind.TEXT:
        verdicts = [_corpus(p) for p in profiles]
    else:
        verdicts = _with_target(profiles, [judge(p) for p in profiles], target)
        verdicts, keys = _measured(profiles, verdicts)
    entities: dict[str, int] = {}
    for profile, verdict in zip(profiles, verdicts, strict=True):
        for entity, tally in profile.tallies.items():
            entities[entity] = entities.get(entity, 0) + tally.spans
        if verdict.entity and verdict.entity not in profile.tallies:
            whole = round(verdict.share * profile.present)
            entities[verdict.entity] = entities.get(verdict.entity, 0) + whole
    return Found(
        name=name,
        kind=kind,
        rows=look.rows,
        looked_at=look.rows,
        columns=tuple(_column(p, v) for p, v in zip(profiles, verdicts, strict=True)),
        entities=dict(sorted(entities.items())),
        keys=keys,
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


def _corpus(profile: Profile) -> Verdict:
    held = sum(t.spans for t in profile.tallies.values())
    reason = f"personal data in {held:,} places: redacted inside" if held else "nothing found"
    return Verdict(Role.FEATURE, "free text", reason, "free_text", free_text=True)


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
    if ART_9 in verdicts[place].reason:
        # A special category is one as a target, too.
        why = f"{verdicts[place].reason}; {why}"
    changed[place] = Verdict(Role.TARGET, classes, why, verdicts[place].sort)
    return changed


def _measured(
    profiles: list[Profile], verdicts: list[Verdict]
) -> tuple[list[Verdict], tuple[Key, ...]]:
    """Find out who is singled out; complete the reason of every quasi-identifier by how many."""
    from strongroom.discover.columns._keys import Search

    def codes(role: Role) -> dict[str, np.ndarray]:
        return {
            p.name: p.sampled
            for p, v in zip(profiles, verdicts, strict=True)
            if v.role is role and p.aligned and not v.free_text
        }

    # A person with many rows is not hidden among them.
    told = [p for p, v in zip(profiles, verdicts, strict=True) if v.sort == "person_key"]
    persons = told[0].sampled if len(told) == 1 and told[0].aligned else None
    known, others = codes(Role.QUASI_IDENTIFIER), codes(Role.FEATURE)
    search = Search(known, persons)
    together = search.together()
    keys = search.keys()
    if others:
        further = Search(known | others, persons).keys(most=3, beside=tuple(others))
        keys += tuple(k for k in further if not any(set(o.columns) < set(k.columns) for o in keys))
    completed = []
    for profile, verdict in zip(profiles, verdicts, strict=True):
        if verdict.measured and profile.name in together:
            key = together[profile.name]
            verb = "single" if len(key.columns) > 1 else "singles"
            said = f"{' + '.join(key.columns)} {verb} out {percent(key.share)} of rows"
            completed.append(replace(verdict, reason=f"{verdict.reason}; {said}"))
        else:
            completed.append(verdict)
    return completed, keys


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
        sort=verdict.sort,
        reason=verdict.reason,
        entities=tuple(shares),
        distinct=profile.distinct,
        missing=profile.missing,
        free_text=verdict.free_text,
        column=profile.source,
    )
