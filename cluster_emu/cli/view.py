"""`cluster-emu view`: the live page of a scenario, or the replay of a finished run."""

from __future__ import annotations

import socket
import webbrowser
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.group import hold, interruptible
from cluster_emu.cli.inputs import attributed_to_options, chosen_scenario, parse_settings
from cluster_emu.cli.output import write_lines, write_message
from cluster_emu.errors import ScenarioError

if TYPE_CHECKING:
    from cluster_emu.live.source import SourceFactory

MOST_PORT = 65_535


def view(
    scenario: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO|RUN_DIR",
            help="A built-in scenario's name or a TOML file, which runs as you look; or the folder "
            "of a finished run, which is replayed.",
        ),
    ],
    settings: options.Settings = None,
    traces: options.Traces = None,
    cell: Annotated[
        str | None,
        typer.Option("--cell", metavar="KEY", help="Which cell of a study's folder to replay."),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Address to listen on. Any other than this machine's own needs an access token, "
            "which is part of the address that is printed.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, options.whole_option("--port", 0, "Port to listen on; 0 takes a free one.", MOST_PORT)
    ] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
) -> None:
    """Show a cluster live in the browser: play, pause, look into migrations, drain hosts."""
    _require_extra()
    factory = _factory(scenario, settings, traces, cell)
    from cluster_emu.live.security import Access, is_loopback
    from cluster_emu.live.server import listen, serve_page

    access = Access.to(host, socket.gethostname())
    listening = listen(host, port)
    interruptible()
    factory = _kept(factory)
    if not is_loopback(host):
        write_message(
            f"cluster-emu: warning: the page listens on {host}: whoever can reach this machine and "
            "has the address with its access token can use it; it is not encrypted"
        )

    def ready(address: str) -> None:
        write_lines([f"The page is at {address}", "Ctrl-C ends it."])
        if browser:
            webbrowser.open(address)

    serve_page(factory, listening, access, ready)


def _kept(factory: SourceFactory) -> SourceFactory:
    """Return a factory that computes a replayed run once; what it keeps goes with the command."""
    from cluster_emu.live.kept_run import KeptReplay
    from cluster_emu.live.replay_source import ReplayFactory

    if not isinstance(factory, ReplayFactory):
        return factory
    place = TemporaryDirectory(prefix="cluster-emu-view-", ignore_cleanup_errors=True)
    hold(place)
    return KeptReplay(factory, Path(place.name))


def _require_extra() -> None:
    missing = [name for name in ("starlette", "uvicorn", "websockets") if find_spec(name) is None]
    if missing:
        allowed = 'a command whose libraries are installed: pip install "cluster-emu[view]"'
        raise ScenarioError("view", f"{', '.join(missing)} not installed", allowed)


def _factory(
    name: str, settings: list[str] | None, traces: Path | None, cell: str | None
) -> SourceFactory:
    """Return what makes the lanes: a model, or the replay of a folder."""
    from cluster_emu.live.live_source import LiveFactory

    if Path(name).is_dir():
        return _replay(Path(name), settings, traces, cell)
    if cell is not None:
        raise ScenarioError("--cell", cell, "none with a scenario: cells are parts of a study")
    fields = parse_settings(settings)
    with attributed_to_options(name, fields):
        factory = LiveFactory(chosen_scenario(name, fields, traces))
        for lane in factory.lanes({}):  # what is wrong with the scenario is said here, not later
            lane.close()
    return factory


def _replay(
    folder: Path, settings: list[str] | None, traces: Path | None, cell: str | None
) -> SourceFactory:
    """Return the replay of a folder; a finished run has nothing to set."""
    from cluster_emu.live.replay_source import ReplayFactory

    if settings:
        raise ScenarioError("--set", settings[0], "none with the folder of a finished run")
    if traces is not None:
        raise ScenarioError("--traces", str(traces), "none with the folder of a finished run")
    return ReplayFactory.of(folder, cell)
