"""The tables of a finished run as columns, sorted once, from which any instant is read at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class ObservedColumns:
    """What a table holds of every host, or every VM, at the instants of observation.

    Args:
        table: the rows, with `time_s` and the number.
        key: the column with the number.
        count: how many there are.

    Attributes:
        time_s: the instants of observation, ascending, [instants].
        count: how many there are.
    """

    def __init__(self, table: pd.DataFrame, key: str, count: int) -> None:
        time_s = table["time_s"].to_numpy(dtype=np.float64)
        self._order = None if (np.diff(time_s) >= 0).all() else np.argsort(time_s, kind="stable")
        self.time_s, first = np.unique(self.column(time_s), return_index=True)
        self._edges = [*first.tolist(), len(time_s)]
        self._number = self.column(table[key].to_numpy(dtype=np.int64))
        self.count = count

    def column(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return a column of the table in the order of time, as the methods below expect it."""
        return values if self._order is None else values[self._order]

    def at(self, time_s: float) -> int:
        """Return the number of the last instant until then; the first one before all."""
        return max(int(np.searchsorted(self.time_s, time_s, side="right")) - 1, 0)

    def row(self, column: NDArray[Any], instant: int, missing: Any = 0) -> NDArray[Any]:
        """Return what a column holds at an instant, [count]; `missing` where there is no row."""
        found = np.full(self.count, missing, dtype=column.dtype)
        if len(self.time_s):
            rows = slice(self._edges[instant], self._edges[instant + 1])
            found[self._number[rows]] = column[rows]
        return found

    def rows(self, column: NDArray[Any]) -> NDArray[Any]:
        """Return what a column holds at every instant, [instants, count]; 0 without a row."""
        every = np.zeros((len(self.time_s), self.count), dtype=column.dtype)
        instant = np.repeat(np.arange(len(self.time_s)), np.diff(self._edges))
        every[instant, self._number] = column
        return every


class HostColumns:
    """The table `hosts`; every array is [instants, hosts] but those that say otherwise.

    Args:
        hosts: the table.
        count: number of hosts.

    Attributes:
        observed: the instants.
        utilisation: share of the CPU in use.
        vm_count: VMs on it.
        power_w: power, in watts.
        switched_on: whether it is on.
        failed: whether it has crashed and is not repaired.
        energy_kwh: energy of all hosts so far, [instants].
    """

    def __init__(self, hosts: pd.DataFrame, count: int) -> None:
        self.observed = observed = ObservedColumns(hosts, "host", count)

        def every(name: str, kind: type[np.generic]) -> NDArray[Any]:
            return observed.rows(observed.column(hosts[name].to_numpy(dtype=kind)))

        self.utilisation = every("utilisation", np.float32)
        self.vm_count = every("vm_count", np.int32)
        self.power_w = every("power_w", np.float32)
        self.switched_on = every("switched_on", np.bool_)
        self.failed = (
            every("failed", np.bool_) if "failed" in hosts else np.zeros_like(self.switched_on)
        )
        energy = hosts.groupby("time_s", sort=True)["energy_kwh"].sum()
        self.energy_kwh: Floats = energy.to_numpy(dtype=np.float64)


class VMColumns:
    """The table `vms`, and where every VM is.

    Args:
        vms: the table.
        migrations: the migrations.
        lives: the table `lifecycle`, None in a run whose VMs stay.
        count: number of VMs.

    Attributes:
        observed: the instants.
    """

    def __init__(
        self,
        vms: pd.DataFrame,
        migrations: MigrationColumns,
        lives: pd.DataFrame | None,
        count: int,
    ) -> None:
        self.observed = observed = ObservedColumns(vms, "vm", count)
        self._demand = observed.column(vms["demand"].to_numpy(dtype=np.float64))
        self._host = observed.column(vms["host"].to_numpy(dtype=np.int64))
        running = _flags(vms, "running", otherwise=True)
        self._down = observed.column(~running)
        self._lost = observed.column(_flags(vms, "lost", otherwise=False))
        ends = np.flatnonzero(~np.isnan(migrations.resume_s))
        ends = ends[np.argsort(migrations.resume_s[ends], kind="stable")]
        self._resume_s = migrations.resume_s[ends]
        self._moved, self._target = migrations.vm[ends], migrations.target[ends]
        self._lives = lives

    def demand(self, instant: int) -> Floats:
        """Return the share of its CPU that each VM wants, 0 for one that is not there, [vms]."""
        return self.observed.row(self._demand, instant, 0.0)

    def down(self, instant: int) -> Bools:
        """Return which VMs are down or lost, [vms]."""
        return self.observed.row(self._down, instant, False)

    def lost(self, instant: int) -> Bools:
        """Return which VMs are lost for the rest of the run, [vms]."""
        return self.observed.row(self._lost, instant, False)

    def place(self, time_s: float) -> Ints:
        """Return the host of every VM, -1 for one that is on none, [vms].

        It is the host at the last observation, or the target of a migration that has resumed since.
        """
        instant = self.observed.at(time_s)
        place: Ints = self.observed.row(self._host, instant, -1)
        if self._lives is not None:
            self._come_and_go(place, time_s)
        since_s = self.observed.time_s[instant] if len(self.observed.time_s) else -math.inf
        begin, end = np.searchsorted(self._resume_s, (since_s, time_s), side="right")
        moved = self._moved[begin:end]  # of a VM that has moved twice, the last move counts
        there = place[moved] >= 0
        place[moved[there]] = self._target[begin:end][there]
        return place

    def _come_and_go(self, place: Ints, time_s: float) -> None:
        assert self._lives is not None
        lives = self._lives
        number = lives["vm"].to_numpy(dtype=np.int64)
        is_there = (lives["placed_s"] <= time_s) & ~(lives["ended_s"] <= time_s)
        there = is_there.to_numpy(dtype=np.bool_)
        first = lives["first_host"].to_numpy(dtype=np.int64)
        place[number[~there]] = -1
        new = there & (place[number] < 0)
        place[number[new]] = first[new]


class MigrationColumns:
    """Who migrates, and when: the table `migrations`; every array is [migrations], by number.

    Args:
        migrations: the table; its migrations are numbered from 0.

    Attributes:
        vm: the VM.
        source: the host it leaves.
        target: its target host.
        queued_s: when it was requested.
        start_s: its first byte, NaN if it never began.
        pause_s: the begin of its downtime, NaN if it had none.
        resume_s: the end of its downtime, NaN if it had none.
        end_s: its end, infinite if the run ended before.
        routes: numbers of the links it takes, one array each.
    """

    def __init__(self, migrations: pd.DataFrame) -> None:
        ordered = migrations.sort_values("migration", kind="stable")
        self.vm, self.source, self.target = (
            ordered[name].to_numpy(dtype=np.int64) for name in ("vm", "source", "target")
        )
        self.queued_s, self.start_s, self.pause_s, self.resume_s, end_s = (
            ordered[name].to_numpy(dtype=np.float64, na_value=math.nan)
            for name in ("queued_s", "start_s", "pause_s", "resume_s", "end_s")
        )
        self.end_s = np.nan_to_num(end_s, nan=math.inf)
        self.routes = [
            np.array([int(link) for link in text.split()], dtype=np.int64)
            for text in ordered["route"].fillna("")
        ]

    def __len__(self) -> int:
        """Return how many there are in the whole run."""
        return len(self.vm)

    def under_way(self, time_s: float) -> Ints:
        """Return the numbers of those that are requested and have not ended, ascending."""
        return np.flatnonzero((self.queued_s <= time_s) & (self.end_s > time_s))

    def queued(self, time_s: float) -> Ints:
        """Return the numbers of those that are requested and have not begun or ended, ascending."""
        numbers = self.under_way(time_s)
        return numbers[~(self.start_s[numbers] <= time_s)]

    def sending(self, time_s: float) -> Ints:
        """Return the numbers of those that have begun and have not ended, ascending."""
        return np.flatnonzero((self.start_s <= time_s) & (self.end_s > time_s))

    def is_stopped(self, numbers: Ints, time_s: float) -> Bools:
        """Return in which of these the VM is paused, in its downtime."""
        paused: Bools = self.pause_s[numbers] <= time_s
        return paused & ~(self.resume_s[numbers] <= time_s)


class LinkColumns:
    """What migrations carry on the links, by their rounds.

    Args:
        rounds: the table of that name.
        routes: the links of each migration, by number.
        links: number of links.
    """

    def __init__(self, rounds: pd.DataFrame, routes: Sequence[Ints], links: int) -> None:
        ordered = rounds.sort_values(["migration", "start_s"], kind="stable")
        self.migration = ordered["migration"].to_numpy(dtype=np.int64)
        self.start_s = ordered["start_s"].to_numpy(dtype=np.float64)
        self.end_s = ordered["end_s"].to_numpy(dtype=np.float64)
        self.bytes = ordered["bytes"].to_numpy(dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = self.bytes / (self.end_s - self.start_s)
        self.rate: Floats = np.where(self.end_s > self.start_s, rate, 0.0)
        self._first = np.searchsorted(self.migration, np.arange(len(routes) + 1))
        self._routes = routes
        self._links = links

    def rate_of(self, number: int, time_s: float) -> float:
        """Return the mean rate of the round in which a migration is, byte/s; 0 between rounds."""
        row = self._row_at(number, time_s)
        return float(self.rate[row]) if row >= 0 and self.end_s[row] > time_s else 0.0

    def sent_bytes(self, number: int, time_s: float) -> float:
        """Return what a migration has sent until then."""
        row = self._row_at(number, time_s)
        if row < 0:
            return 0.0
        whole = float(self.bytes[self._first[number] : row].sum())
        part_s = min(time_s, float(self.end_s[row])) - float(self.start_s[row])
        is_over = time_s >= self.end_s[row]
        return whole + (float(self.bytes[row]) if is_over else float(self.rate[row]) * part_s)

    def rounds_by_link(self) -> dict[int, Ints]:
        """Return the rows of `rate`, `start_s` and `end_s` whose bytes each link carries."""
        rows_of: dict[int, list[Ints]] = {}
        for number, route in enumerate(self._routes):
            rows = np.arange(self._first[number], self._first[number + 1])
            for link in route.tolist() if len(rows) else []:
                rows_of.setdefault(link, []).append(rows)
        return {link: np.concatenate(rows) for link, rows in rows_of.items()}

    def load(self, numbers: Sequence[int], rates: Sequence[float]) -> Floats:
        """Return what the links carry, byte/s, [links]."""
        load = np.zeros(self._links)
        for number, rate in zip(numbers, rates, strict=True):
            load[self._routes[number]] += rate
        return load

    def _row_at(self, number: int, time_s: float) -> int:
        """Return the last row of a migration that has begun, -1 without one."""
        begin, end = self._first[number : number + 2].tolist()
        row = begin + int(np.searchsorted(self.start_s[begin:end], time_s, side="right")) - 1
        return row if row >= begin else -1


def _flags(table: pd.DataFrame, name: str, otherwise: bool) -> Bools:
    if name not in table:
        return np.full(len(table), otherwise)
    return table[name].to_numpy(dtype=np.bool_)
