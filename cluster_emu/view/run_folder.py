"""All pictures of a run that was saved to a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cluster_emu.building import cluster_graph
from cluster_emu.errors import UnknownNameError
from cluster_emu.observation.stop_threshold import stop_pages_of
from cluster_emu.results.reading import read_run
from cluster_emu.results.rows import rows_of
from cluster_emu.results.run_result import RunResult
from cluster_emu.scenario import scenario_from
from cluster_emu.view.anatomy import draw_anatomy
from cluster_emu.view.cluster import draw_cluster
from cluster_emu.view.course import draw_remaining, draw_rounds
from cluster_emu.view.gantt import draw_gantt
from cluster_emu.view.link_load import draw_link_load
from cluster_emu.view.replay import busiest_instant_s, frame_at
from cluster_emu.view.saving import figure_of, save_figures
from cluster_emu.view.timeline import draw_timeline


def plot_run(run_dir: Path, out: Path | None = None, *, kind: str = "png") -> list[Path]:
    """Draw all pictures that apply to a saved run, from its files alone.

    Always the run over time, `timeline.png`; if anything migrated also `gantt.png`, `anatomy.png`,
    `rounds.png` and `remaining.png` of the migration that took longest, and `cluster.png` at the
    busiest instant; `links.png` if a link has carried anything.

    Args:
        run_dir: where `RunResult.save` wrote the run.
        out: folder for the pictures; `run_dir` itself by default.
        kind: the format, "png", "svg" or "pdf".

    Returns:
        The files written.

    Raises:
        ClusterEmuError: if the folder holds no complete run, naming the file and what is expected,
            or if the scenario's topology cannot be built any more. No picture is written then.
    """
    result = read_run(run_dir)
    folder = run_dir if out is None else out
    return save_figures(
        {folder / f"{name}.{kind}": draw() for name, draw in _pictures(result).items()}
    )


def draw_run(result: RunResult, picture: str) -> Figure:
    """Draw one picture of a run.

    Args:
        result: the run.
        picture: the name of one of those that `plot_run` draws.

    Raises:
        UnknownNameError: if there is no such picture of this run.
    """
    pictures = _pictures(result)
    if picture not in pictures:
        raise UnknownNameError("picture of this run", picture, pictures)
    return figure_of(pictures[picture]())


def _pictures(result: RunResult) -> dict[str, Callable[[], Figure | Axes]]:
    """Return how to draw each picture that applies, by name."""
    migrations, rounds = result.migrations, result.rounds
    pictures: dict[str, Callable[[], Figure | Axes]] = {
        "timeline": lambda: draw_timeline(result.tables["hosts"], migrations)
    }
    if len(migrations):
        pictures["gantt"] = lambda: draw_gantt(migrations, rounds)
    links = result.tables.get("links")
    if links is not None and len(links):
        pictures["links"] = lambda: draw_link_load(
            links,
            instants_s=result.tables["hosts"]["time_s"].unique().tolist(),
            node_names=_node_names(result),
        )
    if migrations["total_time_s"].notna().any():
        longest = rows_of(migrations.nlargest(1, "total_time_s"))[0]
        pictures["anatomy"] = lambda: draw_anatomy(rounds, longest)
        pictures["rounds"] = lambda: draw_rounds(rounds, longest)
        pictures["remaining"] = lambda: draw_remaining(
            rounds,
            longest,
            stop_pages=stop_pages_of(scenario_from(result.scenario), rounds, longest),
        )
        pictures["cluster"] = lambda: draw_cluster(frame_at(result, busiest_instant_s(migrations)))
    return pictures


def _node_names(result: RunResult) -> dict[int, str]:
    """Return what hosts and switches are called, by node."""
    nodes = cluster_graph(scenario_from(result.scenario)).nodes(data=True)
    return {
        node: str(facts.get("name") or (f"host {node}" if facts["kind"] == "host" else ""))
        or str(facts.get("label", node))
        for node, facts in nodes
    }
