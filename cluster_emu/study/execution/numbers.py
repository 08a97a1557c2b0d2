"""Limits on the numbers that studies take: replications, seeds, processes."""

from __future__ import annotations

from cluster_emu.errors import ScenarioError


def check_at_least(least: int, **numbers: int) -> None:
    """Raise a ScenarioError for the first number, by name, that is less than `least`."""
    for name, value in numbers.items():
        if value < least:
            raise ScenarioError(name, value, f"a whole number >= {least}")
