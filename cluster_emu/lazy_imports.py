"""Public names of a package that are imported from their modules when they are first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module


def modules_of_names(modules: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the module of each name, from the names of each module."""
    return {name: module for module, names in modules.items() for name in names}


def imported_when_used(package: str, module_of: Mapping[str, str]) -> Callable[[str], object]:
    """Return the `__getattr__` of a package.

    Args:
        package: name of the package.
        module_of: module from which to import each name.
    """

    def get(name: str) -> object:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(module_of[name]), name)

    return get
