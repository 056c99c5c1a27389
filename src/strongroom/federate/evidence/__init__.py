"""What crossed in a federation, and what it gives away.

In: messages as they crossed, or the decrypted bytes of connections; a site's rows, at the site.
Out: counts, a search for records, attacks on the very updates, findings, one document.
Never: a value of the data in a result; a verdict on what wasn't captured.

    traffic     `Watched` counts what a channel carries; a site's own count must be the same
    leaks       `search_leaks`: does any record stand in what left? `Examined` asks at the site,
                before an answer leaves
    inversion   `attack_updates`: do the updates that were sent give rows away?
    membership  `membership_at`: does the released model give a site's people away?
    evidence    `FederationEvidence`: all of it, as findings; `report_of`: as a report
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strongroom.federate.evidence._evidence import FederationEvidence
    from strongroom.federate.evidence._examined import Examined
    from strongroom.federate.evidence._inversion import (
        Inversion,
        SentUpdate,
        attack_updates,
        sent_updates,
        summed_updates,
    )
    from strongroom.federate.evidence._leaks import Leak, LeakReport, LeakSearch, search_leaks
    from strongroom.federate.evidence._membership import membership_at
    from strongroom.federate.evidence._report import report_of
    from strongroom.federate.evidence._traffic import Exchange, Flow, SiteTraffic, Watched

# Searching needs no torch, and attacks do.
_LATER = {
    "Examined": "_examined",
    "Exchange": "_traffic",
    "FederationEvidence": "_evidence",
    "Flow": "_traffic",
    "Inversion": "_inversion",
    "Leak": "_leaks",
    "LeakReport": "_leaks",
    "LeakSearch": "_leaks",
    "SentUpdate": "_inversion",
    "SiteTraffic": "_traffic",
    "Watched": "_traffic",
    "attack_updates": "_inversion",
    "membership_at": "_membership",
    "report_of": "_report",
    "search_leaks": "_leaks",
    "sent_updates": "_inversion",
    "summed_updates": "_inversion",
}

__all__ = [
    "Examined",
    "Exchange",
    "FederationEvidence",
    "Flow",
    "Inversion",
    "Leak",
    "LeakReport",
    "LeakSearch",
    "SentUpdate",
    "SiteTraffic",
    "Watched",
    "attack_updates",
    "membership_at",
    "report_of",
    "search_leaks",
    "sent_updates",
    "summed_updates",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
