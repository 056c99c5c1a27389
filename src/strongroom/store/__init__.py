"""The workspace: database, sealed artefacts, evidence log, durable ledger and checkpoints.

In: bytes, data sets, stage documents, spends. Out: the same, proved to be what was written, and a
signed record of everything that happened. Never: personal data in clear, half a write, or a
spend that is forgotten. `verify` proves a whole workspace offline.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strongroom.store._checkpointer import SealedCheckpointer
    from strongroom.store._survey import Broken, Record
    from strongroom.store.artefacts import Artefact
    from strongroom.store.evidence import EvidenceLog, make_statement
    from strongroom.store.ledger import DurableLedger, StageLedger
    from strongroom.store.verification import Verification, verify
    from strongroom.store.workspace import StageRecord, Workspace

# SQLAlchemy costs a fifth of a second to import: nothing below is loaded before it is asked for.
_HOMES = {
    "Artefact": "artefacts",
    "Broken": "_survey",
    "DurableLedger": "ledger",
    "EvidenceLog": "evidence",
    "Record": "_survey",
    "SealedCheckpointer": "_checkpointer",
    "StageLedger": "ledger",
    "StageRecord": "workspace",
    "Verification": "verification",
    "Workspace": "workspace",
    "make_statement": "evidence",
    "verify": "verification",
}

__all__ = [
    "Artefact",
    "Broken",
    "DurableLedger",
    "EvidenceLog",
    "Record",
    "SealedCheckpointer",
    "StageLedger",
    "StageRecord",
    "Verification",
    "Workspace",
    "make_statement",
    "verify",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's names are of any type
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
