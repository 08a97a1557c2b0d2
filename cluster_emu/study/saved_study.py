"""The tables of a study that a batch has written, read back and queried."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cluster_emu.errors import ClusterEmuError
from cluster_emu.results.result_folder import read_manifest
from cluster_emu.results.schemas import SCHEMAS
from cluster_emu.results.writing import read_csv
from cluster_emu.study.grid.cell_store import MANIFEST, RESULTS

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

PARQUET = ("results", *SCHEMAS)
CSV = tuple(name.removesuffix(".csv") for name in RESULTS if name not in ("results.csv",))[1:]
"""Tables that are written as CSV alone."""

INCOMPLETE = (
    "the study is not complete: a batch has begun to change it and has not ended; the same `batch` "
    "command runs what is left"
)
"""What is said of a `SavedStudy` that is not complete."""


@dataclass(frozen=True, slots=True)
class SavedStudy(Mapping[str, pd.DataFrame]):
    """The tables of a study by name: ``study["migrations"]``; each is read when it is asked for.

    `results` has one row per cell, the tables that the study keeps have their own rows; the axes,
    strategy, replication, seed and cell are columns of both.

    Args:
        folder: the folder of the study.
        name: the study's name.
        complete: False if a batch has begun to change the study and has not ended.
        files: where the tables are, by name.
    """

    folder: Path
    name: str
    complete: bool
    files: Mapping[str, Path]

    @property
    def results(self) -> pd.DataFrame:
        """One row per cell: labels, status, error, figures."""
        return self["results"]

    @property
    def manifest(self) -> dict[str, Any]:
        """What was run, with what, and what every cell took: the file ``manifest.json``.

        Raises:
            ClusterEmuError: if there is none that can be read.
        """
        path = self.folder / MANIFEST
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ClusterEmuError(f"{path}: cannot be read: {error}") from error
        return dict(found)

    def query(self, sql: str) -> pd.DataFrame:
        """Return what a SELECT of DuckDB finds; every table is a view of its name.

        It can read these tables and nothing else.

        Raises:
            ClusterEmuError: if the text is not one SELECT, or DuckDB refuses it.
        """
        table: pd.DataFrame = self.query_arrow(sql).to_pandas()
        return table

    def query_arrow(self, sql: str) -> pa.Table:
        """Return what a SELECT finds, as `query` does, as an Arrow table."""
        import duckdb

        try:
            with self._connected() as database:
                statements = database.extract_statements(sql)
                if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                    raise ClusterEmuError(f"query {sql!r}: allowed is one SELECT")
                return database.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            why = " ".join(str(error).partition("\n\n")[0].split())  # less where, in ASCII art
            raise ClusterEmuError(f"query {sql!r}: {why}") from error

    def _connected(self) -> duckdb.DuckDBPyConnection:
        """Return an empty database in memory, in which the tables are views."""
        import duckdb

        database = duckdb.connect(":memory:")
        paths = []
        for name, path in self.files.items():
            if path.suffix == ".parquet":
                place = str(path.resolve())
                paths.append(place)
                quoted = place.replace("'", "''")
                database.execute(
                    f"CREATE VIEW \"{name}\" AS SELECT * FROM read_parquet('{quoted}')"
                )
            else:
                database.register(name, self[name])
        database.execute("SET allowed_paths = $1", [paths])
        for setting in (
            "enable_external_access = false",
            "python_enable_replacements = false",
            "autoinstall_known_extensions = false",
            "autoload_known_extensions = false",
            "lock_configuration = true",
        ):
            database.execute(f"SET {setting}")
        return database

    def __getitem__(self, name: str) -> pd.DataFrame:
        """Return a table.

        Raises:
            KeyError: if the study has none of this name.
            ClusterEmuError: if it cannot be read.
        """
        path = self.files[name]
        try:
            return _read_parquet(path) if path.suffix == ".parquet" else read_csv(path)
        except (OSError, ValueError) as error:
            raise ClusterEmuError(f"{path}: cannot be read: {error}") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def __repr__(self) -> str:
        return f"<SavedStudy {self.name!r} in {str(self.folder)!r}: {', '.join(self.files)}>"


def _read_parquet(path: Path) -> pd.DataFrame:
    """Return the frame of a Parquet file, as `pandas.read_parquet` does, in half the time.

    A study's file has a group of rows for every 2,000 of them, and a piece of each column in every
    group. Arrow would plan the reading of all pieces ahead, which pays where a file is far away.
    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, pre_buffer=False) as file:
        table: pd.DataFrame = file.read().to_pandas()
        return table


def load_study(folder: Path | str) -> SavedStudy:
    """Return the tables of a study from the folder that `run_batch` or `batch` has written.

    For example ``load_study("results/grid").results``.

    Args:
        folder: the folder.

    Raises:
        ClusterEmuError: if it holds no exports of a study.
    """
    place = Path(folder)
    try:
        manifest = read_manifest(place)
        if manifest is None or manifest.command != "batch":
            raise ClusterEmuError(f"{place}: allowed is the folder of a study that `batch` wrote")
        paths = [place / f"{name}.parquet" for name in PARQUET]
        paths += [place / f"{name}.csv" for name in CSV]
        files = {path.stem: path for path in paths if path.is_file() and path.stat().st_size > 1}
    except OSError as error:
        raise ClusterEmuError(f"{place}: cannot be read: {error.strerror}") from error
    if "results" not in files:
        raise ClusterEmuError(
            f"{place}: no results.parquet yet; the same `batch` command, or the shards that are "
            "left, make it"
        )
    return SavedStudy(place, manifest.name, manifest.complete, files)
