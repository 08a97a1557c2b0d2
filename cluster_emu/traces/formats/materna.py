"""Materna GWA-T-13: one file per VM, every field in quotes, with a decimal comma.

Times are ``dd.MM.yyyy HH:mm:ss`` without a time zone, taken as UTC. The columns count by their
names where all of these are known, and otherwise by their places. CPU capacity is 0 where a VM has
no limit, so the CPU share is the column in %.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from cluster_emu.traces.contract import Roles, trace_readers
from cluster_emu.traces.detection import SAMPLES
from cluster_emu.traces.files import TraceFile
from cluster_emu.traces.formats._vsphere import Layout, VSphereReader, layout_of
from cluster_emu.traces.recording import Recording
from cluster_emu.traces.rows import Column, Rows

NAMES = (
    "Timestamp",
    "CPU cores",
    "CPU capacity provisioned [MHZ]",
    "CPU usage [MHZ]",
    "CPU usage [%]",
    "Memory capacity provisioned [KB]",
    "Memory usage [KB]",
    "Memory usage [%]",
    "Disk read throughput [KB/s]",
    "Disk write throughput [KB/s]",
    "Disk size [GB]",
    "Network received throughput [KB/s]",
    "Network transmitted throughput [KB/s]",
)
"""The columns by place."""
TIMESTAMP = Column("Timestamp", "text")
NEEDED = frozenset({"time", "cores"})
TIME = "%d.%m.%Y %H:%M:%S"


@trace_readers.register("materna")
@dataclass(frozen=True, kw_only=True)
class MaternaReader(VSphereReader):
    """Materna GWA-T-13: one file per VM."""

    name: ClassVar[str] = "materna"
    title: ClassVar[str] = "Materna GWA-T-13"
    summary: ClassVar[str] = "one file per VM, quoted, decimal comma: CPU, memory, disk, network"
    source: ClassVar[str] = "Grid Workloads Archive, GWA-T-13 Materna, 2015"
    csv_options: ClassVar[Mapping[str, Any]] = {
        "delimiter": ";",
        "quoted": True,
        "decimal_point": ",",
    }

    def role(self, file: TraceFile) -> str | None:
        """Return "samples" for a file whose first line has names in quotes."""
        names = file.first_line.split(";")
        quoted = all(name.startswith('"') and name.endswith('"') for name in names)
        return SAMPLES if quoted and "CPU usage" in file.first_line else None

    def recording(self, files: Roles) -> Recording:
        """Begin to read the files."""
        recording = super().recording(files)
        recording.notes.append("Times without a time zone are taken as UTC.")
        return recording

    def layout(self, file: TraceFile) -> Layout:
        """Return the columns of a file."""
        names = tuple(name.strip().strip('"') for name in file.first_line.split(";"))
        layout = layout_of(names, TIMESTAMP, NEEDED)
        if isinstance(layout, str) or layout.unused or not layout.has_cpu_use:
            if len(names) != len(NAMES):
                wanted = f"{len(NAMES)} columns: {', '.join(NAMES)}"
                raise file.error(1, file.first_line, wanted)
            layout = layout_of(NAMES, TIMESTAMP, NEEDED)
        assert isinstance(layout, Layout)
        return layout

    def times_s(
        self, file: TraceFile, rows: Rows, column: str, tally: Counter[str]
    ) -> NDArray[np.float64]:
        """Return the times; a date that does not exist is refused."""
        texts = rows.texts(column)
        moments = pc.strptime(texts, format=TIME, unit="s", error_is_null=True)
        # strptime takes the 31st of February for the 3rd of March
        back = pc.strftime(moments, format=TIME)
        right = pc.fill_null(pc.equal(back, texts), False).to_numpy(zero_copy_only=False)
        if not right.all():
            place = int(np.argmin(right))
            wanted = "a date and time as dd.MM.yyyy HH:mm:ss"
            raise file.error(int(rows.lines[place]), texts[place].as_py(), wanted)
        seconds: NDArray[np.int64] = moments.cast(pa.int64()).to_numpy(zero_copy_only=False)
        return seconds.astype(np.float64)
