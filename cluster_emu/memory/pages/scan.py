"""One live round as it is scanned: which due pages have had their turn, and how it went."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cluster_emu.encoding.sizes import PageSizes
from cluster_emu.memory.pages.cumulative import Positions, Prefix, Sends
from cluster_emu.memory.pages.dirty_log import NEVER, DirtyLog, PageIds, Times
from cluster_emu.memory.pages.visits import Clock, Peeks, Turns, take_turns
from cluster_emu.strategies.contract import Decision

Decisions = NDArray[np.int8]


class RoundScan:
    """The pages due in a round, in scan order, and how far the scan has come.

    Args:
        due: page numbers in scan order, [due].
        if_clean: decision for each page if it is seen clean at its turn, [due].
        if_dirty: decision for each page if it is seen dirty at its turn, [due].
        peeks: how the log is looked at.
        sizes: what each page takes on the wire if it is sent, [due].
        now: operational time at which the round begins.
        keep_turn_times: whether to remember when each page had its turn.
    """

    def __init__(
        self,
        due: PageIds,
        if_clean: Decisions,
        if_dirty: Decisions,
        peeks: Peeks,
        sizes: PageSizes,
        now: float,
        *,
        keep_turn_times: bool,
    ) -> None:
        self.due = due
        self.sizes = sizes
        self.position = 0
        self.pages_sent = 0
        self._units_sent = 0
        self._if_clean = if_clean
        self._if_dirty = if_dirty
        self._peeks = peeks
        self._clock = Clock(now, now, 0.0, sizes.unit_bytes, 0.0, 0, now)
        self._seen_dirty: list[Positions] = []
        self._turn_times: list[Times] | None = [] if keep_turn_times else None
        self._turns: Turns | None = None
        self._stop_at = 0
        sends = if_clean == Decision.SEND
        self._pages = Prefix(None if sends.all() else sends)
        self._units, self._waits = self._pages, Prefix(sizes.units)
        if sizes.units is not None:
            self._units = Prefix(sends * sizes.units)
        # only where these differ does it matter whether the page is seen dirty at its turn
        self._undecided = if_clean != if_dirty
        self._needs_looks = peeks.batch_pages > 0 and bool(self._undecided.any())

    @property
    def is_planned(self) -> bool:
        """Whether `plan` has been called in this round."""
        return self._turns is not None

    @property
    def bytes_sent(self) -> float:
        """Bytes of the round on the wire."""
        return self._clock.bytes_done

    def plan(
        self,
        time_per_byte: float,
        sync_threshold_bytes: float,
        log_until: Callable[[float], DirtyLog],
    ) -> float:
        """Find everybody's turn at this pace; return the bytes the rest of the round takes.

        Args:
            time_per_byte: operational seconds per byte on the wire.
            sync_threshold_bytes: the round ends once fewer bytes than this wait for their turn.
            log_until: gives the dirty log with every write up to an operational time.
        """
        self._clock.time_per_byte = time_per_byte
        waiting, first_write = self._written_waiting(log_until)
        pages, units = self._sends(waiting)
        self._turns = take_turns(
            waiting,
            first_write,
            pages,
            units,
            len(self.due),
            self._peeks,
            self._clock,
        )
        self._stop_at = self._last_turn(sync_threshold_bytes)
        return self.bytes_left

    @property
    def bytes_waiting(self) -> float:
        """Bytes of the pages whose turn has not come."""
        return self._units_waiting * self._clock.unit_bytes

    @property
    def _units_waiting(self) -> int:
        return self._waits.before_one(len(self.due)) - self._waits.before_one(self.position)

    @property
    def bytes_left(self) -> float:
        """Bytes still to be sent before the round ends as planned."""
        sent = self._plan.units.before_one(self._stop_at) * self._clock.unit_bytes
        return max(sent - self._clock.bytes_done, 0.0)

    def advance(self, sent_bytes: float, now: float) -> None:
        """Let bytes go over the wire until operational time `now`, within the round."""
        if sent_bytes > 0:
            bytes_done = self._clock.bytes_done + sent_bytes
            turns = self._plan.position_after(bytes_done / self._clock.unit_bytes, self.position)
            self._take_turns_up_to(min(turns, self._stop_at))
            self._remember_peek(bytes_done)
            self._clock.bytes_done = bytes_done
        self._clock.now = now

    def cut_short(self) -> None:
        """Plan to end the round behind the page in transit."""
        self._stop_at = self.position

    def end(self) -> None:
        """Take every turn that is planned."""
        end_bytes = self._clock.bytes_done + self.bytes_left
        self._take_turns_up_to(self._stop_at)
        self._clock.bytes_done = end_bytes

    def decisions(self) -> Decisions:
        """Return what was decided at each turn taken, [position]."""
        decision = self._if_clean[: self.position].copy()
        dirty = np.concatenate([np.empty(0, dtype=np.int64), *self._seen_dirty])
        decision[dirty] = self._if_dirty[dirty]
        return decision

    def turn_times(self) -> Times:
        """Return the operational time of each turn taken, [position]."""
        assert self._turn_times is not None, "turn times were not to be kept"
        return np.concatenate([np.empty(0), *self._turn_times])

    @property
    def _plan(self) -> Turns:
        assert self._turns is not None, "the round has not been planned yet"
        return self._turns

    def _sends(self, written: Positions) -> tuple[Sends, Sends]:
        """Return what is sent before a position, in pages and in units, written pages known."""
        change = (self._if_dirty[written] == Decision.SEND).astype(np.int64)
        change -= self._if_clean[written] == Decision.SEND
        offset = self.pages_sent - self._pages.before_one(self.position)
        pages = Sends(self._pages, offset, change)
        if self.sizes.units is None:
            return pages, pages
        offset = self._units_sent - self._units.before_one(self.position)
        return pages, Sends(self._units, offset, change * self.sizes.units[written])

    def _written_waiting(
        self, log_until: Callable[[float], DirtyLog]
    ) -> tuple[Positions, NDArray[np.float64]]:
        """Return the undecided waiting pages written before the round can end, and when first."""
        if not self._needs_looks:
            return np.empty(0, dtype=np.int64), np.empty(0)
        latest = self._clock.at_units(np.array([self._units_sent + self._units_waiting]))
        first_write = log_until(float(latest[0])).first_write
        if len(self.due) == len(first_write) and self.due[0] == 0:
            first_write = first_write[self.position :]  # every page is due, in address order
        else:
            first_write = first_write[self.due[self.position :]]
        written = np.flatnonzero((first_write < NEVER) & self._undecided[self.position :])
        return self.position + written, first_write[written]

    def _last_turn(self, sync_threshold_bytes: float) -> int:
        """Return the position at which the round ends: at the last page, or when few are left."""
        if sync_threshold_bytes <= 0:
            return len(self.due)
        may_wait = int(np.ceil(sync_threshold_bytes / self._clock.unit_bytes)) - 1
        turns = self._waits.before_one(len(self.due)) - max(may_wait, 0)
        return max(self._waits.reached(turns), self.position)

    def _take_turns_up_to(self, position: int) -> None:
        """Make the planned turns before `position` history."""
        if position <= self.position:
            return
        plan = self._plan
        begin, end = np.searchsorted(plan.dirty, (self.position, position))
        self._seen_dirty.append(plan.dirty[begin:end])
        if self._turn_times is not None:
            turns = plan.units.before(np.arange(self.position, position))
            self._turn_times.append(self._clock.at_units(turns))
        self.pages_sent = plan.pages.before_one(position)
        self._units_sent = plan.units.before_one(position)
        self.position = position

    def _remember_peek(self, bytes_done: float) -> None:
        """Keep the time of the look at the log that the batch under way shares."""
        batch = self._peeks.batch_pages
        if batch < 2:
            return
        start = self.pages_sent - self.pages_sent % batch
        if self._plan.units_of_pages(start) * self._clock.unit_bytes > bytes_done:
            start -= batch  # its last page is still in transit
        if start > self._clock.batch_start_pages:
            units = np.array([self._plan.units_of_pages(start)])
            self._clock.batch_peek = float(self._clock.at_units(units)[0])
            self._clock.batch_start_pages = start
