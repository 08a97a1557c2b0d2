"""Ctrl-C reaches the process that was started, not the ones that it starts."""

from __future__ import annotations

import os
import signal

import pytest
from joblib.externals.loky import get_reusable_executor

from cluster_emu.scenario import Scenario
from cluster_emu.study.execution.runs import do_all
from tests._support.small_scenarios import scenario


def is_deaf(scenario: Scenario, seed: int) -> bool:
    return signal.getsignal(signal.SIGINT) is signal.SIG_IGN


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


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_whose_exception_is_swallowed_ends_the_work(
    number: signal.Signals, error: type[BaseException]
) -> None:
    def end(number: int, frame: object) -> None:
        raise SystemExit(number)

    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, end)
    ended = []
    try:
        with pytest.raises(error):
            for index, _ in do_all(swallow, [(scenario(), number)] * 3, jobs=1):
                ended.append(index)
        assert signal.getsignal(signal.SIGTERM) is end
    finally:
        signal.signal(signal.SIGTERM, before[signal.SIGTERM])

    assert ended == [0]
    assert signal.getsignal(signal.SIGINT) is before[signal.SIGINT]
