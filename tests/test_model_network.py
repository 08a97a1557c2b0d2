"""Background traffic, dedicated migration networks, bonds and weights, from scenario to tables."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.errors import ScenarioError
from cluster_emu.model import ClusterModel
from cluster_emu.rng import RandomStreams, Stream
from cluster_emu.scenario import Scenario, load_scenario
from cluster_emu.study.report.links import busiest_link
from cluster_emu.view.replay import busiest_instant_s, frame_at
from cluster_emu.workload.bursts import Burst, ToggleTimes
from tests._support.small_scenarios import BPS, WIRE, random_scenarios, scenario

QUIET = {"name": "uniform", "writes_per_page_s": 0.0}
SECOND = WIRE * 1000
"""Bytes a link carries in a second; 1,000 pages."""


def moving(pages: int = 1_000, **more: Any) -> Scenario:
    """One VM that writes nothing moves from host 0 to host 1; alone it takes `pages` ms."""
    return scenario(pages=pages, profile=QUIET, stop="fixed-rounds:rounds=1", **more)


def ended(given_scenario: Scenario, seed: int = 1) -> tuple[ClusterModel, float]:
    model = ClusterModel(given_scenario, rng=seed)
    return model, float(model.run().migrations["end_s"].iloc[0])


# --- background traffic --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flow", "end_s"),
    [
        ({}, 2.0),
        ({"weight": 3.0}, 4.0),
        ({"cap_bps": 0.25 * BPS}, 1 / 0.75),
        ({"count": 4}, 5.0),
        ({"kind": "inelastic", "rate_bps": 0.6 * BPS}, 2.5),
        ({"kind": "inelastic", "rate_bps": 0.2 * BPS, "count": 3}, 2.5),
        ({"stop_s": 1.0}, 1.5),
        ({"start_s": 0.5}, 1.5),
        ({"start_s": 0.25, "stop_s": 0.5}, 1.125),
        ({"kind": "inelastic", "rate_bps": 2 * BPS, "stop_s": 3.0}, 4.0),
    ],
)
def test_a_migration_shares_its_links_with_background_traffic(
    flow: dict[str, Any], end_s: float
) -> None:
    model, found_s = ended(moving(background=[{"source": 0, "target": 1, **flow}]))
    assert found_s == pytest.approx(end_s, rel=1e-12)
    assert model.loop.peak_share().max() <= 1 + 1e-9


def test_the_weight_of_migrations_is_relative_to_background_traffic() -> None:
    background = [{"source": 0, "target": 1}]
    _, end_s = ended(moving(background=background, transfer={"weight": 3.0}))
    assert end_s == pytest.approx(4 / 3, rel=1e-12)


def test_what_background_flows_send_and_lose_is_in_the_tables() -> None:
    model = ClusterModel(
        moving(background=[{"source": 0, "target": 1}], run={"duration_s": 10.0}), rng=1
    )
    result = model.run()
    simulated_s = result.summary["simulated_s"]
    assert simulated_s == 2.0  # background flows that never end do not keep a run from being idle
    (row,) = result.tables["background"].to_dict("records")
    assert row["bytes"] == pytest.approx(SECOND)
    assert row["bytes_without_migrations"] == pytest.approx(2 * SECOND)
    assert result.summary["background_lost_share"] == pytest.approx(0.5)
    assert result.summary["background_mean_bps"] == pytest.approx(0.5 * BPS)
    carried = result.tables["links"].groupby("link")["bytes"].sum()
    np.testing.assert_allclose(carried, 2 * SECOND, rtol=1e-12)
    assert result.summary["peak_link_share"] == pytest.approx(1.0)


def test_background_traffic_elsewhere_changes_nothing() -> None:
    background = [{"source": 2, "target": 3}, {"source": 1, "target": 0}]
    model, end_s = ended(moving(hosts=4, background=background))
    assert end_s == 1.0
    assert model.result().summary["background_lost_share"] == 0.0


def test_periods_are_those_of_the_stream() -> None:
    flow = {"source": 0, "target": 1, "kind": "inelastic", "rate_bps": BPS}
    periods = {"on_s": 0.3, "off_s": 0.2, "durations": "fixed"}
    _, end_s = ended(moving(background=[{**flow, **periods}]))
    toggles = ToggleTimes(
        Burst(on_s=0.3, off_s=0.2, durations="fixed"),
        lambda: RandomStreams(1).generator(Stream.BACKGROUND_PERIODS, 0, 0),
    )
    left_s, now_s = 1.0, 0.0  # the migration sends while the flow does not
    while left_s > 0:
        _, until_s, flow_sends = toggles.around(now_s)
        free_s = 0.0 if flow_sends else min(until_s - now_s, left_s)
        left_s -= free_s
        now_s = until_s if left_s > 1e-12 else now_s + free_s
        left_s = 0.0 if left_s <= 1e-12 else left_s
    assert end_s == pytest.approx(now_s, rel=1e-9)


def ends_of(model: ClusterModel) -> list[tuple[int, int]]:
    flows = model.result().tables["background"]
    return list(zip(flows["source"], flows["target"], strict=True))


def test_who_sends_to_whom() -> None:
    def pairs(seed: int = 1, **flow: Any) -> list[tuple[int, int]]:
        return ends_of(ClusterModel(moving(hosts=3, background=[flow]), rng=seed))

    assert pairs(pairs="ring") == [(0, 1), (1, 2), (2, 0)]
    assert sorted(pairs(pairs="all-to-all", count=2)) == sorted(
        2 * [(a, b) for a in range(3) for b in range(3) if a != b]
    )
    drawn = pairs(pairs="random", count=200)
    assert {(a, b) for a, b in drawn} == {(a, b) for a in range(3) for b in range(3) if a != b}
    assert drawn == pairs(pairs="random", count=200)
    assert drawn != pairs(2, pairs="random", count=200)


def test_every_strategy_sees_the_same_background_traffic() -> None:
    flows = {"pairs": "random", "count": 5, "on_s": 0.3, "off_s": 0.3}
    given_scenario = moving(
        hosts=4, background=[flows], run={"duration_s": 5.0, "stop_when_idle": False}
    )
    tables = [
        ClusterModel(given_scenario, strategy, rng=3).run().tables["background"]
        for strategy in ("pre-copy", "stop-and-copy", "post-copy")
    ]
    same = ["source", "target", "active_s", "bytes_without_migrations"]
    assert tables[0]["active_s"].between(0.01, 4.99).all()
    for table in tables[1:]:
        np.testing.assert_allclose(table[same], tables[0][same], rtol=1e-12)


def slow_down(model: ClusterModel, link: int, bytes_per_s: float, now_s: float) -> None:
    model.loop.set_capacity(link, bytes_per_s)


@settings(deadline=None, max_examples=20)
@given(random_scenarios(), st.integers(0, 1000))
def test_no_link_is_above_its_capacity_whatever_happens_on_it(
    given_scenario: Scenario, seed: int
) -> None:
    background = [
        {"pairs": "random", "count": 3, "on_s": 0.5, "off_s": 0.5},
        {"pairs": "random", "count": 3, "kind": "inelastic", "rate_bps": 0.4 * BPS},
        {"pairs": "ring", "cap_bps": 0.3 * BPS, "weight": 2.0, "stop_s": 3.0},
    ]
    model = ClusterModel(given_scenario.with_fields({"background": background}), rng=seed)
    rng = np.random.default_rng(seed)
    nominal = model.links.capacity_bytes_per_s
    for at_s in np.sort(rng.uniform(0.0, 4.0, 12)).tolist():
        link = int(rng.integers(len(nominal)))
        slowed = float(rng.choice([0.1, 0.5, 1.0]) * nominal[link])
        model.loop.call_at(at_s, partial(slow_down, model, link, slowed))
    result = model.run()
    assert model.loop.peak_share().max() <= 1 + 1e-9
    flows = result.tables["background"]
    assert (flows["bytes"] <= flows["wanted_bytes"] * (1 + 1e-9)).all()
    sent = (model.links.source < 4).nonzero()[0]  # every byte leaves its host once
    total = result.summary["total_bytes"] + result.summary["background_bytes"]
    assert model.loop.bytes_carried()[sent].sum() == pytest.approx(total, rel=1e-9)


# --- a network for migrations alone --------------------------------------------------------------

OWN: dict[str, Any] = {"migration_topology": {"name": "star", "hosts": 2, "host_bps": 4 * BPS}}


def test_migrations_have_their_network_for_themselves() -> None:
    background = [{"source": 0, "target": 1, "kind": "inelastic", "rate_bps": 2 * BPS}]
    model, end_s = ended(moving(background=background, **OWN))
    assert end_s == pytest.approx(0.25, rel=1e-12)
    result = model.result()
    assert result.summary["background_lost_share"] == 0.0
    links = result.tables["links"].groupby("link")["bytes"].sum()
    own = links[model.links.for_migrations[links.index]]
    np.testing.assert_allclose(own, SECOND)
    assert len(own) == 2
    np.testing.assert_allclose(links.drop(own.index), SECOND)


def test_a_run_with_two_networks_can_be_looked_at(tmp_path: Any) -> None:
    model, _ = ended(moving(**OWN))
    result = model.result()
    result.save(tmp_path)
    frame = frame_at(result, busiest_instant_s(result.migrations))
    used = frame.link_load_bytes_per_s > 0
    assert model.links.for_migrations[used].all()
    assert used.sum() == 2
    assert [model.graph.nodes[node]["label"] for node in frame.moves[0].nodes] == [
        "host0",
        "migration switch",
        "host1",
    ]


@pytest.mark.parametrize(("routing", "end_s"), [("ecmp", None), ("least-loaded", 4.0)])
def test_least_loaded_routing_uses_every_spine(routing: str, end_s: float | None) -> None:
    # 16 VMs of 500 pages on four hosts of one leaf move to another over two spines, each of
    # which carries 1,000 pages a second: 4 s where they are used evenly.
    leaves = {"leaves": 2, "spines": 2, "hosts_per_leaf": 4, "host_bps": BPS, "oversubscription": 2}
    vm = {"count": 1, "cpu_capacity": 1, "memory_bytes": 500 * 4096, "profile": QUIET}
    given = scenario(
        hosts=8,
        topology={"name": "leaf-spine", **leaves},
        vms=[{**vm, "host": number % 4} for number in range(16)],
        migrations=[{"vm": number, "target": 4 + number % 4} for number in range(16)],
        stop="fixed-rounds:rounds=1",
        routing=routing,
    )
    result = ClusterModel(given, rng=1).run()
    busiest = busiest_link(result)
    assert busiest is not None
    assert busiest.mean_share == result.summary["busiest_link_share"] <= busiest.peak_share == 1.0
    assert "host" not in busiest.name
    crossed = [link for row in result.migrations["route"] for link in row.split()]
    assert len(crossed) == 16 * 4
    assert crossed.count(str(busiest.link)) == round(8 * busiest.imbalance)
    if end_s is None:
        assert busiest.imbalance == pytest.approx(10 / 8)
        assert result.migrations["end_s"].max() == pytest.approx(5.0, rel=1e-9)
    else:
        assert busiest.imbalance == pytest.approx(1.0)
        assert result.migrations["end_s"].max() == pytest.approx(end_s, rel=1e-9)


def test_a_route_is_free_again_once_its_migration_has_ended() -> None:
    # One VM goes from leaf to leaf and back, alone each time: the path is the one by hash.
    leaves = {"leaves": 2, "spines": 2, "hosts_per_leaf": 2, "host_bps": BPS}
    routes = {}
    for routing in ("ecmp", "least-loaded"):
        given = moving(
            hosts=4,
            topology={"name": "leaf-spine", **leaves},
            migrations=[
                {"vm": 0, "target": 2 * ((place + 1) % 2), "at_s": 5.0 * place}
                for place in range(12)
            ],
            routing=routing,
        )
        routes[routing] = ClusterModel(given, rng=1).run().migrations["route"].tolist()
    assert len(set(routes["ecmp"])) > 2
    assert routes["least-loaded"] == routes["ecmp"]


def test_a_run_that_sends_nothing_has_no_busiest_link() -> None:
    later = moving(migrations=[{"vm": 0, "target": 1, "at_s": 50.0}], run={"duration_s": 2.0})
    assert busiest_link(ClusterModel(later, rng=1).run()) is None


def test_bonded_hosts_carry_more_migrations_but_none_faster() -> None:
    bonded = {"name": "star", "hosts": 2, "host_bps": BPS, "bonds": 2}
    _, alone_s = ended(moving(topology=bonded))
    assert alone_s == 1.0

    vms = [{"count": 16, "cpu_capacity": 1, "memory_bytes": 4096, "page_count": 1_000}]
    both = moving(
        topology=bonded,
        vms=[{**vms[0], "profile": QUIET, "host": 0}],
        migrations=[{"vm": vm, "target": 1} for vm in range(16)],
    )
    model = ClusterModel(both, rng=1)
    result = model.run()
    members = model.loop.bytes_carried()
    assert (members > 0).sum() == 4  # two on the way out, two on the way in
    assert members.sum() == pytest.approx(2 * 16 * SECOND)
    assert 8 <= result.migrations["end_s"].max() < 16


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"background": [{}]}, "background.0 .*allowed is either source and target, or pairs"),
        ({"background": [{"source": 0}]}, "either source and target, or pairs"),
        ({"background": [{"pairs": "ring", "source": 0, "target": 1}]}, "either source and"),
        ({"background": [{"source": 1, "target": 1}]}, "a target other than the source"),
        ({"background": [{"pairs": "star"}]}, "background.0.pairs = 'star': allowed is one of"),
        ({"background": [{"pairs": "ring", "rate_bps": 1e9}]}, "a rate_bps for inelastic flows"),
        ({"background": [{"pairs": "ring", "kind": "inelastic"}]}, "a rate_bps for inelastic"),
        (
            {"background": [{"pairs": "ring", "kind": "inelastic", "rate_bps": 1, "cap_bps": 1}]},
            "cap_bps and weight for elastic flows only",
        ),
        ({"background": [{"pairs": "ring", "on_s": 1}]}, "both on_s and off_s, or neither"),
        ({"background": [{"pairs": "ring", "start_s": 2, "stop_s": 1}]}, "after start_s = 2"),
        ({"background": [{"pairs": "ring", "count": 0}]}, "background.0.count = 0"),
        ({"background": [{"source": 0, "target": 9}]}, "background.0.target = 9: .* below 2"),
        ({"transfer": {"weight": 0}}, "transfer.weight = 0: allowed is a number > 0"),
        ({"migration_topology": "torus"}, "migration_topology = 'torus': allowed is one of"),
        (
            {"migration_topology": "star:hosts=3,host_bps=1e9"},
            "migration_topology.hosts = 3: allowed is 2, as in the topology of the cluster",
        ),
    ],
)
def test_what_does_not_make_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        ClusterModel(moving(**fields), rng=1)


def test_one_host_has_nobody_to_talk_to() -> None:
    alone = load_scenario("single").with_fields(
        {
            "hosts.0.count": 1,
            "topology.hosts": 1,
            "migrations": [],
            "background": [{"pairs": "ring"}],
        }
    )
    with pytest.raises(ScenarioError, match="a topology of two hosts or more"):
        ClusterModel(alone, rng=1)
