"""The report of several ways to go through a campaign."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CampaignWay:
    """One way to go through a campaign, and what it measured.

    Args:
        order: the order of the hosts.
        policy: the manager's policy in words.
        campaign_p95_s: 95th percentile of the time until the last host is back; None where a host
            is left in some replication.
        worst_interrupted_s: the longest interruption of a VM over a campaign that was seen.
        moves: completed migrations per campaign.
        capacity_out_share: mean share of the CPU that is out of service.
        hosts_left: hosts that were left in some replication.
        qualifies: whether all hosts are back and no VM is interrupted for longer than allowed.
    """

    order: str
    policy: str
    campaign_p95_s: float | None
    worst_interrupted_s: float
    moves: float
    capacity_out_share: float
    hosts_left: int
    qualifies: bool


@dataclass(frozen=True, slots=True)
class MaintenanceAdviceReport:
    """Ways to go through a campaign, the fastest that qualifies first.

    Args:
        scenario: name of the scenario.
        reboot_s: time of a reboot.
        max_interrupted_s: for how long a VM may be interrupted over the campaign.
        replications: seeds of each way.
        seed: the base seed.
        ways: all of them, the best first.
        recommended: place of the recommended one in `ways`; None if none qualifies.
        answer: the result in words.
        assumptions: what was assumed.
        versions: of what the results depend on.
    """

    scenario: str
    reboot_s: float
    max_interrupted_s: float
    replications: int
    seed: int
    ways: tuple[CampaignWay, ...]
    recommended: int | None
    answer: str
    assumptions: tuple[str, ...]
    versions: dict[str, str]
