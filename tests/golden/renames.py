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

NEW_METRICS = (
    "boot_energy_kwh",
    "shutdown_energy_kwh",
    "migration_energy_kwh",
    "carbon_g",
    "host_shutdowns",
    "time_before_shutdown_s",
    "time_before_migration_s",
    "slatah",
    "degradation_by_ten_percent_rule",
    "slav",
    "slav_by_ten_percent_rule",
    "esv_kwh",
    "esv_by_ten_percent_rule_kwh",
    "overall_sla_violation",
    "average_sla_violation",
)
ADDED_COLUMNS: dict[str, tuple[str, ...]] = {
    "migrations": ("stay_s",),
    "hosts": ("boot_energy_kwh", "shutdown_energy_kwh", "migration_energy_kwh"),
    "service": ("cpu_wanted_in_migrations_s", "short_of_cpu_s"),
    "summary": NEW_METRICS,
    "runs": NEW_METRICS,
    "cells": NEW_METRICS,
}
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
