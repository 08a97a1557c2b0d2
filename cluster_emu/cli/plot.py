"""`cluster-emu plot`: the figures of results that were saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.compare import draw
from cluster_emu.cli.evacuate import REPORT
from cluster_emu.cli.evacuate import draw as draw_evacuation
from cluster_emu.cli.inputs import usable_folder, writing_to
from cluster_emu.cli.output import write_json
from cluster_emu.errors import ScenarioError

ADVICE = "advice.json"


def plot(
    run_dir: Annotated[
        Path, typer.Argument(metavar="RUN_DIR", help="Folder that run, compare or evacuate wrote.")
    ],
    seed: options.Seed = 0,
    out: options.Out = None,
    as_json: options.Json = False,
) -> None:
    """Draw the figures of a saved run, comparison or evacuation."""
    from cluster_emu.view import plot_run

    folder = usable_folder(out) or run_dir
    with writing_to(folder):
        if (run_dir / "compare.json").is_file():
            figures = [_plot_comparison(run_dir / "compare.json", folder)]
        elif (run_dir / REPORT).is_file():
            figures = _plot_evacuation(run_dir, folder)
        elif (run_dir / ADVICE).is_file():
            allowed = "what run, compare or evacuate wrote; there is no figure of advice"
            raise ScenarioError("RUN_DIR", str(run_dir), allowed)
        else:
            figures = plot_run(run_dir, folder)
    if as_json:
        write_json({"figures": [str(path) for path in figures]})
    else:
        print("\n".join(map(str, figures)))


def _plot_comparison(file: Path, folder: Path) -> Path:
    from cluster_emu.study.report.comparison import ComparisonReport
    from cluster_emu.study.report.reading import read_report

    with _checked_input(file, "compare"):
        return draw(read_report(ComparisonReport, file), folder)


def _plot_evacuation(run_dir: Path, folder: Path) -> list[Path]:
    with _checked_input(run_dir / REPORT, "evacuate"):
        return draw_evacuation(run_dir, folder)


@contextmanager
def _checked_input(file: Path, command: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, FileNotFoundError) as error:
        allowed = f"what cluster-emu {command} --out wrote"
        raise ScenarioError(
            "RUN_DIR", f"{type(error).__name__}: {error}", allowed, file=file
        ) from error
