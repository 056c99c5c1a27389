"""What `strongroom budget plan` counts: the plan, what stands around it, what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strongroom.config import PrivacySpec, TrainSpec
from strongroom.errors import InputError, WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from strongroom.cli._options import Common
    from strongroom.config import Config
    from strongroom.privacy import BudgetPlan

_EPSILONS = (0.5, 1.0, 2.0, 4.0, 8.0)
_SAME = 0.02
_MEASURES = ("perplexity", "accuracy")


def planned(flags: Common, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of a plan; what isn't asked for comes from strongroom.toml.

    Args:
        flags: where configuration and workspace are.
        asked: rows, delta, epochs, batch_size, noise, epsilon; None where not given.

    Raises:
        InputError: the numbers are too few, too many, or fit no plan.
    """
    from strongroom.privacy import plan_budget

    config = flags.config() if flags.config_path.exists() else None
    rows, delta, given = _given(config, asked)
    plan = plan_budget(rows, delta, **given)
    runs = _runs(flags, config)
    measured = _measured(runs, plan)
    return {
        "plan": plan.to_json(),
        "solved": next(name for name, value in given.items() if value is None),
        "panels": [
            {"over": over, "rows": [p.to_json() for p in plans]}
            for over, plans in plan.around().items()
        ],
        "accuracy": _expected(plan, measured),
        "budget": _left(flags, config, plan),
        "note": _note(config),
    }


def _note(config: Config | None) -> str | None:
    """Say where strongroom.toml asks for a mechanism that isn't the one that is planned."""
    privacy = config.train.privacy if config else None
    if config is None or privacy is None:
        return None
    odd = [
        f"{name} = {value}"
        for name, value, planned_for in (
            ("model", config.train.model, None),
            ("sampling", privacy.sampling, "poisson"),
            ("noise", privacy.noise, "independent"),
            ("clipping", privacy.clipping, None),
        )
        if (value != planned_for if planned_for else value in ("trees", "adaptive"))
    ]
    if not odd:
        return None
    return (
        "planned for gradient steps with Poisson sampling and independent noise; strongroom.toml "
        f"asks for {', '.join(odd)}, which is accounted in another way"
    )


def _given(config: Config | None, asked: Mapping[str, Any]) -> tuple[int, float, dict[str, Any]]:
    train = config.train if config else TrainSpec()
    privacy = train.privacy or PrivacySpec()
    rows = asked["rows"] or (config.data.rows if config else None)
    if rows is None:
        raise InputError("how many rows are there?", hint="--rows N, or rows under [data]")
    batch = asked["batch_size"] or train.batch_size
    values: dict[str, Any] = {
        "epochs": asked["epochs"] or train.epochs,
        "batch_size": rows if batch == "full" else int(batch),
        "noise_multiplier": asked["noise"],
        "epsilon": asked["epsilon"] or (None if asked["noise"] else privacy.epsilon),
    }
    if asked["noise"] and asked["epsilon"]:
        # Both are fixed, so something else has to give: epochs, unless they are fixed too.
        if asked["epochs"] and asked["batch_size"]:
            raise InputError(
                "nothing is left to solve for",
                hint="leave out one of --epsilon, --noise, --epochs and --batch-size",
            )
        values["batch_size" if asked["epochs"] else "epochs"] = None
    return rows, asked["delta"] or privacy.delta, values


def _runs(flags: Common, config: Config | None) -> list[dict[str, Any]]:
    """Return what trainings and sweeps of this workspace measured, as a list of points."""
    try:
        with flags.read_workspace(config) as workspace:
            records = workspace.runs("train", "sweep ", "public ")
    except WorkspaceError:
        return []
    points = []
    for record in records:
        doc = record.doc
        found = doc["metrics"].get("test", doc["metrics"])
        privacy = doc.get("privacy") or doc.get("mechanism")
        measure = next((m for m in _MEASURES if m in found), None)
        if privacy and measure and privacy.get("private", True):
            points.append(
                {
                    "epsilon": privacy["epsilon"],
                    "sampling_rate": privacy["sampling_rate"],
                    "steps": privacy["steps"],
                    "measure": measure,
                    "value": found[measure],
                    "interval": found.get(f"{measure}_interval"),
                    "from": record.name,
                    "finished": record.finished,
                }
            )
    return points


def _measured(points: Sequence[dict[str, Any]], plan: BudgetPlan) -> list[dict[str, Any]]:
    """Choose the points with the plan's sampling rate and steps, to a few per cent."""
    fact = plan.mechanism
    return sorted(
        (
            p
            for p in points
            if abs(p["sampling_rate"] / fact.sampling_rate - 1) < _SAME
            and abs(p["steps"] / fact.steps - 1) < _SAME
        ),
        key=lambda p: float(p["epsilon"]),
    )


def _expected(plan: BudgetPlan, measured: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lay out accuracy against ε: a measured point, two that it lies between, or nothing."""
    from strongroom.privacy import plan_budget

    found: list[dict[str, Any]] = []
    # Round numbers first: of nearly equal ones the first stays.
    shown: list[float] = []
    for epsilon in (*_EPSILONS, plan.epsilon, *(float(p["epsilon"]) for p in measured)):
        if all(abs(epsilon / other - 1) >= _SAME / 10 for other in shown):
            shown.append(epsilon)
    for epsilon in sorted(shown):
        one = plan_budget(
            plan.rows,
            plan.delta,
            epochs=plan.epochs,
            batch_size=plan.batch_size,
            epsilon=epsilon,
        )
        same = [p for p in measured if abs(p["epsilon"] / epsilon - 1) < _SAME]
        below = [p for p in measured if p["epsilon"] < epsilon]
        above = [p for p in measured if p["epsilon"] > epsilon]
        between = [below[-1], above[0]] if below and above and not same else []
        found.append(
            {
                "epsilon": epsilon,
                "noise_multiplier": one.noise_multiplier,
                "measured": same[-1] if same else None,
                "between": between,
            }
        )
    return found


def _left(flags: Common, config: Config | None, plan: BudgetPlan) -> dict[str, Any] | None:
    """Say what the account would stand at after this training; None where there is no account."""
    from strongroom.privacy import Relation, Spend, Unit, compose

    if config is None:
        return None
    limit, account = config.data.budget, config.project.name
    unit = Unit.SUBJECT if config.data.subject else Unit.EXAMPLE
    spend = Spend(
        plan.epsilon, plan.delta, unit, Relation.ADD_OR_REMOVE_ONE, (plan.mechanism.to_json(),)
    )
    try:
        with flags.read_workspace(config) as workspace:
            earlier = [e.spend for e in workspace.ledger.entries(account)]
    except WorkspaceError:
        earlier = []
    delta = earlier[0].delta if earlier else plan.delta
    after = compose([*earlier, spend], delta)
    return {
        "account": account,
        "budget": limit,
        "spent": compose(earlier, delta) if earlier else 0.0,
        "after": after,
        "delta": delta,
        "fits": limit is None or after <= limit,
    }
