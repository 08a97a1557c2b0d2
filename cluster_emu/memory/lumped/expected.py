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
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
CleanAt = Callable[[Floats], Floats]
"""Chance of each class to be seen clean after so many pages sent, [...] -> [..., classes]."""

MAX_STEPS = 40
EXACT_ENOUGH = 3e-5
"""Newton steps, whose error is squared, end when no bound moves by more than this share of all."""
_LEAST_SENT = 1e-9


@dataclass(frozen=True, slots=True)
class Rule:
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


@dataclass(frozen=True, slots=True)
class Sendable:
    """Pages of each stretch by what makes the scan send them.

    Args:
        always: sent whatever is seen, [stretches].
        if_clean: sent if seen clean, [stretches, classes].
        if_dirty: sent if seen dirty, [stretches, classes].
    """

    always: Floats
    if_clean: Floats
    if_dirty: Floats

    @property
    def most(self) -> Floats:
        """Pages that are sent if they are seen as they have to be, [stretches]."""
        most: Floats = self.always + (self.if_clean + self.if_dirty).sum(axis=1)
        return most

    def sent(self, clean: Floats) -> Floats:
        """Return how many would be sent if all had their turn at once.

        Args:
            clean: chances of being seen clean, [stretches, points, classes].
        """
        change = self.if_clean - self.if_dirty
        sent: Floats = np.matmul(clean, change[:, :, np.newaxis])[:, :, 0]
        sent += (self.always + self.if_dirty.sum(axis=1))[:, np.newaxis]
        return sent


@dataclass(frozen=True, slots=True)
class Course:
    """The mean course of a round.

    Args:
        share: share of each stretch that has its turn, [stretches].
        bounds: pages sent when each stretch begins, and at the end, [stretches + 1].
        points: share of the pages sent in a stretch, at each point, [points].
        visits: share of the visited pages of a stretch met about each point, [stretches, points].
        clean: chance of being seen clean there, [stretches, points, classes].
        sent: pages of the stretch that would be sent if all had their turn there,
            [stretches, points].
    """

    share: Floats
    bounds: Floats
    points: Floats
    visits: Floats
    clean: Floats
    sent: Floats

    @property
    def mean_clean(self) -> Floats:
        """Chance that a visited page is seen clean at its turn, [stretches, classes]."""
        mean: Floats = np.matmul(self.visits[:, np.newaxis, :], self.clean)[:, 0, :]
        np.minimum(mean, 1.0, out=mean)
        return mean

    def visited_share(self, stretch: int, sent_share: float) -> float:
        """Return the share of a stretch that is passed when this share of its sends is done."""
        passed = np.cumsum(self.visits[stretch]) - self.visits[stretch] / 2
        passed[0], passed[-1] = 0.0, 1.0
        return float(np.interp(sent_share, self.points, passed))

    def mean_clean_until(self, stretch: int, sent_share: float) -> Floats:
        """Return the chance of being seen clean for the pages met until then, [classes]."""
        weight: Floats = self.visits[stretch] * (self.points <= sent_share)
        if weight.sum() <= 0:
            first: Floats = self.clean[stretch, 0]
            return first
        mean: Floats = weight @ self.clean[stretch] / weight.sum()
        return mean


def mean_course(sendable: Sendable, share: Floats, clean_at: CleanAt, rule: Rule) -> Course:
    """Find when each stretch of a round ends in the mean.

    Args:
        sendable: what is sent of each stretch.
        share: share of each stretch that is to be passed, [stretches].
        clean_at: chances of being seen clean.
        rule: points at which the course is looked at.
    """
    sends = share * (sendable.most > 0)
    bounds = _first_guess(sendable, sends, clean_at)
    weights = rule.weights
    for _ in range(MAX_STEPS):
        width = np.diff(bounds)
        clean = clean_at(bounds[:-1, np.newaxis] + width[:, np.newaxis] * rule.points)
        sent = np.maximum(sendable.sent(clean), _LEAST_SENT)
        passed = width * (weights / sent).sum(axis=1)
        new = _newton(bounds, width, passed - sends, sent[:, 0], sent[:, -1])
        moved = np.abs(new - bounds).max()
        bounds = new
        if moved <= EXACT_ENOUGH * bounds[-1] + 1e-6:
            break
    visits = weights / sent
    visits /= visits.sum(axis=1, keepdims=True)
    return Course(share, bounds, rule.points, visits, clean, sent)


def _first_guess(sendable: Sendable, share: Floats, clean_at: CleanAt) -> Floats:
    """Return bounds as if the pages sent per page visited fell off exponentially."""
    passed = np.zeros(len(share) + 1)
    np.cumsum(share / len(share), out=passed[1:])
    fixed = float(sendable.always.sum() + sendable.if_dirty.sum())
    change = (sendable.if_clean - sendable.if_dirty).sum(axis=0)
    first = end = fixed + float(clean_at(np.array(0.0)) @ change)
    for _ in range(2):
        last = fixed + float(clean_at(np.array(end)) @ change)
        fall = math.log(max(first, _LEAST_SENT) / max(last, _LEAST_SENT)) / max(end, _LEAST_SENT)
        if fall * end < 1e-3:
            break
        end = math.log1p(fall * first * passed[-1]) / fall
    else:
        guess: Floats = np.log1p(fall * first * passed) / fall
        return guess
    straight: Floats = first * passed
    return straight


def _newton(
    bounds: Floats, width: Floats, error: Floats, at_begin: Floats, at_end: Floats
) -> Floats:
    """Return better bounds; a stretch does not shrink or grow more than tenfold at once."""
    new = [0.0]
    shift = 0.0
    for old_end, wide, wrong, first, last in zip(
        bounds[1:].tolist(),
        width.tolist(),
        error.tolist(),
        at_begin.tolist(),
        at_end.tolist(),
        strict=True,
    ):
        end = old_end + (shift / first - wrong) * last
        new.append(new[-1] + min(max(end - new[-1], 0.1 * wide), 10.0 * wide + 1.0))
        shift = new[-1] - old_end
    return np.array(new)
