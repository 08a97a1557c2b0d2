"""The report of a maintenance campaign under several seeds."""

from __future__ import annotations

from dataclasses import dataclass

from cluster_emu.study.report.evacuation import FailedReplication
from cluster_emu.study.report.figures import MeanFigure, QuantileFigure


@dataclass(frozen=True, slots=True)
class HostLeft:
    """A host that was not rebooted, or did not come back, and why.

    Args:
        host: its number.
        name: its name, empty if it has none.
        phase: where it was at the end.
        why: why, in words, in the first of these replications.
        replications: numbers of the replications.
    """

    host: int
    name: str
    phase: str
    why: str
    replications: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class VMInCampaign:
    """What a campaign cost one VM: means over the replications, sums over its moves.

    Args:
        vm: its number.
        name: its name, empty if it has none.
        moves: migrations that completed.
        downtime_s: downtime.
        interrupted_s: downtime and stalls after it.
        longest_interrupted_s: the largest `interrupted_s` of a replication.
    """

    vm: int
    name: str
    moves: float
    downtime_s: float
    interrupted_s: float
    longest_interrupted_s: float


@dataclass(frozen=True, slots=True)
class NaiveOrder:
    """The same campaigns with targets chosen without regard to which hosts are emptied next.

    Args:
        moves: completed migrations per campaign.
        moves_saved: how many fewer there are with regard to it, in pairs of equal seeds.
        longer_s: how much longer they take, likewise.
    """

    moves: MeanFigure
    moves_saved: MeanFigure
    longer_s: MeanFigure


@dataclass(frozen=True, slots=True)
class MaintenanceReport:
    """What a campaign measured; see `study.maintenance.result` for how.

    Args:
        scenario: name of the scenario.
        order: the order of the hosts.
        reboot_s: time of a reboot.
        hosts: number of hosts in the campaign.
        policy: the manager's policy in words.
        strategy: the transfer strategy in words.
        replications: how many ended.
        replications_wanted: how many were asked for.
        seed: the base seed.
        seeds: the seeds of those that ended.
        done: number of replications in which every host was rebooted and came back.
        campaign_p50_s: median time until the last host is back; infinite where one is not.
        campaign_p95_s: 95th percentile, likewise.
        campaign_s: mean over the replications in which all came back, if all did.
        moves: completed migrations per campaign.
        moves_per_vm: the same per VM.
        most_moves_of_a_vm: of the VM that moves most.
        capacity_out_share: mean share of the CPU of all hosts that is out of service.
        reduced_share: share of the time in which a host is out of service.
        downtime_max_s: the largest downtime of a VM over all its moves, per campaign.
        interrupted_max_s: the largest interruption, likewise.
        interrupted_p50_s: the median over the VMs that moved, likewise.
        worst_vms: the VMs with the longest interruption.
        hosts_left: hosts that were blocked or did not come back.
        vms_lost: VMs lost per campaign.
        naive: the same without avoiding hosts that are emptied next, if it was run.
        errors: replications that failed.
        answer: the result in words.
        assumptions: what was assumed.
        versions: of what the results depend on.
    """

    scenario: str
    order: str
    reboot_s: float
    hosts: int
    policy: str
    strategy: str
    replications: int
    replications_wanted: int
    seed: int
    seeds: tuple[int, ...]
    done: int
    campaign_p50_s: QuantileFigure
    campaign_p95_s: QuantileFigure
    campaign_s: MeanFigure
    moves: MeanFigure
    moves_per_vm: MeanFigure
    most_moves_of_a_vm: MeanFigure
    capacity_out_share: MeanFigure
    reduced_share: MeanFigure
    downtime_max_s: MeanFigure
    interrupted_max_s: MeanFigure
    interrupted_p50_s: MeanFigure
    worst_vms: tuple[VMInCampaign, ...]
    hosts_left: tuple[HostLeft, ...]
    vms_lost: MeanFigure
    naive: NaiveOrder | None
    errors: tuple[FailedReplication, ...]
    answer: str
    assumptions: tuple[str, ...]
    versions: dict[str, str]
