"""The mean course of a round: how many pages are sent by when, and who is clean at its turn.

While the scan comes by, x pages having been sent, a page of class c is clean with the chance
``g exp(-lambda_c s(x))``, s(x) being the operational time of the look at the log that decides. With
A pages of a stretch sent whatever is seen, M_c sent if clean and K_c if dirty, the share of the
stretch passed grows by ``dx / Q(s(x))`` with ``Q(s) = A + sum_c M_c clean_c + K_c (1 - clean_c)``,
so the stretch that begins at x0 ends at the x1 that solves ``integral_x0^x1 dx / Q = 1``
(docs/protocol.md; the lumped round in closed form).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.compiling import compiled
from cluster_emu.memory.lumped.path import time_at
from cluster_emu.memory.lumped.writing import add_up_falls, add_up_writes

Floats = NDArray[np.float64]

MAX_STEPS = 40
EXACT_ENOUGH = 3e-5
"""Newton steps, whose error is squared, end when no bound moves by more than this share of all."""
_LEAST_SENT = 1e-9
LARGEST_EXPONENT = 700.0


class Rule(NamedTuple):
    """A quadrature rule on [0, 1] whose first and last points are the ends."""

    points: Floats
    weights: Floats


def _lobatto() -> Rule:
    """Return the rule of nine points that is exact for polynomials of degree 15."""
    inner = np.polynomial.legendre.Legendre.basis(8).deriv().roots()
    points = np.concatenate([[-1.0], np.sort(inner.real), [1.0]])
    weights = 2.0 / (9 * 8 * np.polynomial.legendre.Legendre.basis(8)(points) ** 2)
    return Rule((points + 1.0) / 2.0, weights / 2.0)


def _midpoints(count: int) -> Rule:
    points = (np.arange(count) + 0.5) / count
    weights = np.full(count, 1.0 / count)
    return Rule(np.concatenate([[0.0], points, [1.0]]), np.concatenate([[0.0], weights, [0.0]]))


SMOOTH = _lobatto()
ROUGH = _midpoints(64)
"""For rounds with steps in them: rate changes, stalls, looks shared by batches."""


class Course(NamedTuple):
    """The mean course of a round.

    Args:
        share: share of each stretch that has its turn, [stretches].
        points: share of the pages sent in a stretch, at each point, [points].
        bounds: pages sent when each stretch begins, and at the end, [stretches + 1].
        about: at each point, the share of the visited pages of a stretch that are met about it;
            the pages that would be sent if all had their turn there; the chance of each class to
            be seen clean, [stretches, points, 2 + classes].
        mean_clean: chance that a visited page is seen clean at its turn, [stretches, classes].
        falls: how fast its logarithm falls if the scan comes by later, per operational second,
            [stretches, classes].
        uncertain: visited pages for which a look decides whether they are sent.
    """

    share: Floats
    points: Floats
    bounds: Floats
    about: Floats
    mean_clean: Floats
    falls: Floats
    uncertain: float

    def visited_share(self, stretch: int, sent_share: float) -> float:
        """Return the share of a stretch that is passed when this share of its sends is done."""
        return _passed(self.about, self.points, stretch, sent_share)

    def mean_clean_until(self, stretch: int, sent_share: float) -> Floats:
        """Return the chance of being seen clean for the pages met until then, [classes]."""
        weight: Floats = self.about[stretch, :, 0] * (self.points <= sent_share)
        clean = self.about[stretch, :, 2:]
        if weight.sum() <= 0:
            first: Floats = clean[0]
            return first
        mean: Floats = weight @ clean / weight.sum()
        return mean


@compiled
def _passed(about: Floats, points: Floats, stretch: int, sent_share: float) -> float:
    """Interpolate the share of a stretch that is passed when this share of its sends is done."""
    last, before, total = len(points) - 1, 0.0, 0.0
    for p in range(len(points)):
        visits = about[stretch, p, 0]
        here = total + visits / 2
        if p == 0:
            here = 0.0
        elif p == last:
            here = 1.0
        if sent_share <= points[p]:
            if p == 0:
                return float(here)
            rise = (here - before) / (points[p] - points[p - 1])
            return float(before + (sent_share - points[p - 1]) * rise)
        before = here
        total += visits
    return 1.0


class Looks(NamedTuple):
    """When the log is looked at, and how often pages are written.

    Args:
        rates: as in `Writing`; in this module a class is a label there, [classes].
        sets: as in `Writing`.
        not_given: chance that a page is not given as dirty from the start.
        corners: pages sent and times at which the pace changed, [2, corners].
        pace: operational seconds per page from the last corner on.
        fraction: share of the time until a turn at which the look that decides comes.
        batch: pages that share a look.
        lag: by how many pages looks come earlier than that.
    """

    rates: Floats
    sets: Floats
    not_given: float
    corners: Floats
    pace: float
    fraction: float
    batch: int
    lag: float


def mean_course(sendable: Floats, share: Floats, looks: Looks, rule: Rule) -> Course:
    """Find when each stretch of a round ends in the mean.

    Args:
        sendable: as in `Due`, [4, stretches, classes].
        share: share of each stretch that is to be passed, [stretches].
        looks: when the log is looked at.
        rule: points at which the course is looked at.
    """
    return Course(share, rule.points, *_solved(sendable, share, *looks, *rule))


@compiled
def _solved(
    sendable: Floats,
    share: Floats,
    rates: Floats,
    sets: Floats,
    not_given: float,
    corners: Floats,
    pace: float,
    fraction: float,
    batch: int,
    lag: float,
    points: Floats,
    weights: Floats,
) -> tuple[Floats, Floats, Floats, Floats, float]:
    """Solve for the bounds by Newton steps; a stretch shrinks or grows tenfold at most in one."""
    stretches, classes = sendable.shape[1], sendable.shape[2]
    fixed, change = np.zeros(stretches), sendable[1] - sendable[2]
    sends, uncertain = np.zeros(stretches), 0.0
    for j in range(stretches):
        most = 0.0
        for c in range(classes):
            fixed[j] += sendable[0, j, c] + sendable[2, j, c]
            most += sendable[0, j, c] + sendable[1, j, c] + sendable[2, j, c]
            uncertain += (sendable[1, j, c] + sendable[2, j, c]) * share[j]
        if most > 0:
            sends[j] = share[j]

    bounds = np.zeros(stretches + 1)
    total_fixed, total_change = fixed.sum(), change.sum(axis=0)
    all_pages = sends.sum() / stretches
    first = total_fixed + not_given * total_change.sum()
    fall, guess, expected = 0.0, first, np.empty(classes)
    for _ in range(2):  # as if the pages sent per page visited fell off exponentially
        time, last = time_at(max(guess - lag, 0.0), corners, pace, batch) * fraction, total_fixed
        add_up_writes(rates, sets, 0.0, time, expected)
        for c in range(classes):
            last += not_given * math.exp(-min(expected[c], LARGEST_EXPONENT)) * total_change[c]
        fall = math.log(max(first, _LEAST_SENT) / max(last, _LEAST_SENT)) / max(guess, _LEAST_SENT)
        if fall * guess < 1e-3:
            fall = 0.0
            break
        guess = math.log1p(fall * first * all_pages) / fall
    passed = 0.0
    for j in range(stretches):
        passed += first * sends[j] / stretches
        bounds[j + 1] = math.log1p(fall * passed) / fall if fall > 0 else passed

    count = len(points)
    about = np.empty((stretches, count, 2 + classes))
    sent, clean = about[:, :, 1], about[:, :, 2:]
    new = np.zeros(stretches + 1)
    for _ in range(MAX_STEPS):
        shift = moved = 0.0
        for j in range(stretches):
            width, passed = bounds[j + 1] - bounds[j], 0.0
            for p in range(count):
                x = bounds[j] + width * points[p]
                time, total = time_at(max(x - lag, 0.0), corners, pace, batch) * fraction, fixed[j]
                add_up_writes(rates, sets, 0.0, time, expected)
                for c in range(classes):
                    chance = not_given * math.exp(-min(expected[c], LARGEST_EXPONENT))
                    clean[j, p, c] = chance
                    total += chance * change[j, c]
                sent[j, p] = max(total, _LEAST_SENT)
                passed += weights[p] / sent[j, p]
            wrong = width * passed - sends[j]
            at_end = bounds[j + 1] + (shift / sent[j, 0] - wrong) * sent[j, -1]
            widened = min(max(at_end - new[j], 0.1 * width), 10.0 * width + 1.0)
            new[j + 1] = new[j] + widened
            shift = new[j + 1] - bounds[j + 1]
            moved = max(moved, abs(shift))
        bounds[:] = new
        if moved <= EXACT_ENOUGH * bounds[-1] + 1e-6:
            break

    mean_clean, falls = np.zeros((stretches, classes)), np.zeros((stretches, classes))
    for j in range(stretches):
        total = 0.0
        for p in range(count):
            total += weights[p] / sent[j, p]
        for p in range(count):
            about[j, p, 0] = weights[p] / sent[j, p] / total
            for c in range(classes):
                mean_clean[j, c] += about[j, p, 0] * clean[j, p, c]
            if len(sets):
                x = bounds[j] + (bounds[j + 1] - bounds[j]) * points[p]
                time = time_at(max(x - lag, 0.0), corners, pace, batch) * fraction
                add_up_falls(rates, sets, time, expected)
                for c in range(classes):
                    falls[j, c] += about[j, p, 0] * clean[j, p, c] * expected[c]
        for c in range(classes):
            falls[j, c] = falls[j, c] / max(mean_clean[j, c], 1e-300) if len(sets) else rates[c]
            mean_clean[j, c] = min(mean_clean[j, c], 1.0)
    return bounds, about, mean_clean, falls, uncertain
