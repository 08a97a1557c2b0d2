"""Small runs whose pictures are looked at."""

from __future__ import annotations

import pytest

from cluster_emu import ClusterModel, RunResult
from tests._support.busy_runs import busy_scenario


@pytest.fixture(scope="session")
def live_run() -> RunResult:
    """A run in which six VMs move by pre-copy."""
    return ClusterModel(busy_scenario(), rng=1).run()


@pytest.fixture(scope="session")
def hybrid_run() -> RunResult:
    """The same with one live round and post-copy."""
    return ClusterModel(busy_scenario("hybrid"), rng=1).run()
