"""What can be measured: title, severity, standards, default limit and hint of every metric.

One file per room of attacks; a new file beside them is found by its `METRICS`. A default limit is
held against where the policy says nothing. The defaults are ours, chosen to catch what anybody
would call broken; a policy should be stricter. AISVS ids are those of OWASP AISVS 1.0, ATLAS ids
those of MITRE ATLAS.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from strongroom.audit._finding import Severity
from strongroom.audit.metrics._metric import Metric

_ORDER = ("membership", "privacy", "evasion", "model", "data")


def _rooms() -> tuple[str, ...]:
    found = sorted(m.name for m in iter_modules(__path__) if not m.name.startswith("_"))
    return (*_ORDER, *(name for name in found if name not in _ORDER))


__all__ = ["METRICS", "Metric", "severity_of", "standards_of", "title_of"]

METRICS: dict[str, Metric] = {
    metric.id: metric for room in _rooms() for metric in import_module(f"{__name__}.{room}").METRICS
}


def standards_of(metric: str) -> tuple[str, ...]:
    """Return the requirements that a metric answers to; none for one that we don't know."""
    return METRICS[metric].standards if metric in METRICS else ()


def title_of(metric: str) -> str:
    """Return the plain title of a metric; its id for one that we don't know."""
    return METRICS[metric].title if metric in METRICS else metric


def severity_of(metric: str) -> Severity:
    """Return how bad it is to miss a metric's limit."""
    return METRICS[metric].severity if metric in METRICS else Severity.MEDIUM
