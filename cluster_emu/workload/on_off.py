"""On/off processes of many VMs as columns: the state at any time, without what came before.

A process that is on for exponential times of mean a and off for exponential times of mean b is a
two-state Markov chain. Uniformisation (Jensen 1953) gives the same process as this: refreshes
arrive as a Poisson process of rate

    r = 1 / a + 1 / b,

and each draws the state again, on with probability a / (a + b), independent of the past. So the
state at a time is that of the last refresh alone. Time is cut into bins of length 1 / r, in which
one refresh is expected. The refreshes of a bin follow from a hash of the process's key and the
bin's number, so nothing needs to be kept, and any time may be evaluated in any order.

Processes with fixed times on and off repeat with a period, each from a phase of its own.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.columns import BoolColumn, FloatColumn, IntColumn

Words = NDArray[np.uint64]
"""64-bit words that serve as uniform random numbers on 0..2**64."""

GOLDEN_GAMMA = 0x9E3779B97F4A7C15
"""2**64 over the golden ratio, odd: the step between numbers that are hashed, as in SplitMix64."""
STATE_SALT, LAST_SALT = np.uint64(0x8CB92BA72F3D8DD7), np.uint64(0xD1B54A32D192ED03)
"""Separate draws made from one word: the state at a refresh, and at the last one of a bin."""

MOST_REFRESHES = 17
"""More than these fall into a bin of mean 1 with a probability below 1e-16."""

BINS_BACK, BINS_AHEAD, MOST_BINS = 4, 12, 8192
"""How far one process is searched at first, before and after a time, and how far at most."""

FILTER_FROM = 2
"""From the refresh of this number on only few bins have one, so only these are computed."""

BLOCK_ROWS = 16_384
"""Rows computed at once, so that intermediate columns stay in the processor's cache."""


def _poisson_cdf(count: int) -> float:
    """Return the probability of at most `count` refreshes in a bin (Poisson of mean 1)."""
    return math.exp(-1.0) * sum(1.0 / math.factorial(k) for k in range(count + 1))


# A bin has more than k refreshes iff its word is not below the k-th of these: the word / 2**64 is
# a uniform number, and the Poisson distribution is inverted.
MORE_THAN = np.array([int(_poisson_cdf(k) * 2**53) << 11 for k in range(MOST_REFRESHES)], np.uint64)


def splitmix64(words: Words) -> Words:
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
        self._bin_s = 1.0 / (1.0 / on_s + 1.0 / off_s)
        # on_s >= 1e-14 off_s, so that no share is rounded to 0 or to 2**64.
        self._on_below = (on_s / (on_s + off_s) * 2.0**64).astype(np.uint64)

    def at(self, rows: IntColumn, time_s: float) -> tuple[BoolColumn, FloatColumn]:
        """Return whether processes are on, and until when that holds at least, both [rows]."""
        parts = [
            self._at(rows[i : i + BLOCK_ROWS], time_s) for i in range(0, len(rows), BLOCK_ROWS)
        ]
        if not parts:
            return np.zeros(0, dtype=np.bool_), np.zeros(0)
        return np.concatenate([on for on, _ in parts]), np.concatenate([end for _, end in parts])

    def next_toggle(self, row: int, time_s: float) -> tuple[bool, float]:
        """Return whether one process is on, and until when exactly.

        The search covers `MOST_BINS` bins; if the state still holds there, their end is returned.
        """
        now = math.floor(time_s / self._bin_s[row])
        first, end = now - BINS_BACK, now + BINS_AHEAD
        times_s, states = self._refreshes_of(row, first, end)
        place = int(times_s.searchsorted(time_s, side="right"))
        on = bool(states[place - 1]) if place else bool(self.at(np.array([row]), time_s)[0][0])
        toggles_s = times_s[place:][states[place:] != on]
        while not len(toggles_s) and end < now + MOST_BINS:
            first, end = end, end + 2 * (end - first)
            times_s, states = self._refreshes_of(row, first, end)
            toggles_s = times_s[states != on]
        return on, float(toggles_s[0]) if len(toggles_s) else end * float(self._bin_s[row])

    def _at(self, rows: IntColumn, time_s: float) -> tuple[BoolColumn, FloatColumn]:
        keys, bin_s = self._keys[rows], self._bin_s[rows]
        bins = np.floor(time_s / bin_s)
        words = _bin_words(keys, bins)
        last_s, next_s = _refreshes_around(words, bins, bin_s, time_s)
        state_words = _state_words(words, last_s, next_s < np.inf)
        none_yet = np.flatnonzero(last_s == -np.inf)
        state_words[none_yet] = _last_state_words(keys[none_yet], bins[none_yet])
        on = splitmix64(state_words ^ STATE_SALT) < self._on_below[rows]
        # Beyond the bin nothing has been computed, so the state is certain until its end only.
        return on, np.minimum(next_s, (bins + 1.0) * bin_s)

    def _refreshes_of(self, row: int, first: int, end: int) -> tuple[FloatColumn, BoolColumn]:
        """Return when one process is refreshed in some bins, ascending, and to what state."""
        bins = np.arange(first, end, dtype=np.float64)
        words = _bin_words(self._keys[[row]], bins)
        counts = MORE_THAN.searchsorted(words, side="right")
        of = np.repeat(np.arange(len(bins)), counts)
        number = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
        times_s = np.sort(_refresh_times(words[of], number, bins[of], self._bin_s[row]))
        followed = np.diff(of, append=-1) == 0
        state_words = _state_words(words[of], times_s, followed)
        return times_s, splitmix64(state_words ^ STATE_SALT) < self._on_below[row]


def _bin_words(keys: Words, bins: FloatColumn) -> Words:
    """Return the word of one bin of each process, or of some bins of one."""
    numbers = bins.astype(np.int64).view(np.uint64)
    return splitmix64(keys + numbers * np.uint64(GOLDEN_GAMMA))


def _state_words(bin_words: Words, refresh_s: FloatColumn, followed: BoolColumn) -> Words:
    """Return the words from which the states after refreshes are drawn.

    The last refresh of a bin takes its state from the bin's word alone, so that a later bin can
    find the state without computing when in the bin that refresh was. Any other refresh, one
    that is followed by another in its bin, takes it from the word and its own time.
    """
    timed = splitmix64(bin_words ^ refresh_s.view(np.uint64))
    return np.where(followed, timed, bin_words ^ LAST_SALT)


def _last_state_words(keys: Words, bins: FloatColumn) -> Words:
    """Return the words of the states after the last refresh before each process's bin."""
    state_words = np.empty_like(keys)
    still_open = np.arange(len(keys))
    while len(still_open):
        bins = bins - 1.0
        words = _bin_words(keys, bins)
        state_words[still_open] = words ^ LAST_SALT
        empty = np.flatnonzero(words < MORE_THAN[0])
        keys, bins, still_open = keys[empty], bins[empty], still_open[empty]
    return state_words


def _refreshes_around(
    bin_words: Words, bins: FloatColumn, bin_s: FloatColumn, time_s: float
) -> tuple[FloatColumn, FloatColumn]:
    """Search the very bins that contain a time.

    Returns:
        The last refresh in the bin that is not after the time, or -inf, and the first one after
        it, or inf.
    """
    last_s, next_s = np.full(len(bins), -np.inf), np.full(len(bins), np.inf)
    rows: IntColumn | slice = slice(None)
    for number, limit in enumerate(MORE_THAN):
        if number >= FILTER_FROM:
            some = np.flatnonzero(bin_words >= limit)
            rows = some if isinstance(rows, slice) else rows[some]
            bin_words, bins, bin_s = bin_words[some], bins[some], bin_s[some]
        if not len(bins):
            break
        times_s = _refresh_times(bin_words, number, bins, bin_s)
        exists, past = bin_words >= limit, times_s <= time_s
        last_s[rows] = np.maximum(last_s[rows], np.where(exists & past, times_s, -np.inf))
        next_s[rows] = np.minimum(next_s[rows], np.where(exists & ~past, times_s, np.inf))
    return last_s, next_s


def _refresh_times(
    bin_words: Words, number: int | IntColumn, bins: FloatColumn, bin_s: FloatColumn
) -> FloatColumn:
    """Return when the refreshes with these numbers in their bins happen, uniform in the bin."""
    words = splitmix64(bin_words + np.asarray(number).astype(np.uint64) * np.uint64(GOLDEN_GAMMA))
    # The half keeps the place strictly inside the bin, so that no refresh falls on a border.
    place = ((words >> np.uint64(32)).astype(np.float64) + 0.5) * 2.0**-32
    times_s: FloatColumn = (bins + place) * bin_s
    return times_s


class PeriodicOnOff:
    """On/off processes with fixed times.

    Args:
        phases: position of each process in its period at time 0, 0..1, shape [rows].
        on_s: time on, with which a period begins, shape [rows].
        off_s: time off, shape [rows].
    """

    def __init__(self, phases: FloatColumn, on_s: FloatColumn, off_s: FloatColumn) -> None:
        self._on_s = on_s
        self._period_s = on_s + off_s
        self._begun_s = -phases * self._period_s

    def at(self, rows: IntColumn, time_s: float) -> tuple[BoolColumn, FloatColumn]:
        """Return whether processes are on, and until when, both [rows]."""
        begun_s, period_s = self._begun_s[rows], self._period_s[rows]
        number = np.floor((time_s - begun_s) / period_s)
        # The division is rounded: it may land on the wrong side of the start of a period.
        number -= begun_s + number * period_s > time_s
        number += begun_s + (number + 1.0) * period_s <= time_s
        off_from_s = begun_s + number * period_s + self._on_s[rows]
        on = time_s < off_from_s
        return on, np.where(on, off_from_s, begun_s + (number + 1.0) * period_s)

    def next_toggle(self, row: int, time_s: float) -> tuple[bool, float]:
        """Return whether one process is on, and until when."""
        on, until_s = self.at(np.array([row]), time_s)
        return bool(on[0]), float(until_s[0])
