import networkx as nx
import numpy as np
import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.network import as_topology, topologies

GBIT = 1e9


def small(graph_class=nx.Graph):
    """Two switches, two hosts on each, made in an untidy order."""
    graph = graph_class()
    graph.add_node("left", kind="switch")
    graph.add_node("a", kind="host")
    graph.add_node("right", kind="switch")
    graph.add_nodes_from(["b", "c", "d"], kind="host")
    for a, b in [("a", "left"), ("b", "left"), ("c", "right"), ("d", "right"), ("left", "right")]:
        graph.add_edge(a, b, capacity_bps=GBIT)
        if graph.is_directed():
            graph.add_edge(b, a, capacity_bps=GBIT)
    return graph


def refusal(graph, **options):
    with pytest.raises(ScenarioError) as caught:
        as_topology(graph, **options)
    return caught.value


def test_hosts_come_first_and_keep_their_names_as_labels():
    graph = as_topology(small())
    assert list(graph) == [0, 1, 2, 3, 4, 5]
    assert list(nx.get_node_attributes(graph, "label").values()) == [*"abcd", "left", "right"]


def test_what_is_missing_is_filled_in():
    graph = as_topology(small(), latency_s=2e-6)
    assert list(nx.get_node_attributes(graph, "layer").values()) == [0, 0, 0, 0, 1, 1]
    assert list(nx.get_node_attributes(graph, "rack").values()) == [0, 0, 1, 1, 0, 1]
    assert set(nx.get_edge_attributes(graph, "latency_s").values()) == {2e-6}


def test_what_is_given_stays():
    graph = small()
    graph.add_node("e", kind="host", rack=4, label="db-1", price=12)
    graph.add_edge("e", "left", capacity_bps=GBIT, latency_s=5e-6)
    for host in "abcd":
        graph.nodes[host]["rack"] = 7
    adopted = as_topology(graph, latency_s=1e-6)
    assert adopted.nodes[4] == {"kind": "host", "rack": 4, "label": "db-1", "price": 12, "layer": 0}
    assert adopted.edges[4, 5]["latency_s"] == 5e-6
    assert [adopted.nodes[node]["rack"] for node in adopted] == [7, 7, 7, 7, 4, -1, -1]


def test_the_callers_graph_is_left_as_it_was():
    graph = small()
    before = nx.to_dict_of_dicts(graph), dict(graph.nodes(data=True))
    as_topology(graph)
    assert (nx.to_dict_of_dicts(graph), dict(graph.nodes(data=True))) == before
    assert set(graph.nodes["a"]) == {"kind"}


def test_whole_number_names_are_taken_in_ascending_order():
    graph = nx.Graph()
    graph.add_edge(0, 9, capacity_bps=GBIT)
    graph.add_edge(9, 2, capacity_bps=GBIT)
    graph.add_edge(9, 1, capacity_bps=GBIT)
    nx.set_node_attributes(graph, {0: "host", 1: "host", 2: "host", 9: "switch"}, "kind")
    labels = nx.get_node_attributes(as_topology(graph), "label")
    assert labels == {0: "0", 1: "1", 2: "2", 3: "9"}


@pytest.mark.parametrize("graph_class", [nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph])
def test_directed_graphs_and_multigraphs_stay_what_they_are(graph_class):
    graph = small(graph_class)
    adopted = as_topology(graph)
    assert type(adopted) is graph_class
    assert adopted.number_of_edges() == graph.number_of_edges()


def test_hosts_may_pass_traffic_on_only_where_the_graph_says_so():
    ring = nx.cycle_graph(4)
    nx.set_node_attributes(ring, "host", "kind")
    nx.set_edge_attributes(ring, GBIT, "capacity_bps")
    assert "reached through switches from 0" in str(refusal(ring))
    ring.graph["hosts_forward"] = True
    assert len(as_topology(ring)) == 4


@pytest.mark.parametrize("capacity", ["missing", -1.0, 0, float("nan"), float("inf"), "fast", True])
def test_every_edge_needs_a_capacity(capacity):
    graph = small()
    graph.edges["a", "left"]["capacity_bps"] = capacity
    if capacity == "missing":
        del graph.edges["a", "left"]["capacity_bps"]
    error = refusal(graph)
    assert error.field in ("edges.a-left.capacity_bps", "edges.left-a.capacity_bps")
    assert f"= {capacity!r}: allowed is a finite number of bit/s above 0" in str(error)


@pytest.mark.parametrize("latency", [-1.0, float("inf"), "slow", None])
def test_a_latency_must_be_a_time(latency):
    graph = small()
    graph.edges["left", "right"]["latency_s"] = latency
    assert str(refusal(graph)).startswith(f"edges.left-right.latency_s = {latency!r}: allowed is")


@pytest.mark.parametrize("kind", ["router", None, 3])
def test_every_node_needs_a_kind(kind):
    graph = small()
    graph.nodes["c"]["kind"] = kind
    assert str(refusal(graph)) == f"nodes.c.kind = {kind!r}: allowed is 'host' or 'switch'"


def test_numbers_of_numpy_are_numbers():
    graph = small()
    nx.set_edge_attributes(graph, np.float32(1e9), "capacity_bps")
    assert set(nx.get_edge_attributes(as_topology(graph), "capacity_bps").values()) == {1e9}


@pytest.mark.parametrize("rack", [-1, 1.5, "r1", None])
def test_racks_are_whole_numbers_for_all_hosts_or_for_none(rack):
    graph = small()
    nx.set_node_attributes(graph, 0, "rack")
    graph.nodes["d"]["rack"] = rack
    assert str(refusal(graph)).startswith(f"nodes.d.rack = {rack!r}: allowed is a whole number")


def test_a_graph_in_pieces_names_a_node_that_is_cut_off():
    graph = small()
    graph.remove_edge("left", "right")
    assert refusal(graph).field == "nodes.c"


def test_a_one_way_street_into_a_dead_end_is_refused():
    graph = small(nx.DiGraph)
    graph.remove_edge("d", "right")
    error = refusal(graph)
    assert error.field == "nodes.d"
    assert "able to reach a" in str(error)


def test_a_graph_without_hosts_is_refused():
    graph = nx.Graph()
    graph.add_node("s", kind="switch")
    assert "at least one host" in str(refusal(graph))
    assert "at least one host" in str(refusal(nx.Graph()))


def test_a_loop_is_refused():
    graph = small()
    graph.add_edge("left", "left", capacity_bps=GBIT)
    assert refusal(graph).field == "edges.left-left"


def test_a_graphml_file_gives_the_same_graph(tmp_path):
    path = tmp_path / "net.graphml"
    nx.write_graphml(small(), path)
    graph = topologies.create("graphml", path=path, latency_s=3e-6).build()
    expected = as_topology(small(), latency_s=3e-6)
    assert dict(graph.nodes(data=True)) == dict(expected.nodes(data=True))
    assert dict(graph.edges) == dict(expected.edges)


WITH_DEFAULTS = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key id="k" for="node" attr.name="kind" attr.type="string"><default>host</default></key>
  <key id="r" for="node" attr.name="rack" attr.type="double"><default>3</default></key>
  <key id="c" for="edge" attr.name="capacity_bps" attr.type="double"><default>1e10</default></key>
  <key id="l" attr.name="latency_s" attr.type="double"><default>5e-6</default></key>
  <key id="f" for="graph" attr.name="hosts_forward" attr.type="boolean">
    <default>true</default>
  </key>
  <graph edgedefault="undirected">
    <node id="a"/><node id="b"><data key="r">4.0</data></node>
    <node id="s"><data key="k">switch</data></node>
    <edge source="a" target="s"/>
    <edge source="b" target="s"><data key="c">1e9</data><data key="l">1e-3</data></edge>
  </graph>
</graphml>
"""


def test_a_graphml_files_defaults_hold_where_a_node_or_edge_gives_no_value(tmp_path):
    path = tmp_path / "net.graphml"
    path.write_text(WITH_DEFAULTS)
    graph = topologies.create("graphml", path=path).build()
    assert [graph.nodes[node]["kind"] for node in graph] == ["host", "host", "switch"]
    assert [graph.nodes[node]["rack"] for node in graph] == [3, 4, 3]
    assert (graph.edges[0, 2]["capacity_bps"], graph.edges[0, 2]["latency_s"]) == (1e10, 5e-6)
    assert (graph.edges[1, 2]["capacity_bps"], graph.edges[1, 2]["latency_s"]) == (1e9, 1e-3)
    assert graph.graph["hosts_forward"] is True


@pytest.mark.parametrize("rack", [3, 3.0, "3", "3.0", np.int64(3)])
def test_a_rack_is_a_whole_number_of_any_type(rack):
    graph = small()
    nx.set_node_attributes(graph, rack, "rack")
    racks = [attributes["rack"] for _, attributes in as_topology(graph).nodes(data=True)]
    assert racks == [3] * len(graph)
    assert {type(each) for each in racks} == {int}


def test_a_capacity_and_a_latency_may_have_a_unit():
    graph = small()
    for edge in graph.edges:
        graph.edges[edge].update({"capacity_bps": "10 Gbit/s", "latency_s": "5 us"})
    assert set(nx.get_edge_attributes(as_topology(graph), "capacity_bps").values()) == {1e10}
    assert set(nx.get_edge_attributes(as_topology(graph), "latency_s").values()) == {5e-6}


def test_a_bad_graphml_file_is_named_with_the_node_in_it(tmp_path):
    graph = small()
    graph.nodes["b"]["kind"] = "hots"
    path = tmp_path / "net.graphml"
    nx.write_graphml(graph, path)
    error = graphml_refusal(path)
    assert str(error) == f"{path}: nodes.b.kind = 'hots': allowed is 'host' or 'switch'"


@pytest.mark.parametrize("kind", ["boolean", "int", "long", "double"])
def test_a_key_whose_default_is_empty_is_named(tmp_path, kind):
    path = tmp_path / "net.graphml"
    nx.write_graphml(small(), path)
    key = f'<key id="z" for="node" attr.name="x" attr.type="{kind}"><default></default></key>'
    text = path.read_text("utf-8")
    start = text.index("<graph ")
    path.write_text(text[:start] + key + text[start:], "utf-8")

    error = graphml_refusal(path)
    assert (error.field, error.file) == ("key.x.default", path)


@pytest.mark.parametrize("text", ["", "not xml", "<graphml>", "<svg/>"])
def test_a_file_that_is_no_graphml_is_named(tmp_path, text):
    path = tmp_path / "net.graphml"
    path.write_text(text)
    assert str(path) in str(graphml_refusal(path))


def test_a_graphml_file_that_is_not_there_is_named(tmp_path):
    error = graphml_refusal(tmp_path / "none.graphml")
    assert error.field == "path"
    assert "none.graphml" in str(error)


def graphml_refusal(path):
    with pytest.raises(ScenarioError) as caught:
        topologies.create("graphml", path=path).build()
    return caught.value


@pytest.mark.parametrize(
    ("place", "name", "meant"),
    [
        ("edge", "latency", "latency_s"),
        ("edge", "latency_ms", "latency_s"),
        ("edge", "capacity_gbps", "capacity_bps"),
        ("node", "racks", "rack"),
        ("node", "Label", "label"),
        ("graph", "host_forward", "hosts_forward"),
    ],
)
def test_a_misspelt_attribute_is_refused(place, name, meant):
    graph = small()
    {
        "edge": graph.edges["a", "left"],
        "node": graph.nodes["a"],
        "graph": graph.graph,
    }[place][name] = 1
    assert f"the attribute '{meant}'" in str(refusal(graph))


def test_attributes_of_other_tools_are_kept():
    graph = small()
    nx.set_node_attributes(graph, {"a": {"x": 1.0, "Latitude": 3.0, "color": "red"}})
    assert as_topology(graph).nodes[0]["color"] == "red"
