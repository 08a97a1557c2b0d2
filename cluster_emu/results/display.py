"""How results show themselves: one line in a console, a table in a notebook, a figure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from html import escape
from importlib import import_module
from types import ModuleType

import pandas as pd

from cluster_emu.shown_text import visible
from cluster_emu.wording import counted

ROWS_SHOWN = 10


class Displayed(ABC):
    """A result with a headline and a main table; notebooks call `_repr_html_`."""

    __slots__ = ()

    @property
    @abstractmethod
    def headline(self) -> str:
        """What it is, in one line."""

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """Return its main table."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {visible(self.headline)}>"

    def _repr_html_(self) -> str:
        table = self.to_frame()
        rows = counted(len(table), "row") if len(table) > ROWS_SHOWN else ""
        head = table.head(ROWS_SHOWN).map(_shown).rename(columns=_shown)
        shown = head.to_html(index=False, border=0, max_cols=ROWS_SHOWN)
        name = type(self).__name__
        return f"<p><b>{name}</b> {escape(visible(self.headline))}</p>\n{shown}\n<p>{rows}</p>"


def _shown(value: object) -> object:
    return visible(value) if isinstance(value, str) else value


def view() -> ModuleType:
    """Return the package that draws, imported only when a picture is asked for.

    It lies above the results and imports matplotlib, which those who draw nothing do not wait for.
    """
    return import_module("cluster_emu.view")
