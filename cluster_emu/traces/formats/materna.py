"""Materna GWA-T-13: one file per VM, every field in quotes, with a decimal comma.

Times are ``dd.MM.yyyy HH:mm:ss`` without a time zone, taken as UTC. The columns count by their
places. CPU capacity is 0 where a VM has no limit, so the CPU share is the column in %.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from cluster_emu.traces.contract import Roles, trace_readers
from cluster_emu.traces.detection import SAMPLES
from cluster_emu.traces.files import TraceFile
from cluster_emu.traces.formats._vsphere import VSphereReader, in_order_of_vms, vsphere_batch
from cluster_emu.traces.recording import FactBook, Recording
from cluster_emu.traces.rows import Column, Rows, csv_rows

COLUMNS = (
    Column("Timestamp", "text"),
    Column("CPU cores", least=0),
    Column("CPU capacity provisioned [MHZ]", least=0, optional=True),
    Column("CPU usage [MHZ]", least=0, optional=True),
    Column("CPU usage [%]", least=0, optional=True),
    Column("Memory capacity provisioned [KB]", least=0, optional=True),
    Column("Memory usage [KB]", least=0, optional=True),
    Column("Memory usage [%]", least=0, optional=True),
    Column("Disk read throughput [KB/s]", least=0, optional=True),
    Column("Disk write throughput [KB/s]", least=0, optional=True),
    Column("Disk size [GB]", least=0, optional=True),
    Column("Network received throughput [KB/s]", least=0, optional=True),
    Column("Network transmitted throughput [KB/s]", least=0, optional=True),
)
TIME = "%d.%m.%Y %H:%M:%S"


@trace_readers.register("materna")
@dataclass(frozen=True, kw_only=True)
class MaternaReader(VSphereReader):
    """Materna GWA-T-13: one file per VM."""

    name: ClassVar[str] = "materna"
    title: ClassVar[str] = "Materna GWA-T-13"
    summary: ClassVar[str] = "one file per VM, quoted, decimal comma: CPU, memory, disk, network"
    source: ClassVar[str] = "Grid Workloads Archive, GWA-T-13 Materna, 2015"

    def role(self, file: TraceFile) -> str | None:
        """Return "samples" for a file whose first line has the thirteen names in quotes."""
        names = file.first_line.split(";")
        quoted = all(name.startswith('"') and name.endswith('"') for name in names)
        return SAMPLES if quoted and "CPU usage" in file.first_line else None

    def recording(self, files: Roles) -> Recording:
        """Begin to read the files."""
        recording = super().recording(files)
        recording.notes.append("Times without a time zone are taken as UTC.")
        return recording

    def batches(
        self, files: Sequence[TraceFile], facts: FactBook, recording: Recording
    ) -> Iterator[Any]:
        """Yield the samples of the files."""
        for file in in_order_of_vms(files):
            names = file.first_line.split(";")
            if len(names) != len(COLUMNS):
                wanted = f"{len(COLUMNS)} columns: {', '.join(each.name for each in COLUMNS)}"
                raise file.error(1, file.first_line, wanted)
            rows_of = csv_rows(
                file, COLUMNS, delimiter=";", quoted=True, decimal_point=",", header_lines=1
            )
            for rows in rows_of:
                times_s = _times(file, rows)
                yield vsphere_batch(file.stem, rows, times_s, facts, recording.tally)


def _times(file: TraceFile, rows: Rows) -> NDArray[np.float64]:
    """Return times in s since 1970; a date that does not exist is refused."""
    texts = rows.texts("Timestamp")
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
