"""`cluster-emu query`: SQL over the tables of a study."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cluster_emu.cli import options
from cluster_emu.cli.group import interruptible
from cluster_emu.cli.output import show_table, write_message
from cluster_emu.errors import ScenarioError
from cluster_emu.json_output import plain_data
from cluster_emu.wording import counted

MOST_ROWS = 100
"""Rows that are shown as a table."""


def query(
    study_dir: Annotated[
        Path,
        typer.Argument(
            metavar="STUDY_DIR",
            parser=options.path("STUDY_DIR"),
            help="The folder of a study that batch wrote.",
        ),
    ],
    sql: Annotated[
        str,
        typer.Argument(
            metavar="SELECT",
            help='Such as "select strategy, avg(downtime_s) from results group by 1".',
        ),
    ],
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout, all rows.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON list of rows on stdout, all rows.")
    ] = False,
) -> None:
    """Ask the tables of a study in SQL (DuckDB): results, means, paired, and those it keeps."""
    from cluster_emu.results.writing import csv_text
    from cluster_emu.study.saved_study import INCOMPLETE, load_study

    if as_csv and as_json:
        raise ScenarioError("--csv", "given", "no --json beside it")
    interruptible()
    study = load_study(study_dir)
    if not study.complete:
        write_message(f"cluster-emu: {study_dir}: {INCOMPLETE}")
    found = study.query_arrow(sql)
    if as_csv:
        sys.stdout.write(csv_text(found.to_pandas()))
    elif as_json:
        rows = [plain_data(row) for row in found.to_pylist()]
        sys.stdout.write(json.dumps(rows, indent=2, default=str, allow_nan=False) + "\n")
    else:
        shown = found.slice(0, MOST_ROWS).to_pylist()
        cells = [[_shown(row[name]) for name in found.column_names] for row in shown]
        texts = sum(1 for _ in _leading_texts(found.schema))
        show_table(counted(found.num_rows, "row"), found.column_names, cells, text_columns=texts)
        if found.num_rows > MOST_ROWS:
            write_message(f"cluster-emu: the first {MOST_ROWS} rows; --csv and --json print all")


def _leading_texts(schema: Any) -> Any:
    """Yield the columns of text that stand before the first other one."""
    for field in schema:
        if str(field.type) not in ("string", "large_string", "string_view"):
            return
        yield field


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
