"""Notes that a reader can only make at the end go out with its last batch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from strongroom.data.sources._document import Batch


def with_notes(batches: Iterable[Batch], notes: Callable[[], tuple[str, ...]]) -> Iterator[Batch]:
    """Yield batches; the last one says `notes()`, also where reading ends with an error."""
    last: Batch | None = None
    try:
        for batch in batches:
            if last is not None:
                yield last
            last = batch
    except Exception:
        if last is not None:
            yield replace(last, notes=(*last.notes, *notes()))
        raise
    if last is not None:
        yield replace(last, notes=(*last.notes, *notes()))
