"""Page state after a VM has resumed at the target without all of its memory.

Missing pages are pushed in the background around the last page that faulted ("bubbling"), or in
address order after it. A page the VM touches before it has arrived is a demand fault: the page is
requested and sent at once, and the processor that touched it waits. Every page crosses the wire
once (Hines & Gopalan, VEE 2009).

A fault on a page of p bytes, with q bytes of pushed pages before it, stops its processor for

    round trip + (p + q) / rate,

or for longer if pages requested before it are still on their way, since they arrive in the order of
the requests. While b of v processors wait, the VM's operational time passes at (v - b) / v of its
speed, and it loses b / v seconds per second (Linux userfaultfd stops the faulting thread alone).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_emu.encoding.chain import PageSizes
from cluster_emu.memory.base import FaultCosts, RateDependence
from cluster_emu.memory.dirtying.processes import PageWriter
from cluster_emu.memory.pages.dirty_log import DirtyLog, PageIds
from cluster_emu.memory.versions import PageVersions

FEW_PAGES = 64
"""Up to so many pages are searched one by one; more are sorted by their distance."""
_NO_PAGE = -1


@dataclass(slots=True)
class _Request:
    """A page that a processor waits for.

    Args:
        page: its number.
        units: its size.
        wait_s: time until the request reaches the source.
        bytes_left: bytes that the wire carries from then on until the page has arrived.
    """

    page: int
    units: int
    wait_s: float
    bytes_left: float


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

    rate_dependence = RateDependence.UNKNOWN

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
        # One byte per page: as an array for many pages, as bytes, whose `find` is faster, for few.
        self._flags = bytearray(writer.page_count)
        self._missing = np.frombuffer(self._flags, dtype=np.bool_)  # shares its memory
        self._missing[missing] = True
        self._missing_count = len(missing)
        self._units: NDArray[np.int64] | None = None
        self._missing_units = len(missing)
        if sizes.units is not None:
            self._units = np.zeros(writer.page_count, dtype=np.int64)
            self._units[missing] = sizes.units
            self._missing_units = int(sizes.units.sum())
        self._unit_bytes = sizes.unit_bytes
        self._writer = writer
        self._costs = costs
        self._bubbling = bubbling
        self._resumed_at = now
        self._now = now
        self._versions = versions
        self._touches = DirtyLog(writer.page_count)
        # The log is not cleared any more: a page's first touch since resume is all that matters, as
        # it has arrived or is requested from then on.
        self._touches.clear(now)
        writer.begin_round(self._touches, next_round, now)
        self._touches_known = 0
        self._next_touches: deque[tuple[int, float]] = deque()
        # Before the first fault, pages are pushed from address 0 on.
        self._pivots: deque[int] = deque([0], maxlen=pivots)
        # Bytes on the wire that no arrived page accounts for yet.
        self._credit = 0.0
        self._requests: deque[_Request] = deque()
        self._reserved_units = 0
        self._begun_page = _NO_PAGE

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Let the array of a copy share the memory of its bytes again."""
        self.__dict__.update(state)
        self._missing = np.frombuffer(self._flags, dtype=np.bool_)

    @property
    def bytes_left(self) -> float:
        """Bytes that still have to cross the wire."""
        units = self._missing_units + self._reserved_units
        return max(units * self._unit_bytes - self._credit, 0.0)

    @property
    def pages_arrived(self) -> int:
        """Pages that have reached the target since it resumed."""
        return self.sizes.count - self._missing_count - len(self._requests)

    def missing_pages(self) -> PageIds:
        """Return the pages that have not arrived, requested ones included, in no order."""
        requested = np.array([request.page for request in self._requests], dtype=np.int64)
        return np.concatenate([np.flatnonzero(self._missing), requested])

    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Let wall time pass at a constant link rate and write intensity."""
        self._find_touches(self._now + intensity * duration_s)
        self.bytes_sent += bytes_per_s * duration_s
        left_s = duration_s
        while left_s > 0:
            running_share = 1.0 - len(self._requests) / self._costs.processors
            speed = intensity * running_share
            page, touched_at = self._next_touch()
            # Where operational time stands still, the touch never comes.
            run_s = max(touched_at - self._now, 0.0) / speed if speed > 0 else np.inf
            reply_s = self._reply_after(bytes_per_s)
            step_s = min(run_s, reply_s, left_s)
            # The wire is busy meanwhile: it pushes what is not reserved for requested pages.
            self._push(bytes_per_s * step_s)
            self.stall_s += (1.0 - running_share) * step_s
            self._let_requests_wait(step_s, bytes_per_s)
            left_s -= step_s
            if run_s == step_s and left_s > 0:
                self._now = max(touched_at, self._now)
                self._touch(page)
            else:
                self._now += speed * step_s
            if reply_s == step_s:
                self._serve()

    def finish(self) -> None:
        """Let the last page arrive: the wire has carried every byte."""
        self._push_out(np.flatnonzero(self._missing))
        while self._requests:
            self._serve()
        self._credit = 0.0

    def _find_touches(self, end: float) -> None:
        """Find the missing pages touched for the first time up to an operational time.

        Touches are the VM's writes with time compressed: a touch comes at t where its write would
        come at resume + touches_per_write * (t - resume).
        """
        often = self._costs.touches_per_write
        self._writer.write(self._touches, self._resumed_at + (end - self._resumed_at) * often)
        # The log lists pages in the order in which they were entered, so new ones are at its end.
        touched = self._touches.written()
        found = touched[self._touches_known :]
        self._touches_known = len(touched)
        found = found[self._missing[found]]
        times = self._touches.first_write[found]
        times = self._resumed_at + (times - self._resumed_at) / often
        order = np.argsort(times, kind="stable")
        self._next_touches.extend(zip(found[order].tolist(), times[order].tolist(), strict=True))

    def _next_touch(self) -> tuple[int, float]:
        """Return the next missing page touched and its time; infinity if none is known."""
        touches, flags = self._next_touches, self._flags
        while touches and not flags[touches[0][0]]:
            touches.popleft()
        return touches[0] if touches else (_NO_PAGE, np.inf)

    def _touch(self, page: int) -> None:
        """Let a processor request a page, which is not pushed any more then."""
        if not self._missing[page]:
            return
        self.faults += 1
        self._pivots.appendleft(page)
        # Pages already in the socket buffer go first; they have the mean size of the missing ones.
        queued_units = self._costs.queued_pages * self._missing_units / self._missing_count
        units = 1 if self._units is None else int(self._units[page])
        bytes_left = (units + queued_units) * self._unit_bytes
        self._requests.append(_Request(page, units, self._costs.round_trip_s, bytes_left))
        self._reserved_units += units
        self._missing[page] = False
        self._missing_count -= 1
        self._missing_units -= units

    def _reply_after(self, bytes_per_s: float) -> float:
        """Return the time until the next requested page arrives; infinity if there is none."""
        if not self._requests:
            return np.inf
        first = self._requests[0]
        return first.wait_s + (first.bytes_left / bytes_per_s if bytes_per_s > 0 else np.inf)

    def _let_requests_wait(self, step_s: float, bytes_per_s: float) -> None:
        """Let requests travel and the wire carry pages until the first one arrives at most."""
        before: float | None = None
        for request in self._requests:
            request.bytes_left -= bytes_per_s * max(step_s - request.wait_s, 0.0)
            request.wait_s = max(request.wait_s - step_s, 0.0)
            if before is not None and request.wait_s == 0.0:
                # The source sends a page after those requested before.
                after = before + request.units * self._unit_bytes
                request.bytes_left = max(request.bytes_left, after)
            before = request.bytes_left

    def _serve(self) -> None:
        """Let the first requested page arrive."""
        request = self._requests.popleft()
        self._arrive(np.array([request.page]))
        self._credit -= request.units * self._unit_bytes
        self._reserved_units -= request.units

    def _push(self, sent_bytes: float) -> None:
        """Hand over as many whole pages as the bytes sent so far cover.

        The bytes reserved for a page the VM waits for are not used. The number of pages that the
        rest covers is estimated from their mean size; if they take less, more follow.
        """
        self._credit += sent_bytes
        units = int(self._credit / self._unit_bytes) - self._reserved_units
        count = 0
        while units > 0 and self._missing_count:
            guess = units * self._missing_count // self._missing_units
            # At least twice the last number, so that few passes are needed where the guess is low.
            pages = self._next_pages(min(max(guess, 2 * count, 1), self._missing_count))
            if self._units is not None:
                pages = self._begun_page_first(pages)
            count = self._fitting(pages, units)
            units -= self._push_out(pages[:count])
            if count < len(pages):
                self._begun_page = int(pages[count]) if units > 0 else _NO_PAGE
                return

    def _begun_page_first(self, pages: PageIds) -> PageIds:
        """Return the next pages after the one that is partly on the wire, if there is one.

        A fault changes which pages come next. Where sizes differ, the bytes of a large page would
        else be taken for many small ones.
        """
        begun = self._begun_page
        if begun == _NO_PAGE or not self._missing[begun]:
            return pages
        return np.append(begun, pages[pages != begun])[: len(pages)]

    def _fitting(self, pages: PageIds, units: int) -> int:
        """Return how many of the pages, in this order, do not exceed so many units."""
        if self._units is None:
            return min(len(pages), units)
        return int(np.searchsorted(np.cumsum(self._units[pages]), units, side="right"))

    def _push_out(self, pages: PageIds) -> int:
        """Let pushed pages arrive; return their size."""
        units = len(pages) if self._units is None else int(self._units[pages].sum())
        self._arrive(pages)
        self._missing_count -= len(pages)
        self._missing_units -= units
        self._credit -= units * self._unit_bytes
        return units

    def _next_pages(self, count: int) -> PageIds:
        """Return the next pages to push, at most as many as are missing."""
        if not self._bubbling:
            return self._following(self._pivots[0], count)
        if len(self._pivots) == 1:
            return self._nearest(self._pivots[0], count)
        chosen = []
        for done, pivot in enumerate(self._pivots):
            # Rounded up, so that the latest pivots get what does not divide evenly.
            share = -(-count // (len(self._pivots) - done))
            chosen.append(self._nearest(pivot, share))
            self._missing[chosen[-1]] = False  # not to be chosen for two pivots
            count -= share
        pages = np.concatenate(chosen)
        self._missing[pages] = True
        return pages

    def _nearest(self, pivot: int, count: int) -> PageIds:
        """Return the missing pages nearest to the pivot: pivot, +1, -1, +2, -2, ..."""
        if count <= FEW_PAGES:
            return np.array(self._nearest_few(pivot, count), dtype=np.int64)
        # Double the neighbourhood until it holds enough missing pages. It holds all pages up to its
        # distance from the pivot, so the nearest ones are among them.
        reach = count
        while True:
            low = max(pivot - reach, 0)
            near = low + np.flatnonzero(self._missing[low : pivot + reach + 1])
            if len(near) >= count or reach > len(self._missing):
                break
            reach *= 2
        distance = near - pivot
        # Of two pages at one distance, the one above the pivot comes first.
        order = np.argsort(2 * np.abs(distance) - (distance > 0), kind="stable")
        return near[order[:count]]

    def _nearest_few(self, pivot: int, count: int) -> list[int]:
        """Return the same pages one by one, which for few of them is faster than sorting."""
        flags = self._flags
        pages: list[int] = []
        above, below = flags.find(1, pivot), flags.rfind(1, 0, pivot)
        while len(pages) < count and (above >= 0 or below >= 0):
            if below < 0 or 0 <= above - pivot <= pivot - below:
                pages.append(above)
                above = flags.find(1, above + 1)
            else:
                pages.append(below)
                below = flags.rfind(1, 0, below)
        return pages

    def _following(self, pivot: int, count: int) -> PageIds:
        """Return the missing pages from the pivot upwards, then those from address 0 on."""
        above = pivot + np.flatnonzero(self._missing[pivot:])
        below = np.flatnonzero(self._missing[:pivot]) if len(above) < count else above[:0]
        return np.concatenate([above, below])[:count]

    def _arrive(self, pages: PageIds) -> None:
        self._missing[pages] = False
        if self._versions is not None:
            self._versions.arrived(pages)
