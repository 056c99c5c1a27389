"""Other engines as recognizers: spaCy, GLiNER, a Presidio analyzer, named in `[discover]`.

`recognizers = ["spacy:MODEL", "gliner:FOLDER", "presidio:LANGUAGE"]`. Their packages and models are
the user's own: nothing here downloads any, and none is needed for anything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from strongroom.discover._detection import Recognizer

ENGINES = ("gliner", "presidio", "spacy")


def open_engine(said: str) -> Recognizer:
    """Return the recognizer that `engine:what` names.

    Raises:
        ConfigError: no such engine, or its package or model isn't there.
    """
    engine, _, what = said.partition(":")
    if engine not in ENGINES:
        raise ConfigError(
            f'there is no engine called "{engine}"',
            where=f"[discover] recognizers: {said}",
            hint=did_you_mean(engine, ENGINES) or f"engines: {', '.join(ENGINES)}",
        )
    try:
        if engine == "spacy":
            from strongroom.discover.recognizers.foreign._spacy import SpacyRecognizer

            return SpacyRecognizer(what)
        if engine == "gliner":
            from strongroom.discover.recognizers.foreign._gliner import GlinerRecognizer

            return GlinerRecognizer(what)
        from strongroom.discover.recognizers.foreign._presidio import PresidioRecognizer

        return PresidioRecognizer(what)
    except ImportError as error:
        raise ConfigError(
            f"{engine} isn't installed",
            where=f"[discover] recognizers: {said}",
            hint=f"pip install {'presidio-analyzer' if engine == 'presidio' else engine}",
        ) from error
