"""Compiles the loops of the lumped engine.

To import this module takes half a second, and the first use of each function after installation
seconds, as machine code is kept on disk. So only what makes a `LumpedEngine` imports it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def _forget_what_is_old() -> None:
    """Remove machine code that is older than any source here, as functions call one another.

    What is kept of a function knows when its own file has changed, not when another has.
    """
    folder = Path(__file__).parent
    newest = max(source.stat().st_mtime for source in folder.glob("*.py"))
    for kept in (folder / "__pycache__").glob("*.nb?"):
        with suppress(OSError):
            if kept.stat().st_mtime < newest:
                kept.unlink()


_forget_what_is_old()


def compiled(function: F) -> F:
    """Return the function compiled, once per kind of argument; it is as deterministic as before."""
    try:
        return cast(F, njit(cache=True, error_model="numpy")(function))
    except RuntimeError:  # there is no directory to keep it in
        return cast(F, njit(error_model="numpy")(function))
