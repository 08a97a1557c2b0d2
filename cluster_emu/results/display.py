"""How results show themselves: one line in a console, a card in a notebook, a figure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

import pandas as pd

from cluster_emu.html_card import card
from cluster_emu.shown_text import visible
from cluster_emu.wording import counted

ROWS_SHOWN = 6
COLUMNS_SHOWN = 9


class Displayed(ABC):
    """A result with a headline and a main table; notebooks call `_repr_html_`."""

    __slots__ = ()

    @property
    @abstractmethod
    def headline(self) -> str:
        """What it is, in one line."""

    @property
    def answer(self) -> str:
        """What was found, in words; empty where nothing was asked."""
        return ""

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """Return its main table."""

    @property
    def card_columns(self) -> Sequence[str]:
        """The columns of the main table that a notebook shows; none for the first ones."""
        return ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {visible(self.headline)}>"

    def _repr_html_(self) -> str:
        table = self.to_frame()
        names = [name for name in self.card_columns if name in table] or list(table.columns)
        shown = table[names[:COLUMNS_SHOWN]].head(ROWS_SHOWN)
        hidden = table.shape != shown.shape
        size = f"{counted(len(table), 'row')}, {counted(len(table.columns), 'column')}"
        return card(
            type(self).__name__,
            self.headline,
            answer=self.answer,
            columns=[str(name) for name in shown.columns],
            rows=[[_plain(value) for value in row] for row in shown.itertuples(index=False)],
            note=f"of {size}: to_frame() has all" if hidden else "",
        )


def _plain(value: object) -> object:
    """Return numpy's numbers as Python's."""
    return value.item() if hasattr(value, "item") else value


def view() -> ModuleType:
    """Return the package that draws, imported only when a picture is asked for.

    It lies above the results and imports matplotlib, which those who draw nothing do not wait for.
    """
    return import_module("cluster_emu.view")


def answers() -> ModuleType:
    """Return the module that puts results into words, which lies above the results, too."""
    return import_module("cluster_emu.study.report.answers")
