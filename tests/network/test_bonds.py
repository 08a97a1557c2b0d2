"""Bonded host links: each flow uses one member, so many flows gain and a single one does not."""

from collections import Counter

import networkx as nx
import numpy as np
import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.network import LinkTable, Router, as_topology, completion_times, topologies

GBIT = 1e9
BONDED = {
    "star": {"hosts": 4, "host_bps": GBIT},
    "leaf-spine": {"leaves": 2, "spines": 2, "hosts_per_leaf": 2, "host_bps": GBIT},
    "three-tier": {"pods": 2, "racks_per_pod": 1, "hosts_per_rack": 2, "host_bps": GBIT},
    "fat-tree": {"k": 4, "link_bps": GBIT},
}


def build(name, bonds):
    return topologies.create(name, **BONDED[name], bonds=bonds).build()


def host_links(graph, host):
    """The capacities of the cables of a host, one per member."""
    return [capacity for _, _, capacity in graph.edges(host, data="capacity_bps")]


def core_bps(graph):
    switches = {node for node, kind in graph.nodes(data="kind") if kind == "switch"}
    return sum(c for a, b, c in graph.edges(data="capacity_bps") if {a, b} <= switches)


@pytest.mark.parametrize("name", BONDED)
def test_every_host_has_that_many_links_of_its_full_capacity(name):
    graph = build(name, 3)
    assert host_links(graph, 0) == [GBIT] * 3
    adopted = as_topology(graph)
    assert list(adopted.nodes(data=True)) == list(graph.nodes(data=True))
    assert list(adopted.edges(data=True)) == list(graph.edges(data=True))


@pytest.mark.parametrize("name", BONDED)
def test_one_bond_is_the_plain_network(name):
    single = build(name, 1)
    assert type(single) is nx.Graph
    assert host_links(single, 0) == [GBIT]


@pytest.mark.parametrize("name", ["leaf-spine", "three-tier"])
def test_uplinks_grow_with_what_the_hosts_can_send(name):
    assert core_bps(build(name, 3)) == pytest.approx(3 * core_bps(build(name, 1)))


def test_a_fat_tree_keeps_its_uplinks():
    assert core_bps(build("fat-tree", 3)) == core_bps(build("fat-tree", 1))


def test_a_single_flow_is_no_faster_and_many_flows_share_the_members_they_hash_to():
    links = LinkTable.of(build("star", 2))
    router = Router(links)
    bytes_per_s = GBIT / 8
    alone = completion_times(links.capacity_bytes_per_s, [router.route(0, 1, 0)], [bytes_per_s])
    assert alone.tolist() == [1.0]

    routes = [router.route(0, 1 + key % 3, key) for key in range(60)]
    members = Counter(route[0] for route in routes)
    assert set(members) == set(links.between(0, 4))
    assert sum(members.values()) == 60
    ends = completion_times(links.capacity_bytes_per_s, routes, [bytes_per_s] * 60)
    # the three targets receive less than their links could: the source's member links limit it
    for member, flows in members.items():
        last = max(end for end, route in zip(ends, routes, strict=True) if route[0] == member)
        assert last == pytest.approx(flows)


@pytest.mark.parametrize("name", BONDED)
def test_flows_spread_evenly_over_the_members_at_both_ends(name):
    links = LinkTable.of(build(name, 4))
    router = Router(links)
    last = links.host_count - 1
    routes = [router.route(0, last, key) for key in range(400)]
    for end in (0, -1):
        counts = np.array(list(Counter(route[end] for route in routes).values()))
        assert len(counts) == 4
        assert counts.min() > 60  # 100 each, 4.6 standard deviations
    for route in routes:
        assert links.source[route[0]] == 0
        assert links.target[route[-1]] == last
        assert (links.target[list(route[:-1])] == links.source[list(route[1:])]).all()


def test_no_bond_at_all_is_refused():
    with pytest.raises(ScenarioError, match="bonds = 0: allowed is a number >= 1"):
        build("star", 0)
