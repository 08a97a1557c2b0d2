"""A live round whose pages share peeks at the dirty log in batches, drawn batch by batch; exact.

At a peek, every page that waits is clean or dirty by its write class alone, so a batch is a few
draws: how many pages are seen clean, and how many pages the scan visits until the batch is full. If
the rate changes, the engine keeps every batch whose peek has passed and draws the later ones again.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.base import RateDependence
from cluster_emu.memory.lumped._kernels import (
    BATCH,
    MOST_BATCHES,
    PEEK_TIMES,
    SEEN,
    STEEP,
    SUMMED_UP_TO,
    Records,
    draw_batches,
    first_sends,
    normals_per_batch,
    outcomes_of_batches,
)
from cluster_emu.memory.lumped.page_groups import DuePages
from cluster_emu.memory.lumped.round_setup import RoundSetup
from cluster_emu.memory.lumped.send_times import SendTimes
from cluster_emu.memory.lumped.strategy_rules import StrategyRules
from cluster_emu.memory.lumped.write_rates import WriteRates

Floats = NDArray[np.float64]

BATCHES_PER_CALL = 32
"""Batches drawn by one call, about."""
_ROUNDING = 1e-6


def needs_batches(
    due: DuePages, rates: WriteRates, rules: StrategyRules, time_per_page_s: float
) -> bool:
    """Return whether the batches of a round whose pages share peeks must be drawn one by one.

    Args:
        due: what is due.
        rates: how often pages are written.
        rules: what the strategy decides.
        time_per_page_s: operational seconds per page sent.
    """
    batch_pages = rules.peeks.batch_pages
    if rules.clearing.is_in_mid_round:
        return False
    is_few = due.total <= MOST_BATCHES * batch_pages
    return is_few or bool(rates.highest * time_per_page_s * batch_pages > STEEP)


class Batches(NamedTuple):
    """Pages that shared one peek, batch by batch.

    Args:
        sent: `_kernels.BATCH`, [batches].
        clean_chance: chance that a page of each class was clean at the peek, [batches, write
            classes].
        seen: pages visited, `_kernels.SEEN`, [batches, due].
    """

    sent: Records
    clean_chance: Floats
    seen: Records

    @classmethod
    def none(cls, due: int, write_classes: int) -> Batches:
        """Return no batches."""
        return cls(
            np.empty(0, dtype=BATCH), np.empty((0, write_classes)), np.empty((0, due), dtype=SEEN)
        )

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.sent)

    @property
    def visited(self) -> Floats:
        """Pages of each due group visited in all batches, [due]."""
        visited: Floats = self.seen["clean"].sum(axis=0) + self.seen["dirty"].sum(axis=0)
        return visited

    def first(self, count: int) -> Batches:
        """Return the first ones."""
        return Batches(*(table[:count] for table in self))

    def joined(self, others: Batches) -> Batches:
        """Return these and then others."""
        return Batches(*(np.concatenate(both) for both in zip(self, others, strict=True)))


class BatchedRound:
    """A round in batches.

    Args:
        setup: what the round starts from.
        rng: the stream to draw from.
    """

    end_is_known = True
    rate_dependence = RateDependence.UNKNOWN

    def __init__(self, setup: RoundSetup, rng: np.random.Generator) -> None:
        self._setup = setup
        self._due = setup.due.groups
        self._page_bytes = setup.wire.page_bytes
        self._rng = rng
        self._times = SendTimes()
        self._may_wait = 0
        self._batches = Batches.none(len(self._due), len(setup.rates.per_page_s))
        self._waiting = np.ascontiguousarray(self._due["pages"])

    # --- as a round under way --------------------------------------------------------------------

    @property
    def time_s(self) -> float:
        """Operational time since the round began."""
        return self._times.time_s

    def plan(self, time_per_byte: float, may_wait: int) -> float:
        """Return the bytes the round still takes."""
        sent = self._batches.sent
        past_peeks = sent["begin"] if may_wait == self._may_wait else sent["end"]
        self._keep(int(np.searchsorted(past_peeks, self._times.pages, side="right")))
        self._may_wait = may_wait
        self._times.time_per_page_s = time_per_byte * self._page_bytes
        self._draw()
        if self._end_pages < self._begun_pages:
            return self.cut_short()  # more pages may wait than before: the round should have ended
        return self._bytes_left

    def advance(self, sent_bytes: float, elapsed_s: float) -> None:
        """Let bytes go over the wire and operational time pass."""
        self._times.advance(sent_bytes / self._page_bytes, elapsed_s)

    @property
    def bytes_sent(self) -> float:
        """Bytes on the wire so far."""
        return self._times.pages * self._page_bytes

    @property
    def pages_waiting(self) -> float:
        """Bytes of the pages that were not visited, as if a batch's sends were spread evenly."""
        sent, seen = self._batches.sent, self._batches.seen
        done = (self._times.pages - sent["begin"]) / np.maximum(sent["end"] - sent["begin"], 1)
        in_batch = seen["clean"].sum(axis=1) + seen["dirty"].sum(axis=1)
        visited = (in_batch * np.clip(done, 0.0, 1.0)).sum()
        return self._setup.due.total - float(visited)

    def cut_short(self) -> float:
        """End the round after the page in transit; return the bytes that it still takes."""
        if not self._batches.total or self._end_pages < self._begun_pages:
            ends = self._batches.sent["end"]
            self._keep(int(np.searchsorted(ends, self._times.pages, side="right")))
            self._may_wait = 0
            self._draw()
        sent = self._begun_pages
        self._keep(int(np.searchsorted(self._batches.sent["begin"], sent, side="left")))
        if self._end_pages > sent:
            self._shorten_last(sent)
        return self._bytes_left

    @property
    def _begun_pages(self) -> int:
        return math.ceil(self._times.pages - _ROUNDING)

    @property
    def _end_pages(self) -> int:
        return int(self._batches.sent["end"][-1]) if self._batches.total else 0

    @property
    def _bytes_left(self) -> float:
        return max(self._end_pages - self._times.pages, 0.0) * self._page_bytes

    # --- drawing ---------------------------------------------------------------------------------

    def _keep(self, count: int) -> None:
        """Discard all but the first batches."""
        if count < self._batches.total:
            self._batches = self._batches.first(count)
            self._waiting = self._due["pages"] - self._batches.visited

    def _draw(self) -> None:
        """Draw batches until every page is visited, or few enough pages wait."""
        times, peeks, rates = self._times, self._setup.rules.peeks, self._setup.rates
        row = times.time_per_page_s, peeks.fraction, peeks.batch_pages, 0.0
        peek_times = np.array([row], dtype=PEEK_TIMES)
        while int(self._waiting.sum()) > self._may_wait:
            drawn = Batches(
                *draw_batches(
                    self._due,
                    self._waiting,
                    float(self._may_wait),
                    float(self._end_pages),
                    rates.per_page_s,
                    rates.law,
                    times.breakpoints,
                    peek_times,
                    self._rng.standard_normal(self._normals_needed()),
                )
            )
            self._batches = self._batches.joined(drawn)
            self._waiting = self._waiting - drawn.visited

    def _normals_needed(self) -> int:
        """Return how many normal deviates the batches that are likely to be left take."""
        groups = len(self._due)
        batches = int(self._waiting.sum()) // self._setup.rules.peeks.batch_pages
        each = groups + 2 * SUMMED_UP_TO
        return normals_per_batch(groups) + min(batches, BATCHES_PER_CALL) * each

    def _shorten_last(self, end: int) -> None:
        """Let the last batch end as soon as so many pages of the round are sent."""
        sent, _, seen = self._batches
        kept = first_sends(
            self._due,
            seen[-1],
            float(end - int(sent["begin"][-1])),
            self._rng.standard_normal(normals_per_batch(len(self._due))),
        )
        returned = (seen[-1]["clean"] - kept["clean"]) + (seen[-1]["dirty"] - kept["dirty"])
        self._waiting = self._waiting + returned
        seen[-1] = kept
        sent["end"][-1] = end

    # --- the end ---------------------------------------------------------------------------------

    def end(self, elapsed_s: float) -> Records:
        """Finish the round as planned; return `_kernels.OUTCOME_GROUP` of all pages."""
        self._times.advance(self._bytes_left / self._page_bytes, elapsed_s)
        return outcomes_of_batches(
            self._setup.groups.records,
            self._due,
            self._batches.seen,
            self._batches.clean_chance,
            self._waiting,
            self._setup.rates.clean_chance(self.time_s),
        )

    def visited_in(self, rank: int) -> int:
        """Return how many pages of an address range were visited."""
        return int((self._due["pages"] - self._waiting)[self._due["rank"] == rank].sum())

    @property
    def unvisited(self) -> int:
        """Pages that were not visited."""
        return int(self._waiting.sum())
