"""A dedicated migration network over the hosts of another network."""

import networkx as nx
import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.network import LinkTable, Router, as_topology, topologies, with_migration_network

GBIT = 1e9


def star(hosts=4, bps=GBIT, **more):
    return topologies.create("star", hosts=hosts, host_bps=bps, **more).build()


def leaf_spine():
    return topologies.create(
        "leaf-spine", leaves=2, spines=2, hosts_per_leaf=2, host_bps=10 * GBIT
    ).build()


def directed(graph):
    return as_topology(nx.DiGraph(graph))


PAIRS = [
    (star(), leaf_spine()),
    (leaf_spine(), star()),
    (star(bonds=2), star()),
    (directed(star()), leaf_spine()),
    (star(), directed(leaf_spine())),
    (directed(star()), directed(star())),
]


@pytest.mark.parametrize(("graph", "migration_graph"), PAIRS)
def test_each_router_finds_in_its_own_network_what_it_finds_alone(graph, migration_graph):
    links = LinkTable.of(with_migration_network(graph, migration_graph))
    for alone, usable in ((graph, ~links.for_migrations), (migration_graph, links.for_migrations)):
        table = LinkTable.of(alone)
        assert usable.sum() == len(table)
        router, router_alone = Router(links, usable), Router(table)
        for source in range(4):
            for target in range(4):
                route = router.route(source, target, 7)
                expected = router_alone.route(source, target, 7)
                assert len(route) == len(expected)
                assert usable[list(route)].all()
                assert sorted(links.capacity_bps[list(route)]) == sorted(
                    table.capacity_bps[list(expected)]
                )


def test_hosts_are_shared_and_switches_are_not():
    both = with_migration_network(leaf_spine(), star())
    assert list(both) == list(range(4 + 4 + 1))
    assert both.nodes[8]["label"] == "migration switch"
    assert [both.nodes[host]["rack"] for host in range(4)] == [0, 0, 1, 1]
    links = LinkTable.of(both)
    assert links.host_count == 4
    assert set(links.target[links.for_migrations].tolist()) == {0, 1, 2, 3, 8}


def test_an_ordinary_network_has_no_links_for_migrations_alone():
    assert not LinkTable.of(star()).for_migrations.any()


@pytest.mark.parametrize(
    ("migration_graph", "field"),
    [
        (star(hosts=5), "hosts"),
        (as_topology(nx.Graph(star(), hosts_forward=True)), "hosts_forward"),
    ],
)
def test_networks_that_do_not_fit_each_other_are_refused(migration_graph, field):
    with pytest.raises(ScenarioError, match=f"{field} = .*as in the topology"):
        with_migration_network(star(), migration_graph)
