from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cluster_emu import UnknownNameError
from cluster_emu.study.report.comparison import ComparisonReport, PairedDifference
from cluster_emu.study.report.figures import MeanFigure
from cluster_emu.view import draw_comparison
from tests._support.figure_checks import all_texts, misplaced

MEANS = {
    "migrations": 56.0,
    "total_time_s": 8.2,
    "downtime_s": 0.0267,
    "pages_sent_precopy": 325_253.0,
    "pages_sent_stop": 2.1,
    "bytes": 1.34e9,
    "queue_wait_s": 3.0,
    "energy_kwh": 1.79,
}


def report(*strategies: str) -> ComparisonReport:
    """Return a comparison in which each strategy is 2 % above the one before."""
    return ComparisonReport(
        scenario="cluster",
        traces="traces of our own (40 files)",
        strategies=strategies,
        replications=10,
        replications_wanted=10,
        seed=0,
        seeds=tuple(range(10)),
        metrics={
            metric: {
                name: MeanFigure(mean * (1 + 0.02 * i), (mean * 0.99, mean * 1.1), 10)
                for i, name in enumerate(strategies)
            }
            for metric, mean in MEANS.items()
        },
        paired=tuple(
            PairedDifference(
                metric=metric,
                a=a,
                b=b,
                mean_difference=0.02 * mean,
                ci95=(0.01 * mean, 0.03 * mean),
                relative_difference=None,
                pairs=10,
                pairs_left_out=0,
                smallest_difference=0.005 * mean,
                verdict="higher",
            )
            for metric, mean in MEANS.items()
            for a, b in combinations(strategies, 2)
        ),
        outcomes={},
        notes={},
        failures=(),
        same_rules=(),
        reasons=(),
        answer="",
        assumptions=(),
        versions={},
    )


def with_pairs(found: ComparisonReport, **changes: Any) -> ComparisonReport:
    """Return the report with other values in every paired difference."""
    return replace(found, paired=tuple(replace(pair, **changes) for pair in found.paired))


def with_mean(found: ComparisonReport, metric: str, figure: MeanFigure) -> ComparisonReport:
    """Return the report with another mean of the first strategy."""
    means = {**found.metrics[metric], found.strategies[0]: figure}
    return replace(found, metrics={**found.metrics, metric: means})


TWO = report("time-series", "history-majority")
FIVE = report("pre-copy", "xen-legacy", "time-series", "history-majority", "post-copy")


def rows(figure: Figure) -> list[tuple[Axes, Axes]]:
    """Return the panels of each metric: means, differences."""
    return list(zip(figure.axes[::2], figure.axes[1::2], strict=True))


def estimates(ax: Axes) -> list[tuple[float, float, float]]:
    """Return low end, mean and high end of every bar."""
    found = []
    for bar in ax.containers:
        assert isinstance(bar, ErrorbarContainer)
        ((low, _), (high, _)) = bar.lines[2][0].get_segments()[0]
        found.append((low, bar.lines[0].get_xdata()[0], high))
    return found


def test_each_metric_has_a_panel_with_its_unit() -> None:
    figure = draw_comparison(TWO)
    assert [left.get_title("left") for left, _ in rows(figure)] == [
        "Migrations",
        "Total time (s)",
        "Downtime (ms)",
        "Pages sent before the stop (thousand)",
        "Pages sent while stopped",
        "Data sent (GB)",
        "Energy of the cluster (kWh)",
    ]
    assert rows(figure)[2][1].get_title("left") == "Difference b − a (ms)"


def test_means_and_intervals_are_drawn_in_the_axis_unit() -> None:
    ((left, right),) = rows(draw_comparison(TWO, ["downtime_s"]))
    assert estimates(left) == [
        pytest.approx((26.433, 26.7, 29.37)),
        pytest.approx((26.433, 27.234, 29.37)),
    ]
    assert estimates(right) == [pytest.approx((0.267, 0.534, 0.801))]
    assert [label.get_text() for label in left.get_yticklabels()] == [
        "time-series",
        "history-majority",
    ]


def test_the_verdict_stands_beside_its_difference() -> None:
    figure = draw_comparison(TWO, ["bytes"])
    assert "higher" in all_texts(figure)
    assert "a is time-series, b is history-majority" in figure.get_suptitle()
    assert "CPU traces: traces of our own (40 files)" in figure.get_suptitle()


def test_a_relative_difference_is_shown_where_there_is_one() -> None:
    for relative, written in ((-0.0123, "−1.23 %"), (1e-9, "< 0.01 %"), (1.83, "+183 %")):
        known = with_pairs(TWO, relative_difference=relative, verdict="lower")
        texts = all_texts(draw_comparison(known, ["bytes"]))
        assert f"lower, {written}" in texts


def test_differences_that_do_not_matter_are_a_band_within_the_axis() -> None:
    small = with_pairs(TWO, mean_difference=1e-9, ci95=(-1e-9, 2e-9), smallest_difference=1.335e-4)
    ((left, right),) = rows(draw_comparison(small, ["downtime_s"]))
    (band,) = [each for each in right.patches if isinstance(each, Rectangle)]
    assert left.patches[:] == []
    low, high = right.get_xlim()
    half = 0.1335  # in the axis's unit, ms
    assert (band.get_x(), band.get_width()) == (pytest.approx(-half), pytest.approx(2 * half))
    assert low < -half
    assert high > half


def test_several_pairs_are_named_line_by_line() -> None:
    ((_, right),) = rows(draw_comparison(FIVE, ["bytes"]))
    names = [label.get_text() for label in right.get_yticklabels()]
    assert len(names) == 10
    assert names[0] == "xen-legacy − pre-copy"


def test_what_could_not_be_measured_is_said_and_not_drawn() -> None:
    empty = with_mean(TWO, "downtime_s", MeanFigure(None, (None, None), 0))
    empty = with_pairs(
        empty,
        mean_difference=None,
        ci95=(None, None),
        verdict="undecided",
        smallest_difference=None,
    )
    ((left, right),) = rows(draw_comparison(empty, ["downtime_s"]))
    assert len(estimates(left)) == 1
    assert estimates(right) == []
    assert "nothing to measure" in all_texts(left)
    assert "undecided" in all_texts(right)


def test_a_mean_without_an_interval_is_a_dot() -> None:
    mean = TWO.metrics["bytes"]["time-series"].mean
    single = with_mean(TWO, "bytes", MeanFigure(mean, (None, None), 1))
    ((left, _),) = rows(draw_comparison(single, ["bytes"]))
    low, mean, high = estimates(left)[0]
    assert low == mean == high == pytest.approx(1.34)


def test_a_comparison_of_one_strategy_has_no_differences() -> None:
    ((left, right),) = rows(draw_comparison(report("pre-copy"), ["bytes"]))
    assert (len(estimates(left)), estimates(right)) == (1, [])


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown metric 'downtime': .* did you mean"):
        draw_comparison(TWO, ["downtime"])


@pytest.mark.parametrize(
    ("compared", "metrics"),
    [
        (TWO, ["total_time_s", "pages_sent_stop"]),
        (FIVE, ["pages_sent_precopy", "bytes"]),
        (report("time-series:threshold=4,history=5,sticky=true", "pre-copy"), ["bytes"]),
    ],
    ids=["two", "five", "long names"],
)
def test_nothing_written_overlaps_or_is_cut_off(
    compared: ComparisonReport, metrics: list[str] | None
) -> None:
    figure = draw_comparison(compared, metrics)
    assert misplaced(figure) == []


def test_it_draws_in_the_figure_it_is_given() -> None:
    figure = Figure(layout="constrained")
    assert draw_comparison(TWO, ["bytes"], figure) is figure
