"""What it costs to load traces: a thousand VMs of one day in every format, and a month of more.

    pytest benchmarks/bench_traces.py -s

Targets on two cores: less than 3 s for a day; less than 1 GiB for a run of a month of 2,000 VMs.
"""

from __future__ import annotations

import gzip
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from cluster_emu.traces import Replay
from cluster_emu.traces.converting import write_neutral
from cluster_emu.traces.describing import survey
from cluster_emu.traces.detection import trace_at
from cluster_emu.traces.formats import bitbrains as bitbrains_format
from cluster_emu.traces.formats import materna as materna_format
from cluster_emu.traces.formats.auto import AutoReader

VMS, SAMPLES = 1000, 288
MONTH_VMS, MONTH_SAMPLES = 2000, 30 * 288
START_S = 1_376_314_846
Percent = NDArray[np.int64]


def planetlab(folder: Path, percent: Percent) -> None:
    for vm, row in enumerate(percent.tolist()):
        (folder / f"vm{vm:04}").write_text("\n".join(map(str, row)) + "\n")


def timed(folder: Path, percent: Percent) -> None:
    for vm, row in enumerate(percent.tolist()):
        lines = [f"{300 * i},{use}" for i, use in enumerate(row)]
        (folder / f"vm{vm:04}.csv").write_text("\n".join(lines) + "\n")


def bitbrains(folder: Path, percent: Percent) -> None:
    header = ";\t".join(bitbrains_format.NAMES)
    for vm, row in enumerate(percent.tolist()):
        lines = [
            f"{START_S + 300 * i};\t2;\t5200.0;\t{52.0 * use};\t{float(use)};\t4194304.0;\t1e6"
            ";\t0.0;\t1.5;\t0.2;\t0.1"
            for i, use in enumerate(row)
        ]
        (folder / f"{vm}.csv").write_text("\n".join([header, *lines]) + "\n")


def materna(folder: Path, percent: Percent) -> None:
    header = ";".join(f'"{name}"' for name in materna_format.NAMES)
    times = [datetime.fromtimestamp(START_S + 300 * i, UTC) for i in range(percent.shape[1])]
    texts = [time.strftime("%d.%m.%Y %H:%M:%S") for time in times]
    for vm, row in enumerate(percent.tolist()):
        lines = [
            f'"{text}";"2";"0";"{110 + use}";"{use},43";"6291456";"1132462";"17,99";"19";"22";"84"'
            ';"3";"1"'
            for text, use in zip(texts, row, strict=True)
        ]
        (folder / f"{vm:03}.csv").write_text("\n".join([header, *lines]) + "\n")


def by_time(line: str, percent: Percent) -> bytes:
    """Return lines sorted by time, with the start and the end of a sample, its VM and its use."""
    rows = [
        line.format(start=300 * i, end=300 * i + 300, vm=vm, use=use)
        for i, column in enumerate(percent.T.tolist())
        for vm, use in enumerate(column)
    ]
    return "".join(rows).encode()


def azure(folder: Path, percent: Percent) -> None:
    lines = by_time("{start},vm{vm},0.5,{use}.5,{use}.25\n", percent)
    path = folder / "vm_cpu_readings-file-1-of-1.csv.gz"
    path.write_bytes(gzip.compress(lines, compresslevel=1))


def google_2011(folder: Path, percent: Percent) -> None:
    rest = "0.07,0.075,0.001,0.0015,0.07,2.8e-06,0.00018,0.039,0.00035,2.44,0.0072,0,1,0"
    line = f"{{start}}000000,{{end}}000000,{{vm}},0,5,0.{{use:02}},{rest}\n"
    path = folder / "task_usage-part-0.csv.gz"
    path.write_bytes(gzip.compress(by_time(line, percent), compresslevel=1))


def google_2019(folder: Path, percent: Percent) -> None:
    line = (
        '{{"start_time":"{start}000000","end_time":"{end}000000","collection_id":"{vm}",'
        '"instance_index":0,"machine_id":"5","average_usage":{{"cpus":0.{use:02},"memory":0.02}},'
        '"maximum_usage":{{"cpus":0.03,"memory":0.02}},"assigned_memory":0.03}}\n'
    )
    (folder / "usage.json").write_bytes(by_time(line, percent))


def alibaba(folder: Path, percent: Percent) -> None:
    line = "c_{vm},m_1,{start},{use},63,1.2,0.4,0,,,3\n"
    (folder / "container_usage.csv").write_bytes(by_time(line, percent))


def opendc(folder: Path, percent: Percent) -> None:
    vms, samples = percent.shape
    tasks = {
        "id": pa.array(range(vms), pa.int32()),
        "submission_time": pa.array([0] * vms, pa.int64()),
        "duration": pa.array([300_000 * samples] * vms, pa.int64()),
        "cpu_count": pa.array([1] * vms, pa.int32()),
        "cpu_capacity": pa.array([2000.0] * vms),
        "mem_capacity": pa.array([4_194_304] * vms, pa.int64()),
    }
    fragments = {
        "id": pa.array(np.repeat(np.arange(vms), samples), pa.int32()),
        "duration": pa.array(np.full(vms * samples, 300_000)),
        "cpu_usage": pa.array(20.0 * percent.ravel()),
    }
    pq.write_table(pa.table(tasks), folder / "tasks.parquet")
    pq.write_table(pa.table(fragments), folder / "fragments.parquet")


def opendc_v1(folder: Path, percent: Percent) -> None:
    vms, samples = percent.shape
    utc = pa.timestamp("ms", "UTC")
    meta = {
        "id": pa.array([f"vm{vm}" for vm in range(vms)]),
        "start_time": pa.array([0] * vms, pa.int64()).cast(utc),
        "stop_time": pa.array([300_000 * samples] * vms, pa.int64()).cast(utc),
        "cpu_count": pa.array([1] * vms, pa.int32()),
        "cpu_capacity": pa.array([2000.0] * vms),
        "mem_capacity": pa.array([4_194_304] * vms, pa.int64()),
    }
    pq.write_table(pa.table(meta), folder / "meta.parquet")
    schema = pa.schema([("id", pa.string()), ("timestamp", utc), ("duration", pa.int64())])
    schema = schema.append(pa.field("cpu_count", pa.int32()))
    schema = schema.append(pa.field("cpu_usage", pa.float64()))
    with pq.ParquetWriter(folder / "trace.parquet", schema) as writer:
        for i, use in enumerate(percent.T):  # sorted by time
            columns = [
                meta["id"],
                pa.array([300_000 * (i + 1)] * vms, pa.int64()).cast(utc),
                pa.array([300_000] * vms, pa.int64()),
                pa.array([1] * vms, pa.int32()),
                pa.array(20.0 * use),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def neutral(folder: Path, percent: Percent) -> None:
    raw = folder.parent / "raw"
    raw.mkdir()
    opendc(raw, percent)
    write_neutral(survey(trace_at([raw])), folder, Replay())


FORMATS = [
    planetlab,
    timed,
    bitbrains,
    materna,
    azure,
    google_2011,
    google_2019,
    alibaba,
    opendc,
    opendc_v1,
    neutral,
]


@pytest.mark.parametrize("write", FORMATS)
def test_load_a_day(tmp_path: Path, write: Callable[[Path, Percent], None]) -> None:
    folder = tmp_path / "trace"
    folder.mkdir()
    write(folder, np.random.default_rng(0).integers(0, 99, (VMS, SAMPLES)))
    started, cpu = time.perf_counter(), time.process_time()
    traces = AutoReader().read(folder)
    wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    assert traces.values.shape == (VMS, SAMPLES)
    print(f"\n{write.__name__}: {wall_s:.2f} s, {cpu_s:.2f} s of CPU time")


RUN = """
import resource, sys, time
from pathlib import Path
from cluster_emu import ClusterModel
from cluster_emu.scenario import scenario_from
traces, out, vms, duration_s = sys.argv[1:]
scenario = scenario_from({
    "name": "month",
    "run": {"duration_s": int(duration_s), "tick_s": 300},
    "topology": {"name": "star", "hosts": 100, "host_bps": 1e10},
    "hosts": [{"count": 100, "cpu_capacity": 32, "memory_bytes": "128 GiB"}],
    "vms": [
        {"count": int(vms), "cpu_capacity": 1, "memory_bytes": "1 GiB", "profile": "idle"}
    ],
    "workload": {"demand": "trace", "traces": traces},
})
started = time.perf_counter()
ClusterModel(scenario, rng=1, stream_to=Path(out)).run()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{time.perf_counter() - started:.0f} s, at most {peak:.0f} MiB")
"""


def test_run_a_month(tmp_path: Path) -> None:
    folder = tmp_path / "trace"
    folder.mkdir()
    opendc_v1(folder, np.random.default_rng(0).integers(0, 99, (MONTH_VMS, MONTH_SAMPLES)))
    numbers = [str(MONTH_VMS), str(300 * MONTH_SAMPLES)]
    command = [sys.executable, "-c", RUN, str(folder), str(tmp_path / "out"), *numbers]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    print(f"\na month of {MONTH_VMS} VMs: {done.stdout.strip()}")
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 2**20  # KiB
