"""A queued migration to a host that is drained later gets another target."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from tests._support.fault_checks import run_checked
from tests._support.small_scenarios import PAGE, scenario

QUIET = {"name": "uniform", "writes_per_page_s": 0.0}
TWO_AT_ONCE = {"max_per_cluster": 2}


def requests(
    vms: int = 4, *, hosts: int = 4, manager: dict[str, Any] | None = None, **more: Any
) -> Scenario:
    """Return a scenario in which VMs, 1 s each alone, leave host 0 for host 1, drained at 1 s."""
    vm = {"cpu_capacity": 1, "memory_bytes": 1_000 * PAGE, "profile": QUIET, "host": 0}
    drain = {"name": "drain", "hosts": [1], "at_s": 1.0}
    fields: dict[str, Any] = {
        "hosts": hosts,
        "vms": [{**vm, "count": vms}],
        "migrations": [{"vm": number, "target": 1} for number in range(vms)],
        "run": {"tick_s": 1.0, "control_interval_s": 1.0, "duration_s": 100.0},
        "manager": {"triggers": [drain], "switch_off_empty_hosts": False, **(manager or {})},
    }
    return scenario(**{**fields, **more})


def ran(given_scenario: Scenario) -> tuple[ClusterModel, pd.DataFrame]:
    model = run_checked(ClusterModel(given_scenario, rng=1))
    return model, model.result().migrations


def test_what_waits_goes_elsewhere_and_what_copies_moves_on_when_it_has_arrived() -> None:
    model, migrations = ran(requests(manager=TWO_AT_ONCE))
    asked = migrations[migrations["reason"] == "request"]
    assert asked["target"].tolist() == [1, 1, 2, 3]  # to the least loaded other hosts
    assert set(migrations["outcome"]) == {"completed"}
    assert migrations["reason"].tolist().count("drain") == 2
    assert [vm.host for vm in model.vms].count(1) == 0


@pytest.mark.parametrize("order", ["fifo", "smallest-first", "disjoint-bottlenecks"])
def test_it_keeps_its_place_in_the_queue(order: str) -> None:
    # the two last of four are due to host 1; the one asked for last, at host 2, stays behind them
    asked = [{"vm": vm, "target": 1} for vm in range(4)] + [{"vm": 4, "target": 2}]
    _, migrations = ran(
        requests(5, migrations=asked, manager={"max_per_cluster": 1, "order": order})
    )
    asked_for = migrations[migrations["reason"] == "request"]
    assert asked_for["target"].tolist()[0] == 1
    assert 1 not in asked_for["target"].tolist()[2:]
    assert asked_for["start_s"].is_monotonic_increasing


@pytest.mark.parametrize("preparing", [None, {"max_per_cluster": 4}])
def test_one_that_prepares_or_is_ready_is_prepared_at_its_new_target(preparing: Any) -> None:
    manager = {**TWO_AT_ONCE, "preparing": preparing}
    _, migrations = ran(requests(manager=manager, transfer={"prepare_s": 3.0}))
    assert set(migrations["target"]) == {2, 3}
    assert set(migrations["prepare_s"]) == {3.0}
    assert migrations["start_s"].min() == 1.0 + 3.0


def test_without_another_host_it_is_cancelled_and_says_why() -> None:
    model, migrations = ran(requests(hosts=2, manager={"max_per_cluster": 1}))
    rows = migrations.set_index("migration")
    assert rows.loc[2, "outcome"] == "cancelled"
    assert rows.loc[2, "why"] == "host 1 is drained, and no other host is free for the VM"
    assert model.vms[2].host == 0


def test_a_request_to_a_drained_host_is_refused() -> None:
    asked = [{"vm": 0, "target": 1, "at_s": 5.0}]
    model, migrations = ran(requests(1, migrations=asked))
    assert len(migrations) == 0
    assert "request at 5 s not carried out: host 1 is drained" in model.result().notes


@pytest.mark.parametrize("interleave", [False, True])
def test_memory_reserved_at_the_old_target_is_free_again(interleave: bool) -> None:
    model, _ = ran(requests(manager={**TWO_AT_ONCE, "interleave": interleave}))
    assert model.machines[1].memory_free_bytes == 2**40
