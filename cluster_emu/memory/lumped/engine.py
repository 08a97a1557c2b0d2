"""The lumped engine: it counts interchangeable pages instead of keeping each page.

A VM of any size is a few hundred counts. Like the pages engine, this one uses operational time and
bytes only, and the strategy's truth table alone decides what is sent when.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cluster_emu.encoding.chain import Encoding, PageSizes
from cluster_emu.memory.base import (
    FaultCosts,
    PostCopyMemory,
    RateDependence,
    RoundAhead,
    RoundCounts,
    RoundsAhead,
)
from cluster_emu.memory.dirtying.description import PlacedPages
from cluster_emu.memory.lumped._kernels import (
    AHEAD_ROUND,
    AHEAD_SETTING,
    OUTCOME_OF_STATUS,
    Floats,
    Integers,
    Outcome,
    OutcomeTotals,
    PageStatus,
    Records,
    StatusTotals,
    end_round,
    first_unvisited,
    read_dirty_log,
    run_rounds_ahead,
    scatter_pages,
    split_outcomes,
    undue_in_range,
    write_between_rounds,
)
from cluster_emu.memory.lumped.address_ranges import FIRST_RANGES, MOST_RANGES, AddressRanges
from cluster_emu.memory.lumped.batched_round import BatchedRound, needs_batches
from cluster_emu.memory.lumped.classes import PageClasses
from cluster_emu.memory.lumped.draws import Draws, MeanDraws, RandomDraws
from cluster_emu.memory.lumped.exact_round import MOST_EXACT_PAGES, ExactRound
from cluster_emu.memory.lumped.expected_round import ROUGH, SMOOTH, ExpectedRound
from cluster_emu.memory.lumped.layout import laid_out
from cluster_emu.memory.lumped.membership import READY_FACTOR, WorkingSetMembership
from cluster_emu.memory.lumped.page_groups import (
    MOST_DENSE_STATES,
    DuePages,
    PageGroups,
    state_index,
)
from cluster_emu.memory.lumped.post_copy import TOUCHED_AT_ONCE_PER_S, LumpedPostCopy
from cluster_emu.memory.lumped.round_setup import RoundSetup
from cluster_emu.memory.lumped.strategy_rules import rules_of
from cluster_emu.memory.lumped.write_rates import WriteRates
from cluster_emu.memory.lumped.zero_pages import WireSizes, ZeroContent, divided
from cluster_emu.memory.versions import PageVersions
from cluster_emu.strategies.contract import Strategy

Round = ExactRound | ExpectedRound | BatchedRound

MOST_EXACT_WITH_ZERO = 2**17
"""Pages up to which a round with zero pages is exact where pages share peeks in batches."""

_EVENLY = [1.0 / FIRST_RANGES] * FIRST_RANGES
_EVERY_STATUS = np.array(list(PageStatus))


class LumpedEngine:
    """Page state of one VM while it migrates, in counts.

    Args:
        classes: how many pages are written how often.
        strategy: what is sent when.
        encoding: what pages take on the wire; all the same but for zero pages.
        rng: the stream to draw from.
        absent_pages: pages, drawn at random, that need no transfer at all (ballooned out).
        mean_field: whether every draw takes its mean.
        zero_content: which pages are zero, where these take less on the wire.
        layout: where the pages lie, in address order; empty where they are scattered.

    Attributes:
        rate_dependence: how the bytes that `plan` returned last depend on the rate.
        end_is_known: whether these are the end of the round, not a time to plan again.
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
        zero_content: ZeroContent | None = None,
        layout: Sequence[PlacedPages] = (),
    ) -> None:
        self.page_count = classes.page_count
        self.encoding = encoding
        self.round_number = 0
        self.now = 0.0
        self.versions: PageVersions | None = None
        self.rate_dependence = RateDependence.UNKNOWN
        self.end_is_known = False
        self._rng = rng
        self._unsent_pages = self._unsent_zero = 0.0
        self._draws: Draws = MeanDraws() if mean_field else RandomDraws(rng)
        self._wire = WireSizes(encoding.raw_bytes)
        if zero_content is not None:
            classes, self._wire = divided(
                classes, zero_content, encoding.page_bytes, encoding.raw_bytes, self._draws
            )
        self._has_zero = zero_content is not None
        self._classes = classes
        self._rules = rules_of(strategy, self.page_count)
        self._decisions = self._rules.first_decisions
        self._layout: Floats | None = None
        self._ranges = AddressRanges()
        if layout:
            self._layout = laid_out(layout, classes, zero_apart=self._has_zero)
            self._ranges = AddressRanges((self._layout.sum(axis=0) / self.page_count).tolist())
        self._membership: WorkingSetMembership | None = None
        if classes.hot is not None:
            self._membership = WorkingSetMembership(classes, classes.hot, absent_pages, self._draws)
        self._fixed_rates = WriteRates(classes)
        self._groups = self._scattered(absent_pages)
        # one kernel ends a round if no set moves and the states are few enough for an array
        self._is_plain = self._groups.index.states <= MOST_DENSE_STATES
        if self._membership is not None:
            self._groups = self._membership.with_first_set(self._groups)
            self._is_plain = False

    def _scattered(self, absent_pages: int) -> PageGroups:
        """Scatter the pages over the address space; all of them are due."""
        pages = self._classes.pages.astype(np.float64)
        if absent_pages:
            pages = pages - self._draws.without_replacement(pages, absent_pages)
        placed = self._layout
        if placed is None:
            placed = self._draws.multinomial(pages, _EVENLY)
        index = state_index(len(pages), MOST_RANGES, self._rules.history_bits)
        return PageGroups(index, scatter_pages(placed))

    @property
    def _rates(self) -> WriteRates:
        return self._fixed_rates if self._membership is None else self._membership.rates

    # --- before and between rounds ---------------------------------------------------------------

    def warm(self, intervals: int, interval: float) -> None:
        """Fill the histories from logging intervals that end when the migration begins.

        Args:
            intervals: how many.
            interval: length of each in operational time.
        """
        for _ in range(intervals):
            self._get_ready_for(interval, interval)
            self._write(self._rates.clean_chance(interval), _EVERY_STATUS, interval, new=True)

    def wait(self, elapsed: float) -> None:
        """Let operational time pass between two rounds; pages written in it are due in the next.

        The histories treat the round before and this wait as one logging interval, as if the log
        had been read only now.
        """
        self.now += elapsed
        self._get_ready_for(elapsed, elapsed)
        status_if_dirty = self._rules.status_after[OUTCOME_OF_STATUS, 1]
        self._write(self._rates.unwritten_chance(elapsed), status_if_dirty, elapsed, new=False)
        self._has_zero = self._has_zero and self._zero_pages > 0

    def _write(
        self,
        clean_chance: Floats,
        status_if_dirty: Integers,
        elapsed: float,
        *,
        new: bool,
    ) -> None:
        """Draw which pages are written outside live rounds.

        Args:
            clean_chance: chance of each write class not to be written.
            status_if_dirty: the status of a page that is written, by its status before.
            elapsed: the time.
            new: whether this is a logging interval of its own in the histories.
        """
        groups = self._groups
        count = len(groups.records)
        records = write_between_rounds(
            groups.records,
            clean_chance,
            status_if_dirty,
            new,
            groups.index.history_bits,
            self._draws.normals(count),
        )
        is_dirty = np.repeat([0, 1], count)
        if self._has_zero and not new:
            records = self._wire.after_reading(records, is_dirty)
        self._groups = self._with_members(records, is_dirty, elapsed)

    @property
    def _zero_pages(self) -> float:
        """Pages that are still zero and were never sent."""
        return self._wire.zero_of(self._groups.records)

    def _with_members(
        self,
        records: Records,
        is_dirty: Integers,
        elapsed: float,
    ) -> PageGroups:
        """Update the moving set for time that has passed, and merge equal groups."""
        if self._membership is None:
            return PageGroups.merged(self._groups.index, records)
        return self._membership.after(self._groups, records, is_dirty, elapsed)

    def _get_ready_for(self, duration: float, longest: float) -> None:
        """Draw which pages the moving sets write that begin in so much operational time.

        Args:
            duration: the expected time.
            longest: the time that is not likely to be exceeded.
        """
        if self._membership is not None:
            self._groups = self._membership.ready_for(self._groups, duration, longest)

    @property
    def stale_pages(self) -> int:
        """Number of pages stop-and-copy would send if it began now."""
        return round(self._groups.totals.stale)

    @property
    def nothing_to_send(self) -> bool:
        """Whether the next live round has no page to visit."""
        return round(self._groups.totals.due) == 0

    def stop_sizes(self) -> PageSizes:
        """Return what the stale pages take on the wire."""
        return self._sizes(self.stale_pages, PageStatus.CURRENT, equal=False)

    @property
    def stale_bytes(self) -> float:
        """Bytes stop-and-copy would send if it began now."""
        return self.stop_sizes().total_bytes

    @property
    def stale_memory_bytes(self) -> float:
        """Bytes of memory that the stale pages hold."""
        return self.stale_pages * self.encoding.page_bytes

    def lost_update_pages(self) -> int:
        """Number of stale pages that neither to_send nor the deferred set holds."""
        return round(self._groups.totals.lost_update)

    def hand_over(self) -> None:
        """Let every stale page arrive at the target while the VM does not write at the source."""
        records = self._groups.records.copy()
        records["status"] = PageStatus.CURRENT
        self._groups = PageGroups.merged(self._groups.index, records)

    def post_copy(self, costs: FaultCosts, *, bubbling: bool, pivots: int) -> PostCopyMemory:
        """Return the state in which the VM resumes at the target without the stale pages.

        The order in which they are pushed makes no difference: addresses and classes are
        independent.
        """
        records, rates, membership = self._groups.records, self._rates, self._membership
        stale = records[records["status"] != PageStatus.CURRENT]
        classes = len(rates.per_page_s)
        missing = np.bincount(stale["write_class"], stale["pages"], minlength=classes).astype(
            np.float64
        )
        given = self._draws.binomial(missing, np.full(classes, rates.dirty_probability))
        touched = rates.per_page_s if membership is None else membership.touch_rates()
        return LumpedPostCopy(
            np.concatenate([missing - given, given]),
            np.concatenate([touched, np.full(classes, TOUCHED_AT_ONCE_PER_S)]),
            np.tile(self._wire.by_class(classes), 2),
            costs,
            self._draws,
            None if membership is None else membership.after_resume(),
        )

    def _sizes(self, pages: int, status: PageStatus, *, equal: bool) -> PageSizes:
        """Return what pages take whose status is, or is not, the given one."""
        if not self._has_zero:
            return PageSizes(pages, self.encoding.raw_bytes)
        records = self._groups.records
        chosen = records[(records["status"] == status) == equal]
        return self._wire.sizes(pages, self._wire.zero_of(chosen))

    # --- many live rounds ------------------------------------------------------------------------

    def run_ahead(self, ahead: RoundsAhead) -> Sequence[RoundAhead]:
        """Work out whole live rounds in one call of a kernel, which draws as one by one.

        It does where nothing but classes of pages is written, and where every round is exact or,
        in the mean field, expected.
        """
        rules, groups, ranges = self._rules, self._groups, self._ranges
        is_exact = self._draws.is_random
        if (
            not self._is_plain
            or self._has_zero
            or rules.clearing.is_in_mid_round
            or ranges.is_full
            or ranges.first
            or ahead.intensity <= 0
        ):
            return ()
        setting = (
            ahead.now_s,
            ahead.until_s,
            ahead.bytes_per_s,
            ahead.intensity,
            self.encoding.raw_bytes,
            is_exact,
            MOST_EXACT_PAGES if is_exact else np.inf,
            ahead.least_left,
            self._rates.highest,
            rules.peeks.fraction,
            rules.peeks.batch_pages,
        )
        rounds = np.empty(ahead.rounds, dtype=AHEAD_ROUND)
        done, records, by_status, now, unsent_pages = run_rounds_ahead(
            groups.records,
            groups.totals.due,
            self._unsent_pages,
            self.now,
            np.array([setting], dtype=AHEAD_SETTING),
            ranges.table,
            len(ranges.scanned),
            rules.later_decisions,
            self._rates.per_page_s,
            self._rates.law,
            rules.status_after,
            groups.index.table,
            SMOOTH,
            ROUGH,
            self._rng,
            rounds,
        )
        if done:
            self._groups = PageGroups(groups.index, records, StatusTotals(*by_status))
            self.now, self._unsent_pages = now, unsent_pages
            self.round_number += done
        found = []
        for end_s, bytes_sent, sent, *others in rounds[:done].tolist():
            skipped, deferred, dirtied, left = map(round, others)
            due = sent + skipped + deferred
            counts = RoundCounts(due, sent, skipped, deferred, 0, dirtied, bytes_sent)
            found.append(RoundAhead(end_s, counts, left))
        return found

    # --- one live round --------------------------------------------------------------------------

    def begin_round(self) -> None:
        """Start the next live round with every page that is due."""
        self.round_number += 1
        if self._ranges.is_full:
            joined = self._ranges.join_most_alike(self._groups.records)
            self._groups = PageGroups.merged(self._groups.index, joined)
        if self.round_number > 1:
            self._decisions = self._rules.later_decisions
        self._due_pages = self._groups.totals.due
        self._opened: Round | None = None
        self._stalled = 0.0
        self.rate_dependence, self.end_is_known = RateDependence.UNKNOWN, False

    def _open(self, time_per_byte: float) -> Round:
        """Choose how the round is drawn, now that its first rate is known."""
        time_per_page = time_per_byte * self.encoding.raw_bytes
        longest = self._due_pages * time_per_page
        self._get_ready_for(longest, READY_FACTOR * longest)
        weight = None
        if self._has_zero:
            weight = self._wire.by_class(len(self._rates.per_page_s)) / self._wire.page_bytes
        due = DuePages.of(self._groups, self._ranges, self._decisions, weight)
        self._due_pages = due.total
        setup = RoundSetup(
            self._groups,
            due,
            self._rates,
            self._rules,
            self._wire,
            self._has_zero,
            self._draws,
            self._unsent_pages,
            self._unsent_zero,
        )
        most_exact = MOST_EXACT_PAGES
        if self._has_zero and self._rules.peeks.batch_pages > 1:
            most_exact = MOST_EXACT_WITH_ZERO
        opened: Round
        if not self._draws.is_random:
            opened = ExpectedRound(setup)
        elif due.total <= most_exact:
            opened = ExactRound(setup, self._rng)
        elif (
            not self._has_zero
            and self._rules.peeks.batch_pages > 1
            and needs_batches(due, self._rates, self._rules, time_per_page)
        ):
            opened = BatchedRound(setup, self._rng)
        else:
            opened = ExpectedRound(setup)
        if self._stalled:
            opened.advance(0.0, self._stalled)
        return opened

    @property
    def _round(self) -> Round:
        if self._opened is None:
            self._opened = self._open(0.0)
        return self._opened

    def plan(self, time_per_byte: float, sync_threshold_bytes: float = 0.0) -> float:
        """Return the bytes until the round ends, or until its end can be known.

        Args:
            time_per_byte: operational seconds per byte on the wire.
            sync_threshold_bytes: the round ends once the unvisited pages have fewer bytes in
                memory.
        """
        if self._opened is None:
            self._opened = self._open(time_per_byte)
        opened = self._opened
        left_bytes = opened.plan(time_per_byte, self.encoding.pages_within(sync_threshold_bytes))
        self.rate_dependence, self.end_is_known = opened.rate_dependence, opened.end_is_known
        return left_bytes

    def advance(self, sent_bytes: float, elapsed: float) -> None:
        """Let bytes go over the wire and operational time pass, within the round as planned."""
        self.now += elapsed
        if self._opened is None:  # a stall: nothing can be sent before the first plan
            self._stalled += elapsed
        else:
            self._opened.advance(sent_bytes, elapsed)

    def cut_short(self) -> float:
        """End the round now; return the bytes that the page in transit still takes."""
        left_bytes = self._round.cut_short()
        self.rate_dependence, self.end_is_known = RateDependence.UNKNOWN, True
        return left_bytes

    @property
    def bytes_sent_in_round(self) -> float:
        """Bytes sent so far in the round under way."""
        return 0.0 if self._opened is None else self._opened.bytes_sent

    @property
    def bytes_waiting(self) -> float:
        """Bytes of memory in the pages that the present round has not visited; an estimate."""
        waiting = self._due_pages if self._opened is None else self._opened.pages_waiting
        return waiting * self.encoding.page_bytes

    @property
    def round_sizes(self) -> PageSizes:
        """What the pages due in the present round take on the wire."""
        return self._sizes(round(self._due_pages), PageStatus.DUE, equal=True)

    def end_round(self, elapsed: float) -> RoundCounts:
        """Finish the round as planned, read and clear the dirty log, and return what happened.

        Args:
            elapsed: operational time since the last call of `advance` (or the start).
        """
        self.now += elapsed
        live_round, groups, raw_bytes = self._round, self._groups, self.encoding.raw_bytes
        has_zero = self._has_zero
        outcomes = live_round.end(elapsed)
        if live_round.unvisited > 0:
            outcomes = self._split_range(outcomes)
        elif self._rules.is_cyclic:
            self._ranges.scan_from_place(0)
        arguments = (
            groups.records,
            outcomes,
            self._rules.status_after,
            groups.index.table,
            self._draws.normals(len(outcomes)),
        )
        if self._is_plain and not has_zero:
            records, counted, by_status = end_round(*arguments)
            self._groups = PageGroups(groups.index, records, StatusTotals(*by_status))
        else:
            records, counted = read_dirty_log(*arguments)
            is_dirty = np.arange(len(records)) & 1
            if has_zero:
                records = self._wire.after_reading(records, is_dirty)
            self._groups = self._with_members(records, is_dirty, live_round.time_s)
        totals = OutcomeTotals(*counted)
        # The wire carries whole pages: what the mean field sent beyond them, later rounds send.
        skipped = round(totals.skipped)
        if has_zero:
            sent, bytes_sent = self._sent_with_zero(groups.records, outcomes)
            self._has_zero = self._zero_pages > 0
        else:
            sent = round(live_round.bytes_sent / raw_bytes)
            bytes_sent = sent * raw_bytes
            self._unsent_pages += totals.sent - sent
        deferred, unvisited = round(totals.deferred), round(totals.unvisited)
        return RoundCounts(
            due=sent + skipped + deferred + unvisited,
            sent=sent,
            skipped=skipped,
            deferred=deferred,
            unvisited=unvisited,
            dirtied=round(totals.dirtied),
            bytes_sent=bytes_sent,
        )

    def _sent_with_zero(self, groups: Records, outcomes: Records) -> tuple[int, float]:
        """Return how many pages a round has sent, some of them zero, and their bytes."""
        sent = outcomes[outcomes["outcome"] == Outcome.SENT]
        is_zero = self._wire.are_zero(groups["write_class"][sent["group"]])
        zero, others = sent["pages"][is_zero].sum(), sent["pages"][~is_zero].sum()
        whole_zero = math.floor(zero + self._unsent_zero + 0.5)
        whole_others = math.floor(others + self._unsent_pages + 0.5)
        self._unsent_zero += zero - whole_zero
        self._unsent_pages += others - whole_others
        in_bytes = whole_others * self._wire.page_bytes + whole_zero * self._wire.zero_bytes
        return whole_others + whole_zero, in_bytes

    def _split_range(self, outcomes: Records) -> Records:
        """Split the address range in which a round that was cut short has ended."""
        ranges = self._ranges
        rank, left = first_unvisited(outcomes, ranges.table, len(ranges.order))
        label = ranges.scan_order[rank]
        visited = self._round.visited_in(rank)
        if visited <= 0:
            self._scan_on_from(label)
            return outcomes
        # the scan stopped before the next page due: with v of them before it, an order statistic
        share = float(self._draws.beta(visited + 1, left))
        new = ranges.split(label, share)
        self._scan_on_from(new)
        undue = undue_in_range(self._groups.records, outcomes, label)
        before = self._draws.binomial(outcomes["pages"][undue], np.full(len(undue), share))
        return split_outcomes(outcomes, undue, before, label, new)

    def _scan_on_from(self, label: int) -> None:
        if self._rules.is_cyclic:
            self._ranges.scan_from(label)
