"""Many random schedules under a seed of their own, for slow tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import SearchStrategy, tuples


def run_schedules(
    run: Callable[..., object], *drawn: SearchStrategy[Any], count: int, part: int
) -> None:
    """Call `run` with so many draws and `part`, which is their seed too, so that none is kept."""

    @seed(part)
    @given(tuples(*drawn))
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
    )
    def run_each(draws: tuple[Any, ...]) -> None:
        run(*draws, part)

    run_each()
