"""Parts that a script defines, such as its own policy: sent to the processes that run its studies.

Workers find the parts of this package and of installed plug-ins by themselves. A part of a script,
or of a module beside it, is known only where the script runs. It goes along with every call, a few
kilobytes, and is unpacked where it is first asked for.

Workers of dask run calls in threads. Before the first of them, one thread imports all that parts
need: where two threads import packages that need each other, Python gives one of them a module that
is not whole yet.
"""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import cloudpickle

from cluster_emu.errors import ClusterEmuError
from cluster_emu.metrics.catalogue import metric_catalogue
from cluster_emu.plugins import families

T = TypeVar("T")
R = TypeVar("R")

Parts = tuple[tuple[str, str, bytes, str], ...]
"""Family, name, the pickled part, and why there is none."""

WAY = (
    "put it into a module that workers can import, declare it as an entry point, or use one process"
)

_received: set[int] = set()
"""Hashes of the parts that this process has got."""

_one_thread_prepares = threading.Lock()


def with_parts(call: Callable[[T], R], *, by_value: bool) -> Callable[[T], R]:
    """Return a call that takes the parts of this program's script along.

    Args:
        call: what is called in another process.
        by_value: whether parts of modules that are not installed are sent whole, for workers that
            cannot import them, and that may have threads. Those of the script itself always are.
    """
    parts = tuple(_packed(by_value))
    return partial(_with_parts, parts, call) if parts or by_value else call


def _with_parts(parts: Parts, call: Callable[[T], R], item: T) -> R:
    if hash(parts) not in _received:
        with _one_thread_prepares:  # the others wait until all is there
            if hash(parts) not in _received:
                _prepare(parts)
                _received.add(hash(parts))
    return call(item)


def _prepare(parts: Parts) -> None:
    registries = families()
    for registry in registries.values():
        registry.names()
    metric_catalogue.unloaded()
    for family, name, data, why in parts:
        registries[family].offer(name, partial(_unpacked, name, data, why))


def _packed(by_value: bool) -> Iterator[tuple[str, str, bytes, str]]:
    for family, registry in families().items():
        for name, part in registry.of_scripts().items():
            try:
                with _by_value(part if by_value else None):
                    yield family, name, cloudpickle.dumps(part), ""
            except Exception as error:  # whatever pickling runs into
                yield family, name, b"", f"{type(error).__name__}: {error}"


def _unpacked(name: str, data: bytes, why: str) -> Any:
    """Return a part.

    Raises:
        ClusterEmuError: if it cannot be had here, with the way to do it.
    """
    if why:
        raise ClusterEmuError(f"{name!r} cannot be sent to worker processes ({why}): {WAY}")
    try:
        return pickle.loads(data)
    except Exception as error:
        said = f"{name!r} cannot be loaded in a worker process ({error}): {WAY}"
        raise ClusterEmuError(said) from error


@contextmanager
def _by_value(part: Any) -> Iterator[None]:
    """Send a part's module, too, unless it is installed where workers have it as well."""
    module = sys.modules.get(str(getattr(part, "__module__", "")))
    file = str(getattr(module, "__file__", None) or "")
    if module is None or module.__name__ == "__main__" or "site-packages" in file:
        yield
        return
    cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        cloudpickle.unregister_pickle_by_value(module)
