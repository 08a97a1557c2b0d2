"""One VM that migrates through phases of known times, as `faults/test_crash_phases.py` says."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from tests._support.fault_checks import run_checked
from tests._support.small_scenarios import PAGE, WIRE, scenario

QUIET = {"name": "uniform", "writes_per_page_s": 0.0}


def one_vm(
    faults: list[dict[str, Any]] | list[str],
    strategy: str = "pre-copy",
    *,
    available: dict[str, Any] | None = None,
    run: dict[str, Any] | None = None,
    transfer: dict[str, Any] | None = None,
    **more: Any,
) -> Scenario:
    return scenario(
        hosts=3,
        vms=[
            {
                "count": 1,
                "cpu_capacity": 1,
                "memory_bytes": 1000 * PAGE,
                "profile": QUIET,
                "host": 0,
            }
        ],
        strategy=strategy,
        run={
            "duration_s": 100.0,
            "tick_s": 1.0,
            "control_interval_s": 10.0,
            "stop_when_idle": False,
            **(run or {}),
        },
        transfer={
            "prepare_s": 2.0,
            "suspend_s": 0.5,
            "device_state_bytes": 500 * WIRE,
            "resume_s": 0.25,
            "finish_s": 1.0,
            **(transfer or {}),
        },
        faults=faults,
        high_availability={"restart_delay_s": 20.0, **(available or {})},
        **more,
    )


def ran(given_scenario: Scenario) -> tuple[ClusterModel, pd.DataFrame]:
    model = run_checked(ClusterModel(given_scenario, rng=1))
    return model, model.result().migrations
