"""The paths that make many arrivals fast change no result: not by a bit, or by rounding alone."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cluster_emu.model as model_module
from cluster_emu.consolidation.plan import Plan
from cluster_emu.lifecycle.choosing import HostChooser
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario, scenario_from

GIB = 2**30


def churning(**more: Any) -> Scenario:
    """Return 900 s in which some 150 VMs of two flavours pass 6 hosts."""
    return scenario_from(
        {
            "name": "churning",
            "run": {"duration_s": 900, "tick_s": 5, "control_interval_s": 100},
            "topology": {"name": "star", "hosts": 6, "host_bps": 10e9},
            "hosts": [{"count": 6, "cpu_capacity": 8, "memory_bytes": 32 * GIB, "boot_s": 20}],
            "vms": [{"count": 6, "cpu_capacity": 2, "memory_bytes": GIB, "profile": "idle"}],
            "arrivals": {
                "process": "poisson:mean_interval_s=6",
                "lifetime": "log-normal:median_s=100,sigma=1",
                "patience_s": 100,
                "boot_s": 3,
                "flavours": [
                    {"cpu_capacity": 2, "memory_bytes": GIB, "profile": "idle", "weight": 2},
                    {"cpu_capacity": 4, "memory_bytes": 6 * GIB, "profile": "oltp"},
                ],
                "random_resizes": {"mean_s": 300},
            },
            "workload": {"demand": "diurnal:period_s=3600,step_s=60"},
            **more,
        }
    )


def busy() -> Scenario:
    scenario = {
        "manager": {"triggers": ["consolidation"]},
        "costs": {"source_cpu": 1.0, "target_cpu": 0.5, "tracking_slowdown": 0.1},
        "faults": ["host-crash:mtbf_s=600,mttr_s=100"],
    }
    return churning(**scenario)


def tables(scenario: Scenario, seed: int = 1) -> dict[str, pd.DataFrame]:
    model = ClusterModel(scenario, rng=seed)
    result = model.run().tables
    model.close()
    return result


def test_machine_code_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    interpreted = tables(busy())
    monkeypatch.setattr(model_module, "COMPILED_FROM_VMS", 0)
    compiled = tables(busy())
    assert interpreted["migrations"]["outcome"].eq("completed").any()
    assert interpreted["lifecycle"]["outcome"].eq("ended").any()
    for name, table in interpreted.items():
        pd.testing.assert_frame_equal(table, compiled[name], check_exact=True)


def test_the_kept_plan_is_the_one_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """After every placement it has the numbers of a plan that is made from nothing."""
    checked = 0
    host_for = HostChooser.host_for

    def compared(self: HostChooser, vm: int, demand: float, now_s: float) -> int:
        nonlocal checked
        host = host_for(self, vm, demand, now_s)
        kept, state = self._plan, self._state
        assert kept is not None
        anew = Plan.of(
            state, self._watts, vm_cpu_demand=self._wanted(now_s) * state.vms.cpu_capacity
        )
        for name in ("vm_host", "memory_free_bytes", "memory_demand_bytes", "vm_count", "on"):
            assert np.array_equal(getattr(kept, name), getattr(anew, name)), name
        assert np.array_equal(kept.operational, anew.operational)
        assert kept.cpu_demand == pytest.approx(anew.cpu_demand, abs=1e-9)
        checked += 1
        return host

    monkeypatch.setattr(HostChooser, "host_for", compared)
    tables(busy())
    assert checked > 100


def test_ticks_in_which_vms_only_come_and_go_are_skipped() -> None:
    model = ClusterModel(churning(), rng=1)
    model.run()
    stepped = len(model.datacollector.model_vars["time_s"])
    # 15 changes of demand and 9 control instants, and nothing for some 150 VMs
    assert stepped < 40


def test_stepping_every_tick_moves_nothing() -> None:
    ran = tables(busy())
    model = ClusterModel(busy(), rng=1)
    while model.running:
        model.step()
    stepped = model.result().tables
    model.close()
    for name in ("lifecycle", "migrations", "rounds"):
        pd.testing.assert_frame_equal(ran[name], stepped[name], check_exact=True)
    assert ran["vms"]["host"].tolist() == stepped["vms"]["host"].tolist()
    wanted = [each["service"]["cpu_wanted_s"].to_numpy() for each in (ran, stepped)]
    assert wanted[0] == pytest.approx(wanted[1], rel=1e-9)


def test_copies_of_a_model_go_on_to_the_same_lives() -> None:
    model = ClusterModel(busy(), rng=1)
    model.run_until(300.0)
    twin = deepcopy(model)
    first, second = model.run().tables, twin.run().tables
    for name in ("lifecycle", "migrations", "hosts"):
        pd.testing.assert_frame_equal(first[name], second[name], check_exact=True)
