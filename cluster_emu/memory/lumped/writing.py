"""How often pages are written in a round, a working set that moves included.

Without such a set a page of class k is clean after the operational time t with
``exp(-lambda_k t)``, and pages have the labels of their classes. With one, a label also says, bit
by bit, in which sets a page is: the present one, and possibly some that follow and whose members
are known too. The class is ``label % classes``, the bits are ``label // classes``. While a page is
in a set it is written rho times more per second. In a set whose members are not known a page is
with the chance sigma, so that it comes through d seconds of it clean with
``1 - sigma + sigma exp(-rho d)``. Either way a page stays clean with ``exp(-E)``; E, a sum over its
class and all sets, is what is called its expected writes here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.classes import PageClasses
from cluster_emu.memory.lumped.compiling import compiled

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

NO_SETS = np.empty(0)
SHARE, RATE, LEFT, PERIOD, KNOWN = range(5)
"""What `Writing.sets` holds."""
_NEWTON_STEPS = 40


@dataclass(frozen=True, slots=True)
class Writing:
    """How often pages of each label are written, seen from the start of a round.

    Args:
        rates: writes per page and operational second without the moving set, [labels].
        given_share: chance that a page is given as dirty from the start.
        sets: of the moving sets the share of all pages, writes per page and second, time left of
            the present one, period, and how many have known members; empty if there are none.
    """

    rates: Floats
    given_share: float
    sets: Floats

    @classmethod
    def of(cls, classes: PageClasses, left_s: float = 0.0, known: int = 0) -> Writing:
        """Return how often pages of these classes are written.

        Args:
            classes: the classes.
            left_s: operational time for which the present set still lasts.
            known: sets of which members are known, the present one included; 0 without sets.
        """
        if known == 0 or classes.hot is None:
            return cls(classes.writes_per_page_s, classes.given_share, NO_SETS)
        hot = classes.hot
        share = hot.pages / classes.page_count
        sets = np.array([share, hot.writes_per_page_s, left_s, hot.period_s, known])
        rates = np.concatenate([classes.writes_per_page_s] * (1 << known))
        return cls(rates, classes.given_share, sets)

    @property
    def not_given(self) -> float:
        """Chance that a page is not given as dirty from the start."""
        return 1.0 - self.given_share

    @property
    def highest_rate(self) -> float:
        """Writes per second of the page that is written most."""
        moving = float(self.sets[RATE]) if len(self.sets) else 0.0
        return float(self.rates.max()) + moving

    def is_smooth_until(self, time: float) -> bool:
        """Return whether no set ends before that time of the round."""
        return len(self.sets) == 0 or time <= float(self.sets[LEFT])

    def clean_chance(self, elapsed: float) -> Floats:
        """Return the chance that a page is clean after a round that lasts so long, [labels]."""
        chance: Floats = (1.0 - self.given_share) * self.unwritten_chance(elapsed)
        return chance

    def unwritten_chance(self, elapsed: float) -> Floats:
        """Return the chance that a page is not written in so much time, [labels]."""
        if len(self.sets) == 0:
            chance: Floats = np.exp(-self.rates * elapsed)
            return chance
        expected = np.empty(len(self.rates))
        add_up_writes(self.rates, self.sets, 0.0, elapsed, expected)
        return np.exp(-expected)

    def expected(self, since: Floats, until: float) -> Floats:
        """Return the expected writes from each time until another, [*since.shape, labels]."""
        if len(self.sets) == 0:
            plain: Floats = np.multiply.outer(np.maximum(until - since, 0.0), self.rates)
            return plain
        found = _from_each(self.rates, self.sets, since.ravel(), until)
        return found.reshape(*since.shape, len(self.rates))

    def expected_of(self, label: Labels, since: Floats, until: float) -> Floats:
        """Return the expected writes of pages, each from a time of its own, [pages]."""
        if len(self.sets) == 0:
            plain: Floats = self.rates[label] * np.maximum(until - since, 0.0)
            return plain
        chosen: Floats = self.expected(since, until)[np.arange(len(label)), label]
        return chosen

    def expected_steps(self, times: Floats, until: float) -> tuple[Floats, Floats]:
        """Return the expected writes from each time but the first on, and from one to the next.

        Args:
            times: ascending times, [stretches, times].
            until: until when the first ones are counted.
        """
        if len(self.sets) == 0:
            left = np.maximum(until - times, 0.0)
            steps = np.multiply.outer(-np.diff(left, axis=1), self.rates)
            return np.multiply.outer(left[:, 1:], self.rates), steps
        expected = self.expected(times, until)
        return expected[:, 1:], -np.diff(expected, axis=1)

    def first_writes(self, label: Labels, level: Floats) -> Floats:
        """Return when the expected writes of pages reach given levels, [pages]."""
        if len(self.sets) == 0:
            with np.errstate(divide="ignore"):
                first: Floats = level / self.rates[label]
            return first
        return _reached(self.rates, self.sets, label, level)


@compiled
def add_up_writes(
    rates: Floats, sets: Floats, since: float, until: float, expected: Floats
) -> None:
    """Find the expected writes in an interval of a round.

    Args:
        rates: as in `Writing`, [labels].
        sets: as in `Writing`.
        since: when it begins.
        until: when it ends, not before.
        expected: the expected writes; written, [labels].
    """
    for c in range(len(rates)):
        expected[c] = rates[c] * (until - since)
    if len(sets) == 0:
        return
    share, rate, left, period, known = sets
    classes = len(rates) >> int(known)
    unknown = _in_unknown_sets(share, rate, left + (known - 1) * period, period, since, until)
    for bits in range(1 << int(known)):
        extra, begins, ends = unknown, 0.0, left
        for place in range(int(known)):
            if bits >> place & 1:
                extra += rate * max(min(until, ends) - max(since, begins), 0.0)
            begins, ends = ends, ends + period
        for c in range(bits * classes, (bits + 1) * classes):
            expected[c] += extra


@compiled
def _in_unknown_sets(
    share: float, rate: float, begin: float, period: float, since: float, until: float
) -> float:
    """Return the expected writes of a page that is with a chance in the sets from `begin` on."""
    since, until = max(since - begin, 0.0), until - begin
    if until <= since:
        return 0.0
    first, last = math.floor(since / period), math.floor(until / period)
    if first == last:
        return _through(share, rate, until - since)
    found = _through(share, rate, (first + 1) * period - since)
    found += _through(share, rate, until - last * period)
    if last - first > 1:
        found += (last - first - 1) * _through(share, rate, period)
    return found


@compiled
def _through(share: float, rate: float, part: float) -> float:
    """Return the expected writes in a part of a set of which a page is with a chance."""
    return -math.log1p(share * math.expm1(-rate * part))


@compiled
def add_up_falls(rates: Floats, sets: Floats, time: float, falls: Floats) -> None:
    """Find how fast expected writes grow at a time of the round, [labels]; `falls` is written."""
    falls[:] = rates
    if len(sets) == 0:
        return
    share, rate, left, period, known = sets
    classes = len(rates) >> int(known)
    number = 0 if time < left else 1 + int((time - left) / period)
    since = time - left - (number - 1) * period
    kept = share * math.exp(-rate * since)
    for c in range(len(rates)):
        if number < known:
            falls[c] += rate * (c // classes >> number & 1)
        else:
            falls[c] += rate * kept / (1.0 - share + kept)


@compiled
def _from_each(rates: Floats, sets: Floats, since: Floats, until: float) -> Floats:
    found = np.empty((len(since), len(rates)))
    for i in range(len(since)):
        add_up_writes(rates, sets, min(since[i], until), until, found[i])
    return found


@compiled
def _reached(rates: Floats, sets: Floats, label: Labels, level: Floats) -> Floats:
    share, rate, left, period, known = sets
    classes = len(rates) >> int(known)
    times = np.empty(len(label))
    for i in range(len(label)):
        bits, base = label[i] // classes, rates[label[i]]
        begins, ends, rest, found = 0.0, left, level[i], -1.0
        for place in range(int(known)):
            per_s = base + rate * (bits >> place & 1)
            if rest < per_s * (ends - begins):
                found = begins + rest / per_s
                break
            rest -= per_s * (ends - begins)
            begins, ends = ends, ends + period
        if found < 0:
            per_period = base * period + _through(share, rate, period)
            found = math.inf
            if per_period > 0:
                whole = math.floor(rest / per_period)
                within = rest - whole * per_period if whole > 0 else rest
                found = begins + whole * period + _reached_within(share, rate, base, period, within)
        times[i] = found
    return times


@compiled
def _reached_within(share: float, rate: float, base: float, period: float, level: float) -> float:
    """Return after what part of a set the expected writes reach a level, by Newton steps.

    They grow ever more slowly, so that steps from the start never go too far.
    """
    part = 0.0
    for _ in range(_NEWTON_STEPS):
        kept = share * math.exp(-rate * part)
        per_s = base + rate * kept / (1.0 - share + kept) if kept > 0 else base
        missing = level - base * part - _through(share, rate, part)
        if per_s <= 0 or missing <= 1e-12 * level:
            break
        part = min(part + missing / per_s, period)
    return part
