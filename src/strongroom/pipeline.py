"""The whole way on one page: discover → anonymize → seal → train → audit → report.

In: a `Config`, an open `Workspace` and a `View` that is told how far things are. Out: a
`RunResult`. Each stage reads what earlier stages left in the workspace, never their memory, and is
skipped when its inputs, its settings and the code of its rooms are what they were.

What one stage hands to the next:

    discover    roles of the columns                     (document)
    anonymize   minimized rows, the anonymized table     (sealed artefacts)
    seal        the same, sealed to every recipient      (sealed artefacts)
    train       the model, its twin without privacy      (sealed artefacts)
    audit       findings and curves                      (document)
    report      report.html, .json, .sarif; the model in the clear when the policy allows it
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongroom.audit import check_request
from strongroom.errors import InputError, did_you_mean
from strongroom.stages import STAGES, Way
from strongroom.stages import sweep as sweeping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.config import Config
    from strongroom.stages import Stage, View
    from strongroom.store import StageRecord, Workspace

_CODE_SUFFIXES = {".py", ".css", ".js", ".j2", ".txt"}


@dataclass(frozen=True)
class RunResult:
    """What a run came to.

    Attributes:
        docs: stage name to document.
        skipped: stages that were unchanged.
        within_policy: the verdict, or None when the run stopped before the report.
        seconds: wall time.
    """

    docs: Mapping[str, Mapping[str, Any]]
    skipped: tuple[str, ...]
    within_policy: bool | None
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "stages": self.docs,
            "skipped": list(self.skipped),
            "within_policy": self.within_policy,
            "seconds": round(self.seconds, 3),
        }


def run(
    config: Config,
    folder: Path,
    workspace: Workspace,
    view: View,
    *,
    until: str | None = None,
    again_from: str | None = None,
) -> RunResult:
    """Walk the way, or the part of it up to `until`; stages from `again_from` on run anew.

    Raises:
        StrongroomError: a user's mistake or a refusal; what was finished before is kept.
    """
    names = [stage.name for stage in STAGES]
    for name in (until, again_from):
        if name is not None and name not in names:
            raise InputError(
                f'no stage "{name}"',
                hint=did_you_mean(name, names) or f"the stages are: {', '.join(names)}",
            )
    # A slip in the last stages' settings must not show after the training has spent.
    check_request(config.audit, config.policy)
    begun = time.monotonic()
    way = Way(config, folder, workspace, view)
    skipped = _walk(way, until, again_from)
    # What killed and superseded runs left is of no use to anybody, and holds people.
    workspace.sweep()
    verdict = way.docs.get("report", {}).get("verdict", {}).get("ok")
    return RunResult(way.docs, tuple(skipped), verdict, time.monotonic() - begun)


def sweep(
    config: Config,
    folder: Path,
    workspace: Workspace,
    view: View,
    asked: sweeping.Sweep,
    *,
    again: bool = False,
) -> dict[str, Any]:
    """Train at every ε of a sweep and return what each costs; points that are done are kept.

    Raises:
        BudgetExceededError: the budget doesn't cover all of it; nothing was spent.
        StrongroomError: a user's mistake; the points that were finished are kept.
    """
    way = Way(config, folder, workspace, view)
    _walk(way, "seal", None)
    stages = {e: sweeping.stage(asked, e) for e in asked.points}
    pending = [e for e, stage in stages.items() if again or not _unchanged(way, stage)]
    begun = time.monotonic()
    cost = sweeping.check_cost(way, asked, pending)
    if cost:
        view.finished("cost", cost, time.monotonic() - begun, skipped=False)
    for stage in stages.values():
        _walk_one(way, stage, forced=again)
    doc = sweeping.gather(way, asked, [way.docs[stage.name] for stage in stages.values()])
    key = _digest(_content(doc))
    if workspace.stage_key(sweeping.NAME) != key:
        workspace.finish_stage(sweeping.NAME, key, {}, doc)
    workspace.sweep()
    return {**doc, "picture": sweeping.draw(way, doc)}


def _walk(way: Way, until: str | None, again_from: str | None) -> list[str]:
    """Walk the stages in order; return those that were unchanged."""
    skipped: list[str] = []
    forced = False
    for stage in STAGES:
        forced = forced or stage.name == again_from
        if not _walk_one(way, stage, forced=forced):
            skipped.append(stage.name)
        if stage.name == until:
            break
    return skipped


def _unchanged(way: Way, stage: Stage) -> StageRecord | None:
    """Return what a stage left last, if it would leave the same again."""
    way.key = _key(way, stage)
    last = way.workspace.stage(stage.name)
    same = last is not None and last.key == way.key and stage.intact(way, last.doc)
    return last if same else None


def _walk_one(way: Way, stage: Stage, *, forced: bool) -> bool:
    """Do a stage, or find it unchanged; return whether it was done."""
    last = _unchanged(way, stage)
    if last is not None and not forced:
        way.docs[stage.name], way.outputs[stage.name] = dict(last.doc), dict(last.outputs)
        way.view.finished(stage.name, stage.summary(last.doc), 0.0, skipped=True)
        return False
    way.view.started(stage.name)
    begun = time.monotonic()
    try:
        outcome = stage.work(way)
        way.workspace.finish_stage(stage.name, way.key, outcome.outputs, outcome.doc)
    except BaseException:
        way.view.failed(stage.name)
        raise
    way.docs[stage.name], way.outputs[stage.name] = outcome.doc, outcome.outputs
    seconds = time.monotonic() - begun
    way.view.finished(stage.name, stage.summary(outcome.doc), seconds, skipped=False)
    return True


def _key(way: Way, stage: Stage) -> str:
    """Name a stage's outcome by what decides it: its code, its settings, and what it reads.

    Artefacts count by what is inside them, not by their sealed bytes: an earlier stage that ran
    again and came to the same rows costs no new training, and no new ε. A training that ran again
    left another model, because its noise is another.
    """
    reads = {
        name: [
            _content(way.docs[name]) if read.doc else None,
            [
                way.workspace.artefact(way.outputs[name][label]).fingerprint
                for label in read.artefacts
                if label in way.outputs[name]
            ],
        ]
        for name, read in stage.reads.items()
    }
    own = (f"stages/{stage.code or stage.name}.py", "stages/_source.py", "data")
    way.code = code_digest((*own, *stage.rooms))
    decides = {
        "stage": stage.name,
        "code": way.code,
        "settings": stage.settings(way),
        "reads": reads,
    }
    return _digest(decides)


def _content(doc: Any) -> Any:  # noqa: ANN401 - JSON
    """Take away how long things took: it decides nothing."""
    if isinstance(doc, dict):
        return {k: _content(v) for k, v in doc.items() if k != "seconds"}
    return [_content(v) for v in doc] if isinstance(doc, list) else doc


def _digest(value: Any) -> str:  # noqa: ANN401 - JSON
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def code_digest(places: tuple[str, ...]) -> str:
    """SHA-256 over the source of rooms and files: what "code version" means here."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for place in places:
        inside = [p for p in (root / place).rglob("*") if p.suffix in _CODE_SUFFIXES]
        for file in sorted(inside) or [root / place]:
            digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
