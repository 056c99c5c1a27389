"""If this fails, code scanners refuse what a scan found, show it elsewhere, or show the secret."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from strongroom.discover._source import IN_SOURCE, KNOWN, Place, find_in_source
from strongroom.discover.recognizers.secrets import RULES, examples
from strongroom.errors import DataError
from strongroom.report._scan_sarif import render_scan_sarif

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TOKEN = examples.true_one(next(r for r in RULES if r.name == "secrets.github_token"))[1]
PEM = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkq\n" * 4 + "-----END PRIVATE KEY-----"

# The part of the schema of SARIF 2.1.0 that a scan uses, and nothing else is let through.
_TEXT = {
    "type": "object",
    "required": ["text"],
    "additionalProperties": False,
    "properties": {"text": {"type": "string", "minLength": 1}, "markdown": {"type": "string"}},
}


def _object(required: str, **properties: Any) -> dict[str, Any]:  # noqa: ANN401 - schemas
    return {
        "type": "object",
        "required": required.split(),
        "additionalProperties": False,
        "properties": properties,
    }


def _many(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_STRING, _FROM_1 = {"type": "string", "minLength": 1}, {"type": "integer", "minimum": 1}
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
_REGION = dict.fromkeys(("startLine", "startColumn", "endLine", "endColumn"), _FROM_1)
# An absolute URI or a relative reference (RFC 3986): no space, no backslash.
_URI = {
    "type": "string",
    "format": "uri-reference",
    "pattern": r"^(file:///)?[^/\\:\s<>][^\\:\s<>]*$",
}
_LOCATION = _object(
    "physicalLocation",
    physicalLocation=_object(
        "artifactLocation region",
        artifactLocation=_object("uri", uri=_URI),
        region=_object(" ".join(_REGION), **_REGION),
    ),
)
_RESULT = _object(
    "ruleId ruleIndex message locations partialFingerprints",
    ruleId=_STRING,
    ruleIndex={"type": "integer", "minimum": 0},
    kind={"const": "fail"},
    level=_LEVEL,
    message=_TEXT,
    locations={**_many(_LOCATION), "minItems": 1},
    partialFingerprints={"type": "object", "additionalProperties": _STRING},
    suppressions=_many(
        _object("kind", kind={"enum": ["inSource", "external"]}, justification=_STRING)
    ),
    properties={"type": "object"},
)
_RULE = _object(
    "id",
    id=_STRING,
    name=_STRING,
    shortDescription=_TEXT,
    fullDescription=_TEXT,
    help=_TEXT,
    defaultConfiguration=_object("level", level=_LEVEL),
    properties={"type": "object"},
)
_DRIVER = _object("name rules", name=_STRING, semanticVersion=_STRING, rules=_many(_RULE))
_NOTIFICATION = _object(
    "message",
    message=_TEXT,
    level=_LEVEL,
    locations=_many(
        _object(
            "physicalLocation",
            physicalLocation=_object("artifactLocation", artifactLocation=_object("uri", uri=_URI)),
        )
    ),
)
_INVOCATION = _object(
    "executionSuccessful",
    executionSuccessful={"const": True},
    toolExecutionNotifications=_many(_NOTIFICATION),
)
_RUN = _object(
    "tool results",
    invocations={**_many(_INVOCATION), "minItems": 1},
    tool=_object("driver", driver=_DRIVER),
    columnKind={"const": "unicodeCodePoints"},
    automationDetails=_object("id", id=_STRING),
    results=_many(_RESULT),
)
_LOG = _object(
    "version runs", version={"const": "2.1.0"}, runs=_many(_RUN), **{"$schema": {"type": "string"}}
)


def place(**change: Any) -> Place:  # noqa: ANN401 - any field
    fields: dict[str, Any] = {
        "path": "src/a b.py", "line": 3, "column": 5, "end_line": 3, "end_column": 45,
        "entity": "SECRET", "recognizer": "secrets.aws_access_key", "score": 0.95,
        "validated": False,
    }  # fmt: skip
    return Place(**{**fields, **change})


def render(*places: Place, root: str = "", unread: Sequence[DataError] = ()) -> dict[str, Any]:
    rendered = render_scan_sarif(places, "1.2.3", root=root, unread=unread)
    log = json.loads(json.dumps(rendered, allow_nan=False))
    jsonschema.validate(log, _LOG)
    run: dict[str, Any] = log["runs"][0]
    return run


def test_what_a_scan_of_real_files_finds_is_a_sarif_log_without_a_secret(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"x = '{TOKEN}'\n# strongroom: allow\ny = '{TOKEN}'\n")
    (tmp_path / "key.pem").write_text(PEM)
    found = [p for p in find_in_source([str(tmp_path)]) if isinstance(p, Place)]
    run = render(*found, root=str(tmp_path))
    assert TOKEN not in json.dumps(run)
    assert "MIIEvQ" not in json.dumps(run)
    shown = [
        (
            r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            r["locations"][0]["physicalLocation"]["region"],
            [s["kind"] for s in r.get("suppressions", [])],
        )
        for r in run["results"]
    ]
    end = 6 + len(TOKEN)
    assert shown == [
        ("a.py", {"startLine": 1, "startColumn": 6, "endLine": 1, "endColumn": end}, []),
        ("a.py", {"startLine": 3, "startColumn": 6, "endLine": 3, "endColumn": end}, ["inSource"]),
        ("key.pem", {"startLine": 1, "startColumn": 1, "endLine": 6, "endColumn": 26}, []),
    ]


def test_each_result_points_to_its_rule_which_people_can_read() -> None:
    run = render(
        place(), place(recognizer="secrets.github_token", validated=True), place(line=9),
        place(entity="EMAIL_ADDRESS", recognizer="email", validated=True),
    )  # fmt: skip
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    said = {rule["id"]: rule["shortDescription"]["text"] for rule in rules}
    assert said == {
        "email": "Email address",
        "secrets.aws_access_key": "AWS access key",
        "secrets.github_token": "Github token",
    }


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({"validated": True, "score": 1.0}, "error"),
        ({"score": 0.95}, "error"),
        ({"score": 0.6}, "warning"),
        ({"entity": "US_SSN", "recognizer": "us_ssn", "validated": True}, "warning"),
    ],
)
def test_how_bad_it_is_follows_from_what_and_how_sure(change: dict[str, Any], level: str) -> None:
    assert render(place(**change))["results"][0]["level"] == level


def test_what_could_not_be_read_is_told_and_not_passed_over() -> None:
    lost = DataError("cut off before its end", where="/home/lake/old a.zip!/b.csv")
    (invocation,) = render(root="/home", unread=[lost])["invocations"]
    (said,) = invocation["toolExecutionNotifications"]
    assert said["message"]["text"] == "Not read: cut off before its end."
    (where,) = said["locations"]
    assert where["physicalLocation"]["artifactLocation"]["uri"] == "lake/old%20a.zip"
    assert "invocations" not in render(place())


def test_an_alert_stays_the_same_when_lines_move_and_no_two_are_the_same() -> None:
    before = [place(line=1), place(line=2), place(path="b"), place(recognizer="secrets.npm_token")]
    moved = [place(line=7), place(line=9), place(path="b"), place(recognizer="secrets.npm_token")]
    prints = [
        [r["partialFingerprints"]["strongroomPlace/v1"] for r in render(*places)["results"]]
        for places in (before, moved)
    ]
    assert prints[0] == prints[1]
    assert max(Counter(prints[0]).values()) == 1


def test_what_is_allowed_or_known_is_suppressed_and_says_why() -> None:
    results = render(place(allowed=IN_SOURCE), place(allowed=KNOWN), place())["results"]
    kinds = [[s["kind"] for s in r.get("suppressions", [])] for r in results]
    assert kinds == [["inSource"], ["external"], []]
    assert all(s["justification"] for r in results for s in r.get("suppressions", []))


@pytest.mark.parametrize(
    ("path", "root", "uri"),
    [
        ("src/a b.py", "", "src/a%20b.py"),
        ("/home/me/repo/src/ä.py", "/home/me/repo", "src/%C3%A4.py"),
        ("/home/me/repo/a.py", "/elsewhere", "file:///home/me/repo/a.py"),
        ("src\\a.py", "", "src/a.py"),
        ("a.zip!/b.csv", "", "a.zip%21/b.csv"),
    ],
)
def test_paths_are_told_relative_to_the_root(path: str, root: str, uri: str) -> None:
    (result,) = render(place(path=path), root=root)["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri
