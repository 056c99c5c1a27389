"""The names that a spaCy pipeline finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import spacy

from strongroom.discover._detection import Detection
from strongroom.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

# What spaCy's models call things, in OntoNotes' and in WikiNER's words.
LABELS = {
    "PERSON": "PERSON", "PER": "PERSON", "GPE": "GPE", "LOC": "LOCATION", "FAC": "LOCATION",
    "ORG": "ORGANIZATION", "NORP": "NRP", "DATE": "DATE_TIME", "TIME": "DATE_TIME",
}  # fmt: skip
_SCORE = 0.75
_LONGEST = 100_000


class SpacyRecognizer:
    """Finds what the pipeline's `ents` name; `MODEL` is an installed package or a folder."""

    name = "spacy"
    entities = tuple(sorted(set(LABELS.values())))

    def __init__(self, model: str) -> None:
        """Load the pipeline.

        Raises:
            ConfigError: it isn't there.
        """
        try:
            self._pipeline: Any = spacy.load(model)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f'spaCy has no model "{model}"',
                where=f"[discover] recognizers: spacy:{model}",
                hint="install it as a package, or give the folder it was saved in",
            ) from error

    def find(self, text: str) -> Iterator[Detection]:
        """Yield names; a long text is read in parts, since spaCy bounds what it reads."""
        for first, part in parts(text, _LONGEST):
            for one in self._pipeline(part).ents:
                entity = LABELS.get(one.label_)
                if entity:
                    yield Detection(
                        entity, first + one.start_char, first + one.end_char, _SCORE, self.name
                    )


def parts(text: str, longest: int) -> Iterator[tuple[int, str]]:
    """Cut a text at white space into parts of at most `longest` code points, with their places."""
    first = 0
    while first < len(text):
        last = min(len(text), first + longest)
        if last < len(text):
            cut = max(text.rfind(blank, first + longest // 2, last) for blank in " \n")
            last = cut + 1 if cut >= 0 else last
        yield first, text[first:last]
        first = last
