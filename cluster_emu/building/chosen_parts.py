"""Creates the parts that the fields of a scenario choose; an error names the field."""

from __future__ import annotations

from typing import TypeVar

from cluster_emu.errors import errors_at
from cluster_emu.plugins import Registry
from cluster_emu.scenario import Choice

T = TypeVar("T")


def create_chosen(registry: Registry[T], choice: Choice, field: str) -> T:
    """Create the part that a field of the scenario chooses.

    Raises:
        ScenarioError: naming the field, if the name or a parameter is not allowed.
    """
    with errors_at(field):
        return registry.create(choice.name, **choice.parameters)
