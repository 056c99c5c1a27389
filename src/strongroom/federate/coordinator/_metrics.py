"""How well the model does on all sites' test rows together, from the counts that each tells."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.federate._message import Kind, Message
from strongroom.federate.coordinator._members import ask
from strongroom.models import wilson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from strongroom.federate._recipe import Recipe
    from strongroom.federate._seams import Channel


def measure(
    recipe: Recipe,
    channel: Channel,
    sites: Iterable[str],
    round_: int,
    parameters: NDArray[np.floating[Any]],
) -> dict[str, Any] | None:
    """Measure parameters [d] on the test rows of those sites that tell.

    Returns:
        See `together`, and `per_site`, what each counted; None where nobody tells.
    """
    arrays = {"parameters": parameters.astype(np.float32)}
    requests = {site: ask(recipe, Kind.EVALUATE, round_, {}, arrays) for site in sites}
    answers = channel.ask(requests, deadline=recipe.deadline)
    told = {s: c for s, a in answers.items() if a.kind is Kind.EVALUATE and (c := counts(a))}
    return {**together(told), "per_site": told} if told else None


def counts(answer: Message) -> dict[str, Any] | None:
    """Return what a site counted, or None where it can't be a count."""
    match answer.facts:
        case {"rows": int(rows), "right": int(right), "log_loss": int(loss) | float(loss)}:
            sound = 0 <= right <= rows and rows > 0 and math.isfinite(loss) and loss >= 0
            return {"rows": rows, "right": right, "log_loss": float(loss)} if sound else None
        case _:
            return None


def together(told: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return accuracy with Wilson's interval, mean log loss and rows over all sites.

    Args:
        told: by site: see `counts`; `log_loss` is the mean over the site's rows.
    """
    rows = sum(t["rows"] for t in told.values())
    right = sum(t["right"] for t in told.values())
    return {
        "accuracy": right / rows,
        "accuracy_interval": list(wilson(right, rows)),
        "auc": None,
        "auc_interval": None,
        "log_loss": sum(t["log_loss"] * t["rows"] for t in told.values()) / rows,
        "rows": rows,
        "sites": len(told),
    }
