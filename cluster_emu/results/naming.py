"""Columns of names beside the columns of numbers, in the tables of a scenario that has names."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cluster_emu.results.growing_tables import Columns
from cluster_emu.scenario.names import Names

NAMED = {"vm": "vms", "host": "hosts", "source": "hosts", "target": "hosts"}
"""The columns that hold numbers of VMs or hosts, by which names they have."""


def with_names(table: pd.DataFrame, names: Names) -> pd.DataFrame:
    """Return a table with a column `vm_name` after `vm`, and likewise for hosts.

    A table of a scenario without names is returned as it is. A VM or host without a name has its
    number there, as text; -1 and NaN, for none, are empty.
    """
    if not names.hosts and not names.vms:
        return table
    columns = {}
    for column in table:
        columns[column] = table[column]
        kind = NAMED.get(str(column))
        if kind and getattr(names, kind):
            columns[f"{column}_name"] = pd.Series(
                _shown(table[column].fillna(-1).to_numpy(dtype=np.int64), getattr(names, kind)),
                index=table.index,
                dtype=object,
            )
    return pd.DataFrame(columns)


def name_columns(columns: Columns, names: Names) -> Columns:
    """Return the same columns with names, for a table that grows."""
    found: Columns = {}
    for column, values in columns.items():
        found[column] = values
        kind = NAMED.get(column)
        if kind and getattr(names, kind):
            found[f"{column}_name"] = np.array(_shown(values, getattr(names, kind)), dtype=object)
    return found


def _shown(numbers: np.ndarray, names: tuple[str, ...]) -> list[str]:
    shown = [name or str(number) for number, name in enumerate(names)]
    return [
        shown[number] if 0 <= number < len(shown) else str(number) if number >= 0 else ""
        for number in numbers.tolist()
    ]
