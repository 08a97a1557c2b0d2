"""Ctrl-C reaches the process that was started, not the ones that it starts."""

from __future__ import annotations

import signal

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
