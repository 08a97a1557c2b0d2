"""Figures as files: written atomically, the same bytes for the same figure."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cluster_emu.errors import ScenarioError
from cluster_emu.results.run_result import write_bytes

# The date and the drawing program's version would make every file differ.
WITHOUT_ORIGIN = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}


def save_figure(picture: Figure | Axes, path: Path, *, svg: bool = False) -> list[Path]:
    """Write a figure as PNG or SVG and return the files written.

    Args:
        picture: a figure, or axes of one.
        path: the file; its ending, .png or .svg, decides the format.
        svg: whether to write an SVG of the same name too.

    Raises:
        ScenarioError: if the ending is neither.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in WITHOUT_ORIGIN:
        raise ScenarioError("path", str(path), "a file name that ends in .png or .svg")
    paths = list(dict.fromkeys([path, path.with_suffix(".svg")] if svg else [path]))
    for each in paths:
        write_bytes(_drawn(_figure_of(picture), each.suffix.lower().removeprefix(".")), each)
    return paths


def _figure_of(picture: Figure | Axes) -> Figure:
    if isinstance(picture, Figure):
        return picture
    figure = picture.get_figure(root=True)
    assert figure is not None, "axes that were taken out of their figure"
    return figure


def _drawn(figure: Figure, kind: str) -> bytes:
    buffer = BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "cluster_emu"}):
        figure.savefig(buffer, format=kind, metadata=WITHOUT_ORIGIN[kind])
    return buffer.getvalue()
