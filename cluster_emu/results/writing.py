"""Files that are either whole or not there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Starts of a text that programs for spreadsheets take for a formula."""
MARK = "'"
"""Stands before such a text in CSV: they then show it, and calculate nothing."""

UNFINISHED = ".unfinished-"
"""Start of the name of what is not whole yet, in the folder in which it will be."""


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Write a table so that the file is either whole or not there."""
    with replacing(path) as temporary:
        table.to_parquet(temporary, index=False)


def write_text(text: str, path: Path) -> None:
    """Write a text so that the file is either whole or not there."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV so that the file is either whole or not there.

    A text that begins like a formula (`FORMULA_STARTS`), or with an apostrophe, has an apostrophe
    before it. Numbers stay as they are. `read_csv` returns the text.
    """
    write_text(csv_text(table), path)


def csv_text(table: pd.DataFrame, *, header: bool = True) -> str:
    """Return a table, or some of its rows, as the CSV of `write_csv`."""
    marked = table.rename(columns=_marked)
    for place, dtype in enumerate(table.dtypes):
        if not _is_numeric(dtype):
            values: NDArray[Any] = table.iloc[:, place].to_numpy(dtype=object, copy=True)
            values[:] = [_marked(value) for value in values]
            marked.isetitem(place, values)
    text: str = marked.to_csv(index=False, header=header)
    return text


def read_csv(path: Path) -> pd.DataFrame:
    """Return a table that `write_csv` wrote, its texts as they were."""
    import pandas as pd

    table = pd.read_csv(path)
    for place, dtype in enumerate(table.dtypes):
        if not _is_numeric(dtype):
            table.isetitem(place, table.iloc[:, place].map(_unmarked).to_numpy(dtype=object))
    return table.rename(columns=_unmarked)


def _is_numeric(dtype: object) -> bool:
    return getattr(dtype, "kind", "O") in "biufcmM"


def _marked(value: object) -> object:
    is_risky = isinstance(value, str) and value.startswith((*FORMULA_STARTS, MARK))
    return f"{MARK}{value}" if is_risky else value


def _unmarked(value: object) -> object:
    return value.removeprefix(MARK) if isinstance(value, str) else value


def write_bytes(data: bytes, path: Path) -> None:
    """Write bytes so that the file is either whole or not there."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


class replacing:
    """Gives a temporary path next to the target; moves it to the target unless an error occurs."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        handle, name = tempfile.mkstemp(prefix=f"{UNFINISHED}{path.name}.", dir=path.parent)
        os.close(handle)
        self._temporary = Path(name)

    def __enter__(self) -> Path:
        return self._temporary

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._temporary.chmod(0o644)
                self._temporary.replace(self._path)
        finally:
            self._temporary.unlink(missing_ok=True)
