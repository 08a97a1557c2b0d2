"""Compiles the loops of the lumped engine.

To import this module takes half a second, and the first use of each function after installation
seconds, as machine code is kept on disk. So only what makes a `LumpedEngine` imports it. Compiled
functions call none of another file: what is kept of them would not be renewed with that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Return the function compiled, once per kind of argument; it is as deterministic as before."""
    try:
        return cast(F, njit(cache=True, error_model="numpy")(function))
    except RuntimeError:  # there is no directory to keep it in
        return cast(F, njit(error_model="numpy")(function))
