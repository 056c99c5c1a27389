"""Does the model still know rows that were to be deleted?

A model that never saw a row treats it like any other row that it never saw. So the forgotten rows
are held against non-members with the same label, by what the membership attacks look at: the
confidence in the true label, and, where reference models can be trained, how far it lies above what
models say that never learnt from the row (the offline likelihood ratio of Carlini et al. 2022).
That a row's own output was only suppressed shows in two ways: it stands *below* the never seen, or
rows that differ from it in one or two columns still stand above.

That nothing was found proves little unless something could have been. So the rows that are still in
the model are measured in the same way, and the verdict "as if never seen" is given only if the
interval excludes half of what they show, or an area of 0.55 where they show hardly more than that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._results import Measured, NotEvaluable, Value
from strongroom.attacks._roc import rate_at
from strongroom.attacks._signal import confidence
from strongroom.attacks._situation import Rows
from strongroom.attacks.erasure._ranks import Standing, rows_needed, stand

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._situation import Situation
    from strongroom.attacks.references import Shadows

_KNOWLEDGE = "the forgotten records with their true labels, and the model's probabilities for any"
_REFERENCES = "; the training recipe, and records of the same population for reference models"
_FEWEST = 50  # non-members
_MOST = {"quick": 1_000, "standard": 4_000, "full": 20_000}  # of members, and of non-members
_MOST_NEAR = 500  # rows of either group whose neighbours are asked about
_NEIGHBOURS = 8
_CHANGED = 2  # columns of a neighbour, at most
_PRIOR = 16.0  # pseudo-observations that draw a row's variance to that of all
_ERROR = 0.05
_MARGIN = 0.05
_FPR = 0.01


@dataclass(frozen=True, eq=False)
class _Scored:
    """Scores of the forgotten, of members and of others, and their labels."""

    forgotten: NDArray[np.float64]
    members: NDArray[np.float64]
    others: NDArray[np.float64]


class Forgotten:
    """The attack behind the seam."""

    name = "erasure.forgotten"
    metrics = ("erasure.auc", "erasure.forgotten_known", "erasure.tpr_at_fpr_0.01")

    def run(self, situation: Situation) -> Measured | NotEvaluable:
        """Hold the forgotten rows against rows that were never seen."""
        if situation.forgotten is None:
            return NotEvaluable("no rows were named that were to be forgotten")
        gone = _one_each(situation.forgotten, situation.seed)
        if not len(gone):
            return NotEvaluable("none of the rows that were to be forgotten is there")
        pool = situation.pool()
        most = _MOST[situation.effort]
        member, other = pool.split(np.arange(len(pool.rows)))
        inside, outside = (
            _sampled(pool.rows, places, most, situation.seed) for places in (member, other)
        )
        if len(outside) < _FEWEST:
            return NotEvaluable(
                f"too few rows: {len(outside)} non-members, at least {_FEWEST} are needed"
            )
        shadows = situation.shadows_of()
        references = None if isinstance(shadows, NotEvaluable) else shadows
        groups = (gone, pool.rows.take(inside), pool.rows.take(outside))
        direct = _direct(situation, groups, (inside, outside), references)
        near, asked = _near(situation, groups, (inside, outside), references)
        found = _judged(direct, near, groups, situation.seed)
        if isinstance(found, NotEvaluable):
            return found
        facts: dict[str, Any] = {"references": None}
        if references is not None:
            facts = {"references": len(references), "origin": references.origin}
        elif isinstance(shadows, NotEvaluable):
            facts["no_references"] = shadows.reason
        return Measured(
            found,
            queries=sum(map(len, groups)) + asked,
            knowledge=_KNOWLEDGE + (_REFERENCES if references is not None else ""),
            details=facts,
        )


def _one_each(rows: Rows, seed: int) -> Rows:
    """Return one row of each person, where people are known: a person's rows aren't independent."""
    if rows.subjects is None:
        return rows
    order = np.random.default_rng([seed, 32]).permutation(len(rows))
    _, places = np.unique(rows.subjects[order], return_index=True)
    return rows.take(np.sort(order[places]))


def _sampled(rows: Rows, places: NDArray[np.intp], most: int, seed: int) -> NDArray[np.intp]:
    order = np.random.default_rng([seed, 33]).permutation(places)
    if rows.subjects is not None:
        _, first = np.unique(rows.subjects[order], return_index=True)
        order = order[np.sort(first)]
    return order[:most]


def _unseen(
    shadows: Shadows, forgotten: int, places: tuple[NDArray[np.intp], NDArray[np.intp]], seed: int
) -> list[NDArray[np.bool_]]:
    """Return bool [M, n] for each group: which reference models never learnt from a row.

    All scores must be made alike: none ever learnt from a forgotten row, and it is held against as
    many of them as some row of the pool.
    """
    count = shadows.membership.shape[1]
    drawn = np.random.default_rng([seed, 34]).integers(0, count, forgotten)
    return [~shadows.membership[:, p] for p in (drawn, *places)]


def _direct(
    situation: Situation,
    groups: tuple[Rows, Rows, Rows],
    places: tuple[NDArray[np.intp], NDArray[np.intp]],
    shadows: Shadows | None,
) -> _Scored:
    said = [_finite(confidence(situation.target, rows)) for rows in groups]
    if shadows is None:
        return _Scored(*said)
    signals = [
        shadows.confidence(groups[0], situation.progress),
        *(shadows.confidence()[:, p] for p in places),
    ]
    unseen = _unseen(shadows, len(groups[0]), places, situation.seed)
    return _Scored(*_calibrated(said, signals, unseen))


def _calibrated(
    said: list[NDArray[np.float64]],
    signals: list[NDArray[Any]],
    unseen: list[NDArray[np.bool_]],
) -> list[NDArray[np.float64]]:
    """Return how many deviations each confidence lies above that of models without the row."""
    counts, means, squares = [], [], []
    for signal, out in zip(signals, unseen, strict=True):
        count = np.maximum(out.sum(axis=0), 1)
        mean = (out * signal).sum(axis=0) / count
        counts.append(count)
        means.append(mean)
        squares.append((out * (signal - mean) ** 2).sum(axis=0))
    pooled = sum(s.sum() for s in squares) / max(1, sum((c - 1).sum() for c in counts))
    return [
        (own - mean) / np.sqrt((square + _PRIOR * pooled) / (count + _PRIOR) + 1e-12)
        for own, mean, square, count in zip(said, means, squares, counts, strict=True)
    ]


def _near(
    situation: Situation,
    groups: tuple[Rows, Rows, Rows],
    places: tuple[NDArray[np.intp], NDArray[np.intp]],
    shadows: Shadows | None,
) -> tuple[_Scored | None, int]:
    """Score rows by their neighbours, and count the queries; None where rows have no columns."""
    from strongroom.attacks.stealing._thief import Maker

    if situation.kind != "table" or groups[0].inputs.ndim != 2:  # noqa: PLR2004 - rows and columns
        return None, 0
    if getattr(situation.target, "fixed", False):
        return None, 0
    coins = np.random.default_rng([situation.seed, 35])
    maker = Maker.of(groups[2].inputs, "table")
    said, signals, asked = [], [], 0
    for rows in groups:
        some = rows.take(np.arange(min(len(rows), _MOST_NEAR)))
        near = Rows(
            maker.near(np.repeat(some.inputs, _NEIGHBOURS, axis=0), _CHANGED, coins),
            np.repeat(some.labels, _NEIGHBOURS),
        )
        said.append(_around(_finite(confidence(situation.target, near))))
        if shadows is not None:
            signals.append(_around(shadows.confidence(near, situation.progress)))
        asked += len(near)
    if shadows is None:
        return _Scored(*said), asked
    unseen = _unseen(shadows, len(groups[0]), places, situation.seed)
    cut = [u[:, : len(s)] for u, s in zip(unseen, said, strict=True)]
    return _Scored(*_calibrated(said, signals, cut)), asked


def _around(signal: NDArray[Any]) -> NDArray[Any]:
    """Return the mean over the neighbours of each row, [..., n]."""
    mean: NDArray[Any] = signal.reshape(*signal.shape[:-1], -1, _NEIGHBOURS).mean(axis=-1)
    return mean


def _judged(
    direct: _Scored, near: _Scored | None, groups: tuple[Rows, Rows, Rows], seed: int
) -> tuple[Value, ...] | NotEvaluable:
    gone, still = _standing(direct, groups, seed)
    if gone is None or still is None:
        return NotEvaluable("no non-member has the label of any row that was to be forgotten")
    around = _standing(near, groups, seed)[0] if near is not None else None
    chances = [gone.p, *([around.p_above] if around is not None else [])]
    p = min(1.0, len(chances) * min(chances))
    margin = max(_MARGIN, (still.low - 0.5) / 2)
    known = p <= _ERROR
    if not known and gone.high > 0.5 + margin:
        return NotEvaluable(
            f"too few rows to tell: {gone.rows} forgotten rows stand at an AUC of {gone.area:.3f} "
            f"[{gone.low:.3f}, {gone.high:.3f}] against rows never seen (0.5), and would have "
            f"shown {gone.smallest:.3f} or more; rows that are in the model stand at "
            f"{still.area:.3f}: about {rows_needed(margin):,} are needed to exclude half of that"
        )
    verdict = "as if never seen"
    if known:
        below = gone.area < 0.5 and gone.p == min(chances)  # noqa: PLR2004 - the middle
        verdict = "known: answered unlike rows never seen" if below else "known"
    facts = {
        "verdict": verdict,
        "p": p,
        "forgotten": gone.to_json(),
        "still_in": still.to_json(),
        "neighbours": around.to_json() if around is not None else None,
        "smallest_auc_shown": gone.smallest,
        "excluded_above": 0.5 + margin,
    }
    values = [
        Value(
            "erasure.auc",
            gone.area,
            gone.low,
            gone.high,
            method="DeLong, label by label",
            details=facts,
        ),
        Value("erasure.forgotten_known", float(known), details=facts),
    ]
    if len(direct.others) * _FPR >= 1:
        at = rate_at(direct.forgotten, direct.others, _FPR)
        values.append(
            Value(
                "erasure.tpr_at_fpr_0.01",
                at.tpr,
                at.low,
                at.high,
                method="Clopper-Pearson at order-statistic thresholds",
                details={"verdict": verdict, "forgotten": gone.rows},
            )
        )
    return tuple(values)


def _standing(
    scored: _Scored, groups: tuple[Rows, Rows, Rows], seed: int
) -> tuple[Standing | None, Standing | None]:
    labels = [
        _label(rows)[: len(s)]
        for rows, s in zip(groups, (scored.forgotten, scored.members, scored.others), strict=True)
    ]
    return (
        stand(scored.forgotten, labels[0], scored.others, labels[2], seed),
        stand(scored.members, labels[1], scored.others, labels[2], seed),
    )


def _label(rows: Rows) -> NDArray[np.integer[Any]]:
    """Return one label a row; of sequences there is one kind only."""
    return rows.labels if rows.labels.ndim == 1 else np.zeros(len(rows), np.int64)


def _finite(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.nan_to_num(signal, nan=0.0, posinf=1e6, neginf=-1e6)
