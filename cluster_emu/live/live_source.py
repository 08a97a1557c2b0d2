"""A running model as a source of frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_emu.errors import RequestRefusedError
from cluster_emu.live.details import details
from cluster_emu.live.frames import Frame, ToldArrays, as_bytes
from cluster_emu.live.history import CarriedHistory, History
from cluster_emu.live.interventions import act
from cluster_emu.live.live_model import LiveModel
from cluster_emu.live.moves import move_arrays
from cluster_emu.live.panels import panel_data
from cluster_emu.live.searching import find
from cluster_emu.live.settings import (
    compared_with,
    controls,
    seed_of,
    with_settings,
)
from cluster_emu.live.source import Document, FrameSource, HostFlag, Kind, Step, VMState
from cluster_emu.live.topology import fixed_parts
from cluster_emu.scenario import Scenario
from cluster_emu.shown_text import visible
from cluster_emu.transfer.records import Phase
from cluster_emu.units import BITS_PER_BYTE

KIND = "model"
MOST_EVENTS = 40
"""Events of one frame that are told; more are only counted."""


@dataclass(frozen=True, slots=True)
class LiveFactory:
    """Makes a running model, and a second one to compare it with if the settings ask for it."""

    scenario: Scenario

    def describe(self) -> Document:
        """Return title, kind and controls."""
        return {
            "kind": KIND,
            "title": visible(self.scenario.name),
            "description": visible(self.scenario.description),
            "controls": controls(self.scenario),
        }

    def lanes(self, settings: Mapping[str, str]) -> Sequence[FrameSource]:
        """Return one lane, or two on the same seed.

        Raises:
            ClusterEmuError: if a setting is not allowed.
        """
        seed = seed_of(settings)
        scenarios = [with_settings(self.scenario, settings)]
        other = compared_with(settings)
        if other is not None:
            scenarios.append(with_settings(self.scenario, other))
        return [LiveSource(LiveModel(scenario, seed)) for scenario in scenarios]


class LiveSource:
    """The frames of one model.

    Args:
        model: the model; the source owns it from now on.

    Attributes:
        model: the model, which panels may read.
    """

    def __init__(self, model: LiveModel) -> None:
        self.model = model
        spacing_s = max(model.clock.duration_s / 2000, model.spec.run.tick_s / 4)
        self.host_history = History(model.state.host_count, spacing_s)
        self.link_history = History(len(model.links), spacing_s)
        self.carried = CarriedHistory(len(model.links))
        self._told = ToldArrays()
        self._ended = 0
        self._open: set[int] = set()
        self._seen_records = 0
        self._faults_told = 0
        self._events: list[Document] = []
        self._full_capacity = model.links.capacity_bytes_per_s

    # --- time -------------------------------------------------------------------------------------

    @property
    def now_s(self) -> float:
        """Simulated time."""
        return self.model.now_s

    @property
    def duration_s(self) -> float:
        """The longest that the run lasts."""
        return self.model.clock.duration_s

    @property
    def tick_s(self) -> float:
        """Length of a tick."""
        return self.model.spec.run.tick_s

    @property
    def earliest_s(self) -> float:
        """A model cannot go back."""
        return self.model.now_s

    @property
    def is_over(self) -> bool:
        """Whether the run is over."""
        return not self.model.running

    def advance(self, until_s: float) -> None:
        """Let time pass until `until_s`, or until the run is over."""
        self.model.advance(until_s)
        if self.host_history.wants(self.now_s):
            self._remember()

    def next_event_s(self) -> float:
        """Return the next time at which something can happen."""
        return self.model.next_event_s()

    def count(self, step: Step) -> int:
        """Return how many ticks, live rounds or begun migrations there have been."""
        model = self.model
        if step == "tick":
            return int(model.steps)
        if step == "round":
            return model.round_count
        return model.migrations_begun

    def seek(self, time_s: float) -> None:
        """Go ahead; a model has no way back.

        Raises:
            RequestRefusedError: if `time_s` has passed.
        """
        if time_s < self.now_s:
            raise RequestRefusedError("a running model cannot go back: reset it, or replay a run")
        self.advance(time_s)

    # --- what there is ----------------------------------------------------------------------------

    def topology(self) -> Document:
        """Return what does not change; see `FrameSource.topology`."""
        model, spec = self.model, self.model.spec
        links, state = model.links, model.state
        return {
            **fixed_parts(spec, model.graph, links),
            "seed": model.seed,
            "duration_s": self.duration_s,
            "tick_s": spec.run.tick_s,
            "can_act": True,
            "host_count": state.host_count,
            "vm_count": state.vm_count,
            "host_memory_bytes": state.hosts.memory_bytes.tolist(),
            "vm_memory_bytes": state.vms.memory_bytes.tolist(),
            "vm_names": [visible(name) for name in state.names.vms],
            "assumptions": list(model.assumptions),
        }

    def keyframe(self) -> None:
        """Let the next frame have all arrays."""
        self._told.forget()

    def frame(self) -> Frame:
        """Return this instant; see `FrameSource.frame`."""
        model = self.model
        model.state.refresh()
        state, hosts = model.state, model.state.hosts
        scheduler = model.manager.scheduler
        moves = move_arrays(model)
        arrays: dict[str, NDArray[Any]] = {
            "host_load": as_bytes(hosts.utilisation),
            "host_flags": self._host_flags(),
            "link_load": model.loop.link_load().astype(np.float32),
            **moves,
        }
        arrays |= self._told.changed(
            {
                "vm_host": state.vms.host.astype(np.int32),
                "vm_state": self._vm_states(moves["move_vm"]),
                "vm_demand": as_bytes(state.vms.demand),
                "link_state": self._link_states(),
            }
        )
        self._note_events()
        events, more = self._events[-MOST_EVENTS:], max(len(self._events) - MOST_EVENTS, 0)
        self._events = []
        header = {
            "time_s": self.now_s,
            "over": self.is_over,
            "hosts_on": model.hosts_on,
            "power_w": model.power_w,
            "energy_kwh": model.energy_kwh,
            "utilisation": model.mean_utilisation,
            "running": model.migrations_running,
            "queued": scheduler.queue_length,
            "ended": scheduler.ended_count,
            "completed": model.tally.completed,
            "sent_bytes": model.tally.bytes_sent(self.now_s),
            "rate": float(moves["move_rate"].sum()),
            "steps": int(model.steps),
            "rounds": model.round_count,
            "events": events,
            "events_left_out": more,
        }
        return Frame(header, arrays)

    def _host_flags(self) -> NDArray[np.uint8]:
        hosts = self.model.state.hosts
        flags = np.zeros(self.model.state.host_count, dtype=np.uint8)
        for column, flag in (
            (hosts.switched_on, HostFlag.ON),
            (hosts.booting, HostFlag.BOOTING),
            (hosts.drained, HostFlag.DRAINED),
            (hosts.failed, HostFlag.FAILED),
            (hosts.shutting_down, HostFlag.SHUTTING_DOWN),
        ):
            flags |= column.astype(np.uint8) * np.uint8(flag)
        return flags

    def _vm_states(self, moving: NDArray[Any]) -> NDArray[np.uint8]:
        vms = self.model.state.vms
        states = np.full(len(vms.host), VMState.DOWN, dtype=np.uint8)
        states[vms.running] = VMState.RUNNING
        states[vms.booting] = VMState.BOOTING
        states[vms.queued] = VMState.QUEUED
        states[moving] = VMState.MIGRATING
        states[vms.lost] = VMState.LOST
        states[vms.host < 0] = VMState.ABSENT
        return states

    def _link_states(self) -> NDArray[np.uint8]:
        with np.errstate(divide="ignore", invalid="ignore"):
            share = self.model.loop.capacities / self._full_capacity
        return as_bytes(np.nan_to_num(share))

    def _remember(self) -> None:
        model = self.model
        model.state.refresh()
        self.host_history.add(self.now_s, as_bytes(model.state.hosts.utilisation))
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.nan_to_num(model.loop.link_load() / self._full_capacity)
        self.link_history.add(self.now_s, as_bytes(share))
        self.carried.add(self.now_s, model.loop.bytes_carried())

    def _note_events(self) -> None:
        """Note what has begun and ended since the last frame."""
        model, records = self.model, self.model.manager.scheduler.records
        names = model.state.names
        self._open.update(range(self._seen_records, len(records)))
        self._seen_records = len(records)
        live = model.manager.scheduler.live
        for number in sorted(self._open - live.keys()):
            self._open.discard(number)
            record = records[number]
            good = record.outcome == Phase.COMPLETED
            text = f"{visible(names.vm(record.vm))}: {record.outcome}"
            if good:
                text += f", {record.total_time_s:.3g} s, downtime {1000 * record.downtime_s:.0f} ms"
            elif record.why:
                text += f" ({visible(record.why)})"
            self._tell(record.end_s, "done" if good else "failed", text, "migration", number)
        for row in model.fault_rows[self._faults_told :]:
            self._tell(row.time_s, "fault", f"{row.kind}: {visible(row.what)}")
        self._faults_told = len(model.fault_rows)

    def _tell(self, time_s: float, tone: str, text: str, kind: str = "", number: int = -1) -> None:
        self._events.append(
            {"time_s": time_s, "tone": tone, "text": text, "kind": kind, "number": number}
        )

    # --- questions --------------------------------------------------------------------------------

    def details(self, kind: Kind, number: int) -> Document:
        """Return what the page shows of a thing; see `FrameSource.details`."""
        return details(self, kind, number)

    def search(self, text: str) -> list[Document]:
        """Return what a text finds."""
        return find(self.model, text)

    def panel(self, name: str, arguments: Mapping[str, Any]) -> Document:
        """Return the data of a panel."""
        return panel_data.answer(KIND, name, self, arguments)

    def act(self, action: Mapping[str, Any]) -> str:
        """Carry out an action of the reader now."""
        done = act(self.model, action)
        self._tell(self.now_s, "act", done)
        return done

    def close(self) -> None:
        """Let go of the model."""
        self.model.close()

    def link_bits_per_s(self, link: int) -> tuple[float, float]:
        """Return what a link carries and can carry, bit/s."""
        load = self.model.loop.link_load()[link]
        return load * BITS_PER_BYTE, self.model.loop.capacities[link] * BITS_PER_BYTE
