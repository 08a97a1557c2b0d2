"""What it costs to store a finished cell of a study, beside one small Parquet file per cell.

    pytest benchmarks/bench_cells.py -s

Target on two cores: at most 1 ms per cell in the journal, and 0.1 ms to read one back.
"""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd

from cluster_emu.results.writing import write_parquet
from cluster_emu.scenario import load_scenario
from cluster_emu.study import simulate
from cluster_emu.study.grid.cell_run import CellRun
from cluster_emu.study.grid.cell_store import CellStore
from cluster_emu.study.grid.cells import Cell

CELLS = 2000
FILES = 100
"""Parquet files, which cost more each."""


def test_cost_of_a_stored_cell(tmp_path: Path) -> None:
    scenario = load_scenario("paper")
    report = CellRun(summary=simulate(scenario, 1).summary)
    cells = [Cell({"seed": number}, scenario, number, {}) for number in range(CELLS)]
    keys = [cell.key for cell in cells]
    with CellStore(tmp_path) as store:
        started = time.perf_counter()
        for cell in cells:
            store.write(cell, report)
        written_ms = 1e3 * (time.perf_counter() - started) / CELLS
    started = time.perf_counter()
    with CellStore(tmp_path) as store:
        assert all(store.read(cell) for cell in cells)
    read_ms = 1e3 * (time.perf_counter() - started) / CELLS
    started = time.perf_counter()
    for key in keys[:FILES]:
        write_parquet(pd.DataFrame([report.summary]), tmp_path / f"{key}.parquet")
    file_ms = 1e3 * (time.perf_counter() - started) / FILES

    print(
        f"\njournal: {written_ms:.2f} ms to write a cell, {read_ms:.3f} ms to read it, "
        f"{(tmp_path / 'cells.sqlite').stat().st_size / CELLS / 1e3:.1f} kB; "
        f"a Parquet file: {file_ms:.1f} ms"
    )
    assert written_ms <= 1.0
    assert read_ms <= 0.1
