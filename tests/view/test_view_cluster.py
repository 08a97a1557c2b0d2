from __future__ import annotations

from dataclasses import replace
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from cluster_emu import ClusterModel
from cluster_emu.network import LinkTable, Router, as_topology, topologies
from cluster_emu.view import ClusterFrame, RunningMove, draw_cluster
from cluster_emu.view.cluster_hosts import fits, pack, square_scale
from cluster_emu.view.layout import Box, layered_layout
from cluster_emu.view.style import UTILISATION_COLOURS, VERMILLION
from tests._support.busy_runs import busy_scenario
from tests._support.figure_checks import all_texts, labelled, legend_texts, misplaced

GIB = 2**30
GBIT = 1e9

TOPOLOGIES: dict[str, dict[str, Any]] = {
    "two hosts": {"name": "star", "hosts": 2, "host_bps": GBIT},
    "eight hosts": {"name": "star", "hosts": 8, "host_bps": GBIT},
    "leaf-spine": {
        "name": "leaf-spine",
        "leaves": 4,
        "spines": 2,
        "hosts_per_leaf": 8,
        "host_bps": GBIT,
    },
    "three tiers": {
        "name": "three-tier",
        "pods": 2,
        "racks_per_pod": 2,
        "hosts_per_rack": 5,
        "host_bps": GBIT,
    },
    "fat tree": {"name": "fat-tree", "k": 4, "link_bps": GBIT},
    "128 hosts": {"name": "fat-tree", "k": 8, "link_bps": GBIT},
    "jellyfish": {
        "name": "jellyfish",
        "switches": 10,
        "degree": 3,
        "hosts_per_switch": 3,
        "host_bps": GBIT,
        "link_bps": GBIT,
    },
}


def graph_of(name: str) -> nx.Graph[int]:
    parameters = dict(TOPOLOGIES[name])
    return as_topology(topologies.create(parameters.pop("name"), **parameters).build())


def made_frame(graph: nx.Graph[int], vms_per_host: int = 5, move_count: int = 3) -> ClusterFrame:
    """Return a frame in which VMs of 1 and 2 GiB fill hosts, and the first few VMs move."""
    links = LinkTable.of(graph)
    hosts = links.host_count
    vms = hosts * vms_per_host
    router = Router(links)
    pairs = [(vm % hosts, (vm + hosts // 2) % hosts) for vm in range(move_count)]
    routes = [router.route(*pair, vm) for vm, pair in enumerate(pairs)]
    load = np.zeros(len(links))
    for route in routes:
        load[list(route)] += links.capacity_bytes_per_s.min() / 4
    return ClusterFrame(
        time_s=12.0,
        graph=graph,
        utilisation=np.linspace(0, 1, hosts),
        switched_on=np.ones(hosts, dtype=np.bool_),
        host_memory_bytes=np.full(hosts, 24 * GIB, dtype=np.int64),
        vm_host=np.arange(vms, dtype=np.int64) % hosts,
        vm_memory_bytes=np.where(np.arange(vms) % 4, GIB, 2 * GIB).astype(np.int64),
        vm_queued=np.arange(vms) < move_count,
        link_source=links.source,
        link_target=links.target,
        link_capacity_bytes_per_s=links.capacity_bytes_per_s,
        link_load_bytes_per_s=load,
        moves=tuple(
            RunningMove.along(vm, pair[0], route, links)
            for vm, (pair, route) in enumerate(zip(pairs, routes, strict=True))
        ),
    )


@pytest.fixture(scope="module")
def live() -> ClusterFrame:
    """Four migrations under way and two waiting."""
    model = ClusterModel(busy_scenario(), rng=1)
    for _ in range(3):
        model.step()
    return ClusterFrame.of(model)


# --- frames --------------------------------------------------------------------------------------


def test_a_frame_holds_what_the_model_knows(live: ClusterFrame) -> None:
    assert live.time_s == 3.0
    assert [(move.vm, move.source, move.target) for move in live.moves] == [
        (0, 0, 3),
        (1, 1, 4),
        (2, 2, 5),
        (6, 0, 3),
    ]
    assert live.queued_count == 2
    assert all(move.nodes[0] == move.source for move in live.moves)
    assert all(move.nodes[-1] == move.target for move in live.moves)


def test_a_frame_stays_as_it_was_when_the_model_goes_on() -> None:
    model = ClusterModel(busy_scenario(), rng=1)
    for _ in range(3):
        model.step()
    frame = ClusterFrame.of(model)
    before = (frame.vm_host.copy(), frame.vm_queued.copy(), frame.link_load_bytes_per_s.copy())
    model.run()
    after = (frame.vm_host, frame.vm_queued, frame.link_load_bytes_per_s)
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert not np.array_equal(frame.vm_host, model.state.vms.host)


# --- layout --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_no_two_nodes_overlap(name: str) -> None:
    graph = graph_of(name)
    hosts = LinkTable.of(graph).host_count
    layout = layered_layout(graph, np.full(hosts, GIB, dtype=np.int64))
    boxes = list(layout.boxes.values())
    assert len(boxes) == graph.number_of_nodes()
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if overlap(a, b)]


def overlap(a: Box, b: Box) -> bool:
    apart_x = a.x + a.width <= b.x + 1e-9 or b.x + b.width <= a.x + 1e-9
    apart_y = a.y + a.height <= b.y + 1e-9 or b.y + b.height <= a.y + 1e-9
    return not (apart_x or apart_y)


def test_layers_rise_and_racks_stand_side_by_side() -> None:
    graph = graph_of("fat tree")
    layout = layered_layout(graph, np.full(16, GIB, dtype=np.int64))
    heights: dict[int, set[float]] = {}
    for node, attributes in graph.nodes(data=True):
        heights.setdefault(attributes["layer"], set()).add(layout.boxes[node].y)
    assert all(len(each) == 1 for each in heights.values())
    assert [min(heights[layer]) for layer in sorted(heights)] == sorted(
        min(each) for each in heights.values()
    )
    assert [rack.number for rack in layout.racks] == list(range(8))
    assert all(a.right < b.left for a, b in nx.utils.pairwise(layout.racks))


def test_a_hosts_height_is_its_memory() -> None:
    memory = np.array([4 * GIB, 2 * GIB], dtype=np.int64)
    boxes = layered_layout(graph_of("two hosts"), memory).boxes
    assert boxes[1].height == pytest.approx(boxes[0].height / 2)


# --- VMs in their hosts --------------------------------------------------------------------------

contents = st.dictionaries(
    st.integers(0, 5), st.lists(st.integers(1, 64), max_size=30), min_size=1, max_size=5
)


@given(contents, st.floats(0.1, 1.0))
def test_squares_fit_apart_with_areas_in_proportion(
    sizes: dict[int, list[int]], width: float
) -> None:
    boxes = {host: Box(2.0 * host, 0.0, width, 1.1) for host in sizes}
    memory = {host: 2048 for host in sizes}
    scale = square_scale(sizes, boxes, memory)
    for host, each in sizes.items():
        squares = pack(each, scale, boxes[host])
        assert fits(squares, boxes[host])
        assert not [(a, b) for i, a in enumerate(squares) for b in squares[:i] if overlap(a, b)]
        areas = [square.width * square.height for square in squares]
        assert areas == pytest.approx([scale**2 * size for size in each])


def test_a_square_is_to_its_host_as_memory_is() -> None:
    box = Box(0.0, 0.0, 1.0, 1.0)
    scale = square_scale({0: [4, 4]}, {0: box}, {0: 36})
    assert (scale * 2) ** 2 == pytest.approx(4 / 36)


# --- the picture ---------------------------------------------------------------------------------


def test_every_host_vm_and_migration_is_drawn(live: ClusterFrame) -> None:
    ax = draw_cluster(live)
    at_rest = labelled(ax, "VMs").get_paths()
    waiting = labelled(ax, "waiting VMs").get_paths()
    rectangles = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    switches = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    assert (len(at_rest), len(waiting), len(arrows)) == (12 - 6, 2, 4)
    assert len(rectangles) == 6 + 4 + 4  # hosts, moving VMs, places kept for them
    assert len(switches) == 4
    assert "4 migrations running, 2 waiting, 6 of 6 hosts on" in ax.get_title("left")


def test_a_migration_and_its_vm_have_one_colour() -> None:
    ax = draw_cluster(made_frame(graph_of("eight hosts")))
    arrows = [to_hex(p.get_edgecolor()) for p in ax.patches if isinstance(p, FancyArrowPatch)]
    faces = [to_hex(p.get_facecolor()) for p in ax.patches if isinstance(p, Rectangle)]
    assert len(set(arrows)) == 3
    assert set(arrows) <= set(faces)


def test_an_arrow_passes_the_switches_of_its_route() -> None:
    frame = made_frame(graph_of("fat tree"), move_count=1)
    ax = draw_cluster(frame)
    (arrow,) = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    layout = layered_layout(frame.graph, frame.host_memory_bytes)
    points = arrow.get_path().vertices
    for node in frame.moves[0].nodes[1:-1]:
        x, _ = layout.boxes[node].centre
        y = layout.boxes[node].y
        assert min(np.hypot(points[:, 0] - x, points[:, 1] - y)) < 0.25


def test_a_hosts_colour_is_its_utilisation_unless_it_is_off() -> None:
    frame = made_frame(graph_of("eight hosts"), vms_per_host=1, move_count=0)
    off = frame.switched_on.copy()
    off[7] = False
    ax = draw_cluster(replace(frame, switched_on=off))
    hosts = [patch for patch in ax.patches if isinstance(patch, Rectangle)][:8]
    colours = colormaps[UTILISATION_COLOURS]
    for host in range(7):
        assert to_hex(hosts[host].get_facecolor()) == to_hex(colours(frame.utilisation[host]))
    assert to_hex(hosts[7].get_facecolor()) != to_hex(colours(1.0))
    assert hosts[7].get_linestyle() != hosts[0].get_linestyle()


def test_a_links_width_is_its_load_and_a_full_one_is_red() -> None:
    frame = made_frame(graph_of("eight hosts"), move_count=2)
    load = np.zeros(len(frame.link_source))
    load[0], load[3] = GBIT / 8, GBIT / 16
    ax = draw_cluster(replace(frame, link_load_bytes_per_s=load))
    drawn = labelled(ax, "load")
    assert drawn.get_linewidths()[0] == pytest.approx(2 * drawn.get_linewidths()[1])
    colours = [to_hex(colour).upper() for colour in drawn.get_edgecolors()]
    assert (colours[0] == VERMILLION, colours[1] == VERMILLION) == (True, False)
    assert len(labelled(ax, "cables").get_segments()) == 8  # one per cable, not per direction


def test_a_vm_in_post_copy_is_drawn_once_where_it_runs() -> None:
    frame = made_frame(graph_of("eight hosts"), vms_per_host=1, move_count=1)
    there = frame.vm_host.copy()
    there[0] = frame.moves[0].target
    ax = draw_cluster(replace(frame, vm_host=there))
    rectangles = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert len(rectangles) == 8 + 1
    assert len(labelled(ax, "VMs").get_paths()) == 7


def test_links_in_parallel_add_up() -> None:
    graph: nx.MultiGraph[int] = nx.MultiGraph()
    graph.add_nodes_from([(0, {"kind": "host"}), (1, {"kind": "host"}), (2, {"kind": "switch"})])
    for pair in ((0, 2), (0, 2), (1, 2)):
        graph.add_edge(*pair, capacity_bps=GBIT)
    frame = made_frame(as_topology(graph), move_count=0)
    load = np.zeros(len(frame.link_source))
    load[[0, 2, 4]] = GBIT / 8 / 4
    drawn = labelled(draw_cluster(replace(frame, link_load_bytes_per_s=load)), "load")
    assert sorted(drawn.get_linewidths()) == pytest.approx([1.75, 3.5])


@pytest.mark.parametrize("name", ["two hosts", "eight hosts", "leaf-spine"])
def test_nothing_written_overlaps_or_is_cut_off(name: str) -> None:
    figure = draw_cluster(made_frame(graph_of(name))).get_figure(root=True)
    assert isinstance(figure, Figure)
    assert misplaced(figure) == []


@pytest.mark.parametrize("name", ["three tiers", "jellyfish"])
def test_larger_networks_are_drawn_too(name: str) -> None:
    ax = draw_cluster(made_frame(graph_of(name)))
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    assert misplaced(figure, ax.texts) == []
    assert {"0", "1"} <= set(all_texts(ax))


def test_hosts_that_forward_are_linked_by_arcs_inside_the_picture() -> None:
    ring = nx.cycle_graph(6)
    nx.set_node_attributes(ring, "host", "kind")
    nx.set_edge_attributes(ring, GBIT, "capacity_bps")
    ring.graph["hosts_forward"] = True
    ax = draw_cluster(made_frame(as_topology(ring)))
    top = ax.get_ylim()[1]
    highest = max(line[:, 1].max() for line in labelled(ax, "cables").get_segments())
    assert 1.1 < highest <= top


def test_the_legend_explains_all_that_is_drawn(live: ClusterFrame) -> None:
    names = legend_texts(draw_cluster(live))
    assert len(names) == 8
    assert "link load: 200 Mbit/s" not in names
    assert "link load: 150 Mbit/s" in names  # a leaf's uplink: three hosts over two spines


def test_it_draws_on_the_axes_it_is_given(live: ClusterFrame) -> None:
    given_axes = Figure().add_subplot()
    assert draw_cluster(live, given_axes) is given_axes
