"""Export: what is saved is whole, and the PNG and the SVG of a view show the same."""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from tests._support.live_page import Watched, live_page, open_page
from tests.live.test_panels_page import SINGLE, lane_at, open_tab, seek

SVG = "{http://www.w3.org/2000/svg}"
MOST_DIFFERENCE = 4.0
"""Of 255, in the mean of all pixels: edges of letters are drawn differently."""
TITLES = {
    "microscope": "Microscope",
    "gantt": "Gantt",
    "links": "Link load",
    "series": "Hosts and power",
    "compare": "Side by side",
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with live_page(*SINGLE) as found:
        yield found


def saved(page: Watched, what: str, kind: str, folder: Path) -> Path:
    page.page.click("#export")
    with page.page.expect_download() as download:
        page.page.click(f"#export-{what}-{kind}")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    assert path.suffix == f".{kind}"
    return path


def texts_of(path: Path) -> list[str]:
    return ["".join(each.itertext()) for each in ET.parse(path).iter(f"{SVG}text")]


def as_drawn(chromium: Browser, path: Path) -> Image.Image:
    """Return the SVG as a browser draws it that opens the file."""
    size = ET.parse(path).getroot()
    width, height = (int(size.attrib[name]) for name in ("width", "height"))
    page = chromium.new_page(viewport={"width": width, "height": height})
    page.goto(path.as_uri())
    beyond = page.evaluate(
        """([width, height]) => [...document.querySelectorAll("text")].filter((one) => {
          const box = one.getBBox();
          return !one.closest("[clip-path]") && (box.x < 0 || box.y < 0
            || box.x + box.width > width || box.y + box.height > height);
        }).map((one) => one.textContent)""",
        [width, height],
    )
    data = page.screenshot()
    page.close()
    assert beyond == []
    return Image.open(io.BytesIO(data)).convert("RGB")


def clips_of(path: Path) -> set[str]:
    """Return the ids of a file's clips, each of which is used."""
    ids = {each.attrib["id"] for each in ET.parse(path).iter(f"{SVG}clipPath")}
    used = {each.attrib["clip-path"] for each in ET.parse(path).iter(f"{SVG}g")}
    assert used == {f"url(#{one})" for one in ids}
    return ids


def expect_same(chromium: Browser, png: Path, svg: Path) -> Image.Image:
    picture, drawn = Image.open(png).convert("RGB"), as_drawn(chromium, svg)
    assert picture.size == (2 * drawn.width, 2 * drawn.height)
    small = np.asarray(picture.resize(drawn.size, Image.Resampling.BOX), dtype=np.float64)
    assert np.abs(small - np.asarray(drawn)).mean() < MOST_DIFFERENCE
    assert len(np.unique(small.reshape(-1, 3), axis=0)) > 50
    return picture


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_cluster_and_microscope(
    chromium: Browser, address: str, tmp_path: Path, theme: str
) -> None:
    page = open_page(chromium, f"{address}?seed=3&theme={theme}")
    seek(page, 0.25)
    expected = lane_at(0.25, seed="3").panel("microscope", {})
    page.page.wait_for_selector(f"#microscope-words:text-is({expected['in_words']!r})")
    page.state("scene.motion = false")  # dashes that move would differ between two files
    svg, png = (saved(page, "both", kind, tmp_path) for kind in ("svg", "png"))
    assert svg.name == "single-with-microscope-0s.svg"

    texts = texts_of(svg)
    assert {"single", "Microscope", "host0", "host1", "Truth table", "Pages left"} <= set(texts)
    assert expected["in_words"] in " ".join(texts)
    for row in expected["truth"]["rows"]:  # also those that the page shows after scrolling only
        assert any(text.endswith(row["history"]) for text in texts)
    counts = {f"{pages:,}" for pages in expected["counts"].values()}
    assert counts <= set(texts)
    (image,) = ET.parse(svg).iter(f"{SVG}image")
    cells = Image.open(io.BytesIO(base64.b64decode(image.attrib["href"].partition(",")[2])))
    page_map = expected["page_map"]
    assert cells.size == (page_map["columns"], page_map["rows"])
    states = set(base64.b64decode(page_map["cells"]))
    assert len(np.unique(np.asarray(cells.convert("RGB")).reshape(-1, 3), axis=0)) >= len(states)

    picture = expect_same(chromium, png, svg)
    back = {"light": (255, 255, 255), "dark": (16, 21, 29)}[theme]
    assert picture.getpixel((2, 2)) == picture.getpixel((2, picture.height - 1)) == back
    # what was opened for the picture is as before
    assert page.page.locator(".panel-scroll").first.evaluate("(one) => one.clientHeight") <= 430
    assert page.page.locator("#microscope-choice").is_visible()
    page.page.context.close()
    page.check()


@pytest.mark.slow
def test_every_panel_and_two_clusters(chromium: Browser, address: str, tmp_path: Path) -> None:
    page = open_page(chromium, f"{address}?seed=3&b_strategy=qemu")
    seek(page, 5.0)
    for name, title in TITLES.items():
        open_tab(page, name)
        page.page.wait_for_function(
            "() => !document.querySelector('#panel-root canvas')"
            " || document.querySelector('#panel-root .panel-words').textContent"
        )
        svg, png = (saved(page, "panel", kind, tmp_path) for kind in ("svg", "png"))
        assert svg.name == f"single-{name}-5s.svg"
        texts = texts_of(svg)
        assert title in texts
        words = page.page.locator("#panel-root .panel-words").inner_text()
        assert words in " ".join(texts)
        expect_same(chromium, png, svg)
        if name == "gantt":
            spans = lane_at(5.0, seed="3").panel("gantt", {})["lanes"][0]["spans"]
            assert len(list(ET.parse(svg).iter(f"{SVG}rect"))) > len(spans) > 2
    svg, png = (saved(page, "cluster", kind, tmp_path) for kind in ("svg", "png"))
    captions = [text for text in texts_of(svg) if re.search("seed 3$", text)]
    assert any("qemu" in text for text in captions)
    assert len(captions) == 3  # below the title, and one of each lane
    expect_same(chromium, png, svg)
    whole = saved(page, "both", "svg", tmp_path)
    assert clips_of(svg) and clips_of(whole)
    assert not clips_of(svg) & clips_of(whole)  # both can stand in one page
    page.page.context.close()
    page.check()
