"""On/off processes of many things as columns: the state at any time, without what came before.

A process that is on for exponential times of mean a and off for exponential times of mean b is the
same as this: refreshes arrive at the rate 1/a + 1/b, and each sets the state anew, on with
probability a / (a + b). So the state is that of the last refresh alone. Time is cut into cells in
which one refresh is due on average; the refreshes of a cell follow from a hash of the process's key
and the cell's number, so that nothing needs to be kept and any time may be asked for in any order.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.columns import BoolColumn, FloatColumn, IntColumn

Words = NDArray[np.uint64]

GOLDEN = 0x9E3779B97F4A7C15
STATE, LAST = np.uint64(0x8CB92BA72F3D8DD7), np.uint64(0xD1B54A32D192ED03)
"""Set apart what is drawn from one word: the state at a refresh, and at the last one of a cell."""

MOST_REFRESHES = 17
"""More than these fall into a cell of mean 1 with a probability below 1e-16."""

CELLS_BACK, CELLS_AHEAD, MOST_CELLS = 4, 12, 8192
"""How far one process is followed at first, before and after a time, and how far at most."""

WORTH_CHOOSING = 2
"""From this number on only few cells have such a refresh, and they are looked at alone."""

BLOCK = 16_384
"""Rows worked on at once, so that the columns in between stay in the processor's cache."""


def _at_most(count: int) -> float:
    """Return the probability that at most `count` refreshes fall into a cell (Poisson, mean 1)."""
    return math.exp(-1.0) * sum(1.0 / math.factorial(k) for k in range(count + 1))


# A cell has more than k refreshes if its word is not below the k-th of these.
MORE_THAN = np.array([int(_at_most(k) * 2**53) << 11 for k in range(MOST_REFRESHES)], np.uint64)


def mixed(words: Words) -> Words:
    """Return the words hashed, so that every bit depends on all bits of the word.

    Source: the finaliser of SplitMix64, Steele, Lea and Flood, OOPSLA 2014.
    """
    hashed = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashed = (hashed ^ (hashed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    hashed ^= hashed >> np.uint64(31)
    return hashed


class ExponentialOnOff:
    """Stationary on/off processes with exponential times.

    Args:
        keys: what each process is drawn from, shape [rows].
        on_s: mean time on, shape [rows].
        off_s: mean time off, shape [rows].
    """

    def __init__(self, keys: Words, on_s: FloatColumn, off_s: FloatColumn) -> None:
        self._keys = keys
        self._cell_s = 1.0 / (1.0 / on_s + 1.0 / off_s)
        # on_s >= 1e-14 off_s, so that no share is rounded to 0 or to 2**64
        self._on_below = (on_s / (on_s + off_s) * 2.0**64).astype(np.uint64)

    def at(self, rows: IntColumn, time_s: float) -> tuple[BoolColumn, FloatColumn]:
        """Return whether processes are on, and until when that holds at least, both [rows]."""
        parts = [self._at(rows[i : i + BLOCK], time_s) for i in range(0, len(rows), BLOCK)]
        if not parts:
            return np.zeros(0, dtype=np.bool_), np.zeros(0)
        return np.concatenate([on for on, _ in parts]), np.concatenate([end for _, end in parts])

    def next_toggle(self, row: int, time_s: float) -> tuple[bool, float]:
        """Return whether one process is on, and until when exactly.

        The search goes over `MOST_CELLS` cells; if the state still holds there, that is returned.
        """
        cell = math.floor(time_s / self._cell_s[row])
        first, end = cell - CELLS_BACK, cell + CELLS_AHEAD
        times_s, states = self._refreshes_of(row, first, end)
        place = int(times_s.searchsorted(time_s, side="right"))
        on = bool(states[place - 1]) if place else bool(self.at(np.array([row]), time_s)[0][0])
        toggles_s = times_s[place:][states[place:] != on]
        while not len(toggles_s) and end < cell + MOST_CELLS:
            first, end = end, end + 2 * (end - first)
            times_s, states = self._refreshes_of(row, first, end)
            toggles_s = times_s[states != on]
        return on, float(toggles_s[0]) if len(toggles_s) else end * float(self._cell_s[row])

    def _at(self, rows: IntColumn, time_s: float) -> tuple[BoolColumn, FloatColumn]:
        keys, cell_s = self._keys[rows], self._cell_s[rows]
        cells = np.floor(time_s / cell_s)
        words = _cell_words(keys, cells)
        last_s, next_s = _around(words, cells, cell_s, time_s)
        sources = _sources(words, last_s, next_s < np.inf)
        none_yet = np.flatnonzero(last_s == -np.inf)
        sources[none_yet] = _last_before(keys[none_yet], cells[none_yet])
        on = mixed(sources ^ STATE) < self._on_below[rows]
        return on, np.minimum(next_s, (cells + 1.0) * cell_s)

    def _refreshes_of(self, row: int, first: int, end: int) -> tuple[FloatColumn, BoolColumn]:
        """Return when one process is refreshed in some cells, ascending, and to what state."""
        cells = np.arange(first, end, dtype=np.float64)
        words = _cell_words(self._keys[[row]], cells)
        counts = MORE_THAN.searchsorted(words, side="right")
        of = np.repeat(np.arange(len(cells)), counts)
        number = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
        times_s = np.sort(_refresh_times(words[of], number, cells[of], self._cell_s[row]))
        followed = np.diff(of, append=-1) == 0
        sources = _sources(words[of], times_s, followed)
        return times_s, mixed(sources ^ STATE) < self._on_below[row]


def _cell_words(keys: Words, cells: FloatColumn) -> Words:
    """Return the word of one cell of each process, or of some cells of one."""
    return mixed(keys + cells.astype(np.int64).view(np.uint64) * np.uint64(GOLDEN))


def _sources(cell_words: Words, refresh_s: FloatColumn, followed: BoolColumn) -> Words:
    """Return what the states after refreshes are drawn from.

    The last refresh of a cell takes its state from the cell's word alone: who looks back from a
    later cell need not know when in the cell it was.
    """
    return np.where(followed, mixed(cell_words ^ refresh_s.view(np.uint64)), cell_words ^ LAST)


def _last_before(keys: Words, cells: FloatColumn) -> Words:
    """Return what the state after the last refresh before each process's cell is drawn from."""
    sources = np.empty_like(keys)
    still_open = np.arange(len(keys))
    while len(still_open):
        cells = cells - 1.0
        words = _cell_words(keys, cells)
        sources[still_open] = words ^ LAST
        empty = np.flatnonzero(words < MORE_THAN[0])
        keys, cells, still_open = keys[empty], cells[empty], still_open[empty]
    return sources


def _around(
    cell_words: Words, cells: FloatColumn, cell_s: FloatColumn, time_s: float
) -> tuple[FloatColumn, FloatColumn]:
    """Look at the very cells that a time falls into.

    Returns:
        The last refresh in the cell that is not after the time, or -inf, and the first one after
        it, or inf.
    """
    last_s, next_s = np.full(len(cells), -np.inf), np.full(len(cells), np.inf)
    rows: IntColumn | slice = slice(None)
    for number, limit in enumerate(MORE_THAN):
        if number >= WORTH_CHOOSING:
            some = np.flatnonzero(cell_words >= limit)
            rows = some if isinstance(rows, slice) else rows[some]
            cell_words, cells, cell_s = cell_words[some], cells[some], cell_s[some]
        if not len(cells):
            break
        times_s = _refresh_times(cell_words, number, cells, cell_s)
        exists, past = cell_words >= limit, times_s <= time_s
        last_s[rows] = np.maximum(last_s[rows], np.where(exists & past, times_s, -np.inf))
        next_s[rows] = np.minimum(next_s[rows], np.where(exists & ~past, times_s, np.inf))
    return last_s, next_s


def _refresh_times(
    cell_words: Words, number: int | IntColumn, cells: FloatColumn, cell_s: FloatColumn
) -> FloatColumn:
    """Return when the refreshes with these numbers in their cells happen."""
    words = mixed(cell_words + np.asarray(number).astype(np.uint64) * np.uint64(GOLDEN))
    # strictly inside the cell, so that none falls on a border
    place = ((words >> np.uint64(32)).astype(np.float64) + 0.5) * 2.0**-32
    times_s: FloatColumn = (cells + place) * cell_s
    return times_s
