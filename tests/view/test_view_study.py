"""The figure of a study: what is drawn along, across and as lines."""

from __future__ import annotations

from itertools import product

import pandas as pd
import pytest

from cluster_emu import ScenarioError
from cluster_emu.view import draw_study

BANDWIDTH, PROFILE = "transfer.bandwidth_bps", "vms.0.profile"
METRICS = {"total_time_s": 30.0, "downtime_s": 0.1}


def means(bandwidths: list[float], profiles: list[str]) -> pd.DataFrame:
    places = product(bandwidths, profiles, ("pre-copy", "ma"), METRICS.items())
    return pd.DataFrame(
        [
            {
                BANDWIDTH: bandwidth,
                PROFILE: profile,
                "strategy": strategy,
                "metric": metric,
                "mean": 1e9 / bandwidth * value,
                "runs": 5,
                "ci95_low": 0.9e9 / bandwidth * value,
                "ci95_high": 1.1e9 / bandwidth * value,
            }
            for bandwidth, profile, strategy, (metric, value) in places
        ]
    )


def test_numbers_are_along_the_panels_and_texts_across() -> None:
    figure = draw_study(means([1e8, 1e9, 1e10], ["web", "oltp"]))

    panels = figure.axes
    assert len(panels) == len(METRICS) * 2
    assert [ax.get_title() for ax in panels[:2]] == [
        f"{PROFILE} = {each}" for each in ("web", "oltp")
    ]
    assert {ax.get_xlabel() for ax in panels[2:]} == {BANDWIDTH}
    assert panels[0].get_xscale() == panels[0].get_yscale() == "log"
    (line, *_), *_ = panels[0].containers
    assert line.get_xdata().tolist() == [1e8, 1e9, 1e10]
    assert line.get_ydata() == pytest.approx([300, 30, 3])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["pre-copy", "ma"]


def test_an_axis_with_no_limit_is_drawn_in_order_and_named() -> None:
    figure = draw_study(means([1e9, float("inf"), 1e8], ["web"]))

    (line, *_), *_ = figure.axes[0].containers
    assert line.get_xdata().tolist() == [0, 1, 2]
    assert line.get_ydata() == pytest.approx([300, 30, 0])
    assert [text.get_text() for text in figure.axes[-1].get_xticklabels()] == [
        "1e8",
        "1e9",
        "unlimited",
    ]


def test_without_axes_strategies_are_side_by_side() -> None:
    figure = draw_study(means([1e9], ["web"]))

    assert len(figure.axes) == len(METRICS)
    labels = [text.get_text() for text in figure.axes[-1].get_xticklabels()]
    assert labels == ["pre-copy", "ma"]
    assert figure.axes[0].get_ylim()[0] == 0


def test_one_replication_has_no_interval() -> None:
    table = means([1e9, 2e9], ["web"]).assign(runs=1, ci95_low=float("nan"), ci95_high=float("nan"))
    figure = draw_study(table)
    figure.canvas.draw()
    assert len(figure.axes[0].containers) == 2


def test_places_that_do_not_fit_are_counted() -> None:
    profiles = [f"profile-{number}" for number in range(8)]
    figure = draw_study(means([1e9, 2e9], profiles))
    assert len(figure.axes) == len(METRICS) * 5
    assert "3 of 8 places are not shown" in figure.get_suptitle()


def test_a_study_without_the_metrics_is_refused() -> None:
    with pytest.raises(ScenarioError, match="a study with one of total_time_s"):
        draw_study(means([1e9], ["web"]).assign(metric="vm_count"))
