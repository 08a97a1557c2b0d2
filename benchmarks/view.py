"""How fast the live page is in a headless Chromium without a GPU, and whether sessions go away.

    python -m benchmarks.view [--seconds 15] [--sessions 50] [--only 500|5000|sessions] [--panel P]

Targets on two cores: 500 PMs with 5,000 VMs and 150 migrations in flight: >= 10 pictures and >= 5
new frames of the model a second, a click answered in < 150 ms; 5,000 PMs with 50,000 VMs: >= 5 and
< 300 ms, both with the microscope open, which costs more than the other panels. The memory of the
server is flat over 50 sessions, and none of their processes stays.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from websockets.asyncio.client import connect

from tests._support.browsers import find_chromium

SCENARIO = """
name = "storm-{hosts}"
topology = {{ name = "leaf-spine", leaves = {leaves}, spines = 8, hosts_per_leaf = {per_leaf}, host_bps = "10 Gbit/s", oversubscription = 2.0 }}
[run]
duration_s = "2 h"
tick_s = 1
control_interval_s = 300
fidelity = "lumped"
[[hosts]]
count = {hosts}
cpu_capacity = 16
memory_bytes = "64 GiB"
[[vms]]
count = {vms}
cpu_capacity = 1
memory_bytes = "4 GiB"
profile_mix = {{ idle = 2, web = 4, oltp = 3, cache = 2 }}
[workload]
demand = "trace"
[transfer]
strategy = "qemu"
bandwidth_bps = "500 Mbit/s"
[manager]
max_per_cluster = 160
triggers = [{{ name = "drain", racks = [0, 1, 2] }}]
"""  # noqa: E501

SIZES = {500: (25, 20, 5_000), 5_000: (125, 40, 50_000)}
"""Racks, hosts per rack, and VMs by number of hosts."""
CLICKS = 30

CLICK = """async (host) => {
  const { live } = window.clusterEmu, scene = window.clusterEmu.scenes[0];
  const box = document.getElementById("details"), name = live.lanes[0].topology.labels[host];
  live.select(null);
  await new Promise((done) => setTimeout(done, 60));
  const began = performance.now();
  const seen = new Promise((done) => {
    const look = new MutationObserver(() => {
      if (box.querySelector("h2").textContent.startsWith(name)) { look.disconnect(); done(); }
    });
    look.observe(box, { childList: true, subtree: true });
  });
  live.select("host", host);
  await seen;
  return performance.now() - began;
}"""


class Server:
    """The command, in a process of its own."""

    def __init__(self, hosts: int, folder: Path) -> None:
        leaves, per_leaf, vms = SIZES[hosts]
        path = folder / f"storm-{hosts}.toml"
        path.write_text(
            SCENARIO.format(hosts=hosts, leaves=leaves, per_leaf=per_leaf, vms=vms), "utf-8"
        )
        command = [sys.executable, "-W", "ignore", "-m", "cluster_emu", "view", str(path)]
        self._process = subprocess.Popen(
            [*command, "--no-browser"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert self._process.stdout is not None
        found = re.search(r"http://\S+", self._process.stdout.readline())
        assert found is not None, "the command has printed no address"
        self.address = found[0]

    @property
    def number(self) -> int:
        """Number of the process."""
        return self._process.pid

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(20)


def measure(page: Page, address: str, seconds: float, panel: str) -> dict[str, float]:
    """Return pictures and frames a second, and times of clicks, while migrations are in flight."""
    began_s = time.perf_counter()
    page.goto(f"{address}?seed=1&panel={panel}")
    page.wait_for_function(
        "() => window.clusterEmu && clusterEmu.live.lanes[0] && clusterEmu.live.lanes[0].frame",
        timeout=120_000,
    )
    opened_s = time.perf_counter() - began_s
    page.evaluate("clusterEmu.live.ask('speed', { speed: 1 })")
    page.evaluate("clusterEmu.live.ask('play')")
    page.wait_for_function(
        "() => clusterEmu.live.lanes[0].frame.header.running >= 150", timeout=120_000
    )
    page.wait_for_timeout(2000)
    page.evaluate(
        "() => { window.got = 0;"
        " clusterEmu.live.addEventListener('frame', () => { window.got += 1; }); }"
    )
    read = "() => [clusterEmu.scenes[0].drawn, window.got, performance.now()]"
    before = page.evaluate(read)
    least = 10**9
    for _ in range(int(seconds)):
        page.wait_for_timeout(1000)
        least = min(least, page.evaluate("clusterEmu.live.lanes[0].frame.header.running"))
    after = page.evaluate(read)
    took_s = (after[2] - before[2]) / 1000
    hosts = page.evaluate("clusterEmu.live.lanes[0].topology.host_count")
    clicks = sorted(page.evaluate(CLICK, place * hosts // CLICKS) for place in range(CLICKS))
    return {
        "opened_s": opened_s,
        "pictures_per_s": (after[0] - before[0]) / took_s,
        "frames_per_s": (after[1] - before[1]) / took_s,
        "least_in_flight": least,
        "click_median_ms": statistics.median(clicks),
        "click_p95_ms": clicks[int(0.95 * (CLICKS - 1))],
        "click_max_ms": clicks[-1],
    }


def memory_mb(process: int) -> float:
    """Return the memory of a process that is its own, MB."""
    text = Path(f"/proc/{process}/smaps_rollup").read_text("utf-8")
    return sum(int(kb) for kb in re.findall(r"Private_\w+:\s+(\d+) kB", text)) / 1000


def children(process: int) -> list[int]:
    """Return all processes below one."""
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=False
    )
    own = [int(text) for text in found.stdout.split()]
    return own + [below for child in own for below in children(child)]


async def visit(address: str) -> None:
    """Open a session as a browser does, look at some frames, and go."""
    url = address.replace("http", "ws", 1) + "live?seed=1"
    async with connect(url, origin=address.rstrip("/"), max_size=None) as socket:
        await socket.send('{"do": "play", "id": 1}')
        frames = 0
        while frames < 5:
            data = await socket.recv()
            if isinstance(data, bytes):
                frames += 1
                await socket.send('{"do": "ack"}')


def sessions(server: Server, count: int) -> None:
    """Open and close sessions one after the other, and show what stays of them."""
    base = len(children(server.number))
    for number in range(count + 1):
        if number % 10 == 0:
            time.sleep(1.0)
            left = children(server.number)
            kept = sum(map(memory_mb, [server.number, *left]))
            print(f"after {number:3} sessions: {kept:7.1f} MB, {len(left) - base} processes more")
        if number < count:
            asyncio.run(visit(server.address))
            if number == 0:
                time.sleep(1.0)
                base = len(children(server.number))


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=15)
    options.add_argument("--sessions", type=int, default=50)
    options.add_argument("--panel", default="microscope", help="the panel that is open")
    options.add_argument("--only", choices=["500", "5000", "sessions"])
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for hosts in SIZES:
            if chosen.only not in (None, str(hosts)):
                continue
            server = Server(hosts, Path(folder))
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"]
                )
                page = browser.new_page(viewport={"width": 1400, "height": 900})
                found = measure(page, server.address, chosen.seconds, chosen.panel)
                browser.close()
            server.close()
            words = ", ".join(f"{name} {value:.1f}" for name, value in found.items())
            load = os.getloadavg()[0]
            print(f"{hosts} PMs, {SIZES[hosts][2]} VMs, {chosen.panel}, load {load:.1f}: {words}")
        if chosen.only in (None, "sessions"):
            server = Server(500, Path(folder))
            sessions(server, chosen.sessions)
            server.close()


if __name__ == "__main__":
    main()
