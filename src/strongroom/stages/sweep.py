"""sweep: the same model at several ε, and what each costs in accuracy.

Not a stage of the way: `strongroom train --sweep` walks it beside. Every point is a stage run of
its own, so what is done is kept, signed and never paid twice. The models are thrown away; but
choosing an ε by what they reached lets their figures out, so every private point is paid for.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from strongroom.config import PrivacySpec
from strongroom.errors import BudgetExceededError, InputError
from strongroom.files import user_errors, write_bytes
from strongroom.stages import _source
from strongroom.stages._stage import Outcome, Reads, Stage, Way
from strongroom.stages.train import settings_of, validation_rows, with_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from strongroom.config import TrainSpec
    from strongroom.data import Dataset
    from strongroom.privacy import PrivacyStatement, Spend

NAME = "sweep"
PICTURE = "sweep.svg"
_MEASURES = ("perplexity", "accuracy")


@dataclass(frozen=True)
class Sweep:
    """What is to be swept.

    Attributes:
        epsilons: the guarantees, rising.
        public: rows that are nobody's secret, to sweep on instead; costs no ε.
    """

    epsilons: tuple[float, ...]
    public: Path | None = None

    @property
    def points(self) -> tuple[float | None, ...]:
        """Every ε, and None for the run without privacy that they are held against."""
        return (*self.epsilons, None)


def parse(text: str) -> tuple[float, ...]:
    """Read `epsilon=0.5,1,2`; `inf` stands for without privacy, which is always there.

    Raises:
        InputError: it names no ε, or something else.
    """
    name, given, listed = text.partition("=")
    hint = "--sweep epsilon=0.5,1,2,4,8"
    if not given or name.strip() not in ("epsilon", "ε"):
        raise InputError(f'cannot sweep over "{text}"', hint=hint)
    try:
        values = {float(part) for part in listed.split(",")}
    except ValueError as error:
        raise InputError(f'"{listed}" is not a list of numbers', hint=hint) from error
    private = tuple(sorted(v for v in values if v != float("inf")))
    if not private or not all(v > 0 for v in private):
        raise InputError("a sweep needs values of ε above 0", hint=hint)
    return private


def stage(sweep: Sweep, epsilon: float | None) -> Stage:
    """Return the stage run that measures one point."""
    label = "ε=∞" if epsilon is None else f"ε={epsilon:g}"
    return Stage(
        name=f"{'public' if sweep.public else NAME} {label}",
        code=NAME,
        reads={"seal": Reads(artefacts=("minimized", "test"))},
        rooms=("privacy", "models", "train"),
        settings=partial(_settings, sweep, epsilon),
        work=partial(_work, sweep, epsilon),
        summary=_summary,
    )


def basis(way: Way) -> str:
    """Name what all points share, rows and settings: a sweep of another basis says nothing here."""
    spec = way.config.train
    privacy = (spec.privacy or PrivacySpec()).model_copy(update={"epsilon": 1.0, "canaries": 0})
    shared = spec.model_copy(update={"privacy": privacy, "compare": False})
    rows = [
        way.workspace.artefact(way.outputs["seal"][name]).fingerprint
        for name in ("minimized", "test")
    ]
    text = json.dumps([settings_of(way, shared), rows], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def check_cost(way: Way, sweep: Sweep, pending: Sequence[float | None]) -> str | None:
    """Refuse a sweep that the budget doesn't cover before any of it is spent.

    Returns:
        What it will spend, in words; None where it is nothing.

    Raises:
        BudgetExceededError: says what all pending points together would spend.
    """
    from strongroom.privacy import Spend, check_budget, compose

    if sweep.public is not None:
        return None
    spends = _spends(way, [e for e in pending if e is not None])
    if not spends:
        return None
    earlier = [e.spend for e in way.workspace.ledger.entries(way.config.project.name)]
    for spend in spends:
        # A point that was interrupted has its reservation already.
        if spend in earlier:
            earlier.remove(spend)
    first = spends[0]
    events = tuple(event for s in spends for event in s.events)
    whole = Spend(
        compose(spends, first.delta), first.delta, first.unit, first.relation, events=events
    )
    try:
        check_budget(way.config.project.name, earlier, whole, way.config.data.budget)
    except BudgetExceededError as error:
        raise BudgetExceededError(
            f"the sweep is {len(spends)} private trainings: together {error.what}",
            hint="sweep fewer or smaller values, or --public DATA: on rows that are nobody's "
            "secret it costs nothing",
        ) from error
    trainings = f"{len(spends)} private training{'s'[: len(spends) > 1]}"
    return f"{trainings} will spend ε = {whole.epsilon:.2f} together at δ = {first.delta:g}"


def gather(way: Way, sweep: Sweep, docs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Put the points' documents together, with what each ε costs against no privacy."""
    from strongroom.privacy import Spend, compose

    without = docs[-1]
    spends = [Spend.from_json(d["spend"]) for d in docs if d["spend"] is not None]
    delta = spends[0].delta if spends else None
    points = [{**d, "cost": _cost(d, without)} for d in docs]
    return {
        "over": "epsilon",
        "measure": without["measure"],
        "points": points,
        "spent": 0.0 if delta is None else compose(spends, delta),
        "delta": delta or (way.config.train.privacy or PrivacySpec()).delta,
        "public": sweep.public.name if sweep.public else None,
        "basis": basis(way),
    }


def draw(way: Way, doc: Mapping[str, Any]) -> str:
    """Write the picture of accuracy against ε; return its path in the project's folder."""
    from strongroom.report import render_sweep
    from strongroom.stages.report import FOLDER

    path = way.path(FOLDER) / PICTURE
    with user_errors(path):
        path.parent.mkdir(exist_ok=True)
    write_bytes(path, render_sweep(doc).encode())
    return f"{FOLDER}/{PICTURE}"


def todays(way: Way) -> dict[str, Any] | None:
    """Return the last sweep, if it speaks of today's rows and settings."""
    last = way.workspace.stage(NAME)
    return dict(last.doc) if last and last.doc["basis"] == basis(way) else None


def _settings(sweep: Sweep, epsilon: float | None, way: Way) -> Any:  # noqa: ANN401 - JSON
    return [
        settings_of(way, _spec(way, epsilon)),
        _source.digest(sweep.public) if sweep.public else None,
    ]


def _work(sweep: Sweep, epsilon: float | None, way: Way) -> Outcome:
    from strongroom.train import train_model

    config, workspace = way.config, way.workspace
    spec = _spec(way, epsilon)
    around: dict[str, Any] = {
        "columns": config.data.columns,
        "progress": way.view,
        "validation": validation_rows(way),
    }
    if sweep.public is not None:
        rows, test = _public_rows(way, sweep.public)
        result = train_model(rows, spec, test=test, **around)
    else:
        rows, test = _own_rows(way)
        result = train_model(
            rows,
            spec,
            test=test,
            rows=config.data.rows,
            ledger=workspace.stage_ledger,
            account=config.project.name,
            budget=config.data.budget,
            key=way.key,
            checkpointer=workspace.checkpointer(f"sweep-{epsilon or 'inf'}"),
            **around,
        )
    found = result.metrics["test"]
    measure = next((m for m in _MEASURES if m in found), None)
    if measure is None:
        raise InputError(f"a sweep can't compare models of kind {spec.model}")
    statement = result.privacy
    spend = None
    if statement is not None and sweep.public is None:
        spend = {
            "epsilon": statement.epsilon,
            "delta": statement.delta,
            "unit": statement.unit.value,
            "relation": statement.relation.value,
            "events": [dict(e) for e in statement.events],
        }
    doc = {
        "epsilon": epsilon,
        "measure": measure,
        "value": found[measure],
        "interval": found.get(f"{measure}_interval"),
        "metrics": found,
        "noise_multiplier": statement.noise_multiplier if statement else None,
        "mechanism": _mechanism(statement),
        "spend": spend,
        "rows": rows.rows,
        "steps": result.steps,
        "seconds": result.seconds,
    }
    return Outcome(doc)


def _mechanism(statement: PrivacyStatement | None) -> dict[str, Any] | None:
    if statement is None:
        return None
    return {
        "epsilon": statement.epsilon,
        "sampling_rate": statement.sampling_rate,
        "steps": statement.steps,
        "private": statement.private,
    }


def _spec(way: Way, epsilon: float | None) -> TrainSpec:
    spec = with_folder(way, way.config.train)
    privacy = None
    if epsilon is not None:
        # Canaries measure a leak, not accuracy: here they would only take time.
        changes = {"epsilon": epsilon, "canaries": 0}
        privacy = (spec.privacy or PrivacySpec()).model_copy(update=changes)
    return spec.model_copy(update={"privacy": privacy, "compare": False})


def _spends(way: Way, epsilons: Sequence[float]) -> list[Spend]:
    from strongroom.train import spend_of

    if not epsilons:
        return []
    rows, _ = _own_rows(way)
    data = way.config.data
    found = [spend_of(rows, _spec(way, e), columns=data.columns, rows=data.rows) for e in epsilons]
    return [spend for spend in found if spend is not None]


def _own_rows(way: Way) -> tuple[Dataset, Dataset]:
    sealed = way.outputs["seal"]
    return tuple(way.workspace.get_dataset(sealed[n]) for n in ("minimized", "test"))  # type: ignore[return-value]


def _public_rows(way: Way, path: Path) -> tuple[Dataset, Dataset]:
    """Read the stand-in rows and split them."""
    from strongroom.data import split

    public = _source.read_like(way, path, _own_rows(way)[0])
    return split(public, way.config.data.test_fraction, way.workspace.keyring.subkey("split"))


def _cost(doc: Mapping[str, Any], without: Mapping[str, Any]) -> float:
    """How much worse than without privacy, in the measure's own unit."""
    loss = float(without["value"] - doc["value"])
    return loss if doc["measure"] == "accuracy" else -loss


def _summary(doc: Mapping[str, Any]) -> str:
    value = doc["value"]
    said = f"{100 * value:.1f} %" if doc["measure"] == "accuracy" else f"{value:.1f}"
    return f"test {doc['measure']} {said}"
