"""What a study costs beside its cells: efficiency on two cores, time per cell, memory.

    python benchmarks/bench_batch.py [efficiency] [overhead] [memory]

Targets: on two cores an efficiency of 0.85 for cells of 0.2 s or more; 5 ms per cell beyond the
model; less than 300 MB in the parent for 10,000 cells. Cells of a fixed cost stand in for the
model, so that a change of the model does not change the figures.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cluster_emu.scenario import load_scenario
from cluster_emu.study import run_batch, simulate
from cluster_emu.study.execution.costs import peak_memory_bytes, resident_bytes
from cluster_emu.study.grid import run_cells as module
from cluster_emu.study.grid.cell_run import CellRun
from cluster_emu.study.grid.cell_store import CellStore
from cluster_emu.study.grid.cells import Cell, Contents
from cluster_emu.study.grid.run_cells import Execution, run_cells

SCENARIO = load_scenario("paper")
CONTENT = Contents().of(SCENARIO)
MB = 1e6
STUDY = """
name = "many"
scenario = "paper"
strategies = ["ma", "pre-copy"]
replications = 100
[axes]
"transfer.warm_intervals" = { range = { from = 1, to = 50, step = 1 } }
"""


def cells_of_seeds(count: int) -> list[Cell]:
    """Return cells that differ in their labels."""
    return [
        Cell({"axis": number % 100, "strategy": "s", "replication": number, "seed": number}, *rest)
        for number in range(count)
        for rest in [(SCENARIO, number, CONTENT)]
    ]


def summary() -> dict[str, float]:
    """Return figures such as a run has; the parent of a study never runs one."""
    if not hasattr(module, "figures_of_a_run"):  # a module stays in its process, calls do not
        module.figures_of_a_run = simulate(SCENARIO, 1).summary  # type: ignore[attr-defined]
    return module.figures_of_a_run  # type: ignore[attr-defined,no-any-return]


class Busy:
    """A cell that takes so much CPU time, whatever else runs on the machine."""

    def __init__(self, cpu_s: float) -> None:
        self.cpu_s = cpu_s

    def __call__(self, scenario: object, seed: int, **_: object) -> CellRun:
        """Return the figures of a run."""
        figures = summary()
        until = time.thread_time() + self.cpu_s
        while time.thread_time() < until:
            pass
        return CellRun(summary=figures)


def cpu_s() -> float:
    """Return the CPU time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(work: Busy, count: int, jobs: int) -> tuple[float, float]:
    """Run cells; return the wall time and the CPU time of this process."""
    module.run_cell = work  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder, CellStore(Path(folder)) as store:
        cells = cells_of_seeds(count)
        for cell in cells:
            assert cell.key
        wall, cpu = time.perf_counter(), cpu_s()
        run_cells(store, cells, Execution(jobs))
        return time.perf_counter() - wall, cpu_s() - cpu


def efficiency() -> None:
    """Print the efficiency of two processes; another program on the machine lowers it."""
    run(Busy(0.0), 4, 2)  # the processes start
    one, _ = run(Busy(0.2), 40, 1)
    two, _ = run(Busy(0.2), 80, 2)
    print(
        f"80 cells of 0.2 s on two processes: {two:.2f} s, 40 on one: {one:.2f} s; efficiency "
        f"{one / two:.2f} beside one process, {40 * 0.2 / two:.2f} beside idle cores; "
        f"load {os.getloadavg()[0]:.1f}"
    )


def overhead() -> None:
    """Print the time per cell beyond the model, where the model takes none."""
    run(Busy(0.0), 4, 2)
    for jobs in (1, 2):
        wall, cpu = run(Busy(0.0), 2000, jobs)
        print(
            f"2,000 empty cells on {jobs}: {1e3 * wall / 2000:.2f} ms each, of which "
            f"{1e3 * cpu / 2000:.2f} ms CPU in the parent"
        )


def memory() -> None:
    """Print the memory of the parent of a study of 10,000 cells, from its file to its tables."""
    before = resident_bytes()
    module.run_cell = Busy(0.0)  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "study.toml"
        study.write_text(STUDY, "utf-8")
        found = run_batch(study, out=Path(folder) / "out", jobs=2)
    print(
        f"{found.cells:,} cells: {before / MB:.0f} MB before, {resident_bytes() / MB:.0f} MB "
        f"after, {peak_memory_bytes() / MB:.0f} MB at most"
    )


def main() -> None:
    """Print the figures that are asked for, or all."""
    every: dict[str, Callable[[], None]] = {
        "efficiency": efficiency,
        "overhead": overhead,
        "memory": memory,
    }
    for name in sys.argv[1:] or every:
        every[name]()


if __name__ == "__main__":
    main()
