"""Audits of training functions that Strongroom did not write.

A training function is anything that can be called as

    train(inputs, labels, *, seed, on_step=None) -> predictor

    inputs: float32 [n, d]; the model must be built for whatever d comes: the audit adds columns.
    labels: int64 [n], from 0.
    seed: int; the training's own coins may come from it or from anywhere.
    on_step: call it with the model (a torch module, wrapped by Opacus or not) or with a mapping of
        parameter names to arrays, once before the first step and once after each. A function
        without this parameter is audited from outside only.
    predictor: what was trained: a function from inputs to probabilities [n, classes], an object
        with `predict_proba`, or a torch module that gives logits.

`audit_training` trains once (or a few times, and joins the canaries of all), with canaries in
columns of their own, and bounds the ε that each attacker could show: one who sees every update, and
one who sees the final model's outputs alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._results import EpsilonEstimate, NotEvaluable, OneRunBound
from strongroom.attacks.privacy._columns import Columns, log_ratio
from strongroom.attacks.privacy._estimate import estimate
from strongroom.attacks.privacy._family import Family
from strongroom.attacks.privacy._one_run import FEWEST, one_run
from strongroom.attacks.privacy._plan import planned
from strongroom.attacks.privacy._watcher import Watcher, unwrapped
from strongroom.errors import InputError, StrongroomError
from strongroom.privacy import calibrate
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

UPDATES, OUTSIDE, ESTIMATE = "privacy.one_run", "privacy.black_box", "privacy.estimate"
_WHERE = "the training function"
_SIGNATURE = "train(inputs, labels, *, seed, on_step=None)"
_PROBES = 1_000  # rows asked for at once
_LEAST = 1e-30  # a probability that is none
SHOWS_NOTHING = (
    "the training function showed no steps: it must call on_step(model) before the first step and "
    "after each"
)
_WIDER = (
    "; the training is of the data with extra columns, one for each canary, in which all other "
    "rows are zero"
)
SEES_UPDATES = "the parameters after every step, and which canaries might have been in" + _WIDER
SEES_OUTPUTS = (
    "the final model's probabilities for rows of the attacker's choice, and which canaries might "
    "have been in" + _WIDER
)


Training = Callable[..., Any]
"""A training function; the module's docstring says what it takes and returns."""


@dataclass(frozen=True)
class TrainingAudit:
    """What one audit of a training function found.

    Attributes:
        updates: certified, by an attacker who sees the parameters after every step.
        outside: certified, by an attacker who sees the final model's outputs.
        estimate: from the updates, if the training is Gaussian noise on sampled or full batches;
            kept apart from the bounds.
        steps: of one training, as seen; 0: none was shown.
        canaries: of all trainings together.
        details: further facts, JSON values.
    """

    updates: OneRunBound | NotEvaluable
    outside: OneRunBound | NotEvaluable
    estimate: EpsilonEstimate | NotEvaluable
    steps: int
    canaries: int
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def results(self) -> dict[str, OneRunBound | EpsilonEstimate | NotEvaluable]:
        """The results by the name of the check, as findings are made of them."""
        return {UPDATES: self.updates, OUTSIDE: self.outside, ESTIMATE: self.estimate}

    @property
    def refuted(self) -> bool:
        """Whether a certified bound is above what was claimed."""
        bounds = (b for b in (self.updates, self.outside) if isinstance(b, OneRunBound))
        return any(b.claimed is not None and b.epsilon_lower > b.claimed for b in bounds)


def audit_training(
    train: Training,
    inputs: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    claimed_epsilon: float,
    delta: float = 1e-5,
    canaries: int = 6_000,
    sampling_rate: float = 1.0,
    clip_norm: float | None = None,
    runs: int = 1,
    scale: float | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> TrainingAudit:
    """Train with canaries among the rows, and return what they show of the true ε.

    Nothing that is given but the data is taken for granted by the bounds: a wrong sampling rate or
    scale makes them smaller, never false.

    Args:
        train: the function under audit.
        inputs: float [n, d], the rows to train on.
        labels: int [n], classes from 0.
        claimed_epsilon: what was claimed for the training; decides which guesses are made.
        delta: of the claim.
        canaries: columns and possible rows that are added, half of the rows in; more show more.
        sampling_rate: the chance of a row to be in a step (1: full batches), for the scores.
        clip_norm: that every row's gradient is cut to, if known, for the scores.
        runs: trainings; each has its own canaries, and all are judged together.
        scale: a canary's value in its column; by default four times the median length of a row.
            Large enough for its gradient to be cut, and small enough for it not to be learnt.
        seed: of everything.
        progress: told after each training.

    Raises:
        InputError: data, claim or function are unusable, or the function failed.
    """
    rows, targets = checked(inputs, labels)
    claim_checked(claimed_epsilon, delta, sampling_rate)
    if canaries < FEWEST or runs < 1:
        raise InputError(
            f"{runs} runs with {canaries} canaries are too few: at least one, with {FEWEST}"
        )
    games = []
    for run in range(runs):
        columns = Columns.drawn(rows, targets, canaries, seed=seed, run=run, scale=scale)
        games.append(play(train, rows, targets, columns, seed=seed + run, clip_norm=clip_norm))
        progress.step(run + 1, runs, "trainings")
    included = np.concatenate([game.columns.included for game in games])
    steps = min(game.steps for game in games)
    family = family_of(claimed_epsilon, delta, sampling_rate, max(1, steps))
    plan = planned(len(included), family, claimed_epsilon, delta)

    def judged(scores: NDArray[np.float64], knowledge: str) -> OneRunBound | NotEvaluable:
        bound = one_run(scores, included, delta, plan=plan)
        if isinstance(bound, NotEvaluable):
            return bound
        more = {"claimed": claimed_epsilon, "reachable": plan.promised, "knowledge": knowledge}
        return replace(bound, **more)  # type: ignore[arg-type]  # each of its field's type

    updates: OneRunBound | NotEvaluable
    estimated: EpsilonEstimate | NotEvaluable
    problem = next((game.problem for game in games if game.problem), SHOWS_NOTHING)
    updates = estimated = NotEvaluable(problem)
    if steps:
        noise = family.claimed.noise_multiplier
        scores = np.concatenate(
            [log_ratio(g.signals, g.parts, noise, sampling_rate) for g in games]
        )
        updates = judged(scores, SEES_UPDATES)
        estimated = estimate(scores, included, delta, family)
        if isinstance(estimated, EpsilonEstimate):
            estimated = replace(estimated, claimed=claimed_epsilon, knowledge=SEES_UPDATES)
    margins = [g.outputs for g in games if not isinstance(g.outputs, NotEvaluable)]
    outside: OneRunBound | NotEvaluable
    if len(margins) == runs:
        of = [standardised(m, g.columns.labels) for m, g in zip(margins, games, strict=True)]
        outside = judged(np.concatenate(of), SEES_OUTPUTS)
    else:
        outside = next(g.outputs for g in games if isinstance(g.outputs, NotEvaluable))
    first = games[0].columns
    return TrainingAudit(
        updates,
        outside,
        estimated,
        steps,
        len(included),
        {
            "rows": len(rows),
            "runs": runs,
            "columns_added": canaries + first.blanks,
            "scale": first.scale,
            "canary_rows_in": int(included.sum()),
        },
    )


@dataclass(frozen=True, eq=False)
class Game:
    """One training with canaries, as both attackers saw it.

    Attributes:
        columns: where the canaries are and who is in.
        signals, parts: float [steps, m], from the updates; see `log_ratio`.
        outputs: float64 [m], from the final model; the higher, the likelier in.
        problem: why the updates couldn't be read, if so.
    """

    columns: Columns
    signals: NDArray[np.float32]
    parts: NDArray[np.float32]
    outputs: NDArray[np.float64] | NotEvaluable
    problem: str = ""

    @property
    def steps(self) -> int:
        """How many updates were seen."""
        return len(self.signals)


def play(
    train: Training,
    rows: NDArray[np.float32],
    labels: NDArray[np.int64],
    columns: Columns,
    *,
    seed: int,
    clip_norm: float | None = None,
) -> Game:
    """Train once.

    Raises:
        InputError: the function failed.
    """
    mixed, targets = columns.mixed(rows, labels, seed=seed)
    watcher = Watcher(columns, clip_norm)
    more: dict[str, Any] = {"on_step": watcher} if _shows_steps(train) else {}
    try:
        predictor = train(mixed, targets, seed=seed, **more)
    except StrongroomError:
        raise
    except Exception as error:
        raise InputError(
            f"the training function failed: {type(error).__name__}: {error}",
            where=_WHERE,
            hint=f"it is called as {_SIGNATURE} with {mixed.shape[1]:,} columns",
        ) from error
    none = np.zeros((0, columns.canaries), np.float32)
    seen = (watcher.signals, watcher.parts) if watcher.steps else (none, none)
    return Game(columns, *seen, _outputs(predictor, columns), watcher.problem)


def _shows_steps(train: Training) -> bool:
    try:
        parameters = inspect.signature(train).parameters
    except (TypeError, ValueError):
        return True
    return "on_step" in parameters or any(
        p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()
    )


def checked(
    inputs: NDArray[np.floating], labels: NDArray[np.integer]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the data as the audit needs them.

    Raises:
        InputError: shapes, values or labels that can't be.
    """
    rows, targets = np.asarray(inputs, np.float32), np.asarray(labels)
    if rows.ndim != 2 or targets.shape != rows.shape[:1] or not len(rows):  # noqa: PLR2004 - a matrix
        raise InputError(
            f"rows of shape {rows.shape} and labels of shape {targets.shape} don't fit: the audit "
            "needs [n, d] and [n], n at least 1",
            hint="encode the table to numbers first",
        )
    if not np.isfinite(rows).all():
        raise InputError("the rows hold NaN or infinite values")
    if not np.issubdtype(targets.dtype, np.integer) or targets.min() < 0 or targets.max() < 1:
        raise InputError("labels must be whole numbers from 0, of at least two classes")
    return rows, targets.astype(np.int64)


def claim_checked(epsilon: float, delta: float, rate: float) -> None:
    """Check that a claim can be one.

    Raises:
        InputError: it can't.
    """
    if not epsilon > 0 or not 0 < delta < 1 or not 0 < rate <= 1:
        raise InputError(
            f"a claim of epsilon = {epsilon:g}, delta = {delta:g} at a sampling rate of {rate:g} "
            "can't be: epsilon must be above 0, delta between 0 and 1, the rate above 0 and at "
            "most 1"
        )


def family_of(epsilon: float, delta: float, rate: float, steps: int) -> Family:
    """Return the family whose member has exactly the claimed guarantee."""
    return Family(calibrate(epsilon, delta, rate, steps))


def standardised(outputs: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return scores whose middle and spread are the same for every label (and training)."""
    found = outputs.copy()
    for label in np.unique(labels):
        part = found[labels == label]
        spread = float(np.subtract(*np.quantile(part, (0.75, 0.25))))
        found[labels == label] = (part - np.median(part)) / (spread or 1.0)
    return found


def _outputs(predictor: Any, columns: Columns) -> NDArray[np.float64] | NotEvaluable:  # noqa: ANN401 - any predictor
    """Return the log-odds of each canary's own label, beyond those of an empty row."""
    ask = _asker(predictor)
    if ask is None:
        return NotEvaluable(
            "the training function returned nothing that predicts: neither a function, nor an "
            "object with predict_proba, nor a torch module"
        )
    found = []
    for begin in range(0, columns.canaries, _PROBES):
        numbers = np.arange(begin, min(begin + _PROBES, columns.canaries))
        probabilities = np.asarray(ask(columns.rows(numbers)), np.float64)
        if probabilities.ndim == 1 or probabilities.shape[-1] == 1:
            probabilities = probabilities.reshape(-1, 1)
            probabilities = np.concatenate([1 - probabilities, probabilities], axis=1)
        labels = columns.labels[numbers]
        if probabilities.shape[0] != len(numbers) or probabilities.shape[1] <= labels.max():
            return NotEvaluable(
                f"the model answered {len(numbers):,} rows with probabilities of shape "
                f"{probabilities.shape}"
            )
        of = probabilities[np.arange(len(numbers)), labels]
        others = probabilities.sum(axis=1) - of
        # A small rest is exact in the others' sum, not in 1 - p.
        exact = np.where(np.arange(probabilities.shape[1]) == labels[:, None], 0, probabilities)
        others = np.where(of > 0.5, exact.sum(axis=1), others)  # noqa: PLR2004 - the larger half
        found.append(np.log(np.maximum(of, _LEAST)) - np.log(np.maximum(others, _LEAST)))
    return np.concatenate(found)


def _asker(predictor: Any) -> Callable[[NDArray[np.float32]], Any] | None:  # noqa: ANN401 - any predictor
    ask: Callable[[NDArray[np.float32]], Any]
    if hasattr(predictor, "predict_proba"):
        ask = predictor.predict_proba
        return ask
    if hasattr(predictor, "named_parameters"):
        return _of_module(unwrapped(predictor))
    if callable(predictor):
        ask = predictor
        return ask
    return None


def _of_module(network: Any) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:  # noqa: ANN401 - torch is optional
    import torch  # only a torch module comes here

    def ask(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        was = network.training
        network.eval()
        with torch.no_grad():
            where = next(network.parameters())
            logits = network(torch.from_numpy(rows).to(where.device, where.dtype)).double()
        network.train(was)
        if logits.dim() == 1 or logits.shape[-1] == 1:
            logits = torch.stack([torch.zeros_like(logits.view(-1)), logits.view(-1)], dim=1)
        found: NDArray[np.float64] = torch.softmax(logits, dim=1).cpu().numpy()
        return found

    return ask
