"""Azure's public VM traces of 2017 (V1) and 2019 (V2): a table of VMs, and readings by time.

No file has a header. `vmtable` holds lifetimes and sizes, `vm_cpu_readings-file-N-of-M` a reading
per VM and 300 s, sorted by time; times are seconds from the start of the trace. In V2 sizes are
buckets, and ``>24`` cores and ``>64`` GB occur; what they stand for was never published.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.traces.contract import Roles, trace_readers
from cluster_emu.traces.detection import SAMPLES, UNUSED
from cluster_emu.traces.files import HEAD_BYTES, TraceFile, numbered, printable
from cluster_emu.traces.recorded_format import RecordedFormat
from cluster_emu.traces.recording import Recording, samples_batch
from cluster_emu.traces.rows import Column, Rows, csv_rows

READINGS = (
    Column("timestamp", least=0, most=1e11),
    Column("vmid", "text"),
    Column("mincpu", least=0, most=1e6, optional=True),
    Column("maxcpu", least=0, most=1e6, optional=True),
    Column("avgcpu", least=0, most=1e6, optional=True),
)
VMS = (
    Column("vmid", "text"),
    Column("subscriptionid", "text", optional=True),
    Column("deploymentid", "text", optional=True),
    Column("vmcreated", least=0, most=1e11),
    Column("vmdeleted", least=0, most=1e11),
    Column("maxcpu", least=0, optional=True),
    Column("avgcpu", least=0, optional=True),
    Column("p95maxcpu", least=0, optional=True),
    Column("vmcategory", "text", optional=True),
    Column("vmcorecount", "text"),
    Column("vmmemory", "text"),
)
VM_TABLE = "vms"
GIB = 2.0**30
STEP_S = 300.0
V2_MEMORY_GB = {"2", "4", "8", "32", "64", ">64"}
"""The buckets of V2; V1 has 0.75, 1.75, 3.5, 7, 14, 28, 56 and 112 GB, and some of these."""
_NUMBER = r"-?\d+(\.\d+)?([eE][-+]?\d+)?"
_READING = re.compile(rf"\d+(\.0*)?,[^,]+({',' + _NUMBER}){{3}}", re.ASCII)
_VM = re.compile(
    rf"[^,]+,[^,]*,[^,]*,\d+,\d+(,({_NUMBER})?){{3}},[^,]*,>?[\d.]+,>?[\d.]+", re.ASCII
)
_DEPLOYMENT = re.compile(r"[^,]{8,},\d+", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class _AzureFormat(RecordedFormat):
    """What both traces have in common."""

    @property
    def interval_s(self) -> float:
        """300 s, as the trace says."""
        return STEP_S

    @property
    @abstractmethod
    def open_buckets(self) -> Mapping[str, float]:
        """What sizes without an upper limit stand for."""

    @abstractmethod
    def is_of_version(self, file: TraceFile) -> bool:
        """Return whether a table of VMs is one of this version."""

    def role(self, file: TraceFile) -> str | None:
        """Return "samples" for readings, "vms" for the table of VMs."""
        line = file.first_line.strip()
        if _READING.fullmatch(line):
            return SAMPLES
        if _VM.fullmatch(line):
            return VM_TABLE
        return UNUSED if _DEPLOYMENT.fullmatch(line) else None

    def claims(self, file: TraceFile) -> bool:
        """Return whether a file has readings, or is a table of VMs of this version."""
        role = self.role(file)
        return role == SAMPLES or (role == VM_TABLE and self.is_of_version(file))

    def recording(self, files: Roles) -> Recording:
        """Begin to read the files."""
        recording = Recording((), grouped=False)
        facts: dict[str, dict[str, Any]] = {}

        def samples() -> Iterator[Any]:
            for file in sorted(files.get(VM_TABLE, ()), key=numbered):
                for rows in csv_rows(file, VMS):
                    facts.update(self._facts(file, rows, recording.tally))
            yield from _readings(sorted(files.get(SAMPLES, ()), key=numbered))

        recording.samples = samples()
        recording.facts = lambda: facts
        return recording

    def _facts(
        self, file: TraceFile, rows: Rows, tally: Counter[str]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        starts_s, ends_s = rows.numbers("vmcreated"), rows.numbers("vmdeleted")
        names = ("vmid", "deploymentid", "vmcategory", "vmcorecount", "vmmemory")
        texts = zip(*(rows.texts(name).to_pylist() for name in names), strict=True)
        for place, (vm, group, category, cores, memory) in enumerate(texts):
            line = int(rows.lines[place])
            start_s, end_s = float(starts_s[place]), float(ends_s[place])
            if end_s < start_s:
                raise file.error(line, end_s, f"vmdeleted: a time from vmcreated = {start_s:g} on")
            sizes = [
                self._size(file, line, *each)
                for each in (("vmcorecount", cores), ("vmmemory", memory))
            ]
            for text in {cores, memory} & set(self.open_buckets):
                what = "GB" if text == memory else "cores"
                tally[f"VMs with {text} {what}, taken as {self.open_buckets[text]:g}"] += 1
            yield (
                vm,
                {
                    "start_s": start_s,
                    "end_s": end_s,
                    "cpu_cores": sizes[0],
                    "memory_capacity_bytes": GIB * sizes[1],
                    "category": category,
                    "group": group,
                },
            )

    def _size(self, file: TraceFile, line: int, column: str, text: str) -> float:
        if text in self.open_buckets:
            return self.open_buckets[text]
        try:
            size = float(text)
        except ValueError:
            size = np.nan
        if not 0.0 < size < 1e6:
            or_bucket = "".join(f" or {each}" for each in self.open_buckets)
            raise file.error(line, text, f"{column}: a number above 0{or_bucket}")
        return size


@trace_readers.register("azure-2017")
@dataclass(frozen=True, kw_only=True)
class Azure2017Reader(_AzureFormat):
    """Azure's trace of 2017 (V1); give `vmtable` for lifetimes and sizes."""

    name: ClassVar[str] = "azure-2017"
    title: ClassVar[str] = "Azure 2017 (V1)"
    summary: ClassVar[str] = "readings of all VMs by time, and a table of VMs with lifetimes"
    source: ClassVar[str] = "AzurePublicDataset V1; Cortez et al., SOSP 2017"

    @property
    def open_buckets(self) -> Mapping[str, float]:
        """None: V1 has sizes."""
        return {}

    def is_of_version(self, file: TraceFile) -> bool:
        """Return whether the sizes are other than the buckets of V2."""
        return not has_buckets(file)


@trace_readers.register("azure-2019")
@dataclass(frozen=True, kw_only=True)
class Azure2019Reader(_AzureFormat):
    """Azure's trace of 2019 (V2); give `vmtable` for lifetimes and sizes.

    Args:
        cores_above_24: what the bucket ``>24`` stands for. The notebook of the data set takes 30,
            others 32.
        memory_above_64_gb: what the bucket ``>64`` stands for, in GB. The notebook of the data set
            takes 70, others 128.
    """

    name: ClassVar[str] = "azure-2019"
    title: ClassVar[str] = "Azure 2019 (V2)"
    summary: ClassVar[str] = "likewise, with sizes as buckets such as >24 cores"
    source: ClassVar[str] = "AzurePublicDataset V2, 2019"

    cores_above_24: Annotated[float, Field(gt=24, le=1e6)] = 30.0
    memory_above_64_gb: Annotated[float, Field(gt=64, le=1e6)] = 70.0

    @property
    def open_buckets(self) -> Mapping[str, float]:
        """The two buckets without an upper limit."""
        return {">24": self.cores_above_24, ">64": self.memory_above_64_gb}

    def is_of_version(self, file: TraceFile) -> bool:
        """Return whether the sizes are the buckets of V2."""
        return has_buckets(file)


def has_buckets(file: TraceFile) -> bool:
    """Return whether a table of VMs has the buckets of V2, as far as its head shows."""
    lines = printable(file.head).split("\n")
    lines = lines if len(file.head) < HEAD_BYTES else lines[:-1]
    sizes = [line.strip().split(",")[9:11] for line in lines if line.strip()]
    if any(size.startswith(">") for pair in sizes for size in pair):
        return True
    return all(len(pair) == 2 and pair[1] in V2_MEMORY_GB for pair in sizes)


def _readings(files: Sequence[TraceFile]) -> Iterator[Any]:
    for file in files:
        for rows in csv_rows(file, READINGS):
            yield samples_batch(
                rows.texts("vmid").dictionary_encode(),
                time_s=rows.numbers("timestamp"),
                cpu_share=rows.numbers("avgcpu") / 100.0,
                cpu_max_share=rows.numbers("maxcpu") / 100.0,
            )
