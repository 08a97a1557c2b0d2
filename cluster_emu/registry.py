"""Named, parameterised parts: the one way in for strategies, policies, topologies and the rest.

A part is a pydantic dataclass (its fields are its parameters, checked when it is made). Other
distributions add parts through entry points of the registry's group, for example
``[project.entry-points."cluster_emu.strategies"]``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from cluster_emu.errors import ScenarioError, UnknownNameError

T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., Any])


class Registry(Generic[T]):
    """Maps a kebab-case name to the factory of a part.

    Args:
        kind: what is registered, in words, for messages ("strategy").
        group: the entry point group third parties register under.
    """

    def __init__(self, kind: str, group: str) -> None:
        self.kind = kind
        self.group = group
        self._factories: dict[str, Callable[..., T]] = {}
        self._entry_points_loaded = False

    def register(self, name: str) -> Callable[[C], C]:
        """Return a decorator that enters a factory under `name`."""

        def enter(factory: C) -> C:
            if name in self._factories:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._factories[name] = factory
            return factory

        return enter

    def names(self) -> list[str]:
        """Return every registered name, sorted."""
        self._load_entry_points()
        return sorted(self._factories)

    def factory(self, name: str) -> Callable[..., T]:
        """Return the factory registered under `name`.

        Raises:
            UnknownNameError: if there is none; the message lists the known names.
        """
        self._load_entry_points()
        if name not in self._factories:
            raise UnknownNameError(self.kind, name, self._factories)
        return self._factories[name]

    def parameters(self, name: str) -> list[str]:
        """Return the names of the parameters that `name` takes."""
        return list(inspect.signature(self.factory(name)).parameters)

    def create(self, name: str, /, **parameters: Any) -> T:
        """Make the part `name` with the given parameters.

        Raises:
            UnknownNameError: if no such part exists.
            ScenarioError: if a parameter is unknown or its value not allowed; its field is the
                parameter's name.
        """
        factory = self.factory(name)
        known = self.parameters(name)
        for key, value in parameters.items():
            if key not in known:
                allowed = f"a parameter of {self.kind} {name!r}: {', '.join(known) or 'none'}"
                raise ScenarioError(key, value, allowed)
        try:
            return factory(**parameters)
        except ValidationError as error:
            raise from_validation(error) from error
        except TypeError as error:
            raise ScenarioError(name, parameters, str(error)) from error

    def _load_entry_points(self) -> None:
        if self._entry_points_loaded:
            return
        self._entry_points_loaded = True
        for point in entry_points(group=self.group):
            if point.name not in self._factories:
                self._factories[point.name] = point.load()


def from_validation(error: ValidationError) -> ScenarioError:
    """Turn the first complaint of a pydantic error into the package's own error."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "parameters"
    value = "missing" if first["type"] == "missing" else first["input"]
    unknown = first["type"] == "extra_forbidden"
    allowed = "a known field, and this is none" if unknown else first["msg"]
    return ScenarioError(field, value, allowed.removeprefix("Value error, "))
