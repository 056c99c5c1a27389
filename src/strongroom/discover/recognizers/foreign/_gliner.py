"""What a GLiNER model finds, from a local folder of safetensors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gliner import GLiNER

from strongroom.discover._detection import Detection
from strongroom.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

# What the model is asked for, in the words that such models were trained with.
LABELS = {
    "person": "PERSON", "organization": "ORGANIZATION", "city": "GPE", "country": "GPE",
    "location": "LOCATION", "street address": "STREET_ADDRESS", "job title": "PROFESSION",
    "nationality": "NRP", "religion": "NRP", "age": "AGE", "date": "DATE_TIME",
}  # fmt: skip
_THRESHOLD = 0.5
# Such models read a few hundred words and marks, and leave out what is beyond.
_WORD = re.compile(r"\w+|\S")
_FEWEST = 16


class GlinerRecognizer:
    """Finds what the labels above name; the folder holds `model.safetensors` and its settings."""

    name = "gliner"
    entities = tuple(sorted(set(LABELS.values())))

    def __init__(self, folder: str) -> None:
        """Load the model.

        Raises:
            ConfigError: the folder isn't there, or holds no safetensors: a pickle is never read.
        """
        where = f"[discover] recognizers: gliner:{folder}"
        if not (Path(folder) / "model.safetensors").is_file():
            raise ConfigError(
                "a GLiNER model is a local folder with model.safetensors in it",
                where=where,
                hint="nothing is downloaded, and a pytorch_model.bin is never opened",
            )
        try:
            self._model: Any = GLiNER.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ConfigError("this GLiNER model can't be loaded", where=where) from error

    def find(self, text: str) -> Iterator[Detection]:
        """Yield what is found, part by part of a long text."""
        for first, part in self._parts(text):
            for one in self._model.predict_entities(part, list(LABELS), threshold=_THRESHOLD):
                yield Detection(
                    LABELS[one["label"]],
                    first + int(one["start"]),
                    first + int(one["end"]),
                    min(1.0, float(one["score"])),
                    self.name,
                )

    def _parts(self, text: str) -> Iterator[tuple[int, str]]:
        """Cut a text into parts that the model reads to their end, with their places."""
        most = max(_FEWEST, int(getattr(self._model.config, "max_len", 0) or 0))
        words = [word.span() for word in _WORD.finditer(text)]
        for i in range(0, len(words), most):
            first, last = words[i][0], words[min(i + most, len(words)) - 1][1]
            yield first, text[first:last]
