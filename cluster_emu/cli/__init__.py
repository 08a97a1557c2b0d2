"""The command line: `cluster-emu`.

Commands import what they compute with when they run, so that `--help` answers at once.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from importlib.metadata import version
from tempfile import NamedTemporaryFile
from typing import Annotated

import typer

from cluster_emu.cli.advise import advise
from cluster_emu.cli.batch import batch
from cluster_emu.cli.calibrate import calibrate
from cluster_emu.cli.compare import compare
from cluster_emu.cli.evacuate import evacuate
from cluster_emu.cli.experiments import PASS_ON, experiment, paper
from cluster_emu.cli.film import film
from cluster_emu.cli.group import FAILED, INTERNAL_ERROR, Command, Commands
from cluster_emu.cli.import_inventory import import_inventory
from cluster_emu.cli.list_parts import list_parts
from cluster_emu.cli.maintain import maintain
from cluster_emu.cli.output import write_message
from cluster_emu.cli.plot import plot
from cluster_emu.cli.query import query
from cluster_emu.cli.record_dirty import record_dirty
from cluster_emu.cli.report import report
from cluster_emu.cli.run import run
from cluster_emu.cli.scenarios import scenarios
from cluster_emu.cli.schema import schema
from cluster_emu.cli.sensitivity import sensitivity
from cluster_emu.cli.strategies import strategies
from cluster_emu.cli.streams import abandon_stdout, prepare_streams
from cluster_emu.cli.trace import trace
from cluster_emu.cli.validate import validate
from cluster_emu.cli.view import view

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"cluster-emu {version('cluster-emu')}")
        raise typer.Exit


@app.callback()
def cluster_emu(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """What does live migration do to my cluster? A page-level emulator of VM migration."""


COMMANDS: dict[str, Callable[..., None]] = {
    "run": run,
    "compare": compare,
    "evacuate": evacuate,
    "advise": advise,
    "maintain": maintain,
    "batch": batch,
    "query": query,
    "import": import_inventory,
    "list": list_parts,
    "strategies": strategies,
    "scenarios": scenarios,
    "schema": schema,
    "sensitivity": sensitivity,
    "calibrate": calibrate,
    "record-dirty": record_dirty,
    "plot": plot,
    "report": report,
    "film": film,
    "view": view,
}
for name, command in COMMANDS.items():
    app.command(name, cls=Command)(command)
for name, command in {"experiment": experiment, "paper": paper}.items():
    app.command(name, context_settings=PASS_ON)(command)
app.add_typer(trace, name="trace")
app.add_typer(validate, name="validate")


def main() -> None:
    """Run the command that was typed."""
    prepare_streams()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # as after `| head`: who reads has enough
        abandon_stdout()
        raise SystemExit(FAILED) from None
    except OSError as error:  # such as a full disk behind stdout
        abandon_stdout()
        where = "" if error.filename is None else f"{error.filename}: "
        write_message(f"cluster-emu: {where}{error.strerror or error}")
        raise SystemExit(FAILED) from None
    except MemoryError:
        write_message("cluster-emu: not enough memory")
        raise SystemExit(FAILED) from None
    except Exception as error:
        write_message(f"cluster-emu: internal error: {type(error).__name__}: {error}")
        write_message(f"cluster-emu: please report it{_kept_traceback()}")
        raise SystemExit(INTERNAL_ERROR) from None


def _kept_traceback() -> str:
    """Keep the traceback of the error that is handled in a file; return where, in words."""
    try:
        with NamedTemporaryFile(
            "w", prefix="cluster-emu-", suffix=".txt", encoding="utf-8", delete=False
        ) as file:
            file.write(traceback.format_exc())
    except OSError:
        return ""
    return f" with {file.name}"
