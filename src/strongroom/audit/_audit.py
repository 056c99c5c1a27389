"""One audit of one model: choose the attacks, run them, say what they mean."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from strongroom.attacks import (
    NotEvaluable,
    RocResult,
    Rows,
    Situation,
    about,
    attack_names,
    load_attack,
)
from strongroom.audit._findings import (
    BASELINE_METRIC,
    Context,
    of_baseline,
    of_inspection,
    of_result,
    of_statement,
    of_utility,
)
from strongroom.audit._judge import Verdict, judge, refuse_unknown, summary
from strongroom.audit.metrics import METRICS
from strongroom.config import AuditSpec
from strongroom.errors import ConfigError, did_you_mean
from strongroom.notebook import html_table
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from strongroom.attacks._situation import ModelKind
    from strongroom.audit._finding import Finding
    from strongroom.config import Limit, TrainSpec
    from strongroom.models import Model
    from strongroom.privacy import CanaryObservation, PrivacyStatement
    from strongroom.vault import Inspection

    Labelled = tuple[NDArray[np.float32], NDArray[np.integer]]

INSPECTION = "file.inspection"
_LIRA = "membership.lira"
_CURVE_NAMES = {
    _LIRA: "this model",
    "baseline": "the same model without privacy",
    "membership.loss": "this model, without shadow models",
}


@dataclass(frozen=True)
class Preset:
    """How thorough an audit is.

    Attributes:
        shadows: models that the attacker trains.
        rows: of members and of non-members each, at most, that are attacked.
        evasion_rows: rows that are changed.
    """

    shadows: int
    rows: int
    evasion_rows: int


PRESETS = {
    "quick": Preset(16, 4_000, 100),
    "standard": Preset(64, 8_000, 300),
    "full": Preset(256, 10_000, 1_000),
}


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        findings: each held against the policy or the default limits.
        verdict: what they come to.
        curves: ROC curves by name: `fpr`, `tpr` and the band `low`, `high`.
        seconds: how long it took.
    """

    findings: tuple[Finding, ...]
    verdict: Verdict
    curves: Mapping[str, Mapping[str, list[float]]]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "findings": [f.to_json() for f in self.findings],
            "summary": summary(self.findings),
            "verdict": self.verdict.to_json(),
            "curves": {name: dict(curve) for name, curve in self.curves.items()},
            "seconds": self.seconds,
        }

    def __str__(self) -> str:
        lines = []
        for f in self.findings:
            status = f.status.value.replace("_", " ")
            lines.append(f"{status:<14}{f.metric:<32}{f.reason}")
        return "\n".join([*lines, "", self.verdict.text])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [
            (f.metric, f.status.value.replace("_", " "), f.title, f.reason) for f in self.findings
        ]
        header = ("metric", "status", "what", "why")
        return html_table(rows, header=header, caption=self.verdict.text)


def audit_model(
    target: Model,
    *,
    subject: str,
    members: Labelled,
    nonmembers: Labelled,
    train_spec: TrainSpec | None = None,
    kind: ModelKind = "table",
    statement: PrivacyStatement | None = None,
    canaries: CanaryObservation | None = None,
    metrics: Mapping[str, Any] | None = None,
    test_table: pa.Table | None = None,
    encoder: Any = None,  # noqa: ANN401 - see attacks.evasion.Encoder
    inspection: Inspection | None = None,
    spec: AuditSpec | None = None,
    policy: Mapping[str, Limit] | None = None,
    baseline: Model | None = None,
    progress: Progress = SILENT,
) -> Audit:
    """Attack a model and say what it proves.

    Args:
        target: the model.
        subject: SHA-256 of what is examined.
        members: encoded rows that it was trained on, float32 [n, d], and their labels, int [n].
        nonmembers: the same of rows that it wasn't trained on.
        train_spec: the recipe that it was trained by, if it is one of ours.
        kind: what the model takes.
        statement: its privacy statement.
        canaries: what its planted canaries saw.
        metrics: `{"train": …, "test": …}` as training measured them; measured here if absent.
        test_table: the non-members as people know them, row for row.
        encoder: turns such a table into inputs; the target's own by default.
        inspection: of the model file.
        spec: which attacks, how many shadows, which coins.
        policy: metric id to limit.
        baseline: the same model trained without privacy: attacked for contrast, not judged.
        progress: told how far it is.

    Raises:
        ConfigError: an attack or a metric of the policy that doesn't exist.
    """
    begun = time.perf_counter()
    spec = spec or AuditSpec()
    inside, outside = Rows(*members), Rows(*nonmembers)
    names, preset = _chosen(spec, kind)
    fits = test_table is not None and test_table.num_rows == len(outside)
    situation = Situation(
        target=target,
        members=inside,
        nonmembers=outside,
        train_spec=train_spec,
        statement=statement,
        canaries=canaries,
        kind=kind,
        effort=spec.attacks if isinstance(spec.attacks, str) else "standard",
        table=test_table,
        labels=outside.labels if fits else None,
        encoder=encoder or getattr(target, "encoder", None),
        immutable=spec.immutable,
        shadows=spec.shadows or preset.shadows,
        most_rows=preset.rows,
        most_evasion_rows=preset.evasion_rows,
        seed=spec.seed,
    )
    situation = _with_references(situation)
    context = Context(subject, _reproduce(spec))
    contrast = baseline is not None and _LIRA in names
    jobs = [n for n in names if n != INSPECTION] + (["baseline"] if contrast else [])
    findings: list[Finding] = [of_statement(context, statement)]
    curves: dict[str, dict[str, list[float]]] = {}
    for i, name in enumerate(jobs):
        told = replace(situation, progress=_Share(progress, i, len(jobs), name))
        if name == "baseline" and baseline is not None:
            open_spec = train_spec and train_spec.model_copy(update={"privacy": None})
            told = replace(
                told, target=baseline, train_spec=open_spec, statement=None, references=None
            )
        start = time.perf_counter()
        attack = load_attack(_LIRA if name == "baseline" else name)
        result = attack.run(told)
        seconds = time.perf_counter() - start
        if name == "baseline":
            findings.append(of_baseline(context, result, seconds))
        else:
            findings += of_result(context, name, result, seconds, statement, about(attack).metrics)
        if isinstance(result, RocResult):
            curves[_CURVE_NAMES.get(name, name)] = result.curve()
        progress.step(i + 1, len(jobs), _note(name, result))
    if INSPECTION in names:
        findings.append(of_inspection(context, inspection))
    findings += of_utility(context, target, baseline, outside, metrics or {})
    limits = {m: limit for m, limit in (policy or {}).items() if not _about_data(m)}
    verdict = judge(findings, limits)
    return Audit(verdict.findings, verdict, _ordered(curves), time.perf_counter() - begun)


def _with_references(situation: Situation) -> Situation:
    """Return the situation with the reference models that all attacks share, if there can be."""
    from strongroom.attacks.references import ReferenceModels

    references = ReferenceModels.of(situation)
    if isinstance(references, NotEvaluable):
        return situation
    return replace(situation, references=references)


def check_request(spec: AuditSpec, policy: Mapping[str, Limit]) -> None:
    """Check what an audit is asked for before anything is spent on what it would examine.

    Raises:
        ConfigError: an attack or a metric that doesn't exist.
    """
    names, _ = _chosen(spec)
    # Findings of a foreign attack are named by its family, such as `mine.auc` of `mine.attack`.
    ours = {metric.split(".")[0] for metric in METRICS}
    foreign = {name.split(".")[0] for name in names} - ours
    refuse_unknown([m for m in policy if m.split(".")[0] not in foreign], [BASELINE_METRIC])


def _about_data(metric: str) -> bool:
    """Tell whether a metric is judged by `data_findings`, not by an audit of a model."""
    return metric in METRICS and METRICS[metric].about_data


def _chosen(spec: AuditSpec, kind: str | None = None) -> tuple[tuple[str, ...], Preset]:
    """Return the attacks to run and how thorough they are.

    A preset leaves out what doesn't concern this kind of model at all; a list is taken as it is.
    """
    known = (*attack_names(), INSPECTION)
    if isinstance(spec.attacks, str):
        chosen = [n for n in known if n == INSPECTION or _concerns(n, spec.attacks, kind)]
        return tuple(chosen), PRESETS[spec.attacks]
    for name in spec.attacks:
        if name not in known:
            raise ConfigError(
                f'unknown attack "{name}"',
                where="[audit] attacks",
                hint=did_you_mean(name, known) or f"known attacks: {', '.join(known)}",
            )
    return tuple(dict.fromkeys(spec.attacks)), PRESETS["standard"]


def _concerns(name: str, preset: str, kind: str | None) -> bool:
    said = about(load_attack(name))
    return preset in said.presets and (kind is None or kind in said.kinds)


def _reproduce(spec: AuditSpec) -> str:
    preset = f'"{spec.attacks}"' if isinstance(spec.attacks, str) else list(spec.attacks)
    return f"strongroom audit, with [audit] attacks = {preset}, seed = {spec.seed}".replace(
        "'", '"'
    )


def _ordered(curves: dict[str, dict[str, list[float]]]) -> dict[str, dict[str, list[float]]]:
    """Put the curves that matter most first."""
    order = [n for n in _CURVE_NAMES.values() if n in curves]
    return {n: curves[n] for n in (*order, *(n for n in curves if n not in order))}


def _note(name: str, result: object) -> str:
    return f"{name}: not evaluable" if isinstance(result, NotEvaluable) else name


@dataclass(frozen=True)
class _Share:
    """A part of a larger progress: job `index` of `jobs`."""

    whole: Progress
    index: int
    jobs: int
    name: str

    def step(self, done: float, total: float, note: str = "") -> None:
        """Tell the whole what this part's step means for it."""
        said = f"{self.name} {note}".strip()
        self.whole.step(self.index + done / max(total, 1e-9), self.jobs, said)
