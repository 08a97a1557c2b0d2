"""What a trace holds, in one form for all formats: samples of VMs, and facts about VMs.

Every format gives its samples as batches with the columns of `QUANTITIES` that it has, and what is
known of its VMs with the columns of `FACTS`. Units are seconds, bytes, MHz and shares.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

QUANTITIES: Mapping[str, str] = {
    "cpu_share": "CPU use as a share of the VM's CPU",
    "cpu_max_share": "largest CPU use within the sample, as a share of the VM's CPU",
    "cpu_mhz": "CPU use in MHz",
    "cpu_machine_share": "CPU use as a share of the largest machine's CPU",
    "memory_bytes": "memory in use",
    "memory_share": "memory in use as a share of the VM's memory",
    "memory_machine_share": "memory in use as a share of the largest machine's memory",
    "memory_bandwidth_share": "memory bandwidth, as a share of an unknown maximum",
    "disk_read_bytes_per_s": "disk read rate",
    "disk_write_bytes_per_s": "disk write rate",
    "disk_share": "share of time in which the disk is busy",
    "network_received_bytes_per_s": "network receive rate",
    "network_sent_bytes_per_s": "network send rate",
    "network_received_share": "network receive rate, as a share of an unknown maximum",
    "network_sent_share": "network send rate, as a share of an unknown maximum",
}
"""What a sample may hold besides its VM, time and duration; null where it is missing."""

FACTS: Mapping[str, tuple[Any, str]] = {
    "start_s": (pa.float64(), "when the VM starts"),
    "end_s": (pa.float64(), "when the VM ends"),
    "cpu_cores": (pa.float64(), "cores of the VM"),
    "cpu_capacity_mhz": (pa.float64(), "CPU of the VM in MHz, all cores together"),
    "cpu_machine_share": (pa.float64(), "CPU of the VM as a share of the largest machine's"),
    "memory_capacity_bytes": (pa.float64(), "memory of the VM"),
    "memory_machine_share": (pa.float64(), "memory of the VM as a share of the largest machine's"),
    "category": (pa.string(), "what kind of VM the trace says it is"),
    "group": (pa.string(), "the deployment, job or application that the VM belongs to"),
    "host": (pa.string(), "the machine that the VM first runs on"),
}
"""What may be known of a VM, and its type; null where it is not."""


Clock = Literal["unix", "trace"]
"""What times are counted from: 1970 in UTC, or the start of the trace."""


@dataclass(slots=True)
class Recording:
    """One reading of a trace, from its first file to its last.

    Args:
        samples: batches with the columns vm, time_s (or none, if `consecutive`), maybe duration_s,
            and some of `QUANTITIES`; they are read as they are asked for, and once.
        grouped: whether all rows of a VM come together. If not, they are sorted on disk.
        facts: called when the samples are read; what is known of VMs, by name.
        consecutive: whether samples have no times: each follows the one before, from the VM's
            start_s on. Facts must then be known before.
        clock: what times are counted from, where the files say it; None for what is usual.
        where: the file or folder, for errors about all of it.
        tally: how often the reader met something that a user should know, by what it is.
        notes: what the reader assumed, one sentence each.
    """

    samples: Iterable[Any]
    grouped: bool
    facts: Callable[[], Mapping[str, Mapping[str, Any]]] = field(default=dict)
    consecutive: bool = False
    clock: Clock | None = None
    where: str = ""
    tally: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class FactBook:
    """Facts about VMs that are gathered while their samples are read."""

    vms: dict[str, dict[str, Any]] = field(default_factory=dict)

    def largest(self, vm: str, **values: float) -> None:
        """Keep the largest value of each fact of a VM."""
        known = self.vms.setdefault(vm, {})
        for name, value in values.items():
            if value == value and value > known.get(name, -np.inf):
                known[name] = float(value)

    def read(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what was gathered."""
        return self.vms


def samples_batch(vm: Any, **columns: NDArray[np.float64] | Any) -> Any:
    """Return a batch of samples; NaN becomes null.

    Args:
        vm: the name of the VM of all rows, or an Arrow array of names.
        columns: numbers by column, shape [rows].
    """
    count = len(next(iter(columns.values())))
    if isinstance(vm, str):
        vm = pa.DictionaryArray.from_arrays(np.zeros(count, dtype=np.int32), pa.array([vm]))
    arrays = [pa.array(values, pa.float64(), from_pandas=True) for values in columns.values()]
    return pa.RecordBatch.from_arrays([vm, *arrays], ["vm", *columns])
