"""An audit of anything: a path, an address, an estimator, a network, a function, predictions."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongroom.audit._audit import audit_model
from strongroom.audit._given import (
    forgotten_rows,
    model_kind,
    oddities,
    read_rows,
    require_columns,
    with_subjects,
)
from strongroom.audit._remote import answered_rows
from strongroom.audit._user_recipe import user_recipe
from strongroom.config import AuditSpec, TrainSpec
from strongroom.errors import InputError
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from strongroom.attacks.extraction import Plant
    from strongroom.audit._audit import Audit
    from strongroom.audit._given import Given
    from strongroom.config import Limit
    from strongroom.models import Model
    from strongroom.privacy import CanaryObservation, PrivacyStatement
    from strongroom.vault import Inspection


_WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Subject:
    """What is examined, and what its maker tells of it.

    Attributes:
        model: under attack.
        name: for people.
        format: which adapter reads it; empty for ours.
        train_spec: the recipe that it was trained by, if it is one of ours.
        statement: its privacy statement.
        canaries: what its planted canaries saw.
        metrics: as training measured them.
        inspection: of its file.
    """

    model: Model
    name: str
    format: str = ""
    train_spec: TrainSpec | None = None
    statement: PrivacyStatement | None = None
    canaries: CanaryObservation | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    inspection: Inspection | None = None


def subject_of(given: Any, **options: Any) -> Subject:  # noqa: ANN401 - anything; see open_model
    """Return what is examined.

    Args:
        given: what `train` or `load_model` returned, or anything that `open_model` takes; None:
            only predictions are known.
        options: see `open_model`.

    Raises:
        InputError: nothing knows what it is, or it can't be opened.
    """
    from strongroom.models import open_model

    if given is None:
        from strongroom.models.foreign import Predictions

        asked = {k: v for k, v in options.items() if k in ("classes", "target")}
        return Subject(Predictions(**asked), "predictions", "predictions")
    if hasattr(given, "model") and hasattr(given, "privacy"):
        # What we trained, or released.
        return Subject(
            given.model,
            type(given.model).__name__,
            train_spec=getattr(given, "spec", None),
            statement=given.privacy,
            canaries=getattr(given, "canaries", None),
            metrics=given.metrics,
        )
    opened = open_model(given, **options)
    about = opened.about
    statement = None
    if about.get("privacy"):
        from strongroom.privacy import PrivacyStatement

        statement = PrivacyStatement.from_json(about["privacy"])
    named = isinstance(given, str | Path)
    inspection = opened.inspection
    if inspection is None and named and (Path(given) / _WEIGHTS).is_file():
        from strongroom.vault import inspect_file

        inspection = inspect_file(str(Path(given) / _WEIGHTS))
    return Subject(
        opened.model,
        Path(str(given)).name if named else type(given).__name__,
        opened.kind,
        train_spec=TrainSpec.model_validate(about["train"]) if about.get("train") else None,
        statement=statement,
        metrics=about.get("metrics") or {},
        inspection=inspection,
    )


def audit_any(
    subject: Subject,
    *,
    members: Any,  # noqa: ANN401 - see `read_rows`
    nonmembers: Any,  # noqa: ANN401 - the same
    labels: tuple[Any, Any] | None = None,
    target: str | None = None,
    person: str | None = None,
    forgotten: Any = None,  # noqa: ANN401 - see `forgotten_rows`
    planted: Plant | Path | str | None = None,
    recipe: Any = None,  # noqa: ANN401 - see `user_recipe`
    spec: AuditSpec | None = None,
    policy: Mapping[str, Limit] | None = None,
    cache: Path | None = None,
    reproduce: str = "",
    progress: Progress = SILENT,
) -> Audit:
    """Read rows for a model, whatever it is, and attack it.

    Args:
        subject: what is examined.
        members: rows that it was trained on.
        nonmembers: rows of the same population that it was not trained on.
        labels: of both, where they come as arrays.
        target: the column that is predicted.
        person: the column that says whose row it is.
        forgotten: rows that were to be deleted from it.
        planted: the canaries that stand in its training text, or the file that records them.
        recipe: the function that trains models like it, or its name.
        spec: which attacks, how many shadows, which coins.
        policy: metric id to limit.
        cache: the folder that keeps reference models and what an interrupted audit has finished.
        reproduce: the command or call that repeats it.
        progress: told how far it is.

    Raises:
        DataError: the rows don't fit the model; says which column, shape or rows.
        ConfigError: an attack or a metric of the policy that doesn't exist.
    """
    spec, model = spec or AuditSpec(), subject.model
    ours, theirs = labels or (None, None)
    inside, outside = (
        read_rows(model, rows, told, target=target, subject=person)
        for rows, told in ((members, ours), (nonmembers, theirs))
    )
    for part, where in ((inside, "the members"), (outside, "the non-members")):
        require_columns(part, (*spec.sensitive, *spec.immutable), where)
    gone: Given | None = None
    if forgotten is not None:
        inside, gone = forgotten_rows(forgotten, model, inside, target=target, subject=person)
    notes = oddities(inside, outside) if not getattr(model, "fixed", False) else []
    inside, outside, partial = answered_rows(model, inside, outside, spec)
    notes += partial
    inside, outside, *rest = with_subjects(inside, outside, *([gone] if gone else []))
    gone = rest[0] if rest else None
    audit = audit_model(
        model,
        subject=_digest(model),
        members=inside.rows,
        nonmembers=outside.rows,
        train_spec=subject.train_spec,
        kind=subject.train_spec.kind if subject.train_spec else model_kind(model, inside),
        statement=subject.statement,
        canaries=subject.canaries,
        metrics=subject.metrics,
        test_table=outside.table,
        member_table=inside.table,
        inspection=subject.inspection,
        forgotten=gone.rows if gone else None,
        planted=read_plant(planted) if isinstance(planted, str | Path) else planted,
        recipe=None if recipe is None else user_recipe(recipe, model),
        spec=spec,
        policy=policy,
        cache=cache,
        reproduce=reproduce,
        name=subject.name,
        notes=notes,
        progress=progress,
    )
    if not subject.format:
        return audit
    return replace(audit, examined={**audit.examined, "format": subject.format})


def read_plant(path: Path | str) -> Plant:
    """Read the record of canaries that were planted.

    Raises:
        InputError: it can't be read.
        TamperedError: it isn't one.
    """
    from strongroom.attacks.extraction import Plant

    try:
        return Plant.from_json(json.loads(Path(path).read_text("utf-8")))
    except OSError as error:
        raise InputError(f"cannot read it: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise InputError("not a JSON file", where=str(path)) from error


def _digest(model: Model) -> str:
    """Return SHA-256, hex, of what a model is; of what it is called, where it can't be told."""
    digest = getattr(model, "digest", None)
    if callable(digest):
        found: str = digest()
        return found
    import hashlib

    return hashlib.sha256(repr(model).encode()).hexdigest()


def chosen_spec(
    preset: str,
    attacks: Sequence[str],
    **settings: Any,  # noqa: ANN401 - AuditSpec's own
) -> AuditSpec:
    """Return the settings of an audit; named attacks replace the preset's."""
    wanted = {k: v for k, v in settings.items() if v not in (None, ())}
    return AuditSpec.model_validate({"attacks": tuple(attacks) or preset, **wanted})
