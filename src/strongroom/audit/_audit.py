"""One audit of one model: choose the attacks, run them, say what they mean."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from strongroom import __version__
from strongroom.attacks import NotEvaluable, Rows, Situation, attack_names
from strongroom.audit._attacking import BASELINE, Job, run_jobs
from strongroom.audit._compare import comparison
from strongroom.audit._finding import Findings
from strongroom.audit._findings import (
    BASELINE_METRIC,
    Context,
    of_inspection,
    of_statement,
    of_utility,
)
from strongroom.audit._journal import Journal, digest_of_rows
from strongroom.audit._judge import Verdict, judge, refuse_unknown, summary
from strongroom.audit._presets import INSPECTION, asked_for, chosen, preset_of
from strongroom.audit.metrics import METRICS
from strongroom.config import AuditSpec
from strongroom.notebook import html_table
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from strongroom.attacks._situation import ModelKind
    from strongroom.attacks.extraction import Plant
    from strongroom.attacks.references import Recipe
    from strongroom.audit._compare import Change
    from strongroom.audit._finding import Finding
    from strongroom.audit._journal import Finished
    from strongroom.config import Limit, TrainSpec
    from strongroom.models import Model
    from strongroom.privacy import CanaryObservation, PrivacyStatement
    from strongroom.vault import Inspection

    Labelled = Rows | tuple[NDArray[Any], NDArray[np.integer]]

_SIGNALS = "references"
_FOR_ITS_TIME = "left out of this run for its time; name it under [audit] attacks, or limit it"
_CONTRAST = 64  # reference models are enough for what is only compared with
# The strongest attack on membership that an audit may run stands for the model.
_HEADLINES = ("membership.combined", "membership.lira")
_CURVE_NAMES = {
    BASELINE: "the same model without privacy",
    "membership.loss": "this model, without shadow models",
}


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        findings: each held against the policy or the default limits; `findings["membership"]` is
            the worst of a room, `findings["membership.auc"]` that of a metric.
        verdict: what they come to.
        curves: ROC curves by name: `fpr`, `tpr` and the band `low`, `high`.
        seconds: how long it took.
        exposed: per attack that names them, the records that it is surest of, by row number.
        examined: what was examined, as JSON values: name, kind, rows, preset.
        notes: what to keep in mind when reading the numbers.
    """

    findings: Findings
    verdict: Verdict
    curves: Mapping[str, Mapping[str, list[float]]]
    seconds: float
    exposed: tuple[Mapping[str, Any], ...] = ()
    examined: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def since(self, previous: Audit | Sequence[Finding]) -> list[Change]:
        """Compare with an earlier audit: what became better or worse, and what is noise."""
        then = previous.findings if isinstance(previous, Audit) else previous
        return comparison(then, self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "findings": [f.to_json() for f in self.findings],
            "summary": summary(self.findings),
            "verdict": self.verdict.to_json(),
            "curves": {name: dict(curve) for name, curve in self.curves.items()},
            "exposed": [dict(told) for told in self.exposed],
            "examined": dict(self.examined),
            "notes": list(self.notes),
            "seconds": self.seconds,
        }

    def __str__(self) -> str:
        lines = []
        for f in self.findings:
            status = f.status.value.replace("_", " ")
            lines.append(f"{status:<14}{f.metric:<32}{f.reason}")
        return "\n".join([*lines, *self.notes, "", self.verdict.text])

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
    member_table: pa.Table | None = None,
    encoder: Any = None,  # noqa: ANN401 - see attacks.evasion.Encoder
    inspection: Inspection | None = None,
    forgotten: Rows | None = None,
    planted: Plant | None = None,
    recipe: Recipe | None = None,
    spec: AuditSpec | None = None,
    policy: Mapping[str, Limit] | None = None,
    baseline: Model | None = None,
    without: Sequence[str] = (),
    cache: Path | None = None,
    reproduce: str = "",
    name: str = "",
    notes: Sequence[str] = (),
    progress: Progress = SILENT,
) -> Audit:
    """Attack a model and say what it proves.

    Args:
        target: the model.
        subject: SHA-256 of what is examined.
        members: rows that it was trained on, as it takes them, and their labels, int [n].
        nonmembers: the same of rows that it wasn't trained on.
        train_spec: the recipe that it was trained by, if it is one of ours.
        kind: what the model takes.
        statement: its privacy statement.
        canaries: what its planted canaries saw.
        metrics: `{"train": …, "test": …}` as training measured them; measured here if absent.
        test_table: the non-members as people know them, row for row.
        member_table: the members as people know them, row for row.
        encoder: turns such a table into inputs; the target's own by default.
        inspection: of the model file.
        forgotten: rows that were to be deleted from it; they are not among the members.
        planted: the canaries that stand in its training text.
        recipe: how models like it are trained; found out by default.
        spec: which attacks, how many shadows, which coins.
        policy: metric id to limit.
        baseline: the same model trained without privacy: attacked for contrast, not judged.
        without: rooms that a preset leaves out for their time, where the policy limits nothing of
            theirs.
        cache: the folder that keeps what reference models said, and what an interrupted audit has
            finished.
        reproduce: the command or call that repeats it.
        name: of the model, for people.
        notes: what to keep in mind when reading the numbers.
        progress: told how far it is.

    Raises:
        ConfigError: an attack or a metric of the policy that doesn't exist.
    """
    begun = time.perf_counter()
    spec = spec or AuditSpec()
    inside, outside = _rows(members), _rows(nonmembers)
    names, preset = chosen(spec, kind, forgotten=forgotten is not None), preset_of(spec)
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
        member_table=member_table,
        encoder=encoder or getattr(target, "encoder", None),
        immutable=spec.immutable,
        sensitive=spec.sensitive,
        forgotten=forgotten,
        plant=planted,
        shadows=spec.shadows or preset.shadows,
        most_rows=preset.rows,
        most_evasion_rows=preset.evasion_rows,
        query_budget=spec.query_budget,
        seed=spec.seed,
    )
    situation = _with_references(situation, recipe, spec, cache)
    context = Context(subject, reproduce or _reproduce(spec))
    journal = Journal.open(
        cache,
        version=__version__,
        subject=subject,
        rows=digest_of_rows(inside, outside, forgotten) if cache else "",
        spec=spec.model_dump(mode="json"),
        train=train_spec.model_dump(mode="json") if train_spec else None,
        statement=statement.to_json() if statement else None,
    )
    limits = {m: limit for m, limit in (policy or {}).items() if not _about_data(m)}
    asked = {n: asked_for(n, spec, limits) for n in names if n != INSPECTION}
    skipped = [n for n in asked if n.partition(".")[0] in without and not asked[n]]
    jobs = [Job(n, n, situation, asked=a) for n, a in asked.items() if n not in skipped]
    jobs += _contrast(situation, baseline, names, spec, cache)
    done = run_jobs(jobs, context, journal, progress)
    findings = [of_statement(context, statement, ours=train_spec is not None)]
    findings += [f for each in done.values() for f in each.findings]
    if INSPECTION in names and (inspection is not None or train_spec is not None):
        # A model that somebody hands over as an object has no file.
        findings.append(of_inspection(context, inspection))
    findings += of_utility(context, target, baseline, outside, metrics or {})
    verdict = judge(findings, limits)
    journal.close()
    return Audit(
        findings=Findings(verdict.findings),
        verdict=verdict,
        curves=_curves(done, names),
        seconds=time.perf_counter() - begun,
        exposed=_exposed(done, names),
        examined={
            "name": name,
            "kind": kind,
            "subject": subject,
            "classes": len(target.classes),
            "members": len(inside),
            "nonmembers": len(outside),
            "preset": spec.attacks if isinstance(spec.attacks, str) else list(spec.attacks),
            "seed": spec.seed,
            **_about_references(situation),
            "left_out": {
                **{n: each.left_out for n, each in done.items() if each.left_out},
                **dict.fromkeys(skipped, _FOR_ITS_TIME),
            },
        },
        notes=tuple(notes),
    )


def _rows(given: Labelled) -> Rows:
    return given if isinstance(given, Rows) else Rows(*given)


def _with_references(
    situation: Situation, recipe: Recipe | None, spec: AuditSpec, cache: Path | None
) -> Situation:
    """Return the situation with the reference models that all attacks share, if there can be."""
    from strongroom.attacks.references import ReferenceModels, SignalCache
    from strongroom.audit._recipes import recipe_for

    used = recipe or recipe_for(situation)
    if isinstance(used, NotEvaluable):
        return situation
    preset = preset_of(spec)
    usual = preset.fits if used.slow else preset.shadows
    references = ReferenceModels(
        used,
        spec.shadows or usual,
        len(situation.members),
        situation.seed,
        None if cache is None else SignalCache(cache / _SIGNALS),
    )
    return replace(situation, references=references, shadows=references.count)


def _about_references(situation: Situation) -> dict[str, Any]:
    """Say what the attacker trained, if anything."""
    if situation.references is None:
        return {}
    whose = {"own": "by the target’s own recipe", "surrogate": "stand-ins for the target’s recipe"}
    origin = situation.references.recipe.origin
    return {"references": f"{situation.references.count} models, {whose.get(origin, origin)}"}


def _headline(names: Sequence[str]) -> str | None:
    """Return the attack that stands for the model among those that are run."""
    return next((n for n in _HEADLINES if n in names), None)


def _contrast(
    situation: Situation,
    baseline: Model | None,
    names: Sequence[str],
    audit: AuditSpec,
    cache: Path | None,
) -> list[Job]:
    """Return the attack on the same model without privacy, if there is one to compare with."""
    headline = _headline(names)
    if baseline is None or headline is None:
        return []
    spec = situation.train_spec and situation.train_spec.model_copy(update={"privacy": None})
    told = replace(situation, target=baseline, train_spec=spec, statement=None, references=None)
    few = min(situation.shadows, _CONTRAST)
    told = _with_references(told, None, audit.model_copy(update={"shadows": few}), cache)
    return [Job(BASELINE, headline, told)]


def _curves(
    done: Mapping[str, Finished], names: Sequence[str]
) -> dict[str, dict[str, list[float]]]:
    """Return the ROC curves by what people call them: the headline, the baseline, the best rest."""
    headline = _headline([n for n in names if n in done and done[n].curve])
    rest = sorted(
        (n for n, each in done.items() if each.curve and n not in (headline, BASELINE)),
        key=lambda n: -_area(done[n]),
    )
    order = [n for n in (headline, BASELINE) if n is not None and n in done and done[n].curve]
    called = {headline: "this model"} | _CURVE_NAMES
    return {
        called.get(n, f"this model, by {n.partition('.')[2] or n}"): dict(done[n].curve)
        for n in (*order, *rest)
    }


def _area(done: Finished) -> float:
    return max((f.value or 0.0 for f in done.findings if f.metric.endswith(".auc")), default=0.0)


def _exposed(done: Mapping[str, Finished], names: Sequence[str]) -> tuple[Mapping[str, Any], ...]:
    """Return what the attacks say of single records, the headline's first."""
    told = {n: each.exposed for n, each in done.items() if each.exposed and n != BASELINE}
    headline = _headline(names)
    return tuple(told[n] for n in sorted(told, key=lambda n: (n != headline, -_area(done[n]))))


def check_request(spec: AuditSpec, policy: Mapping[str, Limit]) -> None:
    """Check what an audit is asked for before anything is spent on what it would examine.

    Raises:
        ConfigError: an attack or a metric that doesn't exist.
    """
    # Of a preset every attack is one that there is, and none need be loaded to know it.
    names = attack_names() if isinstance(spec.attacks, str) else chosen(spec)
    # Findings of a foreign attack are named by its family, such as `mine.auc` of `mine.attack`.
    ours = {metric.split(".")[0] for metric in METRICS}
    foreign = {name.split(".")[0] for name in names} - ours
    refuse_unknown([m for m in policy if m.split(".")[0] not in foreign], [BASELINE_METRIC])


def _about_data(metric: str) -> bool:
    """Tell whether a metric is judged by `data_findings`, not by an audit of a model."""
    return metric in METRICS and METRICS[metric].about_data


def _reproduce(spec: AuditSpec) -> str:
    preset = f'"{spec.attacks}"' if isinstance(spec.attacks, str) else list(spec.attacks)
    return f"strongroom audit, with [audit] attacks = {preset}, seed = {spec.seed}".replace(
        "'", '"'
    )
