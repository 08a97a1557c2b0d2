"""Parts of other distributions, which declare them as entry points: loaded, or left out and named.

A plug-in is code of others. Whatever it does when it is loaded, parts of the package still work: a
part that cannot be loaded is left out with a `PluginWarning`, and who asks for it is told why.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import EntryPoint, distributions, entry_points
from typing import Any

from cluster_emu.shown_text import visible

MOST_LETTERS = 300

_one_thread_loads = threading.RLock()
"""One lock for all registries: a part of one family may ask for one of another while it is loaded,
so two locks could wait for each other."""


class PluginWarning(UserWarning):
    """A part of another distribution could not be loaded and is left out."""


class LoadedOnce:
    """Loads what a registry finds elsewhere, once, for all threads of a process.

    A thread that asks while another one loads waits until all is there. No module of this package
    asks a registry while it is imported, so that none waits here for a thread that waits for it.

    Args:
        load: what loads; it is called again after it has failed.
    """

    def __init__(self, load: Callable[[], None]) -> None:
        self._load = load
        self._is_loading = False
        self._is_complete = False

    def ensure(self) -> None:
        """Return when all is loaded; at once to what is being loaded, which may ask, too."""
        if self._is_complete:
            return
        with _one_thread_loads:
            if self._is_complete or self._is_loading:  # in the thread that loads
                return
            self._is_loading = True
            try:
                self._load()
                self._is_complete = True
            finally:
                self._is_loading = False


@dataclass(frozen=True, slots=True)
class UnloadedPart:
    """A part of another distribution that is left out.

    Args:
        name: the name it was to have.
        entry_point: where it is, as ``module:attribute``.
        distribution: the distribution that declares it.
        why: why it could not be loaded.
    """

    name: str
    entry_point: str
    distribution: str
    why: str

    def __str__(self) -> str:
        return f"{self.name!r} of {self.distribution} ({self.entry_point}): {self.why}"


def load_entry_points(
    group: str, kind: str, enter: Callable[[str, Any], None]
) -> dict[str, UnloadedPart]:
    """Load the parts that other distributions declare; return those that are left out, by name.

    Args:
        group: the entry point group.
        kind: what is declared there, in words.
        enter: takes the name and the object of an entry point; it raises an error if the object is
            no such part, or if the name is taken.
    """
    unloaded = {}
    for point in _declared(group):
        try:
            enter(point.name, point.load())
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit, too: a module may end the program it is in
            part = UnloadedPart(point.name, point.value, _distribution(point), _reason(error))
            unloaded[point.name] = part
            warnings.warn(f"{kind} left out: {part}", PluginWarning, stacklevel=2)
    return unloaded


def distribution_of(group: str, name: str) -> str:
    """Return name and version of the distribution that declares an entry point."""
    for point in _declared(group):
        if point.name == name:
            with suppress(Exception):  # its files are broken
                return f"{_distribution(point)} {point.dist.version if point.dist else ''}".strip()
            return _distribution(point)
    return ""


def _declared(group: str) -> Iterator[EntryPoint]:
    """Yield the entry points of a group by name; distributions with broken files have none."""
    try:
        found = list(entry_points(group=group))
    except Exception:
        found = []
        for distribution in distributions():
            try:
                found += distribution.entry_points.select(group=group)
            except Exception as error:
                what = f"entry points of a distribution left out: {_reason(error)}"
                warnings.warn(what, PluginWarning, stacklevel=2)
    yield from sorted(found, key=lambda point: (point.name, point.value))


def _distribution(point: EntryPoint) -> str:
    try:
        return visible(str(point.dist.metadata["Name"])) if point.dist else "a distribution"
    except Exception:
        return "a distribution"


def _reason(error: BaseException) -> str:
    text = visible(f"{type(error).__name__}: {error}".removesuffix(": "))
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 3]}..."
