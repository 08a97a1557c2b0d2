"""`cluster-emu schema`: the JSON schema of scenario or study files, for editors."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from cluster_emu.cli.output import write_json


def schema(
    kind: Annotated[
        Literal["scenario", "study"],
        typer.Argument(help="The kind of file.", show_default=True),
    ] = "scenario",
) -> None:
    """Print the JSON schema of scenario or study files, with which editors complete and check."""
    from cluster_emu.file_schemas.documents import scenario_schema, study_schema

    write_json(scenario_schema() if kind == "scenario" else study_schema())
