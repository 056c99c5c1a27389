"""From scores to what an audit reports: a curve, the same for people, and who is most exposed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._intervals import clopper_pearson
from strongroom.attacks._results import Exposed, NotEvaluable, RocResult
from strongroom.attacks._roc import judge_scores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.attacks._situation import Rows
    from strongroom.attacks.membership._look import Looked

MOST_EXPOSED = 20


def judge(
    looked: Looked,
    scores: NDArray[np.float64],
    knowledge: str,
    details: Mapping[str, Any] | None = None,
    *,
    shadows: int | None = None,
) -> RocResult | NotEvaluable:
    """Judge scores [n], high for members, of the rows that were looked at.

    Args:
        looked: what was seen; its signals aren't used here.
        scores: [n], high for members.
        knowledge: what the attacker knows and may do.
        details: of the attack, JSON values; those of `looked` are added.
        shadows: models that were trained, if not as many as `looked` has references.
    """
    pool, said, asked = looked.pool, {**(details or {}), **looked.details}, looked.queries
    trained = len(looked.references) if shadows is None else shadows
    inside, outside = pool.split(scores)
    result = judge_scores(
        inside,
        outside,
        shadows=trained,
        queries=asked,
        knowledge=knowledge,
        details=said,
    )
    if isinstance(result, NotEvaluable):
        return result
    persons = None
    if pool.rows.subjects is not None:
        persons = of_persons(
            scores,
            pool.rows.subjects,
            pool.member,
            shadows=trained,
            queries=asked,
            knowledge=knowledge,
        )
    return replace(
        result,
        exposed=most_exposed(pool.rows.take(np.arange(pool.members)), inside, outside),
        persons=persons if isinstance(persons, RocResult) else None,
        details={**said, "persons": persons.reason}
        if isinstance(persons, NotEvaluable)
        else result.details,
    )


def most_exposed(
    rows: Rows,
    members: NDArray[np.float64],
    nonmembers: NDArray[np.float64],
    most: int = MOST_EXPOSED,
) -> tuple[Exposed, ...]:
    """Return the members that score highest, by number, with how likely such a score is by chance.

    Args:
        rows: the members, for their numbers and people.
        members: their scores.
        nonmembers: the others' scores.
        most: how many, at most.
    """
    order = np.argsort(-members, kind="stable")[:most]
    as_high = len(nonmembers) - np.searchsorted(np.sort(nonmembers), members[order], side="left")
    _, high = clopper_pearson(as_high, len(nonmembers))
    subjects = rows.subjects
    return tuple(
        Exposed(
            row=int(rows.numbers[i]),
            score=float(members[i]),
            fpr=float(count / len(nonmembers)),
            fpr_high=float(bound),
            subject=None if subjects is None else int(subjects[i]),
        )
        for i, count, bound in zip(order, as_high, high, strict=True)
    )


def of_persons(
    scores: NDArray[np.float64],
    subjects: NDArray[np.int64],
    member: NDArray[np.bool_],
    *,
    shadows: int = 0,
    queries: int = 0,
    knowledge: str = "",
) -> RocResult | NotEvaluable:
    """Judge people by all of their rows: a person of whom any row is a member is one.

    The attacker knows which rows are a person's. A row's place among the scores of the rows of
    strangers, as a log odds, adds up over a person's rows; ranks, since a score's own scale is an
    attack's private matter. Fixed, not chosen by the result: sums suit leaks that are spread over
    the rows, and a single row's huge log odds still carries its sum.
    """
    people, place = np.unique(subjects, return_inverse=True)
    inside = np.bincount(place, member) > 0
    if len(people) == len(subjects):
        return NotEvaluable("every person has one row: people are as exposed as rows")
    evidence = np.bincount(place, log_odds(scores)).astype(np.float64)
    details = {
        "rows_per_person": len(subjects) / len(people),
        "score_of_a_person": "sum over the person's rows of the log odds of each row's rank",
    }
    return judge_scores(
        evidence[inside],
        evidence[~inside],
        shadows=shadows,
        queries=queries,
        knowledge=f"{knowledge}; and which records are one person's",
        details=details,
    )


def log_odds(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log odds of each score's place among all scores, ties sharing theirs."""
    rising = np.sort(scores)
    below = np.searchsorted(rising, scores, side="left")
    upto = np.searchsorted(rising, scores, side="right")
    share = (below + upto) / (2 * len(scores))
    odds: NDArray[np.float64] = np.log(share) - np.log1p(-share)
    return odds
