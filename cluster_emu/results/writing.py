"""Files that are either whole or not there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

UNFINISHED = ".unfinished-"
"""Start of the name of what is not whole yet, in the folder in which it will be."""


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Write a table so that the file is either whole or not there."""
    with _replacing(path) as temporary:
        table.to_parquet(temporary, index=False)


def write_text(text: str, path: Path) -> None:
    """Write a text so that the file is either whole or not there."""
    with _replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(data: bytes, path: Path) -> None:
    """Write bytes so that the file is either whole or not there."""
    with _replacing(path) as temporary:
        temporary.write_bytes(data)


class _replacing:
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
        if kind is None:
            self._temporary.chmod(0o644)
            self._temporary.replace(self._path)
        else:
            self._temporary.unlink(missing_ok=True)
