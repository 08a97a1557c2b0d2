"""`cluster-emu report`: one page of HTML from the folder of a result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.inputs import usable_folder, writing_to
from cluster_emu.cli.output import write_json, write_lines
from cluster_emu.errors import ScenarioError
from cluster_emu.input_files import exists


def report(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            parser=options.path("DIR"),
            help="Folder of a result of run, compare, evacuate, maintain or batch.",
        ),
    ],
    as_json: options.Json = False,
) -> None:
    """Write report.html into the folder of a result: one page that needs nothing else."""
    if not (exists(folder) and folder.is_dir()):
        raise ScenarioError("DIR", str(folder), "the folder of a saved result")
    from cluster_emu.html_report import write_report

    usable_folder(folder)
    with writing_to(folder):
        written = [str(path) for path in write_report(folder)]
    if as_json:
        write_json({"report": written[0], "files": written[1:]})
    else:
        write_lines([written[0], f"{len(written) - 1} tables and figures in {folder / 'report'}"])
