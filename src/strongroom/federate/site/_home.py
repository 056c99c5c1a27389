"""What a site has and what it allows: the same for all jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.config import FederationSpec
    from strongroom.data import Dataset
    from strongroom.privacy import Ledger
    from strongroom.progress import Progress
    from strongroom.vault import SigningKey


class Evidence(Protocol):
    """Where a site keeps its own statements; `store.EvidenceLog` is one."""

    def append(self, statement: Mapping[str, Any]) -> object:
        """Add a statement, durably."""


@dataclass(frozen=True)
class Home:
    """What a site has and what it allows: the same for all jobs.

    Attributes:
        name: of the site.
        data: rows to train on, with roles.
        test: rows to measure on, or None.
        policy: `[federation]`.
        key: signs.
        ledger, account, budget: where private jobs are paid from.
        rows: declared, or None.
        evidence: the site's own log, or None.
        progress: is told every step.
    """

    name: str
    data: Dataset
    test: Dataset | None
    policy: FederationSpec
    key: SigningKey
    ledger: Ledger
    account: str
    budget: float | None
    rows: int | None
    evidence: Evidence | None
    progress: Progress
