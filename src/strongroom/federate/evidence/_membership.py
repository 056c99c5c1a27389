"""Who was in a site's training rows? Asked by the site itself, of the model that was released."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from strongroom.audit import Finding, audit_model, of_dataset, with_subjects
from strongroom.config import AuditSpec
from strongroom.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.config import TrainSpec
    from strongroom.data import Dataset
    from strongroom.models import TrainedModel
    from strongroom.privacy import PrivacyStatement
    from strongroom.progress import Progress

ATTACKS = ("membership.loss",)


def membership_at(
    site: str,
    model: TrainedModel,
    members: Dataset,
    nonmembers: Dataset,
    *,
    train: TrainSpec,
    statement: PrivacyStatement | None = None,
    attacks: Sequence[str] = ATTACKS,
    seed: int = 0,
    progress: Progress = SILENT,
) -> tuple[Finding, ...]:
    """Attack the released model for one site's people.

    Only the site can: nobody else knows its rows. What it hands out are findings, numbers without
    a row; they are exact and no noise covers them, so a site tells them only if its policy lets it
    tell metrics.

    Args:
        site: its name.
        model: the federation's.
        members: rows that the site trained on, with roles.
        nonmembers: rows of the same population that no site trained on.
        train: the recipe's.
        statement: the site's privacy statement.
        attacks: names of the rooms' attacks on membership; stronger ones train models of their own.
        seed: of the attacker's coins.
        progress: told how far it is.

    Raises:
        DataError: rows that the model can't read.
        ConfigError: an attack that doesn't exist.
    """
    inside, outside = with_subjects(of_dataset(model, members), of_dataset(model, nonmembers))
    result = audit_model(
        model,
        subject=model.digest(),
        members=inside.rows,
        nonmembers=outside.rows,
        train_spec=train,
        kind=train.kind,
        statement=statement,
        spec=AuditSpec(attacks=tuple(attacks), seed=seed),
        name=site,
        progress=progress,
    )
    return tuple(
        replace(f, title=f"{f.title}, at {site}", details={**f.details, "site": site})
        for f in result.findings
        if f.metric.startswith("membership.")
    )
