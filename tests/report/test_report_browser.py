"""If these fail, people can't read the report: on a phone, in the dark, on paper, by keyboard."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from tests.report.audits import make_audit

from strongroom.report import InventoryData, render_html, render_inventory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from strongroom.report import ReportData

pytestmark = pytest.mark.browser

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = {"phone": (390, 844), "small phone": (360, 640), "desktop": (1440, 900)}

# Everything that reaches past the window, unless it lies in a box that scrolls by itself.
STICKS_OUT = """() => [...document.body.querySelectorAll("*")].filter((e) => {
  const box = e.getBoundingClientRect();
  const inside = e.parentElement.closest(".scroll, pre");
  return !inside && box.width > 0 && (box.right > innerWidth + 1 || box.left < -1);
}).map((e) => e.outerHTML.slice(0, 120))"""
FITS = "() => document.scrollingElement.scrollWidth <= document.scrollingElement.clientWidth"


@pytest.fixture(scope="module", name="browser")
def _browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    names = ("chromium", "google-chrome", "chromium-browser")
    binary = next(filter(None, map(shutil.which, names)), None)
    if binary is None:
        pytest.skip("no Chromium on this machine (on Debian: apt-get install chromium)")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module", name="files")
def _files(make: Callable[..., ReportData], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("report")
    sample = make()
    failed = [
        {**f, "status": "fail", "value": 0.31} if f["metric"].startswith("evasion") else f
        for f in sample.findings
    ]
    pages = {
        "full": sample,
        "failed": make(audit={**(sample.audit or {}), "findings": failed}),
        "audit": make_audit(),
        "early": make(train=None, audit=None, seal=None, budget=None, policy={}, previous=None),
    }
    for name, data in pages.items():
        (folder / f"{name}.html").write_text(render_html(data), "utf-8")
    inventory = InventoryData("2026-01-02T03:04:05Z", "1", _scanned())
    (folder / "inventory.html").write_text(render_inventory(inventory), "utf-8")
    return folder


def _scanned() -> dict[str, Any]:
    """Return a scan with long paths, every shade, and columns that are many."""
    kinds = ("SECRET", "CREDIT_CARD", "PASSPORT", "US_SSN", "TAX_ID", "IBAN_CODE", "US_MBI",
             "PERSON", "EMAIL_ADDRESS", "HEALTH_INSURANCE_ID", "COORDINATES", "AGE")  # fmt: skip
    columns = [
        {"name": f"{'a_rather_long_name_of_a_column' * (i == 3)}{i}", "looks_like": "number",
         "role": "direct_identifier" if i % 9 == 0 else "feature", "reason": "validated"}
        for i in range(40)
    ]  # fmt: skip
    files = [
        {"path": f"/srv/share/{'deep_' * i}{'x' * 3 * i}/file-{i}.csv", "kind": "table",
         "rows": 10**i, "columns": columns, "special": i % 2 * 10**i,
         "entities": dict.fromkeys(kinds[i % 5:], 10 ** (i % 6))}
        for i in range(9)
    ]  # fmt: skip
    error = {"what": "cut off before its end", "where": f"/srv/share/{'y' * 90}.gz", "hint": ""}
    clean = {"path": f"/srv/share/{'clean' * 30}.csv", "entities": {}, "columns": []}
    return {"files": [*files, clean], "errors": [error]}


@pytest.fixture(name="visit")
def _visit(browser: Browser, files: Path) -> Iterator[Callable[..., Page]]:
    contexts = []
    troubles: list[str] = []
    asked: list[str] = []

    def visit(name: str = "full", size: str = "desktop", **options: Any) -> Page:  # noqa: ANN401
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: troubles.append(f"console: {m.text}"))
        page.on("pageerror", lambda e: troubles.append(f"error: {e}"))
        page.on("request", lambda r: asked.append(r.url))
        page.goto((files / f"{name}.html").as_uri())
        return page

    yield visit
    for context in contexts:
        context.close()
    assert troubles == []
    # The pages themselves are all that is fetched; "data:," is the icon that isn't.
    assert [url for url in asked if not url.startswith((files.as_uri(), "data:,"))] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_nothing_overflows_and_axe_finds_no_serious_fault(
    visit: Callable[..., Page], size: str, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for name in ("full", "failed", "early", "audit", "inventory"):
        page = visit(name, size, color_scheme=scheme)
        assert page.evaluate(FITS)
        assert page.evaluate(STICKS_OUT) == []
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        assert page.evaluate(FITS)
        assert page.evaluate(STICKS_OUT) == []
        if name in ("failed", "audit", "inventory"):
            # The first shows every status and every section, so every colour and element.
            found = axe.run(page).response
            bad = [f for f in found["violations"] if f["impact"] in {"serious", "critical"}]
            assert [(f["id"], [n["html"][:160] for n in f["nodes"][:4]]) for f in bad] == []
            seen = {"color-contrast"} | ({"svg-img-alt"} if name != "inventory" else set())
            assert seen <= {f["id"] for f in found["passes"]}


def test_the_narrowest_phone_still_fits(visit: Callable[..., Page]) -> None:
    page = visit(size="small phone")
    assert page.evaluate(FITS)
    assert page.evaluate(STICKS_OUT) == []


def test_letters_in_plots_stay_readable_on_a_phone(visit: Callable[..., Page]) -> None:
    page = visit(size="phone")
    smallest = page.evaluate(
        """() => Math.min(...[...document.querySelectorAll("svg.chart text")].map((t) =>
             parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a))"""
    )
    assert smallest >= 8.5


def test_the_verdict_and_all_tiles_are_on_the_first_desktop_screen(
    visit: Callable[..., Page],
) -> None:
    page = visit()
    tiles = page.locator(".tile")
    assert tiles.count() == 4
    for i in range(4):
        box = tiles.nth(i).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 900


def test_the_theme_can_be_switched_and_is_remembered(visit: Callable[..., Page]) -> None:
    page = visit(color_scheme="light")
    colour = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    toggle = page.locator("#theme")
    assert toggle.inner_text() == "Dark theme"
    toggle.click()
    dark = page.evaluate(colour)
    assert dark != light
    assert toggle.inner_text() == "Light theme"
    page.reload()
    assert page.evaluate(colour) == dark
    page.locator("#theme").click()
    assert page.evaluate(colour) == light


def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    visit: Callable[..., Page],
) -> None:
    page = visit()
    page.keyboard.press("Tab")
    focused = "() => document.activeElement.className || document.activeElement.id"
    assert page.evaluate(focused) == "skip"
    assert page.locator(".skip").bounding_box()["y"] >= 0  # type: ignore[index] # it is visible
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
    finding = page.locator("details.finding:not([open])").first
    finding.locator("summary").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.closest('details').open") is True


def test_open_all_opens_and_closes_every_finding(visit: Callable[..., Page]) -> None:
    page = visit()
    count = page.locator("details.finding").count()
    page.locator("#expand").click()
    assert page.locator("details.finding[open]").count() == count
    page.locator("#expand").click()
    assert page.locator("details.finding[open]").count() == 0


def test_a_link_to_a_record_goes_there(visit: Callable[..., Page]) -> None:
    page = visit()
    page.locator(".tile .proof").first.click()
    assert page.url.endswith("#evidence-3")
    assert page.locator("#evidence-3").is_visible()


def test_without_scripts_everything_is_still_there(visit: Callable[..., Page]) -> None:
    page = visit(java_script_enabled=False)
    assert page.locator("h1").inner_text() == "Within policy."
    assert page.locator("#theme").is_hidden()
    page.locator("details.finding:not([open]) summary").first.click()
    assert page.locator("details.finding[open]").count() == 2


def test_it_prints_light_whole_and_short(visit: Callable[..., Page], tmp_path: Path) -> None:
    page = visit(color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    hidden = page.evaluate(
        """() => [...document.querySelectorAll("details.finding .inside")]
             .filter((e) => e.getBoundingClientRect().height === 0).length"""
    )
    assert hidden == 0
    pdf = page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    pages = len(re.findall(rb"/Type\s*/Page[^s]", pdf))
    assert 4 <= pages <= 16
    assert len(pdf) < 10_000_000


def test_motion_is_kept_still_for_those_who_ask(visit: Callable[..., Page]) -> None:
    page = visit(reduced_motion="reduce")
    assert (
        page.evaluate("() => getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    )
