"""What a Presidio analyzer finds, with a spaCy pipeline behind it or with its patterns alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import spacy
import tldextract
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import SpacyNlpEngine

from strongroom.discover._detection import Detection
from strongroom.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator


class PresidioRecognizer:
    """Finds what Presidio's own recognizers find: `presidio:en`, or `presidio:en:MODEL`.

    Without a model its patterns and check digits work, and names aren't found.
    """

    name = "presidio"

    def __init__(self, said: str) -> None:
        """Make the analyzer.

        Raises:
            ConfigError: Presidio doesn't know the language, or spaCy the model.
        """
        language, _, model = (said or "en").partition(":")
        try:
            pipeline = spacy.load(model) if model else spacy.blank(language)
            # Presidio's own loader would download what is missing.
            engine = SpacyNlpEngine()
            engine.nlp = {language: pipeline}
            registry = RecognizerRegistry(supported_languages=[language])
            registry.load_predefined_recognizers(languages=[language])
            self._analyzer: Any = AnalyzerEngine(
                registry=registry,
                nlp_engine=engine,
                supported_languages=[language],
            )
        except (OSError, ValueError, ImportError) as error:
            raise ConfigError(
                "this Presidio analyzer can't be made",
                where=f"[discover] recognizers: presidio:{said}",
                hint="presidio:LANGUAGE or presidio:LANGUAGE:SPACY_MODEL",
            ) from error
        # Presidio asks it about domains; by itself it would fetch the newest list of them.
        tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
        self._language = language
        self.entities = tuple(sorted(self._analyzer.get_supported_entities(language)))

    def find(self, text: str) -> Iterator[Detection]:
        """Yield what the analyzer returns; its names of entities are ours."""
        for one in self._analyzer.analyze(text, self._language):
            score = min(1.0, float(one.score))
            yield Detection(one.entity_type, one.start, one.end, score, self.name)
