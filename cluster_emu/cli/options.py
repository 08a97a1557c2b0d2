"""The options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Scenario = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A built-in scenario's name, or a TOML file.")
]
Seed = Annotated[
    int, typer.Option("--seed", min=0, help="Seed; where nothing is random it changes nothing.")
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Folder to write results to.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help='Another value for a field, such as vms.0.memory_bytes="4 GiB"; may be repeated.',
    ),
]
Traces = Annotated[
    Path | None,
    typer.Option("--traces", metavar="DIR", help="Folder of PlanetLab CPU traces to replay."),
]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="Number of processes.")]
