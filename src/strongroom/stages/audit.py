"""audit: the model, attacked for real. Judging comes later: a limit may change, a measure stays."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from strongroom.files import remove_leftovers
from strongroom.stages._stage import Outcome, Reads, Stage, Way

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.models import TrainedModel


# Signals of reference models and what an interrupted audit has finished: numbers, and no values.
_CACHE = "cache"
# Copying the model says nothing about the people in the data, and takes as long as all the rest.
_SLOW = ("stealing",)


def _settings(way: Way) -> Any:  # noqa: ANN401 - JSON
    return way.config.audit.model_dump()


def _work(way: Way) -> Outcome:
    from strongroom.audit import audit_model, of_dataset, with_subjects
    from strongroom.data import Role
    from strongroom.privacy import CanaryObservation, PrivacyStatement
    from strongroom.vault import inspect_bytes

    workspace, made = way.workspace, way.outputs["train"]
    remove_leftovers(workspace.folder / _CACHE)
    rows = workspace.get_dataset(way.outputs["seal"]["minimized"])
    test = workspace.get_dataset(way.outputs["seal"]["test"])
    model = _model(way, "model")
    twin = _model(way, "twin") if "twin" in made else None
    trained = way.docs["train"]
    canaries = None
    if "canaries" in made:
        canaries = CanaryObservation.from_json(json.loads(workspace.get(made["canaries"])))
    statement = PrivacyStatement.from_json(trained["privacy"]) if trained["privacy"] else None
    inside, outside = with_subjects(of_dataset(model, rows), of_dataset(model, test))
    spec = way.config.audit
    if not spec.sensitive:
        spec = spec.model_copy(update={"sensitive": rows.columns_with(Role.SENSITIVE)})
    result = audit_model(
        model,
        subject=made["model"],
        members=inside.rows,
        nonmembers=outside.rows,
        train_spec=way.config.train,
        kind=way.config.train.kind,
        statement=statement,
        canaries=canaries,
        metrics=trained["metrics"],
        test_table=outside.table,
        member_table=inside.table,
        inspection=inspect_bytes(workspace.get(made["model"]), "model"),
        spec=spec,
        policy=way.config.policy,
        baseline=twin,
        without=_SLOW,
        cache=workspace.folder / _CACHE,
        name=way.config.project.name,
        progress=way.view,
    )
    return Outcome(result.to_json())


def _model(way: Way, name: str) -> TrainedModel:
    from strongroom.models import model_from_parts
    from strongroom.vault import unpack_bundle

    bundle = unpack_bundle(way.workspace.get(way.outputs["train"][name]))
    return model_from_parts(bundle.tensors, bundle.meta)


def _summary(doc: Mapping[str, Any]) -> str:
    # What was measured and has no limit has passed nothing.
    counts = Counter(
        "without a limit" if f["status"] == "pass" and f["threshold"] is None else f["status"]
        for f in doc["findings"]
    )
    parts = [f"{counts[word]} {word}" for word in ("pass", "warn", "fail")]
    parts += [
        f"{counts[key]} {key.replace('_', ' ')}"
        for key in ("without a limit", "not_evaluable")
        if counts[key]
    ]
    return " · ".join(parts)


STAGE = Stage(
    name="audit",
    reads={
        "seal": Reads(artefacts=("minimized", "test")),
        "train": Reads(doc=True, artefacts=("model", "twin", "canaries")),
    },
    rooms=("attacks", "audit", "models"),
    settings=_settings,
    work=_work,
    summary=_summary,
)
