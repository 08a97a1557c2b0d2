"""The report of hosts that were emptied under several seeds."""

from __future__ import annotations

from dataclasses import dataclass

from cluster_emu.study.report.figures import Interval, MeanFigure, OutcomeCount, QuantileFigure
from cluster_emu.study.report.limits import LimitShare


@dataclass(frozen=True, slots=True)
class DrainTime:
    """How long the drains took.

    Args:
        drained: number of runs in which every VM moved.
        runs: number of runs that did not fail.
        p50: median drain time; a drain in which a VM was not drained counts as infinite.
        p95: 95th percentile, likewise.
        mean: mean drain time; None unless every VM moved in every run.
    """

    drained: int
    runs: int
    p50: QuantileFigure
    p95: QuantileFigure
    mean: MeanFigure


@dataclass(frozen=True, slots=True)
class VMQuantile:
    """A quantile over the VMs to move.

    Args:
        all_vms: over the VMs of all replications; None where no VM has a value.
        mean: mean of the quantiles of the replications.
        ci95: its 95 % Student t interval.
        runs: number of replications with a value.
    """

    all_vms: float | None
    mean: float | None
    ci95: Interval
    runs: int


@dataclass(frozen=True, slots=True)
class VMQuantiles:
    """Median, 95th percentile and maximum over the VMs to move."""

    p50: VMQuantile
    p95: VMQuantile
    max: VMQuantile


@dataclass(frozen=True, slots=True)
class EmptiedHost:
    """When a host was empty: seconds after the start of each run, None for never."""

    host: int
    emptied_s: tuple[float | None, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class NotDrained:
    """A VM that was still on its host when the run ended, and how its last attempt ended."""

    replication: int
    seed: int
    vm: int
    source: int
    attempts: int
    outcome: str
    why: str
    vm_name: str = ""
    source_name: str = ""


@dataclass(frozen=True, slots=True)
class FailedReplication:
    """A replication whose run failed, and why."""

    replication: int
    seed: int
    error: str


@dataclass(frozen=True, slots=True)
class MedianReplication:
    """The replication with the median drain time; None for a VM that was not drained."""

    replication: int
    seed: int
    drain_s: float | None


@dataclass(frozen=True, slots=True)
class LinkLoad:
    """The mean load of a link in one direction, as a share of its capacity."""

    link: int
    name: str
    mean_share: float


@dataclass(frozen=True, slots=True)
class UnevenLinks:
    """Parallel links among which routes chose, and how unevenly traffic was spread over them.

    Args:
        node: the node that the busiest one leaves.
        links: number of the links.
        busiest: the link with the highest utilisation.
        times_mean: its utilisation over the mean of these links; 1 if they are used evenly.
        busiest_bytes: its bytes.
    """

    node: str
    links: int
    busiest: str
    times_mean: float
    busiest_bytes: float


@dataclass(frozen=True, slots=True)
class LateVM:
    """A VM that is still on its host when a window ends.

    Args:
        vm: its number.
        name: its name, empty if it has none.
        late_share: in which share of the replications.
        released_s: when its source was released, in the mean of those in which it left; None if it
            never did.
    """

    vm: int
    name: str
    late_share: float
    released_s: float | None


@dataclass(frozen=True, slots=True)
class Within:
    """Whether a drain ends within a window.

    Args:
        window_s: the window.
        probability: share of the replications in which it does.
        ci95: 95 % interval of the probability, Wilson's score interval.
        runs: number of replications that did not fail.
        late_vms: the VMs that stand in the way, the most frequent first.
    """

    window_s: float
    probability: float | None
    ci95: Interval
    runs: int
    late_vms: tuple[LateVM, ...]


@dataclass(frozen=True, slots=True)
class EvacuationReport:
    """Everything that an evacuation found, but for the tables.

    Args:
        scenario: name of the scenario.
        traces: which CPU traces were used, in words.
        hosts: the hosts to be emptied.
        policy: the manager's policy in words.
        strategy: the transfer strategy in words.
        parallel: limit on migrations at once in the cluster.
        possible_at_once: how many can run at once by all limits.
        outbound_per_host: limit on migrations at once away from a host.
        inbound_per_host: limit on migrations at once onto a host.
        replications: number of runs that ended.
        replications_wanted: number of runs that were asked for.
        seed: the base seed.
        seeds: the seed of each replication.
        vms_to_move: number of VMs to move, by replication.
        drain_s: drain times.
        per_vm: quantiles over the VMs to move, by column of the table `vms`.
        bytes: bytes sent per drain.
        cluster: what a drain did to all VMs and to background traffic, by figure.
        hosts_emptied: when each host was empty.
        limits: what limits the migrations of all replications while they run.
        waits: what they wait for, as shares of the time from request to end.
        link_loads: mean loads in the median replication, the highest first.
        uneven_links: the busiest parallel links in that replication; None without a choice.
        is_random: whether the replications differ; false if all of several are the same.
        answer: the result in words.
        outcomes: how the migrations of all replications ended.
        failures: the VMs that were not drained.
        errors: the replications that failed.
        within: whether the drain ends within the window that was asked for; None if none was.
        median_replication: the replication with the median drain time; None if all failed.
        warnings: settings that are allowed but probably not intended, in words.
        notes: what the policies did.
        assumptions: what was assumed, one sentence each.
        versions: versions of what results depend on.
    """

    scenario: str
    traces: str
    hosts: tuple[int, ...]
    policy: str
    strategy: str
    parallel: int | None
    possible_at_once: int
    outbound_per_host: int | None
    inbound_per_host: int | None
    replications: int
    replications_wanted: int
    seed: int
    seeds: tuple[int, ...]
    vms_to_move: tuple[int, ...]
    drain_s: DrainTime
    per_vm: dict[str, VMQuantiles]
    bytes: MeanFigure
    cluster: dict[str, MeanFigure]
    hosts_emptied: tuple[EmptiedHost, ...]
    limits: tuple[LimitShare, ...]
    waits: tuple[LimitShare, ...]
    link_loads: tuple[LinkLoad, ...]
    uneven_links: UnevenLinks | None
    is_random: bool
    answer: str
    outcomes: tuple[OutcomeCount, ...]
    failures: tuple[NotDrained, ...]
    errors: tuple[FailedReplication, ...]
    within: Within | None
    median_replication: MedianReplication | None
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    assumptions: tuple[str, ...]
    versions: dict[str, str]
