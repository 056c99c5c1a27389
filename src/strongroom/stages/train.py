"""train: the model, with differential privacy paid from the ledger, and its twin without."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from strongroom.errors import WorkspaceError
from strongroom.stages import _source
from strongroom.stages._stage import Outcome, Reads, Stage, Way

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.config import TrainSpec
    from strongroom.data import Dataset
    from strongroom.train import Earlier, TrainResult

MODEL_KIND = "model-bundle"
CANARIES_KIND = "canaries"


def _settings(way: Way) -> Any:  # noqa: ANN401 - JSON
    return settings_of(way, way.config.train)


def settings_of(way: Way, spec: TrainSpec) -> Any:  # noqa: ANN401 - JSON
    """Return what decides a training by `spec` beside its rows."""
    data = way.config.data
    fields = {"range", "knots", "categories"}
    return [
        spec.model_dump(mode="json"),
        {c: s.model_dump(include=fields) for c, s in data.columns.items()},
        data.rows,
        data.subject,
        way.config.project.name,
        way.docs["discover"]["roles"],
        _source.digest(way.path(data.validation)) if data.validation else None,
        _folder_digest(way, spec),
    ]


def _folder_digest(way: Way, spec: TrainSpec) -> str | None:
    """Return what the folder of the pre-trained model holds, if a training starts from one."""
    name = spec.text.folder if spec.model == "huggingface" else None
    # A folder that is missing is told by the training.
    return _source.digest(way.path(name)) if name and way.path(name).is_dir() else None


def validation_rows(way: Way) -> Dataset | None:
    """Read the public rows by which a training may stop early, if it asks for that."""
    name = way.config.data.validation
    if not name or not way.config.train.patience:
        return None
    like = way.workspace.get_dataset(way.outputs["seal"]["minimized"])
    return _source.read_like(way, way.path(name), like)


def _work(way: Way) -> Outcome:
    from strongroom.train import train_model

    config, workspace = way.config, way.workspace
    spec = with_folder(way, config.train)
    rows = workspace.get_dataset(way.outputs["seal"]["minimized"])
    test = workspace.get_dataset(way.outputs["seal"]["test"])
    result = train_model(
        rows,
        spec,
        test=test,
        validation=validation_rows(way),
        columns=config.data.columns,
        rows=config.data.rows,
        ledger=workspace.stage_ledger,
        account=config.project.name,
        budget=config.data.budget,
        key=way.key,
        checkpointer=workspace.checkpointer("train"),
        progress=way.view,
        earlier=_earlier(way, spec),
    )
    doc = {**result.to_json(), "comparison": None, "majority": _majority(test)}
    outputs = {"model": _keep(way, "model", result)}
    if result.canaries is not None:
        content = json.dumps(result.canaries.to_json()).encode()
        outputs["canaries"] = workspace.put("canaries", CANARIES_KIND, content).digest
    if spec.privacy is not None and spec.compare:
        open_spec = spec.model_copy(update={"privacy": None})
        twin = train_model(
            rows,
            open_spec,
            test=test,
            validation=validation_rows(way),
            columns=config.data.columns,
            rows=config.data.rows,
            progress=way.view,
        )
        doc["comparison"] = twin.to_json()
        outputs["twin"] = _keep(way, "twin", twin)
    return Outcome(doc, outputs)


def _earlier(way: Way, spec: TrainSpec) -> Earlier | None:
    """Return the model of the last run, whose unchanged shards needn't be trained again."""
    from strongroom.models import model_from_parts
    from strongroom.train import Earlier
    from strongroom.vault import unpack_bundle

    if spec.shards == 1:
        return None
    last = way.workspace.stage("train")
    kept = last.outputs.get("model") if last is not None else None
    model = None
    if kept is not None:
        # Where its file is gone, every shard is trained again; one that was touched is refused.
        with contextlib.suppress(WorkspaceError):
            bundle = unpack_bundle(way.workspace.get(kept))
            model = model_from_parts(bundle.tensors, bundle.meta)
    # Whoever has the model must not be able to check a guess about the rows of a shard.
    return Earlier(model, way.workspace.keyring.subkey("shards"), way.code)


def _keep(way: Way, name: str, result: TrainResult) -> str:
    from strongroom.vault import pack_bundle

    made, privacy = result.model, result.privacy
    about = {
        **made.meta(),
        "train": way.config.train.model_dump(mode="json"),
        "privacy": privacy.to_json() if privacy else None,
        "metrics": result.metrics,
    }
    card = f"# {way.config.project.name}\n\nNot released: the policy has not been asked yet.\n"
    content = pack_bundle(made.tensors(), about, card)
    return way.workspace.put(name, MODEL_KIND, content).digest


def with_folder(way: Way, spec: TrainSpec) -> TrainSpec:
    """Return a specification whose folder of a pre-trained model stands relative to nothing."""
    if spec.text.folder is None:
        return spec
    text = spec.text.model_copy(update={"folder": str(way.path(spec.text.folder))})
    return spec.model_copy(update={"text": text})


def _majority(test: Dataset) -> float | None:
    """The test accuracy of always naming the most frequent class, where there are classes."""
    if test.target is None:
        return None
    labels = Counter(test.table.column(test.target).to_pylist())
    return max(labels.values()) / sum(labels.values())


def _summary(doc: Mapping[str, Any]) -> str:
    statement = doc["privacy"]
    proved = f"ε = {statement['epsilon']:.2f} at δ = {statement['delta']:g}" if statement else "no"
    line = f"{proved}{'' if statement else ' privacy'} · test {_reached(doc)}"
    if doc.get("comparison"):
        line += f" (without privacy {_reached(doc['comparison']).split(maxsplit=1)[1]})"
    return line


def _reached(doc: Mapping[str, Any]) -> str:
    test = doc["metrics"].get("test") or doc["metrics"]["train"]
    if "perplexity" in test:
        return f"perplexity {test['perplexity']:.2f}"
    return f"accuracy {100 * test['accuracy']:.1f} %"


STAGE = Stage(
    name="train",
    reads={"seal": Reads(artefacts=("minimized", "test"))},
    rooms=("privacy", "models", "train"),
    settings=_settings,
    work=_work,
    summary=_summary,
)
