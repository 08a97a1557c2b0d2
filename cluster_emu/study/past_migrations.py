"""Past migrations of an imported cluster, replayed and held against what they really took."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cluster_emu.inventory import Imported, PastMigration
from cluster_emu.scenario import Scenario
from cluster_emu.study.execution.runs import simulate

MOST_REPLAYED = 200
"""The latest ones are replayed."""
LONGEST_S = 86_400.0


@dataclass(frozen=True, slots=True)
class ReplayedMigration:
    """A past migration and its replay.

    Args:
        vm: name of the VM.
        source: name of the host it left.
        target: name of the host it went to.
        at_once: how many past migrations overlapped in its group, itself included.
        measured_s: how long it took.
        replayed_s: how long its replay took, preparation included; None if it did not complete.
        outcome: how the replay ended.
    """

    vm: str
    source: str
    target: str
    at_once: int
    measured_s: float
    replayed_s: float | None
    outcome: str

    @property
    def ratio(self) -> float | None:
        """Replayed over measured."""
        return None if self.replayed_s is None else self.replayed_s / self.measured_s


@dataclass(frozen=True, slots=True)
class Replays:
    """All replays.

    Args:
        migrations: one for each past migration that can be replayed, in the order of their starts.
        left_out: how many are not replayed, by why.
    """

    migrations: tuple[ReplayedMigration, ...]
    left_out: dict[str, int]

    @property
    def median_ratio(self) -> float:
        """Median of replayed over measured; NaN without one."""
        ratios = [one.ratio for one in self.migrations if one.ratio is not None]
        return float(np.median(ratios)) if ratios else math.nan

    @property
    def mean_absolute_error(self) -> float:
        """Mean of the error's size, as a share of what was measured; NaN without one."""
        ratios = [one.ratio for one in self.migrations if one.ratio is not None]
        return float(np.mean([abs(ratio - 1) for ratio in ratios])) if ratios else math.nan


def replay_past_migrations(imported: Imported, seed: int = 0) -> Replays:
    """Replay the past migrations that completed, those that overlapped together.

    A VM has the size and dirty rate that it has now, and only the hosts and VMs of a group are in
    its run: nothing in a dump tells what else used the network then.

    Args:
        imported: an import whose inventory has past migrations.
        seed: the seed of every run.
    """
    found = imported.inventory
    left_out: dict[str, int] = {}
    usable: list[PastMigration] = []
    for past in found.past:
        why = ""
        if not past.completed:
            why = "did not complete"
        elif past.vm not in found.vms:
            why = "their VM does not run now"
        if why:
            left_out[why] = left_out.get(why, 0) + 1
        else:
            usable.append(past)
    if len(usable) > MOST_REPLAYED:
        left_out["older ones"] = len(usable) - MOST_REPLAYED
    replayed: list[ReplayedMigration] = []
    for group in _overlapping(usable[-MOST_REPLAYED:]):
        replayed += _replay(imported, group, seed)
    return Replays(tuple(replayed), left_out)


def _overlapping(past: Sequence[PastMigration]) -> Iterator[list[PastMigration]]:
    """Yield groups of migrations that overlap, none of which has a VM twice."""
    group: list[PastMigration] = []
    until_s = -math.inf
    for one in sorted(past, key=lambda each: (each.start_s, each.vm)):
        if group and (one.start_s >= until_s or one.vm in {each.vm for each in group}):
            yield group
            group, until_s = [], -math.inf
        group.append(one)
        until_s = max(until_s, one.end_s)
    if group:
        yield group


def _replay(
    imported: Imported, group: Sequence[PastMigration], seed: int
) -> list[ReplayedMigration]:
    table = simulate(group_scenario(imported, group), seed).migrations
    last = table.drop_duplicates("vm", keep="last").set_index("vm")
    replayed = []
    for number, past in enumerate(group):
        outcome = str(last["outcome"].at[number])
        done = outcome == "completed"
        replayed.append(
            ReplayedMigration(
                vm=past.vm,
                source=past.source,
                target=past.target,
                at_once=len(group),
                measured_s=past.end_s - past.start_s,
                replayed_s=float(last["total_time_s"].to_dict()[number]) if done else None,
                outcome=outcome,
            )
        )
    return replayed


def group_scenario(imported: Imported, group: Sequence[PastMigration]) -> Scenario:
    """Return a scenario with the hosts and VMs of some past migrations, requested as they were.

    Limits on migrations at once are lifted: the starts are those that the limits gave then.
    """
    found = imported.inventory
    data: dict[str, Any] = imported.scenario.model_dump(exclude_unset=True)
    names = sorted({name for past in group for name in (past.source, past.target)})
    vms = {name: each for each in imported.scenario.vms for name in each.names}
    memory = sum(vms[past.vm].memory_bytes for past in group)
    speeds = [
        host.link_bps or 10e9 if (host := found.hosts.get(name)) is not None else 10e9
        for name in names
    ]
    start_s = min(past.start_s for past in group)
    sizes = [found.hosts[name].cpu_capacity for name in names if name in found.hosts]
    data |= {
        "topology": {"name": "racks", "hosts_per_rack": [len(names)], "host_bps": speeds},
        "rack_names": (),
        "hosts": [
            {
                "names": names,
                "cpu_capacity": max((size or 1.0 for size in sizes), default=64.0),
                "memory_bytes": 2 * memory,
            }
        ],
        "vms": [_vm(vms[past.vm].model_dump(exclude_unset=True), past) for past in group],
        "migrations": [
            {"at_s": past.start_s - start_s, "vm": number, "target": names.index(past.target)}
            for number, past in enumerate(group)
        ],
        "manager": {"max_per_cluster": "unlimited", "max_outbound_per_host": "unlimited"},
    }
    data["run"] = {**data["run"], "duration_s": LONGEST_S, "stop_when_idle": True}
    return Scenario.model_validate(data)


def _vm(group: dict[str, Any], past: PastMigration) -> dict[str, Any]:
    kept = {"cpu_capacity", "vcpus", "memory_bytes", "memory_used_bytes", "profile"}
    fields = {name: value for name, value in group.items() if name in kept}
    return {**fields, "names": [past.vm], "host": past.source}
