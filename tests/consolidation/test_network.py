from __future__ import annotations

import numpy as np
import pytest

from cluster_emu.consolidation import MigrationNetwork, Move, Plan, Priority
from cluster_emu.errors import ClusterEmuError
from cluster_emu.network import LinkTable, Router
from cluster_emu.network.topologies import Star
from tests.consolidation.conftest import linear_watts

GBIT = 1e9


@pytest.fixture
def network() -> MigrationNetwork:
    links = LinkTable.of(Star(hosts=4, host_bps=GBIT).build())
    return MigrationNetwork(links, Router(links))


def test_migrations_under_way_queued_and_planned_count_on_their_links(
    make_state, vm, network: MigrationNetwork
):
    vms = [vm(0, 1.0, target=1), vm(0, 1.0), vm(2, 1.0), vm(3, 1.0)]
    plan = Plan.of(make_state([8] * 4, [16] * 4, vms), linear_watts, network=network)
    plan.apply(Move(1, 0, 2, "test", Priority.REBALANCE))
    up, down = network.route(0, 1)
    assert plan.migrations_per_link[[up, down]].tolist() == [2, 1]
    assert plan.migrations_per_link[list(network.route(0, 2))].tolist() == [2, 1]
    assert plan.migrations_per_link.sum() == 4


def test_the_bottleneck_is_the_link_with_the_least_share_for_one_more(
    make_state, vm, network: MigrationNetwork
):
    vms = [vm(0, 1.0, target=1), vm(2, 1.0, target=1), vm(3, 1.0)]
    plan = Plan.of(make_state([8] * 4, [16] * 4, vms), linear_watts, network=network)
    found = plan.bottlenecks(2, np.array([0, 1, 2]))
    uplink = network.route(3, 0)[0]
    assert found.link.tolist() == [uplink, network.route(3, 1)[1], uplink]
    assert found.sharing.tolist() == [0, 2, 0]
    assert found.bytes_per_s.tolist() == [GBIT / 8, GBIT / 8 / 3, GBIT / 8]


def test_a_view_without_a_network_says_so(make_state, vm):
    plan = Plan.of(make_state([8], [16], [vm(0, 1.0)]), linear_watts)
    with pytest.raises(ClusterEmuError, match="without its network"):
        plan.bottlenecks(0, np.array([0]))


def test_the_cost_of_a_move_needs_no_network(make_state, vm):
    plan = Plan.of(make_state([8], [16], [vm(0, 1.0, 2)]), linear_watts)
    assert plan.cost_of_moving(np.array([0]), 2.0**30).time_s.tolist() == [2.0]
