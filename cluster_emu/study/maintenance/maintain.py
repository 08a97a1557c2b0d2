"""How long a campaign over all hosts takes, and what it costs their VMs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cluster_emu.building import build
from cluster_emu.model import ProgressCallback
from cluster_emu.rng import RandomStreams
from cluster_emu.scenario import Maintenance, Scenario, load_scenario
from cluster_emu.study.comparison.variants import variants
from cluster_emu.study.evacuation.plan import manager_fields, named_in, tick_s, uncertainty_field
from cluster_emu.study.execution.numbers import check_study_numbers
from cluster_emu.study.execution.runs import StudyInterrupted, do_all
from cluster_emu.study.execution.seeds import replication_seeds
from cluster_emu.study.maintenance.result import CampaignStudy
from cluster_emu.study.maintenance.run import CampaignRun, run_campaign

LONGEST_S = 30 * 86_400.0
"""A campaign that goes on for so long is not over; migrations that never end may keep it there."""


def maintain(
    scenario: Scenario | str | Path,
    *,
    order: str | None = None,
    reboot_s: float | str | None = None,
    hosts: Sequence[int | str] = (),
    racks: Sequence[int | str] = (),
    policy: str | None = None,
    strategy: str | None = None,
    parallel: int | None = None,
    uncertain: float | None = None,
    compare_naive: bool = True,
    replications: int = 5,
    seed: int = 0,
    jobs: int = 1,
    fields: Mapping[str, Any] | None = None,
    progress: ProgressCallback | None = None,
) -> CampaignStudy:
    """Empty and reboot the hosts of a scenario one after the other, under several seeds.

    The campaign replaces the scenario's triggers and requests. Hosts that are empty stay on. A run
    ends when the campaign is over, or after 30 days. The result does not depend on `jobs`.

    Args:
        scenario: a scenario, the name of a built-in one, or the path of a TOML file.
        order: "racks", or how many hosts at a time, such as "3-at-a-time"; the scenario's own or
            one at a time if None.
        reboot_s: time of a reboot, in seconds or as text; the scenario's own or 10 min if None.
        hosts: hosts of the campaign: numbers, names, or patterns of names; all if there is none.
        racks: likewise racks.
        policy: a manager's policy as text, "none" for none; the scenario's own if None.
        strategy: a transfer strategy as text; the scenario's own if None.
        parallel: migrations at once in the cluster; the scenario's or policy's limit if None.
        uncertain: how far dirty rates and link bandwidths may be off, as a share.
        compare_naive: whether to run the campaigns also without regard to which hosts are emptied
            next.
        replications: number of seeds.
        seed: base of the seeds, a whole number >= 0.
        jobs: number of processes.
        fields: values for other fields of the scenario, by dotted path.
        progress: called after every run with the number done and the number of all.

    Raises:
        ClusterEmuError: if the scenario or an argument is not allowed; before any run.
        WorkerDiedError: if a process was killed.
        StudyInterrupted: on Ctrl-C, if some replications had ended; it has their `CampaignStudy`.
    """
    check_study_numbers(replications, jobs, seed)
    base = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    changed = base.with_fields({**(fields or {}), **uncertainty_field(uncertain)})
    named = named_in(changed, hosts=hosts, racks=racks)
    own: dict[str, Any] = {name: numbers for name, numbers in named.items() if numbers}
    own |= {} if order is None else {"order": order}
    own |= {} if reboot_s is None else {"reboot_s": reboot_s}
    campaign = _campaign_scenario(changed, own).with_fields(manager_fields(policy, parallel))
    if strategy is not None:
        (variant,) = variants(campaign, [strategy])
        campaign = variant.scenario
    parts = build(campaign, RandomStreams(seed))  # what is wrong with it is said before any run
    seeds = replication_seeds(seed, replications)
    assert campaign.maintenance is not None
    with_naive = compare_naive and campaign.maintenance.avoid_next
    versions = [campaign, campaign.with_fields({"maintenance.avoid_next": False})]
    tasks = [(each, one) for each in versions[: 1 + with_naive] for one in seeds]
    ended: dict[int, CampaignRun] = {}

    def study() -> CampaignStudy:
        found = {number: ended[number] for number in sorted(ended) if number < len(seeds)}
        naive = {
            number - len(seeds): ended[number] for number in sorted(ended) if number >= len(seeds)
        }
        return CampaignStudy(campaign, seed, tuple(seeds), found, naive, parts.assumptions)

    try:
        ended.update(do_all(run_campaign, tasks, jobs, progress))
    except KeyboardInterrupt:
        if not any(number < len(seeds) for number in ended):
            raise
        raise StudyInterrupted(study()) from None
    return study()


def _campaign_scenario(base: Scenario, own: Mapping[str, Any]) -> Scenario:
    """Return the scenario in which only the campaign moves VMs."""
    settings = base.maintenance or Maintenance()
    return base.with_fields(
        {
            "maintenance": settings.model_dump(exclude_unset=True) | dict(own),
            "manager.triggers": [],
            "manager.switch_off_empty_hosts": False,
            "migrations": [],
            "run.duration_s": max(base.run.duration_s, LONGEST_S),
            "run.stop_when_idle": True,
            "run.tick_s": tick_s(base),
        }
    )
