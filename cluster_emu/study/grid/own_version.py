"""The version of this package, which is part of every cell's name."""

from __future__ import annotations

import importlib.metadata
from functools import cache


@cache
def version(distribution: str) -> str:
    """Return the version of an installed distribution; to look it up takes milliseconds."""
    return importlib.metadata.version(distribution)
