"""The command line that made a result, without what the result does not depend on."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar

WITH_VALUE = ("--out", "--jobs", "--backend", "--scheduler", "--shard", "--style", "--format")
"""Options with a value that say where or how a result is made, not what it is."""
ALONE = ("--overwrite", "--json", "--csv", "--no-csv", "--retry-failed")
"""Likewise, options without a value."""

_TYPED: ContextVar[tuple[str, ...]] = ContextVar("cluster_emu.command_line", default=())


def remember_command_line(arguments: Sequence[str]) -> None:
    """Keep what was typed after `cluster-emu`."""
    _TYPED.set(tuple(arguments))


def command_line() -> tuple[str, ...]:
    """Return what was typed, but for the folder, the processes and the formats; empty in Python."""
    kept: list[str] = []
    skip = False
    for argument in _TYPED.get():
        name, equals, _ = argument.partition("=")
        if skip or argument in ALONE:
            skip = False
        elif name in WITH_VALUE:
            skip = not equals
        else:
            kept.append(argument)
    return tuple(kept)
