"""A recipe against what the site allows: everything that can be refused before a row is read.

Each check is one function of the recipe, the policy and what the site has, and gives the reason
and how to mend it. The list of them is the whole gate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from strongroom import __version__
from strongroom.data import Role
from strongroom.errors import DataError, RefusedError
from strongroom.models import AdditiveModel, ColumnKind, TableModel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from strongroom.config import ColumnSpec, FederationSpec
    from strongroom.data import Dataset
    from strongroom.federate._model import Blueprint
    from strongroom.federate._recipe import Recipe

MODELS = (
    "logistic",
    "mlp",
    "scattering",
    "cnn",
    "ngram",
    "text-classifier",
    "language-model",
)
READ = (Role.FEATURE, Role.QUASI_IDENTIFIER, Role.SENSITIVE)
_UNITS = ("example", "person", "site")
_INPUT_BYTES = 4 << 30
_PARAMETER_BYTES = 4


@dataclass(frozen=True)
class Grounds:
    """What a recipe is held against.

    Attributes:
        site: this one's name.
        policy: `[federation]`.
        data: the rows, of which names, types and roles alone are looked at.
    """

    site: str
    policy: FederationSpec
    data: Dataset


def check_version(version: str) -> None:
    """Refuse a job of another minor version."""
    theirs, ours = (v.split(".")[:2] for v in (version, __version__))
    if theirs != ours:
        raise RefusedError(
            f"the job was made by strongroom {version[:40]}, this site runs {__version__}",
            hint="both need the same major and minor version",
        )


def _version(recipe: Recipe, grounds: Grounds) -> None:
    del grounds
    check_version(recipe.version)


def _invited(recipe: Recipe, grounds: Grounds) -> None:
    if grounds.site not in recipe.sites:
        raise RefusedError(f'the recipe doesn\'t invite "{grounds.site}"', hint="name it in sites")


def _task(recipe: Recipe, grounds: Grounds) -> None:
    if recipe.task not in grounds.policy.tasks:
        raise RefusedError(
            f"this site's policy doesn't allow the task \"{recipe.task}\"",
            hint=f"[federation] tasks allows: {', '.join(grounds.policy.tasks) or 'nothing'}",
        )


def _model(recipe: Recipe, grounds: Grounds) -> None:
    allowed = grounds.policy.models or (*MODELS, "trees")
    if recipe.train.model not in allowed:
        raise RefusedError(
            f"this site's policy doesn't allow models of kind \"{recipe.train.model}\"",
            hint=f"[federation] models allows: {', '.join(allowed)}",
        )
    if recipe.task == "train" and recipe.train.model not in MODELS:
        raise RefusedError(
            f'models of kind "{recipe.train.model}" are not trained by gradients in a federation',
            hint=f"one of {', '.join(MODELS)}",
        )


def _size(recipe: Recipe, grounds: Grounds) -> None:
    policy = grounds.policy
    if recipe.rounds > policy.max_rounds:
        raise RefusedError(
            f"{recipe.rounds:,} rounds, where this site's policy allows {policy.max_rounds:,}",
            hint="fewer rounds, or another [federation] max_rounds at the site",
        )
    if recipe.min_sites < policy.min_sites:
        raise RefusedError(
            f"a job of {recipe.min_sites} or more sites, where this site wants {policy.min_sites}",
            hint="a larger min_sites",
        )


def _secure(recipe: Recipe, grounds: Grounds) -> None:
    policy = grounds.policy
    if recipe.secure is None:
        if policy.secure:
            raise RefusedError(
                "this site's policy wants secure aggregation, and the job has none",
                hint="give the job [secure]",
            )
        return
    if recipe.secure.threshold < policy.min_sites:
        raise RefusedError(
            f"sums of {recipe.secure.threshold} sites, where this site's policy wants "
            f"{policy.min_sites} or more",
            hint="a larger secure.threshold",
        )


def _privacy(recipe: Recipe, grounds: Grounds) -> None:
    least, asked = grounds.policy.privacy, recipe.privacy
    if asked is not None and asked.unit == "person" and grounds.data.subject is None:
        raise RefusedError(
            "the job hides persons, and this site doesn't say which rows are one person's",
            hint="the site names [data] subject, or the job's unit is example",
        )
    if least is None:
        return
    if asked is None:
        raise RefusedError(
            "this site's policy wants differential privacy, and the job has none",
            hint=f"privacy with unit {least.unit}, ε of at most {least.epsilon:g}",
        )
    if _UNITS.index(asked.unit) < _UNITS.index(least.unit):
        raise RefusedError(
            f"the job hides one {asked.unit}, this site's policy wants a {least.unit} hidden",
            hint=f'privacy.unit = "{least.unit}"',
        )
    for name, symbol in (("epsilon", "ε"), ("delta", "δ")):
        wanted, most = getattr(asked, name), getattr(least, name)
        if wanted > most:
            raise RefusedError(
                f"{symbol} = {wanted:g}, where this site's policy allows {most:g}",
                hint=f"a smaller privacy.{name}",
            )


def _strategy(recipe: Recipe, grounds: Grounds) -> None:
    del grounds
    if recipe.train.shards > 1 or recipe.train.patience:
        raise RefusedError(
            "neither shards nor early stopping are for federations",
            hint="[train] shards = 1, patience = 0",
        )
    sgd = recipe.train.optimizer == "sgd"
    if recipe.strategy.name == "scaffold" and not sgd:
        raise RefusedError(
            f"SCAFFOLD corrects plain gradient steps, not those of {recipe.train.optimizer}",
            hint='[train] optimizer = "sgd"',
        )
    if recipe.privacy is None or recipe.privacy.noise != "shared":
        return
    whole = recipe.train.batch_size == "full" and recipe.local_epochs == 1
    if recipe.privacy.unit != "site" and not (sgd and whole and recipe.weighting == "rows"):
        raise RefusedError(
            "shared noise hides one clipped sum of all rows' gradients a round",
            hint='[train] optimizer = "sgd", batch_size = "full"; local_epochs = 1, weighting = '
            '"rows"',
        )


CHECKS: Sequence[Callable[[Recipe, Grounds], None]] = (
    _version,
    _invited,
    _task,
    _model,
    _size,
    _secure,
    _privacy,
    _strategy,
)


def check_recipe(recipe: Recipe, grounds: Grounds) -> None:
    """Hold a recipe against the policy.

    Raises:
        RefusedError: the first reason why it doesn't run here, and how to mend it.
    """
    for check in CHECKS:
        check(recipe, grounds)


def check_blueprint(recipe: Recipe, blueprint: Blueprint, grounds: Grounds) -> None:
    """Hold the model against the site's columns, memory and traffic.

    Raises:
        RefusedError: it reads what isn't there, isn't to be read, or is too large.
    """
    data, model = grounds.data, blueprint.model
    if model.target and model.target != data.target:
        raise RefusedError(
            f'the job predicts "{model.target}", which is not this site\'s target',
            hint="the site says which column is predicted: [data] target",
        )
    unnamed = [name for name in blueprint.columns if name not in recipe.features]
    if unnamed:
        raise RefusedError(f'the model reads "{unnamed[0]}", which the recipe doesn\'t name')
    for name, kind in recipe.features.items():
        _check_column(name, kind, data)
    if isinstance(model, TableModel | AdditiveModel):
        for column in model.encoder.columns:
            found = data.table.schema.field(column.name).type
            if not _read_as(found, column.kind, declared=bool(column.categories)):
                raise RefusedError(
                    f'column "{column.name}" has type {found} here, and the model reads a '
                    f"{column.kind}",
                    hint="the same types at all sites",
                )
        # Numbers of a row: as a vector, or one bin of each column.
        wide = model.encoder.width if isinstance(model, TableModel) else len(blueprint.columns)
        _check_memory(4 * data.rows * wide)
    each = _PARAMETER_BYTES * blueprint.size
    copies = 2 if recipe.strategy.name == "scaffold" or recipe.secure is not None else 1
    expected = each * copies * recipe.rounds if recipe.task != "evaluate" else 0
    if expected > grounds.policy.max_bytes:
        raise RefusedError(
            f"the job would send {expected:,} bytes from this site, where its policy allows "
            f"{grounds.policy.max_bytes:,}",
            hint="a smaller model or fewer rounds, or another [federation] max_bytes",
        )


def _check_column(name: str, kind: str, data: Dataset) -> None:
    if name not in data.columns:
        raise RefusedError(f'there is no column "{name[:200]}" at this site')
    role = data.roles.get(name, Role.FEATURE)
    if name == data.subject or role not in READ:
        raise RefusedError(
            f'the column "{name}" is not learnt from at this site',
            hint="its role there is " + ("subject" if name == data.subject else role.value),
        )
    found = data.table.schema.field(name).type
    if str(found) != kind and not (_number(str(found)) and _number(kind)):
        raise RefusedError(
            f'column "{name}" has type {found} at this site, and {kind[:100]} in the recipe',
            hint="the same types at all sites",
        )


def _number(kind: str) -> bool:
    return kind in _NUMBERS or kind.startswith("decimal")


_NUMBERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)} | {
    "float",
    "double",
    "halffloat",
}


def _read_as(found: pa.DataType, kind: ColumnKind, *, declared: bool) -> bool:
    """Tell whether a column of this type can be read as the model wants to."""
    if kind is ColumnKind.NUMBER:
        return _number(str(found))
    if kind is ColumnKind.DATE:
        return bool(pa.types.is_date(found) or pa.types.is_timestamp(found))
    # Declared categories are compared as text, whatever the type.
    return bool(declared or pa.types.is_string(found) or pa.types.is_boolean(found))


def _check_memory(size: int) -> None:
    if size > _INPUT_BYTES:
        raise RefusedError(
            f"the encoded rows would take {size / 2**30:.1f} GiB at this site",
            hint="fewer bins, knots or categories",
        )


def describe(data: Dataset, columns: Mapping[str, ColumnSpec]) -> dict[str, object]:
    """Return what may be known of the columns: names, types and declarations; no value."""
    features = [
        name
        for name in data.columns
        if name != data.subject and data.roles.get(name, Role.FEATURE) in READ
    ]
    if not features:
        raise DataError("no column at this site is learnt from")
    told = [*features, *([data.target] if data.target else [])]
    return {
        "columns": {name: str(data.table.schema.field(name).type) for name in told},
        "features": features,
        "target": data.target,
        "declarations": {
            name: columns[name].model_dump(mode="json", exclude_defaults=True)
            for name in told
            if name in columns
        },
    }
