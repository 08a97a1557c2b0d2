"""The errors a user can meet; those of bad input name the place, the value and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class ClusterEmuError(Exception):
    """Root of every error this package raises for bad input; the command line exits with 2."""


class ScenarioError(ClusterEmuError):
    """A field of a scenario, or of a study, has a value that is not allowed.

    Args:
        field: dotted path of the field, for example ``vms.0.memory_bytes``.
        value: the offending value.
        allowed: what would have been accepted, in words.
        file: the file the value was read from, where there is one.
    """

    def __init__(
        self, field: str, value: object, allowed: str, *, file: Path | str | None = None
    ) -> None:
        self.field = field
        self.value = value
        self.allowed = allowed
        self.file = file
        where = f"{file}: " if file else ""
        super().__init__(f"{where}{field} = {_short(value)}: allowed is {allowed}")

    def at(self, prefix: str = "", file: Path | str | None = None) -> ScenarioError:
        """Return the same error, its field put below `prefix` and its file filled in."""
        field = ".".join(part for part in (prefix, self.field) if part)
        return ScenarioError(field, self.value, self.allowed, file=file or self.file)


class TraceError(ClusterEmuError):
    """A line of a trace file cannot be used.

    Args:
        file: the trace file.
        line: line number from 1, or 0 where the file as a whole is meant.
        value: the offending text or count.
        allowed: what would have been accepted, in words.
    """

    def __init__(self, file: Path | str, line: int, value: object, allowed: str) -> None:
        self.file = file
        self.line = line
        where = f"{file}, line {line}" if line else f"{file}"
        super().__init__(f"{where}: {_short(value)}: allowed is {allowed}")


class UnknownNameError(ClusterEmuError):
    """A name that no registry knows; the message lists the names it does know."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(name, names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        self.name = name
        self.allowed = f"one of {', '.join(names)}{hint}"
        super().__init__(f"unknown {kind} {name!r}: allowed is {self.allowed}")


class WorkerDiedError(Exception):
    """A process that ran part of a study was killed; what it had finished before is kept."""


class _Nothing:
    """Stands for the value of a field that was not given."""

    def __repr__(self) -> str:
        return "nothing"


NOTHING = _Nothing()


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:197] + "..."
