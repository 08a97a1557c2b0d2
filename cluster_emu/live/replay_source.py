"""A finished run as a source of frames: any instant at once, forwards and backwards."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cluster_emu.building import cluster_graph
from cluster_emu.errors import RequestRefusedError
from cluster_emu.live.frames import Frame, ToldArrays, as_bytes
from cluster_emu.live.link_outages import LinkOutages, outages_again
from cluster_emu.live.migration_book import TableBook
from cluster_emu.live.moves import PLACE, progress
from cluster_emu.live.panels import panel_data
from cluster_emu.live.recomputed import RecomputedRun
from cluster_emu.live.replay_columns import (
    HostColumns,
    LinkColumns,
    VMColumns,
    routes_of,
)
from cluster_emu.live.replay_details import details, find
from cluster_emu.live.source import Document, FrameSource, HostFlag, Kind, Step, VMState
from cluster_emu.live.topology import fixed_parts
from cluster_emu.network import LinkTable
from cluster_emu.observation.finished_run import FinishedRun, read_finished_run, title_of
from cluster_emu.scenario import scenario_from
from cluster_emu.shown_text import visible
from cluster_emu.transfer.records import NOTHING_SENT, Phase

KIND = "replay"
NO_OUTAGES = (
    "Links that a fault cuts or slows are drawn as healthy: the faults of this run are not stored, "
    "or are not those of its scenario and seed."
)
MOST_EVENTS = 40
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReplayFactory:
    """Reads the folder of a finished run, in the process of the session.

    Args:
        folder: the folder.
        cell: which cell of a study; None for the folder of a run or drain.
        title: what the page calls it.
    """

    folder: Path
    cell: str | None
    title: str

    @classmethod
    def of(cls, folder: Path, cell: str | None = None) -> ReplayFactory:
        """Return the factory of a folder, after a look whether it holds a run.

        Nothing is computed for it: the session does that.

        Raises:
            ClusterEmuError: if it does not, naming the file and what is expected.
        """
        if cell is None:
            return cls(folder, cell, title_of(folder))
        from cluster_emu.study.finished_cell import stored_cell  # studies take time to load

        return cls(folder, cell, stored_cell(folder, cell).title)

    def describe(self) -> Document:
        """Return title and kind; a replay has nothing to set."""
        return {
            "kind": KIND,
            "title": visible(self.title),
            "description": f"replay of {visible(str(self.folder))}",
            "controls": [],
        }

    def lanes(self, settings: Mapping[str, str]) -> Sequence[FrameSource]:
        """Return one lane, the run."""
        return [ReplaySource(self.run())]

    def run(self) -> FinishedRun:
        """Read the run, or compute it: a cell and a drain are not stored as a whole."""
        if self.cell is None:
            return read_finished_run(self.folder)
        from cluster_emu.study.finished_cell import read_finished_cell  # studies take time to load

        return read_finished_cell(self.folder, self.cell)


class ReplaySource:
    """The frames of a finished run.

    Places, migrations and routes are exact. CPU demand and which hosts are on are those of the last
    observation before; the load of a migration is the mean of its round (as `view.frame_at`).

    Args:
        run: the run.

    Attributes:
        run: the run, which panels may read.
        book: its migrations until now.
        link_outages: what faults leave of its links.
    """

    def __init__(self, run: FinishedRun) -> None:
        self.spec = scenario_from(run.result.scenario)
        self.graph = cluster_graph(self.spec)
        self.links = LinkTable.of(self.graph)
        tables = run.result.tables
        outages = outages_again(tables.get("faults"), self.spec, self.graph, self.links, run.seed)
        self.link_outages = LinkOutages(outages or [], len(self.links))
        self.run = run if outages is not None else replace(run, notices=(*run.notices, NO_OUTAGES))
        migrations, lives = run.result.migrations, tables.get("lifecycle")
        self.host_count = self.spec.host_count
        self.hosts = HostColumns(tables["hosts"], self.host_count)
        numbers = [tables["vms"]["vm"].max()] + ([] if lives is None else [lives["vm"].max()])
        self.vm_count = int(np.nanmax([-1, *numbers])) + 1
        self.vms = VMColumns(tables["vms"], migrations, lives, self.vm_count)
        self._vm_memory_bytes = self._per_vm("memory_bytes").astype(np.int64)
        self._vm_capacity = self._per_vm("cpu_capacity")
        self._host_capacity = self._per_host("cpu_capacity")
        self.routes = routes_of(migrations)
        self.traffic = LinkColumns(run.result.rounds, self.routes, len(self.links))
        self.book = TableBook(migrations, run.result.rounds, lambda: self._now_s)
        self._completed_s = np.sort(
            migrations.loc[migrations["outcome"] == Phase.COMPLETED.value, "end_s"].dropna()
        )
        self._ended = np.argsort(self.book.end_s, kind="stable")
        self._ended_s = self.book.end_s[self._ended]
        self._round_ends = np.sort(run.result.rounds["end_s"].to_numpy(dtype=np.float64))
        self._starts = np.sort(self.book.start_s[~np.isnan(self.book.start_s)])
        ends = [self.hosts.observed.time_s[-1], *self._round_ends[-1:]]
        self._end_s = float(max([*ends, *self._ended_s[np.isfinite(self._ended_s)][-1:]]))
        self._now_s = 0.0
        self._told = ToldArrays()
        self._told_until_s = -math.inf
        self._again: RecomputedRun | None = None
        self._kept: dict[str, Any] = {}

    # --- time -------------------------------------------------------------------------------------

    @property
    def now_s(self) -> float:
        """The instant that is shown."""
        return self._now_s

    @property
    def duration_s(self) -> float:
        """When the run ended."""
        return self._end_s

    @property
    def tick_s(self) -> float:
        """Length of a tick."""
        return self.spec.run.tick_s

    @property
    def earliest_s(self) -> float:
        """A replay goes back to the start."""
        return 0.0

    @property
    def is_over(self) -> bool:
        """Whether the end is shown."""
        return self._now_s >= self._end_s

    def advance(self, until_s: float) -> None:
        """Show a later instant."""
        self._now_s = min(max(until_s, self._now_s), self._end_s)

    def seek(self, time_s: float) -> None:
        """Show any instant."""
        if not time_s >= 0:
            raise RequestRefusedError(f"time_s = {time_s!r}: allowed is a time >= 0")
        self._told_until_s = min(self._told_until_s, time_s)
        self._now_s = min(time_s, self._end_s)

    def next_event_s(self) -> float:
        """Return the end of the next round, the next first byte, or the next tick."""
        tick_s = self.tick_s
        times = [(math.floor(self._now_s / tick_s * (1 + 1e-12)) + 1) * tick_s, self._end_s]
        for sorted_s in (self._round_ends, self._starts):
            place = int(np.searchsorted(sorted_s, self._now_s, side="right"))
            times += sorted_s[place : place + 1].tolist()
        return float(min(times))

    def count(self, step: Step) -> int:
        """Return how many ticks, rounds or begun migrations there have been until now."""
        if step == "tick":
            return int(self._now_s / self.tick_s * (1 + 1e-12))
        sorted_s = self._round_ends if step == "round" else self._starts
        return int(np.searchsorted(sorted_s, self._now_s, side="right"))

    # --- what there is ----------------------------------------------------------------------------

    def topology(self) -> Document:
        """Return what does not change; see `FrameSource.topology`."""
        spec, links = self.spec, self.links
        return {
            **fixed_parts(spec, self.graph, links),
            "seed": self.run.seed,
            "duration_s": self.duration_s,
            "tick_s": self.tick_s,
            "can_act": False,
            "host_count": self.host_count,
            "vm_count": self.vm_count,
            "host_memory_bytes": self._per_host("memory_bytes").astype(np.int64).tolist(),
            "vm_memory_bytes": self._vm_memory_bytes.tolist(),
            "vm_names": [visible(name) for name in spec.names.vms],
            "assumptions": [*self.run.result.assumptions, *self.run.notices],
        }

    def keyframe(self) -> None:
        """Let the next frame have all arrays."""
        self._told.forget()

    def frame(self) -> Frame:
        """Return this instant; see `FrameSource.frame`."""
        now_s, book = self._now_s, self.book
        under_way = book.under_way()
        rows = {int(number): book.row(number) for number in under_way.tolist()}
        moving = [number for number, row in rows.items() if row["state"] not in NOTHING_SENT]
        rates = [self.traffic.rate_of(number, now_s) for number in moving]
        place = self.vms.place(now_s)
        instant = self.hosts.observed.at(now_s)
        flags = self.hosts.flags[instant].copy()
        targets = [rows[number]["target"] for number in moving]
        flags[targets] |= np.uint8(HostFlag.ON)
        load = self._utilisation(place, [rows[number] for number in moving])
        moves = self._moves(rows, moving, rates)
        arrays: dict[str, NDArray[Any]] = {
            "host_load": as_bytes(load),
            "host_flags": flags,
            "link_load": self.traffic.load(moving, rates).astype(np.float32),
            **moves,
        }
        vm_instant = self.vms.observed.at(now_s)
        states = self.vms.state[vm_instant].copy()
        states[[rows[number]["vm"] for number in rows]] = VMState.QUEUED
        states[moves["move_vm"]] = VMState.MIGRATING
        states[place < 0] = VMState.ABSENT
        arrays |= self._told.changed(
            {
                "vm_host": place.astype(np.int32),
                "vm_state": states,
                "vm_demand": as_bytes(self.vms.demand[vm_instant]),
                "link_state": as_bytes(self.link_outages.share(now_s)),
            }
        )
        is_on = (flags & HostFlag.ON) > 0
        ended = int(np.searchsorted(self._ended_s, now_s, side="right"))
        events = self._events()
        header = {
            "time_s": now_s,
            "over": self.is_over,
            "hosts_on": int(is_on.sum()),
            "power_w": float(self.hosts.power_w[instant].sum()),
            "energy_kwh": float(self.hosts.energy_kwh[instant]),
            "utilisation": float(load[is_on].mean()) if is_on.any() else 0.0,
            "running": len(moving),
            "queued": len(rows) - len(moving),
            "ended": ended,
            "completed": int(np.searchsorted(self._completed_s, now_s, side="right")),
            "sent_bytes": self._sent_bytes(moving, ended),
            "rate": float(sum(rates)),
            "steps": self.count("tick"),
            "rounds": self.count("round"),
            "events": events[-MOST_EVENTS:],
            "events_left_out": max(len(events) - MOST_EVENTS, 0),
        }
        return Frame(header, arrays)

    def _moves(
        self, rows: Mapping[int, Mapping[str, Any]], moving: Sequence[int], rates: Sequence[float]
    ) -> dict[str, NDArray[Any]]:
        routes = [self.routes[number] for number in moving]
        starts = np.zeros(len(moving) + 1, dtype=np.int32)
        np.cumsum([len(route) for route in routes], out=starts[1:])
        shares = []
        for number in moving:
            row = rows[number]
            memory = float(self._vm_memory_bytes[row["vm"]])
            sent = self.traffic.sent_bytes(number, self._now_s)
            shares.append(progress(row["state"], sent / memory if memory else 1.0))
        columns = {name: [rows[number][name] for number in moving] for name in _WHO}
        return {
            "move_number": np.array(moving, dtype=np.int32),
            **{f"move_{name}": np.array(columns[name], dtype=np.int32) for name in _WHO},
            "move_phase": np.array([PLACE[rows[n]["state"]] for n in moving], dtype=np.uint8),
            "move_progress": np.array(shares, dtype=np.float32),
            "move_rate": np.array(rates, dtype=np.float32),
            "move_route_start": starts,
            "move_route": np.concatenate([np.empty(0, np.int32), *routes]).astype(np.int32),
        }

    def _utilisation(
        self, place: NDArray[np.int32], moving: Sequence[Mapping[str, Any]]
    ) -> NDArray[np.float64]:
        """Return the share of each host's CPU that its VMs and migrations want, at most 1."""
        demand = self.vms.demand[self.vms.observed.at(self._now_s)]
        wanted = demand.astype(np.float64) * self._vm_capacity
        stopped = [row["vm"] for row in moving if row["state"] == Phase.STOP_AND_COPY]
        wanted[stopped] = 0.0
        there = place >= 0
        per_host = np.bincount(place[there], wanted[there], self.host_count)
        costs = self.spec.costs
        np.add.at(per_host, [row["source"] for row in moving], costs.source_cpu)
        np.add.at(per_host, [row["target"] for row in moving], costs.target_cpu)
        used: NDArray[np.float64] = np.minimum(per_host / self._host_capacity, 1.0)
        return used

    def _sent_bytes(self, moving: Sequence[int], ended: int) -> float:
        """Return the bytes of all migrations until now."""
        done = self._ended[:ended]
        bytes_of = self.run.result.migrations["bytes"].to_numpy(dtype=np.float64)
        under_way = (self.traffic.sent_bytes(number, self._now_s) for number in moving)
        return float(bytes_of[done].sum()) + sum(under_way)

    def _events(self) -> list[Document]:
        """Return what has ended since the last frame; the notices with the first one."""
        events: list[Document] = []
        if self._told_until_s == -math.inf:
            tone = "failed" if self.run.differs else "act"
            events += [self._event(0.0, tone, notice) for notice in self.run.notices]
        begin, end = np.searchsorted(self._ended_s, (self._told_until_s, self._now_s), side="right")
        self._told_until_s = max(self._now_s, self._told_until_s)
        for number in self._ended[begin:end].tolist():
            row = self.book.row(number)
            good = row["state"] == Phase.COMPLETED
            text = f"{visible(self.spec.names.vm(row['vm']))}: {row['state']}"
            if good:
                total_s, down_s = row["end_s"] - row["start_s"], row["resume_s"] - row["pause_s"]
                text += f", {total_s:.3g} s, downtime {1000 * down_s:.0f} ms"
            event = self._event(row["end_s"], "done" if good else "failed", text)
            events.append({**event, "kind": "migration", "number": number})
        return events

    def _event(self, time_s: float, tone: str, text: str) -> Document:
        return {"time_s": time_s, "tone": tone, "text": text, "kind": "", "number": -1}

    def _per_host(self, field: str) -> NDArray[np.float64]:
        groups = self.spec.hosts
        return np.array([getattr(group, field) for group in groups for _ in range(group.count)])

    def _per_vm(self, field: str) -> NDArray[np.float64]:
        lives = self.run.result.tables.get("lifecycle")
        if lives is None:
            groups = self.spec.vms
            return np.array([getattr(one, field) for one in groups for _ in range(one.count)])
        values = np.zeros(self.vm_count)
        values[lives["vm"]] = lives[field]
        return values

    def vm_memory_bytes(self, vm: int) -> int:
        """Return the memory of a VM."""
        return int(self._vm_memory_bytes[vm])

    def kept(self, name: str, make: Callable[[], T]) -> T:
        """Return what was made once under a name."""
        if name not in self._kept:
            self._kept[name] = make()
        found: T = self._kept[name]
        return found

    # --- what the run did not store ---------------------------------------------------------------

    def computed_again(self) -> RecomputedRun:
        """Return the run computed again, which follows the instant that is shown.

        Raises:
            RequestRefusedError: if it cannot be computed again.
        """
        if self._again is None:
            if self.run.scenario is None:
                raise RequestRefusedError(f"the run cannot be computed again: {self.run.why_not}")
            rounds = self.run.result.rounds
            self._again = RecomputedRun(self.run.scenario, self.run.seed, rounds, self._end_s)
        return self._again

    # --- questions --------------------------------------------------------------------------------

    def details(self, kind: Kind, number: int) -> Document:
        """Return what the page shows of a thing; see `FrameSource.details`."""
        return details(self, kind, number)

    def search(self, text: str) -> list[Document]:
        """Return what a text finds."""
        return find(self, text)

    def panel(self, name: str, arguments: Mapping[str, Any]) -> Document:
        """Return the data of a panel."""
        return panel_data.answer(KIND, name, self, arguments)

    def act(self, action: Mapping[str, Any]) -> str:
        """Refuse: a finished run does not change."""
        raise RequestRefusedError("a finished run does not change; open its scenario instead")

    def close(self) -> None:
        """Let go of the model that computes the run again."""
        if self._again is not None:
            self._again.close()


_WHO = ("vm", "source", "target")
