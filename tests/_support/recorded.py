"""Traces in files for tests: the made-up ones in tests/data/traces, and Parquet written here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cluster_emu.traces import Recording, TraceFormat, trace_readers
from cluster_emu.traces.detection import trace_at
from cluster_emu.traces.series import Series, series_of

MADE_UP = Path(__file__).parents[1] / "data" / "traces"

AZURE_V1 = ("azure_v1_vmtable.csv.gz", "azure_vm_cpu_readings-file-1-of-1.csv.gz")
AZURE_V2 = ("azure_v2_vmtable.csv.gz", "azure_vm_cpu_readings-file-1-of-1.csv.gz")
MACHINES = ("alibaba2018_machine_meta.csv", "alibaba2018_machine_usage.csv")
CONTAINERS = ("alibaba2018_container_meta.csv", "alibaba2018_container_usage.csv")
TRACES: dict[str, tuple[str, ...]] = {
    "planetlab": ("planetlab_vm",),
    "bitbrains": ("bitbrains_1.csv",),
    "materna": ("materna_01.csv",),
    "azure-2017": AZURE_V1,
    "azure-2019": AZURE_V2,
    "google-2011": ("google2011_task_usage.csv.gz",),
    "google-2019": ("google2019_instance_usage.jsonl",),
    "alibaba-2018": CONTAINERS,
}
"""The files of each made-up trace, by its format."""


def made_up(*names: str) -> list[Path]:
    return [MADE_UP / name for name in names]


def read(
    places: list[Path], format: str | None = None, **parameters: Any
) -> tuple[dict[str, Series], Recording]:
    """Return the samples of every VM, and the reading."""
    reader: Any = None if format is None else trace_readers.create(format, **parameters)
    assert reader is None or isinstance(reader, TraceFormat)
    recording = trace_at(places, reader).recording()
    return {series.vm: series for series in series_of(recording)}, recording


def write_parquet(path: Path, **columns: Any) -> None:
    pq.write_table(pa.table(columns), path)


def write_opendc(folder: Path) -> list[Path]:
    """Write two tasks of the current form: three fragments of one, two of the other, mixed."""
    write_parquet(
        folder / "tasks.parquet",
        id=pa.array([7, 8], pa.int32()),
        submission_time=pa.array([1_000_000, 1_600_000], pa.int64()),
        duration=pa.array([900_000, 600_000], pa.int64()),
        cpu_count=pa.array([1, 4], pa.int32()),
        cpu_capacity=pa.array([2000.0, 8000.0]),
        mem_capacity=pa.array([4_194_304, 1_048_576], pa.int64()),
    )
    write_parquet(
        folder / "fragments.parquet",
        id=pa.array([7, 8, 7, 7, 8], pa.int32()),
        duration=pa.array([300_000, 300_000, 300_000, 300_000, 300_000], pa.int64()),
        cpu_usage=pa.array([500.0, 8000.0, 1000.0, 0.0, 2000.0]),
    )
    return [folder / "fragments.parquet", folder / "tasks.parquet"]


def write_opendc_v1(folder: Path) -> list[Path]:
    """Write one VM of v1; the time of a row is the end of what it covers."""
    utc = pa.timestamp("ms", "UTC")
    write_parquet(
        folder / "meta.parquet",
        id=pa.array(["vm"]),
        start_time=pa.array([1_000_000], pa.int64()).cast(utc),
        stop_time=pa.array([2_200_000], pa.int64()).cast(utc),
        cpu_count=pa.array([2], pa.int32()),
        cpu_capacity=pa.array([5000.0]),
        mem_capacity=pa.array([2_097_152], pa.int64()),
    )
    write_parquet(
        folder / "trace.parquet",
        id=pa.array(["vm"] * 3),
        timestamp=pa.array([1_300_000, 1_600_000, 2_200_000], pa.int64()).cast(utc),
        duration=pa.array([300_000, 300_000, 600_000], pa.int64()),
        cpu_count=pa.array([2] * 3, pa.int32()),
        cpu_usage=pa.array([0.0, 1250.0, 5000.0]),
    )
    return [folder / "meta.parquet", folder / "trace.parquet"]


def write_opendc_20(folder: Path) -> list[Path]:
    """Write one task of 2.0, which has no CPU capacity."""
    write_parquet(
        folder / "tasks.parquet",
        id=pa.array(["vm"]),
        submissionTime=pa.array([1_300_000], pa.int64()),
        endTime=pa.array([1_600_000], pa.int64()),
        maxCores=pa.array([2], pa.int32()),
        requiredMemory=pa.array([1024], pa.int64()),
    )
    write_parquet(
        folder / "fragments.parquet",
        id=pa.array(["vm"] * 2),
        time=pa.array([1_300_000, 1_600_000], pa.int64()),
        duration=pa.array([300_000] * 2, pa.int64()),
        cores=pa.array([2] * 2, pa.int32()),
        cpuUsage=pa.array([600.0, 1200.0]),
        flops=pa.array([0, 0], pa.int64()),
    )
    return [folder / "fragments.parquet", folder / "tasks.parquet"]


def assert_same_series(one: Series, other: Series) -> None:
    assert one.vm == other.vm
    for name in ("times_s", "durations_s"):
        assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
    assert one.quantities.keys() == other.quantities.keys()
    for name, values in one.quantities.items():
        assert np.array_equal(values, other.quantities[name], equal_nan=True)
