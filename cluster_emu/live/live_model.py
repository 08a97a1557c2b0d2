"""A model that can be stopped at any instant, within a tick as well."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from cluster_emu.faults import FaultRow
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from cluster_emu.transfer.records import RoundRecord


class LiveModel(ClusterModel):
    """A `ClusterModel` that is advanced to any instant instead of by whole ticks.

    Its tables are those of `ClusterModel.run`: rates are constant between two events, and the
    event loop gives the same results for any division of a tick into pieces. Quiet ticks are
    skipped, as `run` does.

    Args:
        scenario: see `ClusterModel`.
        seed: the run's seed.
    """

    def __init__(self, scenario: Scenario | str | Path, seed: int) -> None:
        super().__init__(scenario, rng=seed)
        self._tick_end_s: float | None = None
        self._counted = 0

    @property
    def now_s(self) -> float:
        """The instant up to which everything has happened."""
        return float(self.loop.now_s)

    def advance(self, until_s: float) -> None:
        """Let time pass until `until_s`, or until the run is over."""
        while self.running and self.now_s < until_s:
            if self._tick_end_s is None:
                self._skip_quiet_ticks(until_s)
                if self.now_s >= until_s:
                    return
                self._begin_tick()
            assert self._tick_end_s is not None
            self._transfer_until(min(until_s, self._tick_end_s))
            if self.now_s >= self._tick_end_s:
                self._end_tick(self._tick_end_s)

    def next_event_s(self) -> float:
        """Return when something can happen next: an event, a plan, or the end of a tick."""
        event_s = min(self.loop.next_event_s(), self.clock.duration_s)
        if self._tick_end_s is None:
            event_s = min(event_s, self.clock.next_control_s(self.now_s))
        else:
            event_s = min(event_s, self._tick_end_s)
        return max(event_s, self.now_s)

    # --- what the page reads ----------------------------------------------------------------------

    @property
    def round_count(self) -> int:
        """Live rounds, stop-and-copies and post-copies that have ended."""
        return len(self._rounds)

    @property
    def migrations_begun(self) -> int:
        """Migrations whose first byte has been sent."""
        records = self.manager.scheduler.records
        while self._counted < len(records) and not math.isnan(records[self._counted].start_s):
            self._counted += 1
        rest = records[self._counted :]
        return self._counted + sum(not math.isnan(record.start_s) for record in rest)

    def rounds_of(self, migration: int) -> list[RoundRecord]:
        """Return the rounds of one migration that have ended, in order."""
        return [row for row in self._rounds if row.migration == migration]

    @property
    def fault_rows(self) -> list[FaultRow]:
        """The faults that have begun."""
        return self._injection.rows

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the scenario leaves open and the model assumes, in sentences."""
        return tuple(self._assumptions)

    def host_watts(self, host: int) -> float:
        """Return the power of one host."""
        return float(self._watts()[host])

    # --- interventions ----------------------------------------------------------------------------

    def intervene(self) -> None:
        """Let what was just asked for take effect at this very instant."""
        self.loop.run_until(self.now_s)
        self.state.refresh()

    def _begin_tick(self) -> None:
        self.steps += 1
        start_s, self._tick_end_s = self.clock.tick(self.steps - 1)
        self.workload(start_s)
        self.manage(start_s)

    def _transfer_until(self, time_s: float) -> None:
        """Do a piece of what `transfer` does for the whole tick."""
        while (change_s := self._demand_changes_s) < time_s:
            self.loop.run_until(change_s)
            self.workload(change_s)
        self.loop.run_until(time_s)

    def _end_tick(self, end_s: float) -> None:
        self._tick_end_s = None
        self.state.time_s = end_s
        self.account(end_s)

    def run(self, progress: Any = None) -> Any:
        """Advance until the run is over and return its result."""
        while self.running:
            self.advance(self.clock.duration_s)
        return self.result()
