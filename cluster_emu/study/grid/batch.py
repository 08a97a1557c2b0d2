"""Runs of a study: on several processes, resumed where they were interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cluster_emu.errors import ScenarioError
from cluster_emu.file_names import file_name
from cluster_emu.json_output import json_text
from cluster_emu.metrics.smallest_difference import SmallestDifference
from cluster_emu.model import ProgressCallback
from cluster_emu.numerals import MOST_JOBS
from cluster_emu.results.display import Displayed, view
from cluster_emu.results.folder_lock import locked
from cluster_emu.results.result_folder import (
    complete_result,
    own_result,
    preliminary_result,
    read_manifest,
)
from cluster_emu.results.versions import versions
from cluster_emu.results.writing import write_csv, write_text
from cluster_emu.study.comparison.compare import METHOD, smallest_by_metric
from cluster_emu.study.comparison.result import as_columns
from cluster_emu.study.execution.cluster import BACKENDS, on_cluster
from cluster_emu.study.execution.costs import resident_bytes
from cluster_emu.study.execution.limits import CellLimits
from cluster_emu.study.execution.numbers import check_whole
from cluster_emu.study.grid.cell_store import (
    ANSWER,
    DONE,
    FILES,
    MANIFEST,
    PRECISION,
    RESULTS,
    CellStore,
    check_folder,
)
from cluster_emu.study.grid.cells import Cell
from cluster_emu.study.grid.exports import read_results
from cluster_emu.study.grid.grid import Grid, load_grid
from cluster_emu.study.grid.groups import Groups, rules_compared_with_themselves
from cluster_emu.study.grid.growing import GrowingCells
from cluster_emu.study.grid.manifest import write_study_manifest
from cluster_emu.study.grid.run_cells import Execution, remaining, run_cells
from cluster_emu.study.grid.shards import SHARD_LOCKS, Shard
from cluster_emu.study.grid.study_file import Study
from cluster_emu.study.report.answers import ENDS as OTHER_ENDS
from cluster_emu.study.report.answers import batch_answer
from cluster_emu.study.report.grid import BatchAnswer, BatchReport, GroupPrecision, SameRule
from cluster_emu.study.statistics.stopping import read_stopping_rule, rule_in_words
from cluster_emu.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

START_PATIENCE_S = 60.0
"""How long a shard waits for others that begin, or that make the exports."""

EXPORT_PATIENCE_S = 3600.0
"""How long a shard that has ended waits for others that look at what is left."""

ENDS = ("migrations", "completed", *OTHER_ENDS)
"""Figures of a run that count its migrations: all of them, and by how they ended."""


CARD_FIGURES = ("completed", "total_time_s", "downtime_s", "total_bytes")
"""Figures of a cell that a notebook shows."""


@dataclass(frozen=True, repr=False)
class Batch(Displayed):
    """The results of a study.

    Args:
        study: the study's name.
        cells: number of cells.
        found: how many of them had ended before.
        table: one row per cell that has ended: axes, strategy, replication, seed, cell, status,
            error and the figures of the run's summary.
        folder: where results.parquet, results.csv, the tables of means and of paired differences,
            and the finished cells are.
        axes: the columns of the axes.
        strategies: the strategies, as given.
        smallest_differences: from which size on a difference matters, by metric.
        same_rules: strategies that are compared with themselves.
        damaged: whether the journal of finished cells was damaged, so that cells ran again.
        notes: what else is in the folder, one sentence each: cells of the study before it was
            edited, or of another version; which packages that results depend on have changed.
        until: how narrow the intervals are that a stopping rule asked for; empty without one.
        assumptions: what the figures assume, one sentence each.
        left_to_others: how many cells other shards have yet to run; the table then has those of one
            shard alone, and there are no exports.
    """

    study: str
    cells: int
    found: int
    table: pd.DataFrame
    folder: Path
    axes: tuple[str, ...]
    strategies: tuple[str, ...]
    smallest_differences: dict[str, SmallestDifference]
    same_rules: tuple[SameRule, ...]
    damaged: bool = False
    notes: tuple[str, ...] = ()
    until: tuple[GroupPrecision, ...] = ()
    assumptions: tuple[str, ...] = METHOD
    left_to_others: int = 0

    @property
    def failed(self) -> pd.DataFrame:
        """The rows of the cells that failed, or were ended as they reached a limit."""
        return self.table[self.table["status"] != DONE]

    @property
    def incomplete(self) -> pd.DataFrame:
        """The rows of the cells in which migrations did not complete."""
        table = self.table
        return (
            table[table["migrations"] > table["completed"]] if "migrations" in table else table[:0]
        )

    @property
    def means(self) -> pd.DataFrame:
        """One row per place of the axes, strategy and metric: mean, runs, ci95_low, ci95_high."""
        return pd.DataFrame(
            [
                {**group.axes, "strategy": group.strategy, "metric": metric, **as_columns(mean)}
                for group in self._groups.means
                for metric, mean in group.means.items()
            ]
        )

    @property
    def paired(self) -> pd.DataFrame:
        """One row per place of the axes, pair of strategies and metric: as `Comparison.paired`."""
        return pd.DataFrame(
            [{**one.axes, **as_columns(one.difference)} for one in self._groups.paired]
        )

    @property
    def quantiles(self) -> pd.DataFrame:
        """One row per place, strategy, metric and quantile: as `Comparison.quantiles`."""
        return pd.DataFrame(
            [
                {
                    **group.axes,
                    "strategy": group.strategy,
                    "metric": metric,
                    "quantile": name,
                    **as_columns(one),
                }
                for group in self._groups.quantiles
                for metric, found in group.quantiles.items()
                for name, one in found.items()
            ]
        )

    @property
    def precision(self) -> pd.DataFrame:
        """One row per place, strategy and goal of a stopping rule; none without a rule."""
        return pd.DataFrame([{**one.axes, **asdict(one.achieved)} for one in self.until])

    @property
    def answer(self) -> str:
        """What was found, in one sentence."""
        return self.report().answer

    @property
    def headline(self) -> str:
        """Study, and how many cells there are, have ended and have failed."""
        ended, failed = len(self.table), len(self.failed)
        cells = counted(self.cells, "cell")
        return f"{self.study!r}: {ended} of {cells} ended, {failed} of them failed"

    @property
    def card_columns(self) -> Sequence[str]:
        """What a reader asks of a cell first."""
        axes = [name for name in self.axes if self.table[name].nunique() > 1][:3]
        return (*axes, "strategy", "replication", "status", *CARD_FIGURES)

    def to_frame(self) -> pd.DataFrame:
        """Return the table of results: one row per cell that has ended."""
        return self.table

    def plot(self) -> Figure:
        """Draw the means over the axes, one line per strategy.

        Raises:
            ScenarioError: if the table has none of the metrics to draw.
        """
        figure: Figure = view().draw_study(self.means)
        return figure

    def report(self) -> BatchReport:
        """Return everything but the table of cells, as `batch --json` prints it."""
        groups = self._groups
        means, paired = groups.means, groups.paired
        return BatchReport(
            study=self.study,
            cells=self.cells,
            found=self.found,
            failed=len(self.failed),
            cells_with_incomplete_migrations=len(self.incomplete),
            migrations=self.ends,
            strategies=self.strategies,
            means=means,
            paired=paired,
            same_rules=self.same_rules,
            answer=batch_answer(self.strategies, means, paired, self.same_rules),
            results=str(self.folder / "results.parquet"),
            until=self.until,
            assumptions=self.assumptions,
        )

    def save_tables(self) -> list[Path]:
        """Write the tables of the cells' groups (CSV) and the answer; return the files written."""
        tables = {"means": self.means, "paired": self.paired, "quantiles": self.quantiles}
        paths = []
        for name, table in tables.items():
            paths.append(self.folder / f"{name}.csv")
            write_csv(table, paths[-1])
        paths.append(self.folder / ANSWER)
        write_text(json_text(BatchAnswer(self.answer, self.assumptions)), paths[-1])
        if self.until:
            paths.append(self.folder / PRECISION)
            write_csv(self.precision, paths[-1])
        else:  # of the study with a rule
            (self.folder / PRECISION).unlink(missing_ok=True)
        return paths

    @cached_property
    def _groups(self) -> Groups:
        return Groups(self.table, self.axes, self.smallest_differences)

    @property
    def ends(self) -> dict[str, int]:
        """How many migrations there were in all cells, and how many of them ended how."""
        return {name: int(self.table[name].sum()) for name in ENDS if name in self.table}


def run_batch(
    path: Path | Grid,
    *,
    out: Path | None = None,
    jobs: int = 1,
    changes: Mapping[str, Any] | None = None,
    retry_failed: bool = False,
    overwrite: bool = False,
    time_limit_s: float | None = None,
    memory_limit_bytes: int | None = None,
    shard: Shard | None = None,
    backend: str = "loky",
    scheduler: str | None = None,
    until: Sequence[str] | str = (),
    progress: ProgressCallback | None = None,
    on_failed: Callable[[int], None] | None = None,
) -> Batch:
    """Run every cell of a study that has not ended yet, and merge the results of all.

    The folder has the table of cells, `results`, and the tables of their groups: `means`, and
    `paired` with the verdicts on differences between strategies.

    A cell that fails, reaches a limit or kills its process is recorded and the study continues.
    After an interruption, the same call runs the remaining cells; the merged table is byte for byte
    that of one uninterrupted run, on any number of processes.

    Args:
        path: the study's TOML file, or a grid.
        out: the results' folder; ``results/NAME`` if None.
        jobs: number of processes.
        changes: entries of the study that replace those of the file, such as ``{"seed": 7}``.
        retry_failed: whether cells that failed or were ended before are run again.
        overwrite: whether an older result in the folder, also one of this study, is removed first.
        time_limit_s: wall time in seconds after which a cell is ended, in place of the study's.
        memory_limit_bytes: resident memory at which a cell is ended, in place of the study's.
        shard: the part of the study that is run; None for all of it. Several processes may run
            different shards into one folder at once. The shard that completes the study makes the
            exports and returns all of it; any other one returns its own part.
        backend: where cells run: "loky", processes of this machine, or "dask". A joblib context
            that sets a backend is followed, too.
        scheduler: the address of dask's scheduler, whose workers then run the cells, not `jobs`.
        until: how narrow intervals of means shall be, see `compare`; every setting then has as many
            replications as its strategies need for that, at least those of the study.
        progress: called after every cell with the number done and the number of all.
        on_failed: called when a cell fails or is ended, with the number of those so far.

    Raises:
        ClusterEmuError: if the study or one of its scenarios is not allowed, or if the folder holds
            something else; nothing is written.
        WorkerDiedError: if processes are killed before they begin a cell; finished cells are kept
            and merged.
    """
    check_whole(1, MOST_JOBS, jobs=jobs)
    if backend not in BACKENDS or (backend == "dask") != (scheduler is not None):
        what = ("backend", backend) if backend not in BACKENDS else ("scheduler", scheduler)
        raise ScenarioError(*what, f"one of {', '.join(BACKENDS)}; a scheduler goes with dask")
    grid = path.changed(changes or {}) if isinstance(path, Grid) else load_grid(path, changes)
    rule = read_stopping_rule([until] if isinstance(until, str) else until, grid.study.replications)
    study, planned = grid.study, grid.cells
    try:
        smallest = smallest_by_metric(study.smallest_differences)
    except ScenarioError as error:
        raise error.at(file=grid.file) from error
    limits = _limits(study.limits, time_limit_s, memory_limit_bytes)
    folder = out or Path("results") / file_name(study.name)
    if shard is not None and overwrite:
        raise ScenarioError("overwrite", True, "no shard of a study, whose others it would remove")
    own_cells = planned if shard is None else shard.cells(planned)
    own = whole = None
    if rule is not None:
        own = GrowingCells(rule, own_cells, study.seed, retry_failed=retry_failed)
        whole = own if shard is None else GrowingCells(rule, planned, study.seed)
    execution = Execution(jobs, limits)
    earlier = None if overwrite else read_manifest(folder)

    def run(store: CellStore) -> int:
        with on_cluster(scheduler) if backend == "dask" else nullcontext():
            if own is not None:
                return _run_growing(store, own, execution, progress, on_failed)
            to_run = remaining(store, own_cells, retry_failed=retry_failed)
            found = len(own_cells) - len(to_run)
            run_cells(store, to_run, execution, progress, on_failed, done=found)
            return found

    def all_cells(store: CellStore) -> Sequence[Cell]:
        return planned if whole is None else whole.cells(store)

    def ended(store: CellStore, table: pd.DataFrame, found: int) -> Batch:
        cells = all_cells(store)
        return Batch(
            study=study.name,
            cells=len(cells),
            found=found,
            table=table,
            folder=folder,
            axes=grid.columns,
            strategies=tuple(dict.fromkeys(str(cell.labels["strategy"]) for cell in cells)),
            smallest_differences=smallest,
            damaged=store.damaged,
            notes=(
                *store.of_others([*cells, *(whole.surplus(store) if whole else ())]),
                *(_of_other_versions(earlier.versions) if earlier and found else ()),
            ),
            same_rules=rules_compared_with_themselves(cells, grid.columns),
            until=tuple(whole.precision(store)) if whole else (),
            assumptions=METHOD if rule is None else (*METHOD, rule_in_words(rule)),
        )

    def exported(store: CellStore) -> pd.DataFrame:
        cells = all_cells(store)
        store.export(cells)
        until = "" if rule is None else str(rule)
        write_study_manifest(store, study, grid.file, cells, folder / MANIFEST, until=until)
        return read_results(folder / RESULTS[0])

    if shard is None:
        with (
            _usable_files(folder, overwrite=overwrite),
            own_result(folder, "batch", study.name, FILES, overwrite=overwrite),
        ):
            _check_no_shard_runs(folder)
            with CellStore(folder, study.keep) as store:
                try:
                    found = run(store)
                except BaseException:
                    exported(store)
                    preliminary_result(folder, (RESULTS[0], MANIFEST))
                    raise
                done = ended(store, exported(store), found)
            done.save_tables()
            complete_result(folder)
        return done
    files = (*FILES, *shard.files)
    with _shard_locked(folder, study, shard, files) as store:
        found = run(store)
        mine = own_cells if own is None else own.cells(store)
        part = ended(store, _as_table(store.rows(mine)), found)
    # whoever locks the folder last finds the journals of all others closed
    with locked(folder, patience_s=EXPORT_PATIENCE_S):
        with CellStore(folder, study.keep) as store:
            left = len(remaining(store, planned)) if whole is None else whole.left(store)
            if left:
                return replace(part, left_to_others=left)
            done = ended(store, exported(store), found)
        # the journals are closed: the files that SQLite keeps beside them are no part of the result
        done.save_tables()
        complete_result(folder)
        return done


def _run_growing(
    store: CellStore,
    growing: GrowingCells,
    execution: Execution,
    progress: ProgressCallback | None,
    on_failed: Callable[[int], None] | None,
) -> int:
    """Run cells until a stopping rule has enough of them; return how many were there before."""
    while to_run := growing.next_cells(store):
        done = len(growing.cells(store)) - len(to_run)
        run_cells(store, to_run, execution, progress, on_failed, done=done)
    return sum(not growing.was_run(cell) for cell in growing.cells(store))


def _of_other_versions(earlier: Mapping[str, str]) -> Iterator[str]:
    """Yield which packages have another version than when cells of before were run."""
    for name, here in versions().items():
        there = earlier.get(name, here)
        # cells of another version of this package have other names
        if there != here and name != "cluster-emu":
            yield (
                f"{name} is {here}, and was {there} when the study was run before: what is kept "
                "may differ in the last digits from what runs now; --overwrite runs all again"
            )


def _as_table(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    found = list(rows)
    return pd.DataFrame(found) if found else pd.DataFrame(columns=["status", "error"])


@contextmanager
def _shard_locked(
    folder: Path, study: Study, shard: Shard, files: tuple[str, ...]
) -> Iterator[CellStore]:
    """Give the journal of a shard, locked; the folder is locked only until it is open."""
    with ExitStack() as held:
        with (
            _usable_files(folder, overwrite=False, patience_s=START_PATIENCE_S),
            own_result(folder, "batch", study.name, files),
        ):
            held.enter_context(locked(folder, name=shard.lock, again=False))
            store = held.enter_context(CellStore(folder, study.keep, shard.journal))
        yield store


def _check_no_shard_runs(folder: Path) -> None:
    """Refuse to run a whole study while other processes run shards of it.

    Raises:
        ScenarioError: naming one that does.
    """
    for path in folder.glob(SHARD_LOCKS):
        with locked(folder, name=path.name, again=False):
            pass


def _limits(given: CellLimits, time_s: float | None, memory_bytes: int | None) -> CellLimits:
    """Return the limits of a study with others in place of some of them.

    Raises:
        ScenarioError: if nothing could be run with so little memory.
    """
    limits = CellLimits(
        time_s=given.time_s if time_s is None else time_s,
        memory_bytes=given.memory_bytes if memory_bytes is None else memory_bytes,
    )
    taken = resident_bytes()
    if limits.memory_bytes is not None and limits.memory_bytes <= taken:
        allowed = f"more than the {taken} bytes that a process takes before it runs a cell"
        raise ScenarioError("limits.memory_bytes", limits.memory_bytes, allowed)
    return limits


@contextmanager
def _usable_files(folder: Path, *, overwrite: bool, patience_s: float = 0.0) -> Iterator[None]:
    """Lock the folder, and refuse files that cannot be continued before anything is written."""
    with locked(folder, patience_s=patience_s):
        for path in () if overwrite else [folder / name for name in FILES]:
            if path.exists() and not path.is_file():
                raise ScenarioError("folder", str(path), "a file, or nothing")
        if not overwrite:
            check_folder(folder)
        yield
