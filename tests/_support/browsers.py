"""The system's Chromium, for tests, benchmarks and the pictures of the live page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW = "no Chromium: tests of pages need one (Debian and Ubuntu: apt-get install chromium)"


def find_chromium() -> str | None:
    """Return the path of the system's Chromium."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def find_browser() -> str:
    """Return the system's Chromium; without one skip loudly, and fail where CI is set."""
    found = find_chromium()
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(HOW)
        pytest.skip(HOW)
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """Run a headless Chromium."""
    path = find_browser()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield chromium
        finally:
            chromium.close()
