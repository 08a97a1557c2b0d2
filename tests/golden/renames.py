"""What is called otherwise in the package now than when the golden tables were recorded, or is new.

A commit that renames a table, a column or words in a text enters it here, and so does one that adds
a column, so that the digests of what was recorded still hold. Recording again empties all four.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

RENAMED_TABLES: dict[str, str] = {}
"""The recorded name of a table by its name now."""

RENAMED_COLUMNS: dict[str, str] = {}
"""The recorded name of a column, in whichever table, by its name now."""

ADDED_COLUMNS: dict[str, tuple[str, ...]] = {}
"""The columns, by the table that has them now, that the recorded tables do not have."""

REWORDED: tuple[tuple[str, str, str], ...] = ()
"""Column (its recorded name), words now, words as recorded; replaced in the texts in this order."""


def as_recorded(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the tables under the names and with the words that they were recorded with."""
    return {RENAMED_TABLES.get(name, name): _table(name, table) for name, table in tables.items()}


def _table(name: str, table: pd.DataFrame) -> pd.DataFrame:
    added = [column for column in ADDED_COLUMNS.get(name, ()) if column in table]
    table = table.drop(columns=added).rename(columns=RENAMED_COLUMNS)
    for column, now, recorded in REWORDED:
        if column in table:
            table[column] = [
                text.replace(now, recorded) if isinstance(text, str) else text
                for text in table[column]
            ]
    return table
