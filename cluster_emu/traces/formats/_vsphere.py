"""What the traces of Bitbrains and Materna have in common: vSphere's counters, one file per VM."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from cluster_emu.traces.contract import Roles
from cluster_emu.traces.detection import SAMPLES
from cluster_emu.traces.files import TraceFile
from cluster_emu.traces.recorded_format import RecordedFormat
from cluster_emu.traces.recording import Clock, FactBook, Recording, samples_batch
from cluster_emu.traces.rows import Rows

KB = 1024.0
"""A kilobyte of vSphere's counters in bytes: 4,194,304 KB of memory are 4 GiB."""


@dataclass(frozen=True, kw_only=True)
class VSphereReader(RecordedFormat):
    """Base of both readers; override `role` and `batches`."""

    clock: ClassVar[Clock] = "unix"

    def recording(self, files: Roles) -> Recording:
        """Begin to read the files."""
        facts = FactBook()
        recording = Recording((), grouped=True, facts=facts.read)
        recording.samples = self.batches(files[SAMPLES], facts, recording)
        return recording

    @abstractmethod
    def batches(
        self, files: Sequence[TraceFile], facts: FactBook, recording: Recording
    ) -> Iterator[Any]:
        """Yield the samples of the files, VM by VM; note what is known of the VMs."""


def in_order_of_vms(files: Sequence[TraceFile]) -> list[TraceFile]:
    """Return the files so that those of one VM, such as one a month, follow each other."""
    return sorted(files, key=lambda file: (file.stem, file.path))


def vsphere_batch(
    vm: str, rows: Rows, times_s: NDArray[np.float64], facts: FactBook, tally: Counter[str]
) -> Any:
    """Return the samples in some rows of a VM's file; note the largest capacities."""
    capacity_mhz = rows.numbers("CPU capacity provisioned [MHZ]")
    memory_kb = rows.numbers("Memory capacity provisioned [KB]")
    facts.largest(
        vm,
        cpu_cores=_largest(rows.numbers("CPU cores")),
        cpu_capacity_mhz=_largest(capacity_mhz),
        memory_capacity_bytes=_largest(memory_kb) * KB,
    )
    tally["rows with a CPU capacity of 0 MHz, whose CPU use in % counts"] += int(
        (capacity_mhz == 0.0).sum()
    )
    used_bytes = rows.numbers("Memory usage [KB]") * KB
    with np.errstate(divide="ignore", invalid="ignore"):
        memory_share = np.where(memory_kb > 0.0, used_bytes / (memory_kb * KB), np.nan)
    return samples_batch(
        vm,
        time_s=times_s,
        cpu_share=rows.numbers("CPU usage [%]") / 100.0,
        cpu_mhz=rows.numbers("CPU usage [MHZ]"),
        memory_bytes=used_bytes,
        memory_share=memory_share,
        disk_read_bytes_per_s=rows.numbers("Disk read throughput [KB/s]") * KB,
        disk_write_bytes_per_s=rows.numbers("Disk write throughput [KB/s]") * KB,
        network_received_bytes_per_s=rows.numbers("Network received throughput [KB/s]") * KB,
        network_sent_bytes_per_s=rows.numbers("Network transmitted throughput [KB/s]") * KB,
    )


def _largest(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.max()) if len(known) else np.nan
