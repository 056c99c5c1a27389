"""If these fail, the page of an audit hides a leak, or claims what only a whole run could."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.report.audits import finding, make_audit
from tests.report.test_report_page import HOSTILE, assert_safe, spoil

from strongroom.audit.metrics import METRICS
from strongroom.report import _audit_charts as charts
from strongroom.report import render_html, render_json, render_sarif
from strongroom.report._audit_sections import examined, exposed, rooms
from strongroom.report._metrics import Unit, metric
from strongroom.report._summary import State, tiles, verdict


def said(text: str) -> str:
    """Return a text with plain spaces."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_every_room_that_measured_has_a_chapter_and_the_worst_stands_first() -> None:
    made = {section.id: section for section in rooms(make_audit())}
    assert list(made) == ["room-privacy", "room-attribute", "room-strange"]
    attribute = made["room-attribute"]
    assert "24.6 %, beyond the limit (at most 10 %)" in said(attribute.lead[0])
    assert attribute.table is not None
    assert [said(row[1]) for row in attribute.table.rows] == ["24.6 %", "3.1 %"]
    assert attribute.figure is not None
    assert attribute.notes == (
        "What the attacker of attribute.made_up knows: probabilities for any record.",
    )
    assert made["room-strange"].title == "What strange found"


def test_a_room_that_measured_nothing_has_no_chapter() -> None:
    lost = finding("stealing.fidelity", None, status="not_evaluable", reason="no budget")
    assert rooms(make_audit(findings=[lost])) == []
    half = [lost, finding("stealing.copy_accuracy", 0.8, 0.7, 0.9)]
    (section,) = rooms(make_audit(findings=half))
    assert section.notes[-1].startswith("Not measured: ")
    assert "(no budget)" in section.notes[-1]


def test_the_most_exposed_are_named_by_row_and_marked() -> None:
    section = exposed(make_audit())
    assert section is not None
    assert said(section.lead[0]) == (
        "Row 957 of the members’ file is the easiest to recognise: at most 0.06 % of strangers "
        "score as high."
    )
    assert section.table is not None
    assert len(section.table.rows) == 10
    assert section.figure is not None
    svg = str(section.figure.svg)
    assert svg.count("<circle") == 5
    assert "row 957" in svg
    assert exposed(make_audit(exposed=[])) is None
    # Without scores there is no picture, and the table stays.
    bare = exposed(make_audit(exposed=[{"check": "m.x", "rows": [{"row": 3, "score": 1.0}]}]))
    assert bare is not None
    assert bare.figure is None
    assert bare.lead[0] == "Row 3 of the members’ file is the easiest to recognise."


def test_people_are_named_by_their_code_where_they_are_known() -> None:
    rows = [{"row": 3, "score": 1.0, "fpr": 0.0, "fpr_high": 0.01, "subject": 17}]
    section = exposed(make_audit(exposed=[{"check": "m.x", "rows": rows}]))
    assert section is not None
    assert section.table is not None
    assert section.table.rows[0][-1] == "17"


def test_the_page_says_what_an_audit_can_say_and_no_more() -> None:
    data = make_audit()
    page = assert_safe(render_html(data))
    for words in (
        "Not within Strongroom’s default limits",
        "Could someone tell who was in the training data?",
        "Who stands out most?",
        "What was examined, and how?",
        "64 models, stand-ins for the target’s recipe",
        "36 of 5,000 non-members stand among the members too",
        "worse: was 0.3 % last time",
        "was taken from whoever asked for the audit",
    ):
        assert words in page.text, words
    for claimed in ("evidence", "strongroom verify", "No model has been trained", "Privacy proved"):
        assert claimed not in page.text, claimed
    links = {a["href"] for a in page.all("a") if str(a.get("href")).startswith("#")}
    ids = {f"#{a.get('id')}" for _, a in page.elements}
    assert links <= ids


def test_the_headline_counts_reasons_and_tiles_show_the_worst() -> None:
    data = make_audit()
    judged = verdict(data)
    assert judged.state is State.NOT_WITHIN
    assert len(judged.reasons) == 2
    leak, other, robust, right = tiles(data)
    assert said(leak.value) == "2.1 %"
    assert said(other.value) == "24.6 %"
    assert other.id == "room-attribute"
    assert robust.status == "not_evaluable"
    assert said(right.value) == "82.8 %"


def test_what_was_examined_is_listed() -> None:
    section = examined(make_audit())
    assert section is not None
    facts = dict(section.facts)
    assert facts["Members"] == "5,000"
    assert facts["Time"] == "31.2\N{NO-BREAK SPACE}s"
    assert examined(make_audit(examined={})) is None


def test_new_metrics_are_rules_and_a_failure_has_its_severity() -> None:
    run = render_sarif(make_audit())["runs"][0]
    rules = {r["id"]: r for r in run["tool"]["driver"]["rules"]}
    assert "attribute.value_advantage" in rules
    assert "strange.share" in rules
    (bad,) = (r for r in run["results"] if r["ruleId"] == "attribute.value_advantage")
    assert (bad["kind"], bad["level"]) == ("fail", "error")
    severity = float(rules["attribute.value_advantage"]["properties"]["security-severity"])
    assert severity == 8.0
    (place,) = bad["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "model.onnx"
    (lost,) = (r for r in run["results"] if r["ruleId"] == "evasion.success_rate")
    assert lost["kind"] == "open"


def test_the_json_twin_says_the_same() -> None:
    document = render_json(make_audit())
    assert document["verdict"]["within_policy"] is False
    assert len(document["findings"]) == 9
    assert document["findings"][0]["change"]["direction"] == "worse"


@pytest.mark.parametrize("poison", HOSTILE)
def test_hostile_text_in_an_audit_stays_text(poison: str) -> None:
    sample = make_audit()
    assert sample.audit is not None
    spoiled: dict[str, Any] = spoil(dict(sample.audit), poison)
    spoiled["exposed"] = sample.audit["exposed"]
    assert_safe(render_html(make_audit(**spoiled)))


def test_every_metric_has_a_unit_that_fits_its_limit() -> None:
    for known in METRICS.values():
        unit = metric(known.id).unit
        most = known.limit.max if known.limit and known.limit.max is not None else None
        if unit in (Unit.SHARE, Unit.AUC) and most is not None:
            assert most <= 1, known.id


def test_bars_stay_within_the_picture_whatever_the_numbers() -> None:
    for numbers in ([0.0], [1e-9], [-0.4, 0.2], [5e6, 3.0], [0.0, 0.0]):
        rows = [charts.Bar("x" * 80, v, v - 0.1, v + 0.1, "said", limit=0.5) for v in numbers]
        svg = str(charts.bars("b", "t", rows, "d", say="{:.3g}".format))
        places = [float(x) for x in re.findall(r' x[12]?="(-?[\d.]+)"', svg)]
        assert all(0 <= x <= charts.WIDTH for x in places)
        assert "nan" not in svg
