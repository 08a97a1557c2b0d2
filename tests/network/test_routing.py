import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise, product

import networkx as nx
import numpy as np
import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.network import LeastLoadedRouter, LinkTable, Router, as_topology, topologies
from cluster_emu.network.links import LinkUse, load_figures

GBIT = 1e9


def fat_tree(k):
    return topologies.create("fat-tree", k=k, link_bps=GBIT).build()


def jellyfish():
    return topologies.create(
        "jellyfish",
        switches=20,
        degree=4,
        hosts_per_switch=2,
        link_bps=GBIT,
        host_bps=10 * GBIT,
        latency_s=1e-6,
    ).build()


GRAPHS = {
    "fat-tree": fat_tree(4),
    "jellyfish": jellyfish(),
    "leaf-spine": topologies.create(
        "leaf-spine", leaves=3, spines=2, hosts_per_leaf=3, host_bps=GBIT
    ).build(),
}


def router(graph):
    return Router(LinkTable.of(graph))


def nodes_along(links, route):
    return [int(links.source[route[0]]), *links.target[list(route)].tolist()]


def test_an_edge_is_two_links_with_its_whole_capacity_each():
    graph = GRAPHS["jellyfish"]
    links = LinkTable.of(graph)
    assert len(links) == 2 * graph.number_of_edges()
    assert (links.host_count, links.node_count) == (40, 60)
    for a, b, capacity in graph.edges(data="capacity_bps"):
        for source, target in ((a, b), (b, a)):
            (link,) = links.between(source, target)
            assert links.capacity_bps[link] == capacity
            assert links.capacity_bytes_per_s[link] == capacity / 8
            assert links.latency_s[link] == 1e-6


def test_an_edge_of_a_directed_graph_is_one_link():
    graph = nx.DiGraph()
    graph.add_nodes_from(["a", "b"], kind="host")
    graph.add_edge("a", "b", capacity_bps=GBIT)
    graph.add_edge("b", "a", capacity_bps=GBIT / 2)
    links = LinkTable.of(as_topology(graph))
    assert links.capacity_bps.tolist() == [GBIT, GBIT / 2]
    assert (links.source.tolist(), links.target.tolist()) == ([0, 1], [1, 0])


def test_a_lone_host_has_no_links():
    graph = nx.Graph()
    graph.add_node("only", kind="host")
    links = LinkTable.of(as_topology(graph))
    assert len(links) == 0
    assert Router(links).route(0, 0) == ()


@pytest.mark.parametrize("name", GRAPHS)
def test_routes_are_shortest_paths(name):
    links = LinkTable.of(GRAPHS[name])
    route_of = Router(links).route
    lengths = dict(nx.all_pairs_shortest_path_length(GRAPHS[name]))
    for source, target in product(range(links.host_count), repeat=2):
        if source == target:
            assert route_of(source, target) == ()
            continue
        path = nodes_along(links, route_of(source, target, 5))
        assert (path[0], path[-1]) == (source, target)
        assert all(GRAPHS[name].has_edge(*hop) for hop in pairwise(path))
        assert len(path) - 1 == lengths[source][target]


def test_both_ways_have_the_same_number_of_hops():
    route_of = router(GRAPHS["jellyfish"]).route
    for a, b in product(range(40), repeat=2):
        assert len(route_of(a, b)) == len(route_of(b, a))


def test_latency_is_the_sum_over_the_route():
    links = LinkTable.of(GRAPHS["jellyfish"])
    route = Router(links).route(0, 39)
    assert links.route_latency_s(route) == pytest.approx(len(route) * 1e-6)
    assert links.route_latency_s(()) == 0.0


@pytest.mark.parametrize("k", [4, 8])
def test_flows_between_two_hosts_spread_evenly_over_all_equal_paths(k):
    route_of = router(fat_tree(k)).route
    paths, flows = k**2 // 4, 400 * k**2 // 4
    used = Counter(route_of(0, k**3 // 4 - 1, key) for key in range(flows))
    assert len(used) == paths
    # 400 +- 20 flows are expected on each path; five standard deviations would be a bad hash.
    assert all(300 < count < 500 for count in used.values())


def test_pairs_of_hosts_spread_over_the_core():
    graph = fat_tree(4)
    links = LinkTable.of(graph)
    route_of = Router(links).route
    cores = [node for node in graph if graph.nodes[node]["layer"] == 3]
    middles = Counter(nodes_along(links, route_of(a, b))[3] for a in range(4) for b in range(4, 16))
    assert set(middles) == set(cores)


def test_parallel_edges_are_bonded_links():
    graph = nx.MultiGraph()
    graph.add_nodes_from(["a", "b"], kind="host")
    graph.add_node("s", kind="switch")
    for host in "ab":
        for _ in range(2):
            graph.add_edge(host, "s", capacity_bps=GBIT)
    links = LinkTable.of(as_topology(graph))
    route_of = Router(links).route
    assert links.between(0, 2) == (0, 2)
    assert {route_of(0, 1, key) for key in range(64)} == {(a, b) for a in (0, 2) for b in (5, 7)}


def dual_homed():
    """Hosts 1 hangs on both leaves: through it would be shorter than over the spine."""
    graph = nx.Graph()
    graph.add_nodes_from(range(3), kind="host")
    graph.add_nodes_from(range(3, 7), kind="switch")
    cables = [(0, 3), (1, 3), (1, 4), (2, 4), (3, 5), (5, 6), (6, 4)]
    graph.add_edges_from(cables, capacity_bps=GBIT)
    return graph


def test_traffic_does_not_pass_through_hosts():
    links = LinkTable.of(as_topology(dual_homed()))
    assert nodes_along(links, Router(links).route(0, 2)) == [0, 3, 5, 6, 4, 2]
    assert nodes_along(links, Router(links).route(0, 1)) == [0, 3, 1]
    assert nodes_along(links, Router(links).route(1, 2)) == [1, 4, 2]


def test_a_host_on_two_leaves_is_no_shortcut_though_it_is_as_short():
    graph = dual_homed()
    graph.remove_node(6)
    graph.add_edge(4, 5, capacity_bps=GBIT)
    links = LinkTable.of(as_topology(graph))
    route_of = Router(links).route
    paths = {tuple(nodes_along(links, route_of(0, 2, key))) for key in range(32)}
    assert paths == {(0, 3, 5, 4, 2)}


def test_traffic_passes_through_hosts_where_the_graph_says_so():
    graph = dual_homed()
    graph.graph["hosts_forward"] = True
    links = LinkTable.of(as_topology(graph))
    assert nodes_along(links, Router(links).route(0, 2)) == [0, 3, 1, 4, 2]


def test_no_way_but_through_a_host_is_an_error():
    # Host 0 hangs on two separate networks, so as_topology's walk from it reaches everyone.
    graph = nx.Graph()
    graph.add_nodes_from(range(3), kind="host")
    graph.add_nodes_from([3, 4], kind="switch")
    graph.add_edges_from([(0, 3), (0, 4), (1, 3), (2, 4)], capacity_bps=GBIT)
    with pytest.raises(ScenarioError, match="no path from host 1 to host 2"):
        router(as_topology(graph)).route(1, 2)


@pytest.mark.parametrize(("source", "target"), [(16, 0), (0, 16), (-1, 0), (0, 99)])
def test_only_hosts_send_and_receive(source, target):
    with pytest.raises(ValueError, match=r"is no host: allowed is 0\.\.15"):
        router(GRAPHS["fat-tree"]).route(source, target)


def test_routes_are_the_same_in_every_process():
    code = (
        "from cluster_emu.network import *;"
        "t = topologies.create('fat-tree', k=4, link_bps=1e9);"
        "r = Router(LinkTable.of(t.build()));"
        "print([r.route(0, 15, key) for key in range(20)])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    route_of = router(GRAPHS["fat-tree"]).route
    assert outputs == {str([route_of(0, 15, key) for key in range(20)])}


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_least_loaded_routes_are_shortest_paths_too(name):
    links = LinkTable.of(GRAPHS[name])
    by_hash, by_load = Router(links), LeastLoadedRouter(links)
    rng = np.random.default_rng(1)
    taken = []
    for key in range(300):
        source, target = rng.choice(links.host_count, 2, replace=False).tolist()
        route = by_load.take(source, target, key)
        nodes = nodes_along(links, route)
        assert (nodes[0], nodes[-1]) == (source, target)
        assert len(route) == len(by_hash.route(source, target, key))
        taken.append(route)
        if len(taken) > 20:
            by_load.release(taken.pop(int(rng.integers(len(taken)))))
    for route in taken:
        by_load.release(route)
    assert by_load.take(0, 1, 5) == by_hash.route(0, 1, 5)  # nothing is there: the one by hash


def test_least_loaded_flows_are_even_over_equal_paths():
    # 20 flows from one leaf to another over two spines; by hash 13 of them take the same one
    links = LinkTable.of(GRAPHS["leaf-spine"])
    by_hash, by_load = Router(links), LeastLoadedRouter(links)
    uplinks = [link for link in range(len(links)) if links.source[link] == 9]
    uplinks = [link for link in uplinks if links.target[link] >= 12]
    assert len(uplinks) == 2
    counts = []
    for routes in (
        [by_hash.take(0, 3, key) for key in range(20)],
        [by_load.take(0, 3, key) for key in range(20)],
    ):
        crossed = Counter(link for route in routes for link in route)
        counts.append(sorted(crossed[link] for link in uplinks))
    assert sum(counts[0]) == 20
    assert counts[0] != [10, 10]
    assert counts[1] == [10, 10]


def test_least_loaded_looks_at_the_whole_path_and_at_capacities():
    # Of the ways over switches 2 and 3, the first begins with an empty link but ends with one that
    # other flows use. Over switch 4 all links have a tenth of the capacity.
    graph = nx.DiGraph()
    graph.add_nodes_from([0, 1, 5], kind="host")
    graph.add_nodes_from([2, 3, 4, 6, 7], kind="switch")
    for a, b, capacity in [
        (0, 6, 10 * GBIT),
        (6, 2, GBIT),
        (2, 7, GBIT),
        (6, 3, GBIT),
        (3, 7, GBIT),
        (6, 4, GBIT / 10),
        (4, 7, GBIT / 10),
        (7, 1, 10 * GBIT),
        (5, 2, GBIT),
        (7, 5, GBIT),
        (1, 7, GBIT),
        (7, 6, GBIT),
        (6, 0, GBIT),
    ]:
        graph.add_edge(a, b, capacity_bps=capacity)
    as_built = as_topology(graph)
    links = LinkTable.of(as_built)
    place = {label: node for node, label in enumerate([0, 1, 5, 2, 3, 4, 6, 7])}
    by_load = LeastLoadedRouter(links)
    for _ in range(2):
        by_load.take(place[5], place[1])  # over switch 2 to 7
    ways = [by_load.take(place[0], place[1], key) for key in range(12)]
    passed = [nodes_along(links, way)[2] for way in ways]
    over = Counter(passed)
    assert passed[:2] == [place[3], place[3]]
    assert over[place[3]] == over[place[2]] + 2
    # a tenth of the capacity gets a flow once the others have ten each
    assert over[place[4]] == 0


def test_what_is_busy_and_how_evenly_parallel_links_are_used():
    carried = np.array([30.0, 0.0, 10.0, 0.0, 0.0, 0.0, 25.0, 0.0])  # both ways of four edges
    graph = nx.Graph()
    graph.add_node(0, kind="host")
    graph.add_nodes_from(range(1, 5), kind="switch")
    for end, capacity in zip(range(1, 5), (10.0, 10.0, 10.0, 100.0), strict=True):
        graph.add_edge(0, end, capacity_bps=8 * capacity)
    links = LinkTable.of(as_topology(graph))
    found = load_figures(LinkUse.of(links, carried, [(0, 2, 4), (2, 4)]), 10.0)
    assert found == {
        "busiest_link": 0,
        "busiest_link_share": pytest.approx(0.3),
        "link_imbalance": pytest.approx(3.0 / (4.0 / 3)),
    }
    assert np.isnan(load_figures(LinkUse.of(links, carried, []), 10.0)["link_imbalance"])
    nothing = load_figures(LinkUse.of(links, np.zeros(8), [(0, 2)]), 10.0)
    assert all(np.isnan(value) for value in nothing.values())


def test_routes_say_where_they_had_a_choice():
    links = LinkTable.of(GRAPHS["leaf-spine"])
    found = Router(links)
    assert found.choices == ()
    found.route(0, 1)  # below one leaf
    assert found.choices == ()
    found.route(0, 3)
    (uplinks,) = found.choices
    assert {int(links.source[link]) for link in uplinks} == {9}
    assert len({int(links.target[link]) for link in uplinks}) == 2


def test_the_hash_is_part_of_the_results_and_may_not_change():
    route_of = router(GRAPHS["fat-tree"]).route
    assert [route_of(0, 15, key) for key in range(4)] == [
        (0, 34, 70, 95, 63, 31),
        (0, 34, 68, 93, 63, 31),
        (0, 34, 68, 93, 63, 31),
        (0, 34, 68, 93, 63, 31),
    ]


def test_a_big_fat_tree_is_routed_hop_by_hop():
    links = LinkTable.of(fat_tree(16))
    route_of = Router(links).route
    rng = np.random.default_rng(1)
    for key in range(2000):
        a, b = rng.choice(1024, size=2, replace=False).tolist()
        route = route_of(a, b, key)
        assert len(route) in (2, 4, 6)
        assert nodes_along(links, route)[-1] == b
