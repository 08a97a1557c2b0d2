"""What `batch --dry-run` prints: the cells, what is left of them, and a guess of the time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster_emu.cli.output import (
    progress_bar,
    show_answer,
    show_lines,
    show_table,
    write_json,
)
from cluster_emu.wording import counted

if TYPE_CHECKING:
    from cluster_emu.study.grid.dry_run import DryRun, TimedCell

FIRST, LAST = 12, 4
"""Rows of a long table that are shown from its start and its end."""


def show_dry_run(study: Path, options: dict[str, Any], *, as_json: bool) -> None:
    """Print what a batch would run; write nothing.

    Args:
        study: the study's file.
        options: those of `dry_run`.
        as_json: whether one JSON document is printed in place of the tables.
    """
    from cluster_emu.study.grid.dry_run import dry_run

    with progress_bar(f"{study.stem}, cells to time") as progress:
        found = dry_run(study, **options, progress=progress)
    if as_json:
        write_json(found)
        return
    _show_settings(found)
    show_lines("Cells", _cells(found))
    show_lines("Timed", map(_timed, found.timed))
    show_answer(_answer(found))


def _show_settings(found: DryRun) -> None:
    from cluster_emu.study.report.answers import axis_names, axis_value

    left: dict[tuple[str, ...], int] = {}
    for cell in found.listed:
        place = tuple(axis_value(cell[column]) for column in found.columns)
        left[place] = left.get(place, 0) + (not cell["ended"])
    rows = [(*place, str(count)) for place, count in left.items()]
    header = (*axis_names(found.columns), "not ended")
    more = " or more" if found.until else ""
    show_table(
        f"{found.study}: {counted(found.settings, 'setting')} of "
        f"{counted(found.replications, 'replication')}{more}",
        header,
        _abbreviated(rows),
        text_columns=len(found.columns),
    )


def _abbreviated(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    if len(rows) <= FIRST + LAST + 1:
        return list(rows)
    between = len(rows) - FIRST - LAST
    gap = (f"... {between} more", *[""] * (len(rows[0]) - 1))
    return [*rows[:FIRST], gap, *rows[-LAST:]]


def _cells(found: DryRun) -> list[str]:
    ended = f"{found.finished} have ended in {found.folder}"
    if found.not_done:
        ended += f", {found.not_done} of them without figures (--retry-failed runs them again)"
    if not found.until:
        return [f"{counted(found.cells, 'cell')}: {ended}; {found.left} would run"]
    return [
        f"{counted(found.cells, 'cell')} at least: {ended}; {found.left} or more would run",
        f"--until {found.until}: more where intervals are then too wide",
    ]


def _timed(one: TimedCell) -> str:
    from cluster_emu.study.report.answers import place_in_words

    failed = f" (failed: {one.error})" if one.error else ""
    return f"{one.wall_s:.3g} s: {place_in_words(one.place)}{failed}"


def _answer(found: DryRun) -> str:
    if not found.left:
        return "Nothing is left to run."
    left = counted(found.left, "cell")
    if found.until:
        left = f"At least {left}"
    if found.guess is None:
        return f"{left} would run; none was timed."
    guess, walls = found.guess, [one.wall_s for one in found.timed]
    between = f"{min(walls):.2g} to {max(walls):.2g} s each"
    some = "at least some" if found.until else "some"
    return (
        f"{left} would take {some} {duration(guess.mean_s)} ({duration(guess.low_s)} to "
        f"{duration(guess.high_s)}) with --jobs {guess.jobs}: {counted(len(walls), 'cell')} timed, "
        f"{between}. Nothing was written."
    )


def duration(seconds: float) -> str:
    """Return a time as one reads it: "40 s", "12 min", "3.5 h"."""
    if seconds < 1:
        return "less than a second"
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.2g} {unit}"
    return f"{math.ceil(seconds)} s"
