"""CSV holds no text that a spreadsheet calculates, and reads back as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster_emu.results.writing import read_csv, write_csv

TEXTS = ["=1+1", "+1", "-2 s", "@x", "\tx", "'x", "plain", "a=b", None]


def test_text_that_begins_like_a_formula_has_an_apostrophe(tmp_path: Path) -> None:
    table = pd.DataFrame({"=name": TEXTS, "number": np.arange(-4.0, 5.0)})
    write_csv(table, tmp_path / "a.csv")
    found = pd.read_csv(tmp_path / "a.csv")
    assert list(found) == ["'=name", "number"]
    assert list(found["'=name"])[:8] == [f"'{text}" for text in TEXTS[:6] if text] + TEXTS[6:8]
    assert list(found["number"]) == list(table["number"])
    pd.testing.assert_frame_equal(read_csv(tmp_path / "a.csv"), table, check_dtype=False)


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"a": [-1, 2], "b": [-0.5, np.nan], "c": [True, False], "d": ["x", "y,z"]}),
        pd.DataFrame({"mixed": [-1, "x", None, -2.5, True]}, dtype=object),
        pd.DataFrame({"counts": [-1, None]}, dtype=object),
        pd.DataFrame({"a": pd.Series([], dtype=object)}),
        pd.DataFrame(
            {"kind": pd.Categorical(["u", "v"]), "s": pd.Series(["p", None], dtype="str")}
        ),
    ],
)
def test_other_tables_are_what_pandas_writes(table: pd.DataFrame, tmp_path: Path) -> None:
    before = table.copy(deep=True)
    write_csv(table, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text("utf-8") == table.to_csv(index=False)
    pd.testing.assert_frame_equal(table, before)
