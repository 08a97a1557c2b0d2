"""Rows of a result table, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pandas as pd

Row = Mapping[str, Any]
"""A row of a result table by column name."""


def named(row: Row, column: str) -> str:
    """Return the name of the VM or host in a column, or else its number."""
    return str(row.get(f"{column}_name") or row[column])


def rows_of(table: pd.DataFrame) -> list[Row]:
    """Return the rows of a table, in order."""
    return cast("list[Row]", table.to_dict("records"))
