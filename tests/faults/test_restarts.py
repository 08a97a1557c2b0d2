"""High availability: when and where VMs of a crashed host are started again."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from tests._support.fault_checks import run_checked
from tests._support.small_scenarios import PAGE, scenario

GIB = 2**30


def cluster(
    memory_gib: list[int],
    vm_gib: list[tuple[int, int]],
    faults: list[dict[str, Any]],
    available: dict[str, Any] | None = None,
    **more: Any,
) -> Scenario:
    """Return hosts with so much memory, and VMs as (GiB, host); nobody migrates."""
    vms = [
        {
            "count": 1,
            "cpu_capacity": 1,
            "memory_bytes": gib * GIB,
            "page_count": 10,
            "profile": "idle",
            "host": host,
        }
        for gib, host in vm_gib
    ]
    hosts = [{"count": 1, "cpu_capacity": 8, "memory_bytes": gib * GIB} for gib in memory_gib]
    return scenario(
        hosts=len(hosts),
        vms=vms,
        faults=faults,
        high_availability={"restart_delay_s": 20.0, "retry_s": 7.0, **(available or {})},
        run={"duration_s": 100.0, "tick_s": 1.0, "stop_when_idle": False},
        **more,
    ).with_fields({"hosts": hosts, "migrations": more.get("migrations", [])})


def crash(host: int, at_s: float, **more: Any) -> dict[str, Any]:
    return {"kind": "host-crash", "host": host, "at_s": at_s, **more}


def ran(given_scenario: Scenario) -> ClusterModel:
    return run_checked(ClusterModel(given_scenario, rng=1))


def hosts_of(model: ClusterModel) -> list[int]:
    return [vm.host for vm in model.vms]


def down_s(model: ClusterModel) -> list[float]:
    found: list[float] = model.state.vms.down_s(model.time_s).tolist()
    return found


def test_the_vms_of_a_crashed_host_spread_over_the_others() -> None:
    on_all = [(1, 0), (2, 0), (1, 0), (1, 0), (1, 1), (1, 2)]
    model = ran(cluster([8, 8, 8], on_all, [crash(0, 10)]))
    # the largest first, each to the host least used, the lower number where equal
    assert hosts_of(model) == [2, 1, 1, 2, 1, 2]
    assert down_s(model) == pytest.approx([20.0] * 4 + [0.0] * 2)
    assert model.result().summary["vm_restarts"] == 4
    assert model.hosts_on == 2


def test_a_vm_that_fits_nowhere_is_tried_again_every_so_often() -> None:
    # host 1 has room only when VM 1 has moved from it to host 2, which it does at 48 s
    model = ran(
        cluster(
            [4, 4, 2],
            [(4, 0), (2, 1)],
            [crash(0, 10)],
            migrations=[{"vm": 1, "target": 2, "at_s": 48.0}],
        )
    )
    # due at 30 s, then at 37, 44, 51 s
    assert down_s(model)[0] == pytest.approx(41.0)
    assert hosts_of(model) == [1, 2]


def test_a_repair_is_a_reason_to_try_and_the_old_host_is_as_good_as_any() -> None:
    model = ran(cluster([4, 2], [(3, 0)], [crash(0, 10, repair_s=29.0)]))
    assert down_s(model) == pytest.approx([29.0])
    assert hosts_of(model) == [0]
    assert model.machines[0].switched_on


def test_a_host_that_is_back_before_the_delay_is_over_does_not_shorten_it() -> None:
    model = ran(cluster([4, 2], [(3, 0)], [crash(0, 10, repair_s=1.0)]))
    assert down_s(model) == pytest.approx([20.0])


def test_without_restarts_vms_stay_down() -> None:
    faults = [crash(0, 10, repair_s=5.0)]
    model = ran(cluster([4, 4], [(3, 0)], faults, {"restart": False}))
    assert down_s(model) == pytest.approx([90.0])
    assert not model.vms[0].running and not model.vms[0].lost
    assert model.result().summary["vm_restarts"] == 0


def test_a_vm_may_go_down_again_and_again() -> None:
    faults = [crash(0, 10, repair_s=5.0), crash(1, 35), crash(0, 60)]
    model = ran(cluster([4, 4, 4], [(3, 0), (4, 2)], faults))
    # 10..30 to host 0 (repaired, lower number), stays there at 35, 60..80 has nowhere to go
    assert model.state.vms.restarts[0] == 1
    assert down_s(model)[0] == pytest.approx(20.0 + 40.0)


def test_overlapping_crashes_of_one_host_are_over_when_the_last_one_is() -> None:
    faults = [crash(0, 10, repair_s=50.0), crash(0, 20, repair_s=5.0)]
    model = ran(cluster([4, 2], [(3, 0)], faults))
    assert down_s(model) == pytest.approx([50.0])
    table = model.result().tables["faults"]
    assert table.time_s.tolist() == [10.0, 20.0]
    assert table.until_s.tolist() == [60.0, 25.0]
    assert table.what.tolist() == ["host 0", "host 0"]


def test_drained_hosts_take_no_restarted_vm() -> None:
    drain = {"manager": {"triggers": [{"name": "drain", "hosts": [1]}]}}
    model = ran(cluster([4, 8, 4], [(2, 0), (1, 2)], [crash(0, 10)], **drain))
    assert hosts_of(model) == [2, 2]


def test_a_request_for_a_vm_that_is_down_or_a_host_that_failed_is_refused_and_noted() -> None:
    asked = [{"vm": 0, "target": 1, "at_s": 15.0}, {"vm": 1, "target": 0, "at_s": 16.0}]
    model = ran(cluster([4, 4, 4], [(1, 0), (1, 1)], [crash(0, 10)], migrations=asked))
    assert len(model.result().migrations) == 0
    notes = [note for note in model.result().notes if "not carried out" in note]
    assert [note.split(": ", 1)[1] for note in notes] == [
        "VM 0 is down",
        "host 0 has failed",
    ]


def test_a_vm_that_waits_for_its_restart_is_noted() -> None:
    apart = {"vms.0.anti_affinity": "db", "vms.1.anti_affinity": "db"}
    two = cluster([4, 4], [(1, 0), (1, 1)], [crash(0, 10)])
    assert hosts_of(ran(two)) == [1, 1]
    model = ran(two.with_fields(apart))
    assert not model.vms[0].running
    assert model.result().notes == (
        "1 VM waits for a restart at 100 s, the first of them 0: no host that is up and not "
        "drained has the memory and no VM of their anti-affinity group",
    )


def test_faults_and_restarts_keep_no_run_alive() -> None:
    given_scenario = cluster(
        [4, 4], [(1, 0)], [crash(1, 0.0), crash(0, 50.0), {"kind": "link-down", "mtbf_s": 30}]
    ).with_fields({"run.stop_when_idle": True})
    assert ran(given_scenario).time_s == 1.0
    waiting = cluster([4, 2], [(3, 0)], [crash(0, 0.5)]).with_fields({"run.stop_when_idle": True})
    assert ran(waiting).time_s == 1.0


def test_what_wants_nothing_gets_nothing_and_costs_nothing() -> None:
    model = ran(cluster([4, 4], [(1, 0)], [crash(0, 10, repair_s=80)], {"restart": False}))
    tables = model.result().tables
    assert tables["service"]["cpu_wanted_s"].tolist() == pytest.approx([10.0])
    last = tables["vms"].iloc[-1]
    assert not last.running and not last.lost
    assert last.down_s == pytest.approx(90.0)
    hosts = tables["hosts"]
    assert not hosts[(hosts.host == 0)].iloc[-1].failed


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"faults": [{"kind": "host-crsh", "host": 0}]}, "faults.0.kind"),
        ({"faults": [{"kind": "host-crash", "host": 9, "at_s": 1}]}, "faults.0.host"),
        ({"faults": ["link-down:at_s=1"]}, "faults.0.between"),
        ({"faults": [{"host": 0, "at_s": 1}]}, "faults.0.kind"),
        ({"high_availability.retry_s": 0}, "high_availability.retry_s"),
        ({"high_availability.restrat": True}, "high_availability.restrat"),
    ],
)
def test_bad_input_is_named(fields: dict[str, Any], message: str) -> None:
    good = cluster([4, 4], [(1, 0)], [])
    with pytest.raises(ScenarioError, match=message.replace(".", r"\.")):
        ClusterModel(good.with_fields(fields))


def test_a_parameter_of_a_fault_can_be_set_by_its_path() -> None:
    good = cluster([4, 4], [(1, 0)], [crash(0, 10)])
    moved = good.with_fields({"faults.0.at_s": 40, "high_availability.restart_delay_s": 3})
    assert down_s(ran(moved)) == pytest.approx([3.0])
    assert moved.faults[0].parameters["at_s"] == 40
    assert good.vms[0].page_bytes == PAGE
