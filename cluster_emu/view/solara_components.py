"""Components for Mesa's SolaraViz: the cluster, its migrations, and the run so far.

    SolaraViz(ClusterModel("cluster", rng=1), components=[ClusterPicture, MigrationGantt, RunSoFar])

They need the extra `solara` (``pip install 'cluster-emu[solara]'``), and draw with matplotlib what
the figures of `cluster_emu.view` draw. Mesa's page draws again after every step.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

from matplotlib.figure import Figure

from cluster_emu.errors import ClusterEmuError
from cluster_emu.model import ClusterModel
from cluster_emu.view.cluster import draw_cluster
from cluster_emu.view.frame import ClusterFrame
from cluster_emu.view.gantt import draw_gantt
from cluster_emu.view.saving import figure_of
from cluster_emu.view.style import look, new_figure
from cluster_emu.view.timeline import draw_timeline

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Solara warns of the code of Mesa's own components
        solara: Any = import_module("solara")
        update_counter: Any = import_module("mesa.visualization.utils").update_counter
except ImportError as error:
    raise ClusterEmuError(
        "components for SolaraViz need Solara: pip install 'cluster-emu[solara]'"
    ) from error

MOST_LANES = 25


def _component(draw: Callable[[ClusterModel], Any]) -> Any:
    return solara.component(draw)


@_component
def ClusterPicture(model: ClusterModel) -> Any:
    """Show hosts, VMs, links and migrations as they are now."""
    return _shown(model, lambda: figure_of(draw_cluster(ClusterFrame.of(model))))


@_component
def MigrationGantt(model: ClusterModel) -> Any:
    """Show the migrations so far, one lane each."""
    return _shown(model, lambda: gantt_so_far(model))


@_component
def RunSoFar(model: ClusterModel) -> Any:
    """Show hosts on, their utilisation and power, and the migrations under way, over time."""
    return _shown(model, lambda: run_so_far(model))


def _shown(model: ClusterModel, draw: Any) -> Any:
    count = update_counter.get()  # Mesa counts up after every step; reading it subscribes to it
    figure = solara.use_memo(draw, dependencies=[id(model), model.steps, count])
    return solara.FigureMatplotlib(figure, format="png")


def gantt_so_far(model: ClusterModel) -> Figure:
    """Return the picture of the migrations that were requested so far."""
    result = model.result()
    if not len(result.migrations):
        return _nothing("No migration has been requested yet.")
    return figure_of(draw_gantt(result.migrations, result.rounds, max_lanes=MOST_LANES))


def run_so_far(model: ClusterModel) -> Figure:
    """Return the picture of the run until now."""
    result = model.result()
    if not len(result.tables["hosts"]):
        return _nothing("Nothing has been observed yet.")
    return draw_timeline(result.tables["hosts"], result.migrations)


def _nothing(words: str) -> Figure:
    figure = new_figure(1.0)
    figure.text(0.01, 0.5, words, va="center", fontsize=look().label_pt)
    return figure
