"""Page state after a VM has resumed at the target without all of its memory.

Missing pages are pushed in the background around the last page that faulted ("bubbling"), or in
address order after it; a page the VM touches before it has arrived is asked for and sent at once,
and the VM waits for it. Every page crosses the wire once (Hines & Gopalan, VEE 2009).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cluster_emu.encoding.sizes import PageSizes
from cluster_emu.memory.log import DirtyLog, PageIds
from cluster_emu.memory.versions import PageVersions
from cluster_emu.memory.writer import PageWriter

_NOTHING = -1


@dataclass(frozen=True, slots=True)
class FaultCosts:
    """What a demand fault costs and how often pages are touched.

    Args:
        round_trip_s: time for the request to reach the source and the first byte to come back.
        queued_pages: pushed pages, of the mean size of those missing, an urgent page waits behind.
        touches_per_write: page touches, reads included, per write of the VM's profile.
    """

    round_trip_s: float
    queued_pages: int
    touches_per_write: float


class PostCopyEngine:
    """The pages a VM still lacks at the target, and the faults it suffers because of them.

    Args:
        missing: pages the target lacks at resume.
        writer: the VM's write process; touches are its writes, more often.
        sizes: what each missing page takes on the wire, [missing].
        costs: what a fault costs.
        bubbling: push symmetrically around the last faults, else upwards from the last one.
        pivots: how many of the last faults pushing grows around, in equal parts.
        now: operational time at resume.
        next_round: number of the dirty set that comes next, where sets are given per round.
        versions: version numbers to keep up to date, or None.
    """

    def __init__(
        self,
        missing: PageIds,
        writer: PageWriter,
        sizes: PageSizes,
        costs: FaultCosts,
        *,
        bubbling: bool,
        pivots: int,
        now: float,
        next_round: int,
        versions: PageVersions | None = None,
    ) -> None:
        self.sizes = sizes
        self.faults = 0
        self.stall_s = 0.0
        self.bytes_sent = 0.0
        self._missing = np.zeros(writer.page_count, dtype=np.bool_)
        self._missing[missing] = True
        self._missing_count = len(missing)
        self._units = np.zeros(writer.page_count, dtype=np.int64)
        self._units[missing] = 1 if sizes.units is None else sizes.units
        self._missing_units = int(self._units.sum())
        self._unit_bytes = sizes.unit_bytes
        self._writer = writer
        self._costs = costs
        self._bubbling = bubbling
        self._resumed_at = now
        self._now = now
        self._versions = versions
        self._touches = DirtyLog(writer.page_count)
        self._touches.clear(now)
        writer.begin_round(self._touches, next_round, now)
        self._pivots: deque[int] = deque([0], maxlen=pivots)
        self._credit = 0.0
        self._waiting_for = _NOTHING
        self._reserved_units = 0
        self._wait_s = 0.0
        self._wait_bytes = 0.0

    @property
    def bytes_left(self) -> float:
        """Bytes that still have to cross the wire."""
        units = self._missing_units + self._reserved_units
        return max(units * self._unit_bytes - self._credit, 0.0)

    @property
    def pages_arrived(self) -> int:
        """Pages that have reached the target since it resumed."""
        waiting = self._waiting_for != _NOTHING
        return self.sizes.count - self._missing_count - waiting

    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Let wall time pass at a constant link rate and write intensity."""
        touched, touch_times = self._touches_until(self._now + intensity * duration_s)
        self.bytes_sent += bytes_per_s * duration_s
        left_s = duration_s
        position = 0
        while left_s > 0:
            if self._waiting_for != _NOTHING:
                left_s -= self._wait(left_s, bytes_per_s)
                continue
            position = self._next_missing(touched, position)
            if position == len(touched) or intensity <= 0:
                self._push(bytes_per_s * left_s)
                self._now += intensity * left_s
                return
            run_s = max(touch_times[position] - self._now, 0.0) / intensity
            if run_s >= left_s:
                self._push(bytes_per_s * left_s)
                self._now += intensity * left_s
                return
            self._push(bytes_per_s * run_s)
            self._now = max(float(touch_times[position]), self._now)
            left_s -= run_s
            self._touch(int(touched[position]))

    def finish(self) -> None:
        """Let the last page arrive: the wire has carried every byte."""
        self._push_out(np.flatnonzero(self._missing))
        if self._waiting_for != _NOTHING:
            self._serve()
        self._credit = 0.0

    def _touches_until(self, end: float) -> tuple[PageIds, NDArray[np.float64]]:
        """Return the pages touched from now on and the operational time of each first touch."""
        often = self._costs.touches_per_write
        self._writer.write(self._touches, self._resumed_at + (end - self._resumed_at) * often)
        pages = self._touches.written()
        pages = pages[self._missing[pages]]
        times = self._touches.first_write[pages]
        times = self._resumed_at + (times - self._resumed_at) / often
        order = np.argsort(times, kind="stable")
        return pages[order], times[order]

    def _next_missing(self, touched: PageIds, position: int) -> int:
        while position < len(touched):
            block = self._missing[touched[position : position + 256]]
            first = int(block.argmax())
            if block[first]:
                return position + first
            position += len(block)
        return position

    def _touch(self, page: int) -> None:
        """Let the VM ask for a page; from then on it is not to be pushed any more."""
        if not self._missing[page]:
            return
        self.faults += 1
        self._waiting_for = page
        self._pivots.appendleft(page)
        queued_units = self._costs.queued_pages * self._missing_units / self._missing_count
        self._reserved_units = int(self._units[page])
        self._wait_s = self._costs.round_trip_s
        self._wait_bytes = (self._reserved_units + queued_units) * self._unit_bytes
        self._missing[page] = False
        self._missing_count -= 1
        self._missing_units -= self._reserved_units

    def _wait(self, left_s: float, bytes_per_s: float) -> float:
        """Let the VM wait for the page it asked for; return how long it did."""
        sending_s = self._wait_bytes / bytes_per_s if bytes_per_s > 0 else np.inf
        waited_s = min(self._wait_s + sending_s, left_s)
        arrives = self._wait_s + sending_s <= left_s
        self._push(bytes_per_s * waited_s)
        self._wait_bytes -= bytes_per_s * max(waited_s - self._wait_s, 0.0)
        self._wait_s = max(self._wait_s - waited_s, 0.0)
        self.stall_s += waited_s
        if arrives:
            self._serve()
        return waited_s

    def _serve(self) -> None:
        """Let the page the VM waits for arrive."""
        self._arrive(np.array([self._waiting_for]))
        self._credit -= self._reserved_units * self._unit_bytes
        self._waiting_for = _NOTHING
        self._reserved_units = 0

    def _push(self, sent_bytes: float) -> None:
        """Hand over as many whole pages as the bytes sent so far are good for.

        What is kept back for a page the VM waits for is not spent. How many pages the rest is good
        for is guessed from their mean size; if they take less, more follow.
        """
        self._credit += sent_bytes
        units = int(self._credit / self._unit_bytes) - self._reserved_units
        count = 0
        while units > 0 and self._missing_count:
            guess = units * self._missing_count // self._missing_units
            pages = self._next_pages(min(max(guess, 2 * count, 1), self._missing_count))
            count = int(np.searchsorted(np.cumsum(self._units[pages]), units, side="right"))
            units -= self._push_out(pages[:count])
            if count < len(pages):
                return

    def _push_out(self, pages: PageIds) -> int:
        """Let pushed pages arrive; return their size."""
        units = int(self._units[pages].sum())
        self._arrive(pages)
        self._missing_count -= len(pages)
        self._missing_units -= units
        self._credit -= units * self._unit_bytes
        return units

    def _next_pages(self, count: int) -> PageIds:
        """Return the next pages to push, at most as many as are missing."""
        if not self._bubbling:
            return self._following(self._pivots[0], count)
        chosen = []
        for done, pivot in enumerate(self._pivots):
            share = -(-count // (len(self._pivots) - done))
            chosen.append(self._nearest(pivot, share))
            self._missing[chosen[-1]] = False  # not to be chosen for two pivots
            count -= share
        pages = np.concatenate(chosen)
        self._missing[pages] = True
        return pages

    def _nearest(self, pivot: int, count: int) -> PageIds:
        """Return the missing pages nearest to the pivot: pivot, +1, -1, +2, -2, ..."""
        reach = count
        while True:
            low = max(pivot - reach, 0)
            near = low + np.flatnonzero(self._missing[low : pivot + reach + 1])
            if len(near) >= count or reach > len(self._missing):
                break
            reach *= 2
        distance = near - pivot
        order = np.argsort(2 * np.abs(distance) - (distance > 0), kind="stable")
        return near[order[:count]]

    def _following(self, pivot: int, count: int) -> PageIds:
        """Return the missing pages from the pivot upwards, going round at the end."""
        above = pivot + np.flatnonzero(self._missing[pivot:])
        below = np.flatnonzero(self._missing[:pivot]) if len(above) < count else above[:0]
        return np.concatenate([above, below])[:count]

    def _arrive(self, pages: PageIds) -> None:
        self._missing[pages] = False
        if self._versions is not None:
            self._versions.arrived(pages)
