from collections import Counter

import networkx as nx
import pytest

from cluster_emu.errors import ScenarioError, UnknownNameError
from cluster_emu.network import as_topology, topologies

GBIT = 1e9

EXAMPLES = {
    "racks": {"hosts_per_rack": (3, 5), "host_bps": GBIT},
    "star": {"hosts": 5, "host_bps": GBIT},
    "three-tier": {"pods": 2, "racks_per_pod": 3, "hosts_per_rack": 4, "host_bps": GBIT},
    "leaf-spine": {"leaves": 3, "spines": 2, "hosts_per_leaf": 4, "host_bps": GBIT},
    "fat-tree": {"k": 4, "link_bps": GBIT},
    "jellyfish": {
        "switches": 10,
        "degree": 3,
        "hosts_per_switch": 2,
        "link_bps": GBIT,
        "host_bps": GBIT,
    },
}


def build(name, **changes):
    return topologies.create(name, **{**EXAMPLES[name], **changes}).build()


def hosts_of(graph):
    return [node for node, kind in graph.nodes(data="kind") if kind == "host"]


def capacity_between(graph, some, others):
    """The most that one set of nodes can send to another at once."""
    directed = nx.DiGraph(graph)
    directed.add_edges_from(("source", node) for node in some)
    directed.add_edges_from((node, "sink") for node in others)
    return nx.maximum_flow_value(directed, "source", "sink", capacity="capacity_bps")


def test_every_built_in_but_graphml_has_an_example_here():
    assert set(topologies.names()) == {*EXAMPLES, "graphml"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_nodes_are_numbered_hosts_first_and_fully_described(name):
    graph = build(name, latency_s=1e-6)
    assert list(graph) == list(range(len(graph)))
    assert hosts_of(graph) == list(range(len(hosts_of(graph))))
    assert len({label for _, label in graph.nodes(data="label")}) == len(graph)
    for node, attributes in graph.nodes(data=True):
        assert set(attributes) == {"kind", "rack", "label", "layer"}, node
        assert (attributes["layer"] == 0) == (attributes["kind"] == "host")
    for _, _, attributes in graph.edges(data=True):
        assert set(attributes) == {"capacity_bps", "latency_s"}
        assert attributes["latency_s"] == 1e-6


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_is_built_passes_the_check_for_graphs_made_elsewhere_unchanged(name):
    graph = build(name)
    adopted = as_topology(graph)
    assert list(adopted.nodes(data=True)) == list(graph.nodes(data=True))
    assert list(adopted.edges(data=True)) == list(graph.edges(data=True))


@pytest.mark.parametrize("name", EXAMPLES)
def test_hosts_of_one_rack_share_a_switch_of_that_rack(name):
    graph = build(name)
    for host in hosts_of(graph):
        (switch,) = graph[host]
        assert graph.nodes[switch]["rack"] == graph.nodes[host]["rack"]


def test_star_is_one_switch():
    graph = build("star")
    assert (len(hosts_of(graph)), len(graph), graph.number_of_edges()) == (5, 6, 5)


@pytest.mark.parametrize("k", [2, 4, 8, 16])
def test_fat_tree_has_the_published_counts(k):
    graph = build("fat-tree", k=k)
    assert len(hosts_of(graph)) == k**3 // 4
    assert len(graph) - len(hosts_of(graph)) == 5 * k**2 // 4
    assert graph.number_of_edges() == 3 * k**3 // 4
    switches = [node for node in graph if graph.nodes[node]["kind"] == "switch"]
    assert {graph.degree[switch] for switch in switches} == {k}


@pytest.mark.parametrize("k", [4, 6])
def test_fat_tree_has_full_bisection(k):
    hosts = hosts_of(graph := build("fat-tree", k=k))
    half = len(hosts) // 2
    assert capacity_between(graph, hosts[:half], hosts[half:]) == half * GBIT


def test_leaf_spine_counts():
    graph = build("leaf-spine", leaves=5, spines=3, hosts_per_leaf=7)
    assert len(hosts_of(graph)) == 35
    assert len(graph) == 35 + 5 + 3
    assert graph.number_of_edges() == 35 + 5 * 3


@pytest.mark.parametrize(("given", "share"), [({}, 1), ({"oversubscription": 4}, 4)])
def test_leaf_spine_oversubscription_divides_what_leaves_a_leaf(given, share):
    hosts = hosts_of(graph := build("leaf-spine", **given))
    sent = capacity_between(graph, hosts[:4], hosts[4:])
    assert sent == pytest.approx(4 * GBIT / share)


def test_leaf_spine_uplinks_can_be_given():
    graph = build("leaf-spine", uplink_bps=40 * GBIT)
    layers = nx.get_node_attributes(graph, "layer")
    uplinks = {c for a, b, c in graph.edges(data="capacity_bps") if layers[a] + layers[b] == 3}
    assert uplinks == {40 * GBIT}


def test_three_tier_counts():
    graph = build("three-tier", aggregations_per_pod=3, cores=4)
    assert len(hosts_of(graph)) == 24
    assert Counter(dict(graph.nodes(data="layer")).values()) == {0: 24, 1: 6, 2: 6, 3: 4}
    assert graph.number_of_edges() == 24 + 6 * 3 + 6 * 4


def test_three_tier_oversubscription_at_the_rack_and_at_the_core():
    graph = build("three-tier", rack_oversubscription=2, core_oversubscription=4, cores=3)
    hosts = hosts_of(graph)
    rack, rest_of_pod, other_pod = hosts[:4], hosts[4:12], hosts[12:]
    assert capacity_between(graph, rack, rest_of_pod) == pytest.approx(4 * GBIT / 2)
    assert capacity_between(graph, hosts[:12], other_pod) == pytest.approx(12 * GBIT / 8)


def test_jellyfish_is_regular_connected_and_drawn_by_its_seed():
    graph, same, other = (build("jellyfish", seed=seed) for seed in (1, 1, 2))
    switches = [node for node in graph if graph.nodes[node]["kind"] == "switch"]
    assert set(dict(graph.subgraph(switches).degree).values()) == {3}
    assert nx.is_connected(graph)
    assert set(graph.edges) == set(same.edges)
    assert set(graph.edges) != set(other.edges)


@pytest.mark.parametrize(
    ("name", "changes", "field", "value"),
    [
        ("star", {"hosts": 0}, "hosts", "0"),
        ("star", {"host_bps": -1.0}, "host_bps", "-1.0"),
        ("star", {"host_bps": float("nan")}, "host_bps", "nan"),
        ("star", {"latency_s": -1e-3}, "latency_s", "-0.001"),
        ("star", {"colour": "red"}, "colour", "'red'"),
        ("fat-tree", {"k": 5}, "k", "5"),
        ("leaf-spine", {"oversubscription": 2, "uplink_bps": GBIT}, "oversubscription", "2.0"),
        ("three-tier", {"core_oversubscription": 0}, "core_oversubscription", "0"),
        ("jellyfish", {"degree": 10}, "degree", "10"),
        ("jellyfish", {"switches": 9}, "degree", "3"),
        ("jellyfish", {"degree": 1}, "degree", "1"),
    ],
)
def test_bad_parameters_name_the_field_the_value_and_what_is_allowed(name, changes, field, value):
    with pytest.raises(ScenarioError) as caught:
        build(name, **changes)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field} = {value}: allowed is ")


def test_unknown_topology_lists_the_known_ones():
    with pytest.raises(
        UnknownNameError, match="fat-tree, graphml, jellyfish, leaf-spine, racks, star"
    ):
        topologies.create("torus")
