"""A signal reaches the process that was started, not the ones that it starts."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal

import pytest
from joblib.externals.loky import get_reusable_executor

from cluster_emu import signals
from cluster_emu.scenario import Scenario
from cluster_emu.signals import ENDING
from cluster_emu.study.execution.runs import RunInterrupted, do_all, simulate
from cluster_emu.study.execution.workers import unheard_by_workers
from tests._support.small_scenarios import scenario


def is_deaf(scenario: Scenario, seed: int) -> bool:
    return set(ENDING) <= signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_workers_hear_nothing_of_ctrl_c_and_their_parent_does() -> None:
    tasks = [(scenario(), 0), (scenario(), 1)]
    get_reusable_executor().shutdown(wait=True)  # of other tests
    assert dict(do_all(is_deaf, tasks, jobs=2)) == {0: True, 1: True}
    assert dict(do_all(is_deaf, tasks, jobs=1)) == {0: False, 1: False}


def swallow(scenario: Scenario, seed: int) -> int:
    """Send this process the signal and ignore its exception, as a finaliser does."""
    try:
        os.kill(os.getpid(), seed)
    except BaseException:
        return seed
    raise AssertionError("the signal raised nothing")


def process_of(scenario: Scenario, seed: int) -> int:
    return os.getpid()


def test_where_processes_cannot_share_locks_this_one_does_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")  # as with a read-only /dev/shm

    monkeypatch.setattr(multiprocessing, "Lock", read_only)
    tasks = [(scenario(), 0), (scenario(), 1)]
    assert dict(do_all(process_of, tasks, jobs=2)) == {0: os.getpid(), 1: os.getpid()}


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_that_arrives_while_workers_start_is_not_lost(number: signal.Signals) -> None:
    with pytest.raises(signals.Interrupted), signals.raised(), unheard_by_workers():
        os.kill(os.getpid(), number)
        assert number in signal.sigpending()


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_whose_exception_is_swallowed_ends_the_work(number: signal.Signals) -> None:
    ended = []
    with signals.raised():
        before = signal.getsignal(number)
        with pytest.raises(signals.Interrupted) as raised:
            for index, _ in do_all(swallow, [(scenario(), number)] * 3, jobs=1):
                ended.append(index)
        assert signal.getsignal(number) is before

    assert ended == [0]
    assert raised.value.number == number


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_whose_exception_is_swallowed_ends_a_single_run(number: signal.Signals) -> None:
    shown: list[float] = []

    def progress(done: float, total: float) -> None:
        shown.append(done)
        if len(shown) == 2:
            with pytest.raises(signals.Interrupted):  # as if it was raised in a finaliser
                os.kill(os.getpid(), number)

    with signals.raised():
        before = signal.getsignal(number)
        with pytest.raises(RunInterrupted) as raised:
            simulate(scenario(pages=4096), 0, progress)
        assert signal.getsignal(number) is before

    assert len(shown) == 2
    assert signals.exit_status(raised.value) == 128 + number
