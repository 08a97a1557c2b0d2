"""A campaign empties and reboots every host, whatever happens meanwhile."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu import ClusterModel, ScenarioError
from cluster_emu.scenario import Scenario
from cluster_emu.scenario.spec import scenario_from
from tests._support.fault_checks import run_checked
from tests._support.random_faults import scenarios_with_faults
from tests._support.schedules import run_schedules

GIB = 2**30
LINE_BYTES_PER_S = 1.25e9
PAGE_ON_THE_WIRE = 4096 + 8
"""Bytes of a page with its header."""


def scenario(vms: list[dict[str, Any]], host_count: int = 4, **maintenance: Any) -> Scenario:
    group = {"cpu_capacity": 2, "memory_bytes": 4 * GIB, "profile": "web", "count": 1}
    return scenario_from(
        {
            "name": "campaign",
            "run": {
                "duration_s": "24 h",
                "tick_s": 5.0,
                "stop_when_idle": True,
                "fidelity": "lumped",
            },
            "topology": {
                "name": "leaf-spine",
                "spines": 1,
                "leaves": 2,
                "hosts_per_leaf": host_count // 2,
                "host_bps": 8 * LINE_BYTES_PER_S,
                "uplink_bps": 80 * LINE_BYTES_PER_S,
            },
            "hosts": [{"count": host_count, "cpu_capacity": 16, "memory_bytes": 32 * GIB}],
            "vms": [group | vm for vm in vms],
            "transfer": {"strategy": "stop-and-copy"},
            "manager": {"switch_off_empty_hosts": False},
            "maintenance": {"reboot_s": 100.0, **maintenance},
        }
    )


def run(given_scenario: Scenario, rng: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    model = run_checked(ClusterModel(given_scenario, rng=rng))
    assert model.campaign is not None and model.campaign.is_over
    result = model.result()
    model.close()
    return result.tables["maintenance"], result.migrations


def test_four_hosts_take_as_long_as_by_hand() -> None:
    hosts, migrations = run(scenario([{"count": 4}], order="1-at-a-time"))
    copy_s = 4 * GIB / 4096 * PAGE_ON_THE_WIRE / LINE_BYTES_PER_S
    # Host 0: VM 0 goes to host 2, as the turn of hosts 2 and 3 comes late. Host 1: VM 1 goes back
    # to host 0. Host 2: VMs 0 and 2 share its link. Host 3: VM 3 alone.
    emptied_s = [copy_s, copy_s, 2 * copy_s, copy_s]

    assert migrations["vm"].tolist() == [0, 1, 0, 2, 3]
    begin_s = 0.0
    for host, duration_s in enumerate(emptied_s):
        row = hosts.loc[host]
        assert row["drain_s"] == pytest.approx(begin_s, rel=1e-6)
        assert row["reboot_s"] - row["drain_s"] == pytest.approx(duration_s, rel=1e-6)
        assert row["back_s"] - row["reboot_s"] == pytest.approx(100.0)
        assert row["out_s"] == pytest.approx(duration_s + 100.0, rel=1e-6)
        begin_s = row["back_s"]
    assert (hosts["phase"] == "done").all()


def test_a_rack_is_emptied_together_and_the_next_one_waits_for_it() -> None:
    hosts, _ = run(scenario([{"count": 4}], order="racks"))

    assert hosts["wave"].tolist() == [0, 0, 1, 1]
    assert hosts["drain_s"].tolist()[:2] == [0.0, 0.0]
    assert hosts["drain_s"].tolist()[2:] == [hosts["back_s"][:2].max()] * 2


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_no_more_hosts_than_asked_are_out_at_once(at_once: int) -> None:
    hosts, _ = run(scenario([{"count": 8}], 8, order=f"{at_once}-at-a-time"))

    most = 0
    for instant in hosts["drain_s"]:
        most = max(most, int(((hosts["drain_s"] <= instant) & (instant < hosts["back_s"])).sum()))
    assert most == at_once
    assert (hosts["phase"] == "done").all()


def test_a_vm_that_may_not_migrate_blocks_its_host_alone() -> None:
    hosts, _ = run(scenario([{"count": 3}, {"migratable": False}]))

    assert hosts["phase"].tolist() == ["done", "done", "done", "blocked"]
    assert hosts["tries"].tolist() == [1, 1, 1, 2]
    assert hosts["why"][3] == "VM 3 may not migrate"
    assert math.isnan(hosts["back_s"][3])


def test_a_vm_too_large_for_what_is_free_is_named_with_what_would_help() -> None:
    large = {"memory_bytes": 20 * GIB, "page_bytes": 2 * 2**20}
    hosts, _ = run(scenario([{"count": 4, **large}]))

    assert (hosts["phase"] == "blocked").all()
    assert hosts["why"][0] == (
        "VM 0 is short of memory: it has 20 GiB, and at most 12 GiB are free on one host (host 1); "
        "8 GiB more there would do"
    )


def test_a_host_that_is_blocked_at_first_is_emptied_at_the_end() -> None:
    vms = [{"memory_bytes": size * GIB, "page_bytes": 2 * 2**20} for size in (20, 20, 13, 13)]
    hosts, _ = run(scenario(vms))

    # At first at most 19 GiB are free on one host. Hosts 2 and 3 can be emptied, and then one is.
    assert hosts["tries"].tolist() == [2, 2, 1, 1]
    assert (hosts["phase"] == "done").all()
    assert hosts["back_s"].idxmax() == 1


def test_a_vm_that_boots_does_not_block_its_host() -> None:
    flavour = {"cpu_capacity": 2, "memory_bytes": 4 * GIB, "profile": "web"}
    arrivals = {
        "process": "batch:size=4,first_s=5",
        "lifetime": "fixed:lifetime_s=1e6",
        "boot_s": 200.0,
        "flavours": [flavour],
    }
    hosts, _ = run(scenario([{"count": 4}], start_s=10.0).with_fields({"arrivals": arrivals}))

    assert (hosts["phase"] == "done").all()
    assert (hosts["tries"] == 1).all()


def test_the_delay_of_a_restart_does_not_block_the_host_that_crashed() -> None:
    fault = {"kind": "host-crash", "host": 0, "at_s": 1.0, "repair_s": 10.0}
    fields = {"faults": [fault], "high_availability.restart_delay_s": 40.0}
    hosts, _ = run(scenario([{"count": 4}]).with_fields(fields))

    assert (hosts["phase"] == "done").all()
    assert (hosts["tries"] == 1).all()
    assert hosts["reboot_s"][0] == pytest.approx(41.0)


def test_a_host_that_is_not_schedulable_takes_no_vm_after_its_reboot() -> None:
    host = {"cpu_capacity": 16, "memory_bytes": 32 * GIB}
    groups = [{"count": 1, "schedulable": False, **host}, {"count": 3, **host}]
    hosts, migrations = run(scenario([{"count": 3}]).with_fields({"hosts": groups}))

    assert (hosts["phase"] == "done").all()
    assert len(migrations) and 0 not in set(migrations["target"])


def test_hosts_that_do_not_come_back_stay_out() -> None:
    hosts, migrations = run(scenario([{"count": 4}], 8, hosts=[0, 5], reboot_failure_share="100%"))

    assert hosts["host"].tolist() == [0, 5]
    assert (hosts["phase"] == "not back").all()
    assert not set(migrations["target"]) & {0, 5}


def test_a_migration_that_is_given_up_is_tried_again_and_then_blocks() -> None:
    fields = {"transfer.strategy": "pre-copy", "transfer.policy": "qemu:timeout_s=0.5,retries=0"}
    hosts, migrations = run(scenario([{"count": 1}], attempts=2).with_fields(fields))

    assert hosts["phase"].tolist() == ["blocked", "done", "done", "done"]
    assert hosts["why"][0].startswith("VM 0 did not get away in 2 attempts: not converged: ")
    assert len(migrations) == 4  # two attempts in each of two tries


def test_hosts_that_come_late_are_avoided_and_fewer_vms_move_twice() -> None:
    packed = {"placement": "pack"}  # the last hosts are empty, so they are the ones most free
    moves = {
        avoid: len(run(scenario([{"count": 32}], 12, avoid_next=avoid).with_fields(packed))[1])
        for avoid in (True, False)
    }

    assert 32 <= moves[True] < moves[False]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"order": "some-at-a-time"}, r"maintenance\.order = 'some-at-a-time'.*3-at-a-time"),
        ({"order": "0-at-a-time"}, r"maintenance\.order"),
        ({"hosts": [9]}, r"maintenance\.hosts = 9: allowed is one of 0 to 3"),
        ({"racks": [2]}, r"maintenance\.racks = 2: allowed is one of 0 to 1"),
        ({"placement": "worst"}, r"maintenance\.placement"),
    ],
)
def test_what_cannot_be_done_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        ClusterModel(scenario([{"count": 1}], **fields))


def test_a_copy_of_the_model_goes_on_to_the_same_tables() -> None:
    import copy

    model = ClusterModel(scenario([{"count": 8}], order="2-at-a-time"), rng=3)
    model.run_for(60.0)
    other = copy.deepcopy(model)
    tables = [each.run().tables for each in (model, other)]

    for name in ("maintenance", "migrations"):
        pd.testing.assert_frame_equal(tables[0][name], tables[1][name], check_exact=True)
    model.close()
    other.close()


CAMPAIGNS = st.fixed_dictionaries(
    {
        "order": st.sampled_from(["racks", "1-at-a-time", "2-at-a-time"]),
        "reboot_s": st.sampled_from([0.5, 3.0]),
        "avoid_next": st.booleans(),
    }
)


def check_campaign(given_scenario: Scenario, campaign: dict[str, Any], rng: int) -> None:
    fields = {
        "maintenance": campaign,
        "manager.triggers": [],
        "manager.switch_off_empty_hosts": False,
        "run.duration_s": 300.0,
        "run.stop_when_idle": False,
    }
    reboots: dict[int, int] = {}
    model = ClusterModel(given_scenario.with_fields(fields), rng=rng)
    assert model.campaign is not None
    reboot = model.campaign._reboot

    def counted(record: Any, now_s: float) -> None:
        reboots[record.host] = reboots.get(record.host, 0) + 1
        assert not (model.state.vms.host[~model.state.vms.lost] == record.host).any()
        reboot(record, now_s)

    model.campaign._reboot = counted  # type: ignore[method-assign]
    run_checked(model)
    for record in model.campaign.records.values():
        done = record.phase in ("done", "rebooting", "not back")
        assert reboots.get(record.host, 0) == (1 if done else 0)
    model.close()


@given(scenarios_with_faults(), CAMPAIGNS)
@settings(max_examples=12, deadline=None)
def test_every_host_is_rebooted_once_and_empty_under_faults(
    given_scenario: Scenario, campaign: dict[str, Any]
) -> None:
    check_campaign(given_scenario, campaign, 1)


@pytest.mark.slow
def test_sixty_schedules() -> None:
    run_schedules(check_campaign, scenarios_with_faults(), CAMPAIGNS, count=60, part=100)


@pytest.mark.hours
@pytest.mark.parametrize("part", range(4))
def test_five_hundred_schedules(part: int) -> None:
    run_schedules(check_campaign, scenarios_with_faults(), CAMPAIGNS, count=125, part=part)
