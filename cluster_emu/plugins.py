"""Named, parameterised parts: the one way in for strategies, policies, topologies and the rest.

A part is a pydantic dataclass (its fields are its parameters, checked when it is made). Other
distributions add parts through entry points of the registry's group, for example
``[project.entry-points."cluster_emu.strategies"]``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from cluster_emu.errors import NOTHING, ScenarioError, UnknownNameError

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
            raise from_validation(error, factory) from error
        except TypeError as error:
            raise ScenarioError(name, parameters, str(error)) from error

    def _load_entry_points(self) -> None:
        if self._entry_points_loaded:
            return
        self._entry_points_loaded = True
        for point in entry_points(group=self.group):
            if point.name not in self._factories:
                self._factories[point.name] = point.load()


def from_validation(error: ValidationError, kind: object = None) -> ScenarioError:
    """Turn a pydantic error into the package's own error.

    Of several complaints one about an unknown name comes first, since it explains the one about
    what is missing; otherwise the first counts.

    Args:
        error: what pydantic said.
        kind: the model or dataclass that was to be made, so that its fields can be listed.
    """
    complaints = error.errors()
    unknown = (each for each in complaints if each["type"] in _UNKNOWN)
    first = next(unknown, complaints[0])
    field = ".".join(str(part) for part in first["loc"]) or "parameters"
    value = NOTHING if first["type"] == "missing" else first["input"]
    return ScenarioError(field, value, _allowed(first, kind))


_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_WORDS = {
    "missing": "a value, as it has no default",
    "greater_than": "a number > {gt}",
    "greater_than_equal": "a number >= {ge}",
    "less_than": "a number < {lt}",
    "less_than_equal": "a number <= {le}",
    "finite_number": "a finite number",
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("string_type", "path_type"), "a text"),
    **dict.fromkeys(("tuple_type", "list_type"), "a list"),
    **dict.fromkeys(("dict_type", "model_type", "dataclass_type"), "a table"),
    "too_short": "a list of {min_length} or more",
    "literal_error": "one of {expected}",
    "string_pattern_mismatch": "a text that matches {pattern}",
}
"""What is allowed, by pydantic's type of error and with its context filled in."""


def _allowed(complaint: Mapping[str, Any], kind: object) -> str:
    name = complaint["type"]
    if name in _UNKNOWN:
        *parents, last = complaint["loc"]
        known = _fields(_table_at(kind, parents))
        return UnknownNameError("field", str(last), known).allowed if known else "a known field"
    if name in _WORDS:
        return _WORDS[name].format(**{k: _plain(v) for k, v in complaint.get("ctx", {}).items()})
    return str(complaint["msg"]).removeprefix("Value error, ")


def _plain(value: object) -> object:
    """Return a number without a needless ".0"."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _table_at(kind: object, path: Sequence[int | str]) -> object:
    """Return the model or dataclass at a path into another one, None where there is none."""
    for part in path:
        if isinstance(part, str):
            field = _fields(kind).get(part)
            kind = _table_in(field.annotation) if field else None
    return kind


def _table_in(annotation: object) -> object:
    if _fields(annotation):
        return annotation
    return next(filter(None, map(_table_in, get_args(annotation))), None)


def _fields(kind: object) -> dict[str, FieldInfo]:
    found: dict[str, FieldInfo] = getattr(kind, "__pydantic_fields__", {})
    return found
