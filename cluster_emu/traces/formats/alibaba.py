"""Alibaba's cluster trace of 2018: containers in place of VMs, or machines.

No file has a header. Utilisations are in percent; -1 and 101 mean that a value is invalid. Memory,
memory bandwidth (mem_gps) and network are normalised to 0..100, without a unit. Steps are uneven,
10 s or more. The times of containers are said to be off by a day against those of machines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from cluster_emu.traces.contract import Roles, trace_readers
from cluster_emu.traces.detection import SAMPLES, UNUSED
from cluster_emu.traces.files import TraceFile, numbered
from cluster_emu.traces.recorded_format import RecordedFormat
from cluster_emu.traces.recording import Recording, samples_batch
from cluster_emu.traces.rows import Column, Rows, csv_rows


def _percent(name: str) -> Column:
    return Column(name, least=-1.0, most=101.0, optional=True)


def _any(name: str) -> Column:
    return Column(name, least=-1.0, optional=True)


MACHINE_USAGE = (
    Column("machine_id", "text"),
    Column("time_stamp", least=0, most=1e11),
    _percent("cpu_util_percent"),
    _percent("mem_util_percent"),
    _percent("mem_gps"),
    _any("mkpi"),
    _percent("net_in"),
    _percent("net_out"),
    _percent("disk_io_percent"),
)
CONTAINER_USAGE = (
    Column("container_id", "text"),
    Column("machine_id", "text", optional=True),
    Column("time_stamp", least=0, most=1e11),
    _percent("cpu_util_percent"),
    _percent("mem_util_percent"),
    _any("cpi"),
    _percent("mem_gps"),
    _any("mpki"),
    _percent("net_in"),
    _percent("net_out"),
    _percent("disk_io_percent"),
)
MACHINE_META = (
    Column("machine_id", "text"),
    Column("time_stamp", least=0, most=1e11),
    Column("failure_domain_1", "text", optional=True),
    Column("failure_domain_2", "text", optional=True),
    Column("cpu_num", least=0, optional=True),
    Column("mem_size", least=0, optional=True),
    Column("status", "text", optional=True),
)
CONTAINER_META = (
    Column("container_id", "text"),
    Column("machine_id", "text", optional=True),
    Column("time_stamp", least=0, most=1e11),
    Column("app_du", "text", optional=True),
    Column("status", "text", optional=True),
    Column("cpu_request", least=0, optional=True),
    Column("cpu_limit", least=0, optional=True),
    Column("mem_size", least=0, optional=True),
)
MACHINE_ROWS, MACHINES, CONTAINERS = "machine-usage", "machines", "containers"
_ID = r"[A-Za-z]\w*"
_NUMBERS = r"(,(-?\d+(\.\d+)?([eE][-+]?\d+)?)?)"
_KINDS = {
    MACHINE_ROWS: re.compile(rf"{_ID},\d+(\.0*)?{_NUMBERS}{{7}}", re.ASCII),
    SAMPLES: re.compile(rf"{_ID},({_ID})?,\d+(\.0*)?{_NUMBERS}{{8}}", re.ASCII),
    MACHINES: re.compile(rf"{_ID},\d+,[^,]*,[^,]*{_NUMBERS}{{2}},\w*", re.ASCII),
    CONTAINERS: re.compile(rf"{_ID},({_ID})?,\d+,\w*,\w*{_NUMBERS}{{3}}", re.ASCII),
}


@trace_readers.register("alibaba-2018")
@dataclass(frozen=True, kw_only=True)
class Alibaba2018Reader(RecordedFormat):
    """Alibaba's cluster trace of 2018.

    Args:
        vms: what stands for VMs: "containers" or "machines"; "none" takes containers where there
            is their usage.
    """

    name: ClassVar[str] = "alibaba-2018"
    title: ClassVar[str] = "Alibaba 2018"
    summary: ClassVar[str] = "usage and sizes of containers or machines, memory bandwidth for some"
    source: ClassVar[str] = "Alibaba clusterdata, cluster-trace-v2018"

    vms: Literal["containers", "machines"] | None = None

    def role(self, file: TraceFile) -> str | None:
        """Return what a file holds by its columns."""
        if file.stem.startswith("batch_"):
            return UNUSED
        line = file.first_line.strip()
        return next((kind for kind, form in _KINDS.items() if form.fullmatch(line)), None)

    def recording(self, files: Roles) -> Recording:
        """Begin to read the files."""
        machines = self.vms == "machines" or (self.vms is None and SAMPLES not in files)
        facts: dict[str, dict[str, Any]] = {}
        recording = Recording((), grouped=False, facts=lambda: facts)
        usage, about = (MACHINE_ROWS, MACHINES) if machines else (SAMPLES, CONTAINERS)

        def samples() -> Iterator[Any]:
            for file in sorted(files.get(about, ()), key=numbered):
                for rows in csv_rows(file, MACHINE_META if machines else CONTAINER_META):
                    (_note_machines if machines else _note_containers)(rows, facts)
            for file in sorted(files.get(usage, ()), key=numbered):
                for rows in csv_rows(file, MACHINE_USAGE if machines else CONTAINER_USAGE):
                    name = "machine_id" if machines else "container_id"
                    yield _batch(rows, name, recording.tally)

        recording.samples = samples()
        what = "machines" if machines else "containers"
        recording.notes.append(f"Its {what} stand for VMs")
        return recording


def _batch(rows: Rows, name: str, tally: Counter[str]) -> Any:
    def share(column: str) -> NDArray[np.float64]:
        values = rows.numbers(column)
        invalid = (values == -1.0) | (values == 101.0)
        with np.errstate(invalid="ignore"):
            invalid |= (values < 0.0) | (values > 100.0)
        tally[f"invalid values of {column} (-1 or 101), left out"] += int(invalid.sum())
        return np.where(invalid, np.nan, values) / 100.0

    return samples_batch(
        rows.texts(name).dictionary_encode(),
        time_s=rows.numbers("time_stamp"),
        cpu_share=share("cpu_util_percent"),
        memory_share=share("mem_util_percent"),
        memory_bandwidth_share=share("mem_gps"),
        disk_share=share("disk_io_percent"),
        network_received_share=share("net_in"),
        network_sent_share=share("net_out"),
    )


def _note_machines(rows: Rows, facts: dict[str, dict[str, Any]]) -> None:
    vms = rows.texts("machine_id").to_pylist()
    cores, memory = rows.numbers("cpu_num"), rows.numbers("mem_size")
    groups = rows.texts("failure_domain_1").to_pylist()
    for place, vm in enumerate(vms):
        known = facts.setdefault(vm, {"group": groups[place]})
        _keep(known, cpu_cores=cores[place], memory_machine_share=memory[place] / 100.0)


def _note_containers(rows: Rows, facts: dict[str, dict[str, Any]]) -> None:
    vms, hosts = rows.texts("container_id").to_pylist(), rows.texts("machine_id").to_pylist()
    groups, times_s = rows.texts("app_du").to_pylist(), rows.numbers("time_stamp")
    requests, memory = rows.numbers("cpu_request"), rows.numbers("mem_size")
    for place, vm in enumerate(vms):
        known = facts.setdefault(vm, {"group": groups[place], "host": hosts[place]})
        known["start_s"] = min(float(times_s[place]), known.get("start_s", np.inf))
        _keep(
            known,
            cpu_cores=requests[place] / 100.0,  # 100 is one core
            memory_machine_share=memory[place] / 100.0,
        )


def _keep(known: dict[str, Any], **values: float) -> None:
    known |= {name: float(value) for name, value in values.items() if np.isfinite(value)}
