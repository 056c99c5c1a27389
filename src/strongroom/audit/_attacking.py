"""Running attacks one after another: what fails is said, what is finished is kept."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from strongroom.attacks import NotEvaluable, RocResult, about, load_attack
from strongroom.audit._findings import of_baseline, of_result
from strongroom.audit._journal import Finished
from strongroom.errors import StrongroomError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.attacks import Result, Situation
    from strongroom.attacks._situation import Attack
    from strongroom.audit._findings import Context
    from strongroom.audit._journal import Journal
    from strongroom.progress import Progress

BASELINE = "baseline"


@dataclass(frozen=True)
class Job:
    """One attack on one model.

    Attributes:
        name: of the job: the attack's, or `baseline`.
        attack: the attack's name.
        situation: what the attacker is given.
        asked: by name or by the policy, so that it says even that it doesn't concern the model.
    """

    name: str
    attack: str
    situation: Situation
    asked: bool = True


def run_jobs(
    jobs: Sequence[Job], context: Context, journal: Journal, progress: Progress
) -> dict[str, Finished]:
    """Run every job, or take it from the journal; return what each came to, by name."""
    done: dict[str, Finished] = {}
    for i, job in enumerate(jobs):
        kept = journal.finished(job.name)
        if kept is None:
            kept = _run(job, context, _Share(progress, i, len(jobs), job.name))
            journal.write(job.name, kept)
        done[job.name] = kept
        measured = any(f.value is not None for f in kept.findings)
        note = "" if measured or kept.left_out else ": not evaluable"
        progress.step(i + 1, len(jobs), f"{job.name}{note}")
    return done


def _run(job: Job, context: Context, progress: Progress) -> Finished:
    attack = load_attack(job.attack)
    start = time.perf_counter()
    result = attempt(attack, replace(job.situation, progress=progress))
    seconds = time.perf_counter() - start
    if isinstance(result, NotEvaluable) and not (result.concerns or job.asked):
        return Finished((), left_out=result.reason)
    if job.name == BASELINE:
        found = [of_baseline(context, result, seconds)]
    else:
        statement, metrics = job.situation.statement, about(attack).metrics
        found = of_result(context, job.name, result, seconds, statement, metrics)
    if not isinstance(result, RocResult):
        return Finished(tuple(found))
    return Finished(tuple(found), result.curve(), exposed_of(job.name, result))


def attempt(attack: Attack, situation: Situation) -> Result:
    """Attack; what a user or an endpoint did wrong is a reason, what we did wrong still raises."""
    try:
        return attack.run(situation)
    except StrongroomError as error:
        said = error.what + (f" ({error.where})" if error.where else "")
        return NotEvaluable(f"{said}; {error.hint}" if error.hint else said)
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        return NotEvaluable(
            "the machine's memory was not enough; fewer rows or a smaller preset need less"
        )


def _out_of_memory(error: Exception) -> bool:
    """Tell it from other errors: torch's own is a RuntimeError, with a class only for GPUs."""
    said = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or ("allocat" in said and "memory" in said)
    )


def exposed_of(check: str, result: RocResult) -> dict[str, Any]:
    """Return the records that an attack is surest of, as JSON values; empty if it names none."""
    if not result.exposed:
        return {}
    return {
        "check": check,
        "rows": [asdict(e) for e in result.exposed],
        "scores": {name: list(values) for name, values in result.scores.items()},
    }


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
