"""If this fails, a report says of a federation what isn't so, or hides what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.report.test_report_page import HOSTILE, assert_safe, spoil

from strongroom.report import render_html, render_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from strongroom.report import ReportData

FLOWS = {
    "sent": {"train": {"messages": 20, "bytes": 2_000_000}},
    "received": {"train": {"messages": 20, "bytes": 3_000_000}},
}


def site(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    leaks = {
        "size": 5_000_000, "unpacked": 0, "rows": 900, "searchable": 900, "planted": 2,
        "rows_found": 0, "planted_found": 0, "unread": False, "clean": True,
    }  # fmt: skip
    return {
        "verified": True, "why": "", "rounds": 20, "weight": 900, "epsilon": 2.98, "delta": 1e-5,
        "unit": "example", "trusted": ["nobody for the guarantee"], "stated": FLOWS,
        "counted": FLOWS, "differences": [], "leaks": {**leaks, **changes.pop("leaks", {})},
        **changes,
    }  # fmt: skip


def document(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    attack = {"updates": 40, "recovered": 0, "low": 0.0, "high": 0.09, "share": 0.0, "chance": 0.0}
    return {
        "job": "0" * 32, "project": "clinics", "recipe": "1" * 64,
        "rounds": {"asked": 20, "done": 19}, "strategy": "fedavg",
        "rule": {"name": "trimmed-mean", "liars": 1}, "secure": {"threshold": 2},
        "privacy": {"epsilon": 3.0, "unit": "example", "noise": "own"},
        "seen": "the sum of all sites' updates of each round",
        "tolerated": {"rule": "trimmed-mean", "liars": 1, "of": "sites", "outvoted": {"west": 17},
                      "cut": {}, "dropped": {"east": 3}, "lost": {"4": "too few"}},
        "warnings": ["training diverged"], "refusals": 1, "seconds": 12.0,
        "sites": {"north": site(), "west": site()},
        "inversion": {"sent": attack, "unprotected": {**attack, "recovered": 39, "share": 0.975}},
        **changes,
    }  # fmt: skip


@pytest.fixture(name="page")
def _page(make: Callable[..., ReportData]) -> Callable[..., str]:
    return lambda **changes: render_html(make(federation=document(**changes)))


def test_the_chapter_says_what_was_found(page: Callable[..., str]) -> None:
    said = page().replace("\u00a0", " ")
    for words in (
        'id="federation"',
        "None of 1,800 records and 4 planted identifiers of these sites was found",
        "10.0 MB of traffic were searched",
        "0 of 40 gave a row away",
        "39 of 40 gave a row away",
        "19 of 20",
        "trimmed-mean tolerates 1; outvoted west in 17 rounds",
        "east in 3 rounds, 1 rounds gave no update",
        "sums of at least 2 sites",
        "training diverged.",
        'aria-labelledby="plot-traffic',
    ):
        assert words in said, words


def test_what_leaked_stands_first(page: Callable[..., str]) -> None:
    said = page(sites={"north": site(leaks={"rows_found": 3}), "west": site()})
    assert "3 of 1,800 records" in said
    assert "None of" not in said


def test_what_was_not_searched_is_not_called_clean(page: Callable[..., str]) -> None:
    said = page(sites={"north": site() | {"leaks": None}})
    assert "was not searched for records" in said
    assert "not searched" in said
    unread = page(sites={"north": site(leaks={"unread": True, "clean": False})})
    assert "it shows nothing" in unread


def test_counts_that_differ_and_evidence_that_is_missing_are_told(
    page: Callable[..., str],
) -> None:
    silent = {"verified": False, "why": "the site couldn't be reached", "stated": None}
    said = page(sites={"north": site(differences=["train sent: 1 and 2"]), "west": site(**silent)})
    assert "north counts otherwise than the coordinator: train sent: 1 and 2." in said
    assert "reached" in said


def test_without_a_federation_there_is_no_chapter(make: Callable[..., ReportData]) -> None:
    assert 'id="federation"' not in render_html(make())


def test_an_empty_document_still_makes_a_page(make: Callable[..., ReportData]) -> None:
    assert 'id="federation"' in render_html(make(federation={}))


def test_the_json_twin_holds_it(make: Callable[..., ReportData]) -> None:
    assert render_json(make(federation=document()))["federation"]["sites"].keys() == {
        "north",
        "west",
    }


@pytest.mark.parametrize("poison", HOSTILE)
def test_hostile_text_in_a_federation_stays_text(
    make: Callable[..., ReportData], poison: str
) -> None:
    assert_safe(render_html(make(federation=spoil(document(), poison))))
