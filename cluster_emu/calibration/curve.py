"""A measured dirty curve: how many distinct pages were dirty after periods of several lengths.

The form is that of QEMU's dirty-rate measurement with several periods: ``page-size`` in bytes,
``n-total-pages``, ``periods`` in ms and ``n-dirty-pages``; the dirty pages are those among
``n-sampled-pages``, without it among all. ``dirty-resolution-pages`` says in which steps they are
counted. A period may occur more than once.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_emu.errors import NOTHING, ScenarioError
from cluster_emu.input_files import MOST_JSON_BYTES, read_input
from cluster_emu.json_input import check_keys

MOST_READINGS = 10_000
MOST_PERIOD_MS = 1e9
MOST_PAGES = 2**48

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class DirtyCurve:
    """Readings of one VM, each begun with all pages clean.

    Args:
        page_bytes: bytes of a page.
        total_pages: pages of the VM.
        sampled_pages: pages that were looked at, drawn from all.
        zero_pages: pages that hold zeros; None where nobody counted.
        periods_s: length of each reading, increasing, shape [readings].
        dirty_share: share of the pages looked at that were dirty after it, shape [readings].
        resolution_share: step in which each share is counted, 0 for none, shape [readings].
        source: where it comes from, in words.
    """

    page_bytes: int
    total_pages: int
    sampled_pages: int
    zero_pages: int | None
    periods_s: Floats
    dirty_share: Floats
    resolution_share: Floats
    source: str

    @property
    def dirty_pages(self) -> Floats:
        """Dirty pages of the whole VM after each reading, shape [readings]."""
        return self.dirty_share * self.total_pages

    @property
    def periods(self) -> int:
        """How many different periods there are."""
        return len(np.unique(self.periods_s))

    @property
    def counting_variance(self) -> Floats:
        """Variance of each share by the sample of pages and by rounding, shape [readings].

        A page that is dirty with probability q adds q (1 - q) / pages looked at; a step d of
        counting d^2 / 12. A share of 0 or 1 counts as half a page off it.
        """
        half = 0.5 / self.sampled_pages
        share = np.clip(self.dirty_share, half, 1.0 - half)
        return share * (1.0 - share) / self.sampled_pages + self.resolution_share**2 / 12.0


def read_curve(path: Path) -> DirtyCurve:
    """Read a dirty curve from a JSON file.

    Raises:
        ScenarioError: naming the file, the field and what is allowed.
    """
    try:
        content = read_input(path, MOST_JSON_BYTES)
    except OSError as error:
        raise ScenarioError("FILE", str(path), f"a readable file ({error.strerror})") from error
    check_keys(content, path)
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        allowed = f"a JSON document ({error})"
        raise ScenarioError("content", NOTHING, allowed, file=path) from error
    if not isinstance(data, dict):
        raise ScenarioError("content", NOTHING, "one JSON object", file=path)
    return curve_from(data, path)


def curve_from(data: dict[str, Any], file: Path | None = None) -> DirtyCurve:
    """Return the curve that plain data holds, see `read_curve`."""
    status = data.get("status", "measured")
    if status != "measured":
        raise ScenarioError("status", status, '"measured"', file=file)
    page_bytes = _whole(data, "page-size", 1, 2**40, file)
    total = _whole(data, "n-total-pages", 1, MOST_PAGES, file)
    sampled = _whole(data, "n-sampled-pages", 1, total, file, default=total)
    zero = None
    if data.get("n-zero-pages") is not None:
        zero = _whole(data, "n-zero-pages", 0, total, file)
    periods = _numbers(data, "periods", 1e-3, MOST_PERIOD_MS, file)
    dirty = _numbers(data, "n-dirty-pages", 0.0, float(sampled), file)
    if len(periods) != len(dirty):
        allowed = f"{len(periods)} numbers, one for each of the periods"
        raise ScenarioError("n-dirty-pages", f"{len(dirty)} numbers", allowed, file=file)
    steps = np.zeros(len(periods))
    if data.get("dirty-resolution-pages") is not None:
        steps = _numbers(data, "dirty-resolution-pages", 0.0, float(MOST_PAGES), file)
        if len(steps) != len(periods):
            allowed = f"{len(periods)} numbers, one for each of the periods"
            raise ScenarioError(
                "dirty-resolution-pages", f"{len(steps)} numbers", allowed, file=file
            )
    order = np.argsort(periods, kind="stable")
    return DirtyCurve(
        page_bytes,
        total,
        sampled,
        zero,
        periods[order] / 1e3,
        dirty[order] / sampled,
        steps[order] / sampled,
        str(data.get("source") or (file.name if file else "the readings")),
    )


def _whole(
    data: dict[str, Any],
    name: str,
    least: int,
    most: int,
    file: Path | None,
    default: int | None = None,
) -> int:
    value = data.get(name, default)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        allowed = f"a whole number from {least} to {most}"
        raise ScenarioError(name, NOTHING if value is None else value, allowed, file=file)
    return value


def _numbers(
    data: dict[str, Any], name: str, least: float, most: float, file: Path | None
) -> Floats:
    values = data.get(name)
    if not isinstance(values, list) or not 1 <= len(values) <= MOST_READINGS:
        allowed = f"a list of 1 to {MOST_READINGS} numbers"
        shown = NOTHING if values is None else type(values).__name__
        raise ScenarioError(name, shown, allowed, file=file)
    for place, value in enumerate(values):
        usable = isinstance(value, int | float) and not isinstance(value, bool)
        if not usable or not math.isfinite(value) or not least <= value <= most:
            allowed = f"a number from {least:g} to {most:g}"
            raise ScenarioError(f"{name}.{place}", value, allowed, file=file)
    return np.array(values, dtype=np.float64)
