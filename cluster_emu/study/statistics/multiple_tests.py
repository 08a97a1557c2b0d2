"""p values of many tests at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p values adjusted for all tests together by Holm's step-down method.

    With m tests, ordered by their p values, p_(k) becomes max over j <= k of (m - j + 1) p_(j),
    at most 1. Whatever the dependence between the tests, rejecting those of at most 5 % rejects
    any true null hypothesis with a probability of at most 5 % (Holm, Scand. J. Stat. 6(2), 1979).

    Args:
        p_values: shape [m]; NaN for what was not tested, which does not count.
    """
    adjusted = np.full(len(p_values), np.nan)
    tested = np.flatnonzero(~np.isnan(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1.0)
    return adjusted
