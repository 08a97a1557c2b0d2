"""Measured QEMU migrations: rows of a CSV file, each with its configuration and what came of it."""

from __future__ import annotations

import csv
import io
import math
import re
from codecs import BOM_UTF8
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cluster_emu.errors import ScenarioError
from cluster_emu.input_files import MOST_JSON_BYTES, read_input
from cluster_emu.validation.qemu.guest import WRITER_AGE_S

PAGE_BYTES = 4096
MODES = ("idle", "uniform", "hotcold", "seq", "three", "burst", "moving")
"""How the guest writes; docs of the harness say what each is."""
CAPABILITIES = ("", "auto-converge", "postcopy-ram", "xbzrle")

_AT = re.compile(r"post-copy asked for at ([0-9.]+) s")
_INITIAL = re.compile(r"cpu-throttle-initial=(\d+)")
_INCREMENT = re.compile(r"cpu-throttle-increment=(\d+)")
_CACHE = re.compile(r"xbzrle-cache-size=(\d+)")
_VERSION = re.compile(r"qemu (\d+)\.")
_PHASE = "abcdefghijklmnop"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What was set before a migration began, and nothing of what came of it.

    Args:
        name: the row's id.
        cfg: the configuration's name; repeats share it.
        mode: how the guest writes, one of `MODES`.
        total_pages: pages of all RAM blocks.
        zero_pages: of these, pages that hold zeros when the migration begins.
        working_set_pages: pages that the guest's writer writes.
        writer_pages: pages that it has filled, the working set first.
        hot_share: share of the working set that is hot, of mode "hotcold".
        hot_writes: share of the writes that go there.
        writes_per_s: page writes per second of the writer.
        is_cpu_bound: whether it never sleeps, so that any throttling slows it down.
        is_heavy: whether a write changes all of its page, not one word.
        max_bandwidth_bytes_per_s: QEMU's max-bandwidth.
        link_bytes_per_s: rate of the relay between the two QEMUs; infinite without one.
        downtime_limit_s: QEMU's downtime-limit.
        capability: one of `CAPABILITIES`.
        throttle_initial_percent: cpu-throttle-initial.
        throttle_increment_percent: cpu-throttle-increment.
        post_copy_after_s: seconds after the setup at which post-copy is asked for; NaN for never.
        cache_bytes: size of the XBZRLE cache.
        observed_s: seconds after the setup at which the migration is cancelled if it still runs.
        starts_s: wall time at the end of the setup.
        major_version: of QEMU.
        setup_s: length of the setup.
        writer_age_s: time from the writer's start to `migrate`.
    """

    name: str
    cfg: str
    mode: str
    total_pages: int
    zero_pages: int
    working_set_pages: int
    writer_pages: int
    hot_share: float
    hot_writes: float
    writes_per_s: float
    is_cpu_bound: bool
    is_heavy: bool
    max_bandwidth_bytes_per_s: float
    link_bytes_per_s: float
    downtime_limit_s: float
    capability: str
    throttle_initial_percent: int
    throttle_increment_percent: int
    post_copy_after_s: float
    cache_bytes: int
    observed_s: float
    starts_s: float
    major_version: int
    setup_s: float
    writer_age_s: float

    @property
    def is_limited_by_link(self) -> bool:
        """Whether a relay, not max-bandwidth, limits the rate."""
        return self.link_bytes_per_s < math.inf


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a migration, measured or emulated.

    Args:
        converged: whether it completed by itself.
        total_time_s: from the end of the setup to the end.
        downtime_s: from the stop at the source to the resume at the target.
        rounds: live rounds, each of which ends with a reading of the dirty log.
        transferred_bytes: bytes sent.
    """

    converged: bool
    total_time_s: float
    downtime_s: float
    rounds: float
    transferred_bytes: float


@dataclass(frozen=True, slots=True)
class MeasuredMigration:
    """A row of the file.

    Args:
        configuration: what was set.
        outcome: what was measured.
        load: load of the machine that it was measured on (`load1`).
        concurrent: how many migrations shared the link.
    """

    configuration: Configuration
    outcome: Outcome
    load: float
    concurrent: int

    @property
    def mode(self) -> str:
        """The name under which its errors are reported."""
        if self.concurrent > 1:
            return "concurrent"
        others = {"auto-converge": "autoconverge", "postcopy-ram": "postcopy", "xbzrle": "xbzrle"}
        return others.get(self.configuration.capability, self.configuration.mode)

    @property
    def is_plain(self) -> bool:
        """Whether it is a pre-copy migration by itself, without capabilities."""
        return self.concurrent == 1 and not self.configuration.capability

    @property
    def group(self) -> str:
        """The same for migrations that ran together: the id, without its last letter."""
        name = self.configuration.name
        return name[:-1] if self.concurrent > 1 and name[-1:] in _PHASE else name


NOT_IN_THE_ROWS: dict[str, dict[str, float]] = {
    "PC1": {"post_copy_after_s": 6.0},
    "PC2": {"post_copy_after_s": 1.0},
    "PC3": {"post_copy_after_s": 2.0},
    "XB4": {"cache_bytes": 16 * 2**20},
    "AC3": {"throttle_increment_percent": 20},
}
"""Settings that the shipped rows lack, by configuration; rows with a note say them there."""
DEFAULT_OBSERVED_S = 300.0
DEFAULT_CACHE_BYTES = 64 * 2**20
INITIAL_PERCENT, INCREMENT_PERCENT = 20, 10
MEANINGLESS = "rate_req meaningless"


def read_migrations(path: Path) -> list[MeasuredMigration]:
    """Return the migrations of a CSV file, in its order.

    Raises:
        ScenarioError: naming file, line and column, if it cannot be read or a value is not allowed.
    """
    try:
        content = read_input(path, MOST_JSON_BYTES).removeprefix(BOM_UTF8)
        text = content.decode("utf-8")
    except OSError as error:
        raise ScenarioError("file", str(path), f"a readable file ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ScenarioError("file", str(path), "text in UTF-8") from error
    try:
        return list(_migrations(csv.DictReader(io.StringIO(text, newline=""), strict=True)))
    except csv.Error as error:
        raise ScenarioError("file", str(path), f"a CSV file ({error})") from error
    except ScenarioError as error:
        raise error.at(file=path) from error


def _migrations(reader: csv.DictReader[str]) -> Iterable[MeasuredMigration]:
    if not reader.fieldnames or "id" not in reader.fieldnames:
        raise ScenarioError("line 1", str(reader.fieldnames), "a header with the column id")
    names: set[str] = set()
    for row in reader:
        cells = _Cells({key: value for key, value in row.items() if key}, reader.line_num)
        name = cells.text("id")
        if name in names:
            raise ScenarioError(cells.place("id"), name, "an id that no other line has")
        names.add(name)
        yield _migration(cells)
    if not names:
        raise ScenarioError("line 2", "end of the file", "at least one migration")


class _Cells:
    """The cells of one line, with messages that name line and column."""

    def __init__(self, row: dict[str, str | None], line: int) -> None:
        self._row = row
        self._line = line

    def place(self, column: str) -> str:
        return f"line {self._line}, {column}"

    def text(self, column: str, allowed: tuple[str, ...] = ()) -> str:
        found = self._row.get(column)
        if found is None:
            raise ScenarioError(self.place(column), None, "a value in this column")
        found = found.strip()
        if allowed and found not in allowed:
            known = ", ".join(name or "nothing" for name in allowed)
            raise ScenarioError(self.place(column), found, f"one of {known}")
        return found

    def number(self, column: str, least: float = 0.0, missing: float | None = None) -> float:
        found = (self._row.get(column) or "").strip()
        if not found and missing is not None:
            return missing
        try:
            value = float(found)
        except ValueError:
            value = math.nan
        if not least <= value < math.inf:
            raise ScenarioError(self.place(column), found, f"a number >= {least:g}")
        return value

    def count(self, column: str, least: int = 0) -> int:
        return round(self.number(column, least))


def _migration(cells: _Cells) -> MeasuredMigration:
    setup_s = cells.number("setup_ms") / 1000
    converged = cells.count("converged") > 0
    return MeasuredMigration(
        _configuration(cells, setup_s),
        Outcome(
            converged,
            cells.number("total_time_ms") / 1000 - setup_s,
            cells.number("blackout_ms", missing=math.nan) / 1000,
            cells.count("rounds") - 2 if converged else cells.count("rounds") - 1,
            cells.number("transferred_bytes"),
        ),
        cells.number("load1", missing=0.0),
        cells.count("n_concurrent", 1),
    )


def _configuration(cells: _Cells, setup_s: float) -> Configuration:
    name, cfg = cells.text("id"), cells.text("cfg")
    note = (cells._row.get("note") or "").strip()
    capability = cells.text("capabilities", CAPABILITIES)
    total_pages = round(cells.number("ram_total_bytes", PAGE_BYTES) / PAGE_BYTES)
    is_link = cells.text("regime", ("cap", "link")) == "link"
    known = NOT_IN_THE_ROWS.get(cfg, {})
    post_copy_s = _noted(_AT, note, known.get("post_copy_after_s", math.nan))
    if capability != "postcopy-ram":
        post_copy_s = math.nan
    group = (cells._row.get("group") or "").strip()
    is_cpu_bound = MEANINGLESS in note or group.endswith("_cpu")
    observed_s = cells.number("cancel_after_ms", missing=1000 * DEFAULT_OBSERVED_S) / 1000
    return Configuration(
        name=name,
        cfg=cfg,
        mode=cells.text("mode", MODES),
        total_pages=total_pages,
        zero_pages=min(cells.count("duplicate_pages"), total_pages - 1),
        working_set_pages=cells.count("ws_pages", 1),
        writer_pages=cells.count("alloc_pages", 1),
        hot_share=cells.number("hot_frac", missing=0.1),
        hot_writes=cells.number("hot_share", missing=0.9),
        writes_per_s=cells.number("rate_pre" if is_cpu_bound else "rate_req"),
        is_cpu_bound=is_cpu_bound,
        is_heavy=cells.number("dirtied_words_heavy", missing=0.0) > 0,
        max_bandwidth_bytes_per_s=cells.number("max_bandwidth", 1) or math.inf,
        link_bytes_per_s=cells.number("link_rate", 1) if is_link else math.inf,
        downtime_limit_s=cells.number("downtime_limit_ms", 1) / 1000,
        capability=capability,
        throttle_initial_percent=round(_noted(_INITIAL, note, INITIAL_PERCENT)),
        throttle_increment_percent=round(
            _noted(_INCREMENT, note, known.get("throttle_increment_percent", INCREMENT_PERCENT))
        ),
        post_copy_after_s=max(post_copy_s - setup_s, 0.0) if post_copy_s > 0 else math.nan,
        cache_bytes=round(_noted(_CACHE, note, known.get("cache_bytes", DEFAULT_CACHE_BYTES))),
        observed_s=max(observed_s - setup_s, 1e-3),
        starts_s=cells.number("start_epoch", missing=0.0) + setup_s,
        major_version=round(_noted(_VERSION, note, 10 if group.startswith("q10_") else 7)),
        setup_s=setup_s,
        writer_age_s=cells.number("writer_age_s", missing=WRITER_AGE_S.value),
    )


def _noted(pattern: re.Pattern[str], note: str, otherwise: float) -> float:
    found = pattern.search(note)
    return float(found[1]) if found else otherwise
