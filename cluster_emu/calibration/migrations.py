"""Constants of migrations from a table of measured ones: link, setup, sync and device state.

Each constant is the median over the rows that show it, with the order-statistic interval of the
median, which assumes no distribution. Rows that were cancelled, ran beside others, or have other
capabilities than plain pre-copy do not count; nor do those of a loaded machine (`load1`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom

from cluster_emu.errors import NOTHING, ScenarioError
from cluster_emu.input_files import MOST_JSON_BYTES, read_input

QUIET_LOAD = 3.6
"""Rows of a machine with a higher load (`load1`) are noisier."""
CONFIDENCE = 0.95
PAGE_BYTES = 4096
NEEDED = ("status", "total_time_ms", "setup_ms", "transferred_bytes")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant with its interval.

    Args:
        value: the median.
        low: lower end of the 95 % interval of the median; None for too few rows.
        high: upper end.
        rows: measured migrations that show it.
    """

    value: float
    low: float | None
    high: float | None
    rows: int


@dataclass(frozen=True, slots=True)
class MigrationConstants:
    """What a table of measured migrations says.

    Args:
        rows: rows of the table.
        used: completed, plain, single and quiet ones.
        link_efficiency: bytes of memory per s over the nominal rate of the link, while it is the
            bottleneck.
        setup_s: from the request to the first page.
        sync_s_per_page: time to fetch the dirty bitmap, per page of the VM and round.
        device_s: downtime that is not spent on pages.
        cannot_tell: what the table does not show, one sentence each.
    """

    rows: int
    used: int
    link_efficiency: Constant | None
    setup_s: Constant | None
    sync_s_per_page: Constant | None
    device_s: Constant | None
    cannot_tell: tuple[str, ...]


def fit_migrations(path: Path) -> MigrationConstants:
    """Fit constants to a CSV file of measured migrations.

    Raises:
        ScenarioError: naming the file, the column and what is allowed.
    """
    table = _read(path)
    used = table[_counts(table)]
    if used.empty:
        allowed = "at least one completed plain migration on a quiet machine"
        raise ScenarioError("rows", f"{len(table)} others", allowed, file=path)
    copy_s = (_numbers(used, "total_time_ms") - _numbers(used, "setup_ms")) / 1e3
    down_s = _first_of(used, ("blackout_ms", "downtime_ms")) / 1e3
    rate = _numbers(used, "link_rate")
    pages = _numbers(used, "ram_total_bytes") / PAGE_BYTES
    syncs = _numbers(used, "rounds") - 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        efficiency = _constant(_numbers(used, "transferred_bytes") / copy_s / rate)
        sync = _constant(_numbers(used, "sync_ms_after_first") / 1e3 / syncs / pages)
        stopped = _numbers(used, "downtime_bytes") / (
            rate * (efficiency.value if efficiency else 1)
        )
    device = _constant(down_s - stopped)  # rows without a rate of the link do not count
    if device is None:  # without a limited link pages of the stop take no time that shows
        device = _constant(down_s)
    found = {"link efficiency": efficiency, "sync time": sync, "device state": device}
    return MigrationConstants(
        rows=len(table),
        used=len(used),
        link_efficiency=efficiency,
        setup_s=_constant(_numbers(used, "setup_ms") / 1e3),
        sync_s_per_page=sync,
        device_s=device,
        cannot_tell=tuple(
            f"The {what}: no row shows it." for what, one in found.items() if one is None
        ),
    )


def _read(path: Path) -> pd.DataFrame:
    try:
        read_input(path, MOST_JSON_BYTES)
        table = pd.read_csv(path)
    except OSError as error:
        raise ScenarioError("FILE", str(path), f"a readable file ({error.strerror})") from error
    except (ValueError, pd.errors.ParserError) as error:
        raise ScenarioError("content", NOTHING, f"a CSV table ({error})", file=path) from error
    missing = [name for name in NEEDED if name not in table]
    if missing:
        columns = ", ".join(map(str, table.columns[:8]))
        raise ScenarioError("columns", columns, f"a table with {', '.join(missing)}", file=path)
    for name in table:
        if name in _NUMERIC:
            numbers = pd.to_numeric(table[name], errors="coerce")
            wrong = numbers.isna() & table[name].notna() | np.isinf(numbers) | (numbers < 0)
            if wrong.any():
                place = int(np.argmax(wrong.to_numpy()))
                field = f"line {place + 2}: {name}"
                allowed = "a finite number >= 0, or nothing"
                raise ScenarioError(field, table[name].iloc[place], allowed, file=path)
            table[name] = numbers
    return table


_NUMERIC = frozenset(
    {
        "total_time_ms",
        "setup_ms",
        "transferred_bytes",
        "blackout_ms",
        "downtime_ms",
        "link_rate",
        "max_bandwidth",
        "ram_total_bytes",
        "rounds",
        "sync_ms_after_first",
        "downtime_bytes",
        "load1",
        "n_concurrent",
    }
)


def _counts(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows are completed, plain, single and quiet."""
    counts = np.array(table["status"] == "completed")
    if "capabilities" in table:
        counts &= table["capabilities"].isna().to_numpy()
    for name, most in (("load1", QUIET_LOAD), ("n_concurrent", 1.0)):
        if name in table:
            counts &= ~(table[name] > most).to_numpy()
    return np.asarray(counts, dtype=np.bool_)


def _numbers(table: pd.DataFrame, name: str) -> Floats:
    """Return a column, NaN throughout where the table has none."""
    if name not in table:
        return np.full(len(table), np.nan)
    return np.asarray(table[name], dtype=np.float64)


def _first_of(table: pd.DataFrame, names: tuple[str, ...]) -> Floats:
    found = np.full(len(table), np.nan)
    for name in names:
        found = np.where(np.isnan(found), _numbers(table, name), found)
    return found


def _constant(values: Floats) -> Constant | None:
    """Return the median of finite values and its order-statistic interval."""
    known = np.sort(values[np.isfinite(values)])
    count = len(known)
    if not count:
        return None
    below = int(binom.ppf((1 - CONFIDENCE) / 2, count, 0.5))
    # of count values the k-th from either end, with P(Bin(count, 1/2) < k) <= 2.5 %
    place = below - 1 if binom.cdf(below - 1, count, 0.5) <= (1 - CONFIDENCE) / 2 else below - 2
    if place < 0:
        return Constant(float(np.median(known)), None, None, count)
    low, high = float(known[place]), float(known[count - 1 - place])
    return Constant(float(np.median(known)), low, high, count)
