"""The options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cluster_emu.errors import ScenarioError
from cluster_emu.numerals import MOST_JOBS, MOST_REPLICATIONS, MOST_WHOLE, whole_number

Scenario = Annotated[
    str,
    typer.Argument(
        metavar="SCENARIO",
        help="A built-in scenario's name, a TOML file, or the folder of a saved run.",
    ),
]


def whole(option: str, least: int, most: int = MOST_WHOLE) -> Callable[[Any], int]:
    """Return the reader of an option that is a whole number within limits.

    The message of Typer's own parser for numbers does not repeat what was typed.
    """

    def read(text: Any) -> int:
        number = whole_number(str(text))
        if number is not None and least <= number <= most:
            return number
        # a limit that hardly anybody meets is named where it was exceeded
        has_limit = most < MOST_JOBS or (number is not None and number > most)
        limit = f"from {least} to {most}" if has_limit else f">= {least}"
        raise ScenarioError(option, text, f"a whole number {limit}")

    return read


def whole_option(option: str, least: int, text: str, most: int = MOST_WHOLE) -> Any:
    """Return an option that is a whole number within limits."""
    return typer.Option(option, metavar="N", parser=whole(option, least, most), help=text)


def path(option: str) -> Callable[[Any], Path]:
    """Return the reader of an option that names a file or folder.

    An empty text would stand for the folder that the command runs in.
    """

    def read(text: Any) -> Path:
        if not str(text).strip():
            raise ScenarioError(option, text, "the name of a file or folder")
        return Path(text)

    return read


def seconds(option: str) -> Callable[[Any], float]:
    """Return the reader of an option that is a time above 0, such as 30m."""

    def read(text: Any) -> float:
        from cluster_emu.units import SECONDS, read_quantity

        try:
            time_s = read_quantity("time_s", str(text))
        except ValueError as error:
            raise ScenarioError(option, text, str(error)) from error
        if not isinstance(time_s, float) or not 0 < time_s < math.inf:
            allowed = f"a time > 0, alone (seconds) or with one of the units {', '.join(SECONDS)}"
            raise ScenarioError(option, text, allowed)
        return time_s

    return read


def byte_count(option: str) -> Callable[[Any], int]:
    """Return the reader of an option that is a number of bytes above 0, such as 4 GiB."""

    def read(text: Any) -> int:
        from cluster_emu.units import BYTES, read_quantity

        try:
            size = read_quantity("bytes", str(text))
        except ValueError as error:
            raise ScenarioError(option, text, str(error)) from error
        if not isinstance(size, int) or not 0 < size <= 2**60:
            allowed = f"a whole number of bytes > 0, alone or with a unit: {', '.join(BYTES)}"
            raise ScenarioError(option, text, allowed)
        return size

    return read


Seed = Annotated[
    int,
    whole_option("--seed", 0, "Seed of all random draws; the same seed gives the same results."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        parser=path("--out"),
        help="Folder to write results to.",
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace the result that --out holds already."),
]


class FigureStyle(StrEnum):
    """Styles of figures."""

    LIGHT = "light"
    DARK = "dark"
    PAPER = "paper"


Style = Annotated[
    FigureStyle,
    typer.Option(
        "--style",
        help="Style of the figures; paper is for a column of 3.3 inches, as PDF.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")]
Csv = Annotated[
    bool, typer.Option("--csv/--no-csv", help="Write the tables as CSV besides Parquet.")
]
SmallestDifferences = Annotated[
    list[str] | None,
    typer.Option(
        "--smallest-difference",
        metavar="[METRIC=]VALUE",
        help="From which size on a difference matters, such as 2% or downtime_s=5ms; 1% without "
        "it; may be repeated.",
    ),
]
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
    typer.Option(
        "--traces",
        metavar="PLACE",
        parser=path("--traces"),
        help="File or folder of recorded VMs to replay; the format is found from the content, or "
        "given by --set workload.trace_format=NAME.",
    ),
]
Replications = Annotated[
    int, whole_option("--replications", 1, "Number of seeds.", MOST_REPLICATIONS)
]
Jobs = Annotated[int, whole_option("--jobs", 1, "Number of processes.", MOST_JOBS)]
Until = Annotated[
    list[str] | None,
    typer.Option(
        "--until",
        metavar="METRIC:GOAL",
        help="Add replications until every strategy's 95 % interval is so narrow: "
        "downtime_s:rel=0.02 or downtime_s:abs=5ms, and if wanted ,min=20,max=1000; may be "
        "repeated.",
    ),
]
