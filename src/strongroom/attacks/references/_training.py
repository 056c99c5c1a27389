"""Trains reference models part by part: what is finished is kept, and memory may run out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from strongroom.attacks.references._cache import digest_of_array, key_of
from strongroom.errors import InputError, WorkspaceError
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._situation import Rows
    from strongroom.attacks.references._cache import SignalCache
    from strongroom.attacks.references._recipe import Fitted, Recipe

FARTHEST = 1e4  # a signal beyond it is as good as certain; infinity would spoil means
_OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "Unable to allocate")


@dataclass(eq=False)
class Training:
    """Models of a recipe, and what they say.

    Attributes:
        recipe: how they are trained.
        rows: that they choose from.
        classes: how many there are.
        membership: bool [M, n]: which rows each learns from.
        seed: of everything random.
        cache: where signals are kept, or None.
        found: how many models' signals came from there.
        trouble: why nothing is kept, where something should be.
    """

    recipe: Recipe
    rows: Rows
    classes: int
    membership: NDArray[np.bool_]
    seed: int
    cache: SignalCache | None = None
    found: int = 0
    trouble: str = ""
    _fitted: dict[int, list[Fitted]] = field(default_factory=dict)
    _digest: tuple[bytes, bytes] | None = None

    def signals(self, asked: Rows, progress: Progress = SILENT) -> NDArray[np.float32]:
        """Return float32 [M, n]: what each model says of each row; NaN where it went wrong.

        Raises:
            InputError: memory doesn't do for a single model.
        """
        models, step = len(self.membership), max(1, self.recipe.together)
        out = np.empty((models, len(asked)), np.float32)
        for begin in range(0, models, step):
            part = range(begin, min(begin + step, models))
            key = self._key(part, asked) if self.cache is not None else ""
            shape = (len(part), len(asked))
            known = self.cache.get(key, shape) if self.cache is not None else None
            if known is not None:
                self.found += len(part)
            else:
                told = _Part(progress, part, models)
                # Never infinite; NaN stays, and is dealt with where it is known what it means.
                known = np.concatenate([f.confidence(asked) for f in self._of(part, told)])
                known = np.clip(known, -FARTHEST, FARTHEST).astype(np.float32)
                self._keep(key, known)
            out[part.start : part.stop] = known
            progress.step(part.stop, models, f"{part.stop} of {models} shadow models")
        return out

    def _keep(self, key: str, signals: NDArray[np.float32]) -> None:
        if self.cache is None:
            return
        try:
            self.cache.put(key, signals)
        except WorkspaceError as error:
            # A full disk costs the next audit time; it shall not cost this one its result.
            self.cache, self.trouble = None, error.what

    def _of(self, part: range, progress: Progress) -> list[Fitted]:
        if part.start not in self._fitted:
            self._fitted[part.start] = self._train(part, progress)
        return self._fitted[part.start]

    def _train(self, part: range, progress: Progress) -> list[Fitted]:
        """Train models; in halves where memory doesn't do."""
        try:
            return [
                self.recipe.train(
                    self.rows,
                    self.classes,
                    self.membership[part.start : part.stop],
                    seed=self.seed,
                    first=part.start,
                    learnt=float(self.membership.sum(axis=1).mean()),
                    progress=progress,
                )
            ]
        except (MemoryError, RuntimeError) as error:
            short = isinstance(error, MemoryError) or any(m in str(error) for m in _OUT_OF_MEMORY)
            if not short:
                raise
            if len(part) == 1:
                raise InputError(
                    "memory doesn't do for training one shadow model",
                    hint="attack fewer rows, or use a machine with more memory",
                ) from error
        middle = part.start + len(part) // 2
        return [
            *self._train(range(part.start, middle), progress),
            *self._train(range(middle, part.stop), progress),
        ]

    def _key(self, part: range, asked: Rows) -> str:
        if self._digest is None:
            self._digest = digest_of_array(self.rows.inputs), digest_of_array(self.rows.labels)
        about = [np.frombuffer(d, np.uint8) for d in self._digest]
        member = np.packbits(self.membership[part.start : part.stop], axis=1)
        # The same rows are asked for as were learnt from, most often: one digest does for both.
        same = asked is self.rows
        arrays = [*about, member, *([] if same else [asked.inputs, asked.labels])]
        learnt = float(self.membership.sum(axis=1).mean())
        numbers = (self.seed, self.classes, part.start, learnt)
        return key_of(self.recipe.identity(), arrays, numbers)


@dataclass(frozen=True)
class _Part:
    """A part of a larger progress."""

    whole: Progress
    part: range
    models: int

    def step(self, done: float, total: float, note: str = "") -> None:
        """Tell the whole what this part's step means for it."""
        share = len(self.part) * done / max(total, 1e-9)
        said = note or f"shadow models {self.part.start + 1} to {self.part.stop} of {self.models}"
        self.whole.step(self.part.start + share, self.models, said)
