"""Initial placement: each VM in turn where the rule says, found without looking at every host."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.cluster.initial_placement import place
from cluster_emu.errors import ScenarioError
from cluster_emu.scenario import load_scenario
from tests._support.small_scenarios import PAGE, scenario

HOSTS = 32
BASE = load_scenario("cluster")


def by_the_rule(how: str, free: list[int], need: int, rng: np.random.Generator) -> int | None:
    fits = [host for host, room in enumerate(free) if room >= need]
    if not fits:
        return None
    if how == "spread":
        return max(fits, key=lambda host: (free[host], -host))
    return fits[0] if how == "pack" else int(rng.choice(fits))


@given(
    how=st.sampled_from(["spread", "pack", "random"]),
    room=st.lists(st.integers(4, 12), min_size=HOSTS, max_size=HOSTS),
    needs=st.lists(st.integers(1, 4), min_size=2, max_size=120),
)
@settings(deadline=None, max_examples=60)
def test_each_vm_goes_where_the_rule_says(how: str, room: list[int], needs: list[int]) -> None:
    counts = {"vms.0.count": len(needs) - 1, "vms.1.count": 1}
    scenario = BASE.with_fields({"placement": how, **counts})
    free, rng, wanted = list(room), np.random.default_rng(5), []
    for need in needs:
        host = by_the_rule(how, free, need, rng)
        if host is None:
            break
        free[host] -= need
        wanted.append(host)
    arguments = scenario, np.array(room), np.array(needs), np.random.default_rng(5)
    if len(wanted) < len(needs):
        fitted = len(wanted) if len(wanted) < len(needs) - 1 else 0
        with pytest.raises(ScenarioError, match=f"hold, {fitted} with placement"):
            place(*arguments)
    else:
        assert place(*arguments).tolist() == wanted


# --- anti-affinity --------------------------------------------------------------------------------


def grouped(how: str, groups: list[dict[str, Any]], room: int = 2) -> list[int]:
    """Return the hosts of the VMs of some groups on four hosts with room for so many each."""
    vm = {"cpu_capacity": 1, "memory_bytes": 100 * PAGE, "profile": "idle"}
    data = scenario(hosts=4, vms=[{**vm, **group} for group in groups], placement=how)
    memory = np.full(4, room * 100 * PAGE)
    needs = np.full(data.vm_count, 100 * PAGE)
    return place(data, memory, needs, np.random.default_rng(5)).tolist()


@pytest.mark.parametrize("how", ["spread", "pack", "random"])
def test_vms_of_an_anti_affinity_group_start_on_different_hosts(how: str) -> None:
    db, web = {"count": 3, "anti_affinity": "db"}, {"count": 2, "anti_affinity": "web"}
    hosts = grouped(how, [db, web, {"count": 2}, {**db, "count": 1}], room=5)
    assert len({*hosts[:3], hosts[7]}) == 4
    assert len(set(hosts[3:5])) == 2


def test_a_packed_group_fills_the_hosts_in_order_and_others_still_fill_the_first() -> None:
    assert grouped("pack", [{"count": 2, "anti_affinity": "db"}, {"count": 2}]) == [0, 1, 0, 1]


def test_hosts_that_are_fixed_for_a_vm_of_the_group_are_kept_for_it() -> None:
    db = {"count": 1, "anti_affinity": "db"}
    assert grouped("pack", [db, {**db, "host": 0}]) == [1, 0]


@pytest.mark.parametrize("how", ["spread", "pack", "random"])
@pytest.mark.parametrize(
    ("groups", "field", "allowed"),
    [
        (
            [{"count": 5, "anti_affinity": "db"}],
            "vms.0.anti_affinity",
            "a group of at most 4 VMs, one per host; it has 5",
        ),
        (
            [{"count": 3, "anti_affinity": "db"}, {"count": 2, "anti_affinity": "db"}],
            "vms.1.anti_affinity",
            "a group of at most 4 VMs, one per host; it has 5",
        ),
        (
            [{"count": 2, "anti_affinity": "db", "host": 1}],
            "vms.0.host",
            "a host for one VM of the anti-affinity group 'db' alone",
        ),
        (
            [{"count": 1, "host": 3}, {"count": 1, "host": 3}, {"count": 4, "anti_affinity": "db"}],
            "vms.2.count",
            "what hosts without another VM of the anti-affinity group 'db' have memory for, 3",
        ),
    ],
)
def test_a_group_that_cannot_be_kept_apart_is_named(
    how: str, groups: list[dict[str, Any]], field: str, allowed: str
) -> None:
    with pytest.raises(ScenarioError) as error:
        grouped(how, groups)
    assert error.value.field == field
    assert error.value.allowed.startswith(allowed)


# --- affinity -------------------------------------------------------------------------------------

WEB = {"count": 2, "affinity": "web"}


@pytest.mark.parametrize("how", ["spread", "pack", "random"])
def test_vms_of_an_affinity_group_start_on_one_host(how: str) -> None:
    hosts = grouped(how, [{"count": 1}, WEB, {"count": 3}, {**WEB, "count": 1}], room=3)
    assert len({*hosts[1:3], hosts[6]}) == 1
    assert max(hosts.count(host) for host in hosts) <= 3


def test_a_packed_group_goes_to_the_first_host_with_memory_for_all_of_it() -> None:
    assert grouped("pack", [{"count": 1}, WEB, {"count": 1}]) == [0, 1, 1, 0]


def test_a_host_that_is_fixed_for_one_is_that_of_all() -> None:
    assert grouped("pack", [WEB, {**WEB, "count": 1, "host": 2}], room=3) == [2, 2, 2]
    first, second = {"affinity": "a", "anti_affinity": "db"}, {"affinity": "b", "host": 0}
    hosts = grouped(
        "pack",
        [
            {"count": 1, **first},
            {"count": 1, **second},
            {"count": 1, "anti_affinity": "db", **second},
        ],
    )
    assert hosts == [1, 0, 0]


def test_affinity_groups_with_a_vm_each_of_an_anti_affinity_group_are_apart() -> None:
    vms = [{"count": 1, "affinity": name} for name in ("a", "b")]
    apart = [{**vm, "anti_affinity": "db"} for vm in vms]
    assert grouped("pack", [*vms, *apart]) == [0, 1, 0, 1]


@pytest.mark.parametrize("how", ["spread", "pack", "random"])
@pytest.mark.parametrize(
    ("groups", "field", "allowed"),
    [
        (
            [{**WEB, "count": 3}],
            "vms.0.affinity",
            f"a group whose {300 * PAGE} bytes of memory one",
        ),
        ([{"count": 4}, {"count": 3}, WEB], "vms.2.affinity", f"a group whose {200 * PAGE} bytes"),
        (
            [{**WEB, "host": 1}, {"count": 1}, {**WEB, "host": 2}],
            "vms.2.host",
            "1, the host of other VMs of the affinity group 'web'",
        ),
        (
            [{**WEB, "count": 1, "anti_affinity": "db"}, {**WEB, "anti_affinity": "db"}],
            "vms.1.anti_affinity",
            "a group with at most one VM of the affinity group 'web'",
        ),
        ([{"count": 1, "host": 0}, {**WEB, "host": 0}], "vms.1.host", "bytes of memory left"),
    ],
)
def test_a_group_that_cannot_be_together_is_named(
    how: str, groups: list[dict[str, Any]], field: str, allowed: str
) -> None:
    with pytest.raises(ScenarioError) as error:
        grouped(how, groups)
    assert error.value.field == field
    assert allowed in error.value.allowed
