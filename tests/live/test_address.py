"""What the address of the page keeps of a view: whoever opens it sees the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests._support.live_page import Watched, live_page, open_page

CLUSTER = ("cluster", "--set", "run.duration_s=7200")
AT_S = 301.5
SHOWN = (
    "[live.lanes[0].frame.header.time_s, scenes.map((one) => one.place()), live.selected, "
    "clusterEmu.panel, [...live.kept].sort(), live.state.speed, "
    "document.documentElement.dataset.theme]"
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with live_page(*CLUSTER) as found:
        yield found


def seek(page: Watched, time_s: float) -> None:
    page.state(f"live.ask('seek', {{ time_s: {time_s} }})")
    page.wait_for(f"!live.state.busy && live.lanes[0].frame.header.time_s === {time_s}")


def shared(page: Watched) -> str:
    """Press the button and return the address."""
    page.wait_for("clusterEmu.restored")
    page.page.click("#share")
    page.page.wait_for_selector("#notice:has-text('The address of this view')")
    return page.page.url


def opened_again(chromium: Browser, page: Watched) -> Watched:
    """Open the address of a page in another browser, until all of it is restored."""
    shown = page.state(SHOWN)
    again = open_page(chromium, shared(page))
    again.wait_for("new URLSearchParams(location.search).has('panel') && clusterEmu.restored")
    assert again.state(SHOWN) == shown
    return again


def done_with(*pages: Watched) -> None:
    for one in pages:
        one.page.context.close()
        one.check()


@pytest.mark.slow
def test_zoom_panel_and_choices_are_in_the_address(chromium: Browser, address: str) -> None:
    page = open_page(chromium, f"{address}?seed=5")
    seek(page, AT_S)
    page.wait_for("live.lanes[0].frame.header.running > 1")
    first, other = page.state("[...live.lanes[0].frame.arrays.move_number].slice(0, 2)")  # type: ignore[misc]
    page.state(f"live.select('migration', {first})")  # dots may lie over one another
    page.page.select_option("#microscope-choice", str(other))
    page.page.click("#zoom-in")
    page.page.click("#zoom-in")
    page.page.keyboard.press("Alt+ArrowLeft")
    page.page.select_option("#speed", "30")
    page.wait_for("live.state.speed === 30")
    page.wait_for("/view=[-0-9.]+%2C/.test(location.search)")  # the address follows by itself
    again = opened_again(chromium, page)
    assert again.state("live.selected.number") == first
    again.page.wait_for_selector(f"#microscope-words:has-text('Migration {other} ')")
    assert again.page.locator("#microscope-choice").input_value() == str(other)

    page.state("live.select('link', 3)")
    page.page.click("#tab-links")
    page.page.keyboard.press("Escape")
    page.page.click("#theme")
    page.page.click("#zoom-fit")
    third = opened_again(chromium, page)
    assert third.page.get_attribute("#tab-links", "aria-selected") == "true"
    assert third.state("live.kept.get('link')") == 3
    done_with(page, again, third)


@pytest.mark.slow
def test_a_link_copied_while_it_plays_has_the_time(chromium: Browser, address: str) -> None:
    page = open_page(chromium, f"{address}?seed=5&b_strategy=qemu")
    page.page.click("#play")
    page.wait_for("live.state.playing && live.lanes[1].frame.header.time_s > 2")
    page.state("(scenes[1].zoomBy(2), live.select('host', 2, 1))")
    url = shared(page)
    again = open_page(chromium, url)
    again.wait_for("clusterEmu.restored")
    assert f"at={again.time_s()}" in url
    assert again.time_s() > 2
    assert again.state("live.selected") == {"kind": "host", "number": 2, "lane": 1}
    for lane in (0, 1):
        assert again.state(f"scenes[{lane}].place()") == page.state(f"scenes[{lane}].place()")
    done_with(page, again)


@pytest.mark.slow
def test_no_link_is_copied_before_the_view_is_restored(chromium: Browser, address: str) -> None:
    page = open_page(chromium, f"{address}?seed=5&at=30")
    page.wait_for("clusterEmu.restored")
    page.state("clusterEmu.restored = false")  # as it is until the answer to the address has come
    page.page.click("#share")
    page.page.wait_for_selector("#notice:has-text('The view is still being restored.')")
    page.state("clusterEmu.restored = true")
    assert "at=30" in shared(page)
    done_with(page)


@pytest.mark.slow
def test_an_address_that_makes_no_sense_is_no_harm(chromium: Browser, address: str) -> None:
    page = open_page(chromium, f"{address}?view=1,2&panel=none&select=host:x&migration=-1&link=1e9")
    page.wait_for("clusterEmu.restored")
    assert page.state("[scenes[0].place(), clusterEmu.panel, live.kept.size]") == [
        "fit",
        "microscope",
        0,
    ]
    done_with(page)
