from __future__ import annotations

import numpy as np
import pytest

from cluster_emu.consolidation.underload import LastNAverage
from tests._support.histories import plan_after
from tests.consolidation.conftest import linear_watts


@pytest.fixture
def plan(make_state, vm):
    """Return four hosts of capacity 2 with one VM of capacity 1 each, and an empty one."""
    state = make_state([2.0] * 5, [8] * 5, [vm(host, 0.0) for host in range(4)])
    # means of the last two: .2 .3 .15 .3; of all three: .467 .2 .133 .2
    loads = [[2.0, 0.0, 0.2, 0.0], [0.4, 0.4, 0.2, 0.8], [0.4, 0.8, 0.4, 0.4]]
    return plan_after(state, loads, linear_watts)


def test_the_lowest_mean_of_late_comes_first_and_ties_by_number(plan):
    everywhere = np.ones(5, dtype=bool)
    assert LastNAverage().candidates(plan, everywhere).tolist() == [2, 0, 1, 3]
    assert LastNAverage(below=0.3).candidates(plan, everywhere).tolist() == [2, 0]
    assert LastNAverage(max_hosts=1).candidates(plan, everywhere).tolist() == [2]
    assert LastNAverage().candidates(plan, np.arange(5) != 2).tolist() == [0, 1, 3]
    assert LastNAverage(instants=3).candidates(plan, everywhere).tolist() == [2, 1, 3, 0]
    assert LastNAverage(instants=9).candidates(plan, everywhere).tolist() == [2, 1, 3, 0]
    assert LastNAverage(instants=9).history_length == 9


def test_without_history_and_without_movable_vms_there_is_no_candidate(make_state, vm, plan_of):
    state = make_state([2.0] * 2, [8] * 2, [vm(0, 0.1, migratable=False), vm(1, 0.1)])
    assert LastNAverage().candidates(plan_of(state), np.ones(2, dtype=bool)).tolist() == []
    plan = plan_after(state, [[0.1, 0.1]], linear_watts)
    assert LastNAverage().candidates(plan, np.ones(2, dtype=bool)).tolist() == [1]
