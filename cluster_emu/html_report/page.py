"""What a page is made of; nothing here is HTML yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cluster_emu.wording import counted

MOST_ROWS = 30
"""Rows of a table on the page; all of them are in its file."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a page.

    Args:
        name: the name of its file, without an ending.
        caption: what it shows.
        header: a name per column.
        rows: one text per column, as a reader sees it.
        text_columns: how many columns hold text, from the left; the others hold numbers.
        data: the table of the file; the rows as they are shown if None.
        verdicts: whether texts that are verdicts are marked as such.
        most_rows: rows that are shown.
    """

    name: str
    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    text_columns: int = 1
    data: pd.DataFrame | None = None
    verdicts: bool = False
    most_rows: int = MOST_ROWS

    @property
    def kind(self) -> str:
        """Which block of a section it is."""
        return "table"

    @property
    def shown(self) -> Sequence[Sequence[str]]:
        """The rows on the page."""
        return self.rows[: self.most_rows]

    @property
    def cut(self) -> str:
        """How many rows are not shown, in words; empty if all are."""
        if len(self.rows) <= self.most_rows:
            return ""
        return f"The first {self.most_rows} of {counted(len(self.rows), 'row')}; the file has all."

    def frame(self) -> pd.DataFrame:
        """Return the table of the file."""
        if self.data is not None:
            return self.data
        return pd.DataFrame([list(row) for row in self.rows], columns=list(self.header))


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure of a page.

    Args:
        name: the name of its files, without an ending.
        caption: what it shows.
        alt: the same for those who cannot see it, with what is to be seen.
        draw: draws it in the style in force.
    """

    name: str
    caption: str
    alt: str
    draw: Callable[[], Figure | Axes]

    @property
    def kind(self) -> str:
        """Which block of a section it is."""
        return "picture"


@dataclass(frozen=True, slots=True)
class Lines:
    """Sentences in a list.

    Args:
        lines: the sentences.
        title: what they are about; empty for none.
    """

    lines: Sequence[str]
    title: str = ""

    @property
    def kind(self) -> str:
        """Which block of a section it is."""
        return "lines"


Block = Table | Picture | Lines


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page with a heading.

    Args:
        title: the heading.
        blocks: what is in it, in order.
        intro: a sentence or two below the heading.
    """

    title: str
    blocks: Sequence[Block]
    intro: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A figure in large letters.

    Args:
        label: what it is.
        value: the figure with its unit.
        note: its interval, or what else belongs to it.
    """

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One report.

    Args:
        kind: which kind of report it is, "Comparison of strategies".
        title: what it is about.
        question: what was asked.
        answer: what was found, in a sentence or a few.
        cards: the main figures.
        facts: what was run, by name.
        sections: the rest, in order.
        assumptions: one sentence each.
        seeds: the seeds of all replications.
        warnings: what a reader must know before the rest, such as that a study was interrupted.
        versions: versions of what results depend on.
    """

    kind: str
    title: str
    question: str
    answer: str
    cards: Sequence[Card]
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    assumptions: Sequence[str]
    seeds: Sequence[int]
    warnings: Sequence[str] = ()
    versions: dict[str, str] | None = None
