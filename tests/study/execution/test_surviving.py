"""Work goes on when a worker dies, and only the task that kills its worker is blamed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from cluster_emu.errors import PoolLostError, WorkerDiedError
from cluster_emu.study.execution import parallel, surviving
from cluster_emu.study.execution.surviving import do_surviving


def work(number: int, killers: tuple[int, ...], *, note: Path | None) -> int:
    if number in killers:
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02)
    return number**2


def noting(number: int, *, note: Path | None) -> int:
    if number == 3 and note is not None:
        note.write_text("too long", "utf-8")
        os._exit(1)
    return number**2


def died(note: str) -> int:
    return -1 if not note else -len(note)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_the_task_that_kills_its_worker_is_found_and_the_others_are_done(jobs: int) -> None:
    tasks = [(number, (2, 5)) for number in range(8)]
    found = dict(do_surviving(work, tasks, jobs, died, apart=True))

    assert found == {n: -1 if n in (2, 5) else n**2 for n in range(8)}


def test_a_process_that_says_why_it_ends_is_not_tried_again() -> None:
    tasks = [(number,) for number in range(5)]
    found = list(do_surviving(noting, tasks, 1, died, apart=True))

    assert sorted(found) == [(0, 0), (1, 1), (2, 4), (3, -len("too long")), (4, 16)]


def once(number: int, place: str, *, note: Path | None) -> int:
    """Kill the process of one task the first time, as somebody else may."""
    mark = Path(place) / "killed"
    if number == 1 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.slow
def test_a_task_whose_process_somebody_else_killed_is_done_again(tmp_path: Path) -> None:
    tasks = [(number, str(tmp_path)) for number in range(4)]
    assert dict(do_surviving(once, tasks, 2, died)) == {0: 0, 1: 1, 2: 2, 3: 3}


def test_workers_that_die_before_they_begin_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    starts = []

    def dead(*_: Any, **__: Any) -> Any:
        starts.append(1)
        raise WorkerDiedError("gone")
        yield

    monkeypatch.setattr(surviving, "in_parallel", dead)
    with pytest.raises(WorkerDiedError):
        list(do_surviving(work, [(1, ())], 2, died))
    assert len(starts) == surviving.MOST_VAIN_STARTS


def test_no_task_is_blamed_when_the_pool_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    starts = []

    def lost(_: Any, items: Any, *__: Any, **___: Any) -> Any:
        starts.append(list(items))
        raise PoolLostError("gone")
        yield

    monkeypatch.setattr(surviving, "in_parallel", lost)
    monkeypatch.setattr(surviving, "context_backend", lambda: "dask")
    ended = []
    with pytest.raises(PoolLostError):
        ended += do_surviving(work, [(number, ()) for number in range(4)], 2, died)
    assert (ended, len(starts)) == ([], 1)


def test_the_pool_is_lost_while_suspects_run_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = iter([WorkerDiedError("killed"), WorkerDiedError("killed"), PoolLostError("gone")])

    def dying(_: Any, items: Any, *__: Any, **___: Any) -> Any:
        list(items)
        raise next(errors)
        yield

    monkeypatch.setattr(surviving, "in_parallel", dying)
    monkeypatch.setattr(surviving, "context_backend", lambda: "dask")
    found = do_surviving(work, [(number, ()) for number in range(4)], 2, died)
    assert next(found) == (0, -1)  # dask has said that the first one kills workers
    with pytest.raises(PoolLostError):
        next(found)


def test_a_suspect_that_was_never_begun_again_is_not_blamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starts = []

    def dying(call: Any, items: Any, *_: Any, **__: Any) -> Any:
        starts.append(1)
        ((first, _task), *_rest) = list(items)
        if len(starts) == 1:
            (call.args[1] / str(first)).touch()
        raise WorkerDiedError("gone")
        yield

    monkeypatch.setattr(surviving, "in_parallel", dying)
    ended = []
    with pytest.raises(WorkerDiedError):
        ended += do_surviving(work, [(number, ()) for number in range(4)], 2, died)
    assert (ended, len(starts)) == ([], 1 + surviving.MOST_VAIN_STARTS)


@pytest.mark.parametrize(
    ("name", "raised"),
    [
        ("KilledWorker", WorkerDiedError),
        ("CommClosedError", PoolLostError),
        ("FutureCancelledError", PoolLostError),
    ],
)
def test_what_dask_says_of_a_death_and_of_a_loss(
    monkeypatch: pytest.MonkeyPatch, name: str, raised: type[Exception]
) -> None:
    def fail(*_: Any) -> Any:
        raise type(name, (Exception,), {})("why")
        yield

    monkeypatch.setattr(parallel, "context_backend", lambda: "dask")
    monkeypatch.setattr(parallel, "_with_joblib", fail)
    with pytest.raises(WorkerDiedError, match="why") as said:
        list(parallel.in_parallel(died, ["a"], 1))
    assert type(said.value) is raised
