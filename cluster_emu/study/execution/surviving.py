"""Work on many tasks that goes on when a worker process dies: the task that killed it is found."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from cluster_emu.errors import PoolLostError, WorkerDiedError
from cluster_emu.study.execution.parallel import context_backend, in_parallel

R_co = TypeVar("R_co", covariant=True)

MOST_VAIN_STARTS = 3
"""So many times in a row workers may die before one of them has begun a task."""


class Work(Protocol[R_co]):
    """What is done with a task."""

    def __call__(self, *task: Any, note: Path | None) -> R_co:
        """Do it; write to the file `note` why, before the process is ended on purpose."""


class Died(Protocol[R_co]):
    """What stands for the result of a task that kills its process."""

    def __call__(self, note: str) -> R_co:
        """Return it; `note` is what the work wrote before, empty if it wrote nothing."""


def do_surviving(
    work: Work[R_co],
    tasks: Sequence[tuple[Any, ...]],
    jobs: int,
    died: Died[R_co],
    *,
    apart: bool = False,
) -> Iterator[tuple[int, R_co]]:
    """Do the work for every task; yield each task's index and result as it ends.

    When a worker process dies, all that were running are begun again one at a time, each in a
    process of its own: the one that kills it again gets `died` for a result. So a task that was
    only beside the one at fault, or whose process somebody else has killed, is not blamed.

    Args:
        work: what to do; it can be pickled.
        tasks: arguments of the work.
        jobs: number of processes, see `in_parallel`.
        died: what stands for the result of a task that kills its process.
        apart: whether also one job has a process of its own.

    Raises:
        WorkerDiedError: if workers die before they begin a task.
        PoolLostError: if nothing is heard of the workers any more; no task is blamed for that.
    """
    waiting = dict(enumerate(tasks))
    vain_starts = 0
    with tempfile.TemporaryDirectory(prefix="cluster-emu-") as place:
        # workers on other machines do not see the folder
        notes = Path(place) if context_backend() == "loky" else None
        call = partial(_noted, work, notes)
        while waiting:
            begun: list[int] = []
            many = in_parallel(call, _listed(waiting, begun), jobs, apart=apart)
            before = len(waiting)
            try:
                for index, result in many:
                    del waiting[index]
                    yield index, result
                return
            except PoolLostError:
                raise
            except WorkerDiedError:
                suspects = [index for index in _suspects(notes, begun) if index in waiting]
                vain_starts = 0 if suspects or len(waiting) < before else vain_starts + 1
                if vain_starts == MOST_VAIN_STARTS:
                    raise
            yield from _one_by_one(call, suspects, waiting, notes, died)


def _one_by_one(
    call: partial[tuple[int, R_co]],
    suspects: list[int],
    waiting: dict[int, tuple[Any, ...]],
    notes: Path | None,
    died: Died[R_co],
) -> Iterator[tuple[int, R_co]]:
    """Do the work for the tasks of which one or more have killed a process; they wait no longer."""
    for index in suspects:
        if note := _taken(notes, index):
            del waiting[index]
            yield index, died(note)
    left = [index for index in suspects if index in waiting]
    vain_starts = 0
    while left:
        # a process takes its tasks in their order; dask has no order
        some = left if notes is not None else left[:1]
        try:
            items = [(index, waiting[index]) for index in some]
            for index, result in in_parallel(call, items, 1, apart=True):
                del waiting[index]
                left.remove(index)
                vain_starts = 0
                yield index, result
        except PoolLostError:
            raise
        except WorkerDiedError:
            index = left[0]
            # dask says that the task has killed several workers
            if notes is not None and not (notes / str(index)).exists():
                vain_starts += 1
                if vain_starts == MOST_VAIN_STARTS:
                    raise
                continue
            del left[0]
            del waiting[index]
            yield index, died(_taken(notes, index))


def _listed(
    waiting: Mapping[int, tuple[Any, ...]], begun: list[int]
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Yield what waits, noting what was given away."""
    for index, task in list(waiting.items()):
        begun.append(index)
        yield index, task


def _suspects(notes: Path | None, begun: list[int]) -> list[int]:
    """Return the tasks that were running, or may have been, when a process died."""
    return begun if notes is None else sorted(int(path.name) for path in notes.iterdir())


def _noted(
    work: Work[R_co], notes: Path | None, item: tuple[int, tuple[Any, ...]]
) -> tuple[int, R_co]:
    """Do the work for a task; meanwhile a file says that it runs."""
    index, task = item
    if notes is None:
        return index, work(*task, note=None)
    note = notes / str(index)
    note.touch()
    try:
        return index, work(*task, note=note)
    finally:
        note.unlink(missing_ok=True)


def _taken(notes: Path | None, index: int) -> str:
    """Return what a task has written before its process ended, and forget it."""
    if notes is None:
        return ""
    note = notes / str(index)
    with suppress(OSError):
        text = note.read_text(encoding="utf-8", errors="replace")
        note.unlink()
        return text
    return ""
