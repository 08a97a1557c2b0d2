"""A live page for tests: the command in a process of its own, and a browser that opens it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, Page


@contextmanager
def live_page(*arguments: object) -> Iterator[str]:
    """Run ``cluster-emu view --no-browser`` and return the address that it prints."""
    command = [sys.executable, "-m", "cluster_emu", "view", *map(str, arguments), "--no-browser"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            found = re.search(r"http://\S+", line)
            if found is None:
                process.kill()
                assert process.stderr is not None
                raise AssertionError(f"no address but {line!r}: {process.stderr.read()}")
            yield found[0]
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


@dataclass
class Watched:
    """A page whose errors and requests are noted.

    Args:
        page: the page.
        address: where it was opened.
        errors: what went to the console as an error or a warning, and exceptions.
        requests: the addresses of all requests.
    """

    page: Page
    address: str
    errors: list[str]
    requests: list[str]

    def check(self) -> None:
        """Fail if there was an error, or a request to anywhere but the page's own server."""
        origin = re.match(r"https?://[^/]+", self.address)
        assert origin is not None
        own = (origin[0] + "/", origin[0].replace("http", "ws", 1) + "/", "blob:", "data:")
        assert not self.errors
        assert [url for url in self.requests if not url.startswith(own)] == []

    def state(self, expression: str) -> object:
        """Return a value of the page; `live` is its connection, `scene` the first lane's."""
        return self.page.evaluate(
            f"(() => {{ const {{ live, scenes }} = window.clusterEmu; const scene = scenes[0]; "
            f"return {expression}; }})()"
        )

    def time_s(self) -> float:
        """Return the time of the newest frame."""
        time_s = self.state("live.lanes[0].frame.header.time_s")
        assert isinstance(time_s, int | float)
        return float(time_s)

    def wait_for(self, expression: str, timeout_s: float = 30.0) -> None:
        """Wait until an expression, as for `state`, is true."""
        self.page.wait_for_function(
            "() => { const stage = window.clusterEmu; if (!stage) return false; "
            "const { live, scenes } = stage; const scene = scenes[0]; "
            f"try {{ return Boolean({expression}); }} catch (error) {{ return false; }} }}",
            timeout=1000 * timeout_s,
        )

    def click_thing(self, kind: str, number: int) -> None:
        """Click with the mouse where the scene has drawn a host or a migration."""
        place = self.state(
            f"""(() => {{
              const box = scene.canvas.getBoundingClientRect();
              if ({kind!r} === "migration") {{
                scene.stale = true; scene.draw(performance.now());
                const token = scene.tokens.find((one) => one.number === {number});
                return [box.left + token.x, box.top + token.y];
              }}
              const at = scene.topology;
              const up = 0.36 * scene.view.zoom;
              return [box.left + scene.px(at.x[{number}]), box.top + scene.py(at.y[{number}]) - up];
            }})()"""
        )
        assert isinstance(place, list)
        self.page.mouse.click(*place)


def open_page(chromium: Browser, address: str, **context: object) -> Watched:
    """Open the page in a context of its own and wait for its first frame."""
    page = chromium.new_context(
        viewport={"width": 1400, "height": 900}, reduced_motion="no-preference", **context
    ).new_page()
    errors: list[str] = []
    requests: list[str] = []
    page.on(
        "console",
        lambda message: (
            errors.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.on("websocket", lambda socket: requests.append(socket.url))
    page.goto(address)
    watched = Watched(page, address, errors, requests)
    watched.wait_for("live.lanes[0].frame && scene.drawn > 0", 60)
    return watched
