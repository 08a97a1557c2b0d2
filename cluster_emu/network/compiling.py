"""The functions of `ripple`, as they are or compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any, NamedTuple

from cluster_emu.network import ripple

INNER_FIRST = (
    "is_same",
    "put_on_list",
    "put_off",
    "take_first",
    "least_level",
    "rise",
    "list_stops",
    "filled_at",
    "rate_at",
    "load_of",
    "demand",
    "look_at",
    "disturb",
    "set_level",
    "follow",
    "tell",
)
"""The functions of `ripple`, each after those that it calls."""


OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
"""They allocate nothing, so nobody need count who refers to an array: that halves the time."""


class Kernel(NamedTuple):
    """The two functions that sharing anew needs; `ripple` says what they do.

    Args:
        follow: finds the new levels.
        tell: turns these into rates and loads.
    """

    follow: Callable[..., tuple[int, int]]
    tell: Callable[..., tuple[int, int]]


INTERPRETED = Kernel(ripple.follow, ripple.tell)


@cache
def compiled() -> Kernel:
    """Return the functions compiled.

    That takes seconds once per installation, as the machine code is kept on disk, and about half a
    second once per process. Compiled functions can only call compiled ones, hence these copies in
    a name space of their own.
    """
    names: dict[str, Any] = dict(vars(ripple))
    for name in INNER_FIRST:
        copy = FunctionType(getattr(ripple, name).__code__, names, name)
        names[name] = _outer(copy) if name in Kernel._fields else _inner(copy)
    return Kernel(names["follow"], names["tell"])


def is_compiled() -> bool:
    """Tell whether `compiled` has been called in this process."""
    return compiled.cache_info().currsize > 0


def _inner(function: FunctionType) -> Any:
    from numba import njit  # too slow to import for runs that do not need it

    return njit(**OPTIONS, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)(
        function
    )


def _outer(function: FunctionType) -> Any:
    from numba import njit

    try:
        return njit(**OPTIONS, cache=True)(function)
    except RuntimeError:  # there is no directory to keep it in
        return njit(**OPTIONS)(function)
