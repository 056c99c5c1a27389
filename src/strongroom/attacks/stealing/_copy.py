"""A copy trained on what the model answers, as good as a query budget allows.

The thief asks about rows of the same kind that it has, then about rows made up of them, half of
these where the copy so far is least sure (Tramèr et al. 2016; Orekondy et al. 2019; Pal et al.
2020). What the copy is worth shows beside the same copy taught by the rows' true labels: who has
those needs no model to steal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._results import Measured, NotEvaluable, Value
from strongroom.attacks.stealing._students import Reader, learn, teach
from strongroom.attacks.stealing._thief import Asking, Maker, Split, split
from strongroom.models import wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._situation import Situation

_KNOWLEDGE = "the model's {} for any input, and rows of the same population, without the model"
_BUDGETS = {
    "quick": (100, 1_000),
    "standard": (300, 3_000),
    "full": (100, 300, 1_000, 3_000, 10_000, 30_000),
}
_CHOICE = 5  # rows made up for each one that is asked because the copy is unsure of it
_LEAST = 50


@dataclass(frozen=True)
class _Point:
    """One budget: shares of the judged rows."""

    queries: int
    copy: str
    fidelity: float
    accuracy: float

    def to_json(self) -> dict[str, Any]:
        return {
            "queries": self.queries,
            "copy": self.copy,
            "fidelity": self.fidelity,
            "accuracy": self.accuracy,
        }


class CopyByQueries:
    """The attack behind the seam."""

    name = "stealing.copy"
    kinds = ("table", "image", "text")
    metrics = ("stealing.fidelity", "stealing.copy_accuracy")

    def run(self, situation: Situation) -> Measured | NotEvaluable:
        """Steal; a curve over budgets, and the copy at the largest of them."""
        parts = split(situation)
        if isinstance(parts, NotEvaluable):
            return parts
        most = situation.query_budget
        budgets = [b for b in _BUDGETS[situation.effort] if most is None or b <= most]
        if most is not None and most < _BUDGETS[situation.effort][-1]:
            budgets.append(most)
        if budgets[-1] < _LEAST:
            return NotEvaluable(
                f"a query budget of {budgets[-1]:,} is too small to train a copy: at least "
                f"{_LEAST} are needed"
            )
        return _steal(situation, parts, sorted(set(budgets)))


def _steal(situation: Situation, parts: Split, budgets: list[int]) -> Measured:
    target, own, judged = situation.target, parts.own, parts.judged
    ask, coins = Asking(target), np.random.default_rng([situation.seed, 22])
    reader = Reader(own.inputs, situation.kind)
    maker = Maker.of(own.inputs, situation.kind)
    seen = reader(judged.inputs)
    truth = np.asarray(target.predict_proba(judged.inputs), np.float64)
    wanted = truth.argmax(axis=1)
    inputs, answers = own.inputs[:0], np.zeros((0, truth.shape[1]))
    points, student = [], None
    for number, budget in enumerate(budgets):
        new = _choose(budget - len(inputs), len(inputs), own.inputs, maker, reader, student, coins)
        inputs, answers = np.concatenate([inputs, new]), np.concatenate([answers, ask(new)])
        name, student = learn(reader(inputs), answers, situation.seed)
        points.append(_judge(budget, name, student(seen), wanted, judged.labels))
        situation.progress.step(number + 1, len(budgets), f"{budget:,} queries")
    features = reader(inputs)
    hard = getattr(target, "soft", True) is False or bool(np.isin(answers, (0.0, 1.0)).all())
    by_labels = points[-1]
    if not hard:
        labelled = teach(name, features, _one_hot(answers.argmax(axis=1), answers), situation.seed)
        by_labels = _judge(budgets[-1], name, labelled(seen), wanted, judged.labels)
    count = min(len(own), budgets[-1])
    honest_answers = _one_hot(own.labels[:count], answers)
    honest_name, honest = learn(reader(own.inputs[:count]), honest_answers, situation.seed)
    alone = _judge(0, honest_name, honest(seen), wanted, judged.labels)
    return _measured(
        points,
        by_labels,
        alone,
        float((wanted == judged.labels).mean()),
        len(judged),
        {
            "answers": "labels" if hard else "probabilities",
            "own_rows": count,
            "made_up_rows": max(0, budgets[-1] - len(own)),
        },
        ask.queries,
    )


def _choose(
    count: int,
    before: int,
    own: NDArray[Any],
    maker: Maker,
    reader: Reader,
    student: Any,  # noqa: ANN401 - the copy so far, if there is one
    coins: np.random.Generator,
) -> NDArray[Any]:
    """Return the next rows to ask about: own ones first, then made-up ones."""
    real = own[before : before + count]
    rest = count - len(real)
    unsure = rest // 2 if student is not None else 0
    chosen = [real, maker.make(rest - unsure, coins)]
    if unsure:
        drawn = maker.make(_CHOICE * unsure, coins)
        ranked = np.sort(student(reader(drawn)), axis=1)
        chosen.append(drawn[np.argsort(ranked[:, -1] - ranked[:, -2], kind="stable")[:unsure]])
    return np.concatenate(chosen)


def _one_hot(labels: NDArray[Any], like: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.eye(like.shape[1])[labels]
    return found


def _judge(
    queries: int,
    name: str,
    answers: NDArray[np.float64],
    wanted: NDArray[np.intp],
    labels: NDArray[Any],
) -> _Point:
    said = answers.argmax(axis=1)
    return _Point(queries, name, float((said == wanted).mean()), float((said == labels).mean()))


def _measured(
    points: list[_Point],
    by_labels: _Point,
    alone: _Point,
    accuracy: float,
    judged: int,
    facts: dict[str, Any],
    queries: int,
) -> Measured:
    last = points[-1]
    shared = {**facts, "judged_rows": judged, "curve": [p.to_json() for p in points]}
    values = []
    for metric, value, more in (
        (
            "stealing.fidelity",
            last.fidelity,
            {"by_labels_alone": by_labels.fidelity, "without_the_model": alone.fidelity},
        ),
        (
            "stealing.copy_accuracy",
            last.accuracy,
            {
                "by_labels_alone": by_labels.accuracy,
                "without_the_model": alone.accuracy,
                "target": accuracy,
            },
        ),
    ):
        low, high = wilson(round(value * judged), judged)
        values.append(Value(metric, value, low, high, method="Wilson", details=more))
    return Measured(
        tuple(values),
        queries=queries,
        knowledge=_KNOWLEDGE.format(facts["answers"]),
        details=shared,
    )
