"""What the commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, JustifyMethod
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from cluster_emu.json_output import json_text
from cluster_emu.shown_text import visible

WIDTH = 120
"""Columns of a table where stdout is no terminal."""


def write_message(message: str) -> None:
    """Write a message to stderr, on one line."""
    print(visible(message), file=sys.stderr)


def warn(warnings: Iterable[str]) -> None:
    """Write warnings to stderr, marked as such."""
    for warning in warnings:
        write_message(f"cluster-emu: warning: {warning}")


def write_lines(lines: Iterable[str]) -> None:
    """Write lines to stdout; a tabulator in one stays."""
    for line in lines:
        print("\t".join(map(visible, line.split("\t"))))


def write_json(result: object) -> None:
    """Write a result as one JSON document to stdout."""
    sys.stdout.write(json_text(result))


def save_json(result: object, path: Path) -> None:
    """Write a result as one JSON document to a file below `--out`.

    Raises:
        ScenarioError: if another process writes to the folder.
    """
    from cluster_emu.results.folder_lock import locked
    from cluster_emu.results.writing import write_text

    with locked(path.parent, field="--out"):
        write_text(json_text(result), path)


def show_table(
    title: str, header: Sequence[str], rows: Iterable[Sequence[str]], *, text_columns: int = 1
) -> None:
    """Print a table to stdout; the first columns hold text, the rest numbers."""
    console = _stdout()
    console.print(visible(title), style="bold")
    table = Table()
    for place, name in enumerate(header):
        justify: JustifyMethod = "left" if place < text_columns else "right"
        table.add_column(visible(name), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*map(visible, row))
    console.print(table)


def show_lines(title: str, lines: Iterable[str]) -> None:
    """Print sentences under a title to stdout; nothing where there are none."""
    console = _stdout()
    for place, line in enumerate(filter(None, lines)):
        if place == 0:
            console.print(visible(title), style="bold")
        console.print(f"  {visible(line)}", soft_wrap=True)


def show_answer(answer: str) -> None:
    """Print the sentence that answers the question; the last thing that a command prints."""
    show_lines("Answer", [answer])


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[float, float], None]]:
    """Show a bar on stderr while something runs; yields a function to call with (done, total)."""
    bar = _bar()
    task = bar.add_task(visible(title), total=1)

    def show(done: float, total: float) -> None:
        bar.update(task, completed=done, total=total)
        bar.start()  # not earlier: an error message about bad input stands alone

    try:
        yield show
        bar.update(task, completed=bar.tasks[0].total)  # a run may end before its time is over
    finally:
        if bar.live.is_started:
            bar.stop()


class CellsBar:
    """A bar on stderr for the cells of a study: how many ended, how fast, and how many failed."""

    def __init__(self, title: str) -> None:
        self.bar = _bar("{task.fields[rate]}", "{task.fields[failures]}")
        self._task = self.bar.add_task(visible(title), total=1, rate="", failures="", start=False)
        self._before: float | None = None

    def show(self, done: float, total: float) -> None:
        """Show how many cells have ended, those of an earlier call of the command among them."""
        if self._before is None:
            self._before = done  # they say nothing of the speed of this one
            self.bar.reset(self._task, completed=int(done), total=int(total))
            self.bar.start()  # not earlier: an error message about bad input stands alone
            return
        elapsed_s = self.bar.tasks[0].elapsed or 0.0
        rate = f"{(done - self._before) / elapsed_s:.1f} cells/s" if elapsed_s else ""
        self.bar.update(self._task, completed=done, total=total, rate=rate)

    def show_failed(self, count: int) -> None:
        """Show how many cells have failed or were ended."""
        self.bar.update(self._task, failures=f"{count} failed")


@contextmanager
def cells_bar(title: str) -> Iterator[CellsBar]:
    """Show a bar on stderr while the cells of a study run."""
    shown = CellsBar(title)
    try:
        yield shown
    finally:
        if shown.bar.live.is_started:
            shown.bar.stop()


def _bar(*texts: str) -> Progress:
    """Return a bar on stderr, with more texts between how much is done and the time."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        *(TextColumn(text) for text in texts),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True, markup=False, emoji=False))


def _stdout() -> Console:
    has_width = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if has_width else WIDTH, markup=False, emoji=False, highlight=False)
