"""Single runs, and many of them on several processes, each of which gives a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from cluster_emu.errors import ClusterEmuError
from cluster_emu.model import ClusterModel, ProgressCallback
from cluster_emu.results.run_result import RunResult
from cluster_emu.scenario import Scenario
from cluster_emu.signals import held, insisting
from cluster_emu.study.execution.parallel import in_parallel
from cluster_emu.transfer.records import Phase

R = TypeVar("R")

Task = tuple[Scenario, int]
"""A scenario and the seed to run it with."""


class StudyInterrupted(KeyboardInterrupt):
    """A signal interrupted a study after some of its runs had ended.

    Args:
        partial: the study's result from the runs that had ended.
    """

    def __init__(self, partial: Any) -> None:
        super().__init__("interrupted")
        self.partial = partial


class RunInterrupted(KeyboardInterrupt):
    """A signal interrupted a run.

    Args:
        partial: the run's result up to then.
    """

    def __init__(self, partial: RunResult) -> None:
        super().__init__("interrupted")
        self.partial = partial


FEW_PAGES = 50
"""A stop-and-copy of fewer pages than this is short under any strategy: Xen stops there."""
FEW_SHARE = 0.01
"""Likewise, as a share of the pages sent live, for VMs that have few pages at all."""


@dataclass(frozen=True, slots=True)
class StudyRun:
    """What a study keeps of a run.

    Args:
        summary: the run's figures by name; empty if it failed.
        outcomes: number of migrations by (outcome, why).
        few_pages_left: number of completed migrations that left to stop-and-copy fewer pages than
            `FEW_PAGES`, and than `FEW_SHARE` of those they had sent live.
        live_rounds: number of completed migrations by how many live rounds they had.
        notes: what the policies did and why.
        error: why the run failed; empty if it did not.
    """

    summary: dict[str, float] = field(default_factory=dict, repr=False)
    outcomes: dict[tuple[str, str], int] = field(default_factory=dict)
    few_pages_left: int = 0
    live_rounds: dict[int, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    error: str = ""


def run_once(scenario: Scenario, seed: int) -> StudyRun:
    """Run a scenario to its end; an exception becomes the report's error."""
    try:
        return _report(simulate(scenario, seed))
    except Exception as error:  # the study continues and reports the failed run
        return StudyRun(error=format_error(error))


def format_error(error: Exception) -> str:
    """Return why a run failed; an error of our own explains itself."""
    text = str(error)
    return text if isinstance(error, ClusterEmuError) else f"{type(error).__name__}: {text}"


def simulate(
    scenario: Scenario,
    seed: int,
    progress: ProgressCallback | None = None,
    stream_to: Path | None = None,
) -> RunResult:
    """Run a scenario to its end and return its result; close the model in any case.

    Args:
        scenario: what to run.
        seed: the seed to run it with.
        progress: called before each step with the simulated seconds gone and in all.
        stream_to: folder for the tables that grow with simulated time, see `ClusterModel`.

    Raises:
        ClusterEmuError: if the scenario is not allowed.
        RunInterrupted: on a signal; it has the result up to then.
    """
    report_progress = progress or _ignore
    model = ClusterModel(scenario, rng=seed, stream_to=stream_to)
    try:
        with insisting() as raise_if_swallowed:

            def show(done: float, total: float) -> None:
                raise_if_swallowed()
                report_progress(done, total)

            result = model.run(show)
            raise_if_swallowed()
            return result
    except KeyboardInterrupt as interrupt:
        raise _with_partial_result(model, interrupt) from interrupt
    finally:
        model.close()


def _with_partial_result(model: ClusterModel, interrupt: KeyboardInterrupt) -> KeyboardInterrupt:
    """Return the interrupt with the run's result up to then, if there is one.

    There is none before the first step. The interrupt may have come in the middle of an event, when
    tables do not fit together.
    """
    if not model.steps:
        return interrupt
    with held(), suppress(Exception):
        return RunInterrupted(replace(model.result(), interrupted_at_s=model.loop.now_s))
    return interrupt


def run_all(
    tasks: Sequence[Task], jobs: int, progress: ProgressCallback | None = None, *, done: int = 0
) -> Iterator[tuple[int, StudyRun]]:
    """Run the tasks on `jobs` processes; yield each task's index and report as it ends.

    Args and errors are those of `do_all`, the work is `run_once`.
    """
    yield from do_all(run_once, tasks, jobs, progress, done=done)


def do_all(
    work: Callable[[Scenario, int], R],
    tasks: Sequence[Task],
    jobs: int,
    progress: ProgressCallback | None = None,
    *,
    done: int = 0,
) -> Iterator[tuple[int, R]]:
    """Do the work for every task on `jobs` processes; yield each task's index and result.

    Results come in the order in which the tasks end.

    Args:
        work: what to do with a scenario and a seed; a function that can be pickled.
        tasks: scenarios and seeds.
        jobs: number of processes; 1 stands for this process alone.
        progress: called at the start and after each run, with the number of runs done and of all.
        done: number of runs that were done before.

    Raises:
        WorkerDiedError: if a process was killed, for example by a lack of memory.
    """
    runs = in_parallel(partial(_do, work), enumerate(tasks), max(min(jobs, len(tasks)), 1))
    yield from with_progress(runs, len(tasks), progress, done=done)


def with_progress(
    results: Iterator[R], count: int, progress: ProgressCallback | None = None, *, done: int = 0
) -> Generator[R]:
    """Yield results as they come, report how many there were, and end on a signal.

    Args:
        results: the results.
        count: how many there will be.
        progress: called at the start and after each result, with the number done and of all.
        done: number of those that were done before.
    """
    report_progress = progress or _ignore
    total = done + count
    report_progress(done, total)
    with closing(cast("Generator[R]", results)), insisting() as raise_if_swallowed:
        for number, result in enumerate(results, start=done + 1):
            yield result
            report_progress(number, total)
            raise_if_swallowed()


def _ignore(done: float, total: float) -> None:
    """Ignore progress."""


def _do(work: Callable[[Scenario, int], R], numbered: tuple[int, Task]) -> tuple[int, R]:
    index, task = numbered
    return index, work(*task)


def _report(result: RunResult) -> StudyRun:
    migrations = result.migrations
    completed = migrations[migrations["outcome"] == Phase.COMPLETED.value]
    left, sent_live = completed["pages_sent_stop"], completed["pages_sent_precopy"]
    few = (left < FEW_PAGES) & (left < FEW_SHARE * sent_live)
    return StudyRun(
        summary=result.summary,
        outcomes=outcome_counts(result),
        few_pages_left=int(few.sum()),
        live_rounds=dict(Counter(completed["rounds"].astype(int).tolist())),
        notes=result.notes,
    )


def outcome_counts(result: RunResult) -> dict[tuple[str, str], int]:
    """Return how many migrations of a run ended how, by (outcome, why)."""
    migrations = result.migrations
    return dict(Counter(zip(migrations["outcome"], migrations["why"], strict=True)))
