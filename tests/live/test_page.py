"""The page in a real browser: everything that a reader does with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests._support.live_page import Watched, live_page, open_page

CLUSTER = ("cluster", "--set", "run.duration_s=7200")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with live_page(*CLUSTER) as found:
        yield found


def done_with(*pages: Watched) -> None:
    for one in pages:
        one.page.context.close()
        one.check()


def test_the_page_opens_steps_and_says_what_is_clicked(chromium: Browser, address: str) -> None:
    """The short one, which runs in the fast suite."""
    page = open_page(chromium, f"{address}?seed=3")
    page.page.click("#tick")
    page.wait_for("live.lanes[0].frame.header.time_s === 60")
    page.click_thing("host", 5)
    page.page.wait_for_selector("#details h2:has-text('host5')")

    assert page.page.locator("#details .facts").inner_text().startswith("State")
    done_with(page)


@pytest.mark.slow
def test_play_pause_step_and_reset(chromium: Browser, address: str) -> None:
    page = open_page(chromium, address)
    page.page.select_option("#speed", "60")
    page.page.click("#play")
    page.page.wait_for_timeout(10_000)
    played_s = page.time_s()
    assert 60 < played_s < 900  # a busy machine is slower than the speed asked for
    page.page.keyboard.press("Space")
    page.wait_for("!live.state.playing")
    page.page.wait_for_timeout(700)
    assert page.time_s() == page.state("live.state.now_s") >= played_s

    page.page.click("#next")
    page.wait_for("!live.state.busy && live.lanes[0].frame.header.running > 0")
    rounds = page.state("live.lanes[0].frame.header.rounds")
    page.page.click("#round")
    page.wait_for(f"!live.state.busy && live.lanes[0].frame.header.rounds > {rounds}")
    page.page.click("#reset")
    page.wait_for("live.lanes[0].frame.header.time_s === 0")
    done_with(page)


@pytest.mark.slow
def test_a_migration_can_be_clicked_and_cancelled(chromium: Browser, address: str) -> None:
    page = open_page(chromium, f"{address}?seed=5")
    page.page.click("#next")
    page.wait_for("!live.state.busy && live.lanes[0].frame.arrays.move_vm.length > 0")
    page.state("live.ask('seek', {time_s: live.lanes[0].frame.header.time_s + 1.5})")
    page.wait_for("live.lanes[0].frame.arrays.move_progress[0] > 0.05")
    number = page.state("live.lanes[0].frame.arrays.move_number[0]")
    assert isinstance(number, int)
    page.click_thing("migration", number)
    page.page.wait_for_selector(f"#details h2:has-text('Migration {number}')")
    page.page.click("#details [data-do=cancel]")
    page.page.wait_for_selector("#details .facts:has-text('cancelled')")
    done_with(page)


@pytest.mark.slow
def test_a_setting_says_what_restarts_and_stands_in_the_address(
    chromium: Browser, address: str
) -> None:
    page = open_page(chromium, f"{address}?seed=5")
    page.page.click("#settings-box summary")
    page.page.select_option("#set-strategy", "qemu")
    page.page.fill("#set-seed", "8")
    assert "restart from 0 s" in page.page.locator("#restarts").inner_text()
    page.page.click("#apply")
    page.wait_for("live.lanes[0].topology.strategy === 'qemu' && live.lanes[0].topology.seed === 8")
    page.page.wait_for_url(lambda url: "strategy=qemu" in url, timeout=10_000)
    assert "seed=8" in page.page.url

    again = open_page(chromium, page.page.url)
    assert again.state("live.lanes[0].topology.strategy") == "qemu"
    page.page.fill("#set-seed", "minus one")
    page.page.click("#apply")
    page.page.wait_for_selector("#notice:has-text('a whole number')")
    done_with(page, again)


@pytest.mark.slow
def test_a_host_is_drained_and_the_view_can_be_shared(chromium: Browser, address: str) -> None:
    page = open_page(chromium, f"{address}?seed=2")
    page.page.fill("#search", "host 3")
    page.page.keyboard.press("Enter")
    page.page.click("#details [data-do=drain]")
    page.page.wait_for_selector("#details .facts:has-text('drained')")
    page.page.click("#tick")
    page.wait_for("!live.state.busy && live.lanes[0].frame.header.time_s === 60")
    ended = page.state("live.lanes[0].frame.header.ended")
    assert isinstance(ended, int)
    assert ended > 0
    page.wait_for("location.search.includes('drain')")

    again = open_page(chromium, page.page.url)
    again.wait_for("live.lanes[0].frame.header.time_s === 60")
    assert again.state("live.lanes[0].frame.header.ended") == ended
    assert again.state("Array.from(live.lanes[0].frame.arrays.vm_host)") == page.state(
        "Array.from(live.lanes[0].frame.arrays.vm_host)"
    )
    done_with(page, again)


@pytest.mark.slow
def test_faults_and_migrations_on_request(chromium: Browser, address: str) -> None:
    page = open_page(chromium, f"{address}?seed=2")
    page.state("live.select('vm', 7)")
    page.page.click("#details [data-do=migrate]")
    page.page.fill("#target", "30")
    page.page.keyboard.press("Enter")
    page.page.wait_for_selector("#notice:has-text('to migrate to host 30')")
    page.state("live.select('link', 0)")
    page.page.click("#details [data-do=degrade] >> nth=0")
    page.page.wait_for_selector("#notice:has-text('is down')")
    page.state("live.select('host', 9)")
    page.page.click("#details [data-do=crash]")
    page.page.wait_for_selector("#details .facts:has-text('failed')")
    assert "host-crash" in page.page.locator("#events").inner_text()
    done_with(page)


@pytest.mark.slow
def test_two_browsers_do_not_disturb_each_other(chromium: Browser, address: str) -> None:
    one, two = (open_page(chromium, f"{address}?seed={seed}") for seed in (1, 2))
    for page in (one, two):
        page.state("live.ask('seek', {time_s: 1000})")
    for page in (one, two):
        page.wait_for("live.lanes[0].frame.header.time_s === 1000")
    hosts = "Array.from(live.lanes[0].frame.arrays.vm_host)"
    assert one.state(hosts) != two.state(hosts)

    alone = open_page(chromium, f"{address}?seed=1&at=1000")
    alone.wait_for("live.lanes[0].frame.header.time_s === 1000")
    assert alone.state(hosts) == one.state(hosts)
    done_with(one, two, alone)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(chromium: Browser, address: str, theme: str) -> None:
    page = open_page(chromium, f"{address}?seed=3&theme={theme}")
    page.state("live.ask('seek', {time_s: 303})")
    page.wait_for("live.lanes[0].frame.header.time_s === 303")
    page.state("live.select('host', 3)")
    page.page.wait_for_selector("#details .facts")
    page.page.click("#settings-box summary")
    found = Axe().run(page.page).response["violations"]

    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found] == []
    page.page.keyboard.press("Escape")
    page.page.locator(".lane canvas").focus()
    page.page.keyboard.press("?")
    page.page.wait_for_selector("#help-box[open]")
    found = Axe().run(page.page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found] == []
    done_with(page)


@pytest.mark.slow
def test_names_are_text(chromium: Browser, tmp_path: Path) -> None:
    """Names of a scenario are shown letter by letter, wherever they stand."""
    bad = "<img src=x onerror=document.title='broken'>"
    text = f"""
name = "{bad}"
description = "{bad}"
topology = {{ name = "star", hosts = 2, host_bps = "1 Gbit/s" }}
rack_names = ["{bad}r"]
[run]
duration_s = 60
[[hosts]]
names = ["{bad}0", "{bad}1"]
cpu_capacity = 4
memory_bytes = "8 GiB"
[[vms]]
names = ["{bad}vm"]
cpu_capacity = 1
memory_bytes = "1 GiB"
profile = "idle"
"""
    (tmp_path / "bad.toml").write_text(text, "utf-8")
    with live_page(tmp_path / "bad.toml") as address:
        page = open_page(chromium, f"{address}?strategy={quote('pre-copy')}")
        page.state("live.select('vm', 0)")
        page.page.click("#details [data-do=migrate]")
        page.page.click(".choose button >> nth=0")
        page.page.wait_for_selector("#notice:has-text('<img')")
        page.page.fill("#search", "img")
        page.page.wait_for_selector("#found li")
        page.page.click("#tick")
        page.wait_for("live.lanes[0].frame.header.time_s > 0")
        assert page.page.locator("img").count() == 0
        assert page.page.title() == f"{bad} · cluster_emu"
        done_with(page)
