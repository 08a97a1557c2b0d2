"""`cluster-emu experiment` and `cluster-emu paper`: the experiments that come with the package."""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path
from typing import Annotated

import typer

import cluster_emu
from cluster_emu.cli.output import show_table
from cluster_emu.errors import UnknownNameError

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""All options belong to the script, also --help."""


def experiment(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The experiment.")] = None,
) -> None:
    """Run an experiment with its own options (--help shows them); list all without a name."""
    if name is None or name in ("--help", "-h"):
        rows = [(each, _question(path)) for each, path in _scripts().items()]
        show_table("cluster-emu experiment NAME [OPTIONS]", ("name", "asks"), rows, text_columns=2)
    else:
        _run(name, context.args)


def paper(context: typer.Context) -> None:
    """Reproduce the reference paper's figures, with a verdict on each of its claims."""
    _run("paper_figures", context.args)


def _run(name: str, options: list[str]) -> None:
    """Run a script as if it had been typed, with the folder of its common parts on the path."""
    scripts = _scripts()
    if name not in scripts:
        raise UnknownNameError("experiment", name, scripts)
    script = scripts[name]
    sys.argv = [str(script), *options]
    sys.path.insert(0, str(script.parent))
    runpy.run_path(str(script), run_name="__main__")


def _scripts() -> dict[str, Path]:
    """Return the scripts by name; beside the package in a checkout, inside it in a wheel."""
    package = Path(cluster_emu.__file__).parent
    places = (package / "experiments", package.parent / "experiments")
    folder = next(place for place in places if place.is_dir())
    return {path.stem: path for path in sorted(folder.glob("*.py"))}


def _question(script: Path) -> str:
    docstring = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]
