"""Attribute inference: ask the model with every value that a person might have.

The attacker knows a person's other values and true label. For every candidate value the model is
asked how likely the label is, and the answers are weighed (Fredrikson et al. 2014; Yeom et al.
2018). That a model knows "nurses are mostly women" is no leak: anybody can learn it from other
people. So the attacker is held against two others (Jayaraman and Evans 2022, "Are attribute
inference attacks just imputation?"): one who never saw the model and guesses from the population,
and the same attacker on people who weren't in the training data. What counts is the smaller of the
two differences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from strongroom.attacks._results import Measured, NotEvaluable, Value
from strongroom.attacks._signal import confidence_of_logits
from strongroom.attacks.attribute._differences import Difference, holm, paired, smaller, unpaired
from strongroom.attacks.attribute._guessing import Imputer, log_softmax, weigh
from strongroom.attacks.attribute._rows import (
    FEWEST_HOLDERS,
    ArrayPeople,
    People,
    Secret,
    TablePeople,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._situation import Situation

_KNOWLEDGE = (
    "everything about a person but one value, the true label, the model's probabilities for any "
    "input, other people's full records, and those of half of the members"
)
_METHOD = "Newcombe's, of the smaller of two differences, Bonferroni over all of them"
_ROWS = {"quick": 500, "standard": 2_000, "full": 8_000}
_COLUMNS = {"quick": 3, "standard": 8, "full": 32}
_POPULATION = 5_000  # other people that the guesser without the model learns from, at most
_FEWEST = 100  # members, and others, of a column
_TOO_FEW = (
    f"too few rows: at least {_FEWEST} members and {2 * _FEWEST} non-members whose value is known "
    "are needed for a column"
)
_LARGEST = 30.0  # a confidence beyond it is as good as certain
_SMALLEST = 1e-37
_CONFIDENCE = 0.95


@dataclass(frozen=True, eq=False)
class _Guesses:
    """What was guessed of a column: chances [n, K], of members, then of others."""

    secret: Secret
    members: int
    truth: NDArray[np.intp]
    alone: NDArray[np.float64]
    with_model: NDArray[np.float64]
    simple: NDArray[np.float64]
    queries: int

    def right(self, chances: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say whose value is guessed rightly."""
        found: NDArray[np.bool_] = chances.argmax(axis=1) == self.truth
        return found

    def named(self, chances: NDArray[np.float64], value: int) -> NDArray[np.bool_]:
        """Say who is named as a holder of a value: in either group as many as there should be.

        Naming as many with the model as without keeps a guesser from winning by naming everybody.
        """
        out = np.zeros(len(self.truth), np.bool_)
        for part in (slice(0, self.members), slice(self.members, None)):
            scores = chances[part, value]
            count = max(1, round(float(self.secret.share[value]) * len(scores)))
            out[part][np.argsort(-scores, kind="stable")[:count]] = True
        return out


class AttributeInference:
    """The attack behind the seam; it speaks of columns and values, never of a person."""

    name = "attribute.inference"
    kinds = ("table",)
    metrics = ("attribute.advantage", "attribute.value_advantage")

    def run(self, situation: Situation) -> Measured | NotEvaluable:
        """Attack every sensitive column; every one with few values where none is named."""
        if getattr(situation.target, "fixed", False):
            return NotEvaluable(
                "the model can only be asked about the rows it came with, not with other values"
            )
        if min(len(situation.members), len(situation.nonmembers)) < _FEWEST:
            return NotEvaluable(_TOO_FEW)
        people, order = _people(situation)
        chosen = _columns(situation, people)
        if isinstance(chosen, NotEvaluable):
            return chosen
        asked = _budgeted(situation, chosen)
        if isinstance(asked, NotEvaluable):
            return asked
        found = []
        for number, secret in enumerate(chosen):
            guessed = _attack(situation, people, secret, order, asked)
            if guessed is not None:
                found.append(guessed)
            situation.progress.step(number + 1, len(chosen), secret.name)
        if not found:
            return NotEvaluable(_TOO_FEW)
        return _measured(found, [s.name for s in chosen])


def _people(situation: Situation) -> tuple[People, tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the people, and the order in which members and others are taken, one row a person."""
    members, others = situation.members, situation.nonmembers
    order = []
    for rows, first, seed in ((members, 0, 11), (others, len(members), 12)):
        shuffled = np.random.default_rng([situation.seed, seed]).permutation(len(rows))
        if rows.subjects is not None:
            _, places = np.unique(rows.subjects[shuffled], return_index=True)
            shuffled = shuffled[np.sort(places)]
        order.append(shuffled + first)
    tables = situation.member_table, situation.table
    if situation.encoder is not None and tables[0] is not None and tables[1] is not None:
        names = [n for n in tables[1].column_names if n in tables[0].column_names]
        table = pa.concat_tables(
            [tables[0].select(names), tables[1].select(names)], promote_options="permissive"
        )
        if table.num_rows == len(members) + len(others):
            target = getattr(situation.target, "target", "")
            made = TablePeople(table, situation.encoder, len(members), target)
            return made, (order[0], order[1])
    both = np.concatenate([members.inputs, others.inputs])
    columns = getattr(getattr(situation.target, "codec", None), "columns", None)
    flat = both.reshape(len(both), -1)
    return ArrayPeople(flat, len(members), columns), (order[0], order[1])


def _columns(situation: Situation, people: People) -> list[Secret] | NotEvaluable:
    wanted = [n for n in situation.sensitive if n in people.names]
    if situation.sensitive and not wanted:
        return NotEvaluable(
            "the model reads none of the sensitive columns, so it cannot be asked about them: "
            + ", ".join(situation.sensitive)
        )
    most = len(wanted) if wanted else _COLUMNS[situation.effort]
    found: list[Secret] = []
    for name in wanted or people.names:
        secret = people.secret(name) if len(found) < most else None
        # Where nobody said what is sensitive, only what can be guessed as one of a few is tried.
        if secret is not None and (wanted or len(secret.values) == len(secret.candidates)):
            found.append(secret)
    if not found:
        return NotEvaluable(
            "there is no column to be guessed: each has a single value, or none that at least "
            f"{FEWEST_HOLDERS} non-members share"
        )
    return found


def _budgeted(situation: Situation, secrets: list[Secret]) -> int | NotEvaluable:
    """Return how many members, and as many others, may be asked about."""
    most = min(_ROWS[situation.effort], situation.most_rows)
    if situation.query_budget is None:
        return most
    each = 2 * sum(len(s.candidates) for s in secrets)
    if situation.query_budget < _FEWEST * each:
        return NotEvaluable(
            f"a query budget of {situation.query_budget:,} is too small: {_FEWEST} members and as "
            f"many others with every candidate value take {_FEWEST * each:,} queries"
        )
    return min(most, situation.query_budget // each)


def _attack(
    situation: Situation,
    people: People,
    secret: Secret,
    order: tuple[NDArray[np.intp], NDArray[np.intp]],
    most: int,
) -> _Guesses | None:
    """Guess a column of members and of others; None where too few people are left."""
    inside, outside = (part[secret.truth[part] >= 0] for part in order)
    if len(inside) < _FEWEST or len(outside) < 2 * _FEWEST:
        return None
    # Half of the others are the population that may be learnt from; the rest is attacked.
    half = min(len(outside) // 2, _POPULATION)
    population, outside = outside[:half], outside[half:][:most]
    inside = inside[:most]
    rows = np.concatenate([inside, outside])
    labels = np.concatenate([situation.members.labels, situation.nonmembers.labels])
    classes = len(situation.target.classes)
    onehot = np.eye(classes, dtype=np.float32)[labels]
    learnt = np.column_stack([people.known(secret.name, population), onehot[population]])
    imputer = Imputer.fit(learnt, secret.truth[population], len(secret.values))
    alone = imputer.log_chances(
        np.column_stack([people.known(secret.name, rows), onehot[rows]]),
    )
    logs, right = _answers(situation, people, secret, rows, labels[rows])
    features = _hints(secret, alone, logs, right)
    truth = secret.truth[rows]
    with_model = np.empty_like(alone)
    fold = np.random.default_rng([situation.seed, 13]).permutation(len(rows)) % 2
    is_member = np.arange(len(rows)) < len(inside)
    for number in (0, 1):
        taught = is_member & (fold != number)
        weights = weigh(features[taught], truth[taught])
        with_model[fold == number] = features[fold == number] @ weights
    return _Guesses(
        secret,
        len(inside),
        truth,
        alone,
        log_softmax(with_model),
        np.log(secret.share) + features[:, :, 1],
        len(rows) * len(secret.candidates),
    )


def _answers(
    situation: Situation,
    people: People,
    secret: Secret,
    rows: NDArray[np.intp],
    labels: NDArray[np.integer[Any]],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Ask with every candidate: log p(label) float [n, G], and whether the label was predicted."""
    logs = np.empty((len(rows), len(secret.candidates)))
    right = np.empty(logs.shape, np.bool_)
    shape = situation.members.inputs.shape[1:]
    for place, candidate in enumerate(secret.candidates):
        inputs = people.asked(secret.name, rows, candidate).reshape(len(rows), *shape)
        chances = np.asarray(situation.target.predict_proba(inputs), np.float64)
        logs[:, place] = confidence_of_logits(np.log(np.maximum(chances, _SMALLEST)), labels)
        right[:, place] = chances.argmax(axis=1) == labels
    return np.nan_to_num(logs, nan=0.0).clip(-_LARGEST, _LARGEST), right


def _hints(
    secret: Secret,
    alone: NDArray[np.float64],
    signal: NDArray[np.float64],
    right: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return what speaks for each value, float [n, K, 5].

    The guess without the model; the label's log-probability and logit; whether this value makes the
    label likeliest; and the share of its candidates with which the label is predicted.
    """
    values = len(secret.values)
    # log p = -log(1 + exp(-logit)); a value's chance is the mean over its candidates.
    logs = -np.logaddexp(0.0, -signal)
    likelihood = np.full((len(signal), values), -np.inf)
    peak = np.full((len(signal), values), -np.inf)
    predicted = np.zeros((len(signal), values))
    for place, value in enumerate(secret.value_of):
        weight = secret.weight[place]
        likelihood[:, value] = np.logaddexp(likelihood[:, value], np.log(weight) + logs[:, place])
        peak[:, value] = np.maximum(peak[:, value], signal[:, place])
        predicted[:, value] += weight * right[:, place]
    best = peak == peak.max(axis=1, keepdims=True)
    return np.stack(
        [alone, likelihood, peak, best / best.sum(axis=1, keepdims=True), predicted], axis=2
    )


def _measured(found: list[_Guesses], tried: list[str]) -> Measured:
    shown = [(g, v) for g in found for v in _common(g)]
    columns = [_column(g, 1 - (1 - _CONFIDENCE) / len(found)) for g in found]
    values = [_value(g, v, 1 - (1 - _CONFIDENCE) / len(shown)) for g, v in shown]
    for group in (columns, values):
        for corrected, (_, facts) in zip(holm([d.p for d, _ in group]), group, strict=True):
            facts["p"] = corrected
    # What is named is what is surest, not what is largest by chance.
    worst, about = max(columns, key=lambda c: c[0].low)
    numbers = [
        _number("attribute.advantage", worst, {"worst": about, "columns": [c[1] for c in columns]})
    ]
    if values:
        worst, about = max(values, key=lambda v: v[0].low)
        facts = {"worst": about, "values": [v[1] for v in values]}
        numbers.append(_number("attribute.value_advantage", worst, facts))
    skipped = sorted(set(tried) - {g.secret.name for g in found})
    return Measured(
        tuple(numbers),
        queries=sum(g.queries for g in found),
        knowledge=_KNOWLEDGE,
        details={"too_few_rows": skipped} if skipped else {},
    )


def _number(metric: str, difference: Difference, facts: dict[str, Any]) -> Value:
    return Value(
        metric, difference.value, difference.low, difference.high, method=_METHOD, details=facts
    )


def _column(g: _Guesses, confidence: float) -> tuple[Difference, dict[str, Any]]:
    m = g.members
    right, alone, simple = (g.right(c) for c in (g.with_model, g.alone, g.simple))
    over_baseline = paired(right[:m], alone[:m], confidence)
    over_others = unpaired(right[:m], right[m:], confidence)
    worse = smaller(over_baseline, over_others)
    return worse, {
        "column": g.secret.name,
        "values": len(g.secret.values),
        "members": m,
        "nonmembers": len(right) - m,
        "advantage": [worse.value, worse.low, worse.high],
        "over_baseline": over_baseline.to_json(),
        "over_nonmembers": over_others.to_json(),
        "accuracy": {
            "members": float(right[:m].mean()),
            "members_without_model": float(alone[:m].mean()),
            "nonmembers": float(right[m:].mean()),
            "nonmembers_without_model": float(alone[m:].mean()),
            "members_by_largest_confidence": float(simple[:m].mean()),
            "nonmembers_by_largest_confidence": float(simple[m:].mean()),
        },
    }


def _common(g: _Guesses) -> list[int]:
    counts = [
        np.bincount(part, minlength=len(g.secret.values))
        for part in (g.truth[: g.members], g.truth[g.members :])
    ]
    return [int(v) for v in np.flatnonzero(np.minimum(*counts) >= FEWEST_HOLDERS)]


def _value(g: _Guesses, value: int, confidence: float) -> tuple[Difference, dict[str, Any]]:
    from strongroom.attacks._intervals import share_interval

    m, holds = g.members, g.truth == value
    named, alone = g.named(g.with_model, value), g.named(g.alone, value)
    inside, outside = holds[:m], holds[m:]
    over_baseline = paired(named[:m][inside], alone[:m][inside], confidence)
    over_others = unpaired(named[:m][inside], named[m:][outside], confidence)
    worse = smaller(over_baseline, over_others)

    def share(hits: NDArray[np.bool_], among: NDArray[np.bool_]) -> list[float]:
        count, total = int((hits & among).sum()), int(among.sum())
        return [count / total, *share_interval(count, total)]

    return worse, {
        "column": g.secret.name,
        "value": g.secret.values[value],
        "holders": int(inside.sum()),
        "advantage": [worse.value, worse.low, worse.high],
        "over_baseline": over_baseline.to_json(),
        "over_nonmembers": over_others.to_json(),
        "found": {
            "members": share(named[:m], inside),
            "members_without_model": share(alone[:m], inside),
            "nonmembers": share(named[m:], outside),
        },
        "precision": {
            "members": share(inside, named[:m]),
            "members_without_model": share(inside, alone[:m]),
            "nonmembers": share(outside, named[m:]),
        },
    }
