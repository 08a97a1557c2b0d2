"""What the traces of Bitbrains and Materna have in common: vSphere's counters, one file per VM.

The first line names the columns, with their units, in any order. Columns with other names are not
used. Units of memory and rates are KB (1,024 bytes), MB or GB.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from cluster_emu.traces.contract import Roles
from cluster_emu.traces.detection import SAMPLES
from cluster_emu.traces.files import TraceFile
from cluster_emu.traces.recorded_format import RecordedFormat
from cluster_emu.traces.recording import Clock, FactBook, Recording, samples_batch
from cluster_emu.traces.rows import Column, Rows
from cluster_emu.traces.small_files import csv_rows_of

Floats = NDArray[np.float64]

_BYTES = {"KB": 1024.0, "MB": 1024.0**2, "GB": 1024.0**3}
"""A kilobyte of vSphere's counters in bytes: 4,194,304 KB of memory are 4 GiB."""
_RATES = {f"{unit}/S": factor for unit, factor in _BYTES.items()}
_CLOCK_RATES = {"MHZ": 1.0, "GHZ": 1000.0}
_TIMES = {"MS": 1.0, "S": 1.0, "": 1.0}
_PERCENT = {"%": 0.01}
_KNOWN: Mapping[str, tuple[tuple[str, Mapping[str, float]], ...]] = {
    "timestamp": (("time", _TIMES),),
    "cpu cores": (("cores", {"": 1.0}),),
    "cpu capacity provisioned": (("capacity_mhz", _CLOCK_RATES),),
    "cpu usage": (("cpu_mhz", _CLOCK_RATES), ("cpu_share", _PERCENT)),
    "memory capacity provisioned": (("memory_capacity_bytes", _BYTES),),
    "memory usage": (("memory_bytes", _BYTES), ("memory_share", _PERCENT)),
    "disk read throughput": (("disk_read_bytes_per_s", _RATES),),
    "disk write throughput": (("disk_write_bytes_per_s", _RATES),),
    "network received throughput": (("network_received_bytes_per_s", _RATES),),
    "network transmitted throughput": (("network_sent_bytes_per_s", _RATES),),
    "disk size": (("disk_bytes", _BYTES),),
}
"""What a column holds by its name, and for which units it is multiplied by what."""
_HEADER = re.compile(r"\s*(.*?)\s*(?:\[(.*)\])?\s*", re.DOTALL)


@plain_dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a file.

    Args:
        columns: all of them, in the file's order.
        known: the column and factor of what is used, by what it is.
        unused: names of the others.
    """

    columns: tuple[Column, ...]
    known: Mapping[str, tuple[str, float]]
    unused: tuple[str, ...]

    @property
    def has_cpu_use(self) -> bool:
        """Whether there are times and the CPU use as a share, or what gives it."""
        share = "cpu_share" in self.known or {"cpu_mhz", "capacity_mhz"} <= self.known.keys()
        return "time" in self.known and share

    def values(self, rows: Rows, what: str) -> Floats:
        """Return values in the unit of their name, NaN where there are none, shape [rows]."""
        if what not in self.known:
            return np.full(len(rows.lines), np.nan)
        column, factor = self.known[what]
        values = rows.numbers(column)
        if what.endswith("_share"):
            return values / 100.0
        return values if factor == 1.0 else values * factor


@lru_cache(maxsize=64)
def layout_of(names: tuple[str, ...], time: Column, needed: frozenset[str]) -> Layout | str:
    """Return the layout of columns with these names, or what is wrong with one of them.

    Args:
        names: names with units, as in the first line.
        time: the column of times, whose name is replaced.
        needed: what no row may leave blank.
    """
    columns: list[Column] = []
    known: dict[str, tuple[str, float]] = {}
    unused: list[str] = []
    for place, name in enumerate(names):
        match = _HEADER.fullmatch(name)
        text, unit = (match[1], (match[2] or "").upper()) if match else (name, "")
        meanings = _KNOWN.get(text.lower(), ())
        what = next(((each, units[unit]) for each, units in meanings if unit in units), None)
        if meanings and what is None:
            units = [one.lower() or "none" for _, units in meanings for one in units]
            return f"{text} in one of the units {', '.join(units)}"
        if what is None:
            columns.append(Column(f"{place}: {name}", "text", optional=True))
            unused.append(name)
            continue
        if what[0] in known:
            return f"one column {known[what[0]][0]}"
        if what[0] == "time":
            columns.append(Column(name, time.kind, time.least, time.most))
        else:
            columns.append(Column(name, least=0, optional=what[0] not in needed))
        known[what[0]] = name, what[1]
    return Layout(tuple(columns), known, tuple(unused))


@dataclass(frozen=True, kw_only=True)
class VSphereReader(RecordedFormat):
    """Base of both readers; override `role`, `layout` and `times_s`."""

    clock: ClassVar[Clock] = "unix"
    csv_options: ClassVar[Mapping[str, Any]] = {}

    def recording(self, files: Roles) -> Recording:
        """Begin to read the files."""
        facts = FactBook()
        recording = Recording((), grouped=True, facts=facts.read)
        recording.samples = self._batches(files[SAMPLES], facts, recording)
        return recording

    @abstractmethod
    def layout(self, file: TraceFile) -> Layout:
        """Return the columns of a file; raise TraceError where they are not usable."""

    @abstractmethod
    def times_s(self, file: TraceFile, rows: Rows, column: str, tally: Counter[str]) -> Floats:
        """Return the times in some rows of a file in s since 1970, shape [rows]."""

    def _batches(
        self, files: Sequence[TraceFile], facts: FactBook, recording: Recording
    ) -> Iterator[Any]:
        """Yield the samples of the files, VM by VM; note what is known of the VMs.

        Files of one VM, such as one a month, follow each other.
        """
        ordered = sorted(files, key=lambda file: (file.stem, file.path))
        unused: set[str] = set()
        for _, alike in groupby(ordered, key=lambda file: file.first_line):
            group = list(alike)
            layout = self.layout(group[0])
            unused |= set(layout.unused)
            options = {"header_lines": 1, **self.csv_options}
            for file, rows in csv_rows_of(group, layout.columns, **options):
                times_s = self.times_s(file, rows, layout.known["time"][0], recording.tally)
                yield _batch(file.stem, rows, layout, times_s, facts, recording.tally)
        if unused:
            recording.notes.append(f"Columns that are not used: {', '.join(sorted(unused))}.")


def _batch(
    vm: str,
    rows: Rows,
    layout: Layout,
    times_s: Floats,
    facts: FactBook,
    tally: Counter[str],
) -> Any:
    """Return the samples in some rows of a VM's file; note the largest capacities."""
    found = {what: layout.values(rows, what) for what in layout.known if what != "time"}
    missing = np.full(len(times_s), np.nan)
    capacity_mhz = found.get("capacity_mhz", missing)
    capacity_bytes = found.get("memory_capacity_bytes", missing)
    facts.largest(
        vm,
        cpu_cores=_largest(found.get("cores", missing)),
        cpu_capacity_mhz=_largest(capacity_mhz),
        memory_capacity_bytes=_largest(capacity_bytes),
    )
    tally["rows with a CPU capacity of 0 MHz, whose CPU use in % counts"] += int(
        np.count_nonzero(capacity_mhz == 0.0)
    )
    cpu_mhz, share = found.get("cpu_mhz", missing), found.get("cpu_share", missing)
    used_bytes, memory = found.get("memory_bytes", missing), found.get("memory_share", missing)
    quantities = {
        "cpu_share": np.where(np.isnan(share), _ratio(cpu_mhz, capacity_mhz), share),
        "cpu_mhz": cpu_mhz,
        "memory_bytes": np.where(
            np.isnan(used_bytes), _product(memory, capacity_bytes), used_bytes
        ),
        "memory_share": _ratio(used_bytes, capacity_bytes),
    }
    without = np.isnan(quantities["memory_share"])
    quantities["memory_share"] = np.where(without, memory, quantities["memory_share"])
    for what in ("disk_read", "disk_write", "network_received", "network_sent"):
        quantities[f"{what}_bytes_per_s"] = found.get(f"{what}_bytes_per_s", missing)
    return samples_batch(vm, time_s=times_s, **quantities)


def _ratio(used: Floats, whole: Floats) -> Floats:
    """Return used / whole, NaN where the whole is 0, either is missing, or it is no number."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return _finite(used / whole)


def _product(share: Floats, whole: Floats) -> Floats:
    """Return share x whole, NaN where either is missing, or no number is so large."""
    with np.errstate(over="ignore"):
        return _finite(share * whole)


def _finite(values: Floats) -> Floats:
    return np.asarray(np.where(np.isfinite(values), values, np.nan))


def _largest(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.max()) if len(known) else np.nan
