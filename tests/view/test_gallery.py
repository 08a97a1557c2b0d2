"""docs/gallery.md has every figure, and its pictures are there."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from cluster_emu import view
from tests._support.tools import tool

ROOT = Path(__file__).parents[2]
MOST_BYTES = 1_500_000


@pytest.fixture(scope="module")
def gallery() -> ModuleType:
    return tool("gallery")


def test_every_function_that_draws_is_in_the_gallery(gallery: ModuleType) -> None:
    functions = [name for name in view.__all__ if name.startswith(("draw_", "write_film"))]
    shown = {entry.function for entry in gallery.ENTRIES} | set(gallery.WITHOUT_PICTURE)
    shown |= set(gallery.PANELS)

    assert sorted(functions) == sorted(shown)


def test_the_page_is_what_the_tool_writes(gallery: ModuleType) -> None:
    assert (ROOT / "docs" / "gallery.md").read_text("utf-8") == gallery.page()
    assert gallery.main(["--check"]) == 0


def test_its_pictures_are_there_and_small(gallery: ModuleType) -> None:
    links = re.findall(r"\(images/gallery/([^)]+)\)", gallery.page())
    files = sorted((ROOT / "docs" / "images" / "gallery").iterdir())

    assert sorted(links) == [path.name for path in files]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    for path in files:
        with Image.open(path) as image:
            assert image.width == gallery.WIDTH


@pytest.mark.slow
def test_every_picture_can_be_drawn(gallery: ModuleType, tmp_path: Path) -> None:
    files = gallery.draw_all(tmp_path)

    there = {path.name for path in (ROOT / "docs" / "images" / "gallery").iterdir()}
    assert {path.name for path in files} == there
