"""The page in a real browser without a network: no request, no error, readable by everyone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests._support import browsers
from tests.html_report.conftest import COMMANDS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NARROW_PX = 1000
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsers.browser() as chromium:
        yield chromium


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("command", COMMANDS)
def test_it_opens_without_a_network_and_has_no_barriers(
    command: str, scheme: str, reports: dict[str, Path], browser: Browser
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = browser.new_context(
        offline=True, color_scheme=scheme, viewport={"width": 1200, "height": 900}
    )
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.goto(reports[command].as_uri())

    assert [url for url in asked if not url.startswith("data:")] == [reports[command].as_uri()]
    assert said == []
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    found = axe.Axe().run(page, options={"runOnly": RULES})
    assert found.response["violations"] == []
    assert found.response["passes"], "axe looked at nothing"
    check_order(page)
    check_width(page)
    context.close()


def check_order(page: Page) -> None:
    """Check that a screen reader hears question and answer before tables, in reading order."""
    headings = page.locator("h1, h2, h3").all_inner_texts()
    places = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3')].map(one => one.getBoundingClientRect().top)"
    )
    assert places == sorted(places)
    assert headings[1] == "Question and answer"
    assert headings[-2:] == ["Assumptions", "How to reproduce it"]
    pictures = page.evaluate(
        "[...document.images].filter(one => one.checkVisibility()).map(one => one.alt)"
    )
    assert len(pictures) == page.locator("figure").count()


def check_width(page: Page) -> None:
    """Check that no table needs scrolling sideways on a narrow window, nor on paper."""
    page.set_viewport_size({"width": NARROW_PX, "height": 800})
    too_wide = (
        "[...document.querySelectorAll('.scroll')]"
        ".filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.ariaLabel)"
    )
    assert page.evaluate(too_wide) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW_PX
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 990})  # A4 without its margins
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
    assert page.pdf(prefer_css_page_size=True)[:4] == b"%PDF"
