"""Makes what a scenario's fields choose; complaints name the field."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from cluster_emu.errors import ScenarioError, UnknownNameError
from cluster_emu.plugins import Registry
from cluster_emu.scenario import Choice

T = TypeVar("T")


def make(registry: Registry[T], choice: Choice, field: str) -> T:
    """Make the part a scenario's field chooses.

    Raises:
        ScenarioError: naming the field, if the name or a parameter is not allowed.
    """
    with at(field):
        return registry.create(choice.name, **choice.parameters)


@contextmanager
def at(field: str) -> Iterator[None]:
    """Let a complaint from within name the scenario's field."""
    try:
        yield
    except UnknownNameError as error:
        raise ScenarioError(field, error.name, error.allowed) from error
    except ScenarioError as error:
        raise error.at(field) from error
