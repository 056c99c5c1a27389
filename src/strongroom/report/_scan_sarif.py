"""SARIF 2.1.0 (OASIS) of a scan, so that code scanners show what was found on its line.

A place that a comment allows or a baseline knows is a suppressed result (section 3.35), not a
missing one. Nothing here quotes what was found.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import PurePath, PureWindowsPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from strongroom.report._read import strict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from strongroom.discover import Place
    from strongroom.errors import StrongroomError

VERSION = "2.1.0"
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LIKELY = 0.8
_WHY = {
    "inSource": "a comment in the file allows it",
    "external": "it is in the baseline",
}
_SHORT = {"api", "aws", "gcp", "npm", "ssh2", "jwt", "dsn", "sql", "url", "id", "xml", "iot", "ibm"}
_MEND = (
    "Revoke it where it was given out, put a new one where secrets are kept, and remove it from "
    "the history of the files too: whoever has a copy has it still. What is meant to be there is "
    "allowed by the comment `strongroom: allow` on its line."
)
_MEND_DATA = (
    "Remove it, or put made-up data in its place. What is meant to be there is allowed by the "
    "comment `strongroom: allow` on its line."
)


def render_scan_sarif(
    places: Iterable[Place],
    version: str,
    *,
    root: str = "",
    unread: Iterable[StrongroomError] = (),
) -> dict[str, Any]:
    """Return what a scan found as a SARIF log with one run.

    Args:
        places: in the order of files and lines.
        version: of this program.
        root: paths below it are told relative to it, as code scanners want.
        unread: why something was not looked at; a log without it would look as if all was clean.
    """
    found = list(places)
    kinds = sorted({(p.recognizer, p.entity) for p in found})
    index = {name: i for i, (name, _) in enumerate(kinds)}
    times: Counter[tuple[str, str]] = Counter()
    results = []
    for place in found:
        uri = _uri(place.path, root)
        times[uri, place.recognizer] += 1
        results.append(_result(place, uri, index[place.recognizer], times[uri, place.recognizer]))
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "Strongroom",
                "semanticVersion": version,
                "rules": [_rule(name, entity) for name, entity in kinds],
            }
        },
        "columnKind": "unicodeCodePoints",
        "automationDetails": {"id": "strongroom/scan/"},
        "results": results,
    }
    told = [_notification(error, root) for error in unread]
    if told:
        run["invocations"] = [{"executionSuccessful": True, "toolExecutionNotifications": told}]
    log: dict[str, Any] = strict({"$schema": _SCHEMA, "version": VERSION, "runs": [run]})
    return log


def _rule(name: str, entity: str) -> dict[str, Any]:
    title = _title(name, entity)
    secret = entity == "SECRET"
    help_text = _MEND if secret else _MEND_DATA
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in title.split()),
        "shortDescription": {"text": title},
        "fullDescription": {"text": f"{title} in a file"},
        "help": {"text": help_text, "markdown": help_text},
        "defaultConfiguration": {"level": "error" if secret else "warning"},
        "properties": {
            "tags": ["security", "secret"] if secret else ["privacy", "personal-data"],
            "security-severity": "8.0" if secret else "5.0",
        },
    }


def _result(place: Place, uri: str, rule: int, turn: int) -> dict[str, Any]:
    title = _title(place.recognizer, place.entity)
    proof = "its checksum or structure was verified" if place.validated else "by its form"
    result: dict[str, Any] = {
        "ruleId": place.recognizer,
        "ruleIndex": rule,
        "kind": "fail",
        "level": _level(place),
        "message": {"text": f"{title}: {proof}."},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri},
                    "region": {
                        "startLine": place.line,
                        "startColumn": place.column,
                        "endLine": place.end_line,
                        "endColumn": place.end_column,
                    },
                }
            }
        ],
        # Without line and value: the same place of the next scan is the same alert.
        "partialFingerprints": {
            "strongroomPlace/v1": hashlib.sha256(
                f"{uri}\0{place.recognizer}\0{turn}".encode()
            ).hexdigest()
        },
        "properties": {"entity": place.entity, "score": round(place.score, 3)},
    }
    if place.allowed:
        result["suppressions"] = [{"kind": place.allowed, "justification": _WHY[place.allowed]}]
    return result


def _notification(error: StrongroomError, root: str) -> dict[str, Any]:
    """Say that something could not be read (section 3.58)."""
    said: dict[str, Any] = {"level": "warning", "message": {"text": f"Not read: {error.what}."}}
    if error.where:
        uri = _uri(error.where.partition("!/")[0], root)
        said["locations"] = [{"physicalLocation": {"artifactLocation": {"uri": uri}}}]
    return said


def _level(place: Place) -> str:
    if place.entity != "SECRET":
        return "warning"
    return "error" if place.validated or place.score >= _LIKELY else "warning"


def _title(name: str, entity: str) -> str:
    """Return what a rule finds, for people: `secrets.aws_access_key` is an AWS access key."""
    words = (name.partition(".")[2] if entity == "SECRET" else entity.lower()).split("_")
    said = " ".join(word.upper() if word in _SHORT else word for word in words)
    return said[:1].upper() + said[1:]


def _uri(path: str, root: str) -> str:
    """Return a path as a reference: relative to the root where it lies below it."""
    pure = PureWindowsPath(path) if "\\" in path else PurePath(path)
    if root and pure.is_absolute() and pure.is_relative_to(root):
        pure = pure.relative_to(root)
    posix = pure.as_posix()
    return f"file://{quote(posix)}" if pure.is_absolute() else quote(posix)
