"""A live round with few due pages: each page has its own first-write time and its own visit."""

from __future__ import annotations

import numpy as np

from cluster_emu.memory.base import RateDependence
from cluster_emu.memory.lumped._kernels import (
    SCAN_START,
    SEND,
    Records,
    begin_exact_round,
    outcomes_of_exact_round,
    scan_exact_round,
)
from cluster_emu.memory.lumped.round_setup import RoundSetup

MOST_EXACT_PAGES = 768
"""Up to so many due pages, a scan of all of them costs no more than an expected round."""
_NONE = np.empty(0)


class ExactRound:
    """A round that follows every due page on its own; exact.

    Pages of one group are exchangeable, so they get random places within their address range.

    Args:
        setup: what the round starts from.
        rng: the stream to draw from.
    """

    end_is_known = True
    rate_dependence = RateDependence.UNKNOWN

    def __init__(self, setup: RoundSetup, rng: np.random.Generator) -> None:
        self._setup = setup
        self._rng = rng
        # where sizes differ, a unit is a byte; sums of whole numbers are exact
        units = np.ones(len(setup.rates.per_page_s), dtype=np.int64)
        self._unit_bytes = setup.wire.page_bytes
        if setup.has_zero:
            units = setup.wire.by_class(len(units)).astype(np.int64)
            self._unit_bytes = 1.0
        self._peeks = setup.rules.peeks
        self.time_s = 0.0
        self.bytes_sent = 0.0
        self._count = count = int(setup.due.total)
        rates = setup.rates
        places, thresholds = rng.random(count), rng.standard_exponential(count)
        # planned for the pages that were not visited, history for the others
        self._pages: Records = begin_exact_round(
            setup.due.groups,
            places,
            thresholds,
            rng.random(count) if rates.dirty_probability > 0 else _NONE,
            rates.per_page_s,
            rates.law,
            self._peeks.fraction,
            units,
        )
        self._start = np.empty(1, dtype=SCAN_START)
        self._sent_before = self._pages["sent_before"]
        self._units_before = self._pages["units_before"]
        self._position = 0
        self._stop_at = count
        self._time_per_byte: float | None = None
        self._batch_begin = 0
        self._batch_peek_s = 0.0

    def plan(self, time_per_byte: float, may_wait: int) -> float:
        """Return the bytes the round still takes."""
        self._time_per_byte = time_per_byte
        start = self._start
        start[0] = (
            self._position,
            self.time_s,
            self.bytes_sent,
            self._unit_bytes,
            time_per_byte,
            self._peeks.batch_pages,
            self._batch_begin,
            self._batch_peek_s,
        )
        scan_exact_round(self._pages, start)
        self._stop_at = max(self._count - may_wait, self._position)
        return self._bytes_left

    @property
    def _bytes_left(self) -> float:
        end_bytes = int(self._units_before[self._stop_at]) * self._unit_bytes
        return max(end_bytes - self.bytes_sent, 0.0)

    def advance(self, sent_bytes: float, elapsed_s: float) -> None:
        """Let bytes go over the wire and operational time pass."""
        if sent_bytes > 0:
            bytes_sent = self.bytes_sent + sent_bytes
            sent = bytes_sent / self._unit_bytes
            visits = int(np.searchsorted(self._units_before[:-1], sent, side="right"))
            self._position = max(min(visits, self._stop_at), self._position)
            self._keep_batch_peek(bytes_sent)
            self.bytes_sent = bytes_sent
        self.time_s += elapsed_s

    def _keep_batch_peek(self, bytes_sent: float) -> None:
        """Keep the time of the peek of the present batch."""
        batch = self._peeks.batch_pages
        if batch < 2:
            return
        begin = self.pages_sent - self.pages_sent % batch
        if self._bytes_before(begin) > bytes_sent:
            begin -= batch  # the last page is still in transit
        if begin > self._batch_begin:
            assert self._time_per_byte is not None, "bytes are sent by a plan"
            ahead = max(self._bytes_before(begin) - self.bytes_sent, 0.0)
            self._batch_peek_s = self.time_s + ahead * self._time_per_byte
            self._batch_begin = begin

    def _bytes_before(self, sent: int) -> float:
        """Return the bytes of the first pages that the scan sends."""
        first = int(np.searchsorted(self._sent_before, sent))
        return int(self._units_before[first]) * self._unit_bytes

    def cut_short(self) -> float:
        """End the round after the page in transit; return the bytes that it still takes."""
        if self._time_per_byte is None:
            self.plan(0.0, 0)
        self._stop_at = self._position
        return self._bytes_left

    @property
    def pages_sent(self) -> int:
        """Pages sent so far, the one in transit included."""
        return int(self._sent_before[self._position])

    @property
    def pages_waiting(self) -> float:
        """Number of pages that were not visited."""
        return self._count - self._position

    def end(self, elapsed_s: float) -> Records:
        """Finish the round as planned; return `_kernels.OUTCOME_GROUP` of all pages."""
        self.bytes_sent += self._bytes_left
        self._position = max(self._stop_at, self._position)
        self.time_s += elapsed_s
        setup = self._setup
        if setup.rules.clearing.is_in_mid_round:
            self._clear_dirty_bits()
        return outcomes_of_exact_round(
            setup.groups.records,
            setup.due.groups,
            self._pages,
            self._position,
            self.time_s,
            setup.rates.clean_chance(self.time_s),
        )

    def _clear_dirty_bits(self) -> None:
        """Clear the bits of pages that are written only before their bits are cleared.

        Such a page counts as never written in the round. A page written before its bit is cleared
        at t is written again by the end with ``1 - exp(-(E(end) - E(t)))``.
        """
        due, clearing, rates = self._setup.due, self._setup.rules.clearing, self._setup.rates
        visited = self._pages[: self._position]
        decision = np.where(visited["is_seen_dirty"], visited["if_dirty"], visited["if_clean"])
        sent = np.flatnonzero(decision == SEND)
        cleared_at_s = visited["visit_s"][sent]
        if clearing.granularity == "chunk":
            # the bits of a chunk are cleared with the first of its pages that is sent
            rank = due.groups["rank"][visited["due"][sent]]
            within = visited["place"][sent] - rank
            address = due.ranges["begin"][rank] + within * due.ranges["share"][rank]
            chunk = clearing.chunk_of(address)
            first = np.full(int(chunk.max(initial=-1)) + 1, np.inf)
            np.minimum.at(first, chunk, cleared_at_s)
            cleared_at_s = first[chunk]
        is_early = visited["first_write_s"][sent] <= cleared_at_s
        hazard = rates.hazard_of_pages(visited["write_class"][sent], cleared_at_s, self.time_s)
        is_written_again = self._rng.random(len(sent)) < -np.expm1(-hazard)
        if rates.dirty_probability == 0:  # a bit that is set for the whole round has no time
            visited["first_write_s"][sent[is_early & ~is_written_again]] = np.inf

    def visited_in(self, rank: int) -> int:
        """Return how many pages of an address range were visited."""
        visited = self._setup.due.groups["rank"][self._pages["due"][: self._position]]
        return int(np.count_nonzero(visited == rank))

    @property
    def unvisited(self) -> int:
        """Pages that were not visited."""
        return self._count - self._position
