"""Registries of named, parameterised parts: strategies, policies, topologies and the rest.

A part is a pydantic dataclass (its fields are its parameters, checked when it is made) that a
registry of its family holds under a kebab-case name. A registry finds its parts in three places:

- modules of its own package inside `cluster_emu`: a file put there is found without further edits;
- entry points of its group, which other distributions declare, for example
  ``[project.entry-points."cluster_emu.strategies"]``;
- modules that were imported before, such as a script that defines a part.

A registry searches the first two at its first lookup, so a contract can be imported without its
parts; other threads wait meanwhile. A part of another distribution that cannot be loaded is left
out with a warning.
"""

from __future__ import annotations

import inspect
import pkgutil
import sys
from collections.abc import Callable, Container
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from cluster_emu.errors import NOTHING, ScenarioError, UnknownNameError
from cluster_emu.field_errors import from_validation
from cluster_emu.numeric_fields import checked_numbers
from cluster_emu.optional_fields import without_none
from cluster_emu.part_parameters import ParameterDescription, described_parameters
from cluster_emu.plugin_loading import (
    LoadedOnce,
    UnloadedPart,
    distribution_of,
    load_entry_points,
)

T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., Any])

REGISTRIES = (
    "cluster_emu.strategies.contract:strategies",
    "cluster_emu.encoding.contract:encoders",
    "cluster_emu.transfer.stop_rules.contract:stop_rules",
    "cluster_emu.managers.contract:policies",
    "cluster_emu.scheduling.orders.contract:queue_orders",
    "cluster_emu.network.topologies.contract:topologies",
    "cluster_emu.consolidation.contract:triggers",
    "cluster_emu.consolidation.contract:overload_detectors",
    "cluster_emu.consolidation.contract:underload_detectors",
    "cluster_emu.consolidation.contract:vm_selections",
    "cluster_emu.consolidation.contract:placements",
    "cluster_emu.consolidation.contract:placement_filters",
    "cluster_emu.consolidation.contract:placement_scorers",
    "cluster_emu.workload.demand:demand_models",
    "cluster_emu.workload.intensity:intensity_mappings",
    "cluster_emu.traces.contract:trace_readers",
    "cluster_emu.memory.dirtying.sources:write_sources",
    "cluster_emu.memory.base:memory_models",
    "cluster_emu.faults.contract:fault_kinds",
    "cluster_emu.lifecycle.contract:arrival_processes",
    "cluster_emu.lifecycle.contract:lifetime_distributions",
    "cluster_emu.metrics.power.contract:power_models",
    "cluster_emu.inventory.contract:inventory_readers",
)
"""Where the registry of each family is, as ``module:attribute``."""


def families() -> dict[str, Registry[Any]]:
    """Return the registry of every family of parts by the family's kebab-case name."""
    found: dict[str, Registry[Any]] = {}
    for place in REGISTRIES:
        module, _, attribute = place.partition(":")
        registry: Registry[Any] = getattr(import_module(module), attribute)
        found[registry.family] = registry
    return found


@dataclass(frozen=True, slots=True)
class PartDescription:
    """What a registered part is and takes.

    Args:
        name: the registered name.
        summary: one line on what it does.
        source: origin of the rule; empty if the part gives none.
        parameters: what it takes, in the order of its fields.
    """

    name: str
    summary: str
    source: str
    parameters: tuple[ParameterDescription, ...]


class Registry(Generic[T]):
    """Maps a kebab-case name to the factory of a part.

    Args:
        kind: what is registered, in words, for messages ("strategy").
        group: the entry point group under which other distributions register parts.
        package: the package whose modules hold the built-in parts; None for none. The registry
            imports all of them at its first lookup.
        summary: one line on what parts of this family decide.
    """

    def __init__(
        self, kind: str, group: str, *, package: str | None = None, summary: str = ""
    ) -> None:
        self.kind = kind
        self.group = group
        self.package = package
        self.summary = summary
        self._factories: dict[str, Callable[..., T]] = {}
        self._unloaded: dict[str, UnloadedPart] = {}
        self._offered: dict[str, LoadedOnce] = {}
        self._of_entry_points: set[str] = set()
        self._parts = LoadedOnce(self._find_parts)

    @property
    def family(self) -> str:
        """The kebab-case name of the family: that of the group, ``stop-rules``."""
        return self.group.rpartition(".")[2].replace("_", "-")

    def register(self, name: str) -> Callable[[C], C]:
        """Return a decorator that enters a factory under `name`.

        Raises:
            ValueError: if another part has this name already.
        """

        def enter(factory: C) -> C:
            if name in self._factories:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._factories[name] = factory
            return factory

        return enter

    def names(self) -> list[str]:
        """Return every registered name, sorted."""
        self._parts.ensure()
        return sorted({*self._factories, *self._offered})

    def of_scripts(self) -> dict[str, Callable[..., T]]:
        """Return the parts that neither this package nor an installed distribution has."""
        found = self.foreign().items()
        return {name: part for name, part in found if name not in self._of_entry_points}

    def foreign(self) -> dict[str, Callable[..., T]]:
        """Return the parts that this package does not have: of scripts and of distributions."""
        self._parts.ensure()
        return {
            name: part
            for name, part in self._factories.items()
            if name in self._of_entry_points or not is_own(part)
        }

    def declared_by(self, name: str) -> str:
        """Return name and version of the distribution that declares a part; empty if none does."""
        self._parts.ensure()
        return distribution_of(self.group, name) if name in self._of_entry_points else ""

    def offer(self, name: str, load: Callable[[], Callable[..., T]]) -> None:
        """Enter a part that is loaded when it is first asked for, unless the name is known.

        Args:
            name: its name.
            load: returns it; it raises a ClusterEmuError if it cannot.
        """
        self._parts.ensure()
        if name not in self._factories:
            self._offered[name] = LoadedOnce(lambda: self._enter_offered(name, load))

    def unloaded(self) -> tuple[UnloadedPart, ...]:
        """Return the parts of other distributions that could not be loaded, by name."""
        self._parts.ensure()
        return tuple(self._unloaded[name] for name in sorted(self._unloaded))

    def factory(self, name: str) -> Callable[..., T]:
        """Return the factory registered under `name`.

        Raises:
            UnknownNameError: if there is none; the message lists the known names, and says why
                the plug-in of this name could not be loaded, if there is one.
        """
        self._parts.ensure()
        if name in self._offered:
            self._offered[name].ensure()
        if name not in self._factories:
            raise UnknownNameError(self.kind, name, self._factories, self._unloaded.get(name))
        return self._factories[name]

    def parameters(self, name: str) -> list[str]:
        """Return the names of the parameters that `name` takes."""
        return list(inspect.signature(self.factory(name)).parameters)

    def describe(self, name: str) -> PartDescription:
        """Return summary, source and parameters of the part `name`.

        Raises:
            UnknownNameError: if no such part exists.
        """
        return self._described(name, self.factory(name))

    def _described(self, name: str, factory: Callable[..., T]) -> PartDescription:
        first_line = (inspect.getdoc(factory) or "").partition("\n")[0]
        return PartDescription(
            name=name,
            summary=getattr(factory, "summary", first_line),
            source=getattr(factory, "source", ""),
            parameters=described_parameters(factory),
        )

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
        fields = getattr(factory, "__pydantic_fields__", {})
        try:
            return factory(**checked_numbers(without_none(parameters, fields), fields))
        except ValidationError as error:
            raise _naming_default(from_validation(error, factory), known, parameters) from error
        except ScenarioError as error:
            raise _naming_default(error, known, parameters) from error
        except TypeError as error:
            raise ScenarioError(name, parameters, str(error)) from error

    def _find_parts(self) -> None:
        """Import the parts of the package and load those of other distributions."""
        if self.package is not None:
            import_modules(self.package)
        self._load_entry_points()

    def _enter_offered(self, name: str, load: Callable[[], Callable[..., T]]) -> None:
        if name not in self._factories:
            part = load()  # its module may register it
            self._factories.setdefault(name, part)

    def _load_entry_points(self) -> None:
        known = set(self._factories)

        def enter(name: str, part: Any) -> None:
            """Enter a part; its module may have registered it, under the same name, already."""
            taken = self._factories.get(name)
            if taken is not None and taken is not part:
                whose = "a part of cluster-emu" if is_own(taken) else "another part"
                raise ValueError(f"{whose} has the name {name!r}")
            self._check(name, part)
            self._factories[name] = part
            self._of_entry_points.add(name)
            known.add(name)

        self._unloaded = load_entry_points(self.group, self.kind, enter)
        for name in self._unloaded:  # its module may have registered it before it failed
            if name not in known:
                self._factories.pop(name, None)

    def _check(self, name: str, part: Any) -> None:
        """Refuse what is no part, as far as this can be seen before one is made."""
        if not callable(part):
            raise TypeError(f"{self.kind}: a class or function, not {type(part).__name__}")
        described = self._described(name, part)
        for what in ("summary", "source"):
            if not isinstance(getattr(described, what), str):
                raise TypeError(f"{self.kind}: {what} is a text")


def is_own(part: object) -> bool:
    """Return whether a class, function or object is defined in this package."""
    return str(getattr(part, "__module__", "")).partition(".")[0] == __name__.partition(".")[0]


def _naming_default(
    error: ScenarioError, known: Container[str], given: Container[str]
) -> ScenarioError:
    """Return the error; it says so if it is about a parameter that was not given."""
    parameter = error.field.partition(".")[0]
    is_default = parameter in known and parameter not in given and error.value is not NOTHING
    return error.about_default() if is_default else error


def import_modules(package: str) -> None:
    """Import every module of a package, so that the parts in them register themselves."""
    for module in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
        # A part that is run as a script has registered itself as `__main__`.
        if not _is_main(module):
            import_module(module.name)


def _is_main(module: pkgutil.ModuleInfo) -> bool:
    """Return whether the program that runs is this module's file."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    spec = module.module_finder.find_spec(module.name, None)
    if script is None or spec is None or spec.origin is None:
        return False
    return Path(spec.origin).resolve() == Path(script).resolve()
