"""The errors that a user can cause; they name the place, the value and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from cluster_emu.shown_text import visible


class ClusterEmuError(Exception):
    """Root of every error this package raises for bad input; the command line exits with 2.

    Args:
        message: what is wrong; control characters in it become escapes.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(visible(message))


class ScenarioError(ClusterEmuError):
    """A field of a scenario, or of a study, has a value that is not allowed.

    Args:
        field: dotted path of the field, for example ``vms.0.memory_bytes``.
        value: the offending value.
        allowed: what would have been accepted, in words.
        file: the file the value was read from, where there is one.
        is_default: whether the value is a default, which the user never typed.
    """

    def __init__(
        self,
        field: str,
        value: object,
        allowed: str,
        *,
        file: Path | str | None = None,
        is_default: bool = False,
    ) -> None:
        self.field = field
        self.value = value
        self.allowed = allowed
        self.file = file
        self.is_default = is_default
        where = f"{file}: " if file else ""
        what = f"{_short(value)} (the default)" if is_default else _short(value)
        super().__init__(f"{where}{field} = {what}: allowed is {allowed}")

    def at(self, prefix: str = "", file: Path | str | None = None) -> ScenarioError:
        """Return the same error with `prefix` before its field, and with its file."""
        field = ".".join(part for part in (prefix, self.field) if part)
        return ScenarioError(
            field, self.value, self.allowed, file=file or self.file, is_default=self.is_default
        )

    def about_default(self) -> ScenarioError:
        """Return the same error, saying that the value is a default."""
        return ScenarioError(self.field, self.value, self.allowed, file=self.file, is_default=True)


class RequestRefusedError(ClusterEmuError, ValueError):
    """A migration, or the cancellation of one, was requested and cannot be carried out now.

    The message says why. Nothing has changed.
    """


class TraceError(ClusterEmuError):
    """A line of a trace file cannot be used.

    Args:
        file: the trace file.
        line: line number from 1, or 0 for the file as a whole.
        value: the offending text or count.
        allowed: what would have been accepted, in words.
    """

    def __init__(self, file: Path | str, line: int, value: object, allowed: str) -> None:
        self.file = file
        self.line = line
        where = f"{file}, line {line}" if line else f"{file}"
        super().__init__(f"{where}: {_short(value)}: allowed is {allowed}")


class UnknownNameError(ClusterEmuError):
    """A name that is not registered; the message lists the registered names.

    Args:
        kind: what is registered, in words.
        name: the name.
        known: the registered names.
        unloaded: the plug-in of this name that could not be loaded, if there is one, as text.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], unloaded: object = None) -> None:
        names = sorted(known)
        near = get_close_matches(name, names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        self.name = name
        reason = f" (the plug-in could not be loaded: {unloaded})" if unloaded else ""
        self.allowed = f"one of {', '.join(names)}{hint}{reason}"
        super().__init__(f"unknown {kind} {name!r}: allowed is {self.allowed}")


@contextmanager
def errors_at(field: str) -> Iterator[None]:
    """Put `field` before the field that a `ScenarioError` raised within names.

    An `UnknownNameError` raised within becomes a `ScenarioError` about `field` itself.
    """
    try:
        yield
    except UnknownNameError as error:
        raise ScenarioError(field, error.name, error.allowed) from error
    except ScenarioError as error:
        raise error.at(field) from error


class WorkerDiedError(Exception):
    """A process that ran part of a study was killed; the runs it had finished are kept."""


class PoolLostError(WorkerDiedError):
    """Nothing is heard of the processes that run a study any more; no run is to blame for it."""


class DiskFullError(Exception):
    """There was no room for a result, no fault of the input; the command line exits with 1.

    Args:
        message: what could not be written, and why.
    """

    def __init__(self, message: str) -> None:
        super().__init__(visible(message))


class _Nothing:
    """Stands for the value of a field that was not given."""

    def __repr__(self) -> str:
        return "nothing"


NOTHING = _Nothing()


def _short(value: object) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, a deep table
        text = f"a {type(value).__name__} too long to print"
    return text if len(text) <= 200 else text[:197] + "..."
