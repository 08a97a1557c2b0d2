"""Limits on the numbers that studies take: replications, seeds, processes."""

from __future__ import annotations

import numpy as np

from cluster_emu.errors import ScenarioError
from cluster_emu.numerals import MOST_JOBS, MOST_REPLICATIONS, MOST_WHOLE


def check_whole(least: int, most: int = MOST_WHOLE, **numbers: int) -> None:
    """Raise a ScenarioError for the first number, by name, that is not whole or not in limits."""
    for name, value in numbers.items():
        is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not is_whole or value < least:
            raise ScenarioError(name, value, f"a whole number >= {least}")
        if value > most:
            raise ScenarioError(name, value, f"a whole number from {least} to {most}")


def check_study_numbers(replications: int, jobs: int, seed: int) -> None:
    """Raise a ScenarioError for the first of a study's numbers that is not allowed."""
    check_whole(1, MOST_REPLICATIONS, replications=replications)
    check_whole(1, MOST_JOBS, jobs=jobs)
    check_whole(0, seed=seed)
