"""The panels of the page in a real browser, against what Python says of the same instant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from cluster_emu.live.live_model import LiveModel
from cluster_emu.live.live_source import LiveFactory, LiveSource
from cluster_emu.live.source import FrameSource
from cluster_emu.scenario import load_scenario
from tests._support.live_page import Watched, live_page, open_page
from tests.live.test_replay_source import small

FIELDS = {"run.tick_s": 0.5, "run.fidelity": "pages", "vms.0.memory_bytes": 64 * 2**20}
SINGLE = ("single", *(word for pair in FIELDS.items() for word in ("--set", "{}={}".format(*pair))))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with live_page(*SINGLE) as found:
        yield found


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("replayed") / "run"
    LiveModel(small(), 7).run().save(folder)
    with live_page(folder) as found:
        yield found


def lane_at(time_s: float, **settings: str) -> FrameSource:
    factory = LiveFactory(load_scenario("single").with_fields(FIELDS))
    (lane, *_) = factory.lanes(settings)
    lane.advance(time_s)
    return lane


def seek(page: Watched, time_s: float) -> None:
    page.state(f"live.ask('seek', {{ time_s: {time_s} }})")
    lanes = "live.lanes.every((one) => Math.abs(one.frame.header.time_s - {}) < 1e-9)"
    page.wait_for(lanes.format(time_s))


def open_tab(page: Watched, name: str) -> None:
    page.page.click(f"#tab-{name}")
    page.page.wait_for_selector(f"#tab-{name}[aria-selected=true]")


def done_with(page: Watched) -> None:
    page.page.context.close()
    page.check()


def shown_counts(page: Watched) -> dict[str, int]:
    rows = page.page.locator(".panel-counts li").all()
    return {
        str(row.get_attribute("data-state")): int(row.locator("b").inner_text().replace(",", ""))
        for row in rows
    }


def expect_microscope(page: Watched, expected: dict[str, Any]) -> None:
    """Wait until the panel shows the instant, then compare it with Python's own data."""
    page.page.wait_for_selector(f"#microscope-words:text-is({expected['in_words']!r})")
    assert shown_counts(page) == expected["counts"]
    marked = page.page.locator("tr[aria-current=true]").all()
    deciding = [row["history"] for row in expected["truth"]["rows"] if row["deciding"]]
    assert [row.get_attribute("data-history") for row in marked] == deciding
    pages = [row["pages"] for row in expected["truth"]["rows"] if row["deciding"]]
    texts = [row.locator("td").last.inner_text() for row in marked]
    assert texts == ["with above" if one is None else f"{one:,}" for one in pages]


def test_the_microscope_marks_the_row_that_decides(chromium: Browser, address: str) -> None:
    """The short one, which runs in the fast suite."""
    page = open_page(chromium, f"{address}?seed=3")
    seek(page, 0.25)
    expected = lane_at(0.25, seed="3").panel("microscope", {})
    assert any(row["deciding"] for row in expected["truth"]["rows"])
    expect_microscope(page, expected)
    done_with(page)


@pytest.mark.slow
def test_the_microscope_follows_a_migration_to_its_end(chromium: Browser, address: str) -> None:
    page = open_page(chromium, f"{address}?seed=3")
    for time_s in (0.1, 0.3, 0.45, 0.5, 0.55, 0.6, 0.8):
        seek(page, time_s)
        expect_microscope(page, lane_at(time_s, seed="3").panel("microscope", {"number": 0}))
    done_with(page)


@pytest.mark.slow
def test_a_replay_is_scrubbed_forwards_and_backwards(chromium: Browser, replayed: str) -> None:
    page = open_page(chromium, replayed)
    header, arrays = "live.lanes[0].frame.header", "live.lanes[0].arrays"
    numbers = f"[{header}.sent_bytes, {header}.power_w, [...{arrays}.vm_host]]"
    instant = f"JSON.stringify([{numbers}, [...{arrays}.link_load]])"
    seen = {}
    for time_s in (0.4, 0.8, 1.2, 1.6, 1.2, 0.4, 1.6, 0.8):
        seek(page, time_s)
        assert page.state(instant) == seen.setdefault(time_s, page.state(instant))
        live = LiveSource(LiveModel(small(), 7))
        live.advance(time_s)
        expect_microscope(page, live.panel("microscope", {}))
        live.close()
        page.page.wait_for_selector(".panel-check[data-tone=good]:has-text('Computed again')")
    assert len(set(seen.values())) == 4
    page.page.locator("#scrub").focus()
    page.page.keyboard.press("Home")
    page.wait_for("live.lanes[0].frame.header.time_s === 0")
    page.page.keyboard.press("End")
    page.wait_for("live.lanes[0].frame.header.over")
    open_tab(page, "gantt")
    page.page.wait_for_selector("#gantt-words:has-text('5 migrations')")
    page.page.click("#panel-root summary")
    page.page.wait_for_selector("#panel-root tbody tr:nth-child(5)")  # rows come after the click
    states = page.page.locator("#panel-root tbody tr td:nth-child(3)").all_inner_texts()
    assert states == ["completed"] * 5
    done_with(page)


@pytest.mark.slow
def test_a_replay_has_no_side_by_side_and_refuses_actions(chromium: Browser, replayed: str) -> None:
    page = open_page(chromium, replayed)
    assert page.page.locator("#tab-compare").count() == 0
    seek(page, 1.0)
    page.click_thing("host", 0)
    page.page.wait_for_selector("#details h2:has-text('host0')")
    assert page.page.locator("#details [data-do]").count() == 0
    done_with(page)


@pytest.mark.slow
def test_two_strategies_stay_in_step(chromium: Browser, address: str) -> None:
    page = open_page(chromium, f"{address}?seed=4")
    open_tab(page, "compare")
    page.page.select_option("#compare-b_strategy", "pre-copy")
    page.page.click("#compare-start")
    page.wait_for("live.lanes.length === 2 && live.lanes[1].frame && scenes.length === 2")
    for time_s in (0.3, 0.5, 0.7, 5.0):
        seek(page, time_s)
        page.page.wait_for_selector(
            f".compare-table[data-left='{time_s:g}'][data-right='{time_s:g}']"
        )
    page.page.click("#reset")
    page.wait_for("live.lanes.every((one) => one.frame && one.frame.header.time_s === 0)")
    page.state(
        "live.addEventListener('frame', ({ detail }) => { if (detail.lane === 1) "
        "(window.pairs ||= []).push(live.lanes.map((one) => one.frame.header.time_s)); })"
    )
    page.page.select_option("#speed", "1")
    page.page.click("#play")
    page.page.wait_for_timeout(2_500)
    pairs = page.state("window.pairs")
    assert isinstance(pairs, list)
    assert len(pairs) > 5
    assert all(left == right for left, right in pairs)
    assert pairs[-1][0] > pairs[0][0]
    page.page.click("#play")
    seek(page, 5.0)
    page.page.wait_for_selector(".compare-table[data-left='5']")
    for column, strategy in ((1, "history-majority"), (2, "pre-copy")):
        figures = lane_at(5.0, seed="4", strategy=strategy).panel("compare", {})["figures"]
        live = next(one["value"] for one in figures if one["name"] == "live")
        cells = page.page.locator("tr[data-figure=live]").locator("th, td").all_inner_texts()
        assert cells[column] == f"{live:,.0f}"
    page.page.click("#compare-end")
    page.wait_for("live.lanes.length === 1 && scenes.length === 1")
    done_with(page)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_panel_is_accessible(chromium: Browser, address: str, theme: str) -> None:
    page = open_page(chromium, f"{address}?seed=3&theme={theme}&b_strategy=qemu")
    seek(page, 0.3)
    for name in ("microscope", "gantt", "links", "series", "compare"):
        open_tab(page, name)
        page.page.wait_for_timeout(300)
        for summary in page.page.locator("#panel-root summary").all():
            summary.click()
        found = Axe().run(page.page)
        assert found.violations_count == 0, found.generate_report()
    done_with(page)


@pytest.mark.slow
def test_panels_are_reached_and_changed_by_keys(chromium: Browser, address: str) -> None:
    page = open_page(chromium, address)
    page.page.locator("#tab-microscope").focus()
    for name in ("gantt", "links", "series", "compare", "microscope"):
        page.page.keyboard.press("ArrowRight")
        page.page.wait_for_selector(f"#tab-{name}[aria-selected=true]")
    assert page.page.evaluate("document.activeElement.id") == "tab-microscope"
    done_with(page)


def test_the_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no such file"), live_page(tmp_path):
        pass
