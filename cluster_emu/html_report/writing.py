"""A report written into the folder of its result: the page, its tables as CSV, its figures."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from cluster_emu.errors import ScenarioError
from cluster_emu.html_report import campaign, comparison, evacuation, run, study
from cluster_emu.html_report.page import Page, Picture, Table
from cluster_emu.html_report.rendering import Origin, data_uri, render
from cluster_emu.html_report.unfinished_study import unfinished_study_page
from cluster_emu.results.folder_lock import locked
from cluster_emu.results.result_folder import (
    MANIFEST,
    added_files,
    check_whole,
    read_manifest,
    remove,
)
from cluster_emu.results.writing import write_csv, write_text
from cluster_emu.study.grid.cell_store import MANIFEST as STUDY_MANIFEST
from cluster_emu.view import figure_style, save_figure

PAGE = "report.html"
FOLDER = "report"
MOST_SVG_BYTES = 1_500_000
"""A larger figure stands on the page as PNG; browsers draw huge vector figures slowly."""

KINDS: Mapping[str, Callable[[Path], Page]] = {
    comparison.FILE: comparison.comparison_page,
    evacuation.FILE: evacuation.evacuation_page,
    campaign.FILE: campaign.campaign_page,
    study.MEANS: study.study_page,
    run.FILE: run.run_page,
}
"""The page of a folder by the file that tells which command wrote it."""

_ILL_TYPED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What is raised if a file holds other values than it should."""


def write_report(folder: Path) -> list[Path]:
    """Write `report.html` and the folder `report` into a result's folder; return the files.

    An older report there is replaced. The same result gives the same bytes.

    Args:
        folder: what `run`, `compare`, `evacuate`, `maintain` or `batch` wrote.

    Raises:
        ClusterEmuError: if the folder holds no such result, or not a whole one.
    """
    page = page_of(folder)
    with locked(folder, field="DIR"), added_files(folder) as place:
        parts = place / FOLDER
        parts.mkdir()
        pictures = {one.name: _draw(one, parts) for one in _blocks(page, Picture)}
        for table in _blocks(page, Table):
            if table.rows:
                write_csv(table.frame(), parts / f"{table.name}.csv")
        written = [PAGE, *(f"{FOLDER}/{path.name}" for path in sorted(parts.iterdir()))]
        write_text(render(page, pictures, _origin(folder, page)), place / PAGE)
        remove(folder, [PAGE, FOLDER])
    return [folder / name for name in written]


def page_of(folder: Path) -> Page:
    """Return the page of a result.

    Raises:
        ClusterEmuError: if the folder holds no whole result of a kind that has one.
    """
    check_whole(folder)
    manifest = read_manifest(folder)
    if manifest is not None and manifest.command == "batch" and not manifest.complete:
        with _checked(folder / STUDY_MANIFEST):
            return unfinished_study_page(folder)
    for file, page in KINDS.items():
        if (folder / file).is_file():
            with _checked(folder / file):
                return page(folder)
    allowed = "the folder of a result of run, compare, evacuate, maintain or batch"
    raise ScenarioError("DIR", str(folder), allowed)


@contextmanager
def _checked(file: Path) -> Iterator[None]:
    try:
        yield
    except (*_ILL_TYPED, FileNotFoundError) as error:
        allowed = "what cluster-emu wrote with the other files of its folder"
        found = f"{type(error).__name__}: {error}"
        raise ScenarioError("DIR", found, allowed, file=file) from error


B = TypeVar("B", Table, Picture)


def _blocks(page: Page, kind: type[B]) -> list[B]:
    return [
        block for section in page.sections for block in section.blocks if isinstance(block, kind)
    ]


def _draw(picture: Picture, folder: Path) -> dict[str, str]:
    """Draw a figure into a folder as SVG and PNG; return what the page shows, by style.

    Only the page has the dark figure: who takes a figure elsewhere takes the light one.
    """
    with figure_style("light"):
        light = picture.draw()
    vector = save_figure(light, folder / f"{picture.name}.svg")
    chosen = vector
    pixels = save_figure(light, folder / f"{picture.name}.png")
    if vector.stat().st_size > MOST_SVG_BYTES:
        chosen = pixels
    with figure_style("dark"):
        dark = save_figure(picture.draw(), folder / f"dark{chosen.suffix}")
    shown = {"light": _uri(chosen), "dark": _uri(dark)}
    dark.unlink()
    return shown


def _uri(file: Path) -> str:
    return data_uri(file.read_bytes(), file.suffix[1:])


def _origin(folder: Path, page: Page) -> Origin:
    manifest = read_manifest(folder)
    arguments = () if manifest is None else manifest.arguments
    versions = page.versions or (dict(manifest.versions) if manifest else {})
    aside = (PAGE, FOLDER, MANIFEST)
    names = sorted(path.name for path in folder.iterdir() if path.name not in aside)
    return Origin(
        command=shlex.join(["cluster-emu", *arguments]) if arguments else "",
        versions=versions,
        folder=folder.resolve().name,
        files=[name for name in names if not name.startswith(".")],
    )
