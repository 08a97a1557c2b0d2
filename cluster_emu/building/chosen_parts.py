"""Creates the parts that the fields of a scenario choose; an error names the field.

An error about a field that the scenario does not give says that its value is a default.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from cluster_emu.errors import ScenarioError, errors_at
from cluster_emu.plugins import Registry
from cluster_emu.scenario import Choice, Scenario

T = TypeVar("T")
P = ParamSpec("P")


def create_chosen(registry: Registry[T], choice: Choice, field: str) -> T:
    """Create the part that a field of the scenario chooses.

    Raises:
        ScenarioError: naming the field, if the name or a parameter is not allowed.
    """
    with errors_at(field):
        return registry.create(choice.name, **choice.parameters)


def naming_defaults(
    build: Callable[Concatenate[Scenario, P], T],
) -> Callable[Concatenate[Scenario, P], T]:
    """Let an error about a field say so where the scenario does not give that field."""

    @wraps(build)
    def build_or_explain(scenario: Scenario, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return build(scenario, *args, **kwargs)
        except ScenarioError as error:
            if scenario.takes_default(error.field):
                raise error.about_default() from error
            raise

    return build_or_explain
