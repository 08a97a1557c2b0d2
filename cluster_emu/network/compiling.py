"""The function `renew` of `ripple` and those it calls, as they are or compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

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
    "renew",
)
"""The functions of `ripple`, each after those that it calls."""


OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
"""They allocate nothing, so nobody need count who refers to an array: that halves the time."""


Kernel = Callable[..., tuple[int, int, int]]
"""What finds all rates anew: `ripple.renew`, as it is or compiled."""

INTERPRETED: Kernel = ripple.renew


@cache
def compiled() -> Kernel:
    """Return it compiled.

    That takes seconds once per installation, as the machine code is kept on disk, and about half a
    second once per process. Compiled functions can only call compiled ones, hence these copies in
    a name space of their own.
    """
    names: dict[str, Any] = dict(vars(ripple))
    for name in INNER_FIRST:
        copy = FunctionType(getattr(ripple, name).__code__, names, name)
        names[name] = _outer(copy) if name == "renew" else _inner(copy)
    kernel: Kernel = names["renew"]
    return kernel


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
