"""An audit of a training function: does it keep the ε that is claimed for it?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from strongroom.audit._audit import Audit
from strongroom.audit._finding import Finding, Findings
from strongroom.audit._findings import Context, of_result
from strongroom.audit._given import dataset_of
from strongroom.audit._judge import judge
from strongroom.errors import DataError, InputError
from strongroom.models import encode_labels, find_classes
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.config import Limit

_METRICS = {"privacy.estimate": ("privacy.epsilon_estimate",)}
_BOUND = ("privacy.epsilon_lower_bound",)


def audit_function(
    training: Any,  # noqa: ANN401 - a function or its name
    members: Any,  # noqa: ANN401 - a path, any Arrow speaker, or (inputs, labels)
    *,
    claimed_epsilon: float,
    delta: float = 1e-5,
    target: str | None = None,
    policy: Mapping[str, Limit] | None = None,
    reproduce: str = "",
    progress: Progress = SILENT,
    **settings: Any,  # noqa: ANN401 - of `attacks.privacy.audit_training`
) -> Audit:
    """Train with planted records and say what they show of the true ε.

    Args:
        training: `train(inputs, labels, *, seed, on_step=None)`, or `package.module:train`; see
            `strongroom.attacks.privacy.audit_training`.
        members: the rows to train on, numbers only.
        claimed_epsilon: what is claimed for it; a certified bound above it is a failed finding of
            the highest severity.
        delta: of the claim.
        target: the column that is predicted.
        policy: metric id to limit.
        reproduce: the command or call that repeats it.
        progress: told after each training.
        settings: `canaries`, `sampling_rate`, `clip_norm`, `runs`, `scale`, `seed`.

    Raises:
        InputError: the function, the rows or the claim are unusable.
    """
    from strongroom.attacks.privacy import audit_training
    from strongroom.models.foreign import find_function

    begun = time.perf_counter()
    named = training if isinstance(training, str) else getattr(training, "__name__", "function")
    function = find_function(training) if isinstance(training, str) else training
    inputs, labels = _numbers(members, target)
    found = audit_training(
        function,
        inputs,
        labels,
        claimed_epsilon=claimed_epsilon,
        delta=delta,
        progress=progress,
        **settings,
    )
    seconds = time.perf_counter() - begun
    context = Context("", reproduce or f"strongroom audit --training {named}")
    findings = [_claimed(context, claimed_epsilon, delta)]
    for check, result in found.results.items():
        about = of_result(context, check, result, seconds, None, _METRICS.get(check, _BOUND))
        findings += about
    verdict = judge(findings, policy or {})
    return Audit(
        findings=Findings(verdict.findings),
        verdict=verdict,
        curves={},
        seconds=seconds,
        examined={
            "name": named,
            "kind": "training function",
            "members": len(inputs),
            "nonmembers": 0,
            "preset": "one-run privacy audit",
            "seed": settings.get("seed", 0),
            **found.details,
        },
    )


def _claimed(context: Context, epsilon: float, delta: float) -> Finding:
    return context.finding(
        "privacy.claim",
        "privacy.epsilon",
        title="How much the model may reveal about any one person, as its maker claims "
        "(differential privacy, ε)",
        value=epsilon,
        details={"delta": delta, "kind": "claimed, and proved by nobody here"},
    )


def _numbers(
    data: Any,  # noqa: ANN401 - see audit_function
    target: str | None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return rows as numbers, and the places of their classes.

    Raises:
        DataError: a column holds no numbers, or a value is missing.
    """
    if isinstance(data, tuple):
        inputs, labels = data
        return np.asarray(inputs, np.float32), np.asarray(labels)
    dataset = dataset_of(data, target=target)
    if dataset.target is None:
        raise InputError("which column is predicted?", where=dataset.name, hint="--target COLUMN")
    names = [c for c in dataset.columns if c != dataset.target]
    numeric = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    texts = [
        c for c in names if not any(is_of(dataset.table.schema.field(c).type) for is_of in numeric)
    ]
    if texts:
        raise DataError(
            f'the training function takes numbers, and "{texts[0]}" holds none',
            where=dataset.name,
            hint="encode the table first: a column of 0 and 1 per value",
        )
    columns = [dataset.table.column(c) for c in names]
    missing = [c for c, column in zip(names, columns, strict=True) if column.null_count]
    if missing:
        raise DataError(f'the column "{missing[0]}" lacks values', where=dataset.name)
    inputs = np.stack([np.asarray(c.cast(pa.float32())) for c in columns], axis=1)
    told = dataset.table.column(dataset.target)
    return inputs, encode_labels(told, find_classes(told))
