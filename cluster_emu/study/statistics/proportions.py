"""Probabilities estimated from few trials."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtri

from cluster_emu.study.statistics.estimates import CONFIDENCE


@dataclass(frozen=True, slots=True)
class Proportion:
    """A probability, from independent trials.

    Args:
        share: the share of the trials that succeeded; None where there is no trial.
        low: lower end of the 95 % interval; None likewise.
        high: upper end.
        count: number of trials.
    """

    share: float | None
    low: float | None
    high: float | None
    count: int


def proportion(successes: int, trials: int) -> Proportion:
    """Return a share with Wilson's score interval (Wilson 1927; Brown, Cai and DasGupta 2001).

    With p = x / n and the normal quantile z its ends are

        (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n).

    In the mean over probabilities it covers the true one as often as it says, also with few
    trials; intervals that never err more often are wider.

    Raises:
        ValueError: if there are more successes than trials, or fewer than none.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} trials cannot have succeeded")
    if trials == 0:
        return Proportion(None, None, None, 0)
    n, share = trials, successes / trials
    z = float(ndtri((1 + CONFIDENCE) / 2))
    middle = share + z**2 / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = ((middle + side * half) / (1 + z**2 / n) for side in (-1, 1))
    return Proportion(share, max(low, 0.0), min(high, 1.0), n)
