"""SARIF 2.1.0 (OASIS), so that code scanners show findings beside the code.

What SARIF calls a result is a finding of ours. Its kind says pass, fail or open; only a kind of
"fail" may carry a level (section 3.27.10). A finding about the data points to the data file, one
about the model to the configuration that made it; both name the examined thing as a logical
location. An audit alone has no configuration, and points to the model.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from strongroom.audit import Status
from strongroom.config import CONFIG_NAME
from strongroom.report._metrics import Metric, metric
from strongroom.report._read import items, number, strict, text
from strongroom.report._summary import interval_words, sentence, status_of, verdict

if TYPE_CHECKING:
    from strongroom.report._data import ReportData
    from strongroom.report._read import Document

VERSION = "2.1.0"

_KIND_AND_LEVEL = {
    Status.PASS: ("pass", "none"),
    Status.WARN: ("fail", "warning"),
    Status.FAIL: ("fail", "error"),
    Status.NOT_EVALUABLE: ("open", "none"),
}
# What code scanners sort by: a number from 0 to 10, on the scale of CVSS.
_SECURITY_SEVERITY = {
    "critical": "9.5",
    "high": "8.0",
    "medium": "5.5",
    "low": "3.0",
    "info": "0.5",
}
_ABOUT_DATA = ("anonymize", "discover")


def render_sarif(data: ReportData) -> dict[str, Any]:
    """Return the findings as a SARIF log with one run."""
    findings = data.findings
    named = {text(f, "metric"): f for f in reversed(findings)}
    ids = sorted(named)
    run = {
        "tool": {
            "driver": {
                "name": "Strongroom",
                "semanticVersion": data.version,
                "rules": [_rule(m, named[m]) for m in ids],
            }
        },
        "columnKind": "unicodeCodePoints",
        "automationDetails": {"id": f"strongroom/{_id_part(data.project)}/"},
        "results": [_result(data, f, ids.index(text(f, "metric"))) for f in findings],
        "properties": {"project": data.project, "verdict": verdict(data).headline},
    }
    log: dict[str, Any] = strict({"version": VERSION, "runs": [run]})
    return log


def _rule(metric_id: str, finding: Document) -> dict[str, Any]:
    known = metric(metric_id, text(finding, "title"))
    hint = text(finding, "hint")
    advice = f"{known.help}\n\n{hint}" if hint else known.help
    severity = text(finding, "severity")
    return {
        "id": metric_id,
        "name": _camel(metric_id),
        "shortDescription": {"text": f"{known.name[:1].upper()}{known.name[1:]}"},
        "fullDescription": {"text": known.help},
        "help": {"text": advice, "markdown": advice},
        "defaultConfiguration": {"level": "error"},
        "properties": {
            "tags": ["privacy", *(str(s) for s in items(finding, "standards"))],
            "security-severity": _SECURITY_SEVERITY.get(severity, "0.5"),
        },
    }


def _camel(metric_id: str) -> str:
    return "".join(w[:1].upper() + w[1:] for w in re.split(r"[^A-Za-z0-9]+", metric_id))


def _result(data: ReportData, finding: Document, rule: int) -> dict[str, Any]:
    known = metric(text(finding, "metric"), text(finding, "title"))
    kind, level = _KIND_AND_LEVEL[status_of(finding)]
    said = [sentence(data, finding), interval_words(finding), text(finding, "hint")]
    return {
        "ruleId": known.id,
        "ruleIndex": rule,
        "kind": kind,
        "level": level,
        "message": {"text": " ".join(s if s.endswith(".") else f"{s}." for s in said if s)},
        "locations": [_location(data, finding, known)],
        # Without value and digest, so that the same trouble of the next run is the same alert.
        "partialFingerprints": {
            "strongroomFinding/v1": hashlib.sha256(
                "\0".join((data.project, text(finding, "check"), known.id)).encode()
            ).hexdigest()
        },
        "properties": {
            "value": number(finding, "value"),
            "interval": finding.get("interval"),
            "threshold": finding.get("threshold"),
            "severity": text(finding, "severity"),
            "subject": text(finding, "subject"),
            "reproduce": text(finding, "reproduce"),
        },
    }


def _location(data: ReportData, finding: Document, known: Metric) -> dict[str, Any]:
    about_data = known.id.startswith(_ABOUT_DATA)
    made_by = CONFIG_NAME if data.page == "report" else data.project
    path = text(data.files[0], "path") if about_data and data.files else made_by
    name = "data" if about_data else "model"
    return {
        "physicalLocation": {"artifactLocation": {"uri": _uri(path)}},
        "logicalLocations": [
            {
                "name": name,
                "fullyQualifiedName": f"{data.project}/{name}",
                "decoratedName": f"sha256:{text(finding, 'subject')}",
                "kind": "resource",
            }
        ],
    }


def _uri(path: str) -> str:
    """Return a path as a relative reference; an absolute one keeps its name only."""
    pure = PurePath(path)
    return quote(pure.name if pure.is_absolute() else pure.as_posix())


def _id_part(project: str) -> str:
    return quote(project, safe="")
