"""What the files of boosted trees have in common: a native booster that answers by class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import InputError
from strongroom.models.foreign._base import ForeignModel, need_classes
from strongroom.models.foreign._table_codec import TableCodec
from strongroom.vault import Inspection, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

_NUMBERED = ("Column_", "f")  # what LightGBM and XGBoost call columns without names


class BoosterModel(ForeignModel):
    """A booster from its own file.

    A class beneath gives `_answer`, and `fit` where the file says how it was trained.

    Args:
        booster: the library's own.
        classes: names; "0", "1", … by default.
        outputs: how many numbers it gives a row; one is of the second of two classes.
        names: of the columns that it was trained on.
        target, columns: see `open_model`.
        settings: what it was trained with, where its file says it.
        known: its pandas categories, of each column of text in order.
    """

    estimator: Any
    fit: Callable[..., BoosterModel] | None = None

    def __init__(
        self,
        booster: Any,  # noqa: ANN401 - untyped libraries
        *,
        classes: Sequence[Any] | None,
        outputs: int,
        names: Sequence[str],
        target: str | None,
        columns: Sequence[str] | None,
        settings: Mapping[str, Any] | None = None,
        known: Sequence[Sequence[Any]] = (),
    ) -> None:
        given = [str(n) for n in names]
        wide = len(given)
        if all(n.startswith(_NUMBERED) and n.lstrip("Columnf_").isdigit() for n in given):
            given = []
        codec = TableCodec(
            columns or given or None,
            width=wide or None,
            frame=bool(known),
            categories=bool(known),
            known=known,
        )
        super().__init__(codec, need_classes(classes, max(2, outputs)), target)
        self.estimator = booster
        if settings is not None:
            self.recipe = {"class": self.kind, "settings": dict(settings)}

    def _content(self) -> Any:  # noqa: ANN401
        return {"classes": self.classes, "booster": self.estimator}


def lined_text(path: Path, data: bytes, form: str) -> Inspection:
    """Return the inspection of a file that is plain text and nothing else."""
    plain = all(b in b"\n\r\t" or 32 <= b < 127 or b >= 128 for b in set(data))  # noqa: PLR2004 - ASCII
    if plain:
        return Inspection(str(path), form, Verdict.SAFE, ())
    return Inspection(str(path), form, Verdict.UNKNOWN, ("bytes in it are no text",))


def read_small(path: Path | None, limit: int = 1 << 31) -> bytes:
    """Return a file's bytes.

    Raises:
        InputError: it can't be read, or is larger than the limit.
    """
    place = Path(path or "")
    try:
        if place.stat().st_size > limit:
            raise InputError(f"larger than {limit >> 20:,} MiB", where=str(place))
        return place.read_bytes()
    except OSError as error:
        raise InputError("the file can't be read", where=str(place)) from error


def squash(margins: NDArray[Any]) -> NDArray[np.float64]:
    """Return probabilities of scores [n, classes] or [n]."""
    scores = np.asarray(margins, np.float64)
    if scores.ndim == 1:
        scores = np.stack([np.zeros_like(scores), scores], axis=1)
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return found
