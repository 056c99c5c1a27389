"""Privacy auditing with many training runs: the same row in or out, by a fair coin each time.

Each run gives one score. A threshold turns scores into guesses; were the training (ε, δ)-private,
its false-positive rate α and false-negative rate β would keep α e^ε + β ≥ 1 - δ and the same with
α and β exchanged (Kairouz, Oh and Viswanath 2015). Clopper-Pearson bounds on both rates make that
a certified lower bound on ε (Jagielski, Ullman and Oprea 2020; Nasr et al. 2021). The threshold is
chosen on the first half of the runs and judged on the second, so nothing is paid for the choice.

R runs show an ε of log(R / 15) at the most. The bound from one run with many canaries is cheaper by
far: this one is for trainings that may not get thousands of further rows and columns.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._intervals import clopper_pearson, special_functions
from strongroom.attacks._results import EpsilonEstimate, Measured, NotEvaluable, Value
from strongroom.attacks.privacy._columns import Columns, log_ratio
from strongroom.attacks.privacy._estimate import estimate
from strongroom.attacks.privacy._training import (
    SEES_OUTPUTS,
    SEES_UPDATES,
    SHOWS_NOTHING,
    checked,
    claim_checked,
    family_of,
    play,
)
from strongroom.errors import DataError, InputError
from strongroom.files import atomic_writer
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks.privacy._family import Family
    from strongroom.attacks.privacy._training import Training

MANY, MANY_OUTSIDE, MANY_ESTIMATE = (
    "privacy.many_runs",
    "privacy.many_runs_outside",
    "privacy.many_runs_estimate",
)
_FEWEST = 20
_LEAST, _TINY = 1e-3, 1e-12
_BOUND = "privacy.epsilon_lower_bound"


@dataclass(frozen=True)
class ManyRuns:
    """What many trainings with and without one canary showed.

    Attributes:
        updates: certified, by an attacker who sees the parameters after every step.
        outside: certified, by an attacker who sees the final model's outputs.
        estimate: from the updates, if the training is Gaussian noise on sampled or full batches.
        runs: trainings.
    """

    updates: Measured | NotEvaluable
    outside: Measured | NotEvaluable
    estimate: EpsilonEstimate | NotEvaluable
    runs: int

    @property
    def results(self) -> dict[str, Measured | EpsilonEstimate | NotEvaluable]:
        """The results by the name of the check, as findings are made of them."""
        return {MANY: self.updates, MANY_OUTSIDE: self.outside, MANY_ESTIMATE: self.estimate}

    @property
    def refuted(self) -> bool:
        """Whether a certified bound is above what was claimed."""
        bounds = (b for b in (self.updates, self.outside) if isinstance(b, Measured))
        return any(v.claim is not None and v.value > v.claim for b in bounds for v in b.values)


@dataclass(frozen=True)
class Rates:
    """A certified lower bound on ε from error rates.

    Attributes:
        epsilon: with the confidence asked for, the true ε is at least this.
        false_positives, negatives: wrong accusations among the runs without the canary.
        false_negatives, positives: misses among the runs with it.
        fpr_high, fnr_high: their Clopper-Pearson upper bounds, both at once.
    """

    epsilon: float
    false_positives: int
    negatives: int
    false_negatives: int
    positives: int
    fpr_high: float
    fnr_high: float


def from_rates(
    false_positives: int,
    negatives: int,
    false_negatives: int,
    positives: int,
    delta: float,
    confidence: float = 0.95,
) -> Rates:
    """Return the bound that these counts give; their threshold must not stem from these runs."""
    # Two-sided intervals: each upper end errs with half of the rest.
    fpr = float(clopper_pearson(false_positives, negatives, confidence)[1])
    fnr = float(clopper_pearson(false_negatives, positives, confidence)[1])
    epsilon = 0.0
    for one, other in ((fpr, fnr), (fnr, fpr)):
        if 1 - delta - one > 0:
            epsilon = max(epsilon, math.log((1 - delta - one) / other))
    return Rates(epsilon, false_positives, negatives, false_negatives, positives, fpr, fnr)


def many_runs(
    scores: NDArray[np.floating],
    included: NDArray[np.bool_],
    delta: float,
    confidence: float = 0.95,
) -> Rates | NotEvaluable:
    """Return a lower bound on ε that holds with `confidence`, from one score per run.

    Args:
        scores: float [r], the higher, the likelier the canary was in.
        included: bool [r], fair coins, in the order of the runs.
        delta: of the guarantee that is tested.
        confidence: of the bound.
    """
    values, inside = np.asarray(scores, np.float64), np.asarray(included, np.bool_)
    half = len(values) // 2
    if len(values) < _FEWEST:
        return NotEvaluable(
            f"{len(values)} runs are too few for a bound, at least {_FEWEST} are needed"
        )
    if not np.isfinite(values).all():
        return NotEvaluable("the runs' scores hold NaN or infinite values")
    for part in (inside[:half], inside[half:]):
        if part.all() or not part.any():
            return NotEvaluable("the canary was always in or always out in half of the runs")
    threshold = _threshold(values[:half], inside[:half], delta, confidence)
    return _counted(values[half:], inside[half:], threshold, delta, confidence)


def _threshold(
    scores: NDArray[np.float64], inside: NDArray[np.bool_], delta: float, confidence: float
) -> float:
    """Return the threshold that promises most by normal curves through both kinds of scores.

    The counts themselves would promise most where chance has been kindest.
    """
    special = special_functions()
    values = np.unique(scores)
    candidates = np.append((values[1:] + values[:-1]) / 2, values[-1])
    rates = []
    for part, sign in ((scores[~inside], -1), (scores[inside], 1)):
        spread = max(float(part.std()), _LEAST * float(np.ptp(scores)), _TINY)
        hits = len(part) * special.ndtr(sign * (candidates - part.mean()) / spread)
        rates.append(clopper_pearson(hits, len(part), confidence)[1])
    ratios = [np.maximum(1 - delta - one, _TINY) / other for one, other in (rates, reversed(rates))]
    return float(candidates[int(np.argmax(np.maximum(*ratios)))])


def _counted(
    scores: NDArray[np.float64],
    inside: NDArray[np.bool_],
    threshold: float,
    delta: float,
    confidence: float,
) -> Rates:
    accused = scores > threshold
    counts = (
        int((accused & ~inside).sum()),
        int((~inside).sum()),
        int((~accused & inside).sum()),
        int(inside.sum()),
    )
    return from_rates(*counts, delta, confidence)


def audit_many_runs(
    train: Training,
    inputs: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    claimed_epsilon: float,
    delta: float = 1e-5,
    runs: int = 200,
    sampling_rate: float = 1.0,
    clip_norm: float | None = None,
    scale: float | None = None,
    seed: int = 0,
    folder: Path | str | None = None,
    progress: Progress = SILENT,
) -> ManyRuns:
    """Train many times, one canary in or out by a coin, and return what that shows of the true ε.

    Args:
        train: the function under audit; see `audit_training`.
        inputs: float [n, d], the rows to train on.
        labels: int [n], classes from 0.
        claimed_epsilon: what was claimed for the training.
        delta: of the claim.
        runs: trainings.
        sampling_rate: the chance of a row to be in a step, for the scores.
        clip_norm: that every row's gradient is cut to, if known, for the scores.
        scale: the canary's value in its column.
        seed: of everything.
        folder: keeps the score of each finished run, so that an audit that was stopped goes on.
        progress: told after each training.

    Raises:
        InputError: data, claim or function are unusable, or the function failed.
    """
    rows, targets = checked(inputs, labels)
    claim_checked(claimed_epsilon, delta, sampling_rate)
    about = [claimed_epsilon, delta, sampling_rate, clip_norm, scale, seed]
    key = _key(train, rows, targets, about)
    played = []
    for run in range(runs):
        kept = None if folder is None else Path(folder) / f"{key}-{run}.json"
        found = _kept(kept)
        if found is None:
            columns = Columns.drawn(rows, targets, 1, seed=seed, run=run, scale=scale)
            game = play(train, rows, targets, columns, seed=seed + run, clip_norm=clip_norm)
            family = _family(claimed_epsilon, delta, sampling_rate, max(1, game.steps))
            noise = family.claimed.noise_multiplier
            score = log_ratio(game.signals, game.parts, noise, sampling_rate)
            outside = None if isinstance(game.outputs, NotEvaluable) else float(game.outputs[0])
            found = {
                "included": bool(columns.included[0]),
                "updates": float(score[0]) if game.steps else None,
                "outside": outside,
                "steps": game.steps,
            }
            if kept is not None:
                kept.parent.mkdir(parents=True, exist_ok=True)
                with atomic_writer(kept) as file:
                    file.write(json.dumps(found).encode())
        played.append(found)
        progress.step(run + 1, runs, "trainings")
    included = np.array([one["included"] for one in played], np.bool_)

    def judged(what: str, knowledge: str) -> Measured | NotEvaluable:
        scores = [one[what] for one in played]
        if None in scores:
            return NotEvaluable(
                SHOWS_NOTHING
                if what == "updates"
                else "the training function returned nothing that predicts"
            )
        rates = many_runs(np.array(scores), included, delta)
        if isinstance(rates, NotEvaluable):
            return rates
        return _measured(rates, claimed_epsilon, delta, runs, knowledge)

    updates = judged("updates", SEES_UPDATES)
    return ManyRuns(
        updates,
        judged("outside", SEES_OUTPUTS),
        updates
        if isinstance(updates, NotEvaluable)
        else _estimated(played, included, claimed_epsilon, delta, sampling_rate),
        runs,
    )


def _measured(rates: Rates, claimed: float, delta: float, runs: int, knowledge: str) -> Measured:
    details = {
        "kind": "certified: holds whatever the mechanism",
        "delta": delta,
        "confidence": 0.95,
        "runs": runs,
        "false_positives": [rates.false_positives, rates.negatives],
        "false_negatives": [rates.false_negatives, rates.positives],
        "fpr_high": rates.fpr_high,
        "fnr_high": rates.fnr_high,
    }
    value = Value(_BOUND, rates.epsilon, claim=claimed, details=details)
    return Measured((value,), knowledge=knowledge)


def _estimated(
    played: list[dict[str, Any]],
    included: NDArray[np.bool_],
    claimed: float,
    delta: float,
    rate: float,
) -> EpsilonEstimate | NotEvaluable:
    family = _family(claimed, delta, rate, max(1, played[0]["steps"]))
    scores = np.array([one["updates"] for one in played])
    found = estimate(scores, included, delta, family)
    if isinstance(found, NotEvaluable):
        return found
    return replace(found, claimed=claimed, knowledge=SEES_UPDATES)


@lru_cache(maxsize=8)
def _family(epsilon: float, delta: float, rate: float, steps: int) -> Family:
    return family_of(epsilon, delta, rate, steps)


def _key(
    train: Training, rows: NDArray[np.float32], labels: NDArray[np.int64], about: list[Any]
) -> str:
    """Return what decides every run's outcome, but the code that the function calls."""
    code: Any = train
    while isinstance(code, partial):
        about = [*about, repr(code.args), repr(sorted(code.keywords.items()))]
        code = code.func
    try:
        source = inspect.getsource(code)
    except (TypeError, OSError):
        source = f"{type(code).__module__}.{type(code).__qualname__}"
    digest = hashlib.sha256(json.dumps([about, rows.shape, source]).encode())
    digest.update(rows.tobytes())
    digest.update(labels.tobytes())
    return digest.hexdigest()[:24]


def _kept(file: Path | None) -> dict[str, Any] | None:
    if file is None or not file.exists():
        return None
    try:
        found: dict[str, Any] = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(
            "the kept score of a run can't be read", where=str(file), hint="delete the file"
        ) from error
    if set(found) != {"included", "updates", "outside", "steps"}:
        raise InputError(
            "this isn't the kept score of a run", where=str(file), hint="delete the file"
        )
    return found
