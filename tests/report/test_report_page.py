"""If these fail, the report lies, leaks to a network, runs what it was fed, or can't be made."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strongroom.report import ReportData, render_card, render_html, render_json, render_sarif
from strongroom.report import _format as fmt
from strongroom.report._metrics import metric

Make = Callable[..., ReportData]
VOID = {"meta", "link", "br", "hr", "img", "input"}
HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "\"'><svg onload=alert(1)>",
    "{{ 7*7 }}{% raw %}",
    "</style><script>alert(1)</script>",
    "]]>&amp;<!--",
    "javascript:alert(1)",
    "https://example.org/beacon",
)


class Page(HTMLParser):
    """Reads a page, insists that every element is closed where it should, and keeps what it saw."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> repeats an attribute"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in {"style", "script"}:
            self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def spoil(value: Any, poison: str) -> Any:  # noqa: ANN401 - JSON is anything
    """Return the document with `poison` in every text and every key that is free to choose."""
    if isinstance(value, str):
        return value + poison
    if isinstance(value, list | tuple):
        return [spoil(v, poison) for v in value]
    if isinstance(value, dict):
        free = {"actions", "generalization", "redacted", "curves", "details"}
        return {
            k: ({n + poison: spoil(v, poison) for n, v in inner.items()} if k in free else
                inner if k in {"status", "severity"} else spoil(inner, poison))
            for k, inner in value.items()
        }  # fmt: skip
    return value


def spoiled(sample: ReportData, poison: str) -> ReportData:
    fields = {f.name: getattr(sample, f.name) for f in dataclasses.fields(sample)}
    return ReportData(**{k: v if k == "policy" else spoil(v, poison) for k, v in fields.items()})


def assert_safe(html: str) -> Page:
    """Nothing that was fed in became an element, a script, a reference or a handler."""
    page = Page(html)
    assert len(page.all("script")) == len(page.all("style")) == 1
    assert not {"img", "iframe", "object", "embed", "form", "base"} & {t for t, _ in page.elements}
    for tag, attributes in page.elements:
        assert not [a for a in attributes if a.startswith("on")], tag
        assert "style" not in attributes
        assert "src" not in attributes
        for name in ("href", "xlink:href", "action", "srcset"):
            target = attributes.get(name)
            assert target is None or target.startswith("#") or target == "data:,", target
    return page


@pytest.mark.parametrize("poison", HOSTILE)
def test_hostile_text_in_every_field_stays_text(sample: ReportData, poison: str) -> None:
    page = assert_safe(render_html(spoiled(sample, poison)))
    assert " ".join(poison.split()) in page.text


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    poison=st.text(alphabet=st.sampled_from("<>\"'&;/=-!{}%#x0 \n\u2028é"), min_size=1, max_size=24)
)
def test_no_text_escapes_its_place(sample: ReportData, poison: str) -> None:
    assert_safe(render_html(spoiled(sample, poison)))


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60))
def test_any_project_name_makes_a_page(name: str) -> None:
    empty = ReportData(name, name, name)
    assert_safe(render_html(empty))
    json.dumps(render_json(empty), allow_nan=False)
    json.dumps(render_sarif(empty), allow_nan=False)


def test_the_page_is_one_file_that_asks_for_nothing(sample: ReportData) -> None:
    html = render_html(sample)
    assert "http:" not in html
    assert "https:" not in html
    assert "url(" not in html.replace("url(#hatch)", "")
    assert "@import" not in html
    assert len(html.encode()) < 3_000_000
    policy = Page(html).all("meta")[1]
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert "default-src 'none'" in str(policy["content"])
    assert "unsafe" not in str(policy["content"])


def test_a_curve_of_many_points_stays_small(make: Make) -> None:
    rates = [i / 30_000 for i in range(30_001)]
    curve = {"fpr": rates, "tpr": rates, "low": rates, "high": rates}
    html = render_html(make(audit={"findings": [], "curves": {"many": curve}}))
    assert len(html) < 200_000


def test_the_verdict_is_the_only_first_heading_and_headings_never_skip(sample: ReportData) -> None:
    page = Page(render_html(sample))
    levels = [int(t[1]) for t, _ in page.elements if re.fullmatch("h[1-6]", t)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert page.text.index("Within policy.") < page.text.index("Privacy proved")


def test_every_anchor_leads_somewhere_and_no_id_repeats(sample: ReportData) -> None:
    page = Page(render_html(sample))
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    targets = {str(a["href"])[1:] for _, a in page.elements if str(a.get("href")).startswith("#")}
    assert targets <= set(ids)
    named = {i for _, a in page.elements for i in str(a.get("aria-labelledby") or "").split()}
    assert named <= set(ids)


def test_every_finding_shows_value_limit_and_how_to_repeat_it(sample: ReportData) -> None:
    html = render_html(sample)
    cards = re.findall(r'<details class="finding.*?</details>', html, re.DOTALL)
    assert len(cards) == len(sample.findings)
    for finding in sample.findings:
        known = metric(finding["metric"], finding["title"])
        mine = [c for c in cards if f"<dd>{finding['metric']}</dd>" in c]
        assert len(mine) == 1
        said = Page(mine[0]).text
        shown = fmt.value_of(known.unit, finding["value"]).replace(fmt.GAP, " ")
        assert shown in said
        if finding["value"] is not None:
            assert repr(finding["value"]) in said
        for text in (finding["check"], finding["knowledge"], finding["reproduce"],
                     finding["reason"], finding["hint"], *finding["standards"]):  # fmt: skip
            assert text in said


def test_a_claim_names_the_newest_record_of_its_stage(make: Make, sample: ReportData) -> None:
    again = {"index": 9, "stage": "train", "digest": "f" * 64, "created": "2026-11-24T08:00:00Z"}
    html = render_html(make(evidence=(*sample.evidence, again)))
    tile = html[html.index("Privacy proved") : html.index("Leak measured")]
    assert 'href="#evidence-9"' in tile
    assert 'id="evidence-9"' in html


def test_every_plot_has_a_name_a_description_and_a_table(sample: ReportData) -> None:
    html = render_html(sample)
    figures = re.findall(r"<figure.*?</figure>", html, re.DOTALL)
    assert len(figures) == 5
    for figure in figures:
        page = Page(figure)
        assert page.all("svg")[0]["role"] == "img"
        assert page.all("title")
        assert page.all("desc")
        assert len(page.all("tr")) > 1


def test_a_report_after_discover_and_anonymize_alone(sample: ReportData) -> None:
    early = ReportData(sample.project, sample.generated, sample.version, files=sample.files,
                       anonymize=sample.anonymize, evidence=sample.evidence[:2])  # fmt: skip
    page = assert_safe(render_html(early))
    assert "No verdict yet" in page.text
    assert "No model has been trained" in page.text
    ids = {a.get("id") for _, a in page.elements}
    assert {"risk", "found", "done", "evidence", "limits"} <= ids
    assert not {"utility", "leak", "budget", "statement", "sealed"} & ids


FIELDS = ("files", "anonymize", "seal", "train", "audit", "budget", "evidence", "previous")


@pytest.mark.parametrize("missing", FIELDS)
def test_a_missing_stage_never_stops_the_report(make: Make, missing: str) -> None:
    kept = None if missing not in {"files", "evidence"} else ()
    data = make(**{missing: kept})
    assert_safe(render_html(data))
    assert render_card(data)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_lost_or_odd_field_never_stops_the_report(
    sample: ReportData, data: st.DataObject
) -> None:
    fields = {f.name: getattr(sample, f.name) for f in dataclasses.fields(sample)}
    name = data.draw(st.sampled_from(["anonymize", "seal", "train", "budget"]))
    document = dict(fields[name])
    key = data.draw(st.sampled_from(sorted(document)))
    document[key] = data.draw(
        st.sampled_from([None, float("nan"), "", [], {}, -1, True, float("inf")])
    )
    changed = ReportData(**{**fields, name: document})
    assert_safe(render_html(changed))
    json.dumps(render_json(changed), allow_nan=False)


def test_importing_the_room_costs_neither_jinja_nor_torch() -> None:
    code = "import sys, strongroom.report; print({'jinja2', 'torch'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_the_room_names_what_it_has_not() -> None:
    import strongroom.report as room

    with pytest.raises(AttributeError, match="render_pdf"):
        _ = room.render_pdf


def test_a_text_corpus_without_columns_tells_what_it_holds(sample: ReportData) -> None:
    notes = {"path": "notes", "kind": "text", "rows": 3, "columns": [], "entities": {"PERSON": 7}}
    page = assert_safe(render_html(dataclasses.replace(sample, files=(notes,))))
    assert "Places that hold personal data: Person × 7." in page.text
    nothing = dataclasses.replace(sample, files=({**notes, "entities": {}},))
    assert "No personal data was recognised" in assert_safe(render_html(nothing)).text


def test_an_artefact_in_clear_is_told(sample: ReportData) -> None:
    assert "No file lies unencrypted." in render_html(sample)
    careless = {**(sample.seal or {}), "clear_files": 2}
    html = render_html(dataclasses.replace(sample, seal=careless))
    assert "Warning: 2 of the workspace’s files lie unencrypted." in html


def test_a_risk_that_could_not_be_measured_says_why(sample: ReportData) -> None:
    unknown = {"rows": 9, "reason": "there is no quasi-identifier", "unit": "subjects"}
    document = {"before": unknown, "after": unknown, "suppressed": 0}
    page = assert_safe(render_html(dataclasses.replace(sample, anonymize=document)))
    assert "could not be measured: there is no quasi-identifier." in page.text
    assert "counted by the person" in page.text
    assert "no row was left out" in page.text
