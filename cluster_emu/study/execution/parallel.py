"""Many calls on several processes, by the backends of joblib."""

from __future__ import annotations

import multiprocessing
import os
import threading
import warnings
from asyncio import CancelledError
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar, cast

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky import ProcessPoolExecutor
from joblib.parallel import get_active_backend

from cluster_emu.errors import PoolLostError, WorkerDiedError
from cluster_emu.orphans import end_with_parent
from cluster_emu.study.execution.sent_parts import with_parts
from cluster_emu.study.execution.workers import unheard_by_workers

T = TypeVar("T")
R = TypeVar("R")

DIED = "a worker process was killed (is there enough memory?)"
"""What is known of a process that is gone."""

OWN_BACKENDS = ("loky", "sequential")
"""Backends of joblib for which `in_parallel` makes the processes itself."""

DEATHS = ("KilledWorker",)
"""Errors of dask that say that workers were killed by what they ran."""

LOSSES = ("CommClosedError", "CancelledError", "FutureCancelledError", "FuturesCancelledError")
"""Errors of dask that say that its scheduler has gone, or has forgotten the work."""

LOST = "the connection to the scheduler was lost (is it still running?)"


def context_backend() -> str:
    """Return the backend that a joblib context sets, such as "dask"; "loky" if none does."""
    backend, _ = get_active_backend()
    name = type(backend).__name__.removesuffix("Backend").removesuffix("Distributed").lower()
    is_inner = bool(getattr(backend, "nesting_level", 0))
    return "loky" if is_inner or name in OWN_BACKENDS else name


def in_parallel(
    call: Callable[[T], R], items: Iterable[T], jobs: int, *, apart: bool = False
) -> Iterator[R]:
    """Call a function for every item; yield the results in the order in which they come.

    A joblib context that sets a backend other than loky (``parallel_config(backend="dask")``) is
    followed. Otherwise processes are started here, which end with this one.

    Args:
        call: a function that can be pickled.
        items: what to call it with; they are taken one by one.
        jobs: number of processes; 1 stands for this process alone. Dask uses all it has.
        apart: whether also one job has a process of its own.

    Raises:
        WorkerDiedError: if a process was killed, for example by a lack of memory.
        PoolLostError: if dask's scheduler has gone.
    """
    backend = context_backend()
    if backend == "loky" and (jobs > 1 or apart) and not _has_semaphores():
        jobs, apart = 1, False
    if backend != "loky" or jobs > 1 or apart:
        call = with_parts(call, by_value=backend != "loky")
    with _worker_errors():
        if backend != "loky":
            results = _with_joblib(call, items, -1 if backend == "dask" else jobs)
        elif jobs > 1:
            with parallel_config(backend="loky", inner_max_num_threads=1, **_beginning()):
                results = _with_joblib(call, items, jobs)
        elif apart:
            results = _with_one_process(call, items)
        else:
            results = (call(item) for item in items)
    try:
        with _worker_errors():
            # "yield from" would close them when it is closed, and let the warnings out
            for result in results:  # noqa: UP028
                yield result
    finally:
        with warnings.catch_warnings(action="ignore"):  # joblib warns of runs that are given up
            results.close()


@contextmanager
def _worker_errors() -> Iterator[None]:
    """Raise what a pool says of workers that have gone as an error of this package."""
    try:
        yield
    except BrokenProcessPool as error:
        raise WorkerDiedError(DIED) from error
    except (Exception, CancelledError) as error:
        if type(error).__name__ in LOSSES:
            raise PoolLostError(f"{LOST}: {error}".removesuffix(": ")) from error
        if type(error).__name__ in DEATHS:
            raise WorkerDiedError(f"{DIED}: {error}") from error
        raise


def _beginning() -> dict[str, Any]:
    """Return what a worker does first: it takes care to end with this process."""
    is_main = threading.current_thread() is threading.main_thread()
    return {"initializer": end_with_parent, "initargs": (os.getpid(), is_main)}


def _with_joblib(call: Callable[[T], R], items: Iterable[T], jobs: int) -> Generator[R]:
    workers = Parallel(n_jobs=jobs, batch_size=1, return_as="generator_unordered")
    calls = (delayed(call)(item) for item in items)
    with unheard_by_workers() if context_backend() == "loky" else nullcontext():
        return cast("Generator[R]", workers(calls))


def _with_one_process(call: Callable[[T], R], items: Iterable[T]) -> Generator[R]:
    executor = ProcessPoolExecutor(max_workers=1, **_beginning())
    try:
        for item in items:
            with unheard_by_workers():
                future = executor.submit(call, item)
            yield future.result()
    finally:
        executor.shutdown(wait=True, kill_workers=True)


def _has_semaphores() -> bool:
    """Return whether processes can share a lock here; not so where /dev/shm is read-only."""
    try:
        multiprocessing.Lock()
    except (OSError, ImportError):
        return False
    return True
