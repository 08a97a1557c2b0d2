"""How long does it take to empty some hosts, and what do their VMs notice of it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cluster_emu.errors import ScenarioError
from cluster_emu.model import ProgressCallback
from cluster_emu.scenario import Scenario, load_scenario
from cluster_emu.study.evacuation.plan import Drained, DrainPlan, drained, plan_drain
from cluster_emu.study.evacuation.report import Evacuation, Replication
from cluster_emu.study.evacuation.run import DrainRun, run_drain
from cluster_emu.study.execution.runs import StudyInterrupted, do_all
from cluster_emu.study.execution.seeds import replication_seeds


def evacuate(
    scenario: Scenario | str | Path,
    *,
    hosts: Sequence[int] = (),
    racks: Sequence[int] = (),
    policy: str | None = None,
    strategy: str | None = None,
    parallel: int | None = None,
    replications: int = 5,
    seed: int = 0,
    jobs: int = 1,
    fields: Mapping[str, Any] | None = None,
    progress: ProgressCallback | None = None,
) -> Evacuation:
    """Empty hosts of a scenario again and again with different seeds, and measure it.

    The scenario's own triggers and requests give way to the drain. A run ends when nothing moves
    any more, or with the scenario's duration. The result does not depend on `jobs`.

    Args:
        scenario: a scenario, the name of a built-in one, or the path of a TOML file.
        hosts: numbers of hosts to empty.
        racks: numbers of racks to empty.
        policy: a manager's policy as text, "none" for none; the scenario's own if None.
        strategy: a transfer strategy as text; the scenario's own if None.
        parallel: migrations at once in the cluster; the scenario's or policy's limit if None.
        replications: number of seeds.
        seed: base of the seeds, a whole number >= 0.
        jobs: number of processes.
        fields: values for other fields of the scenario, by dotted path.
        progress: called after every run with the number done and the number of all.

    Raises:
        ImpossibleDrainError: if VMs fit nowhere under one of the seeds; nothing has run then.
        ClusterEmuError: if the scenario or an argument is not allowed; likewise.
        WorkerDiedError: if a process was killed.
        StudyInterrupted: on Ctrl-C, if some replications had ended; it has their `Evacuation`.
    """
    check_at_least(1, replications=replications, jobs=jobs)
    check_at_least(0, seed=seed)
    base = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    drain = drained(
        base.with_fields(dict(fields or {})),
        hosts=hosts,
        racks=racks,
        policy=policy,
        strategy=strategy,
        parallel=parallel,
    )
    plans = [plan_drain(drain.scenario, each) for each in replication_seeds(seed, replications)]
    ended: dict[int, DrainRun] = {}
    try:
        tasks = [(plan.scenario, plan.seed) for plan in plans]
        ended.update(do_all(run_drain, tasks, jobs, progress))  # keeps what there is at Ctrl-C
    except KeyboardInterrupt:
        if not ended:
            raise
        raise StudyInterrupted(_evacuation(drain, plans, ended, seed)) from None
    return _evacuation(drain, plans, ended, seed)


def check_at_least(least: int, **numbers: int) -> None:
    """Refuse the first of the numbers, by name, that is less than it may be."""
    for name, value in numbers.items():
        if value < least:
            raise ScenarioError(name, value, f"a whole number >= {least}")


def _evacuation(
    drain: Drained, plans: Sequence[DrainPlan], ended: Mapping[int, DrainRun], seed: int
) -> Evacuation:
    """Return the result, its replications in the order of the seeds whatever order they ended in.

    Ctrl-C may have left some out.
    """
    replications = tuple(Replication(place, plans[place], ended[place]) for place in sorted(ended))
    return Evacuation(drain, seed, len(plans), replications)
