"""Reports: HTML for people, JSON for scripts, SARIF for code scanners, a card for the model.

In: a `ReportData`, made of the stages' JSON documents. Out: text and plain JSON values.
This room never reads a file, never judges a finding (audit does), and never shows a value of the
data. The HTML page is one file that asks nothing of any network.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from strongroom.report._data import ReportData

if TYPE_CHECKING:
    from strongroom.report._card import render_card
    from strongroom.report._html import render_html
    from strongroom.report._inventory import InventoryData, render_inventory
    from strongroom.report._json import render_json
    from strongroom.report._pictures import render_plan, render_sweep
    from strongroom.report._processing import render_processing
    from strongroom.report._sarif import render_sarif
    from strongroom.report._scan_sarif import render_scan_sarif
    from strongroom.report._summary import State, Verdict, verdict

__all__ = [
    "InventoryData",
    "ReportData",
    "State",
    "Verdict",
    "render_card",
    "render_html",
    "render_inventory",
    "render_json",
    "render_plan",
    "render_processing",
    "render_sarif",
    "render_scan_sarif",
    "render_sweep",
    "verdict",
]

# Loaded on first use: the page needs jinja2, which `import strongroom.report` must not cost.
_LAZY = {
    "InventoryData": "_inventory",
    "render_inventory": "_inventory",
    "render_processing": "_processing",
    "State": "_summary",
    "Verdict": "_summary",
    "render_card": "_card",
    "render_html": "_html",
    "render_json": "_json",
    "render_plan": "_pictures",
    "render_sarif": "_sarif",
    "render_scan_sarif": "_scan_sarif",
    "render_sweep": "_pictures",
    "verdict": "_summary",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute is anything
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
