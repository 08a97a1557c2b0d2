"""What it costs to load traces: a thousand VMs of one day, from files of three formats.

    pytest benchmarks/bench_traces.py -s

Target on two cores: less than 3 s each.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cluster_emu.traces.formats.auto import AutoReader
from cluster_emu.traces.formats.bitbrains import COLUMNS

VMS, SAMPLES = 1000, 288
Percent = NDArray[np.int64]


def planetlab(folder: Path, percent: Percent) -> None:
    for vm, row in enumerate(percent.tolist()):
        (folder / f"vm{vm:04}").write_text("\n".join(map(str, row)) + "\n")


def bitbrains(folder: Path, percent: Percent) -> None:
    header = ";\t".join(column.name for column in COLUMNS)
    for vm, row in enumerate(percent.tolist()):
        lines = [
            f"{1376314846 + 300 * i};\t2;\t5200.0;\t{52.0 * use};\t{float(use)};\t4194304.0;\t1e6"
            ";\t0.0;\t1.5;\t0.2;\t0.1"
            for i, use in enumerate(row)
        ]
        (folder / f"{vm}.csv").write_text("\n".join([header, *lines]) + "\n")


def azure(folder: Path, percent: Percent) -> None:
    lines = [
        f"{300 * i},vm{vm},0.5,{use + 1}.5,{use}.25\n"
        for i, column in enumerate(percent.T.tolist())
        for vm, use in enumerate(column)
    ]
    path = folder / "vm_cpu_readings-file-1-of-1.csv.gz"
    path.write_bytes(gzip.compress("".join(lines).encode(), compresslevel=1))


@pytest.mark.parametrize("write", [planetlab, bitbrains, azure])
def test_load_a_day(tmp_path: Path, write: Callable[[Path, Percent], None]) -> None:
    write(tmp_path, np.random.default_rng(0).integers(0, 99, (VMS, SAMPLES)))
    started, cpu = time.perf_counter(), time.process_time()
    traces = AutoReader().read(tmp_path)
    wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    assert traces.values.shape == (VMS, SAMPLES)
    print(f"\n{write.__name__}: {wall_s:.2f} s, {cpu_s:.2f} s of CPU time")
