"""The comparison of two recordings says what differs and by how much."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.golden.record import (
    differences,
    read_tables,
    relative_differences,
    report,
    write_tables,
)


def table() -> pd.DataFrame:
    return pd.DataFrame({"variant": ["a", "b"], "bytes": [100.0, 200.0], "why": ["", "late"]})


def test_relative_differences_treat_nan_and_infinity_as_values() -> None:
    was = np.array([1.0, np.nan, np.nan, np.inf, np.inf, 0.0, 4.0])
    now = np.array([1.0, np.nan, 1.0, np.inf, 2.0, 0.0, 3.0])

    assert relative_differences(was, now).tolist() == [0, 0, np.inf, 0, np.inf, 0, 0.25]


def test_the_largest_difference_of_a_column_and_its_row_are_named() -> None:
    now = table()
    now["bytes"] = [101.0, 250.0]
    (found,) = differences("case", {"one": table()}, {"one": now})

    assert found.column == "bytes"
    assert found.relative == pytest.approx(0.2)
    assert found.what.startswith("2 of 2 rows, the most in row 1 (b): ")
    assert "2.0e-01  one.bytes" in report([found])


def test_what_is_no_number_differs_without_a_size() -> None:
    now = table()
    now.loc[1, "why"] = "too late"
    (found,) = differences("case", {"one": table()}, {"one": now})

    assert (found.column, found.relative) == ("why", np.inf)
    assert "'late', now 'too late'" in found.what


def test_rows_columns_and_tables_that_come_or_go_are_named() -> None:
    def whats(was: dict[str, pd.DataFrame], now: dict[str, pd.DataFrame]) -> list[str]:
        return [one.what for one in differences("case", was, now)]

    one = {"one": table()}
    assert whats(one, one) == []
    assert whats(one, {}) == ["missing"]
    assert whats({}, one) == ["new"]
    assert whats(one, {"one": table()[:1]}) == ["2 rows, now 1"]
    assert whats(one, {"one": table().drop(columns="why")}) == ["missing"]
    assert whats(one, {"one": table()[["why", "variant", "bytes"]]}) == ["another order of columns"]


def test_tables_that_are_kept_come_back_as_they_were(tmp_path: Path) -> None:
    write_tables(tmp_path, "case", {"one": table()})

    assert list(differences("case", read_tables(tmp_path, "case"), {"one": table()})) == []
