"""How a round makes up for chance: pages sent take time, and in that time others are written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.expected import Course, Sendable

Floats = NDArray[np.float64]

FELT_FROM = 0.01
"""Change of the share sent within a stretch below which feedback makes no difference."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What is left of a deviation from the mean course at the end of each stretch.

    A page more sent at share u of the stretch leaves ``h(u) = Q(1) / Q(u)`` of a page more at its
    end (linear noise approximation: deviations decay as the solution of dx/du = Q does). So the
    number sent has the variance ``sum_c n_c (E[h^2 p_c] - E[h p_c]^2)``, n_c pages being sent with
    chance p_c(u), E the mean over u; without feedback, h = 1, it is binomial.

    Args:
        of_start: what is left at the end of a page more sent before the stretch, [stretches].
        of_noise: standard deviation of the number sent over that without feedback, [stretches].
    """

    of_start: Floats
    of_noise: Floats

    @classmethod
    def on(cls, course: Course, sendable: Sendable) -> Feedback:
        """Return the feedback in each stretch of a course."""
        left = course.sent[:, -1:] / course.sent
        if np.abs(left[:, 0] - 1.0).max() < FELT_FROM:
            return cls(np.ones(len(left)), np.ones(len(left)))
        chance = np.stack([course.clean, 1.0 - course.clean, np.ones_like(course.clean)])
        always = np.zeros_like(sendable.if_clean)
        always[:, :1] = sendable.always[:, np.newaxis]
        pages = np.stack([sendable.if_clean, sendable.if_dirty, always])
        weights = course.visits[np.newaxis, :, :, np.newaxis]
        kept = chance * left[:, :, np.newaxis]
        with_it = (weights * kept * left[:, :, np.newaxis]).sum(2) - (weights * kept).sum(2) ** 2
        mean = (weights * chance).sum(2)
        without = (pages * mean * (1.0 - mean)).sum((0, 2))
        ratio = (pages * with_it).sum((0, 2)) / np.maximum(without, 1e-300)
        return cls(left[:, 0], np.where(without > 0, np.sqrt(np.maximum(ratio, 0.0)), 1.0))
