"""Large clusters are drawn as racks of cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import colormaps
from matplotlib.collections import LineCollection, PathCollection, PolyCollection

from cluster_emu.network import as_topology, topologies
from cluster_emu.view import ClusterFrame, draw_cluster, draw_racks, figure_of, figure_style
from cluster_emu.view.cluster_racks import RACK_GAP, rack_grid
from cluster_emu.view.style import UTILISATION_COLOURS
from tests._support.figure_checks import labelled, misplaced
from tests.view.test_view_cluster import made_frame

GBIT = 1e9


@pytest.fixture(scope="module")
def large() -> ClusterFrame:
    """Return 400 hosts in 20 racks, of which three are off; VMs move from the first hosts."""
    shape = {"leaves": 20, "spines": 2, "hosts_per_leaf": 20, "host_bps": GBIT}
    graph = as_topology(topologies.create("leaf-spine", **shape).build())
    frame = made_frame(graph, vms_per_host=1, move_count=4)
    off = np.ones(400, dtype=np.bool_)
    off[[7, 77, 177]] = False
    return replace(frame, switched_on=off)


def test_a_large_cluster_is_drawn_as_racks(large: ClusterFrame) -> None:
    ax = draw_cluster(large)

    assert len(labelled(ax, "hosts").get_paths()) == 397
    assert len(labelled(ax, "hosts off").get_paths()) == 3
    assert ax.get_title(loc="left").endswith("397 of 400 hosts on")
    assert not misplaced(figure_of(ax))


def test_a_small_one_is_drawn_as_racks_on_demand() -> None:
    graph = as_topology(topologies.create("star", hosts=5, host_bps=GBIT).build())
    ax = draw_racks(made_frame(graph, move_count=0))

    assert len(labelled(ax, "hosts").get_paths()) == 5
    assert not misplaced(figure_of(ax))


def test_a_cell_has_the_colour_of_the_utilisation(large: ClusterFrame) -> None:
    faces = labelled(draw_racks(large), "hosts").get_facecolor()

    expected = colormaps[UTILISATION_COLOURS](large.utilisation[large.switched_on])
    np.testing.assert_allclose(faces, expected)


def test_marks_stand_on_the_hosts_that_migrations_leave_and_enter(large: ClusterFrame) -> None:
    ax = draw_racks(large)
    cells = middles(labelled(ax, "hosts"))
    on = np.flatnonzero(large.switched_on)

    for label, hosts in (
        ("leave", [move.source for move in large.moves]),
        ("enter", [move.target for move in large.moves]),
    ):
        marks = labelled(ax, label)
        assert isinstance(marks, PathCollection)
        expected = cells[np.searchsorted(on, sorted(hosts))]
        np.testing.assert_allclose(np.asarray(marks.get_offsets()), expected)


def middles(cells: object) -> np.ndarray:
    assert isinstance(cells, PolyCollection)
    return np.array([path.vertices[:4].mean(axis=0) for path in cells.get_paths()])


def test_bars_are_as_long_as_the_busiest_uplink_is_loaded(large: ClusterFrame) -> None:
    """The frame's moves put a quarter of the capacity on uplinks of the racks they leave."""
    leaves = {large.graph.nodes[node]["rack"]: node for node in range(400, 420)}
    load = np.zeros(len(large.link_source))
    (chosen,) = np.flatnonzero((large.link_source == leaves[3]) & (large.link_target == 420))
    load[chosen] = 0.4 * large.link_capacity_bytes_per_s[chosen]
    ax = draw_racks(replace(large, link_load_bytes_per_s=load, moves=()))

    lengths = [
        [np.ptp(segment[:, 0]) for segment in lines.get_segments()]
        for lines in ax.collections
        if isinstance(lines, LineCollection)
    ]
    tracks, sent, _, received = lengths
    assert sent == pytest.approx([0.4 * tracks[3]])
    assert received == []


def test_the_racks_fit_into_a_column(large: ClusterFrame) -> None:
    with figure_style("paper"):
        ax = draw_racks(large)

    assert not misplaced(figure_of(ax))


@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=80),
    width=st.sampled_from([2.9, 6.75]),
)
def test_racks_do_not_overlap_nor_leave_the_picture(sizes: list[int], width: float) -> None:
    grid = rack_grid(sizes, width)

    left, low = grid.lower_left.T
    right = left + np.array(grid.columns) * grid.cell
    top = low + grid.rows * grid.cell
    assert left.min() >= 0
    assert right.max() <= width + 1e-6
    assert low.min() >= 0
    assert top.max() <= grid.height
    for rack in range(1, len(sizes)):
        if low[rack] == low[rack - 1]:
            assert left[rack] >= right[rack - 1] + RACK_GAP - 1e-6
        else:
            assert top[rack] < low[rack - 1]
    assert all(size <= across * grid.rows for size, across in zip(sizes, grid.columns, strict=True))
