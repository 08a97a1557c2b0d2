"""What the kinds of fault make of their parameters: which hosts and links, and when."""

from __future__ import annotations

import itertools
import math
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.errors import ScenarioError
from cluster_emu.faults import LinkFaults, Outage, Site, fault_kinds
from cluster_emu.faults.impact import Impact, impact
from cluster_emu.network import LinkTable, as_topology, topologies
from cluster_emu.rng import RandomStreams, Stream
from cluster_emu.transfer.records import Phase


def site() -> Site:
    """Return four hosts, 0 to 3, two leaves, 4 and 5, and two spines, 6 and 7."""
    topology = topologies.create(
        "leaf-spine", leaves=2, spines=2, hosts_per_leaf=2, host_bps=1e9, oversubscription=1.0
    )
    graph = as_topology(topology.build())
    return Site.of(graph, LinkTable.of(graph))


def stream(*key: int, seed: int = 1) -> np.random.Generator:
    return RandomStreams(seed).generator(Stream.FAULTS, 0, *key)


def outages(kind: str, of: Site, most: int = 4, **parameters: Any) -> list[list[Outage]]:
    series = fault_kinds.create(kind, **parameters).outages(of, stream)
    return [list(itertools.islice(each, most)) for each in series]


def ends(of: Site, links: tuple[int, ...]) -> set[tuple[int, int]]:
    return {(int(of.links.source[link]), int(of.links.target[link])) for link in links}


def test_a_host_crashes_with_all_of_its_links() -> None:
    here = site()
    [[outage]] = outages("host-crash", here, host=1, at_s="1 min", repair_s=30)
    assert (outage.kind, outage.what) == ("host-crash", "host 1")
    assert (outage.start_s, outage.end_s) == (60.0, 90.0)
    assert outage.hosts == (1,)
    assert outage.factor == 0.0
    leaf = next(b for a, b in ends(here, outage.links) if a == 1)
    assert ends(here, outage.links) == {(1, leaf), (leaf, 1)}


def test_hosts_that_crash_at_a_time_crash_together_and_perhaps_for_good() -> None:
    [[outage]] = outages("host-crash", site(), hosts=[3, 0], at_s=5)
    assert (outage.hosts, outage.end_s) == ((0, 3), math.inf)
    assert outage.what == "hosts 0, 3"


def test_links_are_found_by_number_and_by_label() -> None:
    here = site()
    leaf, spine = 4, 6
    labels = [here.labels[leaf], here.labels[spine]]
    [[by_number]] = outages("link-down", here, between=[spine, leaf], at_s=1, duration_s=2)
    [[by_label]] = outages("link-down", here, between=labels, at_s=1, duration_s=2)
    assert by_number == by_label
    assert ends(here, by_number.links) == {(leaf, spine), (spine, leaf)}
    assert by_number.what == f"link {labels[0]} - {labels[1]}"
    [[slow]] = outages("link-slow", here, between=labels, at_s=1, factor=0.25)
    assert (slow.links, slow.factor, slow.end_s) == (by_number.links, 0.25, math.inf)


def test_bonded_links_fail_together() -> None:
    graph: nx.MultiGraph[int] = nx.MultiGraph()
    graph.add_nodes_from([(0, {"kind": "host"}), (1, {"kind": "host"}), (2, {"kind": "switch"})])
    graph.add_edges_from([(0, 2), (0, 2), (1, 2)], capacity_bps=1e9)
    adopted = as_topology(graph)
    bonded = Site.of(adopted, LinkTable.of(adopted))
    [[outage]] = outages("link-down", bonded, between=[0, 2], at_s=0)
    assert len(outage.links) == 4


def test_a_one_way_link_has_no_way_back_to_fail() -> None:
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from([(0, {"kind": "host"}), (1, {"kind": "host"})], rack=0)
    graph.add_edges_from([(0, 1), (1, 0)], capacity_bps=1e9)
    one_way = Site.of(as_topology(graph), LinkTable.of(as_topology(graph)))
    assert one_way.connections("links", "all") == ((0, 1),)
    assert len(one_way.links_between(0, 1)) == 2


def test_random_crashes_have_one_series_per_host_each_from_its_own_stream() -> None:
    everyone = outages("host-crash", site(), mtbf_s=100, mttr_s=10)
    assert [each[0].hosts for each in everyone] == [(0,), (1,), (2,), (3,)]
    assert outages("host-crash", site(), host=2, mtbf_s=100, mttr_s=10) == [everyone[2]]
    assert outages("host-crash", site(), hosts=[3, 2], mtbf_s=100, mttr_s=10) == everyone[2:]


@pytest.mark.parametrize(("kind", "series"), [("link-down", 8), ("link-slow", 8)])
def test_random_link_faults_have_one_series_per_connection(kind: str, series: int) -> None:
    found = outages(kind, site(), mtbf_s=100, mttr_s=10)
    assert len(found) == series
    assert len({each[0].start_s for each in found}) == series
    assert outages(kind, site(), links=[[0, 4]], mtbf_s=100, mttr_s=10) == [
        next(each for each in found if each[0].what == found[0][0].what)
    ]


def test_times_up_and_down_are_exponential_with_the_means_given() -> None:
    [series] = outages("host-crash", site(), 4000, host=0, mtbf_s=50, mttr_s=5)
    starts, stops = np.array([(each.start_s, each.end_s) for each in series]).T
    up, down = starts - np.concatenate([[0.0], stops[:-1]]), stops - starts
    assert np.all(up > 0) and np.all(down > 0)
    for sample, mean in ((up, 50.0), (down, 5.0)):
        # mean and standard deviation of an exponential are equal; 4,000 samples, 5 sigma
        assert sample.mean() == pytest.approx(mean, rel=5 / np.sqrt(4000))
        assert sample.std() == pytest.approx(mean, rel=0.15)


def test_a_random_fault_that_is_never_repaired_comes_once() -> None:
    [series] = outages("host-crash", site(), host=0, mtbf_s=50)
    assert [each.end_s for each in series] == [math.inf]


@pytest.mark.parametrize(
    ("kind", "parameters", "field", "allowed"),
    [
        ("host-crash", {"host": 0}, "at_s", "a time, or none where mtbf_s is given"),
        ("host-crash", {"host": 0, "at_s": 1, "mtbf_s": 5}, "at_s", "none where mtbf_s"),
        ("host-crash", {"at_s": 1}, "host", "the number of a host"),
        ("host-crash", {"at_s": 1, "host": 0, "hosts": [1]}, "hosts", "none where host is given"),
        ("host-crash", {"at_s": 1, "host": 0, "mttr_s": 5}, "mttr_s", "none without mtbf_s"),
        ("host-crash", {"mtbf_s": 9, "repair_s": 5}, "repair_s", "none with mtbf_s"),
        ("host-crash", {"at_s": 1, "host": 4}, "host", "0 to 3"),
        ("host-crash", {"at_s": 1, "hosts": [0, 9]}, "hosts", "0 to 3"),
        ("host-crash", {"at_s": -1, "host": 0}, "at_s", "a number >= 0"),
        ("host-crash", {"at_s": math.nan, "host": 0}, "at_s", "a"),
        ("host-crash", {"at_s": 1, "host": 0, "repair_s": 0}, "repair_s", "a number > 0"),
        ("host-crash", {"mtbf_s": 0.0}, "mtbf_s", "a number >= 0.001"),
        ("host-crash", {"at_s": 1, "host": 0, "reparir_s": 1}, "reparir_s", "repair_s"),
        ("link-down", {"at_s": 1}, "between", "two nodes"),
        ("link-down", {"at_s": 1, "between": [0, 1]}, "between", "two neighbours; those of"),
        ("link-down", {"at_s": 1, "between": [0, 99]}, "between", "a node, 0 to 7"),
        ("link-down", {"at_s": 1, "between": [0, "nowhere"]}, "between", "the label of one node"),
        ("link-down", {"mtbf_s": 1, "duration_s": 5}, "duration_s", "none with mtbf_s"),
        ("link-down", {"at_s": 1, "between": [0, 4], "links": "all"}, "links", "none where"),
        ("link-slow", {"at_s": 1, "between": [0, 4], "factor": 0}, "factor", "a number > 0"),
        ("link-slow", {"at_s": 1, "between": [0, 4], "factor": 1.5}, "factor", "a number <= 1"),
    ],
)
def test_bad_parameters(kind: str, parameters: dict[str, Any], field: str, allowed: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        outages(kind, site(), **parameters)
    assert caught.value.field.split(".")[0] == field
    assert allowed in caught.value.allowed


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.booleans()), max_size=30))
def test_faults_of_a_link_multiply_and_leave_nothing_behind(
    steps: list[tuple[float, bool]],
) -> None:
    factors: dict[int, float] = {7: 1.0}
    faults = LinkFaults(factors.__setitem__)
    active: list[float] = []
    for factor, ends_one in steps:
        if ends_one and active:
            faults.end([7], active.pop(0))
        else:
            active.append(factor)
            faults.begin([7], factor)
        assert factors[7] == pytest.approx(math.prod(active))
        assert (factors[7] == 0.0) == (0.0 in active)
    for factor in active:
        faults.end([7], factor)
    assert factors[7] == 1.0


def test_what_a_crash_does_in_every_phase() -> None:
    before_resume = [
        Phase.QUEUED,
        Phase.PREPARING,
        Phase.READY,
        Phase.PRE_COPY,
        Phase.STOP_AND_COPY,
    ]
    for phase in before_resume:
        for target_failed in (False, True):
            found = impact(phase, needs_source=True, target_failed=target_failed)
            assert found is Impact.FAILS
    arrived = {
        failed: impact(Phase.STOP_AND_COPY, needs_source=False, target_failed=failed)
        for failed in (False, True)
    }
    assert arrived == {False: Impact.NONE, True: Impact.FAILS}
    for failed in (False, True):
        lost = impact(Phase.POST_COPY, needs_source=True, target_failed=failed)
        done = impact(Phase.FINISHING, needs_source=False, target_failed=failed)
        assert (lost, done) == (Impact.LOSES_VM, Impact.COMPLETES)
