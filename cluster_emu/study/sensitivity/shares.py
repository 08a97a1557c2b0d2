"""The share of a figure's variance that one factor explains, alone and with all others."""

from __future__ import annotations

import math
from dataclasses import dataclass

SEEDS = "seeds"
"""What is left within settings: runs that differ in nothing but the seed."""
INTERACTIONS = "interactions"
"""What two factors or more explain only together."""


@dataclass(frozen=True, slots=True)
class FactorShare:
    """The share of the variance that one factor explains.

    Args:
        factor: the column of an axis, several that move together, "interactions" or "seeds".
        first: the share of the factor alone (first-order index, eta squared).
        first_low: lower end of its 95 % interval; NaN where there is none.
        first_high: upper end.
        total: the share that would be gone if the factor were known, its interactions with other
            factors included (total index); NaN for interactions and seeds.
        total_low: lower end of its 95 % interval.
        total_high: upper end.
        p_value: of no effect of the factor alone; NaN where it is not tested.
    """

    factor: str
    first: float
    first_low: float = math.nan
    first_high: float = math.nan
    total: float = math.nan
    total_low: float = math.nan
    total_high: float = math.nan
    p_value: float = math.nan
