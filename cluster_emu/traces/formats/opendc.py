"""OpenDC's traces in Parquet: the current form (tasks and fragments), and the first one (v1).

Times and durations are milliseconds. In the current form a fragment has no time: each follows the
one before of its task, from the task's submission on. In v1 and 2.0 the time of a row is the end of
what it covers: it lies one duration after the time of the row before. CPU capacity is that of all
cores together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.traces.contract import Roles, trace_readers
from cluster_emu.traces.detection import SAMPLES, UNUSED
from cluster_emu.traces.files import TraceFile, numbered
from cluster_emu.traces.recorded_format import RecordedFormat
from cluster_emu.traces.recording import Clock, Recording, samples_batch
from cluster_emu.traces.rows import Column, Rows, parquet_rows

MS = 1e3
UNITS = {"KB": 2.0**10, "MB": 2.0**20, "B": 1.0}
TASKS = "tasks"
_LATEST = 1e16

FRAGMENTS_NOW = (
    Column("id", "text"),
    Column("duration", least=0, most=_LATEST),
    Column("cpu_usage", least=0, optional=True),
)
TASKS_NOW = (
    Column("id", "text"),
    Column("submission_time", least=-_LATEST, most=_LATEST),
    Column("duration", least=0, most=_LATEST),
    Column("cpu_count", least=0),
    Column("cpu_capacity", least=0),
    Column("mem_capacity", least=0),
)
ROWS_V1 = (
    Column("id", "text"),
    Column("timestamp", least=-_LATEST, most=_LATEST),
    Column("duration", least=0, most=_LATEST),
    Column("cpu_usage", least=0, optional=True),
)
META_V1 = (
    Column("id", "text"),
    Column("start_time", least=-_LATEST, most=_LATEST),
    Column("stop_time", least=-_LATEST, most=_LATEST),
    Column("cpu_count", least=0),
    Column("cpu_capacity", least=0),
    Column("mem_capacity", least=0),
)
ROWS_20 = (
    Column("id", "text"),
    Column("time", least=-_LATEST, most=_LATEST),
    Column("duration", least=0, most=_LATEST),
    Column("cpuUsage", least=0, optional=True),
)
TASKS_20 = (
    Column("id", "text"),
    Column("submissionTime", least=-_LATEST, most=_LATEST),
    Column("endTime", least=-_LATEST, most=_LATEST),
    Column("maxCores", least=0),
    Column("requiredMemory", least=0),
)


@dataclass(frozen=True, kw_only=True)
class _OpenDC(RecordedFormat):
    """What all versions have in common.

    Args:
        memory_unit: the unit of memory capacities; files do not say it.
        core_mhz: clock rate of a core, for traces without a CPU capacity (2.0).
    """

    clock: ClassVar[Clock] = "unix"

    memory_unit: Literal["KB", "MB", "B"] = "KB"
    core_mhz: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    def may_be(self, file: TraceFile, known: Sequence[TraceFile]) -> bool:
        """Return whether a file is a Parquet file that cannot be read."""
        return file.suffix == ".parquet" and not file.column_names

    def size(
        self, cores: float, memory: float, capacity_mhz: float | None = None
    ) -> dict[str, float]:
        """Return the facts about a VM's size that are known."""
        if capacity_mhz is None and self.core_mhz is not None:
            capacity_mhz = cores * self.core_mhz
        known = {"cpu_cores": cores, "memory_capacity_bytes": memory * UNITS[self.memory_unit]}
        return known if capacity_mhz is None else {**known, "cpu_capacity_mhz": capacity_mhz}

    def batch(self, rows: Rows, usage: str, facts: dict[str, dict[str, Any]], **times: Any) -> Any:
        """Return samples with their CPU use as a share of their VM's capacity."""
        vms = rows.texts("id").dictionary_encode()
        capacities = [
            facts.get(vm, {}).get("cpu_capacity_mhz", np.nan) for vm in vms.dictionary.to_pylist()
        ]
        capacity_mhz = np.array(capacities, dtype=np.float64)[vms.indices.to_numpy()]
        used_mhz = rows.numbers(usage)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(capacity_mhz > 0.0, used_mhz / capacity_mhz, np.nan)
        return samples_batch(vms, **times, cpu_share=share, cpu_mhz=used_mhz)

    def noted(self, recording: Recording, *more: str) -> Recording:
        """Return the recording with what was assumed."""
        recording.notes += [f"Memory capacities are taken as {self.memory_unit}", *more]
        return recording


@trace_readers.register("opendc")
@dataclass(frozen=True, kw_only=True)
class OpenDCReader(_OpenDC):
    """OpenDC's current form: tasks.parquet and fragments.parquet."""

    name: ClassVar[str] = "opendc"
    title: ClassVar[str] = "OpenDC"
    summary: ClassVar[str] = "tasks.parquet and fragments.parquet: lifetimes, sizes, CPU in MHz"
    source: ClassVar[str] = "OpenDC, file schema v4 and v5 (and 2.1)"

    def role(self, file: TraceFile) -> str | None:
        """Return "samples" for fragments, "tasks" for tasks, by their columns."""
        there = file.column_names
        if {"id", "submission_time", "duration"} <= there:
            return TASKS
        if {"id", "duration", "cpu_usage"} <= there and not {"timestamp", "time"} & there:
            return SAMPLES
        return UNUSED if _is_other(there) else None

    def recording(self, files: Roles) -> Recording:
        """Begin to read the files."""
        facts: dict[str, dict[str, Any]] = {}
        recording = Recording((), grouped=False, facts=lambda: facts, consecutive=True)

        def samples() -> Iterator[Any]:
            for file in sorted(files.get(TASKS, ()), key=numbered):
                for rows in parquet_rows(file, TASKS_NOW):
                    self._note(rows, facts)
            for file in sorted(files.get(SAMPLES, ()), key=numbered):
                for rows in parquet_rows(file, FRAGMENTS_NOW):
                    _check_known(file, rows, facts)
                    durations_s = rows.numbers("duration") / MS
                    yield self.batch(rows, "cpu_usage", facts, duration_s=durations_s)

        recording.samples = samples()
        return self.noted(recording)

    def _note(self, rows: Rows, facts: dict[str, dict[str, Any]]) -> None:
        start_s = rows.numbers("submission_time") / MS
        end_s = start_s + rows.numbers("duration") / MS
        columns = ("cpu_count", "mem_capacity", "cpu_capacity")
        sizes = zip(*(rows.numbers(name).tolist() for name in columns), strict=True)
        ids = rows.texts("id").to_pylist()
        for vm, start, end, size in zip(ids, start_s.tolist(), end_s.tolist(), sizes, strict=True):
            facts[vm] = {"start_s": start, "end_s": end, **self.size(*size)}


@trace_readers.register("opendc-v1")
@dataclass(frozen=True, kw_only=True)
class OpenDCV1Reader(_OpenDC):
    """OpenDC's older forms: meta.parquet and trace.parquet (v1), or tasks and fragments of 2.0."""

    name: ClassVar[str] = "opendc-v1"
    title: ClassVar[str] = "OpenDC v1"
    summary: ClassVar[str] = "meta.parquet and trace.parquet, or the files of 2.0: rows with times"
    source: ClassVar[str] = "OpenDC, trace formats v1 and 2.0"

    def role(self, file: TraceFile) -> str | None:
        """Return "samples" or "tasks", by the columns."""
        there = file.column_names
        if {"id", "start_time", "stop_time"} <= there or {"id", "submissionTime"} <= there:
            return TASKS
        if {"id", "timestamp", "cpu_usage"} <= there or {"id", "time", "cpuUsage"} <= there:
            return SAMPLES
        return UNUSED if _is_other(there) else None

    def recording(self, files: Roles) -> Recording:
        """Begin to read the files."""
        facts: dict[str, dict[str, Any]] = {}
        recording = Recording((), grouped=False, facts=lambda: facts)

        def samples() -> Iterator[Any]:
            for file in sorted(files.get(TASKS, ()), key=numbered):
                is_v1 = "start_time" in file.column_names
                for rows in parquet_rows(file, META_V1 if is_v1 else TASKS_20):
                    self._note(rows, facts, is_v1)
            for file in sorted(files.get(SAMPLES, ()), key=numbered):
                is_v1 = "timestamp" in file.column_names
                time, usage = ("timestamp", "cpu_usage") if is_v1 else ("time", "cpuUsage")
                for rows in parquet_rows(file, ROWS_V1 if is_v1 else ROWS_20):
                    _check_known(file, rows, facts)
                    durations_s = rows.numbers("duration") / MS
                    starts_s = rows.numbers(time) / MS - durations_s
                    yield self.batch(rows, usage, facts, time_s=starts_s, duration_s=durations_s)

        recording.samples = samples()
        tasks = files.get(TASKS, ())
        lacks_mhz = any("submissionTime" in file.column_names for file in tasks)
        if lacks_mhz and self.core_mhz is None:
            return self.noted(
                recording,
                "The trace has no CPU capacity: core_mhz, the clock rate of a core, is"
                " needed for CPU shares",
            )
        return self.noted(recording)

    def _note(self, rows: Rows, facts: dict[str, dict[str, Any]], is_v1: bool) -> None:
        columns = ["start_time", "stop_time", "cpu_count", "mem_capacity", "cpu_capacity"]
        if not is_v1:
            columns = ["submissionTime", "endTime", "maxCores", "requiredMemory"]
        ids = rows.texts("id").to_pylist()
        values = zip(*(rows.numbers(name).tolist() for name in columns), strict=True)
        for vm, (start_ms, end_ms, *size) in zip(ids, values, strict=True):
            facts[vm] = {"start_s": start_ms / MS, "end_s": end_ms / MS, **self.size(*size)}


def _check_known(file: TraceFile, rows: Rows, facts: dict[str, dict[str, Any]]) -> None:
    """Refuse rows of a VM that the table of VMs lacks."""
    ids = rows.texts("id").to_pylist()
    if not facts or set(ids) <= facts.keys():
        return
    place = next(place for place, vm in enumerate(ids) if vm not in facts)
    wanted = f"the id of one of {len(facts)} tasks"
    raise file.error(int(rows.lines[place]), ids[place], wanted)


def _is_other(there: Set[str]) -> bool:
    """Return whether a file has failures or carbon intensities, which are no traces of VMs."""
    return "failure_interval" in there or "carbon_intensity" in there
