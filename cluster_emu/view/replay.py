"""The state of a cluster at any instant of a finished run, from its tables alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster_emu.building import cluster_graph
from cluster_emu.network import LinkTable
from cluster_emu.results.rows import rows_of
from cluster_emu.results.run_result import RunResult
from cluster_emu.scenario import Scenario, scenario_from
from cluster_emu.view.frame import ClusterFrame, RunningMove
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
    """Return the cluster's state at `time_s`; for many instants of one run see `Replay`.

    Places, migrations and routes are exact. CPU demand and which hosts are on are those of the last
    observation before; a migration's load is its mean over the round it is in.

    Args:
        result: the run.
        time_s: any instant of it.

    Raises:
        ClusterEmuError: if the scenario's topology cannot be built any more.
    """
    return Replay(result).frame(time_s)


class Replay:
    """A finished run from which the state at any instant can be had, one after the other.

    Args:
        result: the run.

    Raises:
        ClusterEmuError: if the scenario's topology cannot be built any more.
    """

    def __init__(self, result: RunResult) -> None:
        self._result = result
        self._scenario = scenario_from(result.scenario)
        self._graph = cluster_graph(self._scenario)
        self._links = LinkTable.of(self._graph)
        self._hosts = _Observations(result.tables["hosts"], "host")
        self._vms = _Observations(result.tables["vms"], "vm")
        self._host_memory_bytes = _per_host(self._scenario, "memory_bytes").astype(np.int64)
        self._vm_memory_bytes = _per_vm(result, self._scenario, "memory_bytes").astype(np.int64)
        self._vm_capacity = _per_vm(result, self._scenario, "cpu_capacity")
        self._resumes = result.migrations.dropna(subset=["resume_s"]).sort_values(
            "resume_s", kind="stable"
        )

    @property
    def end_s(self) -> float:
        """The last instant that is known of."""
        observed_s = self._result.tables["hosts"]["time_s"].max()
        return float(np.nanmax([self._result.migrations["end_s"].max(), observed_s]))

    def frame(self, time_s: float) -> ClusterFrame:
        """Return the cluster's state at `time_s`."""
        scenario, links, migrations = self._scenario, self._links, self._result.migrations
        open_end = migrations["end_s"].fillna(np.inf)
        running = migrations[(migrations["start_s"] <= time_s) & (open_end > time_s)]
        queued = migrations[(migrations["queued_s"] <= time_s) & (open_end > time_s)]
        moves, routes = _moves(running, links)
        place = self._places(time_s)
        return ClusterFrame(
            time_s=time_s,
            graph=self._graph,
            utilisation=_utilisation(
                scenario, self._vms.last(time_s), self._vm_capacity, place, running, time_s
            ),
            switched_on=self._hosts.last(time_s)["switched_on"].to_numpy(dtype=np.bool_)
            | np.isin(np.arange(scenario.host_count), running["target"]),
            host_memory_bytes=self._host_memory_bytes,
            vm_host=place,
            vm_memory_bytes=self._vm_memory_bytes,
            vm_queued=np.isin(np.arange(len(place)), queued["vm"]),
            link_source=links.source,
            link_target=links.target,
            link_capacity_bytes_per_s=links.capacity_bytes_per_s,
            link_load_bytes_per_s=_loads(self._result.rounds, running, routes, time_s, len(links)),
            moves=moves,
        )

    def _places(self, time_s: float) -> Ints:
        """Return the host of every VM: where it was first seen, or where it resumed last."""
        if "lifecycle" in self._result.tables:
            return self._places_of_the_living(time_s)
        place: Ints = self._vms.last(-np.inf)["host"].to_numpy(dtype=np.int64, copy=True)
        resumed = self._resumes[self._resumes["resume_s"] <= time_s]
        place[resumed["vm"]] = resumed["target"]  # of a VM that moved twice the last one counts
        return place

    def _places_of_the_living(self, time_s: float) -> Ints:
        """Return the host of every VM where VMs come and go, -1 for one that is on none."""
        lives = self._result.tables["lifecycle"]
        there = (lives["placed_s"] <= time_s) & ~(lives["ended_s"] <= time_s)
        place = np.full(int(lives["vm"].max()) + 1 if len(lives) else 0, -1, dtype=np.int64)
        place[lives.loc[there, "vm"]] = lives.loc[there, "first_host"]
        observed = self._vms.last(time_s)
        seen = observed[np.isin(observed["vm"], lives.loc[there, "vm"])]
        place[seen["vm"]] = seen["host"]
        observed_s = float(observed["time_s"].max()) if len(observed) else -np.inf
        resumed = self._resumes[self._resumes["resume_s"].between(observed_s, time_s)]
        alive = resumed[place[resumed["vm"]] >= 0]
        place[alive["vm"]] = alive["target"]
        return place


class _Observations:
    """A table of what was observed at instants, from which one instant can be had quickly.

    Args:
        table: the table, with a column `time_s`.
        key: the column by which the rows of an instant are sorted.
    """

    def __init__(self, table: pd.DataFrame, key: str) -> None:
        self._table = table.sort_values(["time_s", key], kind="stable")
        self._times, self._first = np.unique(self._table["time_s"], return_index=True)

    def last(self, time_s: float) -> pd.DataFrame:
        """Return the rows of the last instant up to `time_s`, or of the first one before it."""
        if not len(self._times):
            return self._table
        at = max(int(np.searchsorted(self._times, time_s, side="right")) - 1, 0)
        until = self._first[at + 1] if at + 1 < len(self._first) else len(self._table)
        return self._table.iloc[self._first[at] : until]


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
