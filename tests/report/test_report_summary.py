"""If these fail, the first thing that people read, the verdict, is wrong, or its numbers are."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.audit import METRICS
from strongroom.report import ReportData, State, render_html, verdict
from strongroom.report import _charts as charts
from strongroom.report import _format as fmt
from strongroom.report._metrics import Unit, metric
from strongroom.report._summary import tiles, worst

TPR = "membership.tpr_at_fpr_0.001"


def changed(sample: ReportData, metric_id: str, **values: Any) -> ReportData:  # noqa: ANN401 - JSON
    """Return the sample with one finding changed."""
    findings = [{**f, **values} if f["metric"] == metric_id else f for f in sample.findings]
    return dataclasses.replace(sample, audit={"findings": findings, "curves": {}})


def said(number: str) -> str:
    """Return a formatted number with plain spaces."""
    return number.replace(fmt.GAP, " ")


def test_within_policy_says_so_and_counts_what_needs_attention(sample: ReportData) -> None:
    judged = verdict(sample)
    assert judged.state is State.WITHIN
    assert judged.headline == "Within policy."
    assert judged.reasons == ()
    assert (
        "9 passed, 1 needs attention, 1 could not be measured and 1 had no limit to keep"
        in judged.summary
    )
    assert "Proved ε = 2.99 at δ = 1e-5; measured lower bound 1.71." in said(judged.summary)


def test_a_failed_finding_is_named_in_plain_words_with_value_and_limit(sample: ReportData) -> None:
    judged = verdict(changed(sample, TPR, status="fail", value=0.021))
    assert judged.state is State.NOT_WITHIN
    assert judged.headline == (
        "Not within policy: an attacker can tell who was in the training data."
    )
    assert [said(r) for r in judged.reasons] == [
        "People recognised at 0.1 % false alarms: 2.1 %, limit at most 0.5 %."
    ]


def test_two_troubles_are_counted_and_the_same_trouble_is_told_once(sample: ReportData) -> None:
    data = changed(sample, TPR, status="fail")
    findings = [
        {**f, "status": "fail"} if f["metric"] in {"membership.auc", "privacy.epsilon"} else f
        for f in data.findings
    ]
    judged = verdict(dataclasses.replace(sample, audit={"findings": findings}))
    assert judged.headline.endswith("and 1 more reason.")
    assert len(judged.reasons) == 3


def test_a_limit_that_nothing_was_measured_against_is_not_kept(sample: ReportData) -> None:
    judged = verdict(
        changed(sample, TPR, value=None, status="not_evaluable", reason="too few rows")
    )
    assert judged.state is State.NOT_WITHIN
    assert "could not be measured" in judged.headline
    assert "(too few rows)" in judged.reasons[0]
    nobody = verdict(
        dataclasses.replace(sample, policy={"evasion.certified": {"min": 0.5, "max": None}})
    )
    assert nobody.state is State.NOT_WITHIN


def test_a_refusal_from_elsewhere_stands_even_if_every_finding_passes(sample: ReportData) -> None:
    judged = verdict(
        dataclasses.replace(sample, verdict={"ok": False, "reasons": ["the model file is missing"]})
    )
    assert judged.state is State.NOT_WITHIN
    assert judged.headline == "Not within policy: the model file is missing."
    assert verdict(dataclasses.replace(sample, verdict={})).state is State.NOT_WITHIN


def test_an_approval_from_elsewhere_never_covers_a_failed_finding(sample: ReportData) -> None:
    data = changed(sample, "file.safe", status="fail", value=0.0)
    assert data.verdict == {"ok": True, "reasons": []}
    assert verdict(data).state is State.NOT_WITHIN


def test_without_a_policy_it_says_whose_limits_were_kept(sample: ReportData) -> None:
    assert (
        verdict(dataclasses.replace(sample, policy={})).headline
        == "Within Strongroom’s default limits."
    )


def test_a_status_that_nobody_knows_is_not_a_pass(sample: ReportData) -> None:
    judged = verdict(changed(sample, "file.safe", status="splendid"))
    assert judged.counts["not_evaluable"] == 2


def test_tiles_give_value_limit_interval_and_evidence(sample: ReportData) -> None:
    privacy, leak, robust, useful = tiles(sample)
    assert (privacy.value, privacy.limit) == ("ε 2.99", "at most 4.00")
    assert "measured at least 1.71" in privacy.notes[0]
    assert (said(leak.value), said(leak.limit), leak.status) == ("0.34 %", "at most 0.5 %", "warn")
    assert said(leak.notes[0]) == "95 % interval 0.19 to 0.55 %"
    assert said(robust.value) == "12.4 %"
    assert said(useful.value) == "85.2 %"
    assert [said(n) for n in useful.notes] == [
        "95 % interval 84.6 to 85.7 %",
        "without privacy 86.0 %: 0.8 points given up",
    ]
    assert all(t.record for t in (privacy, leak, robust, useful))


def test_changes_know_which_way_is_better_and_what_is_chance(sample: ReportData) -> None:
    privacy, leak, robust, useful = (tile.change for tile in tiles(sample))
    assert privacy is not None
    assert privacy.direction == "better"
    assert leak is not None
    assert (leak.direction, said(leak.words)) == ("better", "was 0.81 % last time")
    assert robust is not None
    assert (robust.direction, said(robust.words)) == ("same", "within chance: was 11.0 % last time")
    assert useful is not None
    assert useful.direction == "worse"
    assert all(tile.change is None for tile in tiles(dataclasses.replace(sample, previous=None)))


def test_a_seeded_training_is_never_shown_as_private(sample: ReportData) -> None:
    assert sample.train is not None
    train = {**sample.train, "privacy": {**sample.train["privacy"], "private": False}}
    data = dataclasses.replace(sample, train=train)
    assert tiles(data)[0].value == "none"
    assert "without a privacy guarantee" in verdict(data).summary
    assert "This statement is not private" in render_html(data)


def test_the_worst_of_several_attacks_is_what_counts(sample: ReportData) -> None:
    weaker = {**sample.findings[0], "check": "membership.loss", "value": 0.002}
    stronger = {**sample.findings[0], "check": "membership.rmia", "value": 0.0041}
    chosen = worst([weaker, stronger, sample.findings[0]], TPR)
    assert chosen is stronger


def test_every_metric_that_can_be_judged_has_plain_words() -> None:
    for known in METRICS:
        assert metric(known).name != known
        assert len(metric(known).name) <= 60 or metric(known).name == METRICS[known].title
        assert " " in metric(known).trouble, known


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 %"), (0.0034, "0.34 %"), (0.000019, "0.0019 %"), (0.8517, "85.2 %"), (1, "100 %"),
     (0.99971, "99.97 %"), (0.05, "5 %"), (0.0162, "1.6 %")],
)  # fmt: skip
def test_percent(value: float, shown: str) -> None:
    assert said(fmt.percent(value)) == shown


@given(st.floats(min_value=0, max_value=1))
def test_percent_never_rounds_to_all_or_nothing(share: float) -> None:
    shown = said(fmt.percent(share))
    assert (shown == "100 %") == (share > 1 - 1e-10)
    assert (shown == "0 %") == (share < 1e-10)


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        (lambda: fmt.delta(1e-5), "1e-5"),
        (lambda: fmt.delta(2.5e-7), "2.5e-7"),
        (lambda: fmt.delta(0), "0"),
        (lambda: fmt.one_in(1 / 23), "1 in 23"),
        (lambda: fmt.one_in(0.4), "40 %"),
        (lambda: fmt.one_in(0), "none"),
        (lambda: fmt.size(1834211), "1.8 MB"),
        (lambda: fmt.size(12), "12 B"),
        (lambda: fmt.size(5.2e12), "5,200.0 GB"),
        (lambda: fmt.duration(8.04), "8.0 s"),
        (lambda: fmt.duration(125), "2 min 5 s"),
        (lambda: fmt.moment("2026-11-23T12:05:00+02:00"), "23 November 2026, 10:05 UTC"),
        (lambda: fmt.moment("2026-11-23T12:05:00"), "23 November 2026, 12:05 UTC"),
        (lambda: fmt.moment("soon"), "soon"),
        (lambda: fmt.significant(48842), "48,842"),
        (lambda: fmt.significant(123456789), "1.23e8"),
        (lambda: fmt.plain([1, 0.25, None, True, "x"]), "1, 0.25, –, yes, x"),
        (lambda: fmt.limit_of(Unit.SHARE, 0.1, 0.2), "between 10 % and 20 %"),
        (lambda: fmt.limit_of(Unit.YES, 1.0, None), "must be yes"),
        (lambda: fmt.epsilon(2.9999999), "3.00"),
        (lambda: fmt.epsilon(0.0123), "0.012"),
        (lambda: fmt.limit_of(Unit.SHARE, None, None), ""),
        (lambda: fmt.range_of(Unit.POINTS, -0.001, 0.012), "-0.1 to +1.2 points"),
    ],
)
def test_numbers_as_people_read_them(call: Any, shown: str) -> None:  # noqa: ANN401 - a lambda
    assert said(call()) == shown


def test_histogram_bins_keep_every_row_and_break_at_k() -> None:
    before, after = [(1.0, 70.0), (4.0, 20.0), (6.0, 10.0)], [(7.0, 60.0), (500.0, 40.0)]
    bins = charts.risk_bins(before, after, 7)
    assert sum(b.before for b in bins) == pytest.approx(1)
    assert sum(b.after for b in bins) == pytest.approx(1)
    assert sum(b.after for b in bins if b.low < 7) == 0
    assert [b.label for b in bins] == [
        "1", "2", "3–4", "5–6", "7–9", "10–19", "20–49", "50–99", "100+",
    ]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    st.floats(1e-3, 1e3),
    st.floats(0, 1),
    st.floats(0, 1) | st.none(),
)
def test_a_plot_keeps_every_mark_inside(
    epsilon: float, accuracy: float, majority: float | None
) -> None:
    mark = charts.Mark("x", "here", epsilon, accuracy, accuracy * 0.9, accuracy)
    svg = str(charts.privacy_utility([mark], majority, "x"))
    for x, y in re.findall(r'cx="([-\d.]+)" cy="([-\d.]+)"', svg):
        assert 0 <= float(x) <= charts.WIDTH
        assert 0 <= float(y) <= 300


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=40))
def test_a_curve_stays_inside_and_keeps_its_end(points: list[tuple[float, float]]) -> None:
    fpr, tpr = (sorted(side) for side in zip(*points, strict=True))
    svg = str(charts.roc([charts.Curve("x", fpr, tpr, [], [])], (0.001, 0.01), "x"))
    drawn = re.findall(r'd="M([^"]+)" class="curve c1"', svg)[0]
    for x, y in (point.split() for point in drawn.split("L")):
        assert 54 <= float(x) <= 388
        assert 30 <= float(y) <= 330


def test_a_gauge_shows_overspending_and_reservations() -> None:
    assert "fuel over" in charts.gauge(5.0, 0.0, 4.0, "x")
    assert "fuel reserved" in charts.gauge(3.0, 1.0, 4.0, "x")


def test_the_budget_says_what_is_left_reserved_or_overdrawn(sample: ReportData) -> None:
    assert sample.budget is not None
    entries = [{**e, "state": "reserved"} for e in sample.budget["entries"]]
    held = render_html(dataclasses.replace(sample, budget={**sample.budget, "entries": entries}))
    assert "reserved by a run that hasn’t finished" in held
    over = render_html(dataclasses.replace(sample, budget={**sample.budget, "budget": 4.0}))
    assert "That is more than the 4.00 allowed." in over
    free = render_html(
        dataclasses.replace(sample, budget={**sample.budget, "budget": None, "entries": []})
    )
    assert "No budget was set" in free


def test_what_was_held_against_nothing_is_not_called_passed(sample: ReportData) -> None:
    page = render_html(sample)
    gap = page[page.index("Accuracy given up for privacy") :]
    assert gap.index("No limit set") < gap.index("</summary>")
    free = changed(sample, "evasion.success_rate", threshold=None)
    assert tiles(free)[2].status is None
    assert verdict(free).unlimited == 2


def test_a_neural_network_is_named_by_its_layers(sample: ReportData) -> None:
    assert "Logistic regression, 176 inputs" in render_html(sample)
    train = {**(sample.train or {}), "model": {"hidden": [64, 32]}}
    assert "hidden layers of 64 and 32" in render_html(dataclasses.replace(sample, train=train))
