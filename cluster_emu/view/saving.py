"""Figures as files: written atomically, the same bytes for the same figure."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cluster_emu.errors import ScenarioError
from cluster_emu.results.writing import write_bytes

# The date and the version of the drawing library would make every file differ.
WITHOUT_ORIGIN = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
"""For each format what to leave out of a file."""


def save_figure(picture: Figure | Axes, path: Path) -> Path:
    """Write a figure as PNG, SVG or PDF and return the path.

    Args:
        picture: a figure, or axes of one.
        path: the file; its ending decides the format.

    Raises:
        ScenarioError: if the ending is none of these.
    """
    return save_figures({path: picture})[0]


def save_figures(pictures: Mapping[Path, Figure | Axes]) -> list[Path]:
    """Write figures to their files and return these; if one cannot be drawn, write none.

    Args:
        pictures: a figure, or axes of one, by its file, whose ending decides the format.

    Raises:
        ScenarioError: if an ending is not one of PNG, SVG and PDF.
    """
    drawn = {path: _drawn(figure_of(one), _format_of(path)) for path, one in pictures.items()}
    for path, content in drawn.items():
        write_bytes(content, path)
    return list(drawn)


def _format_of(path: Path) -> str:
    kind = path.suffix.lower().removeprefix(".")
    if kind not in WITHOUT_ORIGIN:
        raise ScenarioError("path", str(path), "a file name that ends in .png, .svg or .pdf")
    return kind


def figure_of(picture: Figure | Axes) -> Figure:
    """Return the figure that a picture is, or that its axes belong to."""
    if isinstance(picture, Figure):
        return picture
    figure = picture.get_figure(root=True)
    assert figure is not None, "axes that were taken out of their figure"
    return figure


def _drawn(figure: Figure, kind: str) -> bytes:
    buffer = BytesIO()
    # Journals want letters as TrueType, not as Type 3.
    with matplotlib.rc_context({"svg.hashsalt": "cluster_emu", "pdf.fonttype": 42}):
        figure.savefig(buffer, format=kind, metadata=WITHOUT_ORIGIN[kind])
    return buffer.getvalue()
