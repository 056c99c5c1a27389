"""Exact recovery where theory allows it: equations for logistic models, paths for a decision tree.

After Tramèr et al. 2016. Whatever comes out is held against fresh answers: it counts as recovered
only if every one of them agrees as closely as float32 numbers can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._intervals import share_interval
from strongroom.attacks._positions import code_columns
from strongroom.attacks._results import Measured, NotEvaluable, Value
from strongroom.attacks.stealing._equations import solve
from strongroom.attacks.stealing._paths import Tree, follow
from strongroom.attacks.stealing._thief import Asking, Maker, split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._situation import Situation

_KNOWLEDGE = "the model's probabilities for any input, and rows of the same population"
_BUDGETS = {"quick": 5_000, "standard": 100_000, "full": 1_000_000}
_CLOSE = 1e-5  # of a probability, which float32 rounds at 6e-8: sums of many such terms
_MADE_UP = 1_000  # rows beside the judged ones that must be answered alike


@dataclass(frozen=True)
class _Attempt:
    """What a way of recovering came to."""

    way: str
    recovered: bool
    agreement: float
    low: float
    high: float
    queries: int
    facts: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {
            "way": self.way,
            "recovered": self.recovered,
            "agreement": [self.agreement, self.low, self.high],
            "queries": self.queries,
            **self.facts,
        }


class ExactRecovery:
    """The attack behind the seam; 1 if the model was recovered, 0 if neither way did it."""

    name = "stealing.exact"
    kinds = ("table",)
    metrics = ("stealing.exact",)

    def run(self, situation: Situation) -> Measured | NotEvaluable:
        """Try both ways, within the query budget together."""
        parts = split(situation)
        if isinstance(parts, NotEvaluable):
            return parts
        coins = np.random.default_rng([situation.seed, 23])
        own = parts.own.inputs
        if own.ndim != 2:  # noqa: PLR2004 - rows and columns
            return NotEvaluable("equations and paths are for rows of a table")
        made_up = Maker.of(own, "table").make(_MADE_UP, coins)
        fresh = np.concatenate([parts.judged.inputs, made_up])
        truth = np.asarray(situation.target.predict_proba(fresh), np.float64)
        budget = situation.query_budget or _BUDGETS[situation.effort]
        codes = code_columns(own, situation.target)
        ask = Asking(situation.target)
        tried: list[_Attempt] = []
        reasons: list[str] = []
        for way, attack in (("equations", _equations), ("paths", _paths)):
            begun = ask.queries
            found = attack(ask, own, budget - ask.queries, codes, coins)
            situation.progress.step(len(tried) + len(reasons) + 1, 2, way)
            if isinstance(found, str):
                reasons.append(f"{way}: {found}")
                continue
            copy, facts = found
            tried.append(_judge(way, copy.predict_proba(fresh), truth, ask.queries - begun, facts))
            if tried[-1].recovered:
                break
        if not tried:
            return NotEvaluable("; ".join(reasons))
        best = max(tried, key=lambda a: (a.recovered, a.agreement))
        return Measured(
            (Value("stealing.exact", float(best.recovered), details={"by": best.way}),),
            queries=ask.queries,
            knowledge=_KNOWLEDGE,
            details={
                "attempts": [a.to_json() for a in tried],
                "not_possible": reasons,
                "fresh_rows": len(fresh),
                "agreed_within": _CLOSE,
            },
        )


def _equations(
    ask: Asking,
    own: NDArray[Any],
    budget: int,
    codes: frozenset[int],
    coins: np.random.Generator,  # noqa: ARG001 - the same for both ways
) -> tuple[Any, dict[str, Any]] | str:
    found = solve(ask, own, budget, codes)
    return found if isinstance(found, str) else (found, {})


def _paths(
    ask: Asking,
    own: NDArray[Any],
    budget: int,
    codes: frozenset[int],
    coins: np.random.Generator,
) -> tuple[Tree, dict[str, Any]] | str:
    found = follow(ask, own, budget, coins, codes)
    if isinstance(found, str):
        return found
    return found, {"regions": len(found.boxes), "finished": found.finished}


def _judge(
    way: str,
    said: NDArray[np.float64],
    truth: NDArray[np.float64],
    queries: int,
    facts: dict[str, Any],
) -> _Attempt:
    error = np.abs(said - truth).max(axis=1)
    same = np.nan_to_num(error, nan=np.inf) <= _CLOSE
    known = np.isfinite(said).all(axis=1)
    low, high = share_interval(int(same.sum()), len(same))
    labels = known & (said.argmax(axis=1) == truth.argmax(axis=1))
    return _Attempt(
        way,
        bool(same.all()),
        float(same.mean()),
        low,
        high,
        queries,
        {
            **facts,
            "largest_error": float(error[known].max()) if known.any() else None,
            "same_label": float(labels.mean()),
        },
    )
