"""The tables of the golden runs are the recorded ones, to the last bit where they can be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.golden import renames
from tests.golden.cases import CASES
from tests.golden.digests import (
    digest_tables,
    environment,
    first_coarse_difference,
    first_difference,
    read_recorded,
)
from tests.golden.renames import as_recorded

WHERE, RECORDED = read_recorded()
HERE = environment()


def test_every_case_is_recorded() -> None:
    assert list(RECORDED) == list(CASES)


@pytest.mark.parametrize("name", CASES)
def test_tables_are_the_recorded_ones(name: str) -> None:
    """Where processor or packages differ, rows, outcomes and sums are compared instead of bits."""
    found = digest_tables(as_recorded(CASES[name]()))
    compare = first_difference if HERE == WHERE else first_coarse_difference
    difference = compare(RECORDED[name], found)
    if difference:
        pytest.fail(f"case {name}: {difference} (python -m tests.golden.record --help)")


def small_table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "outcome": ["completed", "failed"],
            "why": ["", "host 3 crashed"],
            "rounds": [3, 4],
            "downtime_s": [0.1, np.nan],
            "moved": [True, False],
        }
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("outcome", "aborted"),
        ("why", "host 4 crashed"),
        ("rounds", 5),
        ("downtime_s", 0.0),
        ("moved", True),
    ],
)
def test_any_change_of_a_value_is_found(column: str, value: object) -> None:
    was, now = small_table(), small_table()
    now.loc[1, column] = value

    found = first_difference(digest_tables({"one": was}), digest_tables({"one": now}))
    assert f"table one, column {column} differs" in found


def test_the_last_bit_counts_but_not_among_the_coarse_figures() -> None:
    was, now = small_table(), small_table()
    now.loc[0, "downtime_s"] = np.nextafter(0.1, 1.0)
    first, second = digest_tables({"one": was}), digest_tables({"one": now})

    assert "column downtime_s differs" in first_difference(first, second)
    assert first_coarse_difference(first, second) == ""
    now.loc[0, "downtime_s"] = 0.1 * (1 + 1e-5)
    assert "downtime_s" in first_coarse_difference(first, digest_tables({"one": now}))


def test_rows_columns_and_tables_count() -> None:
    was = digest_tables({"one": small_table()})
    other_order = small_table()[["why", "outcome", "rounds", "downtime_s", "moved"]]
    other_kind = small_table().astype({"rounds": float})

    assert first_difference(was, digest_tables({"one": small_table()})) == ""
    assert "has 1 rows" in first_difference(was, digest_tables({"one": small_table()[:1]}))
    assert "has the columns" in first_difference(was, digest_tables({"one": other_order}))
    assert "column rounds" in first_difference(was, digest_tables({"one": other_kind}))
    assert "one is missing" in first_difference(was, {})
    assert "one is new" in first_coarse_difference({}, was)
    assert "has 1 rows" in first_coarse_difference(was, digest_tables({"one": small_table()[:1]}))


def test_one_nan_is_like_another() -> None:
    odd = np.array([0x7FF8000000000001], dtype=np.uint64).view(np.float64)
    tables = [{"one": pd.DataFrame({"x": values})} for values in (odd, [np.nan])]

    first, second = map(digest_tables, tables)
    assert first == second


def test_renamed_tables_columns_and_words_are_mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renames, "RENAMED_TABLES", {"new": "one"})
    monkeypatch.setattr(renames, "RENAMED_COLUMNS", {"reason": "why"})
    monkeypatch.setattr(renames, "REWORDED", (("why", "machine", "host"),))
    now = small_table().rename(columns={"why": "reason"})
    now["reason"] = ["", "machine 3 crashed"]

    assert digest_tables(as_recorded({"new": now})) == digest_tables({"one": small_table()})


def test_added_columns_are_left_out_of_their_table_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renames, "ADDED_COLUMNS", {"one": ("added",), "two": ("rounds", "absent")})
    now = as_recorded({"one": small_table().assign(added=1.0), "two": small_table()})

    assert digest_tables({"one": now["one"]}) == digest_tables({"one": small_table()})
    assert list(now["two"]) == ["outcome", "why", "downtime_s", "moved"]
