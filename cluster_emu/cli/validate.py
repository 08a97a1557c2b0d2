"""`cluster-emu validate`: our results held against others'."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.group import Command
from cluster_emu.cli.output import show_lines, show_table, write_json
from cluster_emu.wording import number

validate = typer.Typer(no_args_is_help=True)


@validate.callback()
def validations() -> None:
    """Hold our results against those of other simulators."""


@validate.command(cls=Command)
def scalar(
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            metavar="FILE",
            parser=options.path("--data"),
            help="JSON with cases and their results.",
        ),
    ],
    as_json: options.Json = False,
) -> None:
    """Migrations without pages: total time and downtime against another simulator's."""
    from cluster_emu.validation import validate_scalar

    agreement = validate_scalar(data)
    document = agreement.document()
    if as_json:
        write_json(document)
        return
    columns = ["total_time_s", "given_total_time_s", "downtime_s", "given_downtime_s"]
    rows = (
        (str(row["case"]), str(row["vm"]), *(number(row[column]) for column in columns))
        for row in agreement.table.to_dict("records")
    )
    header = ("case", "vm", "total time s", "given", "downtime s", "given")
    show_table("Scalar migrations", header, rows, text_columns=2)
    show_lines(
        "Largest differences",
        [
            f"total time, relative: {document['total_time_max_rel']:.2g}",
            f"downtime: {document['downtime_max_abs_s']:.2g} s",
        ],
    )
