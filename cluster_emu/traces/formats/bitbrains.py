"""Bitbrains GWA-T-12, fastStorage and Rnd: one file per VM, its columns named in the first line.

The separator is a semicolon and a tabulator. The header says "[ms]", but times are seconds since
1970; a file whose times are too large for seconds is read in milliseconds. CPU capacity is that of
all cores together, and may be 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from pydantic.dataclasses import dataclass

from cluster_emu.traces.contract import trace_readers
from cluster_emu.traces.detection import SAMPLES
from cluster_emu.traces.files import TraceFile
from cluster_emu.traces.formats._vsphere import VSphereReader, in_order_of_vms, vsphere_batch
from cluster_emu.traces.recording import FactBook, Recording
from cluster_emu.traces.rows import Column, csv_rows

COLUMNS = (
    Column("Timestamp [ms]", least=0, most=1e15),
    Column("CPU cores", least=0),
    Column("CPU capacity provisioned [MHZ]", least=0),
    Column("CPU usage [MHZ]", least=0),
    Column("CPU usage [%]", least=0, optional=True),
    Column("Memory capacity provisioned [KB]", least=0, optional=True),
    Column("Memory usage [KB]", least=0, optional=True),
    Column("Disk read throughput [KB/s]", least=0, optional=True),
    Column("Disk write throughput [KB/s]", least=0, optional=True),
    Column("Network received throughput [KB/s]", least=0, optional=True),
    Column("Network transmitted throughput [KB/s]", least=0, optional=True),
)
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

    def role(self, file: TraceFile) -> str | None:
        """Return "samples" for a file whose first line names the columns."""
        names = _names(file.first_line)
        return SAMPLES if names[0] == COLUMNS[0].name and "CPU usage [MHZ]" in names else None

    def batches(
        self, files: Sequence[TraceFile], facts: FactBook, recording: Recording
    ) -> Iterator[Any]:
        """Yield the samples of the files."""
        for file in in_order_of_vms(files):
            names = [column.name for column in COLUMNS]
            if _names(file.first_line) != names:
                raise file.error(1, file.first_line, f"the columns {'; '.join(names)}")
            for rows in csv_rows(file, COLUMNS, delimiter=";", header_lines=1):
                times_s = rows.numbers(COLUMNS[0].name)
                if len(times_s) and times_s.min() > LATEST_S:
                    times_s = times_s / 1e3
                    recording.tally["rows whose times are in ms"] += len(times_s)
                yield vsphere_batch(file.stem, rows, times_s, facts, recording.tally)


def _names(line: str) -> list[str]:
    return [name.strip() for name in line.split(";")]
