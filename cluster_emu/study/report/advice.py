"""The report of a search for the best way to empty hosts."""

from __future__ import annotations

from dataclasses import dataclass

from cluster_emu.study.report.limits import LimitShare


@dataclass(frozen=True, slots=True)
class OptionReport:
    """One way to empty the hosts, and what it costs.

    Args:
        policy: the manager's policy in words.
        strategy: the transfer strategy in words.
        parallel: migrations at once in the cluster.
        possible_at_once: how many can run at once by all limits.
        replications: number of runs.
        drain_p95_s: 95th percentile of the drain time; None where it is infinite.
        drain_min_s: the shortest drain time; None where it is infinite.
        drain_max_s: the longest drain time, likewise.
        worst_downtime_s: the longest downtime to expect.
        worst_interrupted_s: the longest interruption of a VM's service to expect: downtime, and
            stalls after the resume.
        bytes: mean bytes sent per drain; None where no run has any.
        failures: number of VMs that were not drained and of runs that failed.
    """

    policy: str
    strategy: str
    parallel: int | None
    possible_at_once: int
    replications: int
    drain_p95_s: float | None
    drain_min_s: float | None
    drain_max_s: float | None
    worst_downtime_s: float
    worst_interrupted_s: float
    bytes: float | None
    failures: int


@dataclass(frozen=True, slots=True)
class Recommendation(OptionReport):
    """The way that is recommended.

    Args:
        qualifies: whether every VM moves and no service is interrupted for longer than allowed.
        reason: why this one, in words.
        limits: what limits its migrations while they run.
    """

    qualifies: bool
    reason: str
    limits: tuple[LimitShare, ...]


@dataclass(frozen=True, slots=True)
class AdviceReport:
    """Everything that a search found.

    Args:
        scenario: name of the scenario.
        traces: which CPU traces were used, in words.
        hosts: the hosts to be emptied.
        host_names: their names; empty in a scenario without names.
        vms_to_move: number of VMs to move in the first replication.
        max_downtime_s: the longest interruption of service that was allowed.
        seed: the base seed.
        replications: number of runs of each option that is confirmed.
        combinations: number of combinations there are to try.
        tried: number of options that were run at least once.
        compared: number of options that were compared.
        comparison: which options were compared, in words.
        recommendation: the way that is recommended.
        answer: the advice in words.
        not_tried: pairs of a policy and a strategy that it does not have.
        pareto: the Pareto front in drain time, worst interruption and bytes, the fastest first.
        alike: groups of places in `pareto` that are shown as one, by the first of each.
        options: every option that was run.
        warnings: settings that are allowed but probably not intended, in words.
        assumptions: what was assumed, one sentence each.
        versions: versions of what results depend on.
    """

    scenario: str
    traces: str
    hosts: tuple[int, ...]
    vms_to_move: int
    max_downtime_s: float
    seed: int
    replications: int
    combinations: int
    tried: int
    compared: int
    comparison: str
    recommendation: Recommendation
    answer: str
    not_tried: tuple[str, ...]
    pareto: tuple[OptionReport, ...]
    alike: tuple[tuple[int, ...], ...]
    options: tuple[OptionReport, ...]
    warnings: tuple[str, ...]
    assumptions: tuple[str, ...]
    versions: dict[str, str]
    host_names: tuple[str, ...] = ()
