"""A live round with many pages due: it is drawn group by group from its expected trajectory.

Nothing is drawn until the round is nearly over, so that a change of rate or intensity only moves
the predicted end. Then the address ranges are drawn one after the other, each from the actual time
at which the scan reaches it.
"""

from __future__ import annotations

import math
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.base import RateDependence
from cluster_emu.memory.lumped._kernels import (
    PEEK_TIMES,
    QUADRATURE,
    SEEN,
    SEND,
    Records,
    blurs_batches,
    draw_seen,
    outcomes_of_expected_round,
    outcomes_with_cleared_bits,
    solve_trajectory,
    spread_over_parts,
    visited_share,
)
from cluster_emu.memory.lumped.address_ranges import MOST_RANGES
from cluster_emu.memory.lumped.round_setup import RoundSetup
from cluster_emu.memory.lumped.send_times import SAME_RATE, SendTimes
from cluster_emu.memory.lumped.write_rates import WriteRates

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

EARLY_SDS = 5.0
EARLY_SHARE = 0.005
"""A round is drawn so many standard deviations, plus this share of the round, before its expected
end. The draw assumes that the rate stays constant from then on."""
AT_ONCE_PAGES = 1.0
"""The round is drawn now if at most so many pages are left to send until the time to draw it.

The time that fewer pages take may be less than the rounding error of the clock."""
VISIT_POINTS = 128
"""Number of points of an address range; between two, visits are assumed to be evenly spaced."""
PARTS = 16
"""Most parts of an address range, used where bits are cleared in mid-round."""
MOST_CELLS = 256
"""Most cells of an address range for which the time is computed at which their bits are cleared."""
_ROUNDING = 1e-6
_LEAST = 1e-300
_WHOLE = [np.ones(ranks) for ranks in range(MOST_RANGES + 1)]
"""By number of address ranges: the visited shares if the scan visits each range completely."""


# --- the expected trajectory ----------------------------------------------------------------------


def _lobatto() -> Records:
    """Return the Gauss-Lobatto rule of nine points, exact for polynomials of degree 15."""
    inner = np.polynomial.legendre.Legendre.basis(8).deriv().roots()
    points = np.concatenate([[-1.0], np.sort(inner.real), [1.0]])
    weights = 2.0 / (9 * 8 * np.polynomial.legendre.Legendre.basis(8)(points) ** 2)
    return quadrature((points + 1.0) / 2.0, weights / 2.0)


def midpoints(count: int) -> Records:
    """Return the midpoint rule with so many points, and the ends with no weight."""
    points = (np.arange(count) + 0.5) / count
    weights = np.full(count, 1.0 / count)
    return quadrature(
        np.concatenate([[0.0], points, [1.0]]), np.concatenate([[0.0], weights, [0.0]])
    )


def quadrature(points: Floats, weights: Floats) -> Records:
    """Return a quadrature rule as a table, `_kernels.QUADRATURE`."""
    rule = np.empty(len(points), dtype=QUADRATURE)
    rule["point"], rule["weight"] = points, weights
    return rule


SMOOTH = _lobatto()
ROUGH = midpoints(64)
"""For rounds with steps in them: rate changes, stalls, peeks shared by batches."""


class Trajectory(NamedTuple):
    """The expected trajectory of a round: what the scan visits and sends, and what its peeks see.

    Args:
        share: share of each address range that is visited, [ranks].
        rule: `_kernels.QUADRATURE`, [points].
        bounds: pages sent when each range begins, and at the end, [ranks + 1].
        points: `_kernels.POINT`, [ranks, points].
        clean: chance of each class to be seen clean at a point, [ranks, points, write classes].
        chances: `_kernels.CLEAN_CHANCE`, [ranks, write classes].
        uncertain: visited pages for which a peek decides whether they are sent.
    """

    share: Floats
    rule: Records
    bounds: Floats
    points: Records
    clean: Floats
    chances: Records
    uncertain: float

    @classmethod
    def solved(
        cls,
        sendable: Records,
        share: Floats,
        rates: WriteRates,
        breakpoints: Records,
        peek_times: Records,
        rule: Records,
    ) -> Trajectory:
        """Find the expected trajectory of a round (`_kernels.solve_trajectory`).

        Args:
            sendable: `_kernels.SENDABLE`, [ranks, write classes].
            share: share of each address range that is visited, [ranks].
            rates: how often pages are written.
            breakpoints: `_kernels.BREAKPOINT`: when the time per page changed.
            peek_times: `_kernels.PEEK_TIMES`: when the scan peeks at the dirty log.
            rule: `_kernels.QUADRATURE`: at which points the trajectory is evaluated.
        """
        found = solve_trajectory(
            sendable, share, rates.per_page_s, rates.law, breakpoints, peek_times, rule
        )
        return cls(share, rule, *found)

    def visited_share(self, rank: int, sent_share: float) -> float:
        """Return the share of a range that is visited when this share of its sends is done."""
        return visited_share(self.points[rank], self.rule, sent_share)

    def mean_clean_until(self, rank: int, sent_share: float) -> Floats:
        """Return the chance to be seen clean for the pages met until then, [write classes]."""
        is_before = self.rule["point"] <= sent_share
        weight: Floats = self.points["visited_share"][rank] * is_before
        if weight.sum() <= 0:
            first: Floats = self.clean[rank, 0]
            return first
        mean: Floats = weight @ self.clean[rank] / weight.sum()
        return mean


# --- the round ------------------------------------------------------------------------------------


class DrawnRound(NamedTuple):
    """What happened to the pages that were due.

    Args:
        seen: `_kernels.SEEN`, [due].
        clean_at_peek: chance that a visited page was clean at its peek, [ranks, write classes].
        sent: pages sent, [ranks].
        total_sent: pages sent of all.
        unvisited: pages of all that were not visited.
    """

    seen: Records
    clean_at_peek: Floats
    sent: Floats
    total_sent: float
    unvisited: float


class ExpectedRound:
    """A round in closed form.

    Where some of the due pages are zero, the number of pages sent means their bytes over those of a
    page that is not zero.

    Args:
        setup: what the round starts from.
    """

    def __init__(self, setup: RoundSetup) -> None:
        self._setup = setup
        self._due = setup.due
        self._groups = setup.due.groups
        self._page_bytes = setup.wire.page_bytes
        self._weight = setup.weight
        self._is_zero = setup.has_zero & setup.wire.are_zero(setup.due.groups["write_class"])
        self._draws = setup.draws
        self._ranks = len(setup.due.ranges)
        self._whole = _WHOLE[self._ranks]
        self._times = SendTimes()
        self._planned_for: tuple[float, float] | None = None
        self._share = self._whole
        self._trajectory: Trajectory | None = None
        self._drawn: DrawnRound | None = None

    # --- as a round under way --------------------------------------------------------------------

    @property
    def time_s(self) -> float:
        """Operational time since the round began."""
        return self._times.time_s

    @property
    def end_is_known(self) -> bool:
        """Whether what `plan` returned last is the end, not only a time to plan again."""
        return self._drawn is not None

    @property
    def rate_dependence(self) -> RateDependence:
        """How the planned bytes depend on the rate; a round that is drawn may be drawn again."""
        if self._drawn is not None or self._due.sends_dirty_only:
            return RateDependence.UNKNOWN
        return RateDependence.BOUNDED

    def plan(self, time_per_byte: float, may_wait: int) -> float:
        """Return the bytes until the round ends, or until its end can be known."""
        if self._planned_for != (time_per_byte, may_wait):
            self._planned_for = time_per_byte, may_wait
            self._times.time_per_page_s = time_per_byte * self._page_bytes
            self._trajectory = self._drawn = None
            self._share = self._share_to_visit(may_wait)
        if self._drawn is None:
            share = self._share
            if not self._due.peek_matters and share is self._whole:
                self._drawn = self._draw_unseen(share)
                return self._bytes_left
            trajectory = self._find_trajectory(share)
            early = float(trajectory.bounds[-1]) - self._margin(trajectory)
            if self._draws.is_random and early > self._times.pages + AT_ONCE_PAGES:
                return (early - self._times.pages) * self._page_bytes
            self._drawn = self._draw(trajectory, share)
            if self._end_pages < self._begun_pages:
                self._drawn = None  # more pages may wait than before: the round should have ended
                return self.cut_short()
        return self._bytes_left

    @cached_property
    def _due_in_range(self) -> list[float]:
        """Pages that are due in each address range, in scan order."""
        in_range: list[float] = self._due.sendable["due"].sum(axis=1).tolist()
        return in_range

    def _share_to_visit(self, may_wait: int) -> Floats:
        """Return the share of each range that the scan visits until few enough pages wait."""
        if not may_wait:
            return self._whole
        visits = max(self._due.total - may_wait, 0.0)
        share = []
        for pages in self._due_in_range:
            share.append(min(visits / max(pages, 1.0), 1.0))
            visits = max(visits - pages, 0.0)
        return np.array(share)

    def _margin(self, trajectory: Trajectory) -> float:
        """Return how many pages before its expected end the round must be drawn."""
        end = float(trajectory.bounds[-1])
        if self._setup.has_zero and trajectory.share is not self._whole:
            variance = trajectory.uncertain / 4 + self._variance_of_sizes(trajectory.share)
            return EARLY_SDS * math.sqrt(variance) + EARLY_SHARE * end
        return EARLY_SDS * math.sqrt(trajectory.uncertain) / 2 + EARLY_SHARE * end

    def _variance_of_sizes(self, share: Floats) -> float:
        """Return how much what visited pages take varies where only a share of a range is visited.

        The number of zero pages among them is hypergeometric.
        """
        variance, difference = 0.0, 1.0 - self._setup.wire.weight
        for j, all_pages in enumerate(self._due_in_range):
            zero = float(self._groups["pages"][self._is_zero & (self._groups["rank"] == j)].sum())
            others = all_pages - zero
            spread = share[j] * (1.0 - share[j]) * zero * others / max(all_pages - 1.0, 1.0)
            variance += difference**2 * float(spread)
        return variance

    def advance(self, sent_bytes: float, elapsed_s: float) -> None:
        """Let bytes go over the wire and operational time pass."""
        pages = sent_bytes / self._page_bytes
        if abs(elapsed_s - pages * self._times.time_per_page_s) > SAME_RATE * elapsed_s:
            self._planned_for = None  # a stall: the trajectory was found for another rate
        self._times.advance(pages, elapsed_s)

    @property
    def bytes_sent(self) -> float:
        """Bytes on the wire so far."""
        return self._times.pages * self._page_bytes

    @property
    def _begun_pages(self) -> float:
        if self._setup.has_zero:
            return max(self._times.pages - _ROUNDING, 0.0)
        return math.ceil(self._times.pages - _ROUNDING)

    @property
    def pages_waiting(self) -> float:
        """Number of pages that were not visited, on the expected trajectory."""
        trajectory = self._trajectory or self._find_trajectory(self._whole)
        now, waiting = self._times.pages, self._due.total
        bounds: list[float] = trajectory.bounds.tolist()
        shares: list[float] = trajectory.share.tolist()
        for j, pages in enumerate(self._due_in_range):
            visited = pages * shares[j]
            if bounds[j + 1] > now:
                sent_share = (now - bounds[j]) / (bounds[j + 1] - bounds[j])
                waiting -= visited * trajectory.visited_share(j, sent_share)
                return waiting
            waiting -= visited
        return max(waiting, 0.0)

    def cut_short(self) -> float:
        """End the round after the page in transit; return the bytes that it still takes."""
        if self._drawn is None:
            self._drawn = self._draw(self._find_trajectory(self._whole), self._whole)
        if self._end_pages > self._begun_pages:
            trajectory = self._trajectory or self._find_trajectory(self._whole)
            self._drawn = self._shortened(self._drawn, self._begun_pages, trajectory)
        return self._bytes_left

    @property
    def _result(self) -> DrawnRound:
        assert self._drawn is not None, "the round has not been drawn yet"
        return self._drawn

    @property
    def _end_pages(self) -> float:
        """Whole pages on the wire at the end; the mean field carries parts over to later rounds."""
        if not self._setup.has_zero:
            return math.floor(self._result.total_sent + self._setup.unsent_pages + 0.5)
        sends = self._sends(self._result.seen)
        zero, others = sends[self._is_zero].sum(), sends[~self._is_zero].sum()
        whole_others = math.floor(float(others) + self._setup.unsent_pages + 0.5)
        whole_zero = math.floor(float(zero) + self._setup.unsent_zero + 0.5)
        return whole_others + self._setup.wire.weight * whole_zero

    def _sends(self, seen: Records) -> Floats:
        """Return how many pages of each due group are sent, [due]."""
        groups = self._groups
        sends: Floats = seen["clean"] * (groups["if_clean"] == SEND)
        sends += seen["dirty"] * (groups["if_dirty"] == SEND)
        return sends

    @property
    def _bytes_left(self) -> float:
        return max(self._end_pages - self._times.pages, 0.0) * self._page_bytes

    @property
    def _batch_pages(self) -> int:
        """Sent pages that share a peek; where sizes differ, on average by their bytes."""
        batch = max(self._setup.rules.peeks.batch_pages, 1)
        if batch == 1 or not self._setup.has_zero:
            return batch
        due = self._due.groups
        mean = float(due["pages"] @ self._weight[due["write_class"]]) / float(due["pages"].sum())
        return max(round(batch * mean), 1)

    def _find_trajectory(self, share: Floats) -> Trajectory:
        """Return the trajectory of a round in which the scan visits that share of each range."""
        known = self._trajectory
        if known is None or not (known.share is share or np.array_equal(known.share, share)):
            due, rates, peeks = self._due, self._setup.rates, self._setup.rules.peeks
            time_per_page = self._times.time_per_page_s
            batch = self._batch_pages
            is_smooth = self._times.is_straight and rates.is_smooth_until(due.total * time_per_page)
            is_blurred = is_smooth and blurs_batches(due.total, batch, rates.highest, time_per_page)
            row = (
                time_per_page,
                peeks.fraction,
                1 if is_blurred else batch,
                (batch - 1) / 2 if is_blurred else 0.0,
            )
            peek_times = np.array([row], dtype=PEEK_TIMES)
            rule = SMOOTH if is_blurred or (is_smooth and batch == 1) else ROUGH
            self._trajectory = known = Trajectory.solved(
                due.sendable, share, rates, self._times.breakpoints, peek_times, rule
            )
        return known

    # --- drawing ---------------------------------------------------------------------------------

    def _draw(self, trajectory: Trajectory, share: Floats) -> DrawnRound:
        """Draw the round; if the scan visits all pages, it sends at least the pages on the wire."""
        if self._due.peek_matters:
            visited, unvisited = self._visited(share)
            found = draw_seen(
                self._groups,
                visited,
                self._due.sendable,
                share,
                trajectory.points,
                trajectory.clean,
                trajectory.chances,
                1.0 - self._setup.rates.dirty_probability,
                self._weight,
                self._draws.normals(2 * len(visited)),
            )
            drawn = DrawnRound(*found, unvisited)
        else:
            drawn = self._draw_unseen(share)
        if share is not self._whole or not self._draws.is_random:
            return drawn
        return self._lengthened(drawn, self._begun_pages)

    def _draw_unseen(self, share: Floats) -> DrawnRound:
        """Draw a round in which what the peek sees makes no difference."""
        visited, _ = self._visited(share)
        never = np.zeros((self._ranks, len(self._setup.rates.per_page_s)))
        return self._of(visited, np.zeros_like(visited), never)

    def _visited(self, share: Floats) -> tuple[Floats, float]:
        """Draw how many pages of each due group are visited, and how many of all are not."""
        pages, rank = np.ascontiguousarray(self._groups["pages"]), self._groups["rank"]
        if share is self._whole or min(share.tolist()) == 1.0:
            return pages, 0.0
        visited = pages * (share == 1.0)[rank]
        for j in np.flatnonzero((share > 0.0) & (share < 1.0)):
            here = np.flatnonzero(rank == j)
            to_visit = float(share[j]) * float(pages[here].sum())
            visited[here] = self._draws.without_replacement(pages[here], to_visit)
        return visited, float((pages - visited).sum())

    def _of(self, clean: Floats, dirty: Floats, clean_at_peek: Floats) -> DrawnRound:
        """Return the round in which so many pages of each due group are seen clean and dirty."""
        groups = self._groups
        sent = clean * (groups["if_clean"] == SEND) + dirty * (groups["if_dirty"] == SEND)
        if self._setup.has_zero:
            sent *= self._weight[groups["write_class"]]
        in_range = np.bincount(groups["rank"], sent, minlength=self._ranks).astype(np.float64)
        seen = np.empty(len(groups), dtype=SEEN)
        seen["clean"], seen["dirty"] = clean, dirty
        seen["waiting"] = waiting = groups["pages"] - clean - dirty
        return DrawnRound(
            seen, clean_at_peek, in_range, float(in_range.sum()), float(waiting.sum())
        )

    def _lengthened(self, drawn: DrawnRound, sent: float) -> DrawnRound:
        """Return a round in which at least so many pages are sent.

        A round is drawn again if its rate changes in its last moments. Without this lower bound it
        might end in the past.
        """
        missing = sent - int(drawn.total_sent)
        if self._setup.has_zero:
            missing = math.ceil(sent - drawn.total_sent - _ROUNDING)
        if missing <= 0:
            return drawn
        groups, seen = self._groups, drawn.seen
        is_sent_if_clean = (groups["if_clean"] == SEND) & (groups["if_dirty"] != SEND)
        skipped = seen["dirty"] * (is_sent_if_clean & ~self._is_zero)
        missing = min(missing, int(skipped.sum()))
        more = self._draws.without_replacement(skipped, missing)
        return self._of(seen["clean"] + more, seen["dirty"] - more, drawn.clean_at_peek)

    def _shortened(self, drawn: DrawnRound, sent: float, trajectory: Trajectory) -> DrawnRound:
        """Return a round that ends as soon as so many of its pages are sent.

        Args:
            drawn: the whole round.
            sent: pages sent until the end, less than all.
            trajectory: the expected trajectory of the round.
        """
        before = np.concatenate([[0], np.cumsum(drawn.sent)])
        last = int(np.searchsorted(before, sent, side="right")) - 1
        is_before = self._groups["rank"] < last
        clean, dirty = drawn.seen["clean"] * is_before, drawn.seen["dirty"] * is_before
        clean_at_peek = drawn.clean_at_peek.copy()
        to_send = sent - before[last]
        if to_send > 0:
            here = np.flatnonzero(self._groups["rank"] == last)
            clean[here], dirty[here], done = self._shorten(drawn, here, last, to_send, trajectory)
            earlier = trajectory.mean_clean_until(last, done)
            earlier = earlier / np.maximum(trajectory.chances["mean"][last], _LEAST)
            clean_at_peek[last] = np.minimum(clean_at_peek[last] * earlier, 1.0)
        return self._of(clean, dirty, clean_at_peek)

    def _shorten(
        self, drawn: DrawnRound, here: Integers, rank: int, to_send: float, trajectory: Trajectory
    ) -> tuple[Floats, Floats, float]:
        """Draw which pages of one range are visited before so many of it are sent.

        Returns:
            Pages seen clean, pages seen dirty, and the share of the sends at which that is.
        """
        groups, seen = self._groups[here], drawn.seen[here]
        met = np.concatenate([seen["clean"], seen["dirty"]])
        is_sent = np.concatenate([groups["if_clean"], groups["if_dirty"]]) == SEND
        if self._setup.has_zero:
            is_zero = is_sent & np.tile(self._is_zero[here], 2)
            kept, done = self._first_sends(met, is_sent & ~is_zero, is_zero, to_send)
            all_sent, done_sends = float(met[is_sent].sum()), float(kept[is_sent].sum())
            share = trajectory.visited_share(rank, done) * met.sum() - done_sends
            share = float(np.clip(share / max(met.sum() - all_sent, 1), 0.0, 1.0))
            kept[~is_sent] = self._draws.binomial(
                met[~is_sent], np.full(np.count_nonzero(~is_sent), share)
            )
            clean, dirty = np.split(kept, 2)
            return clean, dirty, done
        all_sent, visited = float(drawn.sent[rank]), float(met.sum())
        # place of the last send among all sends if they are spread evenly: an order statistic
        done = float(self._draws.beta(to_send, all_sent - to_send + 1))
        passed = trajectory.visited_share(rank, done) * visited - done * all_sent
        share = float(np.clip(passed / max(visited - all_sent, 1), 0.0, 1.0))
        kept = self._draws.binomial(met, np.where(is_sent, 0.0, share))
        kept[is_sent] = self._draws.without_replacement(met[is_sent], to_send)
        clean, dirty = np.split(kept, 2)
        return clean, dirty, done

    def _first_sends(
        self, met: Floats, is_other: BoolArray, is_zero: BoolArray, to_send: float
    ) -> tuple[Floats, float]:
        """Draw which sends of a range come first, until their bytes reach a number of pages.

        Returns:
            Pages of each group that are sent, and the place of the last one among all sends.
        """
        weight, kept = self._setup.wire.weight, np.zeros(len(met))
        others, zeros = float(met[is_other].sum()), float(met[is_zero].sum())
        first = math.ceil(min(to_send * others / max(others + weight * zeros, _LEAST), others))
        done = float(self._draws.beta(first, others - first + 1)) if first else 0.0
        if not others:
            done = min(to_send / max(weight * zeros, _LEAST), 1.0)
        zeros = float(self._draws.binomial(np.array([zeros]), np.array([done]))[0])
        # the last one is the page in transit
        first = int(min(max(math.ceil(to_send - weight * zeros - _ROUNDING), 0), others))
        missing = math.ceil((to_send - first) / weight - zeros - _ROUNDING)
        zeros += min(max(missing, 0), float(met[is_zero].sum()) - zeros)
        kept[is_other] = self._draws.without_replacement(met[is_other], first)
        kept[is_zero] = self._draws.without_replacement(met[is_zero], zeros)
        return kept, done

    # --- the end ---------------------------------------------------------------------------------

    def end(self, elapsed_s: float) -> Records:
        """Finish the round as planned; return `_kernels.OUTCOME_GROUP` of all pages."""
        self._times.advance(self._bytes_left / self._page_bytes, elapsed_s)
        setup, drawn = self._setup, self._result
        clean_at_end = setup.rates.clean_chance(self.time_s)
        groups = setup.groups.records
        if setup.rules.clearing.is_in_mid_round:  # every due page is sent in this case
            clean = np.ascontiguousarray(drawn.seen["clean"])
            share, cleared = self._clean_since_clearing()
            normals = self._draws.normals(PARTS * len(clean))
            spread = spread_over_parts(self._groups, clean, share, normals)
            return outcomes_with_cleared_bits(
                groups, self._groups, drawn.seen, spread, cleared, clean_at_end
            )
        return outcomes_of_expected_round(
            groups, self._groups, drawn.seen, drawn.clean_at_peek, clean_at_end
        )

    def _clean_since_clearing(self) -> tuple[Floats, Floats]:
        """Return the parts of each range, and the chance of a sent page to be clean since clearing.

        A bit that is set with the per-round dirty probability is never cleared.

        Returns:
            Share of its range that each part has, [ranks, PARTS]; mean chance not to be written
            after the bit was cleared, [ranks, PARTS, write classes].
        """
        rates = self._setup.rates
        not_given = 1.0 - rates.dirty_probability
        if self._setup.rules.clearing.granularity == "chunk":
            share, chance = self._clean_since_chunks_were_cleared()
            return share, not_given * chance
        places = np.linspace(0.0, 1.0, VISIT_POINTS + 1)
        ranks = np.arange(self._ranks)[:, np.newaxis]
        hazard, step = rates.hazard_steps(self._visit_times_s(ranks, places), self.time_s)
        # visits are spread evenly between two points: the mean of exp(-hazard) over the step
        decay = np.where(step > 1e-9, -np.expm1(-step) / np.maximum(step, 1e-9), 1.0)
        share = np.full((self._ranks, PARTS), 1.0 / PARTS)
        return share, not_given * _means(np.exp(-hazard) * decay)

    def _visit_times_s(self, rank: Integers, place: Floats) -> Floats:
        """Return when the scan visits pages, given their ranges and their places in these."""
        sent = self._result.sent
        begins = np.cumsum(sent) - sent
        return self._times.times(begins[rank] + sent[rank] * place)

    def _clean_since_chunks_were_cleared(self) -> tuple[Floats, Floats]:
        """Return the same as `_clean_since_clearing`; a chunk is cleared at its first visit.

        This is when all pages due before the chunk are sent, wherever in it the first page lies.
        """
        ranges, rates = self._due.ranges, self._setup.rates
        chunks = self._setup.rules.clearing.chunks
        cells = [_chunk_cells(float(one["begin"]), float(one["share"]), chunks) for one in ranges]
        rank = np.repeat(np.arange(self._ranks), [len(each.width) for each in cells])
        width = np.concatenate([each.width for each in cells])
        part = np.concatenate([each.part for each in cells])
        chunk = np.concatenate([each.chunk for each in cells])
        visits = self._visit_times_s(rank, np.concatenate([each.begin for each in cells]))
        # parts of one chunk may lie in several ranges
        _, row = np.unique(chunk, return_inverse=True)
        first = np.full(int(row.max()) + 1, np.inf)
        np.minimum.at(first, row, visits)
        clean = np.exp(-rates.hazard_since(first[row], self.time_s))
        share = np.zeros((self._ranks, PARTS))
        np.add.at(share, (rank, part), width)
        chance = np.zeros((self._ranks, PARTS, clean.shape[1]))
        np.add.at(chance, (rank, part), width[:, np.newaxis] * clean)
        return share, chance / np.maximum(share, _LEAST)[:, :, np.newaxis]

    def visited_in(self, rank: int) -> float:
        """Return how many pages of an address range were visited."""
        here = self._groups["rank"] == rank
        return float((self._groups["pages"] - self._result.seen["waiting"])[here].sum())

    @property
    def unvisited(self) -> float:
        """Pages that were not visited."""
        return self._result.unvisited


class ChunkCells(NamedTuple):
    """Cells of an address range, in shares of it, all pages of which are cleared at one time.

    Args:
        width: share of the range, [cells].
        part: part of the range in which a cell lies, [cells].
        chunk: the chunk that a cell belongs to, or the address of its middle, [cells].
        begin: where the part of the chunk begins that lies in the range, [cells].
    """

    width: Floats
    part: Integers
    chunk: Floats
    begin: Floats


@lru_cache(maxsize=64)
def _chunk_cells(begin: float, share: float, chunks: float) -> ChunkCells:
    """Divide an address range into cells.

    Up to `PARTS` chunks are a part each; more are divided among equal parts. Of more than
    `MOST_CELLS` chunks, those in the middle of as many equal cells stand for the others.

    Args:
        begin: first address, a share of the address space.
        share: share of the address space in the range.
        chunks: chunks of the address space, the last one possibly in part.
    """
    first, last = math.floor(begin * chunks + 1e-9), math.ceil((begin + share) * chunks - 1e-9)
    if last - first > MOST_CELLS:
        middle = (np.arange(MOST_CELLS) + 0.5) / MOST_CELLS
        return ChunkCells(
            np.full_like(middle, 1.0 / MOST_CELLS),
            (middle * PARTS).astype(np.int64),
            -1.0 - begin - share * middle,
            np.maximum(middle - 0.5 / (share * chunks), 0.0),
        )
    borders = (np.arange(first + 1, max(last, first + 1)) / chunks - begin) / share
    edges: Floats = np.concatenate([[0.0], borders, [1.0]])
    is_few = len(edges) <= PARTS + 1
    cuts = edges if is_few else np.union1d(edges, np.arange(PARTS) / PARTS)
    middle = (cuts[:-1] + cuts[1:]) / 2
    piece = np.searchsorted(edges, middle, side="right") - 1
    part = piece if is_few else (middle * PARTS).astype(np.int64)
    return ChunkCells(np.diff(cuts), part, (first + piece).astype(np.float64), edges[piece])


def _means(chance: Floats) -> Floats:
    """Return the mean of each part of a range, [ranks, PARTS, write classes]."""
    ranks, places, classes = chance.shape
    parts: Floats = chance.reshape(ranks, PARTS, places // PARTS, classes).mean(axis=2)
    return parts
