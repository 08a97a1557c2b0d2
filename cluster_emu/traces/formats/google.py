"""Google's cluster traces of 2011 (CSV) and 2019 (JSON lines): tasks instead of VMs.

A task, job and index, stands for a VM. Times are microseconds. CPU and memory are normalised: 1 is
the largest machine. So a CPU share is one of that machine, unless it is taken of what the task
requested.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic.dataclasses import dataclass

from cluster_emu.traces.contract import Roles, trace_readers
from cluster_emu.traces.detection import SAMPLES, UNUSED
from cluster_emu.traces.files import TraceFile, numbered
from cluster_emu.traces.recorded_format import RecordedFormat
from cluster_emu.traces.recording import Recording, samples_batch
from cluster_emu.traces.rows import Column, Rows, csv_rows, json_rows

US = 1e6
AFTER_TRACE_US = 2.0**63 - 1025
"""Times from it on (2^63 - 1 in the files) mean: after the end of the trace."""
EVENTS = "events"


def _optional(*names: str) -> list[Column]:
    return [Column(name, least=-1e30, optional=True) for name in names]


def _share(name: str) -> Column:
    return Column(name, least=0.0, optional=True)


USAGE_2011 = (
    Column("start time", least=0),
    Column("end time", least=0),
    Column("job ID", "text"),
    Column("task index", "text"),
    Column("machine ID", "text", optional=True),
    _share("CPU rate"),
    _share("canonical memory usage"),
    *_optional("assigned memory usage", "unmapped page cache", "total page cache"),
    *_optional("maximum memory usage", "disk I/O time", "local disk space usage"),
    _share("maximum CPU rate"),
    *_optional("maximum disk IO time", "cycles per instruction"),
    *_optional("memory accesses per instruction", "sample portion", "aggregation type"),
    *_optional("sampled CPU usage"),
)
EVENTS_2011 = (
    Column("time", least=0),
    *_optional("missing info"),
    Column("job ID", "text"),
    Column("task index", "text"),
    Column("machine ID", "text", optional=True),
    Column("event type", least=0, most=8),
    Column("user", "text", optional=True),
    *_optional("scheduling class", "priority"),
    _share("CPU request"),
    _share("memory request"),
    *_optional("disk space request", "different machines restriction"),
)
SCHEDULE, ENDS_2011 = 1, (2, 3, 4, 5, 6)
"""Events of a task: it begins to run; it is evicted, fails, finishes, is killed or lost."""


@dataclass(frozen=True, kw_only=True)
class _GoogleFormat(RecordedFormat):
    """What both traces have in common.

    Args:
        cpu_of: what a CPU share is one of: the largest "machine", or the task's "request", which
            needs the files of task events.
    """

    cpu_of: Literal["machine", "request"] = "machine"


@trace_readers.register("google-2011")
@dataclass(frozen=True, kw_only=True)
class Google2011Reader(_GoogleFormat):
    """Google's trace of 2011 (v2.1): task_usage, and task_events for lifetimes and requests."""

    name: ClassVar[str] = "google-2011"
    title: ClassVar[str] = "Google 2011 (v2.1)"
    summary: ClassVar[str] = "task_usage and task_events in CSV: tasks in place of VMs"
    source: ClassVar[str] = "Reiss, Wilkes, Hellerstein: Google cluster-usage traces, 2011"

    @property
    def interval_s(self) -> float:
        """300 s, the usual measurement period."""
        return 300.0

    def role(self, file: TraceFile) -> str | None:
        """Return "samples" for task_usage, "events" for task_events, by their columns."""
        lines = [line for line in file.lines[:3] if line.strip() and not line.startswith("#")]
        fields = lines[0].split(",") if lines else []
        if len(fields) in (19, 20) and _are_numbers(fields[:6]):
            return SAMPLES
        if len(fields) == 13 and _are_numbers([fields[0], fields[2], fields[3], fields[5]]):
            return EVENTS
        is_table = file.name.startswith(("machine_", "job_events", "task_constraints", "part-"))
        is_machines = len(fields) == 6 and _are_numbers(fields[:3])
        return UNUSED if (is_table and is_machines) or _is_table(file, fields) else None

    def recording(self, files: Roles) -> Recording:
        """Begin to read the files."""
        facts: dict[str, dict[str, Any]] = {}
        recording = Recording((), grouped=False, facts=lambda: facts)

        def samples() -> Iterator[Any]:
            for file in sorted(files.get(EVENTS, ()), key=numbered):
                for rows in csv_rows(file, EVENTS_2011, header_lines=_comments(file)):
                    _note_events(rows, facts)
            for file in sorted(files.get(SAMPLES, ()), key=numbered):
                columns = USAGE_2011[: len(_fields(file))]
                for rows in csv_rows(file, columns, header_lines=_comments(file)):
                    yield self._batch(file, rows, facts)

        recording.samples = samples()
        recording.notes.append(_note_of(self.cpu_of))
        return recording

    def _batch(self, file: TraceFile, rows: Rows, facts: dict[str, dict[str, Any]]) -> Any:
        start_us, end_us = rows.numbers("start time"), rows.numbers("end time")
        _check_order(file, rows, start_us, end_us)
        return _usage_batch(
            self.cpu_of,
            facts,
            _names(rows.texts("job ID"), rows.texts("task index")),
            start_us,
            end_us,
            rows.numbers("CPU rate"),
            rows.numbers("maximum CPU rate"),
            rows.numbers("canonical memory usage"),
        )


def _usage_batch(
    cpu_of: str,
    facts: dict[str, dict[str, Any]],
    vms: Any,
    start_us: Any,
    end_us: Any,
    cpu: Any,
    cpu_max: Any,
    memory: Any,
) -> Any:
    encoded = vms.dictionary_encode()
    whole = np.ones(len(encoded))
    if cpu_of == "request":
        requests = [
            facts.get(vm, {}).get("cpu_machine_share", np.nan)
            for vm in encoded.dictionary.to_pylist()
        ]
        whole = np.array(requests)[encoded.indices.to_numpy()]
        whole = np.where(whole > 0.0, whole, np.nan)
    return samples_batch(
        encoded,
        time_s=start_us / US,
        duration_s=(end_us - start_us) / US,
        cpu_share=cpu / whole,
        cpu_max_share=cpu_max / whole,
        cpu_machine_share=cpu,
        memory_machine_share=memory,
    )


def _check_order(file: TraceFile, rows: Rows, start_us: Any, end_us: Any) -> None:
    wrong = ~((end_us > start_us) & (end_us < AFTER_TRACE_US))
    if wrong.any():
        place = int(np.argmax(wrong))
        wanted = f"an end time after the start time {start_us[place]:.0f} us"
        raise file.error(int(rows.lines[place]), float(end_us[place]), wanted)


def _names(jobs: Any, tasks: Any) -> Any:
    return pc.binary_join_element_wise(jobs, tasks, "-")


def _note_of(cpu_of: str) -> str:
    if cpu_of == "request":
        return "A CPU share is one of what the task requested; tasks without a request are left out"
    return "A CPU share is one of the largest machine (cpu_of=request takes that of the request)"


def _note_events(rows: Rows, facts: dict[str, dict[str, Any]]) -> None:
    """Note when tasks begin to run and end, and what they request."""
    vms = _names(rows.texts("job ID"), rows.texts("task index")).to_pylist()
    times_s, kinds = rows.numbers("time") / US, rows.numbers("event type")
    cpu, memory = rows.numbers("CPU request"), rows.numbers("memory request")
    hosts = rows.texts("machine ID").to_pylist()
    jobs = rows.texts("job ID").to_pylist()
    for place, vm in enumerate(vms):
        known = facts.setdefault(vm, {"group": jobs[place]})
        time_s = float(times_s[place])
        if time_s >= AFTER_TRACE_US / US:
            continue
        if kinds[place] == SCHEDULE:
            known.setdefault("start_s", time_s)
            known.setdefault("host", hosts[place])
        elif int(kinds[place]) in ENDS_2011:
            known["end_s"] = time_s
        for name, value in (("cpu_machine_share", cpu), ("memory_machine_share", memory)):
            if np.isfinite(value[place]):
                known[name] = float(value[place])


def _fields(file: TraceFile) -> list[str]:
    """Return the fields of the first line that is no comment."""
    return file.lines[min(_comments(file), len(file.lines) - 1)].split(",")


def _comments(file: TraceFile) -> int:
    """Return how many lines at the start are comments, as in samples of other simulators."""
    count = 0
    while count < len(file.lines) and file.lines[count].startswith("#"):
        count += 1
    return count


def _is_table(file: TraceFile, fields: list[str]) -> bool:
    tables = ("machine_events", "machine_attributes", "job_events", "task_constraints")
    return file.name.startswith(tables) and len(fields) in (4, 5, 6, 8)


def _are_numbers(fields: Sequence[str]) -> bool:
    try:
        return all(float(field or "0") >= 0.0 for field in fields)
    except ValueError:
        return False


# --- 2019 -----------------------------------------------------------------------------------------

INTEGERS = ("start_time", "end_time", "collection_id", "instance_index")
USAGE_2019 = (
    Column("start_time", least=0),
    Column("end_time", least=0),
    Column("collection_id", "text"),
    Column("instance_index", "text"),
    _share("average_usage.cpus"),
    _share("average_usage.memory"),
    _share("maximum_usage.cpus"),
    _share("maximum_usage.memory"),
)


@trace_readers.register("google-2019")
@dataclass(frozen=True, kw_only=True)
class Google2019Reader(RecordedFormat):
    """Google's trace of 2019 (v3): InstanceUsage as JSON lines, as BigQuery exports it."""

    name: ClassVar[str] = "google-2019"
    title: ClassVar[str] = "Google 2019 (v3)"
    summary: ClassVar[str] = "InstanceUsage as JSON lines: instances in place of VMs"
    source: ClassVar[str] = "Wilkes: Google cluster-usage traces v3, 2020"

    @property
    def interval_s(self) -> float:
        """300 s, the usual measurement period."""
        return 300.0

    def role(self, file: TraceFile) -> str | None:
        """Return "samples" for JSON objects with a usage."""
        line = file.first_line.strip()
        is_usage = '"start_time"' in line and '"average_usage"' in line
        return SAMPLES if line.startswith("{") and is_usage else None

    def recording(self, files: Roles) -> Recording:
        """Begin to read the files."""
        recording = Recording((), grouped=False)

        def samples() -> Iterator[Any]:
            for file in sorted(files[SAMPLES], key=numbered):
                for rows in json_rows(file, USAGE_2019, _schema(file)):
                    yield self._batch(file, rows)

        recording.samples = samples()
        recording.notes.append(_note_of("machine").partition(" (")[0])
        return recording

    def _batch(self, file: TraceFile, rows: Rows) -> Any:
        start_us, end_us = rows.numbers("start_time"), rows.numbers("end_time")
        _check_order(file, rows, start_us, end_us)
        return _usage_batch(
            "machine",
            {},
            _names(rows.texts("collection_id"), rows.texts("instance_index")),
            start_us,
            end_us,
            rows.numbers("average_usage.cpus"),
            rows.numbers("maximum_usage.cpus"),
            rows.numbers("average_usage.memory"),
        )


def _schema(file: TraceFile) -> Any:
    """Return the fields that are read; whole numbers are texts where BigQuery exported them."""
    usage = pa.struct([("cpus", pa.float64()), ("memory", pa.float64())])
    fields = [
        (name, pa.string() if f'"{name}":"' in file.first_line.replace(" ", "") else pa.int64())
        for name in INTEGERS
    ]
    return pa.schema([*fields, ("average_usage", usage), ("maximum_usage", usage)])
