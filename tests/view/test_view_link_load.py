"""The load of links over time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh

from cluster_emu import RunResult
from cluster_emu.view import draw_link_load, figure_of
from tests._support.figure_checks import misplaced

LINKS = pd.DataFrame(
    [
        (10.0, 3, 0, 6, 0.25),
        (30.0, 3, 0, 6, 0.5),
        (10.0, 4, 6, 1, 0.75),
    ],
    columns=["time_s", "link", "source_node", "target_node", "mean_utilisation"],
)


def load_of(ax: Axes) -> np.ma.MaskedArray:
    (mesh,) = (each for each in ax.collections if isinstance(each, QuadMesh))
    found = np.ma.asarray(mesh.get_array())
    return found.reshape(len(ax.get_yticks()), -1)


def test_a_lane_per_link_the_busiest_first_and_idle_intervals_empty() -> None:
    ax = draw_link_load(LINKS, instants_s=[0.0, 10.0, 20.0, 30.0], node_names={0: "a", 6: "leaf"})

    assert [text.get_text() for text in ax.get_yticklabels()] == ["leaf → 1", "a → leaf"]
    assert load_of(ax).tolist() == [[75, None, None], [25, None, 50]]


def test_of_many_links_the_busiest_are_drawn() -> None:
    ax = draw_link_load(LINKS, max_links=1)

    assert load_of(ax).tolist() == [[75, None]]
    assert ax.get_title(loc="left") == "Load of the 1 busiest of 2 links that carried anything"


@pytest.mark.parametrize(
    ("peak", "top"), [(0.004, 1), (0.012, 2), (0.049, 5), (0.6, 100), (1, 100)]
)
def test_the_scale_is_round_and_not_far_above_the_peak(peak: float, top: float) -> None:
    ax = draw_link_load(LINKS.assign(mean_utilisation=peak))

    (mesh,) = (each for each in ax.collections if isinstance(each, QuadMesh))
    assert mesh.get_clim() == (0, top)


def test_the_mean_load_of_a_run_is_what_its_bytes_say(live_run: RunResult) -> None:
    links = live_run.tables["links"]
    instants = live_run.tables["hosts"]["time_s"].unique().tolist()
    ax = draw_link_load(links, instants_s=instants, max_links=1000)

    busy_s = np.diff([0.0, *instants[1:]] if instants[0] == 0 else [0.0, *instants])
    share_s = float((load_of(ax).filled(0.0) * busy_s).sum()) / 100
    capacity = 1e8 / 8
    own = links[links["source_node"] < 6]["bytes"].sum() / capacity
    assert share_s >= own
    assert not misplaced(figure_of(ax))
