"""Compiles numeric kernels with numba: the only module that knows numba.

numba keeps the machine code of a function on disk and throws it away when the function's own file
changes. It does not see a change in another file. So every engine keeps all its kernels, and all
constants they use, in one file; `tests/test_jit.py` edits a callee and expects the new result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def jit(function: F) -> F:
    """Compile a function once per kind of argument; it draws and rounds as before.

    The first call after installation takes seconds, later processes load the machine code from
    disk. Where no folder can be written to, it is compiled in every process.
    """
    from numba import njit  # half a second to import: only engines that need it pay

    try:
        return cast(F, njit(cache=True, error_model="numpy")(function))
    except RuntimeError:  # no folder for the machine code
        return cast(F, njit(error_model="numpy")(function))
