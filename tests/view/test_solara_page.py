"""Mesa's own page for a cluster: `examples/solara_page.py`, without a browser."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
