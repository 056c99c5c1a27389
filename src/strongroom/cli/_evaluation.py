"""`strongroom scan --evaluate`: how well personal data is found in texts with known answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from strongroom.cli._options import Common
    from strongroom.config import DiscoverSpec
    from strongroom.discover import Detection
    from strongroom.discover.evaluation import Gold

_LEAST = 0.05
"""What scores lower isn't even looked at when thresholds are compared."""


def run(
    flags: Common, gold: Path, paths: Sequence[str], spec: DiscoverSpec, *, reveal: bool
) -> int:
    """Print precision, recall and their harmonic means, with intervals and the worst mistakes."""
    from strongroom.discover import entities_of, find_hits
    from strongroom.discover.evaluation import evaluate

    low = spec.model_copy(update={"min_score": min(spec.min_score, _LEAST)})

    def find(texts: list[str]) -> list[list[Detection]]:
        column = pa.array(texts, pa.large_string())
        hits = find_hits(column, low, overlaps=True).detections(column)
        return [hits.get(row, []) for row in range(len(texts))]

    with flags.console.bar("evaluate") as bar:
        measured = evaluate(
            _gold(gold, paths), find, min_score=spec.min_score, reveal=reveal, progress=bar
        )
    flags.console.say(str(measured))
    strange = [e.entity for e in measured.entities if e.entity not in entities_of(spec)]
    if strange:
        flags.console.say(f"marked, but nothing here looks for it: {', '.join(strange)}")
    flags.console.document("evaluate", measured.to_json())
    return 0


def _gold(path: Path, sources: Sequence[str]) -> Iterator[Gold]:
    """Read gold that has its texts, or marks beside the files that they are about."""
    from strongroom.discover.evaluation import paired, read_gold, read_marks

    if not sources:
        return read_gold(path)
    return paired(_texts(sources), read_marks(path))


def _texts(sources: Sequence[str]) -> Iterator[tuple[tuple[str, int, str], str]]:
    from strongroom.discover import source_texts

    yield from source_texts(sources)
