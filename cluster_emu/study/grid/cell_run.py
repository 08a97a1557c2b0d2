"""One cell of a study, run in a worker process: its figures, what it cost, the tables to keep."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pyarrow as pa

from cluster_emu.errors import ClusterEmuError
from cluster_emu.results.run_result import RunResult
from cluster_emu.scenario import Scenario
from cluster_emu.study.execution import runs
from cluster_emu.study.execution.costs import Costs, measured
from cluster_emu.study.execution.limits import MEMORY, TIME, CellLimits, LimitReached, within_limits
from cluster_emu.study.execution.parallel import DIED

DONE = "done"
FAILED = "failed"
KILLED = "killed"
"""The process that ran the cell was killed, twice; the two limits are states, too."""

NO_LIMITS = CellLimits()

MOST_TRACEBACK_LETTERS = 20_000
"""Of a longer traceback, the end is kept: it has the error."""


@dataclass(frozen=True, slots=True)
class CellRun:
    """What a study keeps of a cell that has ended.

    Args:
        status: `DONE`, or why there are no figures: `FAILED`, "time limit", "memory limit" or
            `KILLED`.
        summary: the run's figures by name; empty if it is not done.
        error: why it is not done, without anything that differs from run to run.
        traceback: where in the code it failed; empty if it did not.
        costs: what it took of the machine.
        tables: the run's tables that the study keeps, by name, as compressed Arrow streams; empty
            for a table that it does not have.
    """

    status: str = DONE
    summary: dict[str, float] = field(default_factory=dict, repr=False)
    error: str = ""
    traceback: str = field(default="", repr=False)
    costs: Costs = field(default_factory=Costs)
    tables: dict[str, bytes] = field(default_factory=dict, repr=False)


def run_cell(
    scenario: Scenario,
    seed: int,
    *,
    keep: Sequence[str] = (),
    limits: CellLimits = NO_LIMITS,
    note: Path | None = None,
) -> CellRun:
    """Run a scenario to its end; an exception becomes the error of the cell.

    Args:
        scenario: what to run.
        seed: the seed to run it with.
        keep: names of the tables to keep.
        limits: what it may take.
        note: see `within_limits`.
    """
    with measured() as costs:
        try:
            ended = within_limits(partial(_done, scenario, seed, keep), limits, note)
        except LimitReached as reached:
            ended = CellRun(reached.limit, error=limits.reason(reached.limit))
        except Exception as error:  # the study continues and reports the failed cell
            ended = _failed(error)
        return replace(ended, costs=costs())


def _done(scenario: Scenario, seed: int, keep: Sequence[str]) -> CellRun:
    result = runs.simulate(scenario, seed)
    return CellRun(summary=result.summary, tables=_kept(result, keep))


def killed_cell(note: str, limits: CellLimits) -> CellRun:
    """Return what a study keeps of a cell whose process was killed.

    Args:
        note: what the process wrote before it ended, empty if it was not its own doing.
        limits: what it was allowed to take.
    """
    if not note:
        return CellRun(KILLED, error=f"{DIED} while it ran this cell, twice")
    limit = MEMORY if note == MEMORY else TIME
    # Python's last resort writes where in the code it was
    where = "" if note in (MEMORY, TIME) else note
    return CellRun(limit, error=limits.reason(limit), traceback=where)


def _failed(error: Exception) -> CellRun:
    # the traceback of bad input would say nothing of which the message does not
    where = "" if isinstance(error, ClusterEmuError) else "".join(traceback.format_exception(error))
    return CellRun(
        FAILED, error=runs.format_error(error), traceback=where[-MOST_TRACEBACK_LETTERS:]
    )


def _kept(result: RunResult, keep: Sequence[str]) -> dict[str, bytes]:
    return {
        name: _compressed(pa.Table.from_pandas(result.tables[name], preserve_index=False))
        if name in result.tables
        else b""
        for name in keep
    }


def _compressed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    # the index of pandas and its version have no place in the results
    plain = table.replace_schema_metadata(None)
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, plain.schema, options=options) as writer:
        writer.write_table(plain)
    return bytes(sink.getvalue())


def read_table(data: bytes) -> pa.Table:
    """Return a table that `run_cell` has kept."""
    with pa.ipc.open_stream(data) as reader:
        return reader.read_all()
