"""What was spent on an account, as a document for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strongroom.privacy import Entry
    from strongroom.store.evidence import EvidenceLog
    from strongroom.store.ledger import DurableLedger


def account_document(
    ledger: DurableLedger, log: EvidenceLog, account: str, limit: float | None
) -> dict[str, Any]:
    """Return the spends on an account, composed over all its releases, and which run made each."""
    from strongroom.privacy import compose

    entries = ledger.entries(account)
    delta = entries[0].spend.delta if entries else None
    runs = _settled_by(log) if entries else {}
    return {
        "account": account,
        "budget": limit,
        "spent": compose([e.spend for e in entries], delta) if delta is not None else 0.0,
        "delta": delta,
        "entries": [_entry(e, runs.get(e.id)) for e in entries],
    }


def _entry(entry: Entry, run: str | None) -> dict[str, Any]:
    return {
        "id": entry.id,
        "created": entry.created,
        "state": entry.state.value,
        "epsilon": entry.spend.epsilon,
        "delta": entry.spend.delta,
        "unit": entry.spend.unit.value,
        "relation": entry.spend.relation.value,
        "run": run,
    }


def _settled_by(log: EvidenceLog) -> dict[str, str]:
    """Return which stage run settled each ledger entry."""
    names: dict[int, str] = {}
    found: dict[str, str] = {}
    for record in log.records():
        told = record.predicate
        if record.kind == "ledger" and told.get("event") == "reserved":
            names[told["number"]] = str(told["id"])
        elif record.kind == "stage":
            found |= {names[n]: str(told["stage"]) for n in told["settles"] if n in names}
    return found
