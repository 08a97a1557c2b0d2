"""The state of a cluster at any instant of a finished run, from its tables alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster_emu.building import cluster_graph
from cluster_emu.network import LinkTable
from cluster_emu.results.run_result import RunResult
from cluster_emu.scenario import Scenario, scenario_from
from cluster_emu.view.frame import ClusterFrame, RunningMove
from cluster_emu.view.rows import rows_of
from cluster_emu.view.timeline import under_way

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def busiest_instant_s(migrations: pd.DataFrame) -> float:
    """Return the middle of the longest interval with the most migrations running; 0 with none."""
    counts = under_way(migrations)
    if counts.max() <= 0:
        return 0.0
    begin = counts.index.to_numpy(dtype=np.float64)
    duration = np.append(np.diff(begin), 0.0)
    duration[counts.to_numpy() < counts.max()] = -1.0
    longest = int(duration.argmax())
    return float(begin[longest] + duration[longest] / 2)


def frame_at(result: RunResult, time_s: float) -> ClusterFrame:
    """Return the cluster's state at `time_s`.

    Places, migrations and routes are exact. CPU demand and which hosts are on are those of the last
    observation before; a migration's load is its mean over the round it is in.

    Args:
        result: the run.
        time_s: any instant of it.

    Raises:
        ClusterEmuError: if the scenario's topology cannot be built any more.
    """
    scenario = scenario_from(result.scenario)
    graph = cluster_graph(scenario)
    links = LinkTable.of(graph)
    observed_vms = _last_observation(result.tables["vms"], time_s, "vm")
    observed_hosts = _last_observation(result.tables["hosts"], time_s, "host")
    migrations = result.migrations
    open_end = migrations["end_s"].fillna(np.inf)
    running = migrations[(migrations["start_s"] <= time_s) & (open_end > time_s)]
    queued = migrations[(migrations["queued_s"] <= time_s) & (open_end > time_s)]
    moves, routes = _moves(running, links)
    place = _places(result, time_s)
    return ClusterFrame(
        time_s=time_s,
        graph=graph,
        utilisation=_utilisation(
            scenario,
            observed_vms,
            _per_vm(result, scenario, "cpu_capacity"),
            place,
            running,
            time_s,
        ),
        switched_on=observed_hosts["switched_on"].to_numpy(dtype=np.bool_)
        | np.isin(np.arange(scenario.host_count), running["target"]),
        host_memory_bytes=_per_host(scenario, "memory_bytes").astype(np.int64),
        vm_host=place,
        vm_memory_bytes=_per_vm(result, scenario, "memory_bytes").astype(np.int64),
        vm_queued=np.isin(np.arange(len(place)), queued["vm"]),
        link_source=links.source,
        link_target=links.target,
        link_capacity_bytes_per_s=links.capacity_bytes_per_s,
        link_load_bytes_per_s=_loads(result.rounds, running, routes, time_s, len(links)),
        moves=moves,
    )


def _last_observation(table: pd.DataFrame, time_s: float, key: str) -> pd.DataFrame:
    """Return the rows of the last instant of observation up to `time_s`, by `key`."""
    past = table[table["time_s"] <= max(time_s, float(table["time_s"].min()))]
    last: pd.DataFrame = past[past["time_s"] == past["time_s"].max()]
    return last.sort_values(key)


def _places(result: RunResult, time_s: float) -> Ints:
    """Return the host of every VM: where it was first seen, or where it resumed last."""
    vms = result.tables["vms"]
    if "lifecycle" in result.tables:
        return _places_of_the_living(result, vms, time_s)
    first = vms[vms["time_s"] == vms["time_s"].min()].sort_values("vm")
    place: Ints = first["host"].to_numpy(dtype=np.int64, copy=True)
    resumed = result.migrations[result.migrations["resume_s"] <= time_s]
    for row in rows_of(resumed.sort_values("resume_s")):
        place[row["vm"]] = row["target"]
    return place


def _places_of_the_living(result: RunResult, vms: pd.DataFrame, time_s: float) -> Ints:
    """Return the host of every VM where VMs come and go, -1 for one that is on none."""
    lives = result.tables["lifecycle"]
    there = (lives["placed_s"] <= time_s) & ~(lives["ended_s"] <= time_s)
    place = np.full(int(lives["vm"].max()) + 1 if len(lives) else 0, -1, dtype=np.int64)
    place[lives.loc[there, "vm"]] = lives.loc[there, "first_host"]
    observed = _last_observation(vms, time_s, "vm")
    seen = observed[np.isin(observed["vm"], lives.loc[there, "vm"])]
    place[seen["vm"]] = seen["host"]
    observed_s = float(observed["time_s"].max()) if len(observed) else -np.inf
    resumed = result.migrations[result.migrations["resume_s"].between(observed_s, time_s)]
    for row in rows_of(resumed.sort_values("resume_s")):
        if place[row["vm"]] >= 0:
            place[row["vm"]] = row["target"]
    return place


def _moves(
    running: pd.DataFrame, links: LinkTable
) -> tuple[tuple[RunningMove, ...], dict[int, tuple[int, ...]]]:
    rows = rows_of(running)
    routes = {int(row["migration"]): tuple(map(int, row["route"].split())) for row in rows}
    moves = tuple(
        RunningMove.along(row["vm"], row["source"], routes[row["migration"]], links) for row in rows
    )
    return moves, routes


def _loads(
    rounds: pd.DataFrame,
    running: pd.DataFrame,
    routes: dict[int, tuple[int, ...]],
    time_s: float,
    link_count: int,
) -> Floats:
    now = rounds[(rounds["start_s"] <= time_s) & (rounds["end_s"] > time_s)]
    load = np.zeros(link_count)
    for row in rows_of(now[now["migration"].isin(running["migration"])]):
        load[list(routes[row["migration"]])] += row["bytes"] / (row["end_s"] - row["start_s"])
    return load


def _utilisation(
    scenario: Scenario,
    observed: pd.DataFrame,
    vm_capacity: Floats,
    place: Ints,
    running: pd.DataFrame,
    time_s: float,
) -> Floats:
    """Return the share of each host's CPU that its VMs and migrations want, at most 1.

    A VM that is stopped wants nothing; how far one was slowed down at the time is not recorded.
    """
    wanted = np.zeros(len(place))
    seen = observed["vm"].to_numpy(dtype=np.int64)
    wanted[seen] = observed["demand"].to_numpy() * vm_capacity[seen]
    has_resumed = running["resume_s"] <= time_s
    wanted[running.loc[(running["pause_s"] <= time_s) & ~has_resumed, "vm"]] = 0.0
    there = place >= 0
    per_host = np.bincount(place[there], weights=wanted[there], minlength=scenario.host_count)
    np.add.at(per_host, running["source"], scenario.costs.source_cpu)
    np.add.at(per_host, running["target"], scenario.costs.target_cpu)
    used: Floats = np.minimum(per_host / _per_host(scenario, "cpu_capacity"), 1.0)
    return used


def _per_host(scenario: Scenario, field: str) -> Floats:
    return np.array([getattr(group, field) for group in scenario.hosts for _ in range(group.count)])


def _per_vm(result: RunResult, scenario: Scenario, field: str) -> Floats:
    lives = result.tables.get("lifecycle")
    if lives is not None:
        values = np.zeros(int(lives["vm"].max()) + 1 if len(lives) else 0)
        values[lives["vm"]] = lives[field]
        return values
    return np.array([getattr(group, field) for group in scenario.vms for _ in range(group.count)])
