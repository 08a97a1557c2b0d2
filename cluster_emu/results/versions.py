"""Versions of what results depend on."""

from __future__ import annotations

import platform
from importlib.metadata import version

RECORDED_PACKAGES = ("cluster-emu", "mesa", "networkx", "numba", "numpy", "pandas")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that results depend on, by name."""
    found = {name: version(name) for name in RECORDED_PACKAGES}
    return {"python": platform.python_version(), **found}
