"""From what the sites say of their columns, and the coordinator's own settings, to one recipe."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pydantic import ValidationError

import strongroom
from strongroom.config import ColumnSpec
from strongroom.errors import ConfigError, DataError, RefusedError
from strongroom.federate._message import Kind, Message
from strongroom.federate._recipe import Recipe
from strongroom.federate.rules import check_rule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from strongroom.config import TrainSpec
    from strongroom.federate._seams import Channel
    from strongroom.federate._settings import Settings

_FEATURES = (None, "feature", "quasi_identifier", "sensitive")
_DESCRIBE_SECONDS = 60.0


@dataclass(frozen=True)
class Description:
    """What a site says of its data: names and types, never a value.

    Attributes:
        columns: name to Arrow type, as text.
        features: those that it would learn from.
        target: that it would predict.
        declarations: what it declares of columns.
    """

    columns: Mapping[str, str]
    features: Sequence[str]
    target: str | None = None
    declarations: Mapping[str, ColumnSpec] = field(default_factory=dict)


def describe(
    channel: Channel, sites: Sequence[str], *, deadline: float = _DESCRIBE_SECONDS
) -> tuple[dict[str, Description], dict[str, str]]:
    """Ask sites what columns they have.

    Returns:
        What they say, and why the others don't.
    """
    present = set(channel.present())
    requests = {
        site: Message(Kind.DESCRIBE, nonce=secrets.token_hex(16))
        for site in sites
        if site in present
    }
    answers = channel.ask(requests, deadline=deadline) if requests else {}
    found: dict[str, Description] = {}
    silent = {site: "it can't be reached" for site in sites if site not in answers}
    for site, answer in answers.items():
        if answer.kind is Kind.REFUSED:
            silent[site] = str(answer.facts.get("why", "it refuses"))[:500]
            continue
        try:
            found[site] = _read(answer.facts)
        except (KeyError, TypeError, ValueError):
            silent[site] = "its description can't be read"
    return found, silent


def plan_recipe(
    channel: Channel,
    settings: Settings,
    *,
    sites: Sequence[str] | None = None,
    columns: Mapping[str, ColumnSpec] | None = None,
    target: str | None = None,
) -> Recipe:
    """Make the recipe of a job.

    Args:
        channel: to the sites.
        settings: what shall be trained, and how.
        sites: who is invited, where the settings don't say; by default who is there now. What those
            say that can be reached decides; others may join later.
        columns: the coordinator's own declarations, which go before the sites'.
        target: the column to predict; by default the one that the sites name.

    Raises:
        RefusedError: no site says what it has.
        ConfigError: columns that differ between sites, declarations that contradict each other, a
            target without declared classes, or settings that can't be.
    """
    train, job = settings.train, settings.job
    invited = tuple(job.sites or sites or channel.present())
    found, silent = describe(channel, invited)
    if not found:
        raise RefusedError(
            "no site says what columns it has",
            hint="; ".join(f"{site}: {why}" for site, why in list(silent.items())[:3]),
        )
    common = common_columns(found)
    declared = merge_declarations(found, columns or {}, common)
    target = _target(found, target) if train.kind != "language" else None
    features = [
        name
        for name in common
        if name != target
        and all(name in d.features for d in found.values())
        and (name not in declared or declared[name].role in _FEATURES)
    ]
    try:
        meta, read = _model(train, common, features, target, declared)
    except DataError as error:
        raise ConfigError(error.what, where=error.where, hint=error.hint) from error
    recipe = checked_recipe(
        {
            **job.model_dump(),
            "job": secrets.token_hex(16),
            "project": settings.project.name,
            "version": strongroom.__version__,
            "task": "trees" if (train.model, job.task) == ("trees", "train") else job.task,
            "train": train,
            "model": meta,
            "features": {name: common[name] for name in read},
            "sites": invited,
        }
    )
    groups = recipe.rule.groups > 1
    count = recipe.rule.groups if groups else len(recipe.sites)
    check_rule(recipe.rule, count, "groups" if groups else "sites")
    return recipe


def checked_recipe(fields: Mapping[str, Any]) -> Recipe:
    """Return a recipe of these fields.

    Raises:
        ConfigError: one of them can't be; says which.
    """
    try:
        return Recipe.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        said = first["msg"].removeprefix("Value error, ")
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{place}: {said}" if place else said, where="the job") from error


def common_columns(found: Mapping[str, Description]) -> dict[str, str]:
    """Return the columns that all sites have, with their types, in the order of the first site's.

    Raises:
        ConfigError: a column is of one type here and of another there, or none is common.
    """
    first, own = next(iter(sorted(found.items())))
    common = {
        name: kind
        for name, kind in own.columns.items()
        if all(name in d.columns for d in found.values())
    }
    for site, description in sorted(found.items()):
        for name, kind in common.items():
            other = description.columns[name]
            if other != kind and _is_number(other) and _is_number(kind):
                # Whole numbers here and others there are read alike.
                common[name] = "double"
            elif other != kind:
                raise ConfigError(
                    f'column "{name}" is {kind} at "{first}" and {other} at "{site}"',
                    where=f"site {site}, column {name}",
                    hint="bring it to the same type at both, or ignore it at one",
                )
    if not common:
        raise ConfigError("no column is common to all sites", hint=", ".join(sorted(found)))
    return common


def merge_declarations(
    found: Mapping[str, Description],
    own: Mapping[str, ColumnSpec],
    columns: Mapping[str, str],
) -> dict[str, ColumnSpec]:
    """Return one declaration per column: the coordinator's, else the one that the sites share.

    Raises:
        ConfigError: two sites declare different things, and the coordinator nothing.
    """
    merged = {name: spec for name, spec in own.items() if name in columns}
    by: dict[str, str] = {}
    for site, description in sorted(found.items()):
        for name, spec in description.declarations.items():
            if name in own or name not in columns:
                continue
            if name not in merged:
                merged[name], by[name] = spec, site
            elif _encoding(merged[name]) != _encoding(spec):
                raise ConfigError(
                    f'"{by[name]}" and "{site}" declare column "{name}" differently',
                    where=f"[data.columns.{name}]",
                    hint="declare it here, at the coordinator: that goes first",
                )
    return merged


def _encoding(spec: ColumnSpec) -> dict[str, Any]:
    """Return what of a declaration shapes numbers; hierarchies are for anonymizing."""
    return spec.model_dump(exclude={"hierarchy"})


def _read(facts: Mapping[str, Any]) -> Description:
    columns = {str(name): str(kind) for name, kind in facts["columns"].items()}
    target = facts.get("target")
    return Description(
        columns,
        tuple(str(name) for name in facts["features"]),
        str(target) if target is not None else None,
        {
            str(name): ColumnSpec.model_validate(told)
            for name, told in facts["declarations"].items()
        },
    )


def _target(found: Mapping[str, Description], own: str | None) -> str:
    named = {site: d.target for site, d in sorted(found.items())}
    target = own or next((t for t in named.values() if t is not None), None)
    if target is None:
        raise ConfigError("no column to predict is named", hint='target = "…" under [data]')
    for site, other in named.items():
        if other is not None and other != target:
            raise ConfigError(
                f'"{site}" predicts "{other}", and this job "{target}"', where=f"site {site}"
            )
        if target not in found[site].columns:
            raise ConfigError(
                f'"{site}" has no column "{target}", which is to be predicted',
                where=f"site {site}, column {target}",
            )
    return target


def _model(
    train: TrainSpec,
    columns: Mapping[str, str],
    features: Sequence[str],
    target: str | None,
    declared: Mapping[str, ColumnSpec],
) -> tuple[dict[str, Any], Sequence[str]]:
    """Return the model's meta data, and the columns that it reads."""
    classes: tuple[str, ...] = ()
    if target is not None:
        classes = declared[target].categories if target in declared else ()
        if len(classes) < 2:  # noqa: PLR2004 - two make a choice
            raise ConfigError(
                f'the classes of "{target}" are not declared, and no site\'s rows may tell them',
                where=f"[data.columns.{target}]",
                hint='categories = ["…", "…"]',
            )
    if train.kind == "table":
        from strongroom.models import AdditiveModel, TableBins, TableEncoder, TableModel

        schema = pa.schema([(name, _type(columns[name], name)) for name in features])
        encoder = TableEncoder.from_specs(schema, features, declared)
        if train.model == "trees":
            bins = TableBins.of(encoder)
            return AdditiveModel(bins, classes, target=target or "").meta(), features
        hidden = train.hidden if train.model == "mlp" else ()
        return TableModel(encoder, hidden, classes, target=target or "").meta(), features
    if train.kind == "image":
        from strongroom.models import ImageModel
        from strongroom.train import image_shape

        image = train.image
        column = image.column or _only(columns, features, "binary", "[train.image] column")
        if image.height is None or image.width is None or image.colours is None:
            raise ConfigError(
                "the size and colours of images must be declared: no site's rows may tell them",
                where="[train.image]",
                hint="height, width and colours",
            )
        shape = image_shape(train, image.height, image.width, image.colours)
        return ImageModel(shape, column, classes, target=target or "").meta(), [column]
    return _text_model(train, columns, features, classes, target)


def _text_model(
    train: TrainSpec,
    columns: Mapping[str, str],
    features: Sequence[str],
    classes: tuple[str, ...],
    target: str | None,
) -> tuple[dict[str, Any], Sequence[str]]:
    if train.model == "huggingface":
        raise ConfigError("a pre-trained model isn't trained in a federation", where="[train]")
    from strongroom.models import LanguageModel, TextModel
    from strongroom.train import text_shape

    column = train.text.column or _only(columns, features, "string", "[train.text] column")
    shape = text_shape(train)
    if train.kind == "language":
        return LanguageModel(shape, column).meta(), [column]
    return TextModel(shape, column, classes, target=target or "").meta(), [column]


def _only(columns: Mapping[str, str], features: Sequence[str], kind: str, where: str) -> str:
    found = [name for name in features if columns[name] == kind]
    if len(found) != 1:
        raise ConfigError(
            f"{len(found)} columns could be the one to learn from", where=where, hint="name it"
        )
    return found[0]


def _is_number(text: str) -> bool:
    try:
        kind = pa.type_for_alias(text)
    except ValueError:
        return False
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _type(text: str, name: str) -> pa.DataType:
    try:
        return pa.type_for_alias(text)
    except ValueError as error:
        raise ConfigError(
            f'column "{name}" has type {text}, which cannot be a feature here',
            where=f"column {name}",
            hint='give it the role "ignore"',
        ) from error
