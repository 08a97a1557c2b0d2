"""How long it takes to empty hosts, and what it costs their VMs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cluster_emu.errors import ScenarioError
from cluster_emu.model import ProgressCallback
from cluster_emu.scenario import Scenario, load_scenario
from cluster_emu.study.evacuation.plan import (
    Drain,
    DrainPlan,
    drain_scenario,
    plan_drain,
    uncertainty_field,
)
from cluster_emu.study.evacuation.result import Evacuation, Replication
from cluster_emu.study.evacuation.run import DrainRun, run_drain
from cluster_emu.study.execution.numbers import check_study_numbers
from cluster_emu.study.execution.runs import StudyInterrupted, do_all
from cluster_emu.study.execution.seeds import replication_seeds


def evacuate(
    scenario: Scenario | str | Path,
    *,
    hosts: Sequence[int | str] = (),
    racks: Sequence[int | str] = (),
    vms: Sequence[int | str] = (),
    policy: str | None = None,
    strategy: str | None = None,
    parallel: int | None = None,
    uncertain: float | None = None,
    within_s: float | None = None,
    replications: int = 5,
    seed: int = 0,
    jobs: int = 1,
    fields: Mapping[str, Any] | None = None,
    progress: ProgressCallback | None = None,
) -> Evacuation:
    """Empty hosts of a scenario under several seeds, and measure each drain.

    The drain replaces the scenario's own triggers and requests. A run ends when no migration runs
    or waits, or with the scenario's duration. The result does not depend on `jobs`.

    Args:
        scenario: a scenario, the name of a built-in one, or the path of a TOML file.
        hosts: hosts to empty: numbers, names, or patterns of names such as ``rack2-*``.
        racks: racks to empty, likewise.
        vms: single VMs to move away from where they are, likewise.
        policy: a manager's policy as text, "none" for none; the scenario's own if None.
        strategy: a transfer strategy as text; the scenario's own if None.
        parallel: migrations at once in the cluster; the scenario's or policy's limit if None.
        uncertain: how far dirty rates and link bandwidths may be off, as a share (`run.uncertain`);
            the scenario's own if None.
        within_s: a window in seconds, > 0; the report then has the probability that the drain fits.
        replications: number of seeds.
        seed: base of the seeds, a whole number >= 0.
        jobs: number of processes.
        fields: values for other fields of the scenario, by dotted path.
        progress: called after every run with the number done and the number of all.

    Raises:
        ImpossibleDrainError: if VMs fit on no other host under one of the seeds; before any run.
        ClusterEmuError: if the scenario or an argument is not allowed; before any run.
        WorkerDiedError: if a process was killed.
        StudyInterrupted: on Ctrl-C, if some replications had ended; it has their `Evacuation`.
    """
    check_study_numbers(replications, jobs, seed)
    if within_s is not None and not 0 < within_s < math.inf:
        raise ScenarioError("within_s", within_s, "a time > 0")
    base = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    drain = drain_scenario(
        base.with_fields({**(fields or {}), **uncertainty_field(uncertain)}),
        hosts=hosts,
        racks=racks,
        vms=vms,
        policy=policy,
        strategy=strategy,
        parallel=parallel,
    )
    plans = [plan_drain(drain.scenario, each) for each in replication_seeds(seed, replications)]
    ended: dict[int, DrainRun] = {}
    try:
        tasks = [(plan.scenario, plan.seed) for plan in plans]
        ended.update(do_all(run_drain, tasks, jobs, progress))  # Ctrl-C leaves what has ended
    except KeyboardInterrupt:
        if not ended:
            raise
        raise StudyInterrupted(_evacuation(drain, plans, ended, seed, within_s)) from None
    return _evacuation(drain, plans, ended, seed, within_s)


def _evacuation(
    drain: Drain,
    plans: Sequence[DrainPlan],
    ended: Mapping[int, DrainRun],
    seed: int,
    within_s: float | None,
) -> Evacuation:
    """Return the result, its replications in the order of the seeds.

    They may have ended in any order, and some are missing after Ctrl-C.
    """
    replications = tuple(
        Replication(number, plans[number], ended[number]) for number in sorted(ended)
    )
    return Evacuation(drain, seed, len(plans), replications, within_s)
