"""Compiles numeric kernels with numba: the only module that knows numba.

numba keeps the machine code of a function on disk and throws it away when the function's own file
changes. It does not see a change in another file. So every engine keeps all its kernels, and all
constants they use, in one file that imports nothing else of the package; `tests/test_jit.py` edits
a callee and expects the new result.

There are two ways to use it:

- `jit` compiles a function when its module is imported. It suits an engine that always compiles.
- `dual_jit` and `dual_inline` leave a function as plain Python, and compile it in the compiled copy
  of its module that `compiled_copy` returns. It suits an engine that interprets small problems,
  for which importing numba and loading machine code would take longer than the work itself.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

COPY_SUFFIX = "_compiled"
"""Ends the name of a compiled copy, by which the decorators recognise it."""

_copies: dict[str, ModuleType] = {}
"""Compiled copies by the name of their module; one that is being made is not among them."""

_copying = threading.Lock()


def jit(function: F) -> F:
    """Compile a function once per kind of argument; it draws and rounds as before.

    The first call after installation takes seconds, later processes load the machine code from
    disk. Where no folder can be written to, it is compiled in every process.
    """
    return _compile_cached(function)


def dual_jit(function: F) -> F:
    """Mark a function that callers of the compiled copy call; it must not allocate.

    In the compiled copy it is compiled and kept on disk as by `jit`, but without reference counts
    of its arguments: it allocates nothing, so nothing has to be freed. That halves the time of a
    short call.
    """
    return _compile_cached(function, _nrt=False) if _is_in_copy(function) else function


def dual_inline(function: F) -> F:
    """Mark a function that only other functions of its file call; it must not allocate.

    In the compiled copy it becomes part of its callers, whose machine code on disk contains it. It
    gets no wrappers for callers in Python, which would only cost time to compile.
    """
    if not _is_in_copy(function):
        return function
    from numba import njit

    options: dict[str, Any] = {"error_model": "numpy", "_nrt": False, "forceinline": True}
    without_wrappers = njit(**options, no_cpython_wrapper=True, no_cfunc_wrapper=True)
    return cast(F, without_wrappers(function))


def compiled_copy(module: ModuleType) -> ModuleType:
    """Return a second module made from the file of `module`, in which `dual` functions compile.

    A compiled function can only call compiled ones. Executing the file again gives each function a
    namespace in which all names are those of compiled functions. numba looks a callee up when it
    compiles the caller, at its first call, so the order of the functions in the file is free.

    The first call in a process imports numba, which takes half a second.
    """
    with _copying:  # other threads wait until the copy is whole
        if module.__name__ not in _copies:
            _copies[module.__name__] = _copy(module)
        return _copies[module.__name__]


def has_compiled_copy(module: ModuleType) -> bool:
    """Return whether `compiled_copy` was called for `module` in this process."""
    return module.__name__ in _copies


def _copy(module: ModuleType) -> ModuleType:
    name = module.__name__ + COPY_SUFFIX
    spec = spec_from_file_location(name, module.__file__)
    assert spec is not None and spec.loader is not None, "kernels are a plain source file"
    copy = module_from_spec(spec)
    sys.modules[name] = copy  # first, because numba looks up classes of its index there
    try:
        spec.loader.exec_module(copy)
    except BaseException:
        del sys.modules[name]
        raise
    return copy


def _is_in_copy(function: Callable[..., Any]) -> bool:
    return function.__module__.endswith(COPY_SUFFIX)


def _compile_cached(function: F, **options: Any) -> F:
    from numba import njit  # half a second to import: only engines that need it pay

    try:
        compiled = njit(cache=True, error_model="numpy", **options)(function)
        _discard_unreadable_index(compiled)
        _tolerate_a_full_disk(compiled)
        return cast(F, compiled)
    except (RuntimeError, OSError):
        # there is no folder for machine code, or its list can be neither read nor replaced
        return cast(F, njit(error_model="numpy", **options)(function))


def _discard_unreadable_index(compiled: Any) -> None:
    """Empty the list of machine code on disk if it cannot be read.

    numba reads the whole list before it compares the age of the source, and fails at every call if
    the file is damaged or names a class that an older version of the source had.

    Raises:
        OSError: if the list can neither be read nor replaced.
    """
    cache = compiled._cache
    try:
        cache._cache_file._load_index()
    except Exception:  # what a damaged pickle raises is not known in advance
        cache.flush()


def _tolerate_a_full_disk(compiled: Any) -> None:
    """Go on with the machine code in memory where it cannot be written to disk.

    numba writes it at the first call, in the middle of a run that has nothing to do with that disk.
    """
    cache = compiled._cache
    save = cache.save_overload

    def save_if_possible(signature: Any, result: Any) -> None:
        with suppress(OSError):
            save(signature, result)

    cache.save_overload = save_if_possible
