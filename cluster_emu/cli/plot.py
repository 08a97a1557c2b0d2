"""`cluster-emu plot`: the figures of results that were saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.compare import draw
from cluster_emu.cli.evacuate import REPORT
from cluster_emu.cli.evacuate import draw as draw_evacuation
from cluster_emu.cli.inputs import result_folder, usable_folder, writing_to
from cluster_emu.cli.maintain import draw as draw_maintenance
from cluster_emu.cli.output import write_json, write_lines
from cluster_emu.errors import ScenarioError
from cluster_emu.input_files import exists

ADVICE = "advice.json"
MAINTENANCE = "maintenance.json"
MEANS = "means.csv"


class FigureFormat(StrEnum):
    """Formats of figures."""

    PNG = "png"
    SVG = "svg"
    PDF = "pdf"


def plot(
    run_dir: Annotated[
        Path,
        typer.Argument(
            metavar="RUN_DIR",
            parser=options.path("RUN_DIR"),
            help="Folder of a saved result.",
        ),
    ],
    seed: options.Seed = 0,
    out: options.Out = None,
    overwrite: options.Overwrite = False,
    kind: Annotated[
        FigureFormat | None,
        typer.Option("--format", help="Format of the figures: png, or pdf with --style paper."),
    ] = None,
    style: options.Style = options.FigureStyle.LIGHT,
    as_json: options.Json = False,
) -> None:
    """Draw the figures of a saved run, comparison, evacuation, advice or study."""
    from cluster_emu.results.folder_lock import locked
    from cluster_emu.results.result_folder import added_files, new_result
    from cluster_emu.view.style import LOOKS

    chosen = kind.value if kind else LOOKS[style.value].file_kind
    folder = run_dir if out is None or out.resolve() == run_dir.resolve() else out
    if folder is run_dir:
        if not (exists(run_dir) and run_dir.is_dir()):
            raise ScenarioError("RUN_DIR", str(run_dir), "the folder of a saved result")
        usable_folder(run_dir)
        with (
            writing_to(folder),
            locked(folder, field="RUN_DIR"),
            added_files(folder) as place,
        ):
            figures = _draw(run_dir, place, chosen, style.value)
    else:
        result_folder(folder, overwrite=overwrite)
        with writing_to(folder), new_result(folder, "plot", overwrite=overwrite) as place:
            figures = _draw(run_dir, place, chosen, style.value)
    written = [str(folder / figure.name) for figure in figures]
    if as_json:
        write_json({"figures": written})
    else:
        write_lines(written)


def _draw(run_dir: Path, folder: Path, kind: str, style: str) -> list[Path]:
    """Draw the figures of a result into a folder, in a style."""
    from cluster_emu.view import figure_style

    with figure_style(style):
        return _draw_all(run_dir, folder, kind)


def _draw_all(run_dir: Path, folder: Path, kind: str) -> list[Path]:
    """Draw the figures of a result into a folder."""
    from cluster_emu.results.result_folder import check_whole
    from cluster_emu.view import plot_run

    check_whole(run_dir)
    if (run_dir / "compare.json").is_file():
        return [_plot_comparison(run_dir / "compare.json", folder, kind)]
    if (run_dir / REPORT).is_file():
        return _plot_evacuation(run_dir, folder, kind)
    if (run_dir / MAINTENANCE).is_file():
        with _checked_input(run_dir / MAINTENANCE, "maintain"):
            return draw_maintenance(run_dir, folder, kind)
    if (run_dir / MEANS).is_file():
        return [_plot_study(run_dir / MEANS, folder, kind)]
    _check_finished(run_dir)
    if (run_dir / ADVICE).is_file():
        return [_plot_advice(run_dir / ADVICE, folder, kind)]
    with _checked_input(run_dir, "run"):
        return plot_run(run_dir, folder, kind=kind)


def _check_finished(run_dir: Path) -> None:
    """Refuse what an interrupted study has left: the tables that are drawn come last.

    An interrupted run is drawn until where it went.
    """
    from cluster_emu.results.result_folder import read_manifest

    manifest = read_manifest(run_dir)
    if manifest is not None and not manifest.complete and manifest.command == "batch":
        allowed = (
            f"a finished study (batch {manifest.name} was interrupted, and {MEANS} is missing; "
            "the same command runs the rest)"
        )
        raise ScenarioError("RUN_DIR", str(run_dir), allowed)


def _plot_comparison(file: Path, folder: Path, kind: str) -> Path:
    from cluster_emu.study.report.comparison import ComparisonReport
    from cluster_emu.study.report.reading import read_report

    with _checked_input(file, "compare"):
        return draw(read_report(ComparisonReport, file), folder, kind)


def _plot_advice(file: Path, folder: Path, kind: str) -> Path:
    from cluster_emu.study.report.advice import AdviceReport
    from cluster_emu.study.report.reading import read_report
    from cluster_emu.view import draw_advice, save_figure

    with _checked_input(file, "advise"):
        figure = draw_advice(read_report(AdviceReport, file))
        return save_figure(figure, folder / f"advice.{kind}")


def _plot_study(file: Path, folder: Path, kind: str) -> Path:
    from cluster_emu.results.writing import read_csv
    from cluster_emu.view import draw_study, save_figure

    with _checked_input(file, "batch"):
        return save_figure(draw_study(read_csv(file)), folder / f"study.{kind}")


def _plot_evacuation(run_dir: Path, folder: Path, kind: str) -> list[Path]:
    with _checked_input(run_dir / REPORT, "evacuate"):
        return draw_evacuation(run_dir, folder, kind)


_ILL_TYPED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What drawing raises if a file holds other values than it should."""


@contextmanager
def _checked_input(file: Path, command: str) -> Iterator[None]:
    try:
        yield
    except (*_ILL_TYPED, FileNotFoundError) as error:
        allowed = f"what cluster-emu {command} --out wrote"
        raise ScenarioError(
            "RUN_DIR", f"{type(error).__name__}: {error}", allowed, file=file
        ) from error
