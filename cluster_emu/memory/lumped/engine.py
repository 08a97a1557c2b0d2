"""The lumped engine: pages that nothing can tell apart are counted, not kept one by one.

A VM of any size is a few hundred counts. Like the pages engine it knows no time but operational
time and bytes, and what is sent when is the strategy's truth table and nothing else.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.encoding.chain import Encoding, PageSizes
from cluster_emu.memory.base import FaultCosts, PostCopyMemory, RateEffect, RoundCounts
from cluster_emu.memory.lumped.batches import BatchRound, need_drawing
from cluster_emu.memory.lumped.cells import Cells, Flag, Kinds
from cluster_emu.memory.lumped.chance import Draws, MeanDraws, RandomDraws
from cluster_emu.memory.lumped.classes import PageClasses
from cluster_emu.memory.lumped.cuts import cut_in_two, first_unvisited
from cluster_emu.memory.lumped.due import Clearing, DecisionsByHistory, Due
from cluster_emu.memory.lumped.few import FEW_PAGES, FewPages
from cluster_emu.memory.lumped.lots import (
    FATE_OF_FLAG,
    Fate,
    Lots,
    flags_after,
    settle,
)
from cluster_emu.memory.lumped.many import ManyPages
from cluster_emu.memory.lumped.members import ROOM, Members, kinds_of
from cluster_emu.memory.lumped.push import AT_ONCE, LumpedPush
from cluster_emu.memory.lumped.strata import STRATA, Strata
from cluster_emu.memory.versions import PageVersions
from cluster_emu.strategies.contract import PeekSchedule, Strategy

Round = FewPages | ManyPages | BatchRound


_EVENLY = [1.0 / STRATA] * STRATA


class _Rules(NamedTuple):
    """What a strategy comes down to, found once.

    Args:
        first_round: what its table says in the first round.
        peeks: how the log is looked at.
        after: flags by fate and dirty bit.
        history_bits: dirty bits of past rounds that decisions need.
    """

    first_round: DecisionsByHistory
    peeks: PeekSchedule
    after: NDArray[np.int64]
    history_bits: int


@lru_cache(maxsize=64)
def _rules_of(strategy: Strategy) -> _Rules:
    """Return what a strategy comes down to."""
    return _Rules(
        DecisionsByHistory.of(strategy, strategy.table(1)),
        strategy.peek_schedule,
        flags_after(strategy.to_send),
        strategy.past_bits,
    )


@lru_cache(maxsize=64)
def _all_due(kinds: Kinds) -> NDArray[np.int64]:
    """Return the kinds of pages that are due and have no history, stretch by stretch."""
    stratum, page_class = np.indices((STRATA, kinds.classes))
    due = np.full(stratum.size, int(Flag.DUE))
    return kinds.keys(stratum.ravel(), page_class.ravel(), due, np.zeros_like(due))


class LumpedEngine:
    """Page state of one VM while it migrates, in counts.

    Args:
        classes: how many pages are written how often.
        strategy: what is sent when.
        encoding: what pages take on the wire; all the same.
        rng: the stream to draw from.
        absent_pages: pages, drawn at random, that need no transfer at all (ballooned out).
        mean_field: whether every draw comes out at its mean.
    """

    def __init__(
        self,
        classes: PageClasses,
        strategy: Strategy,
        encoding: Encoding,
        rng: np.random.Generator,
        *,
        absent_pages: int = 0,
        mean_field: bool = False,
    ) -> None:
        self.page_count = classes.page_count
        self.encoding = encoding
        self.round_number = 0
        self.now = 0.0
        self.versions: PageVersions | None = None
        self._classes = classes
        self._strategy = strategy
        self._rng = rng
        self._draws: Draws = MeanDraws() if mean_field else RandomDraws(rng)
        self._rules = _rules_of(strategy)
        self._rows, self._table = self._rules.first_round, strategy.table(1)
        self._peeks, self._after = self._rules.peeks, self._rules.after
        self._clearing = Clearing.of(strategy, self.page_count)
        self._strata = Strata()
        self._members = Members(classes, absent_pages, self._draws)
        kinds = kinds_of(len(classes.pages), self._rules.history_bits)
        self._cells = self._members.present_in(self._scattered(kinds, absent_pages))

    def _scattered(self, kinds: Kinds, absent_pages: int) -> Cells:
        """Scatter the pages over the address space; all of them are due."""
        pages = self._classes.pages
        if absent_pages:
            pages = pages - self._draws.without_replacement(pages, absent_pages)
        placed = self._draws.multinomial(pages, _EVENLY).T
        return Cells(kinds, _all_due(kinds), placed.ravel())

    # --- before and between rounds ---------------------------------------------------------------

    def warm(self, intervals: int, interval: float) -> None:
        """Fill the histories from logging intervals that end when the migration begins.

        Args:
            intervals: how many.
            interval: length of each in operational time.
        """
        for _ in range(intervals):
            cells = self._cells = self._members.ready_for(self._cells, interval)
            codes = [cells.kinds.shifted(cells.code, bit) for bit in (0, 1)]
            chance = self._members.writing.clean_chance(interval)
            self._draw_dirty(chance, [cells.flag, cells.flag], codes, interval)

    def wait(self, elapsed: float) -> None:
        """Let operational time pass between two rounds; what is written in it is due in the next.

        As if the log had been read only now: for the histories, a page written in the round before
        or in this wait was written once.
        """
        self.now += elapsed
        cells = self._cells = self._members.ready_for(self._cells, elapsed)
        flags = [self._after[FATE_OF_FLAG[cells.flag], bit] for bit in (0, 1)]
        flags[0] = cells.flag
        newest = min(cells.kinds.history_bits, 1)
        chance = self._members.writing.unwritten_chance(elapsed)
        self._draw_dirty(chance, flags, [cells.code, cells.code | newest], elapsed)

    def _draw_dirty(
        self,
        clean_chance: np.ndarray[tuple[int], np.dtype[np.float64]],
        flags: list[np.ndarray[tuple[int], np.dtype[np.int64]]],
        codes: list[np.ndarray[tuple[int], np.dtype[np.int64]]],
        elapsed: float,
    ) -> None:
        """Draw who is written; clean ones get the first flags and codes, dirty ones the second."""
        cells = self._cells
        clean = self._draws.binomial(cells.pages, clean_chance[cells.page_class])
        keys = [
            cells.kinds.keys(cells.stratum, cells.page_class, flags[bit], codes[bit])
            for bit in (0, 1)
        ]
        pages = np.concatenate([clean, cells.pages - clean])
        is_dirty = np.repeat([0, 1], len(cells))
        self._cells = self._members.settled(
            cells.kinds, np.concatenate(keys), pages, is_dirty, np.zeros_like(is_dirty), elapsed
        )

    @property
    def stale_pages(self) -> int:
        """Number of pages stop-and-copy would send if it began now."""
        return self._cells.stale

    @property
    def nothing_due(self) -> bool:
        """Whether the next live round has no page to look at."""
        return self._cells.total(Flag.DUE) == 0

    def stop_sizes(self) -> PageSizes:
        """Return what the stale pages take on the wire."""
        return self._sizes(self.stale_pages)

    @property
    def stale_bytes(self) -> float:
        """Bytes stop-and-copy would send if it began now."""
        return self.stale_pages * self.encoding.raw_bytes

    def lost_update_pages(self) -> int:
        """Number of stale pages that neither to_send nor the deferred set holds."""
        return self._cells.total(Flag.FORGOTTEN)

    def hand_over(self) -> None:
        """Let every stale page arrive at the target while the VM does not write at the source."""
        cells = self._cells
        current = np.full(len(cells), int(Flag.CURRENT))
        keys = cells.kinds.keys(cells.stratum, cells.page_class, current, cells.code)
        self._cells = Cells(cells.kinds, keys, cells.pages)

    def post_copy(self, costs: FaultCosts, *, bubbling: bool, pivots: int) -> PostCopyMemory:
        """Return the state in which the VM resumes at the target without the stale pages.

        In which order they are pushed makes no difference, as places say nothing about classes.
        """
        cells, writing = self._cells, self._members.writing
        stale = cells.flag != Flag.CURRENT
        labels = len(writing.rates)
        missing = np.bincount(cells.page_class[stale], cells.pages[stale], minlength=labels)
        given = self._draws.binomial(missing, np.full(labels, writing.given_share))
        return LumpedPush(
            np.concatenate([missing - given, given]),
            np.concatenate([self._members.rates, np.full(labels, AT_ONCE)]),
            self.encoding.raw_bytes,
            costs,
            self._draws,
            self._members.in_push(),
        )

    def _sizes(self, pages: int) -> PageSizes:
        return PageSizes(pages, self.encoding.raw_bytes)

    # --- one live round --------------------------------------------------------------------------

    def begin_round(self) -> None:
        """Start the next live round with every page that is due."""
        self.round_number += 1
        self._cells = self._strata.make_room(self._cells)
        self._due = Due.of(self._cells, self._strata, self._decisions())
        self._opened: Round | None = None
        self._stalled = 0.0

    def _decisions(self) -> DecisionsByHistory:
        """Return what the strategy's table says in this round."""
        table = self._strategy.table(self.round_number)
        if table is not self._table:
            self._table, self._rows = table, DecisionsByHistory.of(self._strategy, table)
        return self._rows

    def _open(self, pace: float) -> Round:
        """Choose how the round is drawn, now that its first rate is known."""
        self._get_ready_for(ROOM * float(self._due.total) * pace)
        wire_bytes, due = self.encoding.raw_bytes, self._due
        common = self._cells, due, self._members.writing, self._peeks
        if not self._draws.is_random:
            return ManyPages(*common, self._clearing, wire_bytes, self._draws)
        if due.total <= FEW_PAGES:
            return FewPages(*common, self._clearing, wire_bytes, self._rng)
        if need_drawing(*common[1:], self._clearing, pace):
            return BatchRound(*common, wire_bytes, self._rng)
        return ManyPages(*common, self._clearing, wire_bytes, self._draws)

    def _get_ready_for(self, duration_s: float) -> None:
        """Draw who is in the moving sets that the round, if it takes so long, comes to."""
        cells = self._members.ready_for(self._cells, duration_s)
        if cells is not self._cells:
            self._cells = cells
            self._due = Due.of(cells, self._strata, self._rows)

    @property
    def _round(self) -> Round:
        if self._opened is None:
            self._opened = self._open(0.0)
            self._opened.advance(0.0, self._stalled)
        return self._opened

    @property
    def rate_effect(self) -> RateEffect:
        """What another rate does to the bytes that `plan` returned."""
        return self._round.rate_effect

    @property
    def end_is_known(self) -> bool:
        """Whether what `plan` returned last is the end of the round, not a time to plan again."""
        return self._round.end_is_known

    def plan(self, time_per_byte: float, sync_threshold_bytes: float = 0.0) -> float:
        """Return the bytes until the round ends, or until its end can be known.

        Args:
            time_per_byte: operational seconds per byte on the wire.
            sync_threshold_bytes: the round ends once fewer bytes than this wait for their turn.
        """
        if self._opened is None:
            self._opened = self._open(time_per_byte * self.encoding.raw_bytes)
            self._opened.advance(0.0, self._stalled)
        return self._opened.plan(time_per_byte, sync_threshold_bytes)

    def advance(self, sent_bytes: float, elapsed: float) -> None:
        """Let bytes go over the wire and operational time pass, within the round as planned."""
        self.now += elapsed
        if self._opened is None:  # nothing can be sent before the first plan: a stall
            self._stalled += elapsed
        else:
            self._opened.advance(sent_bytes, elapsed)

    def cut_short(self) -> float:
        """Let the round end where it stands; return what the page in transit still takes."""
        return self._round.cut_short()

    @property
    def sent_in_round(self) -> tuple[int, float]:
        """Pages (the one in transit included) and bytes sent so far in the round under way."""
        if self._opened is None:
            return 0, 0.0
        return self._opened.pages_sent, self._opened.bytes_sent

    @property
    def bytes_waiting(self) -> float:
        """Bytes of the pages whose turn has not come in the round under way; an estimate."""
        if self._opened is None:
            return float(self._due.total) * self.encoding.raw_bytes
        return self._opened.bytes_waiting

    @property
    def round_sizes(self) -> PageSizes:
        """What the pages due in the round under way take on the wire."""
        return self._sizes(round(self._due.total))

    def end_round(self, elapsed: float) -> RoundCounts:
        """Finish the round as planned, read and clear the dirty log, and return what happened.

        Args:
            elapsed: operational time since the last call of `advance` (or the start).
        """
        self.now += elapsed
        lots = self._round.end(elapsed)
        if self._round.unvisited > 0:
            lots = self._split_at_cut(lots)
        elif self._strategy.cyclic:
            self._strata.scan_from_place(0)
        settled = settle(self._cells, lots, self._after, self._draws)
        counted = self._cells.kinds, settled.keys, settled.pages
        if self._classes.hot is None:
            self._cells = Cells(*counted)
        else:
            is_dirty, fate = np.arange(len(settled.keys)) & 1, np.repeat(lots.kind[1], 2)
            self._cells = self._members.settled(*counted, is_dirty, fate, self._round.time)
        totals = [round(total) for total in settled.totals]
        return RoundCounts(
            due=sum(totals[Fate.SENT :]),
            sent=totals[Fate.SENT],
            skipped=totals[Fate.SKIPPED],
            deferred=totals[Fate.DEFERRED],
            unvisited=totals[Fate.UNVISITED],
            dirtied=round(settled.dirtied),
            bytes_sent=self._round.bytes_sent,
        )

    def _split_at_cut(self, lots: Lots) -> Lots:
        """Give what lies behind the end of a round that was cut short a stretch of its own."""
        rank, left = first_unvisited(lots.kind, lots.pages, self._strata.ranks)
        label = self._strata.scan_order[rank]
        visited = self._round.visited_of(rank)
        if visited <= 0:
            self._scan_on_from(label)
            return lots
        # the scan stopped before the next page due: with v of them before it, an order statistic
        share = float(self._draws.beta(visited + 1, left))
        behind = self._strata.split(label, share)
        self._scan_on_from(behind)
        return cut_in_two(self._cells, lots, label, behind, share, self._draws)

    def _scan_on_from(self, label: int) -> None:
        if self._strategy.cyclic:
            self._strata.scan_from(label)
