"""`cluster-emu film`: a saved run as MP4 or GIF."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.group import interruptible
from cluster_emu.cli.inputs import usable_folder, writing_to
from cluster_emu.cli.output import progress_bar, write_json, write_lines, write_message
from cluster_emu.errors import ScenarioError
from cluster_emu.input_files import exists

MP4, GIF = ".mp4", ".gif"


def film(
    run_dir: Annotated[
        Path,
        typer.Argument(
            metavar="RUN_DIR",
            parser=options.path("RUN_DIR"),
            help="Folder of a saved run, evacuation or study.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            parser=options.path("--out"),
            help="The file, MP4 or GIF by its ending; without it film.mp4 in RUN_DIR (film.gif "
            "where ffmpeg is missing, film_KEY for a cell).",
        ),
    ] = None,
    cell: Annotated[
        str | None,
        typer.Option("--cell", metavar="KEY", help="Which cell of a study's folder."),
    ] = None,
    seconds: Annotated[
        float,
        typer.Option(
            "--seconds", metavar="TIME", parser=options.seconds("--seconds"), help="Its length."
        ),
    ] = 20.0,
    fps: Annotated[int, options.whole_option("--fps", 1, "Pictures per second.", 60)] = 10,
    style: options.Style = options.FigureStyle.LIGHT,
    as_json: options.Json = False,
) -> None:
    """Make a film of a saved run, drain or cell: MP4 where ffmpeg is found, else GIF."""
    from cluster_emu.observation.finished_run import read_finished_run
    from cluster_emu.results.folder_lock import locked
    from cluster_emu.results.result_folder import added_files
    from cluster_emu.study.finished_cell import read_finished_cell
    from cluster_emu.view import figure_style, has_ffmpeg, write_film

    interruptible()
    if not (exists(run_dir) and run_dir.is_dir()):
        raise ScenarioError("RUN_DIR", str(run_dir), "the folder of a saved run")
    if out is not None:
        _chosen(out, has_ffmpeg())  # refuse a bad name before anything is computed
    found = read_finished_run(run_dir) if cell is None else read_finished_cell(run_dir, cell)
    name = "film" if cell is None else f"film_{cell}"
    path, note = _chosen(run_dir / f"{name}{MP4}" if out is None else out, has_ffmpeg())
    for notice in found.notices if found.computed else ():
        write_message(f"cluster-emu: {notice}")
    with figure_style(style.value), progress_bar("film, pictures") as progress:

        def write(file: Path) -> None:
            write_film(found.result, file, fps=fps, seconds=seconds, progress=progress)

        if path.parent.resolve() == run_dir.resolve():
            usable_folder(run_dir)
            with (
                writing_to(run_dir),
                locked(run_dir, field="RUN_DIR"),
                added_files(run_dir) as place,
            ):
                write(place / path.name)
        else:
            with writing_to(path.parent):
                write(path)
    if note:
        write_message(note)
    if as_json:
        write_json({"film": str(path)})
    else:
        write_lines([str(path)])


def _chosen(out: Path, has_ffmpeg: bool) -> tuple[Path, str]:
    """Return the file to write, and what has to be said about it."""
    if out.suffix.lower() not in (MP4, GIF):
        raise ScenarioError("--out", str(out), "a file name that ends in .mp4 or .gif")
    if out.suffix.lower() == GIF or has_ffmpeg:
        return out, ""
    return out.with_suffix(GIF), "cluster-emu: ffmpeg was not found, so the film is a GIF"
