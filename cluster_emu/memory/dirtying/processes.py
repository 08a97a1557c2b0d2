"""Processes that write pages, in operational time, and their sum for one VM.

Each process enters the writes of a window into a dirty log, and can say which pages are written
again after a given time. All of them have independent increments (or are deterministic), so a
window may be extended, or abandoned and drawn again, without changing the law of the later writes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.pages.dirty_log import DirtyLog, PageIds, ScatteredLog, Times
from cluster_emu.rng import non_negative_key

DENSE_FROM_WRITES_PER_PAGE = 0.5
"""Expected writes per page in a window above which drawing one time per page is cheaper."""


Classes = tuple[PageIds, NDArray[np.int64], Times, np.random.Generator]
"""Pages of all write classes, one class after the other; where each class ends; writes per page and
second of each; the stream of the writes."""


class WriteProcess(Protocol):
    """A source of page writes."""

    def write(self, log: DirtyLog, start: float, end: float) -> None:
        """Enter into `log` the first writes of operational time (start, end]."""
        ...

    def rewritten(self, pages: PageIds, since: Times, until: float) -> NDArray[np.bool_]:
        """Return which `pages` are written in (since, until], shapes [k], [k] -> [k]."""
        ...

    def classes(self) -> Classes | None:
        """Return the write classes if each page is written at one rate for good, else None."""
        return None


def poisson_writes(
    log: DirtyLog,
    pages: PageIds,
    rate_per_page: float,
    start: float,
    end: float,
    rng: np.random.Generator,
) -> None:
    """Enter independent Poisson writes to every page of a group into the log.

    Few writes: k ~ Poisson(rate * pages * duration) writes fall into the window, each on a page
    chosen uniformly. Their times are the order statistics of k uniforms, drawn sorted as
    normalised sums of k + 1 exponentials: U_(i) = (E_1 + ... + E_i) / (E_1 + ... + E_(k+1)).

    Many writes: one first-write time per page, start + E / rate, is drawn instead.

    Both have exactly the same law of first writes.

    Args:
        log: where the writes go.
        pages: the group, shape [pages of the group].
        rate_per_page: writes per page and second of operational time.
        start: start of the window, exclusive.
        end: end of the window, inclusive.
        rng: the stream to draw from.
    """
    expected_per_page = rate_per_page * (end - start)
    if expected_per_page <= 0 or not len(pages):
        return
    if expected_per_page > DENSE_FROM_WRITES_PER_PAGE:
        # Another process's write in this window does not keep this one from writing earlier; a page
        # written before the window needs no draw, as only first writes count.
        open_pages = pages[log.first_writes(pages) > start]
        times = start + rng.standard_exponential(len(open_pages)) / rate_per_page
        hit = times <= end
        log.record_once(open_pages[hit], times[hit])
        return
    count = int(rng.poisson(expected_per_page * len(pages)))
    spacing = np.cumsum(rng.standard_exponential(count + 1))
    times = start + (end - start) * (spacing[:-1] / spacing[-1])
    log.record(pages[rng.integers(0, len(pages), count)], times)


class ClassWrites(WriteProcess):
    """Poisson writes at one rate per page to each of several fixed groups of pages.

    Args:
        groups: (page numbers, writes per page and second) of each write class.
        rng: the stream to draw from.
    """

    def __init__(
        self, groups: Sequence[tuple[PageIds, float]], page_count: int, rng: np.random.Generator
    ) -> None:
        self._groups = groups
        self._page_count = page_count
        self._rng = rng
        self._rates: Times | None = None

    def write(self, log: DirtyLog, start: float, end: float) -> None:
        """Enter the first writes of the window."""
        for pages, rate in self._groups:
            poisson_writes(log, pages, rate, start, end, self._rng)

    def classes(self) -> Classes:
        """Return the groups as arrays, and the stream."""
        ends = np.cumsum([len(pages) for pages, _ in self._groups])
        pages = np.concatenate([pages for pages, _ in self._groups])
        return pages, ends, np.array([rate for _, rate in self._groups]), self._rng

    def rewritten(self, pages: PageIds, since: Times, until: float) -> NDArray[np.bool_]:
        """Draw which pages are written after `since`: probability 1 - exp(-rate x time)."""
        if self._rates is None:
            self._rates = np.zeros(self._page_count)
            for group, rate in self._groups:
                self._rates[group] = rate
        expected = self._rates[pages] * np.maximum(until - since, 0.0)
        return self._rng.random(len(pages)) < -np.expm1(-expected)


class BurstWrites(WriteProcess):
    """Poisson writes to fixed groups of pages, in bursts of fixed length with nothing between them.

    Args:
        groups: (page numbers, writes per page and second of a burst) of each write class.
        page_count: pages of the VM.
        on: operational seconds of a burst.
        off: operational seconds between two bursts.
        offset: operational time since a burst began, at time 0.
        rng: the stream to draw from.
    """

    def __init__(
        self,
        groups: Sequence[tuple[PageIds, float]],
        page_count: int,
        on: float,
        off: float,
        offset: float,
        rng: np.random.Generator,
    ) -> None:
        self._groups = groups
        self._on, self._period, self._offset = on, on + off, offset
        self._rng = rng
        self._rates = np.zeros(page_count)
        for pages, rate in groups:
            self._rates[pages] = rate

    def write(self, log: DirtyLog, start: float, end: float) -> None:
        """Enter the first writes of the window, burst by burst."""
        number = math.floor((start + self._offset) / self._period)
        while (begin := number * self._period - self._offset) < end:
            left, right = max(begin, start), min(begin + self._on, end)
            if left < right:
                for pages, rate in self._groups:
                    poisson_writes(log, pages, rate, left, right, self._rng)
            number += 1

    def rewritten(self, pages: PageIds, since: Times, until: float) -> NDArray[np.bool_]:
        """Draw which pages are written after `since`, by the time in bursts until `until`."""
        in_bursts = self._in_bursts(np.array([until])) - self._in_bursts(since)
        expected = self._rates[pages] * np.maximum(in_bursts, 0.0)
        return self._rng.random(len(pages)) < -np.expm1(-expected)

    def _in_bursts(self, times: Times) -> Times:
        """Return the time in bursts from that at which the first one began until each time."""
        whole, rest = np.divmod(times + self._offset, self._period)
        in_bursts: Times = whole * self._on + np.minimum(rest, self._on)
        return in_bursts


class MovingWrites(WriteProcess):
    """Poisson writes to a working set that is drawn again at random every period.

    Args:
        page_count: pages of the VM.
        hot_count: pages of the working set.
        rate_per_page: writes per working-set page and second.
        period: operational seconds for which a set lasts.
        offset: operational time from the start of the present set to time 0, in [0, period).
        stream_of: gives the generator that draws the working set of a period by its number, so that
            every migration and strategy sees the same sets.
        rng: the stream the writes are drawn from.
        first: the working set of period 0, if it is known.
    """

    def __init__(
        self,
        page_count: int,
        hot_count: int,
        rate_per_page: float,
        period: float,
        offset: float,
        stream_of: Callable[[int], np.random.Generator],
        rng: np.random.Generator,
        first: PageIds | None = None,
    ) -> None:
        self._page_count = page_count
        self._hot_count = hot_count
        self._rate = rate_per_page
        self._period = period
        self._offset = offset
        self._stream_of = stream_of
        self._rng = rng
        self._first = first
        self._cached: tuple[int, PageIds] | None = None

    def write(self, log: DirtyLog, start: float, end: float) -> None:
        """Enter the first writes of the window, period by period."""
        for number, left, right in self._periods(start, end):
            poisson_writes(log, self._hot_pages(number), self._rate, left, right, self._rng)

    def rewritten(self, pages: PageIds, since: Times, until: float) -> NDArray[np.bool_]:
        """Draw which pages are written after `since`, through every period up to `until`."""
        # The expected number of writes to a page is the sum over the periods it is hot in.
        expected = np.zeros(len(pages))
        earliest = float(since.min()) if len(since) else until
        for number, left, right in self._periods(earliest, until):
            hot = np.isin(pages, self._hot_pages(number))
            expected += hot * self._rate * np.maximum(right - np.maximum(since, left), 0.0)
        return self._rng.random(len(pages)) < -np.expm1(-expected)

    def _periods(self, start: float, end: float) -> list[tuple[int, float, float]]:
        pieces = []
        left = start
        while left < end:
            number = int(np.floor((left + self._offset) / self._period))
            right = min((number + 1) * self._period - self._offset, end)
            # Rounding may put `left` on a border: it belongs to the next period then.
            if right <= left:
                number += 1
                right = min((number + 1) * self._period - self._offset, end)
            pieces.append((number, left, right))
            left = right
        return pieces

    def _hot_pages(self, number: int) -> PageIds:
        if number == 0 and self._first is not None:
            return self._first
        if self._cached is None or self._cached[0] != number:
            rng = self._stream_of(non_negative_key(number))
            hot = rng.choice(self._page_count, self._hot_count, replace=False, shuffle=False)
            self._cached = (number, hot)
        return self._cached[1]


class SteppingWrites(MovingWrites):
    """Poisson writes to a window of pages that moves on by a step every period.

    Args:
        page_count: pages of the VM.
        window_pages: pages of the window.
        rate_per_page: writes per page of the window and second.
        period: operational seconds between two steps.
        offset: operational time since the window stood at its first place, at time 0.
        first_page: that place.
        places: the window begins less than so many pages after it.
        step_pages: length of a step.
        rng: the stream the writes are drawn from.
    """

    def __init__(
        self,
        page_count: int,
        window_pages: int,
        rate_per_page: float,
        period: float,
        offset: float,
        first_page: int,
        places: int,
        step_pages: int,
        rng: np.random.Generator,
    ) -> None:
        def no_stream(number: int) -> np.random.Generator:
            raise AssertionError("the places of a window are not drawn")

        super().__init__(page_count, window_pages, rate_per_page, period, offset, no_stream, rng)
        self._window_pages = window_pages
        self._first_page, self._places, self._step_pages = first_page, places, step_pages

    def _hot_pages(self, number: int) -> PageIds:
        first = self._first_page + number * self._step_pages % self._places
        return np.arange(first, first + self._window_pages)


class SweepWrites(WriteProcess):
    """A writer that passes through a contiguous region again and again, page by page.

    It is at position offset + speed * time, modulo the region; step n is written at
    (n - offset) / speed.

    Attributes:
        first_page: where the region begins.
        region_pages: how many pages it has.
        speed: pages written per operational second.

    Args:
        first_page: where the region begins.
        region_pages: how many pages it has.
        pages_per_s: pages written per operational second.
        offset_pages: position in the region at operational time 0.
    """

    def __init__(
        self, first_page: int, region_pages: int, pages_per_s: float, offset_pages: float
    ) -> None:
        self.first_page = first_page
        self.region_pages = region_pages
        self.speed = pages_per_s
        self._offset = offset_pages

    def write(self, log: DirtyLog, start: float, end: float) -> None:
        """Enter the pages passed in the window, at the time each is passed."""
        begin, stop = self.steps(start, end)
        steps = np.arange(begin, min(stop, begin + self.region_pages), dtype=np.int64)
        # A window longer than one pass needs only the first: later passes write the same pages.
        if len(steps):
            times = np.asarray((steps - self._offset) / self.speed, dtype=np.float64)
            log.record(self.first_page + steps % self.region_pages, times)

    def steps(self, start: float, end: float) -> tuple[int, int]:
        """Return the first step after `start`, and the first one after `end`."""
        return self._first_after(start), self._first_after(end)

    def _first_after(self, time: float) -> int:
        if self.speed <= 0:
            return 0
        step = math.floor(self._offset + self.speed * time)
        # rounding may put the step just after the time, or the next one before it
        while self.time_of(step) > time:
            step -= 1
        while self.time_of(step + 1) <= time:
            step += 1
        return step + 1

    def time_of(self, step: int) -> float:
        """Return the operational time of a step; the sweep must move."""
        return (step - self._offset) / self.speed

    def rewritten(self, pages: PageIds, since: Times, until: float) -> NDArray[np.bool_]:
        """Return which pages the sweep passes after `since`."""
        place = pages - self.first_page
        inside = (place >= 0) & (place < self.region_pages)
        position = self._offset + self.speed * since
        ahead = np.mod(place - position, self.region_pages)
        # A page at the very position was just written, so its next write is a whole pass ahead.
        ahead = np.where(ahead == 0, self.region_pages, ahead)
        return inside & (since < until) & (ahead <= self.speed * (until - since))


class ReplayedWrites(WriteProcess):
    """Recorded sets of dirty pages, one per interval, replayed in a loop.

    Within its interval each page of a set is written at a time drawn once per interval, the same
    for every strategy.

    Args:
        sets: the page numbers of each recorded interval.
        interval: length of an interval in operational seconds.
        stream_of: gives the generator for an interval's write times by its number.
    """

    def __init__(
        self,
        sets: Sequence[PageIds],
        interval: float,
        stream_of: Callable[[int], np.random.Generator],
    ) -> None:
        self._sets = sets
        self._interval = interval
        self._stream_of = stream_of

    def write(self, log: DirtyLog, start: float, end: float) -> None:
        """Enter the recorded writes that fall into the window.

        The log keeps first writes alone, and these lie in the first loop after `start`: a window of
        any length costs no more than one loop.
        """
        for pages, times in self._writes(start, min(end, start + self._loop)):
            inside = (times > start) & (times <= end)
            log.record(pages[inside], times[inside])

    def rewritten(self, pages: PageIds, since: Times, until: float) -> NDArray[np.bool_]:
        """Return which pages have a recorded write after `since`."""
        # A page is written after `since` iff its last recorded write up to `until` is.
        last_write = np.full(int(pages.max(initial=-1)) + 1, -np.inf)
        earliest = float(since.min()) if len(since) else until
        earliest = max(earliest, until - self._loop)
        for written, times in self._writes(earliest, until):
            known = (times <= until) & (written < len(last_write))
            np.maximum.at(last_write, written[known], times[known])
        return last_write[pages] > since

    @property
    def _loop(self) -> float:
        """Operational time that holds a write of every page that is written at all.

        A page that was written just before it is written again one loop and at most an interval
        later.
        """
        return (len(self._sets) + 1) * self._interval

    def _writes(self, start: float, end: float) -> list[tuple[PageIds, Times]]:
        first = int(np.floor(start / self._interval))
        last = int(np.ceil(end / self._interval))
        return [self._interval_writes(number) for number in range(first, last)]

    def _interval_writes(self, number: int) -> tuple[PageIds, Times]:
        pages = self._sets[number % len(self._sets)]
        rng = self._stream_of(non_negative_key(number))
        times = (number + rng.random(len(pages))) * self._interval
        order = np.argsort(times, kind="stable")
        return pages[order], times[order]


RoundSets = Callable[[int], PageIds]
"""Gives the pages dirty in a round by its number: 1 for the first one, 0, -1 ... before it."""


class PageWriter:
    """All that writes one VM's pages during one migration.

    Args:
        page_count: number of pages of the VM.
        processes: what writes in operational time.
        round_sets: dirty sets given per round, however long it is (the reference paper's samples
            per iteration); these add to `processes`.
        used: the pages of which these speak, by the numbers they give them; None for all.
    """

    def __init__(
        self,
        page_count: int,
        processes: Sequence[WriteProcess] = (),
        round_sets: RoundSets | None = None,
        used: PageIds | None = None,
    ) -> None:
        self.page_count = page_count
        self._processes = processes
        self._round_sets = round_sets
        self._used = used
        self._place: PageIds | None = None
        self._classes: Classes | None = None
        if used is not None:
            self._place = np.full(page_count, -1, dtype=np.int64)
            self._place[used] = np.arange(len(used))

    def scattered(self, page_count: int, used: PageIds) -> PageWriter:
        """Return the writer of a VM of so many pages, of which this one writes some.

        Args:
            page_count: pages of the VM.
            used: those that this one writes, by its numbers, [pages of this one].
        """
        if self._used is not None:
            used = used[self._used]
        return PageWriter(page_count, self._processes, self._round_sets, used)

    @property
    def only_sweep(self) -> SweepWrites:
        """The sweep, if it alone writes.

        Raises:
            ValueError: if it does not.
        """
        sweeps = [each for each in self._processes if isinstance(each, SweepWrites)]
        if len(sweeps) != 1 or len(self._processes) != 1 or self._round_sets is not None:
            raise ValueError("a sweep and nothing else must write the pages")
        return sweeps[0]

    def class_writes(self) -> Classes | None:
        """Return the write classes by the VM's page numbers, None if anything else writes."""
        if self._classes is None and self._round_sets is None and len(self._processes) == 1:
            self._classes = self._processes[0].classes()
            if self._classes is not None and self._used is not None:
                self._classes = (self._used[self._classes[0]], *self._classes[1:])
        return self._classes

    def begin_round(self, log: DirtyLog, round_number: int, start: float) -> None:
        """Enter the pages given for this round, visible to a peek from its very start."""
        if self._round_sets is not None:
            pages = self._round_sets(round_number)
            self._part(log).record(pages, np.full(len(pages), start))

    def write(self, log: DirtyLog, end: float) -> None:
        """Enter into `log` all first writes up to operational time `end`."""
        if end <= log.until:
            return
        part = self._part(log)
        for process in self._processes:
            process.write(part, log.until, end)
        log.until = end

    def _part(self, log: DirtyLog) -> DirtyLog:
        """Return the log of the pages that may be written, under the numbers of the processes."""
        return log if self._used is None else ScatteredLog(log, self._used)

    def rewritten(self, pages: PageIds, since: Times, until: float) -> NDArray[np.bool_]:
        """Return which pages are written in (since, until], shapes [k], [k] -> [k].

        A page whose dirty bit was given for the round stays dirty: the bit has no time.
        """
        if self._place is not None:
            places = self._place[pages]
            found = np.zeros(len(pages), dtype=np.bool_)
            inside = np.flatnonzero(places >= 0)
            found[inside] = self._rewritten(places[inside], since[inside], until)
            return found
        return self._rewritten(pages, since, until)

    def _rewritten(self, pages: PageIds, since: Times, until: float) -> NDArray[np.bool_]:
        if self._round_sets is not None:
            return np.ones(len(pages), dtype=np.bool_)
        hit = np.zeros(len(pages), dtype=np.bool_)
        for process in self._processes:
            hit |= process.rewritten(pages, since, until)
        return hit
