"""Tables as they grow: columns by name, a piece at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd

Columns = dict[str, np.ndarray]


def joined(pieces: Sequence[Columns]) -> Columns:
    """Return the pieces of a table put together; no column where there is no piece."""
    if len(pieces) == 1:
        return pieces[0]
    names = pieces[0] if pieces else {}
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in names}


class GrowingTable(Protocol):
    """Takes the rows of a table, one observation at a time."""

    def add(self, columns: Columns) -> None:
        """Add rows; all columns of one length, the same columns every time."""
        ...

    def close(self) -> None:
        """Add no more; the table may be partial."""
        ...

    def finish(self) -> None:
        """Add no more; the table is complete."""
        ...


class KeptTable:
    """A table kept in memory."""

    def __init__(self) -> None:
        self._pieces: list[Columns] = []

    def add(self, columns: Columns) -> None:
        """Add rows; the arrays are kept, not copied."""
        self._pieces.append(columns)

    def close(self) -> None:
        """Do nothing: it is in memory."""

    def finish(self) -> None:
        """Do nothing: it is in memory."""

    def frame(self) -> pd.DataFrame:
        """Return the table so far."""
        return pd.DataFrame(joined(self._pieces))
