"""How long a study of a million cells takes to open, and a query over it.

    pytest benchmarks/bench_saved_study.py -s

Target on two cores: at most 2 s until the frame of a million rows, with its axes, is there. It is
read in turn with `pandas.read_parquet`, three times; CPU times count threads.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from cluster_emu.results.result_folder import Manifest, write_manifest
from cluster_emu.scenario import load_scenario
from cluster_emu.study import load_study, simulate
from cluster_emu.study.grid.cells import Cell
from cluster_emu.study.grid.exports import write_results

ROWS = 1_000_000


class MadeUpCells:
    """Rows as a study has them, made when they are asked for."""

    def __init__(self) -> None:
        self._summary = simulate(load_scenario("paper"), 1).summary
        self._draw = np.random.default_rng(20161128)

    def rows(self, cells: range) -> object:
        """Yield the rows of cells."""
        shift = self._draw.random(len(cells))
        for number, by in zip(cells, shift, strict=True):
            labels = {
                "transfer.bandwidth_bps": 1e9 * (1 + number % 7),
                "strategy": f"s{number % 5}",
            }
            cell = {"replication": number % 100, "seed": number, "cell": f"{number:020x}"}
            figures = {name: value + by for name, value in self._summary.items()}
            yield {**labels, **cell, "status": "done", "error": "", **figures}


def timed(read: Callable[[], pd.DataFrame]) -> tuple[float, float]:
    """Return the CPU time and the wall time that a frame takes."""
    cpu, wall = time.process_time(), time.perf_counter()
    read()
    return time.process_time() - cpu, time.perf_counter() - wall


def test_a_million_rows_open(tmp_path: Path) -> None:
    cells: list[Cell] = range(ROWS)  # type: ignore[assignment]
    started = time.perf_counter()
    write_results(MadeUpCells(), cells, tmp_path / "results.parquet", tmp_path / "results.csv")
    written_s = time.perf_counter() - started
    (tmp_path / "results.csv").unlink()
    write_manifest(tmp_path, Manifest("batch", True, ("results.parquet",), "million"))

    started = time.perf_counter()
    study = load_study(tmp_path)
    by_strategy = study.query("select strategy, avg(downtime_s) from results group by 1")
    asked_s = time.perf_counter() - started
    opened_s = opened_cpu_s = pandas_cpu_s = math.inf
    for _ in range(3):
        cpu, _ = timed(lambda: pd.read_parquet(tmp_path / "results.parquet"))
        pandas_cpu_s = min(pandas_cpu_s, cpu)
        cpu, wall = timed(lambda: load_study(tmp_path).results)
        opened_cpu_s, opened_s = min(opened_cpu_s, cpu), min(opened_s, wall)
    table = load_study(tmp_path).results

    size_mb = (tmp_path / "results.parquet").stat().st_size / 1e6
    print(
        f"\n{ROWS:,} rows of {table.shape[1]} columns, {size_mb:.0f} MB: written in "
        f"{written_s:.1f} s, a query {asked_s:.2f} s, the whole frame {opened_s:.2f} s "
        f"({opened_cpu_s:.2f} CPU s, pandas.read_parquet {pandas_cpu_s:.2f})"
    )
    assert len(table) == ROWS
    assert len(by_strategy) == 5
    assert opened_s <= 2.0
