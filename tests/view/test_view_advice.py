"""The figure of advice: every way at its place, the Pareto set, the advice and the limit marked."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from matplotlib.axes import Axes

from cluster_emu.study.report.advice import AdviceReport, OptionReport, Recommendation
from cluster_emu.view import draw_advice, figure_of
from cluster_emu.view.advice import BEST_POINTS, FRONT_POINTS, WAY_POINTS
from cluster_emu.view.style import STRATEGY_COLOURS


def way(policy: str, strategy: str, drain_s: float, interrupted_s: float) -> OptionReport:
    return OptionReport(
        policy=policy,
        strategy=strategy,
        parallel=2,
        possible_at_once=2,
        replications=3,
        drain_p95_s=drain_s,
        drain_min_s=drain_s,
        drain_max_s=drain_s,
        worst_downtime_s=interrupted_s,
        worst_interrupted_s=interrupted_s,
        bytes=1e9,
        failures=0,
    )


FAST = way("none", "$x$", 10.0, 0.4)
GENTLE = way("qemu", "pre-copy", 30.0, 0.0)
BEATEN = replace(way("qemu", "$x$", 40.0, 0.5), replications=1)
STUCK = replace(way("none", "pre-copy", 0.0, 0.0), drain_p95_s=None, failures=2)


def report(*options: OptionReport) -> AdviceReport:
    return AdviceReport(
        scenario="rack_$1",
        traces="none",
        hosts=(0,),
        vms_to_move=7,
        max_downtime_s=0.25,
        seed=0,
        replications=3,
        combinations=4,
        tried=4,
        compared=2,
        comparison="2 ways",
        recommendation=Recommendation(**asdict(GENTLE), qualifies=True, reason="", limits=()),
        answer="",
        not_tried=(),
        pareto=(FAST, GENTLE),
        alike=((0,), (1,)),
        options=options,
        warnings=(),
        assumptions=(),
        versions={},
    )


def points(ax: Axes, size: float) -> list[tuple[float, float]]:
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]))
        for line in ax.lines
        if line.get_markersize() == size and line.get_marker() != "None"
    ]


def test_every_way_is_at_its_costs_and_what_nothing_beats_is_marked() -> None:
    figure = figure_of(draw_advice(report(FAST, GENTLE, BEATEN, STUCK)))

    (ax,) = figure.axes
    assert points(ax, WAY_POINTS) == [(10.0, 0.4), (30.0, 0.0), (40.0, 0.5)]
    assert points(ax, FRONT_POINTS) == [(10.0, 0.4), (30.0, 0.0)]
    assert points(ax, BEST_POINTS) == [(30.0, 0.0)]
    (limit,) = (line for line in ax.lines if line.get_linestyle() == "--")
    assert limit.get_ydata() == [0.25, 0.25]
    low, high = ax.get_ylim()
    assert low < 0.0 and high > 0.5
    fast, gentle, beaten = (
        line
        for line in ax.lines
        if line.get_markersize() == WAY_POINTS and line.get_marker() != "None"
    )
    assert (fast.get_color(), gentle.get_color()) == STRATEGY_COLOURS[:2]
    assert beaten.get_color() == fast.get_color()
    assert beaten.get_marker() == gentle.get_marker() != fast.get_marker()
    assert (fast.get_markerfacecolor(), beaten.get_markerfacecolor()) == (fast.get_color(), "none")


def test_title_and_legend_say_what_is_shown() -> None:
    figure = figure_of(draw_advice(report(FAST, GENTLE, BEATEN, STUCK)))

    title = figure.get_suptitle()
    assert title.startswith(r"rack_\$1: 7 VMs to move, 3 ways with up to 3 runs each; 1 that left")
    assert title.endswith(
        "\nTake policy qemu, strategy pre-copy, 2 at once: 30 s, interrupted for at most 0 s"
    )
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names[:4] == [r"\$x\$", "pre-copy", "policy none", "policy qemu"]


def test_advice_of_which_no_way_drained_is_an_empty_figure() -> None:
    nothing = replace(report(STUCK), pareto=())
    nothing = replace(
        nothing,
        recommendation=Recommendation(**asdict(STUCK), qualifies=False, reason="", limits=()),
    )
    ax = draw_advice(nothing)
    assert points(ax, WAY_POINTS) == points(ax, BEST_POINTS) == []


@pytest.mark.parametrize(("longest_s", "scale"), [(150.0, "linear"), (300.0, "log")])
def test_drain_times_far_apart_have_a_logarithmic_axis(longest_s: float, scale: str) -> None:
    slow = way("none", "pre-copy", longest_s, 0.3)
    assert draw_advice(report(FAST, slow)).get_xscale() == scale
