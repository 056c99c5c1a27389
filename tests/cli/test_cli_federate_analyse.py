"""If this fails, federate run doesn't say what it learnt of columns, or for how much privacy."""

from __future__ import annotations

import io

import numpy as np
from rich.console import Console as RichConsole
from tests.federate.analytics_sites import people, site
from tests.federate.sites import settings

from strongroom.cli._federate_run import _declared
from strongroom.cli.console import Console
from strongroom.federate import LoopbackChannel
from strongroom.federate._settings import AnalyseSpec

COLUMNS: dict[str, dict[str, object]] = {
    "age": {"kind": "quantiles", "low": 0, "high": 200},
    "ward": {"kind": "categories"},
}


def said(columns: dict[str, dict[str, object]], **policy: object) -> tuple[set[str], str]:
    """Return which columns are declared then, and what the user reads."""
    out = io.StringIO()
    console = Console(_out=RichConsole(file=out, width=120))
    badges = np.array([f"badge {i}" for i in range(2000)], object)
    data = people(badge=badges)
    channel = LoopbackChannel(
        [site("a", data=data), site("b", data=data), site("c", policy, data=data)]
    )
    spec = AnalyseSpec.model_validate({"epsilon": 1.0, "columns": columns})
    found = _declared(console, channel, settings().model_copy(update={"analyse": spec}))
    return set(found), out.getvalue()


def test_federate_run_says_what_it_asked_and_found() -> None:
    found, text = said(COLUMNS, tasks=["train"])
    assert found == {"age", "ward"}
    assert "Asked 2 sites about columns, ε = 1 at each site beside the job's own" in text
    assert "c told no statistics: this site's policy doesn't allow" in text
    assert "3 categories" in text
    assert " to " in text


def test_a_column_of_which_too_little_is_known_is_named() -> None:
    # Everybody is alone in it: nothing passes the threshold.
    found, text = said({"badge": {"kind": "categories"}})
    assert not found
    assert "badge     too few rows to say anything" in text
    assert "badge 7" not in text


def test_without_the_section_nobody_is_asked() -> None:
    assert _declared(Console(), LoopbackChannel([site()]), settings()) == {}
