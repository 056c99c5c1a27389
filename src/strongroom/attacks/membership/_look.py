"""What an attack on membership sees: the target's signal for each row, and the references'."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from strongroom.attacks._results import NotEvaluable
from strongroom.attacks._signal import confidence
from strongroom.attacks._situation import Pool
from strongroom.attacks.membership._sides import logit_of_log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.attacks._situation import Situation

ALONE = "the record with its true label, and the model's probabilities for it"
WITH_REFERENCES = (
    "the record with its true label, the model's probabilities for it, the training recipe, and "
    "records of the same population to train shadow models on"
)
OFFLINE = (
    "the record with its true label, the model's probabilities for it, the training recipe, and "
    "shadow models that were trained on other records of the same population"
)
METRICS = ("membership.auc", "membership.tpr_at_fpr_0.001", "membership.tpr_at_fpr_0.01")

_BEYOND = 1e4  # an unbounded logit still tells, but its square must not drown all others
_BROKEN = 0.1  # share of rows without an answer above which a reference itself is broken
_FEWEST = 2
_asked: WeakKeyDictionary[Situation, NDArray[np.float64]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Looked:
    """The signals log(p / (1 - p)) of the true label, finite all.

    Attributes:
        target: float64 [n].
        references: float32 [M, n]; M = 0 where an attack needs none.
        membership: bool [M, n]: which reference learnt from which row.
        pool: the n rows, members first.
        queries: rows that the target was asked for.
        details: what findings say of the references and of what was left out, JSON values.
    """

    target: NDArray[np.float64]
    references: NDArray[np.floating]
    membership: NDArray[np.bool_]
    pool: Pool
    queries: int
    details: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def alone(
        cls,
        target: NDArray[np.float64],
        pool: Pool,
        queries: int,
        details: Mapping[str, Any] | None = None,
    ) -> Looked:
        """Make one without references."""
        nobody = np.empty((0, len(target)), np.bool_)
        return cls(target, nobody.astype(np.float32), nobody, pool, queries, details or {})


def look(situation: Situation, *, references: bool = True) -> Looked | NotEvaluable:
    """Ask the target, and the references, for the rows under attack.

    Rows for which the target gives no finite answer (an endpoint that fails now and then) are left
    out, and references that diverged in training are; the details say how many.
    """
    pool, details = situation.pool(), dict[str, Any](seed=situation.seed)
    signals = np.empty((0, len(pool.rows)), np.float32)
    membership = np.empty((0, len(pool.rows)), np.bool_)
    if references:
        made = situation.shadows_of()
        if isinstance(made, NotEvaluable):
            return made
        details |= made.details
        signals, membership = as_signal(situation.target, made.confidence()), made.membership
    target = _signal(situation, pool)
    return settle(target, signals, membership, pool, details)


def settle(
    target: NDArray[np.floating],
    references: NDArray[np.floating],
    membership: NDArray[np.bool_],
    pool: Pool,
    details: Mapping[str, Any] | None = None,
) -> Looked | NotEvaluable:
    """Leave out what isn't finite, bound what is too large, and say so."""
    said, asked = dict(details or {}), len(target)
    answered = np.isfinite(target)
    if not answered.any():
        return NotEvaluable("the model gives no usable output: NaN or infinite for every row")
    if len(references):
        sound = np.isnan(references).mean(axis=1) <= _BROKEN
        if sound.sum() < _FEWEST:
            return NotEvaluable(
                f"only {sound.sum()} of {len(sound)} shadow models give usable output, "
                f"at least {_FEWEST} are needed"
            )
        if not sound.all():
            said["shadows_left_out"] = int((~sound).sum())
        references, membership = references[sound], membership[sound]
        answered &= ~np.isnan(references).any(axis=0)
    if not answered.all():
        said["rows_without_an_answer"] = int((~answered).sum())
        kept = np.flatnonzero(answered)
        pool = Pool(pool.rows.take(kept), int(answered[: pool.members].sum()))
        target, references, membership = target[kept], references[:, kept], membership[:, kept]
    bounded = np.clip(np.asarray(target, np.float64), -_BEYOND, _BEYOND)
    if len(references) and not np.abs(references).max() <= _BEYOND:
        references = np.clip(references, -_BEYOND, _BEYOND)
    return Looked(bounded, references, membership, pool, asked, said)


def _signal(situation: Situation, pool: Pool) -> NDArray[np.float64]:
    """Return the target's signals: asked for once, whichever attack comes first.

    A query may cost money, and an endpoint may count them.
    """
    if situation not in _asked:
        seen = as_signal(situation.target, confidence(situation.target, pool.rows))
        _asked[situation] = np.asarray(seen, np.float64)
    return _asked[situation]


def as_signal(target: object, seen: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return log(p / (1 - p)): models of sequences like the target give log p instead."""
    return logit_of_log(seen) if callable(getattr(target, "losses", None)) else seen
