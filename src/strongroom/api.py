"""The functions of `import strongroom`: a table in, a value out, no workspace.

Tables are Arrow tables, pandas or polars frames, `Dataset`s, or anything else that speaks the
Arrow C stream. The CLI calls the same functions.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongroom.config import AnonymizeSpec, DiscoverSpec, TrainSpec
from strongroom.data import Dataset, Role
from strongroom.errors import InputError
from strongroom.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from strongroom.anonymize import Anonymized, Risk
    from strongroom.audit import Audit
    from strongroom.config import ColumnSpec, Limit
    from strongroom.discover import Found
    from strongroom.models import TrainedModel
    from strongroom.privacy import Ledger, PrivacyStatement
    from strongroom.progress import Progress
    from strongroom.train import TrainResult

_KEY_BYTES = 32


def scan(
    table: Any,  # noqa: ANN401 - any Arrow speaker
    spec: DiscoverSpec | None = None,
    *,
    target: str | None = None,
    progress: Progress = SILENT,
) -> Found:
    """Find personal data: what each column looks like, its role, and why.

    Args:
        table: the rows.
        spec: country and thresholds.
        target: the column to predict, so that it isn't guessed.
        progress: is told how far it is.

    Raises:
        DataError: `table` isn't one, or has no such target.
    """
    from strongroom.discover import scan as scan_dataset

    return scan_dataset(Dataset.of(table), spec or DiscoverSpec(), target, progress)


def risk(
    table: Any,  # noqa: ANN401 - any Arrow speaker
    quasi: Sequence[str],
    sensitive: Sequence[str] = (),
) -> Risk:
    """Measure how easily the rows single people out; see `strongroom.anonymize.risk`."""
    from strongroom.anonymize import risk as measure

    return measure(Dataset.of(table), quasi, sensitive)


def anonymize(
    table: Any,  # noqa: ANN401 - any Arrow speaker
    spec: AnonymizeSpec | None = None,
    *,
    k: int | None = None,
    l: int | None = None,  # noqa: E741 - the field's own letter
    roles: Mapping[str, Role] | None = None,
    quasi: Sequence[str] = (),
    sensitive: Sequence[str] = (),
    target: str | None = None,
    columns: Mapping[str, ColumnSpec] | None = None,
    key: bytes | None = None,
    progress: Progress = SILENT,
) -> Anonymized:
    """Take personal data out: drop or pseudonymise, redact text, generalise to k-anonymity.

    Roles come from `roles`, else from the Dataset, else from `scan`; `quasi`, `sensitive` and
    `target` then override them: when `quasi` is given, no other column is a quasi-identifier.

    Args:
        table: the rows.
        spec: what to do; `k` and `l` override its fields.
        k: every combination of quasi-identifiers is shared by at least k rows.
        l: and holds at least l distinct values of each sensitive column.
        roles: column name to role.
        quasi: the quasi-identifiers.
        sensitive: the sensitive columns.
        target: the column to predict: never generalised.
        columns: declarations, of hierarchies above all.
        key: 32 secret bytes for pseudonyms; without it they are made with a key that is thrown
            away, so that nobody can link them to another run's.
        progress: is told how far it is.

    Raises:
        DataError: a named column isn't there, or the data can't be made k-anonymous.
        RefusedError: more rows than `suppression_limit` would have to go.
    """
    from strongroom.anonymize import anonymize as anonymize_dataset

    dataset = Dataset.of(table)
    decided = dict(roles or dataset.roles)
    if not decided:
        decided = dict(scan(dataset, target=target).roles)
    for named in (*quasi, *sensitive, *((target,) if target else ())):
        dataset.require(named)
    if quasi:
        decided = {c: Role.FEATURE if r is Role.QUASI_IDENTIFIER else r for c, r in decided.items()}
    decided |= dict.fromkeys(quasi, Role.QUASI_IDENTIFIER)
    decided |= dict.fromkeys(sensitive, Role.SENSITIVE)
    if target:
        decided[target] = Role.TARGET
    changes = {name: value for name, value in (("k", k), ("l", l)) if value is not None}
    spec = AnonymizeSpec.model_validate({**(spec or AnonymizeSpec()).model_dump(), **changes})
    return anonymize_dataset(
        dataset.with_roles(decided),
        spec,
        columns=columns or {},
        pseudonym_key=key or secrets.token_bytes(_KEY_BYTES),
        progress=progress,
    )


def train(
    table: Any,  # noqa: ANN401 - any Arrow speaker
    spec: TrainSpec | None = None,
    *,
    target: str | None = None,
    test: Any = None,  # noqa: ANN401 - any Arrow speaker
    validation: Any = None,  # noqa: ANN401 - any Arrow speaker
    columns: Mapping[str, ColumnSpec] | None = None,
    rows: int | None = None,
    ledger: Ledger | None = None,
    budget: float | None = None,
    progress: Progress = SILENT,
) -> TrainResult:
    """Train a model on a table, with differential privacy where `spec.privacy` asks for it.

    Args:
        table: the rows; direct identifiers and free text are never used as features.
        spec: the model and the guarantee.
        target: the column to predict; the Dataset's own by default.
        test: rows to test on.
        validation: rows that are nobody's secret, by which it may stop early (`spec.patience`).
        columns: public declarations (ranges, knots, categories).
        rows: the declared, public number of rows.
        ledger: where the spend is kept; one that lasts as long as the call by default.
        budget: the most ε that may be spent in that ledger on this table's name.
        progress: is told how far it is.

    Raises:
        DataError: no target, one class, values that can't be used.
        BudgetExceededError: the ledger refuses.
    """
    from strongroom.train import train_model

    dataset = _with_target(Dataset.of(table), target)
    held_out, public = (
        None if given is None else Dataset.of(given).with_roles(dataset.roles)
        for given in (test, validation)
    )
    return train_model(
        dataset,
        spec or TrainSpec(),
        test=held_out,
        validation=public,
        columns=columns or {},
        rows=rows,
        ledger=ledger,
        account=dataset.name,
        budget=budget,
        progress=progress,
    )


@dataclass(frozen=True)
class ReleasedModel:
    """A model folder that Strongroom released.

    Attributes:
        model: predicts; `model.predict_table(table)` takes the columns that it was trained on.
        spec: how it was trained.
        privacy: its statement, or None.
        metrics: as training measured them.
    """

    model: TrainedModel
    spec: TrainSpec
    privacy: PrivacyStatement | None
    metrics: Mapping[str, Any]


def audit(
    model: Any,  # noqa: ANN401 - anything that can be asked
    *,
    members: Any,  # noqa: ANN401 - a path, any Arrow speaker, or arrays
    nonmembers: Any,  # noqa: ANN401 - the same
    labels: tuple[Any, Any] | None = None,
    target: str | None = None,
    classes: Sequence[Any] | None = None,
    columns: Sequence[str] | None = None,
    mapping: Mapping[str, Any] | None = None,
    weights: Path | str | None = None,
    preset: str = "standard",
    attacks: Sequence[str] = (),
    sensitive: Sequence[str] = (),
    immutable: Sequence[str] = (),
    subject: str | None = None,
    forgotten: Any = None,  # noqa: ANN401 - a path or any Arrow speaker
    spec: TrainSpec | None = None,
    planted: Any = None,  # noqa: ANN401 - a Plant or its file
    recipe: Any = None,  # noqa: ANN401 - a function or its name
    shadows: int = 0,
    query_budget: int | None = None,
    policy: Mapping[str, Limit] | None = None,
    cache: Path | str | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Audit:
    """Attack a model and say what it proves.

    Args:
        model: what `train` or `load_model` returned (its statement and canaries are audited too); a
            path, an address or `package.module:function`; a fitted estimator, a torch module, or a
            function from inputs to probabilities. None: members and non-members are tables of
            predicted probabilities, and nothing else is known.
        members: rows that it was trained on: a path, a frame, or inputs with their labels, as a
            pair or beside `labels`.
        nonmembers: rows of the same population that it was not trained on.
        labels: of members and of non-members, where they come as arrays.
        target: the column that is predicted, where the model doesn't say.
        classes: names in the order of its outputs, where it doesn't say them.
        columns: the columns that it takes, in its order, where it doesn't say them.
        mapping: how to talk to an endpoint, or what inputs and outputs are.
        weights: a safetensors file for the network that a function builds.
        preset: quick, standard or full.
        attacks: run these instead of the preset's.
        sensitive: columns that an attacker wants to learn about people.
        immutable: columns that nobody can change to fool the model.
        subject: the column that says whose row it is; then people are attacked, too.
        forgotten: rows that were to be deleted from the model: the rows, or one column that names
            them.
        spec: the recipe for the attacker's reference models; by default the one that the model
            says it was trained by.
        planted: the canaries that stand in a language model's training text (see
            `strongroom.attacks.extraction.plant`), or the file that records them.
        recipe: the function from rows and labels (places among the classes) to a model like this
            one, or its name, `package.module:fit`; anything fitted anew by itself needs none.
        shadows: how many of them; 0 takes the preset's.
        query_budget: how many rows one attack may ask the model for, at most.
        policy: metric id to limit.
        cache: a folder for reference models, so that the next audit needn't train them again.
        seed: of the attacker's coins.
        progress: is told how far it is.

    Raises:
        InputError: nothing knows what the model is, or it can't be opened (a pickle never is).
        DataError: the rows don't fit the model; says which column, shape or rows.
        ConfigError: an attack or a metric of the policy that doesn't exist.
    """
    from strongroom.audit import audit_any, chosen_spec, subject_of

    examined = subject_of(
        model, target=target, classes=classes, columns=columns, mapping=mapping, weights=weights
    )
    if spec is not None:
        examined = replace(examined, train_spec=spec)
    return audit_any(
        examined,
        members=members,
        nonmembers=nonmembers,
        labels=labels,
        target=target,
        person=subject,
        forgotten=forgotten,
        planted=planted,
        recipe=recipe,
        spec=chosen_spec(
            preset,
            attacks,
            shadows=shadows or None,
            sensitive=tuple(sensitive),
            immutable=tuple(immutable),
            query_budget=query_budget,
            seed=seed,
        ),
        policy=policy or {},
        cache=None if cache is None else Path(cache),
        progress=progress,
    )


def audit_training(
    training: Any,  # noqa: ANN401 - a function or its name
    members: Any,  # noqa: ANN401 - a path, any Arrow speaker, or (inputs, labels)
    *,
    claimed_epsilon: float,
    delta: float = 1e-5,
    target: str | None = None,
    policy: Mapping[str, Limit] | None = None,
    progress: Progress = SILENT,
    **settings: Any,  # noqa: ANN401 - see strongroom.attacks.privacy.audit_training
) -> Audit:
    """Hold anybody's private training against the ε that is claimed for it.

    Args:
        training: `train(inputs, labels, *, seed, on_step=None)`, or `package.module:train`.
        members: the rows to train on, numbers only.
        claimed_epsilon: what is claimed for it.
        delta: of the claim.
        target: the column that is predicted.
        policy: metric id to limit.
        progress: is told how far it is.
        settings: `canaries`, `sampling_rate`, `clip_norm`, `runs`, `scale`, `seed`.

    Raises:
        InputError: the function, the rows or the claim are unusable.
    """
    from strongroom.audit import audit_function

    return audit_function(
        training,
        members,
        claimed_epsilon=claimed_epsilon,
        delta=delta,
        target=target,
        policy=policy,
        progress=progress,
        **settings,
    )


def load_model(folder: Path | str) -> ReleasedModel:
    """Read a model folder that Strongroom released. No pickle is involved.

    Raises:
        InputError: the folder holds no such model.
        TamperedError: a file isn't the one that was signed.
    """
    from strongroom.models import model_from_parts
    from strongroom.privacy import PrivacyStatement
    from strongroom.vault import read_bundle

    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            "no model folder here", where=str(folder), hint="strongroom run releases one to model/"
        )
    bundle = read_bundle(folder)
    about = bundle.meta
    return ReleasedModel(
        model=model_from_parts(bundle.tensors, about),
        spec=TrainSpec.model_validate(about.get("train") or {}),
        privacy=PrivacyStatement.from_json(about["privacy"]) if about.get("privacy") else None,
        metrics=about.get("metrics") or {},
    )


def _with_target(dataset: Dataset, target: str | None) -> Dataset:
    if target is None:
        return dataset
    dataset.require(target)
    roles = dict(dataset.roles) or dict(scan(dataset, target=target).roles)
    others = {c: r for c, r in roles.items() if r is not Role.TARGET}
    return replace(dataset, roles={**others, target: Role.TARGET})
