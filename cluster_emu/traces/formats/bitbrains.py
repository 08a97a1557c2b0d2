"""Bitbrains GWA-T-12, fastStorage and Rnd: one file per VM, its columns named in the first line.

The separator is a semicolon and a tabulator. The header says "[ms]", but times are seconds since
1970; a file whose times are too large for seconds is read in milliseconds. CPU capacity is that of
all cores together, and may be 0. Columns may be in any order and in other units.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from cluster_emu.traces.contract import trace_readers
from cluster_emu.traces.detection import SAMPLES
from cluster_emu.traces.files import TraceFile
from cluster_emu.traces.formats._vsphere import Layout, VSphereReader, layout_of
from cluster_emu.traces.rows import Column, Rows

NAMES = (
    "Timestamp [ms]",
    "CPU cores",
    "CPU capacity provisioned [MHZ]",
    "CPU usage [MHZ]",
    "CPU usage [%]",
    "Memory capacity provisioned [KB]",
    "Memory usage [KB]",
    "Disk read throughput [KB/s]",
    "Disk write throughput [KB/s]",
    "Network received throughput [KB/s]",
    "Network transmitted throughput [KB/s]",
)
"""The columns as the archive has them."""
TIME = Column("time", least=0, most=1e15)
NEEDED = frozenset({"time", "cores", "capacity_mhz", "cpu_mhz"})
LATEST_S = 1e11
"""A time above it, the year 5138 in seconds, is in milliseconds."""


@trace_readers.register("bitbrains")
@dataclass(frozen=True, kw_only=True)
class BitbrainsReader(VSphereReader):
    """Bitbrains GWA-T-12, fastStorage and Rnd: one file per VM."""

    name: ClassVar[str] = "bitbrains"
    title: ClassVar[str] = "Bitbrains GWA-T-12"
    summary: ClassVar[str] = "one file per VM with a header: CPU, memory, disk and network, 300 s"
    source: ClassVar[str] = "Grid Workloads Archive, GWA-T-12 Bitbrains, 2013"
    csv_options: ClassVar[Mapping[str, Any]] = {"delimiter": ";"}

    def role(self, file: TraceFile) -> str | None:
        """Return "samples" for a file whose first line names the columns."""
        names = [name.strip().lower() for name in file.first_line.split(";")]
        has_time = any(name.startswith("timestamp") for name in names)
        has_cpu = any(name.startswith("cpu usage") for name in names)
        return SAMPLES if has_time and has_cpu and '"' not in file.first_line else None

    def layout(self, file: TraceFile) -> Layout:
        """Return the columns of a file."""
        names = tuple(name.strip() for name in file.first_line.split(";"))
        layout = layout_of(names, TIME, NEEDED)
        if isinstance(layout, str):
            raise file.error(1, file.first_line, layout)
        if not layout.has_cpu_use:
            raise file.error(1, file.first_line, f"the columns {'; '.join(NAMES)}")
        return layout

    def times_s(
        self, file: TraceFile, rows: Rows, column: str, tally: Counter[str]
    ) -> NDArray[np.float64]:
        """Return the times, in ms only where they are too large for seconds."""
        times_s = rows.numbers(column)
        if len(times_s) and times_s.min() > LATEST_S:
            tally["rows whose times are in ms"] += len(times_s)
            return times_s / 1e3
        return times_s
