"""Take the pictures of the live page for the documents: 1,400 pixels wide, light and dark.

    python -m tools.live_screenshots [NAME ...]

Needs the extras `view` and `dev`, and the system's Chromium. The pictures go to docs/images/.
"""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests._support.browsers import find_chromium

IMAGES = Path(__file__).parents[1] / "docs" / "images"
COLOURS = 256

DRAIN = (
    "evacuation",
    "--set",
    "manager.max_per_cluster=12",
    "--set",
    "manager.max_outbound_per_host=4",
    "--set",
    'transfer.bandwidth_bps="1 Gbit/s"',
)
"""Two hosts are drained while one is down."""
ACTIONS = (
    {"do": "drain", "host": 3},
    {"do": "drain", "host": 14},
    {"do": "crash", "host": 38},
)
AT_S = 15.3

LARGE = """
name = "large"
description = "2,000 hosts in 50 racks, three of which are drained"
topology = { name = "leaf-spine", leaves = 50, spines = 8, hosts_per_leaf = 40, host_bps = "10 Gbit/s", oversubscription = 2.0 }
run = { duration_s = "2 h", tick_s = 1, fidelity = "lumped" }
workload = { demand = "trace" }
manager = { max_per_cluster = 60, triggers = [{ name = "drain", racks = [4, 21, 38] }] }
transfer = { strategy = "qemu", bandwidth_bps = "2 Gbit/s" }
[[hosts]]
count = 2000
cpu_capacity = 16
memory_bytes = "64 GiB"
[[vms]]
count = 24000
cpu_capacity = 2
memory_bytes = "4 GiB"
profile_mix = { idle = 2, web = 4, oltp = 3, cache = 2 }
"""  # noqa: E501


@dataclass(frozen=True)
class Panel:
    """A picture of one panel, light and dark.

    Args:
        name: its tab.
        shown: what `cluster-emu view` is given; FOLDER is a folder that `command` has written.
        at_s: the instant.
        query: settings in the address.
        command: what `cluster-emu` is given to write the folder.
    """

    name: str
    shown: tuple[str, ...]
    at_s: float
    query: str = "seed=0"
    command: tuple[str, ...] = ()


FOLDER = "FOLDER"
HOG = ("single", "--set", "vms.0.profile=memory-hog", "--set", "run.fidelity=pages")
EVACUATE = ("evacuate", "evacuation", "--host", "0", "--replications", "1", "--out", FOLDER)
TWO_HOURS = ("run", "cluster", "--seed", "0", "--set", 'run.duration_s="2 h"', "--out", FOLDER)
PANELS = (
    Panel("microscope", HOG, 1.3),
    Panel("gantt", (FOLDER,), 14.0, command=EVACUATE),
    Panel("links", (FOLDER,), 14.0, command=EVACUATE),
    Panel("series", (FOLDER,), 7200.0, command=TWO_HOURS),
    Panel("compare", HOG, 30.0, "seed=0&b_strategy=pre-copy"),
)


@contextmanager
def served(*arguments: str) -> Iterator[str]:
    """Run the command and return the address of the page."""
    command = [sys.executable, "-m", "cluster_emu", "view", *arguments, "--no-browser"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    assert found is not None, "the command has printed no address"
    try:
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def go_to(page: Page, address: str, at_s: float, actions: Sequence[object] = ()) -> None:
    """Open the page, act, and go to a time."""
    page.goto(address)
    page.wait_for_function("() => window.clusterEmu?.live.lanes[0]?.frame", timeout=90_000)
    for action in actions:
        page.evaluate("(action) => clusterEmu.live.ask('act', { action })", action)
    page.evaluate("(time_s) => clusterEmu.live.ask('seek', { time_s })", at_s)
    page.wait_for_function(
        "(time_s) => clusterEmu.live.lanes[0].frame.header.time_s === time_s",
        arg=at_s,
        timeout=120_000,
    )
    page.evaluate("document.getElementById('notice').hidden = true")


def take(page: Page, name: str, selector: str | None = None) -> None:
    """Save a picture of the page, or of one part, with few colours so that it is small."""
    page.wait_for_timeout(1500)
    data = page.screenshot() if selector is None else page.locator(selector).screenshot()
    image = Image.open(io.BytesIO(data)).convert("RGB")
    path = IMAGES / f"{name}.png"
    image.quantize(COLOURS, kmeans=2, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.name}: {image.width} x {image.height}, {path.stat().st_size / 1e3:.0f} kB")


def take_panel(page: Page, panel: Panel, folder: Path) -> None:
    """Save the pictures of a panel."""
    place = str(folder / "-".join(panel.command[:2]))
    if panel.command and not Path(place).exists():
        command = [place if each == FOLDER else each for each in panel.command]
        subprocess.run(
            [sys.executable, "-m", "cluster_emu", *command], check=True, stdout=subprocess.DEVNULL
        )
    with served(*(place if each == FOLDER else each for each in panel.shown)) as address:
        for theme in ("light", "dark"):
            go_to(page, f"{address}?{panel.query}&theme={theme}", panel.at_s)
            page.evaluate("(panel) => clusterEmu.openPanel(panel)", panel.name)
            take(page, f"live_{panel.name}_{theme}", "#dock")


def main() -> None:
    """Take all pictures, or those that are named."""
    wanted = sys.argv[1:]
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})

        def is_wanted(name: str) -> bool:
            return not wanted or any(name.startswith(each) for each in wanted)

        with served(*DRAIN) as address:
            for theme in ("light", "dark"):
                if is_wanted(f"live_{theme}"):
                    go_to(page, f"{address}?seed=3&theme={theme}", AT_S, ACTIONS)
                    page.evaluate("clusterEmu.live.select('migration', 6)")
                    take(page, f"live_{theme}")
            if is_wanted("live_compare"):
                go_to(page, f"{address}?seed=3&theme=dark&b_strategy=post-copy", 20.0, ACTIONS)
                page.evaluate("clusterEmu.openPanel('compare')")
                take(page, "live_compare")
        if is_wanted("live_large"):
            path = Path(folder) / "large.toml"
            path.write_text(LARGE, "utf-8")
            with served(str(path)) as address:
                go_to(page, f"{address}?seed=1&theme=light", 24.0)
                take(page, "live_large", "#stage")
        for panel in PANELS:
            if is_wanted(f"live_{panel.name}_"):
                take_panel(page, panel, Path(folder))
        browser.close()


if __name__ == "__main__":
    main()
