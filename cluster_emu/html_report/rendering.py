"""A page as HTML: templates in `templates/`, every text escaped, styles and figures inline."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from cluster_emu.html_report.page import Page
from cluster_emu.shown_text import visible
from cluster_emu.study.statistics.verdicts import Verdict

TEMPLATE = "report.html"
STYLE = "report.css"
MARKS = {
    Verdict.LOWER: ("lower", "▼"),
    Verdict.HIGHER: ("higher", "▲"),
    Verdict.NO_PRACTICAL_DIFFERENCE: ("same", "≈"),
    Verdict.UNDECIDED: ("undecided", "?"),
}
"""For each verdict its class in the style, and a sign for those who see no colours."""


@dataclass(frozen=True, slots=True)
class Origin:
    """How a result came to be.

    Args:
        command: the command line, empty if it is not known.
        versions: versions of what results depend on.
        folder: name of the folder.
        files: the files of the folder.
    """

    command: str
    versions: Mapping[str, str]
    folder: str
    files: Sequence[str]


def render(page: Page, pictures: Mapping[str, Mapping[str, str]], origin: Origin) -> str:
    """Return the page as one HTML document.

    Args:
        page: the page.
        pictures: for every figure by name data URIs by style, "light" and "dark".
        origin: how the result came to be.
    """
    environment = Environment(
        loader=PackageLoader("cluster_emu.html_report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_shown,
    )
    environment.filters["slug"] = slug
    style = files("cluster_emu.html_report").joinpath("templates", STYLE).read_text("utf-8")
    return environment.get_template(TEMPLATE).render(
        page=page,
        pictures=pictures,
        origin=origin,
        style=style,
        marks={str(verdict): mark for verdict, mark in MARKS.items()},
    )


def _shown(value: object) -> object:
    """Return a text without the control characters that a name may hold."""
    if type(value) is not str:
        return value
    return "\n".join(map(visible, value.split("\n")))


def slug(title: str) -> str:
    """Return a heading as an identifier."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def data_uri(content: bytes, kind: str) -> str:
    """Return a figure as a URI that holds it."""
    media = {"svg": "image/svg+xml", "png": "image/png"}[kind]
    return f"data:{media};base64,{base64.b64encode(content).decode('ascii')}"
