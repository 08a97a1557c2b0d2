"""The tables of a finished run as columns, from which any instant is read at once.

`cluster_emu.view.frame_at` gives the same instant from the tables alone. It searches all of them
for each instant; here they are sorted once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster_emu.live.source import HostFlag, VMState

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class ObservedColumns:
    """What a table holds of every host, or every VM, at the instants of observation.

    Args:
        table: the rows, with `time_s` and the number.
        key: the column with the number.
        count: how many there are.
    """

    def __init__(self, table: pd.DataFrame, key: str, count: int) -> None:
        self.time_s, self._instant = np.unique(
            table["time_s"].to_numpy(dtype=np.float64), return_inverse=True
        )
        self._number = table[key].to_numpy(dtype=np.int64)
        self._shape = len(self.time_s), count

    def of(self, values: NDArray[Any] | pd.Series, missing: Any = 0) -> NDArray[Any]:
        """Return a column as an array, [instants, count]; `missing` where there is no row."""
        column = np.asarray(values)
        array = np.full(self._shape, missing, dtype=column.dtype)
        array[self._instant, self._number] = column
        return array

    def at(self, time_s: float) -> int:
        """Return the number of the last instant until then; the first one before all."""
        return max(int(np.searchsorted(self.time_s, time_s, side="right")) - 1, 0)


class HostColumns:
    """The table `hosts`.

    Args:
        hosts: the table.
        count: number of hosts.
    """

    def __init__(self, hosts: pd.DataFrame, count: int) -> None:
        self.observed = ObservedColumns(hosts, "host", count)
        self.utilisation = self.observed.of(hosts["utilisation"].to_numpy(dtype=np.float32))
        self.vm_count = self.observed.of(hosts["vm_count"].to_numpy(dtype=np.int32))
        self.power_w = self.observed.of(hosts["power_w"].to_numpy(dtype=np.float32))
        flags = hosts["switched_on"].to_numpy(dtype=np.uint8) * np.uint8(HostFlag.ON)
        if "failed" in hosts:
            flags |= hosts["failed"].to_numpy(dtype=np.uint8) * np.uint8(HostFlag.FAILED)
        self.flags = self.observed.of(flags)
        energy = hosts.groupby("time_s", sort=True)["energy_kwh"].sum()
        self.energy_kwh = energy.to_numpy(dtype=np.float64)

    def is_on(self, instant: int) -> NDArray[np.bool_]:
        """Return which hosts are on at an instant of observation."""
        on: NDArray[np.bool_] = (self.flags[instant] & HostFlag.ON) > 0
        return on


class VMColumns:
    """The table `vms`, and where every VM is.

    Args:
        vms: the table.
        migrations: the table of that name.
        lives: the table `lifecycle`, None in a run whose VMs stay.
        count: number of VMs.
    """

    def __init__(
        self, vms: pd.DataFrame, migrations: pd.DataFrame, lives: pd.DataFrame | None, count: int
    ) -> None:
        self.observed = observed = ObservedColumns(vms, "vm", count)
        self.demand = observed.of(vms["demand"].to_numpy(dtype=np.float32))
        self.host = observed.of(vms["host"].to_numpy(dtype=np.int32), -1)
        state = np.full(len(vms), VMState.RUNNING, dtype=np.uint8)
        if "running" in vms:
            state[~vms["running"].to_numpy(dtype=np.bool_)] = VMState.DOWN
        if "lost" in vms:
            state[vms["lost"].to_numpy(dtype=np.bool_)] = VMState.LOST
        self.state = observed.of(state, VMState.ABSENT)
        resumed = migrations[migrations["resume_s"].notna()].sort_values("resume_s", kind="stable")
        self._resume_s = resumed["resume_s"].to_numpy(dtype=np.float64)
        self._moved = resumed["vm"].to_numpy(dtype=np.int64)
        self._target = resumed["target"].to_numpy(dtype=np.int32)
        self._lives = lives

    def place(self, time_s: float) -> NDArray[np.int32]:
        """Return the host of every VM, -1 for one that is on none, [vms]."""
        instant = self.observed.at(time_s)
        place: NDArray[np.int32] = self.host[instant].copy()
        if self._lives is not None:
            self._come_and_go(place, time_s)
        since_s = self.observed.time_s[instant] if len(self.observed.time_s) else 0.0
        begin, end = np.searchsorted(self._resume_s, (since_s, time_s), side="right")
        moved = self._moved[begin:end]  # of a VM that has moved twice, the last move counts
        there = place[moved] >= 0
        place[moved[there]] = self._target[begin:end][there]
        return place

    def _come_and_go(self, place: NDArray[np.int32], time_s: float) -> None:
        assert self._lives is not None
        lives = self._lives
        number = lives["vm"].to_numpy(dtype=np.int64)
        is_there = (lives["placed_s"] <= time_s) & ~(lives["ended_s"] <= time_s)
        there = is_there.to_numpy(dtype=np.bool_)
        first = lives["first_host"].to_numpy(dtype=np.int32)
        place[number[~there]] = -1
        new = there & (place[number] < 0)
        place[number[new]] = first[new]


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


def routes_of(migrations: pd.DataFrame) -> list[Ints]:
    """Return the links of each migration, by number."""
    routes: list[Ints] = [np.empty(0, dtype=np.int64)] * (
        int(migrations["migration"].max()) + 1 if len(migrations) else 0
    )
    for number, text in zip(migrations["migration"], migrations["route"].fillna(""), strict=True):
        routes[number] = np.array([int(link) for link in text.split()], dtype=np.int64)
    return routes
