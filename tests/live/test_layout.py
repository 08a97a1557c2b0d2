"""Every node has a place of its own, tier above tier, in time that grows with the nodes alone."""

from __future__ import annotations

import time

import networkx as nx
import pytest

from cluster_emu.live.layout import tiered_layout
from cluster_emu.network.topologies.contract import topologies

SOME = [
    ("star", {"hosts": 5, "host_bps": 1e9}),
    ("leaf-spine", {"leaves": 4, "spines": 2, "hosts_per_leaf": 10, "host_bps": 1e9}),
    ("fat-tree", {"k": 4, "link_bps": 1e9}),
    ("leaf-spine", {"leaves": 50, "spines": 4, "hosts_per_leaf": 40, "host_bps": 1e9}),
]


def graph(name: str, parameters: dict[str, float]) -> nx.Graph[int]:
    known = set(topologies.parameters(name))
    assert set(parameters) <= known, known
    return topologies.create(name, **parameters).build()


@pytest.mark.parametrize(("name", "parameters"), SOME)
def test_no_two_nodes_share_a_place(name: str, parameters: dict[str, float]) -> None:
    built = graph(name, parameters)
    layout = tiered_layout(built)
    places = set(zip(layout.x.round(3).tolist(), layout.y.round(3).tolist(), strict=True))

    assert len(places) == len(built)
    assert (layout.x >= 0).all()
    assert (layout.x <= layout.width).all()
    assert (layout.y <= layout.height).all()


@pytest.mark.parametrize(("name", "parameters"), SOME)
def test_hosts_lie_in_their_racks(name: str, parameters: dict[str, float]) -> None:
    built = graph(name, parameters)
    layout = tiered_layout(built)
    hosts = [host for rack in layout.racks for host in rack.hosts]

    assert sorted(hosts) == [node for node in built if built.nodes[node]["kind"] == "host"]
    for rack in layout.racks:
        for host in rack.hosts:
            assert rack.x < layout.x[host] < rack.x + rack.width
            assert rack.y < layout.y[host] < rack.y + rack.height
            assert built.nodes[host]["rack"] == rack.number


def test_a_spine_is_above_every_rack() -> None:
    layout = tiered_layout(graph(*SOME[1]))
    assert max(layout.y[layout.tier == 2]) < min(rack.y for rack in layout.racks)


def test_ten_thousand_hosts_are_placed_at_once() -> None:
    parameters = {"leaves": 250, "spines": 8, "hosts_per_leaf": 40, "host_bps": 1e9}
    built = graph("leaf-spine", parameters)
    began_s = time.process_time()
    layout = tiered_layout(built)

    assert time.process_time() - began_s < 5
    assert 1.2 < layout.width / layout.height < 3.5
