"""A finished run as a source of frames: any instant at once, forwards and backwards."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cluster_emu.errors import RequestRefusedError
from cluster_emu.live.frames import Frame, ToldArrays, as_bytes
from cluster_emu.live.link_outages import LinkOutages, outages_again
from cluster_emu.live.migration_book import TableBook
from cluster_emu.live.moves import PLACE, progress
from cluster_emu.live.panels import panel_data
from cluster_emu.live.recomputed import RecomputedRun
from cluster_emu.live.replay_details import details, find
from cluster_emu.live.source import Document, FrameSource, HostFlag, Kind, Step, VMState
from cluster_emu.live.topology import fixed_parts
from cluster_emu.observation.finished_run import (
    FinishedRun,
    is_computed,
    read_finished_run,
    title_of,
)
from cluster_emu.observation.run_states import RunState, RunStates
from cluster_emu.shown_text import visible
from cluster_emu.transfer.records import Phase

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

    @property
    def computes(self) -> bool:
        """Whether `run` computes: a cell and a drain are not stored as a whole."""
        return self.cell is not None or is_computed(self.folder)

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
        """Read the run, or compute it, see `computes`."""
        if self.cell is None:
            return read_finished_run(self.folder)
        from cluster_emu.study.finished_cell import read_finished_cell  # studies take time to load

        return read_finished_cell(self.folder, self.cell)


class ReplaySource:
    """The frames of a finished run.

    What it shows of an instant is that of `RunStates`.

    Args:
        run: the run.

    Attributes:
        run: the run, which panels may read.
        spec: its scenario.
        states: its state at any instant.
        book: its migrations until now.
        link_outages: what faults leave of its links.
    """

    def __init__(self, run: FinishedRun) -> None:
        self.states = states = RunStates(run.result)
        self.spec = states.scenario
        faults = run.result.tables.get("faults")
        outages = outages_again(faults, self.spec, states.graph, states.links, run.seed)
        self.link_outages = LinkOutages(outages or [], len(states.links))
        self.run = run if outages is not None else replace(run, notices=(*run.notices, NO_OUTAGES))
        migrations, rounds = run.result.migrations, run.result.rounds
        self.book = TableBook(migrations, states.migrations, rounds, lambda: self._now_s)
        self._completed_s = np.sort(
            migrations.loc[migrations["outcome"] == Phase.COMPLETED.value, "end_s"].dropna()
        )
        self._ended = np.argsort(states.migrations.end_s, kind="stable")
        self._ended_s = states.migrations.end_s[self._ended]
        self._round_ends = np.sort(rounds["end_s"].to_numpy(dtype=np.float64))
        start_s = states.migrations.start_s
        self._starts = np.sort(start_s[~np.isnan(start_s)])
        ends = [states.hosts.observed.time_s[-1], *self._round_ends[-1:]]
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
        spec, states = self.spec, self.states
        return {
            **fixed_parts(spec, states.graph, states.links),
            "seed": self.run.seed,
            "duration_s": self.duration_s,
            "tick_s": self.tick_s,
            "can_act": False,
            "host_count": spec.host_count,
            "vm_count": states.vm_count,
            "host_memory_bytes": states.host_memory_bytes.tolist(),
            "vm_memory_bytes": states.vm_memory_bytes.tolist(),
            "vm_names": [visible(name) for name in spec.names.vms],
            "assumptions": [*self.run.result.assumptions, *self.run.notices],
        }

    def keyframe(self) -> None:
        """Let the next frame have all arrays."""
        self._told.forget()

    def frame(self) -> Frame:
        """Return this instant; see `FrameSource.frame`."""
        now_s, hosts = self._now_s, self.states.hosts
        state = self.states.at(now_s)
        moving, rates = state.sending.tolist(), state.rates
        arrays: dict[str, NDArray[Any]] = {
            "host_load": as_bytes(state.utilisation),
            "host_flags": self._host_flags(state),
            "link_load": state.link_load_bytes_per_s.astype(np.float32),
            **self._moves(moving, rates),
        }
        arrays |= self._told.changed(
            {
                "vm_host": state.vm_host.astype(np.int32),
                "vm_state": self._vm_states(state),
                "vm_demand": as_bytes(state.vm_demand),
                "link_state": as_bytes(self.link_outages.share(now_s)),
            }
        )
        is_on = state.switched_on
        ended = int(np.searchsorted(self._ended_s, now_s, side="right"))
        events = self._events()
        header = {
            "time_s": now_s,
            "over": self.is_over,
            "hosts_on": int(is_on.sum()),
            "power_w": float(hosts.power_w[state.host_instant].sum()),
            "energy_kwh": float(hosts.energy_kwh[state.host_instant]),
            "utilisation": float(state.utilisation[is_on].mean()) if is_on.any() else 0.0,
            "running": len(moving),
            "queued": len(state.queued),
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

    def _host_flags(self, state: RunState) -> NDArray[np.uint8]:
        failed = self.states.hosts.failed[state.host_instant]
        flags: NDArray[np.uint8] = state.switched_on * np.uint8(HostFlag.ON)
        flags |= failed * np.uint8(HostFlag.FAILED)
        return flags

    def _vm_states(self, state: RunState) -> NDArray[np.uint8]:
        vms, migrations = self.states.vms, self.states.migrations
        states = np.full(self.states.vm_count, VMState.RUNNING, dtype=np.uint8)
        states[vms.down(state.vm_instant)] = VMState.DOWN
        states[vms.lost(state.vm_instant)] = VMState.LOST
        states[migrations.vm[state.queued]] = VMState.QUEUED
        states[migrations.vm[state.sending]] = VMState.MIGRATING
        states[state.vm_host < 0] = VMState.ABSENT
        return states

    def _moves(self, moving: Sequence[int], rates: Sequence[float]) -> dict[str, NDArray[Any]]:
        migrations, traffic = self.states.migrations, self.states.traffic
        routes = [migrations.routes[number] for number in moving]
        starts = np.zeros(len(moving) + 1, dtype=np.int32)
        np.cumsum([len(route) for route in routes], out=starts[1:])
        phases, shares = [], []
        for number in moving:
            phase = self.book.row(number)["state"]
            memory = float(self.states.vm_memory_bytes[migrations.vm[number]])
            sent = traffic.sent_bytes(number, self._now_s)
            phases.append(PLACE[phase])
            shares.append(progress(phase, sent / memory if memory else 1.0))
        return {
            "move_number": np.array(moving, dtype=np.int32),
            "move_vm": migrations.vm[moving].astype(np.int32),
            "move_source": migrations.source[moving].astype(np.int32),
            "move_target": migrations.target[moving].astype(np.int32),
            "move_phase": np.array(phases, dtype=np.uint8),
            "move_progress": np.array(shares, dtype=np.float32),
            "move_rate": np.array(rates, dtype=np.float32),
            "move_route_start": starts,
            "move_route": np.concatenate([np.empty(0, np.int32), *routes]).astype(np.int32),
        }

    def _sent_bytes(self, moving: Sequence[int], ended: int) -> float:
        """Return the bytes of all migrations until now."""
        done = self._ended[:ended]
        bytes_of = self.run.result.migrations["bytes"].to_numpy(dtype=np.float64)
        under_way = (self.states.traffic.sent_bytes(number, self._now_s) for number in moving)
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
