"""report: what was measured, for people and machines; the model, when it may leave."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from strongroom import __version__
from strongroom.errors import InputError
from strongroom.files import fsync_folder, remove_leftovers, user_errors, write_bytes
from strongroom.stages._judge import judged
from strongroom.stages._stage import Outcome, Reads, Stage, Way
from strongroom.stages.sweep import todays

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from strongroom.report import ReportData

FOLDER = "report"
MODEL_FOLDER = "model"


def _settings(way: Way) -> Any:  # noqa: ANN401 - JSON
    policy = {metric: limit.model_dump() for metric, limit in way.config.policy.items()}
    swept = todays(way)
    points = swept["points"] if swept else None
    return [policy, way.config.project.model_dump(), way.config.data.budget, points]


def _work(way: Way) -> Outcome:
    from strongroom.report import render_html, render_json, render_sarif

    last = way.workspace.stage("report")
    data = report_data(way, previous=last.doc.get("findings") if last else None)
    pages = {
        "report.html": render_html(data),
        "report.json": _json(render_json(data)),
        "report.sarif": _json(render_sarif(data)),
    }
    folder = way.path(FOLDER)
    _refuse_foreign(way.path(MODEL_FOLDER))
    with user_errors(folder):
        folder.mkdir(exist_ok=True)
    remove_leftovers(folder)
    shutil.rmtree(_unreleased(way), ignore_errors=True)
    digests = {}
    for name, page in pages.items():
        content = page.encode()
        write_bytes(folder / name, content)
        digests[name] = hashlib.sha256(content).hexdigest()
    assert data.verdict is not None  # noqa: S101 - report_data has just judged
    released = bool(data.verdict["ok"])
    if released:
        _release(way, data)
    findings = [dict(f) for f in data.findings]
    return Outcome(
        {
            "verdict": dict(data.verdict),
            "findings": findings,
            "files": digests,
            "folder": FOLDER,
            "model": MODEL_FOLDER if released else None,
        }
    )


def report_data(way: Way, previous: Any = None) -> ReportData:  # noqa: ANN401 - JSON
    """Gather what the report says from the stages' documents, the ledger and the log."""
    from strongroom.report import ReportData

    docs, policy = way.docs, way.config.policy
    findings, verdict = judged(docs, policy)
    audit = {**docs["audit"], "findings": [f.to_json() for f in findings]}
    return ReportData(
        project=way.config.project.name,
        generated=datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
        files=tuple(docs["discover"]["files"]),
        anonymize=docs["anonymize"],
        seal=docs["seal"],
        train=docs["train"],
        sweep=todays(way),
        audit=audit,
        budget=way.workspace.budget(way.config.project.name, way.config.data.budget),
        evidence=tuple(r.to_json() for r in way.workspace.evidence.records()),
        policy={m: limit.model_dump() for m, limit in policy.items()},
        verdict=verdict.to_json(),
        previous=tuple(previous) if previous else None,
    )


def _release(way: Way, data: ReportData) -> None:
    """Write the model in the clear, signed: the policy has just said that it may leave."""
    from strongroom.report import render_card
    from strongroom.vault import unpack_bundle, write_bundle

    bundle = unpack_bundle(way.workspace.get(way.outputs["train"]["model"]))
    folder = way.path(MODEL_FOLDER)
    beside = _unreleased(way)
    signer = way.workspace.keyring.signing_key
    with user_errors(folder):
        beside.mkdir()
        write_bundle(beside, bundle.tensors, bundle.meta, render_card(data), signer)
        # A folder can't be renamed over a full one; a kill between the two lines leaves none, and
        # the next run, missing it, writes it again.
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
        fsync_folder(folder.parent)


def _unreleased(way: Way) -> Path:
    """Where a model stands while it is written; a kill may leave it there half-done."""
    return way.path(f".{MODEL_FOLDER}-new")


def _refuse_foreign(folder: Path) -> None:
    """Never replace a folder that the user made."""
    if folder.exists() and not (folder / "manifest.json").is_file():
        raise InputError(
            "the model can't be released here: this folder isn't one of ours",
            where=str(folder),
            hint="move it away and run again",
        )


def _intact(way: Way, doc: Mapping[str, Any]) -> bool:
    """Whether the files are still the ones that were written."""
    folder = way.path(FOLDER)
    whole = all(_digest(folder / name) == digest for name, digest in doc["files"].items())
    return whole and (doc["model"] is None or way.path(MODEL_FOLDER).is_dir())


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1)


def _summary(doc: Mapping[str, Any]) -> str:
    line = " · ".join(f"{doc['folder']}/{name}" for name in doc["files"])
    return line + (f" · {doc['model']}/" if doc["model"] else "")


STAGE = Stage(
    name="report",
    reads={
        **dict.fromkeys(("discover", "anonymize", "seal", "audit"), Reads(doc=True)),
        "train": Reads(doc=True, artefacts=("model",)),
    },
    rooms=("audit", "report"),
    settings=_settings,
    work=_work,
    summary=_summary,
    intact=_intact,
)
