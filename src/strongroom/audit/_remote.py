"""A model behind an address: asked once about the rows of an audit, before it is attacked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.audit._presets import preset_of
from strongroom.errors import EndpointError

if TYPE_CHECKING:
    from strongroom.audit._given import Given
    from strongroom.config import AuditSpec

_FEWEST = 10  # answered rows on either side, below which there is nothing to tell apart


def answered_rows(
    model: Any,  # noqa: ANN401 - a Model
    inside: Given,
    outside: Given,
    spec: AuditSpec,
) -> tuple[Given, Given, list[str]]:
    """Return the rows that the model answers, and notes on the rest; for others, what was given.

    No more rows are asked about than the preset attacks; each is asked once, and its answer kept.

    Raises:
        EndpointError: hardly any has an answer.
    """
    ask = getattr(model, "answered", None)
    if not callable(ask):
        return inside, outside, []
    kept, notes = [], []
    for given, who in ((inside, "members"), (outside, "non-members")):
        most = preset_of(spec).rows
        part = given
        if len(given.rows) > most:
            drawn = np.random.default_rng(spec.seed).choice(len(given.rows), most, replace=False)
            part = given.take(np.sort(drawn))
        mask = ask(part.rows.inputs)
        if mask.sum() < _FEWEST:
            model.predict_proba(part.rows.inputs)  # says why
            raise EndpointError(f"the endpoint answers {int(mask.sum())} of the {who}")
        if not mask.all():
            notes.append(
                f"partial: the endpoint answered {int(mask.sum()):,} of {len(mask):,} {who}; the "
                "findings are about those"
            )
        kept.append(part.take(np.flatnonzero(mask)))
    if not getattr(model, "deterministic", True):
        notes.append(
            "the endpoint changes its answers to the same row, by up to "
            f"{getattr(model, 'unsteadiness', 0):.3f} in probability: each was taken as it came "
            "first"
        )
    return kept[0], kept[1], notes
