"""If these fail, scripts and code scanners read something else than people do."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from strongroom.report import ReportData, State, render_card, render_json, render_sarif, verdict

Make = Callable[..., ReportData]

# The part of the SARIF 2.1.0 schema (OASIS, sections 3.13 to 3.58) that a log of ours may use,
# closed, so that a property that the standard doesn't know can't slip in.
_MESSAGE = {
    "type": "object",
    "required": ["text"],
    "additionalProperties": False,
    "properties": {"text": {"type": "string", "minLength": 1}, "markdown": {"type": "string"}},
}
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
_RULE = {
    "type": "object",
    "required": ["id", "shortDescription", "fullDescription", "help"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "name": {"type": "string", "pattern": "^[A-Za-z0-9]+$"},
        "shortDescription": _MESSAGE,
        "fullDescription": _MESSAGE,
        "help": _MESSAGE,
        "defaultConfiguration": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"level": _LEVEL},
        },
        "properties": {
            "type": "object",
            "properties": {
                "tags": {"type": "array", "uniqueItems": True, "items": {"type": "string"}},
                "security-severity": {"type": "string", "pattern": r"^(10|\d)\.\d$"},
            },
        },
    },
}
_LOCATION = {
    "type": "object",
    "additionalProperties": False,
    "required": ["physicalLocation", "logicalLocations"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "additionalProperties": False,
            "required": ["artifactLocation"],
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "additionalProperties": False,
                    # A relative reference (RFC 3986): no scheme, no space, no backslash.
                    "properties": {
                        "uri": {"type": "string", "pattern": r"^[^/\\:\s<>][^\\:\s<>]*$"}
                    },
                }
            },
        },
        "logicalLocations": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    name: {"type": "string"}
                    for name in ("name", "fullyQualifiedName", "decoratedName", "kind")
                },
            },
        },
    },
}
_RESULT = {
    "type": "object",
    "required": ["ruleId", "ruleIndex", "message", "locations", "partialFingerprints"],
    "additionalProperties": False,
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "kind": {"enum": ["pass", "open", "informational", "notApplicable", "review", "fail"]},
        "level": _LEVEL,
        "message": _MESSAGE,
        "locations": {"type": "array", "minItems": 1, "items": _LOCATION},
        "partialFingerprints": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        },
        "properties": {"type": "object"},
    },
}
_LOG = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "additionalProperties": False,
                                "required": ["name"],
                                "properties": {
                                    "name": {"const": "Strongroom"},
                                    "semanticVersion": {"type": "string"},
                                    "rules": {"type": "array", "uniqueItems": True, "items": _RULE},
                                },
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "automationDetails": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {"id": {"type": "string"}},
                    },
                    "results": {"type": "array", "items": _RESULT},
                    "properties": {"type": "object"},
                },
            },
        },
    },
}


def sarif(data: ReportData) -> dict[str, Any]:
    """Return the only run of a log that has been through JSON and the schema."""
    log = json.loads(json.dumps(render_sarif(data), allow_nan=False))
    jsonschema.validate(log, _LOG)
    run: dict[str, Any] = log["runs"][0]
    return run


def changed(sample: ReportData, metric: str, **values: Any) -> ReportData:  # noqa: ANN401 - JSON
    """Return the sample with one finding changed."""
    findings = [{**f, **values} if f["metric"] == metric else f for f in sample.findings]
    return dataclasses.replace(sample, audit={"findings": findings, "curves": {}})


@pytest.mark.parametrize("change", [{}, {"files": ()}, {"audit": None}, {"project": "ü/ x"}])
def test_sarif_follows_the_standard(make: Make, change: dict[str, Any]) -> None:
    data = make(**change)
    run = sarif(data)
    assert len(run["results"]) == len(data.findings)


def test_each_result_points_to_its_rule_and_says_how_bad_it_is(sample: ReportData) -> None:
    run = sarif(changed(sample, "privacy.epsilon", status="fail"))
    rules = run["tool"]["driver"]["rules"]
    kinds = {}
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        kinds[result["ruleId"]] = (result["kind"], result["level"])
        # Section 3.27.10: only what failed has a level.
        assert (result["kind"] == "fail") == (result["level"] != "none")
    assert kinds["privacy.epsilon"] == ("fail", "error")
    assert kinds["membership.tpr_at_fpr_0.001"] == ("fail", "warning")
    assert kinds["discover.residual_identifiers"] == ("open", "none")
    assert kinds["file.safe"] == ("pass", "none")


def test_an_alert_stays_the_same_alert_when_its_value_moves(sample: ReportData) -> None:
    moved = changed(sample, "privacy.epsilon", value=3.3, subject="0" * 64)
    prints = [
        [r["partialFingerprints"]["strongroomFinding/v1"] for r in sarif(data)["results"]]
        for data in (sample, moved)
    ]
    assert prints[0] == prints[1]
    assert len(set(prints[0])) == len(sample.findings)


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("data/a b.csv", "data/a%20b.csv"),
        ("/home/someone/private/people.csv", "people.csv"),
        ("<x>:y.csv", "%3Cx%3E%3Ay.csv"),
    ],
)
def test_data_findings_point_to_the_data_without_telling_where_it_lies(
    make: Make, path: str, uri: str
) -> None:
    run = sarif(make(files=({"path": path, "columns": []},)))
    places = {
        r["ruleId"]: r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for r in run["results"]
    }
    assert places["anonymize.k"] == uri
    assert places["privacy.epsilon"] == "strongroom.toml"


def test_the_json_twin_holds_every_stage_and_the_same_verdict(sample: ReportData) -> None:
    document = json.loads(json.dumps(render_json(sample), allow_nan=False))
    assert document["schema"] == "strongroom/report/1"
    assert document["verdict"]["within_policy"] is True
    assert document["verdict"]["headline"] == verdict(sample).headline
    assert document["summary"] == {"pass": 10, "warn": 1, "fail": 0, "not_evaluable": 1}
    assert [t["question"] for t in document["tiles"]] == [
        "Privacy proved", "Leak measured", "Robustness", "Utility",
    ]  # fmt: skip
    for stage in ("anonymize", "seal", "budget"):
        assert document[stage] == json.loads(json.dumps(getattr(sample, stage)))
    assert len(document["findings"]) == len(sample.findings)
    assert document["findings"][0]["change"]["direction"] == "better"


def test_numbers_that_json_cannot_hold_become_null(sample: ReportData) -> None:
    data = changed(sample, "privacy.epsilon", value=float("inf"))
    text = json.dumps(render_json(data), allow_nan=False)
    assert "Infinity" not in text
    found = [f for f in json.loads(text)["findings"] if f["metric"] == "privacy.epsilon"]
    assert found[0]["value"] is None
    # What was not measured can't be within the policy that limits it.
    assert verdict(data).state is State.NOT_WITHIN


def test_the_card_says_the_verdict_the_guarantee_and_the_limits(sample: ReportData) -> None:
    card = render_card(sample)
    assert card.startswith("# Model card: test sample: income\n")
    assert "**Within policy.**" in card
    assert "- ε: 2.99" in card
    assert "## Not covered" in card
    for finding in sample.findings:
        assert finding["metric"].replace("_", r"\_") in card
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in card.splitlines() if line[:1] == "|"}
    assert widths == {6, 4}


def test_a_hostile_name_stays_text_in_the_card(make: Make) -> None:
    card = render_card(make(project="x](javascript:a) <img src=x>\n# Not a heading | cell"))
    first = card.splitlines()[0]
    assert first.startswith("# Model card: x\\](javascript:a) \\<img src=x\\> \\# Not")
    assert len([line for line in card.splitlines() if line.startswith("# ")]) == 1
