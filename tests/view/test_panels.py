"""Every picture can stand in a figure of the user's: as it is, or panel by panel."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cluster_emu import ClusterEmuError, RunResult, view
from cluster_emu.calibration import fit_curve, read_curve
from cluster_emu.results.rows import rows_of
from cluster_emu.validation import validate_qemu
from cluster_emu.view import figure_of, figure_style
from tests._support.figure_checks import legend_texts, misplaced
from tests.validation.qemu.test_agreement import subset
from tests.view.test_view_advice import FAST, GENTLE
from tests.view.test_view_advice import report as advice_report
from tests.view.test_view_comparison import report as comparison_report
from tests.view.test_view_study import BANDWIDTH, PROFILE, means

ROOT = Path(__file__).parents[2]
PANELS = {
    "draw_anatomy": ["draw_anatomy_panel"],
    "draw_agreement": ["draw_agreement_panel"],
    "draw_comparison": ["draw_comparison_means", "draw_comparison_differences"],
    "draw_drain": ["draw_vms_left", "draw_gantt"],
    "draw_sensitivity": ["draw_sensitivity_panel"],
    "draw_study": ["draw_study_panel"],
    "draw_timeline": ["draw_timeline_panel"],
}
"""Functions that put panels together, and the functions of these panels."""

Draw = Callable[..., Axes]


def shares() -> pd.DataFrame:
    ends = {
        f"{name}_{end}": [np.nan, 0.4] for name in ("first", "total") for end in ("low", "high")
    }
    return pd.DataFrame(
        {"factor": ["strategy", "bandwidth"], "first": [0.2, 0.6], "total": [0.3, 0.7], **ends}
    )


def campaign() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "host": [0, 1, 2],
            "drain_s": [0.0, 60.0, np.nan],
            "reboot_s": [40.0, 90.0, np.nan],
            "back_s": [60.0, np.nan, np.nan],
            "blocked_s": [np.nan, np.nan, 5.0],
            "phase": ["done", "not back", "blocked"],
        }
    )


@pytest.fixture(scope="module")
def draws(live_run: RunResult, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Draw]:
    """Return pictures by name, whose data are given already."""
    moves, hosts, rounds = live_run.migrations, live_run.tables["hosts"], live_run.rounds
    (one,) = rows_of(moves.head(1))
    study = means([1e8, 1e9, 1e10], ["web"])
    measured = subset(tmp_path_factory.mktemp("qemu") / "rows.csv", ("U5-r1", "I1-r1", "L7-r2"))
    agreement = validate_qemu(measured, seeds=1)
    found: dict[str, Draw] = {
        f"timeline {which}": partial(view.draw_timeline_panel, hosts, moves, which)
        for which in ("hosts_on", "utilisation", "power", "migrations")
    }
    report = comparison_report("a", "b")
    return {
        **found,
        "anatomy": partial(view.draw_anatomy_panel, rounds, one),
        "agreement": partial(view.draw_agreement_panel, agreement, "downtime_s"),
        "means": partial(view.draw_comparison_means, report, "downtime_s"),
        "differences": partial(view.draw_comparison_differences, report, "downtime_s"),
        "left": partial(view.draw_vms_left, moves, drain_s=9.0),
        "sensitivity": partial(view.draw_sensitivity_panel, shares()),
        "study": partial(view.draw_study_panel, study, "total_time_s"),
        "advice": partial(view.draw_advice, advice_report(FAST, GENTLE)),
        "campaign": partial(view.draw_maintenance, campaign()),
        "curve": partial(
            view.draw_dirty_curve,
            fit_curve(read_curve(ROOT / "tests/data/qemu_dirty_vector.json")),
        ),
    }


NAMES = (
    "timeline hosts_on",
    "timeline utilisation",
    "timeline power",
    "timeline migrations",
    "anatomy",
    "agreement",
    "means",
    "differences",
    "left",
    "sensitivity",
    "study",
    "advice",
    "campaign",
    "curve",
)


def test_every_function_takes_axes_or_is_made_of_such() -> None:
    names = [name for name in view.__all__ if name.startswith("draw_") and name != "draw_run"]
    for name in names:
        parameters = inspect.signature(getattr(view, name)).parameters
        assert ("figure" if name in PANELS else "ax") in parameters, name
        assert getattr(view, name).__annotations__["return"] in ("Figure", "Axes")
    assert {part for parts in PANELS.values() for part in parts} <= set(names)


@pytest.mark.parametrize("name", NAMES)
def test_it_draws_on_the_axes_it_is_given_and_nowhere_else(
    draws: dict[str, Draw], name: str
) -> None:
    figure = Figure(figsize=(12, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    assert draws[name](ax=right) is right
    assert figure.axes == [left, right]
    assert not left.has_data()
    assert right.has_data()
    assert not figure.legends
    assert not figure.get_suptitle()


@pytest.mark.parametrize("style", ["light", "paper"])
@pytest.mark.parametrize("name", NAMES)
def test_without_axes_it_has_a_figure_of_its_own(
    draws: dict[str, Draw], name: str, style: str
) -> None:
    with figure_style(style):
        ax = draws[name]()
        figure = figure_of(ax)
        assert figure.axes == [ax]
        assert misplaced(figure) == []


def test_panels_show_what_the_whole_figure_shows(live_run: RunResult) -> None:
    hosts, moves = live_run.tables["hosts"], live_run.migrations
    whole = view.draw_timeline(hosts, moves)
    for ax, which in zip(
        whole.axes, ("hosts_on", "utilisation", "power", "migrations"), strict=True
    ):
        alone = view.draw_timeline_panel(hosts, moves, which)
        assert alone.lines[0].get_ydata().tolist() == ax.lines[0].get_ydata().tolist()
        assert alone.get_ylabel() == ax.get_ylabel()
    study = means([1e8, 1e9], ["web"])
    whole = view.draw_study(study, ["downtime_s"])
    alone = view.draw_study_panel(study, "downtime_s")
    assert len(alone.lines) == len(whole.axes[0].lines) > 0
    for one, other in zip(alone.lines, whole.axes[0].lines, strict=True):
        assert one.get_ydata().tolist() == other.get_ydata().tolist()
    assert legend_texts(alone) == legend_texts(whole)


def test_a_run_that_has_just_begun_has_a_time_axis(live_run: RunResult) -> None:
    hosts = live_run.tables["hosts"]
    first = hosts[hosts["time_s"] == 0.0]
    assert len(first)
    figure = view.draw_timeline(first, live_run.migrations.head(0))
    assert figure.axes[-1].get_xlim() == (0.0, 1.0)


def test_an_interval_of_a_migration_is_enlarged(live_run: RunResult) -> None:
    (one,) = rows_of(live_run.migrations.head(1))
    ax = view.draw_anatomy_panel(live_run.rounds, one, begin_s=0.1, end_s=0.2)
    low, high = ax.get_xlim()
    assert high == pytest.approx(2 * low)


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda run: view.draw_timeline_panel(run.tables["hosts"], run.migrations, "x"), "power"),
        (lambda _: view.draw_study_panel(means([1e9], ["web"]), "x"), "downtime_s"),
        (lambda _: view.draw_study_panel(means([1e8, 1e9], ["web", "a"]), "bytes"), "metric"),
        (
            lambda _: view.draw_study_panel(means([1e8, 1e9], ["web", "a"]), "downtime_s"),
            "one value",
        ),
        (lambda _: view.draw_comparison_means(comparison_report("a"), "x"), "downtime_s"),
    ],
)
def test_what_there_is_not_is_refused(
    live_run: RunResult, draw: Callable[[RunResult], Axes], words: str
) -> None:
    with pytest.raises(ClusterEmuError, match=words):
        draw(live_run)


def test_rows_of_one_place_are_a_panel() -> None:
    table = means([1e8, 1e9], ["web", "oltp"])
    ax = view.draw_study_panel(table[table[PROFILE] == "web"], "downtime_s")
    assert ax.get_xlabel() == BANDWIDTH
