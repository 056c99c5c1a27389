"""What attacks are given: rows, a target, and what an attacker may know of how it was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from strongroom.attacks._results import NotEvaluable
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from strongroom.attacks._results import Result
    from strongroom.attacks.extraction import Plant
    from strongroom.attacks.references import ReferenceModels, Shadows
    from strongroom.config import TrainSpec
    from strongroom.models import Model
    from strongroom.privacy import CanaryObservation, PrivacyStatement

ModelKind = Literal["table", "image", "text", "language"]
Effort = Literal["quick", "standard", "full"]

KINDS: tuple[ModelKind, ...] = ("table", "image", "text", "language")
EFFORTS: tuple[Effort, ...] = ("quick", "standard", "full")


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows as the model takes them, with their labels.

    Attributes:
        inputs: [n, …], of the model's own type: float32 codes of table rows, images, tokens.
        labels: int [n]; [n, t] where every token has one.
        ids: int64 [n]: the row's number in the user's file, from 0; None: its place here.
        subjects: int64 [n]: the code of the person that a row belongs to, if people are known.
    """

    inputs: NDArray[Any]
    labels: NDArray[np.integer]
    ids: NDArray[np.int64] | None = None
    subjects: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.labels)

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Each row's number in the user's file, int64 [n]."""
        return np.arange(len(self)) if self.ids is None else self.ids

    def take(self, rows: NDArray[np.integer]) -> Rows:
        """Return the rows of these places."""
        return Rows(
            self.inputs[rows],
            self.labels[rows],
            self.numbers[rows],
            None if self.subjects is None else self.subjects[rows],
        )

    def sample(self, most: int, seed: int) -> Rows:
        """Return at most `most` rows, drawn at random."""
        if len(self) <= most:
            return self
        drawn = np.random.default_rng(seed).choice(len(self), most, replace=False)
        return self.take(np.sort(drawn))

    def join(self, other: Rows) -> Rows:
        """Return these rows, then the other's; ids and subjects stay where both have them."""
        both = self.subjects is not None and other.subjects is not None
        return Rows(
            np.concatenate(_one_width(self.inputs, other.inputs)),
            np.concatenate([self.labels, other.labels]),
            np.concatenate([self.numbers, other.numbers]),
            np.concatenate([self.subjects, other.subjects]) if both else None,
        )


def _one_width(some: NDArray[Any], others: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Fill up tokens [n, t] of texts that were read apart, each as wide as its longest text.

    Models fill short texts with 0, or with -1 where 0 is a token.
    """
    widths = some.shape[1:2], others.shape[1:2]
    if widths[0] == widths[1] or not np.issubdtype(some.dtype, np.integer) or some.ndim != 2:  # noqa: PLR2004 - tokens
        return some, others
    wide = max(widths)[0]
    fill = min(0, int(some.min(initial=0)), int(others.min(initial=0)))
    padded = [
        np.pad(part, ((0, 0), (0, wide - part.shape[1])), constant_values=fill)
        for part in (some, others)
    ]
    return padded[0], padded[1]


@dataclass(frozen=True, eq=False)
class Pool:
    """The rows under attack, the same for every attack of an audit: members, then non-members.

    Attributes:
        rows: all of them.
        members: how many of them, the first, the target was trained on.
    """

    rows: Rows
    members: int

    @property
    def member(self) -> NDArray[np.bool_]:
        """Whether the target was trained on a row, bool [n]."""
        return np.arange(len(self.rows)) < self.members

    def split(self, scores: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the scores [n] of the members and of the others."""
        return scores[: self.members], scores[self.members :]


@dataclass(frozen=True, eq=False)
class Situation:
    """Everything an attacker may be given; an attack takes what it needs.

    Attributes:
        target: the model under attack.
        members: rows that it was trained on.
        nonmembers: rows of the same population that it wasn't trained on.
        train_spec: the recipe that it was trained by, if it is one of ours.
        statement: its privacy statement, if it was trained privately.
        canaries: what its planted canaries saw, if there were any.
        kind: what the model takes.
        effort: how much the attacker spends.
        table: the non-members as people know them, row for row, with the target column.
        labels: int [rows of table].
        member_table: the members as people know them, row for row.
        encoder: turns such a table into inputs; its columns say what each may hold.
        immutable: columns that nobody can change.
        sensitive: columns that an attacker wants to learn about people.
        references: models that the attacker trains, for all attacks together.
        forgotten: rows that were to be deleted from the model.
        plant: which canaries were planted in the training text, for a language model.
        shadows: how many shadow models an attack may train.
        most_rows: of members and of non-members each, at most.
        most_evasion_rows: rows that are changed, at most.
        query_budget: rows that an attack may ask the target for, at most.
        seed: of the attacker's coins.
        progress: told by long attacks.
    """

    target: Model
    members: Rows
    nonmembers: Rows
    train_spec: TrainSpec | None = None
    statement: PrivacyStatement | None = None
    canaries: CanaryObservation | None = None
    kind: ModelKind = "table"
    effort: Effort = "standard"
    table: pa.Table | None = None
    labels: NDArray[np.integer] | None = None
    member_table: pa.Table | None = None
    encoder: Any = None
    immutable: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    references: ReferenceModels | None = None
    forgotten: Rows | None = None
    plant: Plant | None = None
    shadows: int = 64
    most_rows: int = 8_000
    most_evasion_rows: int = 300
    query_budget: int | None = None
    seed: int = 0
    progress: Progress = SILENT

    def pool(self) -> Pool:
        """Return the rows under attack: a sample of the members, then one of the others."""
        inside = self.members.sample(self.most_rows, self.seed)
        return Pool(inside.join(self.nonmembers.sample(self.most_rows, self.seed + 1)), len(inside))

    def shadows_of(self) -> Shadows | NotEvaluable:
        """Return the reference models on `pool()`: trained once for all attacks, when first asked.

        A reason where there is no recipe to train them by.
        """
        from strongroom.attacks.references import ReferenceModels

        references = self.references or ReferenceModels.of(self)
        if isinstance(references, NotEvaluable):
            return references
        return references.on(self.pool(), len(self.target.classes), self.progress)


class Attack(Protocol):
    """The seam `strongroom.attacks`: a stranger adds one such class and an entry point.

    It may also say what it is for, by class attributes; see `About`.
    """

    @property
    def name(self) -> str:
        """A stable id, such as `membership.lira`; the first word is the room."""

    def run(self, situation: Situation) -> Result:
        """Attack; a result of one of the known kinds, or why there is none."""


@dataclass(frozen=True)
class About:
    """What an attack says of itself.

    Attributes:
        kinds: the kinds of model that it concerns at all.
        presets: the presets that run it.
        metrics: the ids of what it measures.
    """

    kinds: tuple[str, ...]
    presets: tuple[str, ...]
    metrics: tuple[str, ...]


def about(attack: Attack) -> About:
    """Return what an attack says of itself: every kind and preset, where it says nothing."""
    return About(
        kinds=tuple(getattr(attack, "kinds", KINDS)),
        presets=tuple(getattr(attack, "presets", EFFORTS)),
        metrics=tuple(getattr(attack, "metrics", ())),
    )
