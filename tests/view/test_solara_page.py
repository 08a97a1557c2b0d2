"""Mesa's own page for a cluster: `examples/solara_page.py`, without a browser."""

from __future__ import annotations

import runpy
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests._support.browsers import browser

pytest.importorskip("solara", reason="the extra `solara` is not installed")

pytestmark = pytest.mark.filterwarnings("ignore")  # Solara and Mesa warn of their own code

EXAMPLE = Path(__file__).parents[2] / "examples" / "solara_page.py"


class Rendered:
    """The example, rendered without a server."""

    def __init__(self) -> None:
        import solara
        from solara.components.applayout import AppLayout

        page = runpy.run_path(str(EXAMPLE))["page"]
        self.box, self.context = solara.render(AppLayout(children=[page]), handle_error=False)

    def widgets(self, kind: str) -> list[Any]:
        return [one for one in below(self.box, set()) if type(one).__name__ == kind]

    def images(self) -> list[bytes]:
        return [bytes(one.value) for one in self.widgets("Image")]

    def press(self, words: str) -> None:
        (button,) = (one for one in self.widgets("Btn") if one.children == [words])
        button.click()


def below(part: Any, seen: set[int]) -> Iterator[Any]:
    """Yield all widgets in a trait of another one."""
    import ipywidgets

    if isinstance(part, ipywidgets.Widget) and id(part) not in seen:
        seen.add(id(part))
        yield part
        for name in part.trait_names():
            if name not in ("comm", "log"):
                yield from below(getattr(part, name), seen)
    elif isinstance(part, dict):
        for one in part.values():
            yield from below(one, seen)
    elif isinstance(part, list | tuple):
        for one in part:
            yield from below(one, seen)


def test_the_example_has_at_most_forty_lines() -> None:
    assert len(EXAMPLE.read_text("utf-8").splitlines()) <= 40


def test_the_page_draws_and_steps() -> None:
    page = Rendered()
    before = page.images()
    assert len(before) == 4
    assert all(image.startswith(b"\x89PNG") for image in before)

    page.press("Step")
    after = page.images()
    assert len(after) == 4
    assert after[0] != before[0]
    page.context.close()


@pytest.mark.slow
def test_the_page_starts_again_with_another_seed() -> None:
    page = Rendered()
    before = page.images()
    page.press("Step")
    after = page.images()

    page.press("Reset")
    assert page.images()[0] == before[0]

    (seed,) = page.widgets("TextField")
    seed.v_model = "7"
    seed.fire_event("keyup.enter", None)
    page.press("Reset")
    page.press("Step")
    assert page.images()[0] != after[0]
    page.context.close()


@pytest.mark.slow
def test_the_page_steps_in_a_browser_and_needs_no_network() -> None:
    with served() as port, browser() as chromium:
        page = chromium.new_page()
        requests: list[str] = []
        errors: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"http://127.0.0.1:{port}", timeout=120_000)
        page.wait_for_function("document.images.length >= 4", timeout=120_000)
        before = page.evaluate("document.images[0].src")
        page.click('button:has-text("Step")')
        page.wait_for_function(
            "before => document.images[0].src !== before", arg=before, timeout=120_000
        )
    own = (f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}", "data:", "blob:")
    assert [url for url in requests if not url.startswith(own)] == []
    assert errors == []


@contextmanager
def served() -> Iterator[int]:
    """Serve the example; return the port, another one if somebody takes the first meanwhile."""
    program = [str(Path(sys.executable).with_name("solara")), "run", str(EXAMPLE), "--no-open"]
    for _ in range(5):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = ["--host", "127.0.0.1", "--port", str(port), "--production"]
        server = subprocess.Popen([*program, *options], stdout=subprocess.DEVNULL)
        try:
            if answers(server, port):
                yield port
                return
        finally:
            server.terminate()
            server.wait(timeout=30)
    raise AssertionError("the server did not start")


def answers(server: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the server answers; return False if it ended, as another one has its port."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.5)
        else:
            time.sleep(2.0)  # one that finds its port taken ends by itself
            return server.poll() is None
        if server.poll() is not None:
            return False
    return False
