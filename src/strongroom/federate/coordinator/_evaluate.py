"""A model that is there, measured on the rows of sites that never see each other's."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

import strongroom
from strongroom.config import TrainSpec
from strongroom.errors import InputError, RefusedError
from strongroom.federate._model import Blueprint
from strongroom.federate.coordinator._evidence import gather_statements
from strongroom.federate.coordinator._members import Members
from strongroom.federate.coordinator._metrics import measure
from strongroom.federate.coordinator._plan import checked_recipe, common_columns, describe
from strongroom.federate.coordinator._result import FederationResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from strongroom.federate._seams import Channel
    from strongroom.models import TrainedModel
    from strongroom.vault import VerifyKey


def evaluate_model(
    channel: Channel,
    model: TrainedModel,
    *,
    project: str,
    sites: Sequence[str] | None = None,
    pinned: Mapping[str, VerifyKey] | None = None,
    deadline: float = 600.0,
    min_sites: int = 2,
) -> FederationResult:
    """Measure a model of ours on the test rows of all sites: a job of the task "evaluate".

    The sites get the model, and answer with counts, where their policy lets them.

    Args:
        channel: to the sites.
        model: of tables, images or text; not of a Hugging Face folder.
        project: in words, for the people at the sites.
        sites: whom to ask; by default who is there.
        pinned: public keys that sites must have.
        deadline: seconds that a site has.
        min_sites: fewer are no answer.

    Raises:
        RefusedError: fewer sites tell.
        ConfigError: the sites' columns don't go together.
        InputError: no model that a federation knows.
    """
    begun = time.monotonic()
    invited = tuple(sites or channel.present())
    recipe = checked_recipe(
        {
            "job": secrets.token_hex(16),
            "project": project,
            "version": strongroom.__version__,
            "task": "evaluate",
            "train": TrainSpec(model=_kind(model.meta())),
            "model": model.meta(),
            "rounds": 1,
            "sites": invited,
            "min_sites": min_sites,
            "deadline": deadline,
        }
    )
    blueprint = Blueprint.of(recipe)
    blueprint.load(Blueprint(model, blueprint.columns).parameters())
    if blueprint.digest() != model.digest():
        raise InputError(
            "the model holds numbers that no federation carries",
            hint="measure it in one place; of images, with [train.image] centre = 0",
        )
    found, _ = describe(channel, invited)
    if found:
        common = common_columns(found)
        features = {name: common[name] for name in blueprint.columns if name in common}
        recipe = recipe.model_copy(update={"features": features})
    members = Members(recipe, channel, pinned=pinned or {}, known={}, refusals=[])
    members.invite(0, min_sites)
    told = measure(recipe, channel, tuple(members.agreed), 0, blueprint.parameters())
    if told is None or told["sites"] < min_sites:
        said = [f"{r['site']}: {r['why']}" for r in members.refusals[:3]]
        raise RefusedError(
            f"{told['sites'] if told else 0} of {min_sites} sites tell how well the model does",
            hint="; ".join(said) or "[federation] metrics = true at the sites, and test rows",
        )
    return FederationResult(
        model=blueprint.model,
        recipe=recipe,
        rounds=(),
        metrics={"test": told},
        statements=gather_statements(
            recipe, channel, members.ever, model=blueprint.digest(), round_=0
        ),
        refusals=tuple(members.refusals),
        members={name: m.to_json() for name, m in members.ever.items()},
        seconds=time.monotonic() - begun,
    )


def _kind(meta: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    if "bins" in meta:
        return "trees"
    if "hidden" in meta:
        return "mlp" if meta["hidden"] else "logistic"
    return meta.get("shape", {}).get("kind", "logistic")
