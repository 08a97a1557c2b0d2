"""The scalar model of memory: bytes stale, one dirty rate, no pages.

Other simulators of live migration keep this (SimGrid's plug-in, CloudSimSDN): a round that took T
seconds leaves

    stale = unsent + min(floor(dirty rate * T), working set)

bytes, the memory at most. There is no history, so all strategies send the same; the model is here
to show what pages and their history change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from cluster_emu.encoding.chain import Encoding, PageSizes
from cluster_emu.memory.base import FaultCosts, RateDependence, RoundAhead, RoundCounts, RoundsAhead
from cluster_emu.memory.versions import PageVersions


class ScalarEngine:
    """Stale bytes of one VM while it migrates.

    Pages appear in reports only, as bytes over page size. Pages sent are the whole ones that all
    bytes so far make up, at least one if anything is sent, so that those of a migration fit its
    bytes; other numbers are rounded up.

    Args:
        memory_bytes: memory of the VM.
        page_bytes: bytes of a page.
        dirty_bytes_per_s: bytes dirtied per second of operational time.
        working_set_bytes: the most that is dirty after a round, however long it was.
    """

    end_is_known = True
    rate_dependence = RateDependence.NONE

    def __init__(
        self,
        memory_bytes: float,
        page_bytes: float,
        dirty_bytes_per_s: float,
        working_set_bytes: float,
    ) -> None:
        self.page_count = math.ceil(memory_bytes / page_bytes)
        self.round_number = 0
        self.now = 0.0
        self.versions: PageVersions | None = None
        self.encoding = Encoding(page_bytes)
        self.stale_bytes = float(memory_bytes)
        self._memory_bytes = float(memory_bytes)
        self._page_bytes = page_bytes
        self._dirty_bytes_per_s = dirty_bytes_per_s
        self._working_set_bytes = working_set_bytes
        self._to_send_bytes = 0.0  # of the round under way
        self._sent_bytes = 0.0
        self._sent_before_bytes = 0.0  # in the rounds before
        self._sent_before_pages = 0
        self._ends_at_bytes = 0.0
        self._unsent_bytes = self.stale_bytes
        self._dirty_since = 0.0

    def warm(self, intervals: int, interval: float) -> None:
        """Do nothing: there is no history to fill."""

    @property
    def stale_pages(self) -> int:
        """Stale bytes as pages."""
        return self._pages(self.stale_bytes)

    @property
    def stale_memory_bytes(self) -> float:
        """The stale bytes: nothing is encoded, and there are no headers."""
        return self.stale_bytes

    @property
    def nothing_to_send(self) -> bool:
        """Whether nothing is stale."""
        return self.stale_bytes <= 0

    def stop_sizes(self) -> PageSizes:
        """Return the stale bytes as pages of equal size."""
        return self._sizes(self.stale_bytes)

    def lost_update_pages(self) -> int:
        """Return 0: no update is lost."""
        return 0

    def hand_over(self) -> None:
        """Let everything arrive."""
        self.stale_bytes = 0.0

    def post_copy(self, costs: FaultCosts, *, bubbling: bool, pivots: int) -> ScalarPush:
        """Return the push of the stale bytes; without pages there are no faults."""
        return ScalarPush(self.stop_sizes())

    def wait(self, elapsed: float) -> None:
        """Let operational time pass before the next round; it adds to that of the round before."""
        self.now += elapsed
        self._find_stale()

    def run_ahead(self, ahead: RoundsAhead) -> Sequence[RoundAhead]:
        """Work out whole live rounds, as one by one."""
        found: list[RoundAhead] = []
        begin_s = ahead.now_s
        while len(found) < ahead.rounds and self.stale_bytes > 0:
            duration_s = self.stale_bytes / ahead.bytes_per_s
            end_s = begin_s + duration_s
            if not end_s < ahead.until_s:
                break
            self.begin_round()
            counts = self.end_round(ahead.intensity * (end_s - begin_s))
            found.append(RoundAhead(end_s, counts, self.stale_pages))
            begin_s = end_s
            if self.stale_pages < ahead.least_left:
                break
        return found

    def begin_round(self) -> None:
        """Start a round that is to send everything stale."""
        self.round_number += 1
        self._to_send_bytes = self._ends_at_bytes = self.stale_bytes
        self._sent_bytes = 0.0
        self._dirty_since = self.now

    def plan(self, time_per_byte: float, sync_threshold_bytes: float = 0.0) -> float:
        """Return the bytes until everything is sent, or fewer than the threshold are left."""
        # Fewer whole bytes than the threshold, as the pages engine leaves fewer whole units.
        may_wait = max(math.ceil(sync_threshold_bytes) - 1, 0)
        self._ends_at_bytes = max(self._to_send_bytes - may_wait, self._sent_bytes)
        return self._ends_at_bytes - self._sent_bytes

    def advance(self, sent_bytes: float, elapsed: float) -> None:
        """Let bytes go over the wire and operational time pass."""
        self._sent_bytes += sent_bytes
        self.now += elapsed

    def cut_short(self) -> float:
        """Let the round end where it stands."""
        self._ends_at_bytes = self._sent_bytes
        return 0.0

    @property
    def bytes_sent_in_round(self) -> float:
        """Bytes sent so far in the round under way."""
        return self._sent_bytes

    @property
    def bytes_waiting(self) -> float:
        """Bytes of the round that are not sent."""
        return max(self._to_send_bytes - self._sent_bytes, 0.0)

    @property
    def round_sizes(self) -> PageSizes:
        """What the round under way is to send, as pages of equal size."""
        return self._sizes(self._to_send_bytes)

    def end_round(self, elapsed: float) -> RoundCounts:
        """Finish the round and find what is stale after it."""
        self.now += elapsed
        self._unsent_bytes = self._to_send_bytes - self._ends_at_bytes
        dirty = self._find_stale()
        self._sent_before_bytes += self._ends_at_bytes
        # bytes over a page size that is no whole number: the quotient may be rounded down
        whole = math.floor(self._sent_before_bytes / self._page_bytes * (1.0 + 1e-12))
        sent = max(whole - self._sent_before_pages, int(self._ends_at_bytes > 0))
        self._sent_before_pages += sent
        unvisited = self._pages(self._unsent_bytes)
        return RoundCounts(
            due=sent + unvisited,
            sent=sent,
            skipped=0,
            deferred=0,
            unvisited=unvisited,
            dirtied=self._pages(dirty),
            bytes_sent=self._ends_at_bytes,
        )

    def _find_stale(self) -> float:
        """Find what is stale now; return what has been dirtied since the last round began."""
        # A wait after a round counts with it, so the working set limits both together.
        elapsed = self.now - self._dirty_since
        dirty = min(float(math.floor(self._dirty_bytes_per_s * elapsed)), self._working_set_bytes)
        self.stale_bytes = min(self._unsent_bytes + dirty, self._memory_bytes)
        return dirty

    def _pages(self, size_bytes: float) -> int:
        return math.ceil(size_bytes / self._page_bytes)

    def _sizes(self, size_bytes: float) -> PageSizes:
        """Return these bytes as pages that, with those sent before, make up all bytes so far."""
        count = 0
        if size_bytes > 0:
            all_pages = self._pages(self._sent_before_bytes + size_bytes)
            count = max(all_pages - self._sent_before_pages, 1)
        return PageSizes(count, size_bytes / count if count else self._page_bytes)


class ScalarPush:
    """The stale bytes pushed after the VM has resumed.

    Args:
        sizes: what is to be pushed.
    """

    rate_dependence = RateDependence.NONE
    faults = 0
    stall_s = 0.0

    def __init__(self, sizes: PageSizes) -> None:
        self.sizes = sizes
        self.bytes_sent = 0.0

    @property
    def bytes_left(self) -> float:
        """Bytes that still have to cross the wire."""
        return max(self.sizes.total_bytes - self.bytes_sent, 0.0)

    @property
    def pages_arrived(self) -> int:
        """Whole pages sent."""
        return self.sizes.whole_pages_in(self.bytes_sent)

    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Send at the given rate."""
        self.bytes_sent += bytes_per_s * duration_s

    def finish(self) -> None:
        """Let the last byte arrive."""
        self.bytes_sent = self.sizes.total_bytes
