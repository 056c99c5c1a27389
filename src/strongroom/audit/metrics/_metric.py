"""What one measurable thing is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from strongroom.audit._finding import Severity
    from strongroom.config import Limit


@dataclass(frozen=True)
class Metric:
    """One measurable thing.

    Attributes:
        id: stable id that a policy names.
        title: plain English, the term of art in brackets.
        severity: how bad it is when its limit is missed.
        standards: requirements that it answers to.
        hint: what to do when the limit is missed.
        lower_is_better: which way is good.
        limit: what holds where the policy says nothing; None: nothing does.
        about_data: it is measured on data, not on a model.
    """

    id: str
    title: str
    severity: Severity
    standards: tuple[str, ...]
    hint: str
    lower_is_better: bool = True
    limit: Limit | None = None
    about_data: bool = False
